#!/usr/bin/env python3
"""Files that do not have a column that a module reads: their flows count as missing, whatever reads the column, in every grid of blocks and from cached columns."""
import collections
import datetime

import export_writer
import netflow5_writer
from system import BUILD, TemporaryFolder, check, mole, mole_json, rows

HOUR = 1190487600  # 2007-09-22T19:00:00Z
FLOWS = 4  # per minute
TEMPLATE = [(152, 8), (153, 8), (8, 4), (12, 4), (4, 1), (1, 8), (2, 8)]
NAMES = [(179, export_writer.VAR, export_writer.CERT)]
LABEL = [(33, 2, export_writer.CERT)]
UNLABELLED = 1  # hour of router i without application labels
# Router i: the share of its flows that have a name, in each hour; None: a file of NetFlow v5, as all of router n.
CONTENT = [1, 0.5, 0, None, 1, 1]
ONLY_IN = {"names": [1, 1, 0, 0, 1], "labels": [1, 0, 1, 0, 1], "all": [1] * 5, "none": [0] * 5}


def has_name(share, k):
    return k < share * FLOWS


def ipfix(hour, share, labelled=True, quiet=False):
    """An hour of IPFIX: each minute 4 flows that began 1.5 s before; the first of those with a name have it. quiet: there is a template with names that no flow uses."""
    exporter = export_writer.Exporter(seconds=hour)
    fields = TEMPLATE + (LABEL if labelled else [])
    definitions = [(256, fields)] + ([(257, fields + NAMES)] if share or quiet else [])
    out = exporter.message(exporter.templates(*definitions), seconds=hour + 2)
    for minute in range(60):
        seconds = hour + 60 * minute + 2
        sets = []
        for k in range(FLOWS):
            name = b"a.example" if k == 0 else b"b.example"
            body = export_writer.be(seconds * 1000 - 1500, 8) + export_writer.be(seconds * 1000 - 500, 8) + export_writer.be(0x0a000000 + minute, 4) + \
                export_writer.be(0xc0000201, 4) + export_writer.be(6, 1) + export_writer.be(100, 8) + export_writer.be(1, 8) + (export_writer.be(53, 2) if labelled else b"")
            named = has_name(share, k)
            sets.append(export_writer.flowset(257 if named else 256, body + (export_writer.var(name) if named else b"")))
        out += exporter.message(*sets, records=FLOWS, seconds=seconds)
    return out


def netflow5(hour):
    return b"".join(netflow5_writer.Exporter(hour).hour(60, FLOWS))


MANIFEST = """
pipeline: absent
archives:
  mixed:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{start:unix}.dat"
    covers: 1h
    export_delay: {start: {1s: 0, 2s: 1}, end: {0s: 0, 1s: 1}}
    block: {length: %s, origin: 00:00}
modules:
"""
# Module: settings, and the hours of router i and of router n that are covered.
MODULES = {
    "plain": ("plugin: traffic, by: [router]", "all", "all"),
    "chosen": ("plugin: traffic, by: [router], filter: 'dnsName = \"a.example\"'", "names", "none"),
    "others": ("plugin: traffic, by: [router], filter: 'not dnsName = \"a.example\"'", "names", "none"),
    "either": ("plugin: traffic, by: [router], filter: 'proto udp or dnsName = \"a.example\"'", "names", "none"),
    "grouped": ("plugin: traffic, by: [router, dnsName]", "names", "none"),
    "counted": ("plugin: dns_names, by: [router]", "names", "none"),
    "labels": ("plugin: traffic, by: [router, application_label]", "labels", "none"),
    "labelled": ("plugin: traffic, by: [router], filter: application_label 53", "labels", "none"),
    "own_filters": ("plugin: traffic, by: [router], filter: 'router i and dnsName = \"a.example\" or router n and proto tcp'", "names", "all"),
    "one_router": ("plugin: traffic, by: [router], filter: 'router i and dnsName = \"a.example\"'", "names", None),
    "windowed": ("plugin: traffic, by: [router], filter: 'dnsName = \"a.example\"', window: 2h", None, None),
}


def manifest(block, modules=MODULES):
    lines = [f"  {name}: {{{MODULES[name][0]}, input: {{archive: mixed}}, interval: 15m}}\n" for name in modules]
    if "chosen" in modules:
        lines.append("  average: {plugin: mean, inputs: {values: chosen.flows}, window: 5h}\n")
        lines.append("  total: {plugin: traffic, input: {archive: mixed}, interval: 15m, filter: 'dnsName = \"a.example\"'}\n")
    return MANIFEST % block + "".join(lines)


def run(folder, name, text, state, code=3):
    (folder / name).write_text(text)
    return mole("run", name, "--from", f"@{HOUR}", "--to", f"@{HOUR + 5 * 3600}", "--state", state, "--plugins", BUILD / "tests" / "plugins", "--progress=none",
                cwd=folder, code=code)


def results(folder, module, state):
    return rows(module, "--from", f"@{HOUR}", "--to", f"@{HOUR + 5 * 3600}", "--state", state, cwd=folder)


def without_files(found):
    """Windows that reach back before the archive begins expect files of the earlier blocks only if these were computed."""
    return [{name: value for name, value in row.items() if not name.startswith("files_")} for row in found]


def quarters(found):
    """Rows by router and number of the quarter of an hour."""
    out = collections.defaultdict(list)
    for row in found:
        start = csv_time(row["interval_start"])
        out[(row.get("router", ""), (start - HOUR) // 900)].append(row)
    return out


def csv_time(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def check_module(name, found):
    _, of_i, of_n = MODULES[name]
    if of_i is None:
        return
    found = quarters(found)
    for router, covered in (("i", of_i), ("n", of_n)):
        for quarter in range(20):
            group = found.get((router, quarter), [])
            if covered is None:
                check(not group, f"{name}: router {router} does not belong to it, but has {group}")
                continue
            expected = ONLY_IN[covered][quarter // 4]
            # A row of an open dimension exists only where a flow was.
            check(group or name in ("grouped", "labels"), f"{name}: router {router}, quarter {quarter} has no row")
            for row in group:
                check(float(row["coverage"]) == expected, f"{name}: quarter {quarter}: coverage {expected} expected: {row}")
            share = 1 if router == "n" or CONTENT[quarter // 4] is None else CONTENT[quarter // 4]
            flows = {"plain": 60, "chosen": 15, "one_router": 15, "others": 45, "labelled": 60}.get(name)
            if flows is not None and expected == 1 and share > 0:
                check([int(row["flows"]) for row in group] == [flows], f"{name}: quarter {quarter}: {flows} flows expected: {group}")


def check_told(folder, printed, state):
    """The mark in tables, plots, exports, lineage, explanations and notes."""
    notes = [line for line in printed.splitlines() if "do not have a column that is read" in line]
    check(len(notes) == 1 and notes[0].count("dnsName, which") == 1 and notes[0].count("application_label, which") == 1, f"one note: {notes}")
    check("files read by ipfix, netflow5" in notes[0], notes[0])
    table = mole("results", "absent/chosen", "--state", state, cwd=folder).stdout
    check("!: less than 1 % of the flows could be used" in table, table)
    table = mole("results", "absent/plain", "--state", state, cwd=folder).stdout
    check("coverage:" not in table, table)
    figure = mole("plot", "absent/chosen", "flows", "--state", state, cwd=folder).stdout
    check('class="gap"' in figure or 'class="some-gap"' in figure, "the plot shows the gaps")
    for hour, module, marked in ((2, "chosen", True), (3, "chosen", True), (0, "plain", False), (1, "labels", True), (3, "labels", True)):
        text = mole("why", f"absent/{module}", "flows", f"@{HOUR + hour * 3600}", "--where", "router=i", "--state", state, cwd=folder).stdout
        column = "application_label" if module == "labels" else "dnsName"
        check((f", no {column}" in text) == marked and ("count as missing" in text) == marked, f"{module}, hour {hour}:\n{text}")
    why = mole_json("why", "absent/others", "flows", f"@{HOUR + 2 * 3600}", "--where", "router=i", "--state", state, cwd=folder)
    absent = {file["id"]: file.get("columns_absent", []) for file in why["lineage"]["result"]["files"] if "id" in file}
    check(absent[f"i_{HOUR + 2 * 3600}.dat"] == ["dnsName"] and absent[f"n_{HOUR + 2 * 3600}.dat"] == ["dnsName"], absent)


def check_only_netflow5(folder):
    """Modules whose columns all files have are as complete as before."""
    text = MANIFEST.replace("    covers: 1h\n", "    covers: 1h\n    decoder: netflow5\n") % "1h"
    text += "  plain: {plugin: traffic, input: {archive: mixed, where: {router: [n]}}, interval: 15m, by: [router, dst_port], filter: proto tcp}\n"
    done = run(folder, "only.yaml", text.replace("pipeline: absent", "pipeline: only"), "only", code=0)
    check("do not have" not in done.stdout + done.stderr, done.stderr)
    check({(row["coverage"], row["flows"]) for row in results(folder, "only/plain", "only")} == {("1", "60")}, "complete")


def check_quiet(folder):
    """A file whose templates have the element was measured, even if no flow has a value of it."""
    (folder / "quiet").mkdir()
    for hour in (HOUR, HOUR + 3600):
        (folder / "quiet" / f"i_{hour}.dat").write_bytes(ipfix(hour, 0, labelled=False, quiet=True))
    text = (MANIFEST % "1h").replace("./archive", "./quiet").replace("pipeline: absent", "pipeline: PIPELINE") + \
        "".join(f"  {name}: {{{MODULES[name][0]}, input: {{archive: mixed}}, interval: 15m}}\n" for name in ("chosen", "others", "labelled"))
    for pipeline in ("quiet", "cached"):
        (folder / f"{pipeline}.yaml").write_text(text.replace("PIPELINE", pipeline))
        mole("run", f"{pipeline}.yaml", "--from", f"@{HOUR}", "--to", f"@{HOUR + 3600}", "--state", "quiet_state", "--plugins", BUILD / "tests" / "plugins",
             "--progress=none", cwd=folder, code=3)
        for module, expected in (("chosen", ("1", "0")), ("others", ("1", "60")), ("labelled", ("0", "0"))):
            found = {(row["coverage"], row["flows"]) for row in results(folder, f"{pipeline}/{module}", "quiet_state")}
            check(found == {expected}, f"{pipeline}/{module}: {found}")
    why = mole("why", "cached/chosen", "flows", f"@{HOUR}", "--state", "quiet_state", cwd=folder).stdout
    check("read from cached columns" in why, f"the second run reads the cache:\n{why}")


with TemporaryFolder("absent_columns") as folder:
    (folder / "archive").mkdir()
    for number, share in enumerate(CONTENT):
        hour = HOUR + 3600 * number
        (folder / "archive" / f"i_{hour}.dat").write_bytes(netflow5(hour) if share is None else ipfix(hour, share, number != UNLABELLED))
        (folder / "archive" / f"n_{hour}.dat").write_bytes(netflow5(hour))

    done = run(folder, "absent.yaml", manifest("1h"), "state")
    tables = {}
    for name in [*MODULES, "average", "total"]:
        tables[name] = results(folder, f"absent/{name}", "state")
        if name in MODULES:
            check_module(name, tables[name])
    total = [float(row["coverage"]) for row in tables["total"]]
    check(total == [x / 2 for x in ONLY_IN["names"] for _ in range(4)], f"the mean over both routers: {total}")
    averages = quarters(tables["average"])
    last = averages[("i", 19)][0]
    check(float(last["flows_mean"]) == 15, f"a mean over the measured rows only: {last}")
    windows = quarters(tables["windowed"])
    check(float(windows[("i", 11)][0]["coverage"]) == 0.5, f"half of the window: {windows[('i', 11)]}")
    check_told(folder, done.stdout + done.stderr, "state")
    print(f"{len(tables)} modules over files with, partly with and without a column")

    # Other grids, single modules, and columns that an earlier run cached.
    def check_equal(pipeline, state):
        for name, expected in tables.items():
            found = results(folder, f"{pipeline}/{name}", state)
            check(without_files(found) == without_files(expected), f"{pipeline}/{name} in {state}: {[pair for pair in zip(found, expected) if pair[0] != pair[1]][:3]}")

    for block, warm in (("2h", False), ("3h", True)):
        state = f"state_{block}"
        if warm:
            run(folder, "warm.yaml", manifest(block, ["plain", "labels"]), state)
            run(folder, "warm.yaml", manifest(block, ["plain", "labels", "counted"]), state)
        run(folder, "other.yaml", manifest(block), state)
        check_equal("absent", state)
    run(folder, "again.yaml", manifest("6h").replace("pipeline: absent", "pipeline: again"), "state_3h")
    check_equal("again", "state_3h")
    why = mole("why", "again/chosen", "flows", f"@{HOUR}", "--state", "state_3h", cwd=folder).stdout
    check("read from cached columns of 12 files" in why, f"the elements are in the cache:\n{why}")
    print("equal rows for blocks of 1 h, 2 h, 3 h and 6 h, and from cached columns")
    check_only_netflow5(folder)
    check_quiet(folder)
