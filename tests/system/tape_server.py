"""A simulated tape library that is served over SSH, and what its log tells. Shared by the tests of archives on tapes."""
import collections
import datetime
import hashlib
import json
import re
import signal
import subprocess
import threading
import time

from system import MOLE, check, mole, mole_json

START = 1190419200  # 2007-09-22
SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6}

MANIFEST = """
pipeline: {name}
archives:
  flows:
    downloader: {downloader}
    params: {params}
    files: "{{router}}_{{sequence}}_{{start:unix}}.dat.bz2"
    covers: 1h
    {more}
    block: {{length: {block}, origin: 00:00}}
modules:
  traffic: {{plugin: traffic, input: {{archive: flows}}, interval: 15m, by: [router]}}
"""


def duration(text):
    """Seconds of "1h2m3s4ms"."""
    return sum(float(number) * SECONDS[unit] for number, unit in re.findall(r"([0-9.]+)(ms|us|[dhms])", text))


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def name(router, hour):
    """The path of an hourly file: sequence numbers begin at 1."""
    return f"{router}_{hour + 1:08}_{START + 3600 * hour}.dat.bz2"


def names(hours, routers=(19991, 19993)):
    return {name(router, hour) for router in routers for hour in hours}


def simulate(folder, hours, routers=(19991, 19993), flows=60):
    """Writes hourly files of routers into `folder / "files"`, and nothing else there."""
    made = folder / "made"
    mole("archive", "simulate", made, "--seed", 5, "--from", f"@{START}", "--to", f"@{START + 3600 * hours}", "--routers", ",".join(map(str, routers)),
         "--flows-per-hour", flows)
    files = folder / "files"
    files.mkdir()
    for path in made.glob("*.bz2"):
        path.rename(files / path.name)
    check(len(list(files.iterdir())) == len(routers) * hours, "files of an hour are missing")
    return files


def write_manifest(path, downloader, params, more="", block="6h", pipeline="tape"):
    path.write_text(MANIFEST.format(name=pipeline, downloader=downloader, params=json.dumps(params), more=more, block=block))
    return path


def hours(first, last):
    """The options for a range of hours of the archive."""
    return "--from", f"@{START + 3600 * first}", "--to", f"@{START + 3600 * last}", "--partial"


class Server:
    """A tape library in `folder / "library"` over the files of `files`, served; stopped at the end of the block."""

    stop_seconds = 60

    def __init__(self, folder, files, *options, scale=200000):
        self.library, self.files = folder / "library", files
        mole("archive", "tape-library", "create", files, self.library, "--scale", scale, *options)

    def __enter__(self):
        self.process = subprocess.Popen([str(MOLE), "archive", "tape-library", "serve", str(self.library), "--json"],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        check(line, f"serve printed nothing: {self.process.stderr.read() if not line else ''}")
        self.params = json.loads(line)
        return self

    def __exit__(self, *unused):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=self.stop_seconds)

    def log(self):
        """The events so far, without a line that is being written."""
        path = self.library / "log.ndjson"
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]

    def report(self):
        """The figures of the log, durations in seconds."""
        report = mole_json("archive", "tape-library", "report", self.library)
        for key in ("work", "busiest_tape", "least"):
            report[key] = duration(report[key])
        report["time"] = moment(report["to"]) - moment(report["from"])
        return report

    def tapes(self, wanted):
        """The tapes with the first copy of these files."""
        described = json.loads((self.library / "library.json").read_text())["files"]
        return {file["copies"][0]["tape"] for file in described if file["path"] in wanted}


def count(log, kind):
    """How often an event happened to each file, on behalf of clients."""
    return collections.Counter(event["file"] for event in log if event["event"] == kind and not event.get("others"))


def mounts(log):
    return [event["tape"] for event in log if event["event"] == "insert" and not event.get("others")]


def check_read_once(log, wanted):
    """Every wanted file was read from its tape once, and no other one."""
    read = count(log, "read")
    check(set(read) == set(wanted), f"files not read: {sorted(set(wanted) - set(read))}; read, but not wanted: {sorted(set(read) - set(wanted))}")
    check(max(read.values()) == 1, f"read more than once: {[(file, n) for file, n in read.items() if n > 1]}")


def check_mounts(log, tapes):
    """At most 1.1 mounts for each tape with wanted files."""
    done = mounts(log)
    check(set(done) == set(tapes), f"tapes not mounted: {set(tapes) - set(done)}; mounted, but not wanted: {set(done) - set(tapes)}")
    check(len(done) <= 1.1 * len(tapes), f"{len(done)} mounts of {len(tapes)} tapes: {collections.Counter(done)}")


class Published:
    """Tells which files are complete in the cache of a node, seen from outside."""

    def __init__(self, files, cache):
        self.cache = cache
        self.known = {hashlib.sha256(path.read_bytes()).digest(): path.name for path in files.iterdir()}
        self.seen = {}

    def names(self):
        out = set()
        for path in self.cache.glob("*.file") if self.cache.exists() else ():
            key = path.name
            if key not in self.seen:
                try:
                    self.seen[key] = self.known.get(hashlib.sha256(path.read_bytes()).digest())
                except FileNotFoundError:
                    continue
            if self.seen[key]:
                out.add(self.seen[key])
        return out


class CacheWatcher:
    """Samples the size of the files in a cache, as `ls` counts them."""

    def __init__(self, cache):
        self.cache, self.samples, self.ended = cache, [], threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.ended.wait(0.1):
            self.samples.append((time.monotonic(), self.size()))

    def size(self):
        total = 0
        for path in self.cache.glob("*") if self.cache.exists() else ():
            try:
                total += path.stat().st_size if path.suffix in (".file", ".part") else 0
            except FileNotFoundError:
                pass
        return total

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.ended.set()
        self.thread.join()
