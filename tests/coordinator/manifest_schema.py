#!/usr/bin/env python3
"""Checks that docs/manifest.schema.json accepts exactly the manifests that the parser accepts.

  manifest_schema.py PROGRAM   # PROGRAM: mole-test-manifests, which prints the parser's verdicts

Valid manifests are the examples, the YAML blocks of the documentation, completed where they show only a part, and one manifest with
every key. Invalid ones are generated from the latter: every value is replaced by values of other types and forms, every key is
removed, and an unknown key is added to every map.
"""
import copy
import json
import math
import pathlib
import re
import subprocess
import sys

try:
    import jsonschema
    import yaml
except ImportError as absent:
    sys.exit(f"{absent}; install python3-jsonschema and python3-yaml")

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs" / "manifest.schema.json").read_text())
PROBES = [None, True, False, 0, 1, -1, 1.5, 2**33, "", "x", "1", "a b", "a.b", "1h", "0s", "4G", "0B", "0h", "P7D", "P0D", "P", "15", "06:00", "26:00", "router",
          "all", "2007-09-22", "2007-09-22T20:00:00Z", "2007", "@1190487600", "{start:unix}", "10.0.0.0/8", "2001:db8::/32", "ribs/{date}", "ribs/",
          "{date}/x", "proto tcp", "proportional", [], {}, ["x"], [1], [None], [[]], [""], ["router", "router"], ["1", 2], ["10.0.0.0/8"],
          {"x": 1}, {"x": "y"}, {"": 1}, {"1h": 1}, {"1h": 2}, {"archive": "a"}, {"column": "a.b"}, {"rank": 1.5}]
EVERY_KEY = """
pipeline: every-key
plugins: [./plugins, /opt/more]
require_sandbox: [namespaces, landlock]
archives:
  border:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    covers: 1h
    block: {length: 12h, origin: 06:00}
    lateness: 0s
    max_late: 0.05
    export_delay: {start: {15s: 0.4, 31m: 1}, end: {0s: 1}}
    home: {border_interfaces: {19991: [17], "zh,1": 4}}
    moved_from: {downloader: directory, params: {root: ./old}}
    zone: Europe/Zurich
    routers: {zh: 19991, "zh,1": zurich}
    duplicates: newest
    damage: strict
    max_content: 64GiB
    minimum_size: 20MB
    drives: {default: 2, "08:00-18:00": 1, "22:00-06:00": 4}
    export_time: flow_end
    decode: libbzip2
    decoder: {plugin: netflow5, params: {}}
    decoder_params: null
    sampling: {19991: 100, default: 1}
    horizon: 2007-09-22T20
  second: {downloader: directory, files: "nf.{end:unix}", covers: PT15M, sampling: 1000, decoder: netflow5, home: {networks: [192.0.2.0/24, "2001:db8::/32"]}}
  tiered: {tiers: [{downloader: directory, params: {root: ./disk}}, {downloader: directory}], files: "nf.{end:unix}", covers: 1h}
  third: {downloader: directory, files: "nf.{end:unix}", covers: 1h30m, home: {as: 64500}, block: {length: P1D, origin: 0}, horizon: "@1190487600"}
modules:
  traffic: {plugin: traffic, params: null, input: {archive: border, scale: sampling, as: routes, where: {router: [19991, zh]}}, interval: 15m, by: [router, direction],
            totals: direction, filter: proto tcp, load: end, keep_states: all}
  top: {plugin: top_ports, inputs: {flows: {archive: border, where: {}}}, interval: 1h, by: dst_port, window: 7d, scale: none}
  mean: {plugin: mean, inputs: {values: {column: top.share, where: {side: src, rank: 1}}, other: traffic.bytes}, warmup: 1h, since: 2007-09-22}
resources:
  routes: {files: "ribs/rib.{date}.txt", valid: 1d, format: prefixes}
"""
# Texts whose scalars have no quotes, so that their types follow from how they are written.
PLAIN = ["2007", "true", "True", "no", "~", "null", "1.5", "1e3", ".inf", ".nan", "0x10", "0o17", "+1", "-1", "1_000", "06:00", "2007-09-22", "1h", "a-b", "007"]


class Loader(yaml.SafeLoader):
    """YAML 1.2, core schema; PyYAML has the types of 1.1, in which 06:00 and `no` are not strings. Keys are strings."""
    yaml_implicit_resolvers = {}

    def construct_mapping(self, node, deep=False):
        pairs = [(key.value, self.construct_object(value, deep=True)) for key, value in node.value]
        if len({key for key, _ in pairs}) < len(pairs):
            raise yaml.YAMLError("duplicate key")
        return dict(pairs)


def integer(loader, node):
    digits = node.value.lstrip("+")
    return int(digits[2:], {"0x": 16, "0o": 8}[digits[:2]]) if digits[:2] in ("0x", "0o") else int(digits)


for tag, pattern, first in (("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]), ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
                            ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
                            ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", list("-+.0123456789"))):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), first)
Loader.add_constructor("tag:yaml.org,2002:int", integer)
Loader.add_constructor("tag:yaml.org,2002:map", lambda loader, node: loader.construct_mapping(node))


def accepted(text):
    try:
        return VALIDATOR.is_valid(yaml.load(text, Loader))
    except yaml.YAMLError:
        return False


def parser_verdicts(texts):
    done = subprocess.run([sys.argv[1]], input="\0".join(texts).encode(), capture_output=True, check=True)
    return done.stdout.decode().splitlines()


def completed(text):
    """Adds the sections that an excerpt leaves out."""
    part = yaml.load(text, Loader)
    if not set(part) <= {"pipeline", "plugins", "archives", "modules", "resources"}:
        part = {"modules": part}
    for archive in part.setdefault("archives", {"border": {}}).values():
        for key, value in {"downloader": "directory", "files": "{start:unix}", "covers": "1h"}.items():
            archive.setdefault(key, value)
    part.setdefault("modules", {"traffic": {"plugin": "traffic", "input": {"archive": "border"}, "interval": "1h"}})
    return json.dumps({"pipeline": "excerpt", **part})


def valid_texts():
    yield "every key", EVERY_KEY
    for path in sorted((ROOT / "examples").rglob("*.yaml")):
        yield str(path), path.read_text()
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]:
        for block in re.findall(r"^```yaml\n(.*?)^```$", page.read_text(), re.M | re.S):
            yield str(page), block if block.startswith("pipeline:") else completed(block)


def variants(root):
    """Yields changed copies of a tree of maps, lists and scalars."""
    def places(node, path=()):
        yield path
        for key in node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
            yield from places(node[key], (*path, key))

    def with_change(path, change):
        tree = copy.deepcopy(root)
        parent = tree
        for key in path[:-1]:
            parent = parent[key]
        change(parent, path[-1])
        return tree

    for path in places(root):
        if not path:
            yield {**root, "version": 2}
            continue
        if len(path) > 4 and path[2] == "export_delay":
            continue  # that shares ascend and end with 1 is beyond a schema
        for probe in PROBES:
            if path[-1] == "zone" and probe and isinstance(probe, str):
                continue  # whether a time zone exists is beyond a schema
            yield with_change(path, lambda parent, key: parent.__setitem__(key, probe))
        yield with_change(path, lambda parent, key: parent.__delitem__(key))
        if isinstance(path[-1], str):
            yield with_change(path, lambda parent, key: parent.__setitem__(key + "s", parent.pop(key)))
            yield with_change(path, lambda parent, key: parent.__setitem__("un known", parent[key]))
        yield with_change(path, lambda parent, key: parent[key].__setitem__("unknown", 1) if isinstance(parent[key], dict) else None)


def plain_variants():
    for key in set(re.findall(r"^ *(\w+): [^{\[|]", EVERY_KEY, re.M)) - {"zone"} | {"plugin", "archive", "as", "interval", "window", "since", "valid", "origin", "rank", "15s"}:
        for value in PLAIN:
            yield re.sub(rf"\b{key}: [^,}}\n]+", f"{key}: {value}", EVERY_KEY, count=1)


def wrong_documents():
    yield EVERY_KEY + "---\npipeline: second\n"
    yield EVERY_KEY + "---\n"
    yield EVERY_KEY + "pipeline: again\n"
    yield EVERY_KEY.replace("covers: 1h\n", "covers: 1h\n    covers: 2h\n")
    yield EVERY_KEY.replace("params: {root: ./archive}", "params: {root: ./archive, root: ./other}")
    yield EVERY_KEY.replace("pipeline: every-key", "pipeline: !name every-key")
    yield EVERY_KEY.replace("covers: 1h\n", "covers: 1h\n    <<: {damage: skip}\n")


jsonschema.Draft202012Validator.check_schema(SCHEMA)
# JSON has no .nan, and 1e3 is an integer to jsonschema, but a float in YAML.
TYPES = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many({
    "integer": lambda checker, value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda checker, value: isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)})
VALIDATOR = jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=TYPES)(SCHEMA)
failures = []
valid = list(valid_texts())
for (name, text), verdict in zip(valid, parser_verdicts([text for _, text in valid]), strict=True):
    if verdict != "ok":
        failures.append(f"{name}: the parser says {verdict}")
    if not accepted(text):
        failures.append(f"{name}: the schema says {next(VALIDATOR.iter_errors(yaml.load(text, Loader))).message[:300]}")
trees = list(variants(yaml.load(EVERY_KEY, Loader)))
texts = [json.dumps(tree) for tree in trees] + list(plain_variants())
by_schema = [VALIDATOR.is_valid(tree) for tree in trees] + [accepted(text) for text in plain_variants()]
refused = 0
for text, verdict, accepts in zip(texts, parser_verdicts(texts), by_schema, strict=True):
    refused += verdict != "ok"
    if verdict != "ok" and not re.match(r"m\.yaml:\d+:\d+: ", verdict):
        failures.append(f"no position: {verdict}")
    if (verdict == "ok") != accepts:
        failures.append(f"parser: {verdict}; schema: {'accepts' if accepts else 'refuses'}: {text[:3000]}")
wrong = list(wrong_documents())
for text, verdict in zip(wrong, parser_verdicts(wrong), strict=True):
    if not re.match(r"m\.yaml:\d+:\d+: ", verdict):
        failures.append(f"accepted, or no position: {verdict}: {text[-200:]}")
print(f"{len(valid)} valid manifests, {len(texts)} variants, {refused} of them refused, {len(wrong)} wrong documents")
for failure in failures[:20]:
    print(f"FAILED: {failure}\n", file=sys.stderr)
sys.exit(1 if failures or len(valid) < 8 or refused < 1000 else 0)
