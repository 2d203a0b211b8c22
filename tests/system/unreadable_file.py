#!/usr/bin/env python3
"""Checks that a file that an archive lists and does not deliver counts as unreadable after some attempts: the request ends without it,
says so, and a later one reads it."""
import os
import subprocess
import sys

from system import Daemon, TemporaryFolder, check, mole_json, mole, tree_contents, wait_until

MANIFEST = """
pipeline: served
archives:
  simulated:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    covers: 1h
    block: {length: 1h, origin: 00:00}
modules:
  traffic: {plugin: traffic, input: {archive: simulated}, interval: 15m, by: [router]}
"""
RANGE = ("--from", "2007-09-22", "--to", "2007-09-22T06", "--partial")

if os.geteuid() == 0 and os.environ.get("MOLE_LIKE_A_USER") != "1":  # root could read every file
    os.environ["MOLE_LIKE_A_USER"] = "1"
    sys.exit(subprocess.run(["setpriv", "--bounding-set=-dac_override,-dac_read_search", sys.executable, *sys.argv]).returncode)

with TemporaryFolder("unreadable-file") as folder:
    (folder / "served.yaml").write_text(MANIFEST)
    mole("archive", "simulate", folder / "archive", "--seed", 5, "--from", "2007-09-22", "--to", "2007-09-22T06", "--routers", "1,2",
         "--flows-per-hour", 500)
    mole("run", "served.yaml", *RANGE, "--state", folder / "truth", "--threads", 1, cwd=folder, code=(0, 3))
    truth = tree_contents(folder / "truth" / "tables")
    bad = sorted((folder / "archive").glob("1_*.dat.bz2"))[2]
    address = f"unix:{folder}/c.sock"
    service = ("--coordinator", address)
    coordinator = Daemon("mole-coordinator", "--state", folder / "state", "--init", "--listen", address, "--heartbeat", "500ms",
                         ready="ready", log=folder / "coordinator.log")
    # In a namespace of its own a process of root can read every file again.
    nodes = [Daemon("mole-node", *service, "--dir", folder / f"node{i}", "--sandbox", "limits", ready="ready", log=folder / f"node{i}.log")
             for i in (1, 2)]

    def run():
        request = mole_json("request", "submit", "served.yaml", *RANGE, *service, cwd=folder)["id"]

        def ended():
            state = mole_json("request", "show", request, *service)
            return state["state"] in ("COMPLETE", "PARTIAL", "FAILED") and state
        return wait_until(ended, "the request to end", 120)

    bad.chmod(0)
    without = run()
    check(without["state"] == "PARTIAL" and not without.get("failures"), f"the request ends without the file: {without}")
    check([(each["id"], each["state"]) for each in without.get("damaged_files", [])] == [(bad.name, "unreadable")], f"it names the file: {without}")
    bad.chmod(0o600)
    run()
    ours = tree_contents(folder / "state" / "tables")
    differing = [each for each, content in truth.items() if ours.get(each) != content]
    check(not differing, f"{len(differing)} of {len(truth)} tables differ when the file can be read: {differing[:5]}")
    for daemon in (*nodes, coordinator):
        check(daemon.stop() == 0, "all stop")
    print("an unreadable file: the request ended without it, a later one read it")
