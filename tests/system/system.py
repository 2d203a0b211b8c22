"""Shared by the system tests: paths of the programs, functions to run them, an independent reader of NetFlow v5 files.

The tests run the built programs as a user would. Expected values never come from the project's own code.
"""
import bz2
import csv
import io
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

BUILD = pathlib.Path(os.environ.get("MOLE_BUILD_DIR", pathlib.Path(__file__).resolve().parents[2] / "build"))
ROOT = pathlib.Path(__file__).resolve().parents[2]
MOLE = BUILD / "bin" / "mole"
DATA = pathlib.Path(os.environ.get("MOLE_TEST_DATA", ROOT.parent / "shared" / "data"))


def check(condition, message):
    if not condition:
        print(f"FAILED: {message}", file=sys.stderr)
        sys.exit(1)


def require_captures():
    """Ends the test if the real captures, which are not shipped, are missing: with a failure if CI=true, otherwise with a warning."""
    if DATA.is_dir():
        return
    print(f"*** the real captures are not at {DATA}: set MOLE_TEST_DATA; THIS TEST DID NOT RUN ***", file=sys.stderr)
    sys.exit(1 if os.environ.get("CI") == "true" else 0)


class TemporaryFolder:
    """A temporary folder, removed if the test passes."""

    def __init__(self, name):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix=f"mole-{name}-"))

    def __enter__(self):
        return self.path

    def __exit__(self, kind, value, trace):
        if kind is None or (kind is SystemExit and not value.code):
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            print(f"kept for inspection: {self.path}", file=sys.stderr)


def mole(*arguments, cwd=None, code=0, env=None, timeout=300):
    """Runs mole and returns the finished process; fails unless it exits with `code` (one code or several)."""
    done = subprocess.run([str(MOLE), *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=timeout,
                          env={**os.environ, **(env or {})})
    expected = code if isinstance(code, (tuple, list, set)) else (code,)
    check(done.returncode in expected,
          f"mole {' '.join(map(str, arguments))} exited with {done.returncode}, expected {code}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return done


def mole_json(*arguments, **options):
    return json.loads(mole(*arguments, "--json", **options).stdout)


def rows(*arguments, **options):
    """Returns result rows as dictionaries, from `mole results ... --format csv`."""
    return list(csv.DictReader(io.StringIO(mole("results", *arguments, "--format", "csv", **options).stdout)))


def measured_delays(manifest, cwd):
    """Returns the lines for the archive's section of a manifest that `mole archive profile` prints."""
    printed = mole("archive", "profile", manifest, cwd=cwd).stdout
    return "".join(line + "\n" for line in printed.splitlines() if not line.startswith("#"))


def query(sql):
    """Runs one SQL statement in DuckDB, an independent reader of Parquet, and returns its rows as lists of strings."""
    done = subprocess.run([str(BUILD / "bin" / "mole-test-query"), sql], capture_output=True, text=True)
    check(done.returncode == 0, f"{sql}\n{done.stderr}")
    return list(csv.reader(io.StringIO(done.stdout)))


def readable_content(path):
    """Decompresses in small pieces with Python's bz2. Returns the bytes before the first damage, and whether the file is undamaged."""
    raw = pathlib.Path(path).read_bytes()
    out, position = [], 0
    decompressor = bz2.BZ2Decompressor()
    while position < len(raw):
        piece = raw[position:position + 64]
        position += len(piece)
        try:
            out.append(decompressor.decompress(piece))
        except OSError:
            return b"".join(out), False
        while decompressor.eof:
            rest = decompressor.unused_data
            if not rest:
                if position >= len(raw):
                    return b"".join(out), True
                rest = raw[position:position + 64]
                position += len(rest)
            decompressor = bz2.BZ2Decompressor()
            try:
                out.append(decompressor.decompress(rest))
            except OSError:
                return b"".join(out), False
    return b"".join(out), False


def datagrams(content):
    """Yields NetFlow v5 datagrams: (export time in us, sequence, engine, [(start_us, end_us, packets, bytes, src, dst, sport, dport, proto)])."""
    offset = 0
    while offset + 24 <= len(content):
        version, count, uptime, seconds, nanos, sequence, kind, engine, _ = struct.unpack_from(">HHIIIIBBH", content, offset)
        if version != 5 or count > 30 or offset + 24 + 48 * count > len(content):
            return
        now_ms = seconds * 1000 + nanos // 1_000_000
        flows = []
        for i in range(count):
            r = content[offset + 24 + 48 * i:offset + 72 + 48 * i]
            src, dst = struct.unpack_from(">II", r, 0)
            packets, octets, first, last = struct.unpack_from(">IIII", r, 16)
            sport, dport = struct.unpack_from(">HH", r, 32)
            times = []
            for t in (first, last):
                age = ((uptime - t + 100_000) & 0xffffffff) - 100_000  # unsigned; up to 100 s after the datagram
                times.append((now_ms - age) * 1000)
            flows.append((times[0], times[1], packets, octets, src, dst, sport, dport, r[38]))
        yield seconds * 1_000_000 + nanos // 1000, sequence, (kind, engine), flows
        offset += 24 + 48 * count


class Daemon:
    """A long-running program of the project; always killed at the end of the test.

    `ready`: waits for the first line of output, which must contain it, and is kept as `ready`. An empty text: any line, or none.
    """

    def __init__(self, *arguments, cwd=None, ready=None, log=None, env=None):
        self.arguments = [str(BUILD / "bin" / arguments[0]), *map(str, arguments[1:])]
        self.log = open(log, "ab") if log else subprocess.DEVNULL
        self.process = subprocess.Popen(self.arguments, cwd=cwd, env=env, stdout=subprocess.PIPE if ready is not None else self.log, stderr=self.log)
        if ready is not None:
            line = self.process.stdout.readline().decode()
            check(ready in line, f"{arguments[0]} printed {line!r} instead of {ready!r}")
            self.ready = line

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, timeout=60):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()


def wait_until(condition, what, seconds=120):
    """Polls a condition until it is true and returns its value. Fails after `seconds`, a limit that only detects hangs."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    check(False, f"waited {seconds} s for {what}")


def tree_contents(folder):
    """Returns the content of every file by relative path."""
    folder = pathlib.Path(folder)
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}
