#!/usr/bin/env python3
"""Checks that tables/**.parquet contain each interval once, also after recomputation and with a different block grid."""
import csv
import io
import shutil
import subprocess

from system import BUILD, TemporaryFolder, check, mole, rows

MANIFEST = """
pipeline: tables
archives:
  simulated:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    covers: 1h
    block: {length: %s, origin: 00:00}
modules:
  traffic:  {plugin: traffic, input: {archive: simulated, where: {router: [1]}}, interval: 15m, by: [router]}
  mean:     {plugin: mean, inputs: {values: traffic.bytes}, window: 2h}
"""
RANGE = ("--from", "2007-09-22", "--to", "2007-09-22T12", "--partial")


def query(sql):
    out = subprocess.run([BUILD / "bin" / "mole-test-query", sql], capture_output=True, text=True, check=True).stdout
    return list(csv.reader(io.StringIO(out)))


def each_interval_once(folder, module, when):
    glob = folder / "mole-state" / "tables" / "tables" / module / "**" / "*.parquet"
    total, distinct, bytes_ = query(f"SELECT count(*), count(DISTINCT (interval_start, router)), count(*) FROM read_parquet('{glob}')")[0]
    check(total == distinct and int(total) > 0, f"{when}: {module} has {total} rows, {distinct} distinct")
    check(int(total) == len(rows(module, cwd=folder)), f"{when}: the glob equals the catalogue")
    return int(total)


with TemporaryFolder("tables") as folder:
    manifest = folder / "tables.yaml"
    manifest.write_text(MANIFEST % "2h")
    mole("archive", "simulate", folder / "archive", "--seed", 2, "--from", "2007-09-22", "--to", "2007-09-22T13", "--routers", "1", "--flows-per-hour", 100)
    late_file = sorted((folder / "archive").glob("*.bz2"))[5]
    shutil.move(late_file, folder / late_file.name)
    mole("run", "tables.yaml", *RANGE, cwd=folder, code=3)
    counts = [each_interval_once(folder, m, "first run") for m in ("traffic", "mean")]
    shutil.move(folder / late_file.name, late_file)
    mole("run", "tables.yaml", *RANGE, cwd=folder, code=(0, 3))
    check(counts == [each_interval_once(folder, m, "after the missing file was added") for m in ("traffic", "mean")], "as many rows as before")
    manifest.write_text(MANIFEST % "4h")
    mole("run", "tables.yaml", *RANGE, cwd=folder, code=(0, 3))
    for module in ("traffic", "mean"):
        each_interval_once(folder, module, "after a change of the block grid")
    # A lost link is restored.
    lost = next((folder / "mole-state" / "tables" / "tables" / "traffic").rglob("*.parquet"))
    lost.unlink()
    mole("run", "tables.yaml", *RANGE, cwd=folder, code=(0, 3))
    each_interval_once(folder, "traffic", "after a link was lost")
print("each interval once")
