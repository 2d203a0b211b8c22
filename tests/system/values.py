"""Shared by the tests of values: archives to measure, rows as numbers, comparison."""
import datetime
import math
import pathlib

from system import DATA, check, mole, rows

CAPTURES = ("2007-09-22T18", "2007-09-23T06")
GENERATED = ("2007-09-24", "2007-09-25")

ARCHIVE = """
archives:
  flows:
    downloader: directory
    params: {{root: {root}}}
    files: "{{router}}_{{sequence}}_{{start:unix}}.dat.bz2"
    covers: 1h
    block: {{length: 12h, origin: 06:00}}
    home: {{networks: [{home}]}}
"""


class Source:
    """An archive: its folder, the home network as a SQL condition on an address, and the range to measure."""

    def __init__(self, root, home, inside, span):
        self.root, self.home, self.inside, self.span = pathlib.Path(root), home, inside, span

    def manifest(self, modules):
        return "pipeline: comparison\n" + ARCHIVE.format(root=self.root, home=self.home) + "modules:\n" + modules

    def files(self):
        return sorted(self.root.glob("*.bz2"))


def captures():
    """Returns the real captures: three files are damaged and one is missing. Most hosts are in private networks."""
    inside = "({0} LIKE '192.168.%' OR {0} LIKE '10.%')"
    return Source(DATA / "archive", "192.168.0.0/16, 10.0.0.0/8", inside, CAPTURES)


def generated(folder, flows_per_hour):
    """Simulates a day of two routers with scans, a crowd and an outage. No datagrams are lost, because nfcapd would report them."""
    root = folder / "generated"
    mole("archive", "simulate", root, "--from", GENERATED[0], "--to", GENERATED[1], "--routers", "19991,19993", "--seed", 20070924,
         "--flows-per-hour", flows_per_hour, "--event", "scan@2007-09-24T10:00/1h", "--event", "portscan@2007-09-24T13:00/30m",
         "--event", "crowd@2007-09-24T15:00/30m", "--event", "outage@2007-09-24T19:00/1h:0.6")
    return Source(root, "10.19.0.0/16", "{0} LIKE '10.19.%'", GENERATED)


def run(folder, source, modules):
    """Measures the source's range, including missing and damaged files."""
    (folder / "comparison.yaml").write_text(source.manifest(modules))
    mole("run", "comparison.yaml", "--from", source.span[0], "--to", source.span[1], "--partial", "--progress=plain", cwd=folder, code=(0, 3))


def seconds(time):
    return int(datetime.datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp())


def number(text):
    """Converts a cell to a number; an empty one to None."""
    return None if text in ("", "NULL", None) else float(text)


def table(module, by, folder):
    """Returns rows by (interval start in s, *group)."""
    return {(seconds(r["interval_start"]), *(r[d] for d in by)): r for r in rows(module, cwd=folder)}


def same(a, b, relative):
    if a is None or b is None:
        return a is b
    return a == b or math.isclose(a, b, rel_tol=relative, abs_tol=relative)


class Comparison:
    """Compares values and counts them; the first difference ends the test."""

    def __init__(self):
        self.values, self.columns = 0, set()

    def equal(self, where, column, ours, truth, relative=0.0):
        check(same(ours, truth, relative), f"{where}: {column} is {ours}, but {truth} according to the other tool")
        self.values += 1
        self.columns.add(column)

    def within(self, where, column, ours, low, high):
        check((ours is None) == (low is None) and (ours is None or low <= ours <= high), f"{where}: {column} is {ours}, not in {low} .. {high}")
        self.values += 1
        self.columns.add(column)
