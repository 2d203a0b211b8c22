#!/usr/bin/env python3
"""Checks what happens while files are staged if a tape fails half way, a drive stops working, and a file is staged at the third attempt only: the rest
proceeds, the coverage tells the loss exactly, and the lost files are named; and that a request waits, and says why, while no drive may be used."""
import json
import shutil

from system import TemporaryFolder, check, mole, rows, wait_until
from tape_server import Server, count, hours, name, names, simulate, write_manifest
from tape_services import Services

HOURS, TAPES = 12, 3
LAYOUT = ("--tapes", TAPES, "--layout", "sequential", "--drives", 2)


def run(folder, manifest, state):
    return mole("run", manifest, *hours(0, HOURS), "--state", state, "--progress=none", cwd=folder, code=3, timeout=900)


def lost_files_are_told(folder, files):
    """The second half of one tape is damaged, staging a file of another tape fails twice, and a drive stops after a few files."""
    with Server(folder / "plain", files, *LAYOUT) as server:
        described = json.loads((server.library / "library.json").read_text())["files"]
    on_tape = sorted((f["copies"][0]["position"], f["path"]) for f in described if f["copies"][0]["tape"] == "MT0002")
    damaged = {path for _, path in on_tape[len(on_tape) // 2:]}
    slow = name(19991, 3)
    check(slow not in damaged, "the file is on a different tape")
    faults = [word for file in sorted(damaged) for word in ("--fault", f"read:{file}")] + ["--fault", f"stage:{slow}:2", "--drive-fails", "2@6m"]

    shutil.copytree(files, folder / "rest")
    for file in damaged:
        (folder / "rest" / file).unlink()
    write_manifest(folder / "folder.yaml", "directory", {"root": str(folder / "rest")})
    run(folder, "folder.yaml", "state-folder")
    expected = rows("traffic", "--state", "state-folder", cwd=folder)

    with Server(folder, files, *LAYOUT, *faults) as server:
        write_manifest(folder / "on_tapes.yaml", "samfs", server.params, "drives: 2")
        done = run(folder, "on_tapes.yaml", "state-tape")
        log = server.log()
    check(any(event["event"] == "broken" for event in log), "no drive stopped")
    read = set(count(log, "read"))
    check(read == names(range(HOURS)) - damaged, f"read {read ^ (names(range(HOURS)) - damaged)}")
    ours = rows("traffic", "--state", "state-tape", cwd=folder)
    differing = [(a, b) for a, b in zip(ours, expected) if a != b]
    check(len(ours) == len(expected) and not differing, f"{len(differing)} rows differ from those of a folder without these files, such as {differing[:2]}")
    gaps = mole("archive", "gaps", "on_tapes.yaml", "--state", "state-tape", cwd=folder, code=(0, 3)).stdout
    shown = mole("request", "show", "r1", "--state", "state-tape", cwd=folder, code=(0, 4)).stdout + done.stderr + done.stdout
    for file in damaged:
        check(file in shown or file in gaps, f"{file} is named nowhere:\n{shown}\n{gaps}")
    print(f"{len(damaged)} of {2 * HOURS} files lost, a drive stopped: the rest was read; coverage as without these files")
    print(done.stderr.strip()[-1500:])


def no_drive_is_a_pause(folder, files):
    with Server(folder, files, *LAYOUT) as server, Services(folder, ()) as services:
        write_manifest(folder / "on_tapes.yaml", "samfs", server.params, 'drives: {default: 2, "00:00-24:00": 0}')
        request = services.submit("on_tapes.yaml", *hours(0, HOURS))
        wait_until(lambda: (media := services.show(request).get("media")) and all("no drive" in wait.get("reason", "") for wait in media),
                   "the request to wait for all tapes, and to say why")
        text = mole("request", "show", request, "--coordinator", services.address).stdout
        check("no drive at this time of day" in text, text)
        check(not count(server.log(), "request"), "a file was requested")
        mole("request", "cancel", request, "--coordinator", services.address)
        write_manifest(folder / "now.yaml", "samfs", server.params, "drives: 2", pipeline="now")
        services.wait(services.submit("now.yaml", *hours(0, 4)), "COMPLETE", "PARTIAL")
        check(count(server.log(), "read"), "nothing was read when drives were allowed again")


with TemporaryFolder("tape-faults") as folder:
    files = simulate(folder, HOURS)
    for test in (lost_files_are_told, no_drive_is_a_pause):
        where = folder / test.__name__[:10]
        where.mkdir()
        test(where, files)
