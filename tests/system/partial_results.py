#!/usr/bin/env python3
"""Checks that every command marks the partial results of an archive with a missing and a damaged hour, and names their cause."""
import re

from system import TemporaryFolder, check, mole, mole_json

MANIFEST = """
pipeline: border
archives:
  routers:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    covers: 1h
    block: {length: 4h, origin: 00:00}
modules:
  traffic: {plugin: traffic, input: {archive: routers}, interval: 15m, by: [router]}
  mean:    {plugin: mean, inputs: {values: traffic.bytes}, window: 1h}
"""
RANGE = ("--from", "2007-09-22", "--to", "2007-09-23")


def plot(folder, module, column, *more):
    """Returns the plot of router 1 as SVG."""
    return mole("plot", module, column, "--where", "router=1", *more, cwd=folder).stdout


with TemporaryFolder("partial") as folder:
    (folder / "border.yaml").write_text(MANIFEST)
    mole("archive", "simulate", folder / "archive", "--seed", 3, *RANGE, "--routers", "1,2", "--flows-per-hour", 500,
         "--gap", "1@2007-09-22T09", "--damage", "2@2007-09-22T14:flip")

    # The last block waits for files after the end of the archive: this is said once, with the times and what to do.
    run = mole("run", "border.yaml", *RANGE, cwd=folder, code=75)
    check((run.stdout + run.stderr).count("jobs wait for files") == 1, run.stdout + run.stderr)
    planned = mole("plan", "border.yaml", *RANGE, cwd=folder).stdout
    check(re.search(r'^waits     2 jobs wait for files: the archive "routers" ends at 2007-09-23T00:00:00Z, files up to '
                    r"2007-09-23T0\d:\d\d:00Z are needed; run again when the archive has them, or .*--partial", planned, re.M), planned)
    check("·" in mole("status", "--map", cwd=folder).stdout.splitlines()[0], "the last block waits")

    run = mole("run", "border.yaml", *RANGE, "--partial", cwd=folder, code=3)
    check("mole plot traffic bytes -o bytes.svg" in run.stdout, f"suggests bytes: {run.stdout}")
    # The first request still waits, but its last block has a result now.
    strips = mole("status", "--map", cwd=folder).stdout.splitlines()[:2]
    check(all("▓" in strip and "·" not in strip for strip in strips), f"results stay what they are: {strips}")

    # Plots mark partial rows of modules with and without a window in the same way.
    for module, column in (("traffic", "bytes"), ("mean", "bytes_mean")):
        svg = plot(folder, module, column)
        check('class="partial"' in svg and "part of the input is missing" in svg, f"the plot of {module} marks partial rows")
        check('class="whole"' in svg, f"the plot of {module} draws complete rows as solid lines")
        svg = plot(folder, module, column, "--pale-below", "0")
        check('class="partial"' not in svg, f"--pale-below 0 draws all rows of {module} as solid lines")
    hollow = [len(re.findall('class="hollow"', plot(folder, module, column)))
              for module, column in (("traffic", "bytes"), ("mean", "bytes_mean"))]
    check(hollow[1] > hollow[0] > 0, f"a window of an hour reaches into the gap from more intervals: {hollow}")

    # `why` traces the row of one group, with numbers as in the table of results.
    at = ("why", "traffic", "bytes", "2007-09-22T14:30")
    check(len(mole_json(*at, cwd=folder)["values"]) == 2, "rows of two routers")
    values = mole_json(*at, "--where", "router=2", cwd=folder)["values"]
    check([row["router"] for row in values] == ["2"], f"row of router 2: {values}")
    text = mole(*at, "--where", "router=2", cwd=folder).stdout
    check(f"{values[0]['coverage']:.3f}" in text and not re.search(r"^ *\d+ +0\.\d{4}", text, re.M), text)
    check("router" in mole(*at, "--where", "router=9", cwd=folder, code=4).stderr, "there is no router 9")
