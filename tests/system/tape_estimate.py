#!/usr/bin/env python3
"""Compares the time that `mole plan` estimates, after a first part of an archive was staged from tapes that others use, too, with the time that the
rest takes. The library works at a pace, so that its time passes with that of the client. MOLE_TEST_STAGING=full: five libraries of 24 tapes with
different loads, whose median error is at most 20 %."""
import os
import statistics
import time

from system import TemporaryFolder, check, mole, mole_json
from tape_server import Server, hours, simulate, write_manifest

FULL = os.environ.get("MOLE_TEST_STAGING") == "full"
HOURS, FIRST, TAPES, PACE = (240, 60, 24, 100) if FULL else (32, 16, 6, 800)
# Seed, and tapes that others mount in an hour in the first part and in the rest.
LOADS = [(1, 2), (2, 0), (3, 6), (4, 3), (5, 4)] if FULL else [(1, 2)]


def error_of(folder, files, seed, others):
    """Returns by which part of the time of the rest the estimate differs from it."""
    with Server(folder, files, "--tapes", TAPES, "--layout", "sequential", "--drives", 3, "--seed", seed, "--others", others, "--pace", PACE,
                scale=20_000_000 // HOURS) as server:
        manifest = write_manifest(folder / "on_tapes.yaml", "samfs", server.params, "drives: 2")
        options = ("--state", folder / "state", "--progress=none")
        mole("run", manifest, *hours(0, FIRST), *options, code=(0, 3), timeout=1800)
        estimate = mole_json("plan", manifest, *hours(0, HOURS), "--state", folder / "state")["staging"]
        check(estimate["batches"] > 0, f"nothing was learned: {estimate}")
        begin = time.monotonic()
        mole("run", manifest, *hours(0, HOURS), *options, code=(0, 3), timeout=1800)
        took = time.monotonic() - begin
    error = estimate["seconds"] / took - 1 if estimate["seconds"] > took else 1 - took / max(estimate["seconds"], 1e-3)
    print(f"seed {seed}, {others} tapes an hour by others: estimated {estimate['seconds']:.1f} s ({estimate['low_seconds']:.1f} to "
          f"{estimate['high_seconds']:.1f}) from {estimate['batches']} batches, took {took:.1f} s: {error:+.0%}", flush=True)
    return error


with TemporaryFolder("estimate") as folder:
    files = simulate(folder, HOURS)
    errors = []
    for seed, others in LOADS:
        (folder / str(seed)).mkdir()
        errors.append(abs(error_of(folder / str(seed), files, seed, others)))
    median = statistics.median(errors)
    print(f"median error {median:.0%} of {len(errors)}")
    check(median <= (0.2 if FULL else 1), f"the estimate is off by {median:.0%}")
