#!/usr/bin/env python3
"""Cuts the power of the state's file system while requests are acknowledged, and checks that nothing acknowledged is lost.

A cut is the shutdown ioctl of ext4 and xfs without a flush of their journal: what was not synced is gone. Needs root and loop devices.
"""
import argparse
import fcntl
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from system import Daemon, MOLE, TemporaryFolder, check, mole, mole_json, tree_contents, wait_until  # noqa: E402

MANIFEST = """
pipeline: cut
archives:
  simulated:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    covers: 1h
    block: {length: 1h, origin: 00:00}
modules:
  traffic: {plugin: traffic, input: {archive: simulated}, interval: 15m, by: [router]}
  mean:    {plugin: mean, inputs: {values: traffic.bytes}, window: 3h}
"""
RANGE = ("--from", "2007-09-22", "--to", "2007-09-22T12")
SHUTDOWN = 0x8004587D  # _IOR('X', 125, uint32_t)
WITHOUT_FLUSH = struct.pack("I", 2)
MAKE = {"ext4": ("mkfs.ext4", "-q", "-F"), "xfs": ("mkfs.xfs", "-q", "-f")}
SUBMITTERS = 3


class FileSystem:
    """A file system in an image file, mounted through a loop device."""

    def __init__(self, folder, kind):
        self.image, self.place = folder / f"{kind}.img", folder / kind
        self.place.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(400 << 20)
        subprocess.run([*MAKE[kind], self.image], check=True)

    def __enter__(self):
        self.mount()
        return self

    def __exit__(self, *_):
        if os.path.ismount(self.place):
            subprocess.run(["umount", "-l", self.place], check=False)

    def mount(self):
        subprocess.run(["mount", "-o", "loop", self.image, self.place], check=True)

    def cut(self):
        handle = os.open(self.place, os.O_RDONLY)
        fcntl.ioctl(handle, SHUTDOWN, WITHOUT_FLUSH)
        os.close(handle)

    def remount(self):
        subprocess.run(["umount", self.place], check=True)
        # A mount that remains in a namespace of another process would keep the file system that was shut down.
        wait_until(lambda: not subprocess.run(["losetup", "-j", self.image], capture_output=True, text=True, check=True).stdout,
                   "the loop device to be free")
        self.mount()


def missing():
    """Says why cuts are not possible here; empty if they are."""
    if os.geteuid() != 0:
        return "this user is not root"
    if not pathlib.Path("/dev/loop-control").exists():
        return "there are no loop devices"
    return ""


def submit(client, service, folder):
    """Returns the request that the coordinator acknowledged, or nothing."""
    done = subprocess.run([str(MOLE), "request", "submit", "cut.yaml", *RANGE, "--id", client, "--json", *service], cwd=folder,
                          capture_output=True, text=True, timeout=120)
    return json.loads(done.stdout) if done.returncode == 0 else None


def coordinator(folder, state, *more):
    return Daemon("mole-coordinator", "--state", state, "--listen", f"unix:{folder}/c.sock", "--lease", "3s", "--heartbeat", "500ms", *more,
                  ready="ready", log=folder / "coordinator.log")


def node_of(kind, folder):
    return Daemon("mole-node", "--coordinator", f"unix:{folder}/c.sock", "--dir", folder / f"node_{kind}", "--slots", 1, "--threads", 1,
                  log=folder / "node.log")


def cuts_of(kind, count, choice, folder, truth):
    """Returns the number of acknowledged requests, of which those before each cut were checked."""
    acknowledged, lock = {}, threading.Lock()
    service = ("--coordinator", f"unix:{folder}/c.sock")
    with FileSystem(folder, kind) as disk:
        state = disk.place / "state"
        daemon = coordinator(folder, state, "--init")
        node = node_of(kind, folder)
        try:
            for cut in range(count):
                stop = threading.Event()

                def submits(who):
                    number = 0
                    while not stop.is_set():
                        client = f"{kind}-{cut}-{who}-{number}"
                        number += 1
                        answer = submit(client, service, folder)
                        if answer is None:
                            return
                        with lock:
                            acknowledged[client] = answer["id"]

                before = len(acknowledged)
                threads = [threading.Thread(target=submits, args=(who,)) for who in range(SUBMITTERS)]
                for thread in threads:
                    thread.start()
                wait_until(lambda: len(acknowledged) > before, "the first acknowledged request")
                # The moment of the cut is what varies; nothing waits for this time.
                time.sleep(choice.uniform(0, 1.0))
                disk.cut()
                stop.set()
                daemon.kill()
                node.kill()
                for thread in threads:
                    thread.join()
                disk.remount()
                daemon, node = coordinator(folder, state), node_of(kind, folder)
                for client, request in acknowledged.items():
                    if int(client.split("-")[1]) not in (cut, cut - 1):
                        continue  # older ones are repeated at the end
                    again = submit(client, service, folder)
                    check(again and again["id"] == request and not again["created"],
                          f"{kind}, cut {cut}: {client} was acknowledged as {request}, now {again}")
                print(f"{kind}: cut {cut + 1}, {len(acknowledged) - before} requests acknowledged before it, none lost", flush=True)
            for client, request in acknowledged.items():
                again = submit(client, service, folder)
                check(again and again["id"] == request and not again["created"], f"{kind}: {client} was {request}, now {again}")
            for request in set(acknowledged.values()):
                wait_until(lambda: mole_json("request", "show", request, *service, cwd=folder)["state"] == "COMPLETE", f"{request} to end")
            check(len(set(acknowledged.values())) == len(acknowledged), f"{kind}: two client ids gave one request")
            check(node.stop() == 0 and daemon.stop() == 0, "the services stop")
            ours = tree_contents(state / "tables")
            check(ours == truth, f"{kind}: tables differ: {[f for f in set(ours) | set(truth) if ours.get(f) != truth.get(f)][:5]}")
        finally:
            for process in (node, daemon):
                if process.process.poll() is None:
                    process.kill()
    return len(acknowledged)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=20, help="cuts in all, shared by the kinds of file system")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    options = parser.parse_args()
    reason = missing()
    if reason:
        print(f"*** no power was cut: {reason}; run as root on a machine with loop devices. THIS TEST DID NOT RUN ***", file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" and pathlib.Path("/dev/loop-control").exists() else 0
    if "MOLE_OWN_MOUNTS" not in os.environ:  # a private mount namespace: processes of others never hold the mounts of this test
        os.environ["MOLE_OWN_MOUNTS"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])
    kinds = [kind for kind in MAKE if shutil.which(MAKE[kind][0])]
    for kind in MAKE.keys() - set(kinds):
        print(f"*** no power was cut on {kind}: {MAKE[kind][0]} is missing; run ./dev setup ***", file=sys.stderr)
        check(os.environ.get("CI") != "true", f"{MAKE[kind][0]} is missing")
    check(kinds, "no file system can be made")
    choice = random.Random(options.seed)
    print(f"seed {options.seed}", flush=True)
    counts = {"seed": options.seed, "cuts": {}, "acknowledged": {}, "lost": 0}
    with TemporaryFolder("power") as folder:
        (folder / "cut.yaml").write_text(MANIFEST)
        mole("archive", "simulate", folder / "archive", "--seed", 5, "--from", RANGE[1], "--to", "2007-09-22T13", "--routers", "1",
             "--flows-per-hour", 1000)
        mole("run", "cut.yaml", *RANGE, "--state", folder / "embedded", "--threads", 1, cwd=folder)
        truth = tree_contents(folder / "embedded" / "tables")
        for i, kind in enumerate(kinds):
            counts["cuts"][kind] = options.cuts // len(kinds) + (i < options.cuts % len(kinds))
            counts["acknowledged"][kind] = cuts_of(kind, counts["cuts"][kind], choice, folder, truth)
    print(json.dumps(counts))
    return 0


sys.exit(main())
