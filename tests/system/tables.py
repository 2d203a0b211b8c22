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


def folders_say_what_they_hold(folder):
    """A partition named date would have to hold that date; blocks from 18:00 continue on the next day."""
    glob = folder / "mole-state" / "tables" / "tables" / "traffic" / "**" / "*.parquet"
    check(not list(folder.rglob("date=*")), "no folder is named date")
    wrong = query(f"SELECT count(*) FROM read_parquet('{glob}', hive_partitioning = true) WHERE interval_start::DATE NOT IN (block_date, block_date + 1)")
    check(wrong[0][0] == "0", f"rows are at most a day after their block's date: {wrong}")
    by_time, by_both = query(f"SELECT (SELECT count(*) FROM read_parquet('{glob}') WHERE interval_start::DATE = '2007-09-23'), (SELECT count(*) FROM "
                             f"read_parquet('{glob}', hive_partitioning = true) WHERE interval_start::DATE = '2007-09-23' AND block_date = '2007-09-22')")[0]
    check(by_time == by_both == "24", f"rows after midnight lie in the block of the day before: {by_time}, {by_both}")


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

with TemporaryFolder("midnight") as folder:
    (folder / "tables.yaml").write_text((MANIFEST % "12h").replace("origin: 00:00", "origin: 18:00"))
    mole("archive", "simulate", folder / "archive", "--seed", 2, "--from", "2007-09-22T18", "--to", "2007-09-23T07", "--routers", "1", "--flows-per-hour", 50)
    mole("run", "tables.yaml", "--from", "2007-09-22T18", "--to", "2007-09-23T06", "--partial", cwd=folder, code=(0, 3))
    folders_say_what_they_hold(folder)

# A module that reads one row of several.
with TemporaryFolder("ranks") as folder:
    text = MANIFEST % "2h"
    first, last = text[:text.index("  mean:")], "  mean:     {plugin: mean, inputs: {values: %s}}\n"
    top = "  ports:    {plugin: port_counts, input: {archive: simulated}, interval: 15m}\n"
    mole("archive", "simulate", folder / "archive", "--seed", 2, "--from", "2007-09-22", "--to", "2007-09-22T05", "--routers", "1", "--flows-per-hour", 500)
    run = ("run", "tables.yaml", "--from", "2007-09-22", "--to", "2007-09-22T04", "--partial")
    (folder / "tables.yaml").write_text(first + top + last % "ports.flows")
    refused = mole(*run, cwd=folder, code=5)
    check("several rows per interval and group" in refused.stderr and "where: {" in refused.stderr, refused.stderr)
    (folder / "tables.yaml").write_text(first + top + last % "{column: ports.flows, where: {side: dst}}")
    mole(*run, cwd=folder, code=1)
    (folder / "tables.yaml").write_text(first + top + last % "{column: ports.flows, where: {side: dst, rank: 1}}")
    mole(*run, cwd=folder, code=(0, 3))
    tops = {row["interval_start"]: float(row["flows"]) for row in rows("ports", cwd=folder) if (row["side"], row["rank"]) == ("dst", "1")}
    means = {row["interval_start"]: float(row["flows_mean"]) for row in rows("mean", cwd=folder) if row["flows_mean"]}
    check(len(means) == 16 and means == tops, f"the mean of one row is its value: {tops} {means}")
print("each interval once")
