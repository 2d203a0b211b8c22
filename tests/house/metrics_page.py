#!/usr/bin/env python3
"""Generates docs/metrics.md from the descriptors (tests/plugins/golden) and the basic manifest: checks it, or writes it with --write."""
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/metrics.md"
MEMBERS = {"direction": 4, "protocol_class": 4}
SUMS = """`coverage`, `flows_lost`, `flows_late`, `files_expected` and `files_present` stand beside them in every row ([formats/results.md](formats/results.md))."""
INTRO = """# Metrics

Made by `python3 tests/house/metrics_page.py --write` from what the plugins say of themselves; a test compares. The page of a plugin gives
definitions and formulas, source, complexity, memory and storage. """ + SUMS + """

Every metric takes `interval`, `by`, `filter` and `window`: those belong to the runtime. *Rows* means several rows for each interval and group.
A metric of flows is bound with `input: {archive: NAME}`; one of columns with `inputs: {values: MODULE.COLUMN}`, and `{values}` in its
columns is that column's name: `mean` of `traffic.bytes` gives `bytes_mean`.
"""


def plugins():
    """(page, descriptor) of every metric, flows first."""
    found = []
    for file in sorted((ROOT / "tests/plugins/golden").glob("*.json")):
        document = json.loads(file.read_text())
        for d in document if isinstance(document, list) else [document]:
            if d["kind"] == "metric":
                found.append((page_of(file.stem), d))
    return sorted(found, key=lambda f: (f[1]["inputs"][0]["kind"] != "flows", f[0]))


def page_of(stem):
    """A sketch may stand on the page of its exact twin."""
    own = ROOT / f"docs/metrics/{stem}.md"
    return stem if own.is_file() or not stem.endswith("_sketch") else stem.removesuffix("_sketch")


def is_rows(descriptor):
    return any(o["name"] == "rank" for o in descriptor["output"])


def basic_set(by_name):
    """Rows of a table: how many values the basic manifest gives for an interval."""
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
    out = [INTRO, f"## The basic set\n\n[examples/basic_metrics.yaml](../examples/basic_metrics.yaml) gives {total} values for each interval, and the largest as rows.\n",
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
problems = [f"docs/metrics/{page}.md is missing; write what a reader of {d['name']} must know" for page, d in plugins()
            if not (ROOT / f"docs/metrics/{page}.md").is_file()]
if not PAGE.is_file() or PAGE.read_text() != text:
    problems.append("docs/metrics.md is not what the descriptors say; run python3 tests/house/metrics_page.py --write")
print("\n".join(problems) or "the page of metrics is up to date")
sys.exit(1 if problems else 0)
