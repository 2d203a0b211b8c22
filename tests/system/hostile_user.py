#!/usr/bin/env python3
"""Checks that another user of the host can neither read, change, stop nor slow a service, by files, sockets or TCP, and that a foreign
program that takes the port of a dead coordinator gets nothing from its node. With the secret, a user is an ordinary one."""
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time

import hostile_attempts as wire
from system import MOLE, Daemon, TemporaryFolder, check, mole, mole_json, wait_until

OTHER = 65534
ATTEMPTS = pathlib.Path(__file__).with_name("hostile_attempts.py")
PYTHON = next((path for path in ("/usr/bin/python3", "/usr/local/bin/python3") if os.access(path, os.X_OK)), sys.executable)
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

if os.geteuid() != 0 or not shutil.which("setpriv"):
    print("*** needs root and setpriv, to act as another user; THIS TEST DID NOT RUN ***", file=sys.stderr)
    sys.exit(1 if os.environ.get("CI") == "true" and os.geteuid() == 0 else 0)


def as_other(*arguments, wait=True):
    command = ["setpriv", "--reuid", str(OTHER), "--regid", str(OTHER), "--clear-groups", PYTHON, "-", *map(str, arguments)]
    process = subprocess.Popen(command, stdin=open(ATTEMPTS, "rb"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/")
    return process.communicate(timeout=300)[0] if wait else process


def port_of(daemon):
    return int(re.search(r"tcp:127\.0\.0\.1:(\d+)", daemon.ready).group(1))


def coordinator(folder, port=0):
    return Daemon("mole-coordinator", "--state", folder / "state", "--init", "--listen", f"unix:{folder}/c.sock", "--listen",
                  f"tcp:127.0.0.1:{port}", "--lease", "3s", "--heartbeat", "500ms", "--allow-root", folder / "archive", ready="ready", log=folder / "coordinator.log")


def honest_times(port, secret, count):
    """Returns the seconds that each of some calls on a new connection took."""
    taken = []
    for _ in range(count):
        begin = time.monotonic()
        for tries in range(5):  # as the client does
            with wire.connect(port) as connection:
                try:
                    if wire.prove(connection, secret, port) and wire.answer_of(connection, wire.call("requests")):
                        break
                except ConnectionError:
                    pass
        else:
            check(False, "an honest client got no answer in 5 tries")
        taken.append(time.monotonic() - begin)
        time.sleep(0.02)
    return taken


def impostor(port, seen, stop):
    """A program on the coordinator's port that does not know the secret. Keeps what it receives."""
    with socket.create_server(("127.0.0.1", port)) as server:
        server.settimeout(0.2)
        while not stop.is_set():
            try:
                connection, _ = server.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(5)
                try:
                    seen.append(connection.recv(4096))
                    connection.sendall(wire.frame(os.urandom(64)))
                    seen.append(connection.recv(4096))
                except OSError:
                    pass


with TemporaryFolder("hostile-user") as folder:
    folder.chmod(0o755)
    (folder / "served.yaml").write_text(MANIFEST)
    mole("archive", "simulate", folder / "archive", "--seed", 5, "--from", "2007-09-22", "--to", "2007-09-22T08", "--routers", "1",
         "--flows-per-hour", 500)
    daemon = coordinator(folder)
    port, secret_file = port_of(daemon), folder / "state" / "secret"
    secret = bytes.fromhex(secret_file.read_text())
    tcp = f"tcp:127.0.0.1:{port}"
    service = ("--coordinator", tcp, "--secret", secret_file)
    node = Daemon("mole-node", "--coordinator", tcp, "--secret", secret_file, "--dir", folder / "node", "--listen", "tcp:127.0.0.1:0", ready="ready",
                  log=folder / "node.log")
    first = mole_json("request", "submit", "served.yaml", *RANGE, "--wait", *service, cwd=folder)
    check(first["state"] in ("COMPLETE", "PARTIAL"), f"nodes and clients with the secret work: {first}")

    # Attempts by files, signals and frames.
    pids = f"{daemon.process.pid},{node.process.pid}"
    lines = as_other(folder / "state", folder / "node", folder / "c.sock", port, port_of(node), pids).splitlines()
    print(f"{sum(line.startswith('refused') for line in lines)} attempts of another user failed")
    check(all(line.startswith("refused") for line in lines), "\n".join(line for line in lines if not line.startswith("refused")))
    check(len(lines) >= 60, f"only {len(lines)} attempts were made")
    check(daemon.process.poll() is None and node.process.poll() is None, "both services still run")

    # Slowing.
    quiet = statistics.median(honest_times(port, secret, 60))
    floods = [as_other("flood", port, 6, wait=False) for _ in range(2)]
    time.sleep(1)
    during = statistics.median(honest_times(port, secret, 60))
    check(all(each.poll() is None for each in floods), "the flood lasted as long as the measurement")
    opened = [each.communicate(timeout=60)[0].strip() for each in floods]
    print(f"an honest call takes {quiet * 1e3:.1f} ms, during a flood ({', '.join(opened)} connections) {during * 1e3:.1f} ms")
    check(during < 3 * max(quiet, 0.005), f"an honest client is slowed from {quiet} to {during} s")

    # With a copy of the secret, the other user is an ordinary one; without it, the message says what is missing.
    with wire.connect(port) as connection:
        check(wire.prove(connection, secret, port) and b"served" in wire.answer_of(connection, wire.call("requests")), "the secret opens the service")
    (folder / "private").mkdir(mode=0o700)
    (folder / "private" / "2007-09-22.txt").write_text("a private line\n")
    (folder / "archive" / "link").symlink_to(folder / "private")
    for path in ("./private", "/", "./archive/../private", "./archive/link", "./absent"):
        denied = mole("request", "submit", "served.yaml", "--set", f"archives.simulated.params.root={path}", *RANGE, *service, cwd=folder, code=5)
        check("--allow-root" in denied.stderr and "private line" not in denied.stderr, f"{path}: {denied.stderr}")
    mole("manifest", "validate", "served.yaml", "--set", "archives.simulated.params.root=./private", "--coordinator",
         f"unix:{folder}/c.sock", cwd=folder)
    (folder / "archive" / "link").unlink()
    (folder / "wrong").write_text("ab" * 32 + "\n")
    (folder / "wrong").chmod(0o600)
    for arguments in (("--state", folder / "none"), ("--secret", folder / "wrong")):
        denied = mole("--coordinator", tcp, *arguments, "status", code=5)
        check("--secret" in denied.stderr, denied.stderr)
    check("peers refused" in mole("state", "dump", "events", *service).stdout, "peers with a wrong secret are an event")

    # A foreign program on the port of a dead coordinator.
    daemon.kill()
    seen, stop = [], threading.Event()
    foreign = threading.Thread(target=impostor, args=(port, seen, stop))
    foreign.start()
    wait_until(lambda: "does not know" in (folder / "node.log").read_text(errors="replace"), "the node to refuse the foreign program")
    stop.set()
    foreign.join()
    got = b"".join(seen)
    check(all(len(part) in (0, 52) and part[4:12] in (b"", b"MOLEwir1") for part in seen), f"the node sent more than its hello: {got[:200]}")
    daemon = coordinator(folder, port)
    again = mole_json("request", "submit", "served.yaml", "--from", "2007-09-22T04", "--to", "2007-09-22T08", "--partial", "--wait", *service, cwd=folder, code=(0, 3))
    check(again["state"] in ("COMPLETE", "PARTIAL"), f"the node works for its coordinator again: {again}")
    print(f"a foreign program on the port received {len(got)} bytes of hellos, and nothing else")
    node.kill()
    daemon.kill()
