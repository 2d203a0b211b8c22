#!/usr/bin/env python3
"""Checks that a coordinator whose disk fills refuses work, says so, and continues when there is space again, without a restart."""
import os
import shutil
import socket
import subprocess
import sys

import hostile_attempts as wire
from system import Daemon, TemporaryFolder, check, mole, mole_json, wait_until

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
  traffic: {plugin: traffic, input: {archive: simulated, where: {router: [1]}}, interval: 15m}
"""
RANGE = ("--from", "2007-09-22", "--to", "2007-09-22T04", "--partial")
MIB = 1 << 20

if os.environ.get("MOLE_OWN_MOUNTS") != "1":  # a mount namespace of its own: the small disk is gone when the test ends
    os.environ["MOLE_OWN_MOUNTS"] = "1"
    options = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--mount"]
    sys.exit(subprocess.run(["unshare", *options, sys.executable, *sys.argv]).returncode)


def fill(folder, leave):
    """Leaves this many bytes on the disk."""
    (folder / "fill").unlink(missing_ok=True)
    free = shutil.disk_usage(folder).free
    with open(folder / "fill", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - leave)


def announce(path, total):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(str(path))
        return wire.answer_of(connection, wire.call("put_blob", wire.text(1, "ab" * 16) + wire.i64(2, 0) + wire.text(3, "x") + wire.i64(4, total)))


with TemporaryFolder("low-disk") as folder:
    (folder / "served.yaml").write_text(MANIFEST)
    mole("archive", "simulate", folder / "archive", "--seed", 5, "--from", "2007-09-22", "--to", "2007-09-22T04", "--routers", "1",
         "--flows-per-hour", 500)
    disk = folder / "disk"
    disk.mkdir()
    check(subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300m", "none", disk]).returncode == 0, "a small disk can be mounted")
    address = f"unix:{folder}/c.sock"
    service = ("--coordinator", address)

    def start():
        return Daemon("mole-coordinator", "--state", disk / "state", "--init", "--listen", address, ready="ready", log=folder / "coordinator.log")

    daemon = start()
    answer = announce(folder / "c.sock", 4 << 30)
    check(b"no space left" in answer, f"a blob that does not fit is refused: {answer[:200]}")
    check(daemon.process.poll() is None, "the coordinator continues")

    node = Daemon("mole-node", *service, "--dir", folder / "node", log=folder / "node.log")
    request = mole_json("request", "submit", "served.yaml", *RANGE, *service, cwd=folder)["id"]
    for leave in (50 * MIB, 28 * MIB, 20 * MIB):
        fill(disk, leave)
        refused = mole("request", "submit", "served.yaml", *RANGE, *service, cwd=folder, code=75)
        check("nearly full" in refused.stderr and "free up space" in refused.stderr, refused.stderr)
        check("no_work" in mole_json("status", *service) and "nearly full" in mole("status", *service).stdout, "status says so")
        check(b"no space left" in announce(folder / "c.sock", 64 * MIB), "a blob is refused")
        check(mole_json("request", "show", request, *service)["id"] == request, "queries continue")
        check(daemon.process.poll() is None, f"the coordinator continues with {leave >> 20} MiB")
    fill(disk, 28 * MIB)
    daemon.kill()
    daemon.process.wait()
    daemon = start()
    check("no_work" in mole_json("status", *service), "it starts with little space, and says so")
    (disk / "fill").unlink()
    wait_until(lambda: mole_json("request", "show", request, *service)["state"] in ("COMPLETE", "PARTIAL"), "the request to end")
    check("no_work" not in mole_json("status", *service), "work is accepted again")
    node.kill()
    daemon.kill()
    daemon.process.wait()
    print("a nearly full disk: work refused and told, no exit, no restart needed")
