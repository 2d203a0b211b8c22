#!/usr/bin/env python3
"""Runs the example of the basic metrics. Checks that it gives more than 728 documented values per 15 minutes, that each file is decoded
only once, and that the tables have the same bytes in embedded mode and on two nodes, for any number of threads."""
import collections
import ctypes
import json
import os
import shutil
import struct

from system import BUILD, ROOT, Daemon, TemporaryFolder, check, mole, mole_json, query, tree_contents, wait_until

WANTED = 728
STANDARD = {"interval_start", "interval_end", "coverage", "flows_lost", "flows_late", "files_expected", "files_present"}
SPAN = ("--from", "2007-09-24T04", "--to", "2007-09-24T08", "--partial")  # two blocks of the example: before and after 06:00
IN_OPEN = 0x20


class OpenedFiles:
    """Counts how often each file of a folder is opened (inotify)."""

    def __init__(self, folder):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.fd = self.libc.inotify_init1(os.O_NONBLOCK)
        check(self.fd >= 0 and self.libc.inotify_add_watch(self.fd, os.fsencode(folder), IN_OPEN) >= 0, "inotify is not available")

    def count(self):
        opened = collections.Counter()
        while True:
            try:
                events = os.read(self.fd, 1 << 16)
            except BlockingIOError:
                os.close(self.fd)
                return opened
            while events:
                _, _, _, length = struct.unpack_from("iIII", events)
                opened[events[16:16 + length].rstrip(b"\0").decode()] += 1
                events = events[16 + length:]


def descriptors():
    """Returns the output columns of each plugin with their documentation, by plugin name."""
    found = {}
    for path in (BUILD / "lib" / "mole" / "plugins").glob("*.plugin.json"):
        for plugin in json.loads(path.read_text())["plugins"]:
            found[plugin["name"]] = {c["name"]: c.get("doc", "") for c in plugin.get("output", [])}
    return found


def manifest_modules(folder):
    """Returns the plugin of each module of the example."""
    done = mole_json("manifest", "graph", "basic_metrics.yaml", cwd=folder)
    return {m["module"].split("/")[-1]: m["plugin"].split(" ")[0] for m in done["modules"]}


def values_are_documented(folder, tables, modules):
    """Checks that all columns are documented and counts their values per interval, with DuckDB on the table files."""
    known = descriptors()
    documented = collections.Counter()
    for module, plugin in modules.items():
        glob = f"{tables}/{module}/**/*.parquet"
        columns = [c for (c,) in query(f"SELECT column_name FROM (DESCRIBE SELECT * FROM read_parquet('{glob}', hive_partitioning = false))")]
        own = [c for c in columns if c in known[plugin]]
        check(own and set(columns) - set(own) - STANDARD <= {"direction", "protocol_class", "router"}, f"{module} has undeclared columns: {columns}")
        undocumented = [c for c in own if len(known[plugin][c]) < 5]
        check(not undocumented, f"{module}: {undocumented} are not documented")
        cells = " + ".join(f'count("{c}")' for c in own)  # nulls do not count
        for start, count in query(f"SELECT epoch(interval_start), {cells} FROM read_parquet('{glob}', hive_partitioning = false) GROUP BY 1"):
            documented[int(float(start))] += int(count)
    # The archive contains 04:00 to 08:00.
    inside = {at: n for at, n in documented.items() if 1190606400 <= at < 1190620800}
    check(len(inside) == 16, f"16 intervals, not {len(inside)}")
    check(min(inside.values()) >= WANTED, f"{min(inside.values())} values in an interval, wanted {WANTED}")
    distinct = sum(len(known[p]) for p in modules.values())
    check(distinct >= 300, f"{distinct} columns")
    print(f"{len(modules)} modules, {distinct} columns: {min(inside.values())} to {max(inside.values())} values in each of {len(inside)} intervals of 15 minutes")


def one_decode(folder, files, opened):
    """Checks that every file was staged once, and that one task computed all modules of a block."""
    check(set(opened) == set(files), f"opened or expected, but not both: {set(opened) ^ set(files)}")
    check(set(opened.values()) == {1}, f"files were opened more than once: {opened}")
    tasks = collections.defaultdict(set)
    for row in mole_json("state", "dump", "lineage", cwd=folder):
        made = row["result"]
        tasks[made["task"]].add(made["worker"]["module"])
        home = made["worker"]["archive"].get("home")
        check((home is not None) == ("direction" in made["worker"]["by"]), f"lineage defines the direction if rows have one: {home}")
    check(len(tasks) <= 3 and all(len(m) >= 12 for m in tasks.values()), f"one task per block, with all modules: { {t: len(m) for t, m in tasks.items()} }")
    print(f"{len(files)} files staged once, {len(tasks)} tasks of {len(next(iter(tasks.values())))} modules")


def plots(folder):
    """Checks that plots draw only totals by default, and need --where for modules with rows per port or rank."""
    total = mole("plot", "traffic", "bytes", cwd=folder)
    check(total.stdout.count('class="series"') == 1 and "direction all, protocol_class all" in total.stdout, "one line, the total")
    check("only the total" in total.stderr and "--where direction=in,direction=internal" in total.stderr, f"a note names the other groups: {total.stderr}")
    parts = mole("plot", "traffic", "bytes", "--where", "direction=in,direction=out", cwd=folder)
    check(parts.stdout.count('class="series"') == 2 and "only the total of protocol_class" in parts.stderr, f"two lines: {parts.stderr}")
    for module in ("top_addresses", "top_as", "port_counts"):
        refused = mole("plot", module, "flows", cwd=folder, code=4).stderr
        check("several rows per interval and group" in refused and "choose with --where" in refused, f"{module}: {refused}")
        choice = refused.split("--where ")[-1].split(", or ")[0]
        chosen = mole("plot", module, "flows", "--where", choice, cwd=folder).stdout
        check(1 <= chosen.count('class="series"') <= 4, f"{module}: one line per direction where {choice}")


def on_two_nodes(folder):
    address = f"unix:{folder}/c.sock"
    with Daemon("mole-coordinator", "--state", folder / "served", "--listen", address, "--listen", "tcp:127.0.0.1:0", "--init", ready="ready",
                log=folder / "coordinator.log"):
        nodes = [Daemon("mole-node", "--coordinator", address, "--dir", folder / f"node{threads}", "--slots", 1, "--threads", threads, "--listen",
                        "tcp:127.0.0.1:0", "--secret", folder / "served" / "secret", log=folder / f"node{threads}.log") for threads in (1, 40)]
        try:
            service = ("--coordinator", address)
            request = mole_json("request", "submit", "basic_metrics.yaml", *SPAN, *service, cwd=folder)["id"]
            ended = wait_until(lambda: (r := mole_json("request", "show", request, *service, cwd=folder))["state"] in ("COMPLETE", "PARTIAL", "FAILED") and r,
                               "the request to end", 300)
            check(ended["state"] in ("COMPLETE", "PARTIAL"), f"ended {ended['state']}")
        finally:
            for node in nodes:
                node.kill()
    return tree_contents(folder / "served" / "tables")


def main():
    with TemporaryFolder("full-set") as folder:
        shutil.copy(ROOT / "examples" / "basic_metrics.yaml", folder)
        mole("archive", "simulate", folder / "archive", "--seed", 7, *SPAN[:4], "--routers", "19991,19993", "--flows-per-hour", 3000)
        files = [f.name for f in (folder / "archive").glob("*.bz2")]
        modules = manifest_modules(folder)
        mole("archive", "index", "basic_metrics.yaml", cwd=folder)
        watch = OpenedFiles(folder / "archive")
        mole("run", "basic_metrics.yaml", *SPAN, "--threads", 2, "--progress=plain", cwd=folder, code=(0, 3))
        opened = watch.count()
        plots(folder)
        opened = collections.Counter({name: n for name, n in opened.items() if name.endswith(".bz2")})
        one_decode(folder, files, opened)
        tables = folder / "mole-state" / "tables" / "basic-metrics"
        values_are_documented(folder, tables, modules)
        truth, ours = tree_contents(folder / "mole-state" / "tables"), on_two_nodes(folder)
        check(set(ours) == set(truth) and truth, f"files that only one run has: {set(ours) ^ set(truth)}")
        differing = [name for name in truth if ours[name] != truth[name]]
        check(not differing, f"bytes differ: {differing}")
        print(f"{len(truth)} table files have the same bytes on two nodes with one thread and with forty")


if __name__ == "__main__":
    main()
