#!/usr/bin/env python3
"""Generates docs/metrics.md from the descriptors (tests/plugins/golden) and the basic manifest: checks it, or writes it with --write."""
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/metrics.md"
MEMBERS = {"direction": 4, "protocol_class": 4}
SUMS = """`coverage`, `flows_lost`, `flows_late`, `files_expected` and `files_present` are additional columns of every row ([formats/results.md](formats/results.md))."""
INTRO = """# Metrics

Made by `python3 tests/house/metrics_page.py --write` from the plugins' descriptors; a test compares. The page of each plugin has
definitions and formulas, sources, complexity, memory and storage. """ + SUMS + """

Every metric supports `interval`, `by`, `filter` and `window`, which the runtime implements. *Rows* means several rows per interval and group.
A metric of flows is bound with `input: {archive: NAME}`, a metric of columns with `inputs: {values: MODULE.COLUMN}`. `{values}` in its
column names is replaced by that column's name: `mean` of `traffic.bytes` gives `bytes_mean`.
"""


def plugins():
    """Returns (page, descriptor) of every metric, metrics of flows first."""
    found = []
    for file in sorted((ROOT / "tests/plugins/golden").glob("*.json")):
        document = json.loads(file.read_text())
        for d in document if isinstance(document, list) else [document]:
            if d["kind"] == "metric":
                found.append((page_of(file.stem), d))
    return sorted(found, key=lambda f: (f[1]["inputs"][0]["kind"] != "flows", f[0]))


def page_of(stem):
    """Returns the page of a plugin; a sketch may share the page of its exact counterpart."""
    own = ROOT / f"docs/metrics/{stem}.md"
    return stem if own.is_file() or not stem.endswith("_sketch") else stem.removesuffix("_sketch")


def is_rows(descriptor):
    return any(o["name"] == "rank" for o in descriptor["output"])


def basic_set(by_name):
    """Returns the rows of a table with the number of values per interval in the basic manifest, and their sum."""
    lines, total = [], 0
    manifest = (ROOT / "examples/basic_metrics.yaml").read_text()
    for module, plugin, rest in re.findall(r"^  (\w+): *\{plugin: (\w+),(.*)\}$", manifest, re.M):
        def listed(key):
            found = re.search(key + r": \[([^\]]*)\]", rest)
            return [w.strip() for w in found.group(1).split(",")] if found else []
        groups = 1
        for dimension in listed("by"):
            groups *= MEMBERS[dimension] + (dimension in listed("totals"))
        columns = sum(o["type"] in ("u64", "i64", "f64") for o in by_name[plugin]["output"])
        many = is_rows(by_name[plugin])
        if not many:
            total += groups * columns
        lines.append(f"| `{module}` | {groups} | {columns} | {'rows' if many else groups * columns} |")
    return lines, total


def made():
    found = plugins()
    lines, total = basic_set({d["name"]: d for _, d in found})
    out = [INTRO, f"## The basic set\n\n[examples/basic_metrics.yaml](../examples/basic_metrics.yaml) gives {total} values per interval, and the largest items as rows.\n",
           "| module | groups | numeric columns | values |", "| --- | --- | --- | --- |", *lines, ""]
    heading = ""
    for page, d in found:
        kind = "Of flows" if d["inputs"][0]["kind"] == "flows" else "Of columns"
        if kind != heading:
            heading = kind
            out += [f"## {kind}", ""]
        out += [f"### [{d['name']}](metrics/{page}.md) {d['version']}", "",
                f"{d['summary']}. {d['execution'].capitalize()}{'; rows' if is_rows(d) else ''}.", ""]
        if d["params"]:
            out += ["Parameters: " + "; ".join(f"`{p['name']}` ({json.dumps(p['default'])})" for p in d["params"]) + ".", ""]
        out += ["| column | unit | what |", "| --- | --- | --- |"]
        out += [f"| `{o['name']}` | {o['unit']} | {o['doc']}{', or null' if o['nullable'] and 'null' not in o['doc'] else ''} |".replace("||", "\\|\\|") for o in d["output"]]
        out.append("")
    return "\n".join(out)


text = made()
if "--write" in sys.argv:
    PAGE.write_text(text)
problems = [f"docs/metrics/{page}.md is missing; document {d['name']} there" for page, d in plugins()
            if not (ROOT / f"docs/metrics/{page}.md").is_file()]
if not PAGE.is_file() or PAGE.read_text() != text:
    problems.append("docs/metrics.md differs from the descriptors; run python3 tests/house/metrics_page.py --write")
print("\n".join(problems) or "the page of metrics is up to date")
sys.exit(1 if problems else 0)
