#!/usr/bin/env python3
"""Checks that every command marks the partial results of an archive with a missing and a damaged hour, and names their cause."""
import re

from system import TemporaryFolder, check, mole

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
    mole("run", "border.yaml", *RANGE, "--partial", cwd=folder, code=3)

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
