#!/usr/bin/env python3
"""Recomputes mean and variance in rational arithmetic from exported flows: windows, block boundaries, gaps."""
import csv
import io
import os
from collections import defaultdict
from datetime import datetime
from fractions import Fraction

from system import TemporaryFolder, check, mole, rows

MINUTE = 60_000_000
INTERVAL, HOUR = 15 * MINUTE, 60 * MINUTE
MANIFEST = """
pipeline: recompute
archives:
  simulated:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    covers: 1h
    block: {length: %(block)s, origin: %(origin)s}
modules:
  traffic:  {plugin: traffic, input: {archive: simulated, where: {router: [1, 2]}}, interval: 15m, by: [router]}
  mean:     {plugin: mean, inputs: {values: traffic.bytes}, window: %(window)s}
  variance: {plugin: variance, inputs: {values: traffic.bytes, centre: mean.bytes_mean}, window: %(window)s}
"""


def micros(text):
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()) * 1_000_000


def exported_bytes(folder):
    """Sums the bytes of `mole flows` over every file by (interval, router)."""
    sums = defaultdict(int)
    for path in sorted((folder / "archive").glob("*.bz2")):
        router, _, start = path.name.removesuffix(".dat.bz2").split("_")
        out = mole("flows", path, "--format", "csv", "--columns", "start,bytes", "--time-format", "epoch_ms", code=(0, 3)).stdout
        start = int(start) * 1_000_000
        for row in csv.DictReader(io.StringIO(out)):
            interval = int(row["start"]) * 1000 // INTERVAL * INTERVAL
            if interval < start + HOUR and interval + INTERVAL + HOUR > start:  # neither late nor misdated
                sums[interval, router] += int(row["bytes"])
    return sums


def close(text, truth):
    if truth is None:
        return text == ""
    return text != "" and abs(Fraction(text) - truth) <= abs(truth) * Fraction(1, 10**12)


def verify(folder, window, sums):
    options = dict(cwd=folder)
    traffic = rows("traffic", **options)
    coverage = {(micros(r["interval_start"]), r["router"]): Fraction(r["coverage"]) for r in traffic}
    check(any(c == 0 for c in coverage.values()) and any(0 < c < 1 for c in coverage.values()), "the archive has a gap and damage")
    for r in traffic:
        key = micros(r["interval_start"]), r["router"]
        check(int(r["bytes"]) == sums.get(key, 0), f"traffic {r}, exported flows give {sums.get(key, 0)}")
    means = {(r["interval_start"], r["router"]): r for r in rows("mean", **options)}
    variances = {(r["interval_start"], r["router"]): r for r in rows("variance", **options)}
    check(len(means) == len(variances) == len(traffic), "one row per interval and router in each module")
    for (start, router), row in means.items():
        at = micros(start)
        reach = range(at + INTERVAL - window, at + INTERVAL, INTERVAL)
        values = [Fraction(sums.get((i, router), 0)) for i in reach if coverage.get((i, router), 0) > 0]
        mean = sum(values) / len(values) if values else None
        variance = sum((v - mean) ** 2 for v in values) / len(values) if values else None
        check(int(row["bytes_count"]) == len(values), f"{row}: {len(values)} values in the window")
        check(close(row["bytes_mean"], mean), f"{row}: mean should be {mean and float(mean)}")
        check(close(variances[start, router]["bytes_variance"], variance), f"{variances[start, router]}: variance should be {variance and float(variance)}")
        covered = sum(Fraction(coverage.get((i, router), 0)) for i in reach) / len(reach)
        check(abs(Fraction(row["coverage"]) - covered) < Fraction(1, 10**9), f"{row}: coverage of the window is {float(covered)}")
    return len(means)


def rates(folder):
    """Checks that a rate is the count divided by its time: 15 minutes for a mean of 15-minute values, regardless of its window."""
    for module, column in (("traffic", "bytes"), ("mean", "bytes_mean")):
        counts, rates = rows(module, cwd=folder), rows(module, "--rate", cwd=folder)
        check(len(counts) == len(rates) > 0, "the same number of rows")
        for count, rate in zip(counts, rates):
            check(count["flows_lost"] == rate["flows_lost"] and column not in rate, f"only the count has a different column name: {rate}")
            value = count[column] and Fraction(count[column]) * 8 / 900
            check(rate[column + "_bits_per_second"] == "" if value == "" else close(rate[column + "_bits_per_second"], value), f"{rate}: should be {value}")
    figure = mole("plot", "traffic", "bytes", "mean.bytes_mean", "--rate", "--overlay", "day", "--panels", "all", cwd=folder).stdout
    check("bit/s" in figure, "the overlay is in bit/s")
    refused = mole("plot", "variance", "bytes_variance", "--rate", cwd=folder, code=4).stderr
    check("--rate" in refused and "omit --rate" in refused, refused)


with TemporaryFolder("recompute") as folder:
    mole("archive", "simulate", folder / "archive", "--seed", 11, "--from", "2007-09-22", "--to", "2007-09-23T12", "--routers", "1,2",
         "--flows-per-hour", 300, "--gap", "2@2007-09-22T09", "--gap", "2@2007-09-22T10", "--damage", "1@2007-09-22T15:cut")
    sums = exported_bytes(folder)
    results = []
    for number, (block, origin, window) in enumerate((("6h", "00:00", "5h"), ("4h", "02:00", "5h"), ("12h", "06:00", "15m"))):
        (folder / "recompute.yaml").write_text(MANIFEST % {"block": block, "origin": origin, "window": window})
        state = folder / f"state{number}"
        mole("run", "recompute.yaml", "--state", state, "--from", "2007-09-22", "--to", "2007-09-23T12", "--partial", cwd=folder, code=3)
        os.environ["MOLE_STATE"] = str(state)
        span = int(window.rstrip("hm")) * (60 * MINUTE if window.endswith("h") else MINUTE)
        print(f"blocks of {block} from {origin}, window {window}: {verify(folder, span, sums)} rows agree to 1e-12")
        inside = [r for r in rows("variance", "--from", "2007-09-22T06", "--to", "2007-09-23T06", cwd=folder)]
        rates(folder)
        if window == "5h":
            results.append(inside)
    check(results[0] == results[1], "rows do not depend on the block grid")
