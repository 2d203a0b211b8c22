"""What another user of the host tries against a service, with the protocol's description in hand (docs/formats/wire.md). Also the
frames of that protocol for other tests. Standard library only: hostile_user.py runs it as another user, from standard input.

Arguments: the state folder, a node's folder, the coordinator's socket, its port, the node's port, the processes. Prints one line per
attempt: "refused NAME" or "BROKEN NAME: what was possible".
"""
import hashlib
import hmac
import os
import pathlib
import signal
import socket
import struct
import sys
import time


def text(number, value):
    value = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">bhI", 11, number, len(value)) + value


def i64(number, value):
    return struct.pack(">bhq", 10, number, value)


def i32(number, value):
    return struct.pack(">bhi", 8, number, value)


def structure(number, fields):
    return struct.pack(">bh", 12, number) + fields + b"\0"


def frame(payload):
    return struct.pack(">I", len(payload)) + payload


def call(name, fields=b""):
    return frame(struct.pack(">II", 0x80010001, len(name)) + name.encode() + struct.pack(">I", 1) + fields + b"\0")


def exactly(connection, size):
    out = b""
    while len(out) < size:
        piece = connection.recv(size - len(out))
        if not piece:
            return b""
        out += piece
    return out


def reply(connection):
    header = exactly(connection, 4)
    return exactly(connection, struct.unpack(">I", header)[0]) if header else b""


def connect(port, timeout=10):
    connection = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def proof(secret, role, port, mine, other):
    return hmac.new(secret, f"mole wire 1 {role} 127.0.0.1:{port} ".encode() + mine + other, hashlib.sha256).digest()


def hello(nonce):
    return frame(b"MOLEwir1" + struct.pack(">Q", os.getpid()) + nonce)


def prove(connection, secret, port):
    """Returns whether the server has proven that it knows the secret."""
    nonce = os.urandom(32)
    connection.sendall(hello(nonce))
    answer = reply(connection)
    if len(answer) != 64:
        return False
    connection.sendall(frame(proof(secret, "client", port, nonce, answer[:32])))
    return hmac.compare_digest(answer[32:], proof(secret, "server", port, nonce, answer[:32]))


def answer_of(connection, request):
    """Returns the reply to a request; empty if the connection was closed."""
    try:
        connection.sendall(request)
        return reply(connection)
    except (ConnectionError, BrokenPipeError):
        return b""


SUBMISSION = text(1, "pipeline: spy\n") + text(2, "spy.yaml") + text(3, "/root")
NODE = text(1, "spy") + text(2, "spy")
CALLS = {
    "read the status": call("status"),
    "list the requests": call("requests"),
    "read a request": call("request", text(1, "r1")),
    "cancel a request": call("cancel", text(1, "r1")),
    "read results": call("results", text(1, "served/traffic") + i64(2, 0) + i64(3, 0) + text(4, "")),
    "dump a table": call("dump", text(1, "requests") + text(2, "") + i32(3, 100)),
    "submit": call("submit", structure(1, SUBMISSION)),
    "have a manifest of the owner's files validated": call("validate", structure(1, SUBMISSION)),
    "index an archive": call("archive_task", structure(1, SUBMISSION) + text(2, "x") + i32(3, 1)),
    "explain a job": call("explain", text(1, "served/traffic@2007-09-22T00") + text(2, "")),
    "register a node": call("register_node", structure(1, NODE)),
    "lease tasks": call("lease", structure(1, NODE)),
    "send a heartbeat": call("heartbeat", structure(1, NODE)),
    "complete tasks": call("complete", structure(1, b"")),
    "release tasks": call("release", text(1, "node") + text(2, "x")),
    "store a blob": call("put_blob", text(1, "ab" * 16) + i64(2, 0) + text(3, "x") + i64(4, 4 << 30)),
    "read a blob": call("get_blob", text(1, "ab" * 16) + i64(2, 0) + i32(3, 1 << 20)),
}


def must_fail(name, attempt):
    """The attempt succeeds if it returns something true."""
    try:
        got = attempt()
    except (OSError, ValueError) as error:
        print(f"refused {name} ({type(error).__name__})", flush=True)
        return
    print(f"BROKEN {name}: {str(got)[:100]}" if got else f"refused {name}", flush=True)


def files(state, node, sock):
    for path in (state, state / "db", state / "blobs", state / "tables", node, node / "cache", node / "finished", node / "states"):
        must_fail(f"list {path.parent.name}/{path.name}", lambda: [str(each) for each in path.iterdir()] or "listed")
    for path in (state / "secret", state / "db" / "CURRENT", node / "id", node / "lock"):
        must_fail(f"read {path.name}", lambda: path.read_bytes() or "read")
        must_fail(f"write {path.name}", lambda: open(path, "ab"))
        must_fail(f"remove {path.name}", lambda: path.unlink() is None)
    must_fail("add a file to the state", lambda: (state / "added").write_bytes(b"x"))
    must_fail("add a completion to the node", lambda: (node / "finished" / "1-1").mkdir() is None)
    must_fail("make the state readable", lambda: state.chmod(0o777) is None)
    must_fail("rename the state", lambda: state.rename(state.parent / "moved"))
    for path in (sock, node / "states.sock"):
        def use():
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(10)
                connection.connect(str(path))
                return answer_of(connection, call("status"))
        must_fail(f"use the socket {path.name}", use)
        must_fail(f"replace the socket {path.name}", lambda: path.unlink() is None)


def processes(ids):
    for pid in ids:
        must_fail("stop a process", lambda: os.kill(pid, signal.SIGSTOP) is None)
        must_fail("read its memory", lambda: open(f"/proc/{pid}/mem", "rb"))
        must_fail("read its environment", lambda: open(f"/proc/{pid}/environ", "rb").read())
        must_fail("take its descriptors", lambda: os.listdir(f"/proc/{pid}/fd"))


def frames(port, peer_port):
    for name, request in CALLS.items():
        must_fail(name + " without the proof", lambda: answer_of(connect(port), request))
    for name in ("get_blob", "get_file"):
        must_fail(f"{name} of a node", lambda: answer_of(connect(peer_port), call(name, text(1, "ab" * 16) + i64(2, 0) + i32(3, 100))))

    def with_secret(secret, claimed=port):
        connection = connect(port)
        return prove(connection, secret, claimed) or answer_of(connection, call("status"))
    for name, secret in (("no bytes", b""), ("zeros", bytes(32)), ("text", b"mole" * 8), ("random bytes", os.urandom(32))):
        must_fail(f"prove with a secret of {name}", lambda: with_secret(secret))

    def reflect(size):
        connection = connect(port)
        connection.sendall(hello(os.urandom(32)))
        connection.sendall(frame(reply(connection)[32:32 + size]))
        return answer_of(connection, call("status"))
    must_fail("return the server's own proof", lambda: reflect(32))
    must_fail("send an empty proof", lambda: reflect(0))

    def reflected_nonce():
        first, second = connect(port), connect(port)
        first.sendall(hello(os.urandom(32)))
        nonce = reply(first)[:32]
        second.sendall(hello(nonce))  # lets the server prove its own nonce
        first.sendall(frame(reply(second)[32:]))
        return answer_of(first, call("status"))
    must_fail("let one connection prove for another", reflected_nonce)

    def relayed():  # the node's server proves with the same secret
        first, second = connect(port), connect(peer_port)
        first.sendall(hello(os.urandom(32)))
        second.sendall(hello(reply(first)[:32]))
        first.sendall(frame(reply(second)[32:]))
        return answer_of(first, call("status"))
    must_fail("let a node prove for a client", relayed)
    must_fail("ask in the frame of the proof", lambda: answer_of(connect(port), hello(os.urandom(32)) + call("status"))[64:])
    for name, data in (("a frame of 2 GiB", b"\x7f\xff\xff\xff"), ("an empty frame", bytes(4)), ("noise", os.urandom(4000))):
        must_fail(f"send {name}", lambda: answer_of(connect(port), data))
    must_fail("take the port", lambda: socket.create_server(("127.0.0.1", port), reuse_port=True))


def flood(port, seconds):
    """Opens connections, keeps some, and sends beginnings of frames."""
    end = time.monotonic() + seconds
    kept, opened = [], 0
    while time.monotonic() < end:
        try:
            connection = connect(port, 1)
            connection.sendall((b"", hello(os.urandom(32)), b"\0\0", b"\x7f\xff\xff\xff")[opened % 4])
            kept.append(connection)
            opened += 1
        except OSError:
            pass
        if len(kept) > 900:
            kept.pop(0).close()
        if opened % 20 == 0:
            time.sleep(0.01)  # the machine, not the service, would be the limit
    print(f"opened {opened}", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "flood":
        flood(int(sys.argv[2]), float(sys.argv[3]))
    else:
        state_folder, node_folder, socket_file = map(pathlib.Path, sys.argv[1:4])
        files(state_folder, node_folder, socket_file)
        processes([int(pid) for pid in sys.argv[6].split(",")])
        frames(int(sys.argv[4]), int(sys.argv[5]))
