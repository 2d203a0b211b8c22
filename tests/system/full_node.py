#!/usr/bin/env python3
"""Checks that a node whose disk is full gives way to one with space, counts no failure, says why, and works again when there is space."""
import os
import subprocess
import sys

from system import Daemon, TemporaryFolder, check, mole, mole_json, tree_contents, wait_until

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
FIRST = ("--from", "2007-09-22", "--to", "2007-09-22T12", "--partial")
SECOND = ("--from", "2007-09-22T12", "--to", "2007-09-22T16", "--partial")
MIB = 1 << 20

if os.environ.get("MOLE_OWN_MOUNTS") != "1":  # a mount namespace of its own: the small disk is gone when the test ends
    os.environ["MOLE_OWN_MOUNTS"] = "1"
    options = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--mount"]
    sys.exit(subprocess.run(["unshare", *options, sys.executable, *sys.argv]).returncode)


def fill(folder):
    """Leaves no byte on the disk."""
    with open(folder / "fill", "ab", buffering=0) as file:
        for size in (MIB, 4096):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                pass


with TemporaryFolder("full-node") as folder:
    (folder / "served.yaml").write_text(MANIFEST)
    mole("archive", "simulate", folder / "archive", "--seed", 5, "--from", "2007-09-22", "--to", "2007-09-22T16", "--routers", "1,2",
         "--flows-per-hour", 20000)
    for part in (FIRST, SECOND):
        mole("run", "served.yaml", *part, "--state", folder / "truth", "--threads", 1, cwd=folder, code=(0, 3))
    truth = tree_contents(folder / "truth" / "tables")
    small = folder / "small"
    small.mkdir()
    check(subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m", "none", small]).returncode == 0, "a small disk can be mounted")
    address = f"unix:{folder}/c.sock"
    service = ("--coordinator", address)
    coordinator = Daemon("mole-coordinator", "--state", folder / "state", "--init", "--listen", address, "--heartbeat", "500ms",
                         "--lease", "5s", ready="ready", log=folder / "coordinator.log")

    def node(path):
        return Daemon("mole-node", *service, "--dir", path, "--slots", 1, "--threads", 1, ready="ready", log=folder / f"{path.name}.log")

    def states():
        return {node["name"]: node for node in mole_json("status", *service)["nodes"]}

    def ended(request):
        state = mole_json("request", "show", request, *service)
        return state["state"] in ("COMPLETE", "PARTIAL", "FAILED") and state

    def submit(part):
        return mole_json("request", "submit", "served.yaml", *part, *service, cwd=folder)["id"]

    # The disk is full while the node runs tasks: what it holds goes to the other node.
    full = node(small / "full")
    request = submit(FIRST)
    wait_until(lambda: mole_json("request", "show", request, *service).get("tasks"), "a task to start", 30)
    fill(small)
    wait_until(lambda: any(each["state"] == "full" for each in states().values()), "the node to say that its disk is full", 30)
    wait_until(lambda: "no node takes tasks" in mole_json("request", "show", request, *service)["reason"], "the request to name the cause", 30)
    shown = mole_json("request", "show", request, *service)
    check(not shown.get("failures"), f"nothing is given up: {shown.get('failures')}")
    check("free up space" in shown["reason"], f"the request says what to do: {shown['reason']}")
    check("free up space" in mole("status", *service).stdout, "status says it, too")
    healthy = node(folder / "healthy")
    result = wait_until(lambda: ended(request), "the request to end on the other node", 60)
    check(result["state"] in ("COMPLETE", "PARTIAL") and not result.get("failures"), f"nothing is given up: {result}")

    # Only the full node is left: the request waits, and goes on when there is space.
    check(healthy.stop() == 0, "the healthy node drains")
    request = submit(SECOND)
    wait_until(lambda: "free up space" in mole_json("request", "show", request, *service)["reason"], "the request to name the cause", 30)
    (small / "fill").unlink()
    result = wait_until(lambda: ended(request), "the request to end when there is space", 60)
    check(result["state"] in ("COMPLETE", "PARTIAL") and not result.get("failures"), f"nothing is given up: {result}")
    check({each["state"] for each in states().values() if each["state"] != "silent"} <= {"online", "draining"}, "the node is online again")
    ours = tree_contents(folder / "state" / "tables")
    differing = [each for each, content in truth.items() if ours.get(each) != content]
    check(not differing, f"{len(differing)} of {len(truth)} tables differ: {differing[:5]}")
    check(full.stop() == 0, "the node drains")
    check(coordinator.stop() == 0, "the coordinator stops")
    print(f"a full disk gave way to a healthy node: {len(truth)} equal tables, nothing given up")
