#!/usr/bin/env python3
"""Checks that a run ends with a cache of 8 % of the files that it reads from tapes, and that the cache never exceeds its limit, seen from outside.
MOLE_TEST_STAGING=full: 3 % of twice as many files."""
import os

from system import TemporaryFolder, check, mole, rows
from tape_server import CacheWatcher, Server, count, hours, names, simulate, write_manifest

# A block reads two files. The cache holds the two largest ones, and about five on average.
HOURS, TAPES, PERCENT = (168, 4, 3) if os.environ.get("MOLE_TEST_STAGING") == "full" else (84, 2, 8)


with TemporaryFolder("small-cache") as folder:
    files = simulate(folder, HOURS, (19991,))
    working_set = sum(path.stat().st_size for path in files.iterdir())
    limit = working_set * PERCENT // 100
    write_manifest(folder / "folder.yaml", "directory", {"root": str(files)}, block="1h")
    mole("run", "folder.yaml", *hours(0, HOURS), "--state", "state-folder", "--progress=none", cwd=folder, code=(0, 3))

    with Server(folder, files, "--tapes", TAPES, "--layout", "sequential") as server:
        write_manifest(folder / "on_tapes.yaml", "samfs", server.params, "drives: 2", block="1h")
        with CacheWatcher(folder / "state-tape" / "node" / "cache") as watcher:
            mole("run", "on_tapes.yaml", *hours(0, HOURS), "--state", "state-tape", "--progress=none", "--cache-limit", limit, cwd=folder, code=(0, 3), timeout=1800)
        log, report = server.log(), server.report()
    check(rows("traffic", "--state", "state-tape", cwd=folder) == rows("traffic", "--state", "state-folder", cwd=folder), "the table differs from that of the folder")
    sizes = [size for _, size in watcher.samples]
    used = [size for size in sizes if size > 0]
    read = count(log, "read")
    print(f"cache {limit} of {working_set} bytes: {len(used)} samples, mean {sum(used) / len(used) / limit:.0%}, largest {max(sizes) / limit:.0%}; "
          f"{report['mounts']} mounts of {report['tapes']} tapes; {sum(read.values())} reads of {len(read)} files")
    check(max(sizes) <= limit, f"the cache held {max(sizes)} bytes, its limit is {limit}")
    check(set(read) == names(range(HOURS), (19991,)), "files were not read")
    check(sum(read.values()) <= 1.6 * len(read), f"{sum(read.values())} reads of {len(read)} files")  # a file of two blocks may be read for each
