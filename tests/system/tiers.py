#!/usr/bin/env python3
"""An archive on a disk and a slower store gives the same tables as one folder, also while files move between the tiers, and computes nothing again then."""
import shutil

from system import TemporaryFolder, check, mole, mole_json, tree_contents

MANIFEST = """
pipeline: tiered
archives:
  simulated:
    {stores}
    files: "{{router}}_{{sequence}}_{{start:unix}}.dat.bz2"
    covers: 1h
    block: {{length: 6h, origin: 00:00}}
modules:
  traffic: {{plugin: traffic, input: {{archive: simulated}}, interval: 15m, by: [router]}}
  mean:    {{plugin: mean, inputs: {{values: traffic.bytes}}, window: 6h}}
"""
RANGE = ("--from", "2007-09-22", "--to", "2007-09-23", "--partial")

with TemporaryFolder("tiers") as folder:
    mole("archive", "simulate", folder / "whole", "--seed", 5, "--from", "2007-09-22", "--to", "2007-09-23", "--routers", "1,2", "--flows-per-hour", 500,
         "--gap", "1@2007-09-22T13", "--damage", "2@2007-09-22T17:flip")
    disk, tape = folder / "disk", folder / "tape"
    disk.mkdir()
    tape.mkdir()
    files = sorted(folder.glob("whole/*.dat.bz2"), key=lambda path: path.name.split("_")[2])
    for i, path in enumerate(files):  # the last third is on disk only, some are in both
        if i < 32:
            shutil.copy(path, tape / path.name)
        if i >= 28:
            shutil.copy(path, disk / path.name)
    (folder / "one.yaml").write_text(MANIFEST.format(stores="downloader: directory\n    params: {root: ./whole}"))
    tiers = "tiers: [{downloader: directory, params: {root: ./disk}}, {downloader: directory, params: {root: ./tape}}]"
    (folder / "two.yaml").write_text(MANIFEST.format(stores=tiers))

    mole("run", "one.yaml", *RANGE, "--state", folder / "s1", cwd=folder, code=3)
    mole("run", "two.yaml", *RANGE, "--state", folder / "s2", cwd=folder, code=3)
    expected = tree_contents(folder / "s1" / "tables")
    check(tree_contents(folder / "s2" / "tables") == expected, "the tables of the tiers differ from those of one folder")

    # Files move to the slower tier: the time of modification changes, the content does not.
    for path in files[28:40]:
        if (disk / path.name).exists():
            (tape / path.name).unlink(missing_ok=True)
            shutil.copyfile(disk / path.name, tape / path.name)
            (disk / path.name).unlink()
    mole("archive", "index", "two.yaml", "--state", folder / "s2", cwd=folder)
    plan = mole_json("plan", "two.yaml", *RANGE, "--state", folder / "s2", cwd=folder)
    check(plan["jobs"]["new"] == 0, f"files that moved are computed again: {plan['jobs']}, {plan.get('new_jobs')}")

    # A tier that cannot be listed fails the listing; its files do not count as gone.
    tape.rename(folder / "away")
    refused = mole("archive", "index", "two.yaml", "--state", folder / "s2", cwd=folder, code=4)
    check("tape" in refused.stderr, refused.stderr)
    plan = mole_json("plan", "two.yaml", *RANGE, "--state", folder / "s2", cwd=folder)
    check(plan["jobs"]["new"] == 0, f"files of a tier that cannot be listed count as gone: {plan['jobs']}")
