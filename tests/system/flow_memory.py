#!/usr/bin/env python3
"""Checks that the peak memory of reading flows in each format is the same for one file and for a hundred."""
import os
import subprocess
import sys

from system import MOLE, TemporaryFolder, check, mole, mole_json

FILES, START = 100, 1190419200  # 2007-09-22
# Runs mole and prints the largest memory, in KiB, of it and of the processes it started.
PEAK = "import resource, subprocess, sys; code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode; " \
       "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code)"


def peak_kib(*files):
    done = subprocess.run([sys.executable, "-c", PEAK, str(MOLE), "flows", *map(str, files), "--format", "ndjson", "--threads", "1"],
                          capture_output=True, text=True, timeout=300, env=os.environ)
    check(done.returncode == 0, f"mole flows exited with {done.returncode}: {done.stderr[-2000:]}")
    return int(done.stdout)


with TemporaryFolder("flow-memory") as folder:
    for form, compression in (("v5", "bz2"), ("v9", "gz"), ("ipfix", "lz4"), ("pcap", "zstd"), ("nfcapd", "lz4")):
        tree = folder / form
        mole("archive", "simulate", tree, "--seed", 3, "--from", f"@{START}", "--to", f"@{START + FILES * 3600}", "--routers", 1, "--flows-per-hour", 500,
             "--format", form, "--compress", compression)
        files = sorted(path for path in tree.rglob("*") if path.is_file() and path.parent.name != "routes" and path.name != "simulated.json")
        check(len(files) == FILES, f"{form}: {len(files)} files")
        largest = max(files, key=lambda path: path.stat().st_size)
        one = peak_kib(largest)
        many = peak_kib(*files)
        # Batches of rows are of any size up to that of a file, so a little more is possible.
        check(many < 1.15 * one + 4096, f"{form}: {many} KiB for {FILES} files, {one} KiB for one")
        flows = mole_json("flows", *files, "--summary")["total"]["flows"]
        print(f"{form}: {many} KiB for {FILES} files with {flows} flows, {one} KiB for one", flush=True)
