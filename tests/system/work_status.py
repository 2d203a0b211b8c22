#!/usr/bin/env python3
"""Checks what the commands say about failed, blocked, cancelled and planned work, and what coordinator and node log."""
import re
import signal
import time

from system import Daemon, TemporaryFolder, check, mole, mole_json

MANIFEST = """
pipeline: border
archives:
  simulated:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    covers: 1h
    block: {length: 2h, origin: 00:00}
    damage: strict
modules:
  traffic:  {plugin: traffic, input: {archive: simulated}, interval: 15m, by: [router]}
  mean:     {plugin: mean, inputs: {values: traffic.bytes}, window: 4h}
"""
RANGE = ("--from", "2007-09-22", "--to", "2007-09-22T12")


def damage(folder, hour):
    """Overwrites the middle of a file, which the policy "strict" refuses. Returns its name and bytes."""
    path = next((folder / "archive").glob(f"2_*_{1190419200 + 3600 * hour}.dat.bz2"))
    sound = path.read_bytes()
    middle = len(sound) // 2
    path.write_bytes(sound[:middle] + bytes(b ^ 0x55 for b in sound[middle:middle + 50]) + sound[middle + 50:])
    return path, sound


def strips(folder):
    """Returns the states of the blocks of each module, in order, one letter per block of two hours."""
    letters = {"done": "=", "partial": "=", "failed": "x", "blocked": "!", "running": ">", "ready": "-", "waiting": "."}
    out = {}
    for strip in mole_json("status", cwd=folder)["modules"]:
        text = ""
        for piece in strip["strip"]:
            hours = [int(piece[end][11:13]) + 24 * int(piece[end][8:10]) for end in ("from", "to")]
            text += letters[piece["state"]] * ((hours[1] - hours[0]) // 2)
        out[strip["module"].split("/")[1]] = text
    return out


def lines_with(path, *parts):
    return [line for line in path.read_text().splitlines() if all(part in line for part in parts)]


with TemporaryFolder("work-status") as folder:
    (folder / "border.yaml").write_text(MANIFEST)
    mole("archive", "simulate", folder / "archive", "--seed", 3, "--from", "2007-09-22", "--to", "2007-09-22T14", "--routers", "1,2",
         "--flows-per-hour", 400)
    path, sound = damage(folder, 7)  # read by the blocks of 06:00 and, for late flows, of 04:00
    run = mole("run", "border.yaml", *RANGE, cwd=folder, code=1)
    check("next      mole explain border/traffic@2007-09-22T04:00:00Z" in run.stdout or
          "next      mole explain border/traffic@2007-09-22T06:00:00Z" in run.stdout, run.stdout)

    # Status shows failed and blocked blocks after the run.
    shown = strips(folder)
    check("x" in shown["traffic"] and len(shown["traffic"]) == 6 and set(shown["traffic"]) <= set("=x"), f"strip of traffic: {shown}")
    failed = shown["traffic"].index("x")
    check(shown["mean"][failed] == "!" and len(shown["mean"]) == 6, f"mean is blocked where traffic failed: {shown}")
    text = mole("status", "--map", cwd=folder).stdout
    check(re.search(r"border/traffic .*x", text) and re.search(r"border/mean .*!", text), text)

    # Explain names the failure, and for a blocked job its blocker and the command.
    block = f"2007-09-22T{2 * failed:02d}:00:00Z"
    text = mole("explain", f"border/traffic@{block}", cwd=folder).stdout
    for part in ("state         failed", "corrupt", path.name, "plugin traffic", f"block {block}", "remedy"):
        check(part in text, f"explain of the failed job contains {part!r}:\n{text}")
    explained = mole_json("explain", f"border/mean@{block}", cwd=folder)
    check(explained["state"] == "blocked" and explained["failures"][0]["job"] == f"border/traffic@{block}", str(explained))
    check(path.name in explained["reason"] and explained["command"].startswith("mole run border.yaml --module mean --from "), str(explained))

    # The logs name request, module, block and outcome of each task.
    log, node_log = folder / "mole-state" / "coordinator.log", folder / "mole-state" / "node.log"
    request = mole_json("request", "list", cwd=folder)[-1]["id"]
    for parts in ((f"for {request}, border/traffic@2007-09-22T00:00:00Z", "leased to node"),
                  (f"for {request}, border/traffic@2007-09-22T00:00:00Z", "report of node", "accepted", "done"),
                  (f"job border/traffic@{block} for {request}: given up after attempt 1", "corrupt", path.name),
                  (f"request {request}: accepted, run of border"), (f"request {request}: FAILED")):
        parts = (parts,) if isinstance(parts, str) else parts
        check(len(lines_with(log, *parts)) == 1, f"{parts} in the coordinator's log:\n{log.read_text()}")
    for parts in ((f"for {request}, border/traffic@2007-09-22T00:00:00Z", ": started"), (f"for {request}, border/traffic@{block}", " warn", "failed"),
                  (f"for {request}, border/traffic@2007-09-22T00:00:00Z", ": report accepted")):
        check(len(lines_with(node_log, *parts)) == 1, f"{parts} in the node's log:\n{node_log.read_text()}")

    # The command that explain suggests works after the cause has been removed.
    path.write_bytes(sound)
    mole("run", "border.yaml", *RANGE, cwd=folder, code=(0, 3))
    shown = strips(folder)
    check(set(shown["traffic"]) == set(shown["mean"]) == {"="}, f"computed: {shown}")

    # Lists say what a request is; listings that a run makes are shown with --all.
    mole("run", "border.yaml", *RANGE, "--set", "modules.traffic.filter=proto tcp", cwd=folder, code=(0, 3))
    mole("archive", "verify", "border.yaml", cwd=folder)
    listed = mole("request", "list", cwd=folder).stdout
    check("archive index" not in listed, listed)
    for part in ("submitted", "priority", "run of border ", "what if modules.traffic.filter=proto tcp, run of border",
                 "archive verify of border/simulated", "2007-09-22T00:00:00Z  2007-09-22T12:00:00Z"):
        check(part in listed, f"{part!r} in the list of requests:\n{listed}")
    check(mole("request", "list", "--all", cwd=folder).stdout.count("archive index of border/simulated") >= 3, "listings are shown with --all")
    check("archive index" not in mole("status", cwd=folder).stdout, "status leaves out listings")

    # A plan counts what a run then decodes.
    def planned_and_decoded(*more):
        files = mole_json("plan", "border.yaml", *more, cwd=folder)["files"]
        done = mole_json("run", "border.yaml", *more, cwd=folder, code=(0, 3))["files"]
        check(files["decoded"] == done["decoded"], f"{more}: planned {files}, then {done}")
        check(files["decoded"] + files["from_columns"] == files["count"], f"{more}: {files}")
        check(files["from_columns"] <= done["from_columns"], f"{more}: planned {files}, then {done}")
        return files

    files = planned_and_decoded(*RANGE)
    check(files["count"] == 0 and files["not_read"] == 26, f"two routers, 12 hours and one for late flows: {files}")
    files = planned_and_decoded("--from", "2007-09-22", "--to", "2007-09-22T16", "--partial")
    check(files["decoded"] == 2 and files["from_columns"] == 2, f"one new hour, and the one on the border: {files}")
    files = planned_and_decoded(*RANGE, "--set", "modules.traffic.interval=30m")
    check(files["decoded"] == 0 and files["from_columns"] == 26, f"everything is computed again from kept columns: {files}")
    files = planned_and_decoded("--from", "2007-09-22T08", "--to", "2007-09-22T12", "--set", "modules.traffic.window=4h", "--module", "traffic")
    check(files["count"] == 18, f"windows reach back to 04:15, each file counts once: {files}")

with TemporaryFolder("cancel") as folder:
    # A cancelled request has no running jobs, and its node stops its task.
    (folder / "border.yaml").write_text(MANIFEST.replace("strict", "partial"))
    mole("archive", "simulate", folder / "archive", "--seed", 3, "--from", "2007-09-22", "--to", "2007-09-22T14", "--routers", "1,2",
         "--flows-per-hour", 30000)
    address = f"unix:{folder}/c.sock"
    coordinator = Daemon("mole-coordinator", "--state", folder / "state", "--init", "--listen", address, "--lease", "3s", "--heartbeat",
                         "300ms", ready="ready", log=folder / "coordinator.log")
    node = Daemon("mole-node", "--coordinator", address, "--dir", folder / "node", ready="ready", log=folder / "node.log")
    try:
        id = mole_json("request", "submit", "border.yaml", *RANGE, "--coordinator", address, cwd=folder)["id"]
        deadline = time.monotonic() + 60

        def running():
            return mole_json("request", "show", id, "--coordinator", address).get("tasks")

        while True:  # until the node is suspended while it has a task
            check(time.monotonic() < deadline, "a task is running")
            if running():
                node.process.send_signal(signal.SIGSTOP)
                time.sleep(0.2)  # a report that was sent before is accepted
                if running():
                    break
                node.process.send_signal(signal.SIGCONT)
        mole("request", "cancel", id, "--coordinator", address)
        node.process.send_signal(signal.SIGCONT)
        shown = mole_json("request", "show", id, "--coordinator", address)
        check(shown["state"] == "CANCELLED" and shown["jobs"]["running"] == 0 and not shown.get("tasks"), str(shown))
        status = mole_json("status", "--coordinator", address)
        check(status["leases"] == 0 and not status.get("tasks"), str(status))
        while list((folder / "node" / "attempts").iterdir()):
            check(time.monotonic() < deadline, f"the node stops its task:\n{(folder / 'node.log').read_text()}")
            time.sleep(0.1)
        log = (folder / "coordinator.log").read_text()
        check(" accepted" not in log.split(f"request {id}: CANCELLED")[1], f"no result is accepted after the end:\n{log}")
        check(lines_with(folder / "coordinator.log", f"for {id}, ", ": cancelled on node "), log)
    finally:
        node.kill()
        coordinator.kill()
print("status, explain, logs, lists and plans are correct")
