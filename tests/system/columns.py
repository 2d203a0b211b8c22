#!/usr/bin/env python3
"""Checks that a second request reads decoded columns from the node's cache, with the same results, and that `explain` reports this."""
import pathlib

from system import TemporaryFolder, check, mole, mole_json

MANIFEST = """
pipeline: kept
archives:
  simulated:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    covers: 1h
    block: {length: 6h}
modules:
  %s: {plugin: %s, input: {archive: simulated, where: {router: [1, 2]}}, interval: 15m, by: [router]}
"""
RANGE = ("--from", "2007-09-22", "--to", "2007-09-22T12", "--partial")
JOB = "kept/%s@2007-09-22T06:00:00Z"


def tables(state):
    """Returns the bytes of all Parquet files by name."""
    root = pathlib.Path(state) / "tables"
    return {path.relative_to(root): path.read_bytes() for path in sorted(root.rglob("*.parquet"))}


def run_and_explain(folder, state, module, *options):
    (folder / f"{module}.yaml").write_text(MANIFEST % (module, module))
    mole("run", f"{module}.yaml", "--state", folder / state, *RANGE, *options, cwd=folder, code=3)
    explained = mole_json("explain", JOB % module, "--state", folder / state, cwd=folder)
    return explained["flows_from"], mole("explain", JOB % module, "--state", folder / state, cwd=folder).stdout


def worker_lineage(folder, state, module, column):
    why = mole_json("why", module, column, "2007-09-22T08:10", "--state", folder / state, cwd=folder)
    return why["lineage"]["result"]["worker"]


with TemporaryFolder("columns") as folder:
    mole("archive", "simulate", folder / "archive", "--seed", 3, "--from", "2007-09-22", "--to", "2007-09-22T12", "--routers", "1,2",
         "--flows-per-hour", 500, "--gap", "2@2007-09-22T07", "--damage", "1@2007-09-22T08:flip", "--damage", "2@2007-09-22T10:cut")

    first, text = run_and_explain(folder, "with", "traffic")
    # The files at block boundaries were decoded for the previous block.
    check(first["archive"] > first["columns"] == 2, f"the first request decodes: {first}")
    check(f"decoded from {first['archive']} files" in text, f"explain reports decoded files: {text}")
    kept = run_and_explain(folder, "with", "unique_addresses")
    check("archive" not in kept[0] and kept[0]["columns"] == sum(first.values()), f"the second request reads columns: {kept[0]}")
    check("read from cached columns of" in kept[1], f"explain reports cached columns: {kept[1]}")
    for module in ("traffic", "unique_addresses"):
        without, text = run_and_explain(folder, "without", module, "--no-column-cache")
        check("columns" not in without and "decoded from" in text, f"with --no-column-cache no columns are read: {without}, {text}")
    a, b = tables(folder / "with"), tables(folder / "without")
    check(len(a) >= 4 and a == b, f"the tables must be the same to the byte: {[n for n in a if a[n] != b.get(n)]}")
    for module, column in (("traffic", "bytes"), ("unique_addresses", "src_addresses")):
        check(worker_lineage(folder, "with", module, column) == worker_lineage(folder, "without", module, column), f"lineage of {module}")

    # If cached columns are damaged, files are decoded again without an error.
    for path in (folder / "with" / "node" / "cache").glob("*.file"):
        data = bytearray(path.read_bytes())
        if data.startswith(b"mole columns"):
            data[len(data) // 3] ^= 1
            path.write_bytes(data)
    (folder / "more.yaml").write_text(MANIFEST % ("more", "unique_addresses"))
    mole("run", "more.yaml", "--state", folder / "with", *RANGE, cwd=folder, code=3)
    mole("run", "more.yaml", "--state", folder / "without", *RANGE, "--no-column-cache", cwd=folder, code=3)
    check(tables(folder / "with") == tables(folder / "without"), "damaged columns have no effect on results")
    print(f"{len(a)} tables are equal, {kept[0]['columns']} files were read from columns")
