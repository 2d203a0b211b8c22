#!/usr/bin/env python3
"""Checks how files are staged from tapes over SSH: tapes are mounted once, drives are used well, no file is read twice, and the tables have the same
bytes as those from a folder. Prints the ratio to reading one file after the other in the order of time. MOLE_TEST_STAGING=full: 500 files on 12
tapes instead of 120 on 6."""
import os
import subprocess

from system import MOLE, TemporaryFolder, check, mole, tree_contents
from tape_server import Server, check_mounts, check_read_once, hours, mounts, name, names, simulate, write_manifest

HOURS, TAPES = (250, 12) if os.environ.get("MOLE_TEST_STAGING") == "full" else (60, 6)
SCALE = 120_000_000 // HOURS  # so that a tape is read for much longer than it is mounted
LAYOUT = ("--tapes", TAPES, "--layout", "shuffled", "--drives", 2)


def in_order_of_time(library):
    """One file a request, as a program does that opens one file after the other. The clients are sessions without the SSH server."""
    for hour in range(HOURS):
        for router in (19991, 19993):
            done = subprocess.run([str(MOLE), "archive", "tape-library", "session", str(library)], capture_output=True, text=True,
                                  env={**os.environ, "SSH_ORIGINAL_COMMAND": f"stage -w /sam/{name(router, hour)}"})
            check(done.returncode == 0, done.stderr)


with TemporaryFolder("staging") as folder:
    files = simulate(folder, HOURS)
    write_manifest(folder / "folder.yaml", "directory", {"root": str(files)})
    mole("run", "folder.yaml", *hours(0, HOURS), "--state", "state-folder", "--progress=none", cwd=folder, code=(0, 3))

    with Server(folder, files, *LAYOUT, scale=SCALE) as server:
        write_manifest(folder / "on_tapes.yaml", "samfs", server.params, "drives: 2")
        mole("run", "on_tapes.yaml", *hours(0, HOURS), "--state", "state-tape", "--progress=none", cwd=folder, code=(0, 3), timeout=1800)
        log, report = server.log(), server.report()
        check_mounts(log, server.tapes(names(range(HOURS))))
        check_read_once(log, names(range(HOURS)))
    check(report["most_drives"] <= 2, f"{report['most_drives']} drives in use")
    bound = max(report["busiest_tape"], report["work"] / 2)
    print(f"{len(mounts(log))} mounts of {report['tapes']} tapes, at most {report['most_drives']} drives in use; "
          f"{report['time']:.0f} s, {report['time'] / bound:.3f} of the bound of {bound:.0f} s, {report['time'] / report['least']:.3f} of the least time")
    # While a tape is changed, the other drive is some files ahead of their transfers, which counts less if there are more files on a tape.
    most = 1.15 if HOURS == 250 else 1.6
    check(report["time"] <= most * bound, f"{report['time']} s is more than {most} of {bound} s")

    expected = tree_contents(folder / "state-folder" / "tables")
    ours = tree_contents(folder / "state-tape" / "tables")
    check(len(expected) > 0 and ours == expected, f"tables differ: {[f for f in expected if ours.get(f) != expected[f]] or set(ours) ^ set(expected)}")

    naive = Server(folder / "naive", files, *LAYOUT, scale=SCALE)
    in_order_of_time(naive.library)
    other = naive.report()
    print(f"in the order of time, one file a request: {other['mounts']} mounts, {other['time']:.0f} s, {other['time'] / report['time']:.1f} times as long")
    check(other["files"] == 2 * HOURS and other["time"] > 1.3 * report["time"], f"the order of requests makes no difference: {other}")
