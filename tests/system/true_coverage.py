#!/usr/bin/env python3
"""Compares the coverage of rows with the share of the simulated flows that they count, in archives with gaps, damage and loss.

  true_coverage.py [FIRST LAST]   # seeds; 1 21 for the figures in decision 0103
"""
import json
import random
import sys

from system import TemporaryFolder, check, measured_delays, mole, rows

MANIFEST = """
pipeline: coverage
archives:
  simulated:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    covers: 1h
    block: {length: %s, origin: 00:00}
%smodules:
  traffic: {plugin: traffic, input: {archive: simulated}, interval: 15m, by: [router]}
"""
ROUTERS, FIRST_HOUR, HOURS = (7, 8), 3, 18
SEEDS = range(int(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) > 2 else range(1, 9)


def hour(n):
    return f"2007-09-{24 + n // 24:02}T{n % 24:02}"


def seconds(n):
    return 1190592000 + 3600 * n


def simulate(folder, seed, late):
    """Chooses gaps and damage at random; a file has at most one of them. The archive begins and ends within the simulated time, so
    that the truth contains the flows that were exported before and after it."""
    choice = random.Random(seed)
    files = [(router, n) for router in ROUTERS for n in range(FIRST_HOUR, FIRST_HOUR + HOURS)]
    hurt = choice.sample(files, 10)
    options = []
    for router, n in hurt[:5]:
        options += ["--gap", f"{router}@{hour(n)}"]
    for router, n in hurt[5:]:
        options += ["--damage", f"{router}@{hour(n)}:{choice.choice(['truncate', 'flip', 'cut'])}"]
    mole("archive", "simulate", folder / "archive", "--seed", seed, "--from", hour(FIRST_HOUR - 1), "--to", hour(FIRST_HOUR + HOURS + 1),
         "--routers", ",".join(map(str, ROUTERS)), "--flows-per-hour", 12000, "--loss", choice.choice([0, 0, 0.01, 0.05]),
         *late, *options)
    inside = range(seconds(FIRST_HOUR), seconds(FIRST_HOUR + HOURS))
    for file in (folder / "archive").glob("*.dat.bz2"):
        if int(file.name.split("_")[2].split(".")[0]) not in inside:
            file.unlink()


def differences(folder):
    """Yields (coverage - true share, router, start) of each row whose interval has flows."""
    truth = json.loads((folder / "archive" / "simulated.json").read_text())
    measured = {(i["router"], i["from"]): i["measured"]["flows"] for i in truth["intervals"]}
    for row in rows("traffic", cwd=folder):
        flows = measured.get((int(row["router"]), row["interval_start"]), 0)
        if flows:
            yield float(row["coverage"]) - int(row["flows"] or 0) / flows, row["router"], row["interval_start"]


found = []
for seed in SEEDS:
    with TemporaryFolder("coverage") as folder:
        # Every third archive has the default delays of the simulator and of manifests, the others are measured.
        simulate(folder, seed, [] if seed % 3 == 0 else ["--late-share", [0.02, 0.25][seed % 3 - 1]])
        manifest = folder / "coverage.yaml"
        manifest.write_text(MANIFEST % ("6h", ""))
        if seed % 3 > 0:
            manifest.write_text(MANIFEST % ("6h", measured_delays("coverage.yaml", folder)))
        mole("run", "coverage.yaml", "--from", hour(FIRST_HOUR), "--to", hour(FIRST_HOUR + HOURS), "--partial", cwd=folder, code=3)
        here = list(differences(folder))
        check(len(here) > 100, f"seed {seed}: only {len(here)} rows have flows")
        found += [(d, seed, router, start) for d, router, start in here]
worst = sorted(found, key=lambda f: -abs(f[0]))
close = sum(abs(f[0]) <= 0.05 for f in found) / len(found)
print(f"{len(found)} rows: {close:.4f} within 0.05, worst {worst[:5]}")
check(close >= 0.99, "99 % of the rows must be within 0.05 of the true share")
check(abs(worst[0][0]) <= 0.15, "every row must be within 0.15 of the true share")
