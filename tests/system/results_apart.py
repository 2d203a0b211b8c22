#!/usr/bin/env python3
"""Checks that results are never mixed: two archives under one name, what-ifs, and changes that are cancelled."""
import json
import shutil

from system import TemporaryFolder, check, mole, mole_json, query, rows

MANIFEST = """
pipeline: apart
archives:
  simulated:
    downloader: directory
    params: {root: %s}
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    covers: 1h
    block: {length: 6h}
modules:
  traffic:  {plugin: traffic, input: {archive: simulated}, interval: 15m, by: [router]}
  mean:     {plugin: mean, inputs: {values: traffic.bytes}, window: 2h}
"""
RANGE = ("--from", "2007-09-22T02:00", "--to", "2007-09-22T10:00")
OVERRIDE = "modules.traffic.filter=proto tcp"


def tables(folder, where="tables/apart"):
    glob = folder / "mole-state" / where / "*" / "*" / "*.parquet"
    return query(f"SELECT * FROM read_parquet('{glob}', union_by_name = true, hive_partitioning = false) ORDER BY ALL")


def last_run(folder):
    return [request for request in mole_json("request", "list", cwd=folder) if request["kind"] == "run"][-1]


with TemporaryFolder("apart") as folder:
    for name, seed in (("mine", 2), ("theirs", 3)):
        mole("archive", "simulate", folder / name, "--seed", seed, "--from", "2007-09-22", "--to", "2007-09-22T11", "--routers", "1", "--flows-per-hour", 200)
    manifest = folder / "apart.yaml"
    manifest.write_text(MANIFEST % "./mine")

    # The last block, [06:00, 12:00), ends after the archive, but the rows until 10:00 have their files: nothing waits, nothing is missing.
    done = json.loads(mole("run", "apart.yaml", *RANGE, "--json", cwd=folder, code=0).stdout)
    check(done["state"] == "COMPLETE" and done["coverage"] == 1, f"a range that is fully present is complete: {done}")
    plain, shown = rows("traffic", cwd=folder), tables(folder)

    # Another archive under the same names.
    other = folder / "second" / "apart.yaml"
    other.parent.mkdir()
    other.write_text(MANIFEST % "../theirs")
    state = ("--state", folder / "mole-state")
    for command in ("run", "plan"):
        refused = mole(*state, command, other, *RANGE, code=5)
        for place in ("mine", "theirs", "moved_from"):
            check(place in refused.stderr, f"{command} of another archive names {place}: {refused.stderr}")
    check(rows("traffic", cwd=folder) == plain and tables(folder) == shown, "it changes nothing")
    apart = folder / "second" / "renamed.yaml"
    apart.write_text((MANIFEST % "../theirs").replace("pipeline: apart", "pipeline: theirs"))
    mole(*state, "run", apart, *RANGE)
    theirs = rows("theirs/traffic", cwd=folder)
    check(len(theirs) == len(plain) and theirs != plain, "another name has results of its own")
    check(rows("apart/traffic", cwd=folder) == plain, "and the first keeps its own")

    # An archive that has moved.
    shutil.move(folder / "mine", folder / "moved")
    manifest.write_text((MANIFEST % "./moved").replace("covers: 1h", "covers: 1h\n    moved_from: {params: {root: ./mine}}"))
    plan = mole_json("plan", "apart.yaml", *RANGE, cwd=folder)
    check(plan["jobs"]["new"] == 0, f"a move that is declared costs nothing: {plan['jobs']}")
    mole("run", "apart.yaml", *RANGE, cwd=folder)
    check(rows("apart/traffic", cwd=folder) == plain, "and keeps the results")

    # A what-if.
    mole("run", "apart.yaml", *RANGE, "--set", OVERRIDE, cwd=folder)
    request = last_run(folder)["id"]
    check(rows("apart/traffic", cwd=folder) == plain and tables(folder) == shown, "a what-if changes nothing")
    what_if = rows("apart/traffic", "--what-if", "last", cwd=folder)
    check(what_if != plain and what_if == rows("apart/traffic", "--what-if", request, cwd=folder), "it is shown when asked for")
    check(len(tables(folder, f"what_if/{request}/apart")) == len(shown), "it has tables of its own")

    # A request for rows that lack their files waits, and is listed as waiting.
    mole("run", "apart.yaml", "--from", "2007-09-22T02:00", "--to", "2007-09-22T11:00", cwd=folder, code=75)
    waiting = last_run(folder)
    check(waiting["state"] == "WAITING", f"it waits: {waiting}")
    mole("run", "apart.yaml", "--from", "2007-09-22T02:00", "--to", "2007-09-22T11:00", cwd=folder, code=75)
    check(last_run(folder)["state"] == "WAITING", "and still waits")
    mole("run", "apart.yaml", "--from", "2007-09-22T02:00", "--to", "2007-09-22T11:00", "--partial", cwd=folder, code=3)

    # A router that the archive does not have.
    manifest.write_text(manifest.read_text().replace("{archive: simulated}", "{archive: simulated, where: {router: [1, 9]}}"))
    for command in ("plan", "run"):
        told = mole(command, "apart.yaml", *RANGE, cwd=folder, code=(0, 3))
        check("router 9" in told.stdout + told.stderr, f"{command} tells that there is no router 9: {told.stdout}")
    check("listed" in mole("plan", "apart.yaml", *RANGE, cwd=folder).stdout, "plan says when the archive was listed")
    check("listed" in mole("archive", "gaps", "apart.yaml", cwd=folder).stdout, "archive gaps says when it was listed")
print("results are kept apart")
