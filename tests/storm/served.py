"""A coordinator and two nodes of the storm, each folder on a small disk of its own, and what users ask of them."""
import json
import os
import pathlib
import shutil
import subprocess
import threading
import time

from system import BUILD, MOLE, Daemon, check, mole, mole_json, wait_until

MANIFEST = """
pipeline: served
archives:
  simulated:
    downloader: directory
    params: {{root: {archive}}}
    files: "{{router}}_{{sequence}}_{{start:unix}}.dat.bz2"
    covers: 1h
    block: {{length: 1h, origin: 00:00}}
modules:
  traffic:  {{plugin: traffic, input: {{archive: simulated, where: {{router: [1, 2]}}}}, interval: 15m, by: [router]}}
  hosts:    {{plugin: unique_addresses, input: {{archive: simulated, where: {{router: [1, 2]}}}}, interval: 15m, window: 1h}}
  silence:  {{plugin: longest_silence, input: {{archive: simulated, where: {{router: [1, 2]}}}}, interval: 15m, by: [router], warmup: 1h}}
  mean:     {{plugin: mean, inputs: {{values: traffic.bytes}}, window: 6h}}
  variance: {{plugin: variance, inputs: {{values: traffic.bytes, centre: mean.bytes_mean}}, window: 6h}}
"""
# What users ask for: options of a request. The first is what is asked again at the end of a round.
WHOLE = ("--from", "2007-09-22", "--to", "2007-09-22T12", "--partial")
REQUESTS = [WHOLE,
            ("--from", "2007-09-22T03", "--to", "2007-09-22T09", "--partial"),
            (*WHOLE, "--set", "modules.traffic.interval=30m"),
            (*WHOLE, "--set", "modules.mean.window=3h"),
            (*WHOLE, "--set", "modules.hosts.interval=5m"),
            ("--from", "2007-09-22T02", "--to", "2007-09-22T10", "--partial", "--set", "modules.silence.interval=1h"),
            ("--from", "2007-09-22T01", "--to", "2007-09-22T11", "--partial", "--set", "modules.traffic.interval=10m"),
            (*WHOLE, "--set", "modules.silence.warmup=2h", "--set", "modules.variance.window=4h")]
# Small requests that share nothing with others: work that is there when a program should reach a failpoint.
FILLERS = [("--from", f"2007-09-22T{hour:02}", "--to", f"2007-09-22T{hour + 4:02}", "--partial", "--set",
            f"modules.traffic.filter=dst port {port}") for hour, port in zip((0, 2, 4, 6, 7, 8) * 3, range(20, 38))]
ENDED = ("COMPLETE", "PARTIAL", "FAILED", "CANCELLED")
LEASE = 2  # seconds
NODES = ("node1", "node2")
DISK_BYTES = {"state": 400 << 20, "node1": 200 << 20, "node2": 200 << 20}
POINTS = BUILD / "bin" / "libstorm_points.so"
# Starts workers, with a failpoint if one is set.
LAUNCH = """#!/bin/sh
if [ -f "$0.point" ]; then read -r STORM_POINT < "$0.point"; export STORM_POINT; fi
if [ -f "$0.trace" ]; then read -r STORM_TRACE < "$0.trace"; export STORM_TRACE; fi
if [ -n "$STORM_POINT$STORM_TRACE" ]; then export LD_PRELOAD={points}; fi
exec {launch} "$@"
"""


def truth_of(folder, request):
    """Returns what must not depend on faults: rows, coverage and damaged files of a request in the state folder."""
    place = folder / "requests" / request
    summary = json.loads((place / "request.json").read_text())
    kept = {name: summary.get(name) for name in ("state", "coverage", "coverage_with_windows", "damaged_files")}
    jobs = {job["job"]: (job["coverage"], job["rows"], job["rows_blob"], job["state"]) for job in summary["job_list"]}
    return {"summary": kept, "jobs": jobs, "tables": {str(f.relative_to(place)): f.read_bytes() for f in sorted(place.rglob("*.parquet"))}}


def difference(ours, truth):
    """Says where two results of truth_of differ; empty: nowhere."""
    for part, expected in truth.items():
        names = [name for name in sorted(expected.keys() | ours[part].keys()) if ours[part].get(name) != expected.get(name)]
        if names and part == "tables":
            return f"{len(names)} of {len(expected)} tables differ: {names[:3]}"
        if names:
            return f"{names[0]} ({part}) is {ours[part].get(names[0])}, not {expected.get(names[0])}"
    return ""


class Services:
    """The processes of a round. Only the main thread starts and stops them."""

    def __init__(self, folder, archive, choice, counts, trace=None):
        self.folder, self.choice, self.counts, self.trace = folder, choice, counts, trace
        self.service = ("--coordinator", f"unix:{folder}/c.sock")
        self.store_damaged = False  # since the last repair: then a start may be refused
        self.blobs_damaged = False  # by a failpoint that needs it
        self.lost = set()           # requests that a repair named
        self.acknowledged = {}      # client id -> (request, options)
        self.waiting = []           # (client id, options) to be submitted
        self.fillers = FILLERS[:]
        self.lock, self.ended = threading.Lock(), threading.Event()
        folder.mkdir()
        self.log = open(folder / "storm.log", "w")  # pylint: disable=consider-using-with
        for name, size in DISK_BYTES.items():
            (folder / name).mkdir()
            check(subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder / name], check=False).returncode == 0,
                  "a small disk cannot be mounted; run as root, or allow user namespaces")
        (folder / "served.yaml").write_text(MANIFEST.format(archive=archive))
        for name in NODES:
            (folder / "bin" / name).mkdir(parents=True)
            shutil.copy2(BUILD / "bin" / "mole-node", folder / "bin" / name / "mole-node")
            launcher = folder / "bin" / name / "mole-launch"
            launcher.write_text(LAUNCH.format(points=POINTS, launch=BUILD / "bin" / "mole-launch"))
            launcher.chmod(0o755)
            if trace:
                (folder / name / "d" / "cache").mkdir(parents=True)
                pathlib.Path(f"{launcher}.trace").write_text(f"{folder}/{name}/d/cache/trace\n")
        self.coordinator, self.nodes = None, {}
        self.submitter = threading.Thread(target=self.submit_all, daemon=True)

    def begin(self):
        self.start_coordinator("--init")
        for name in NODES:
            self.nodes[name] = self.start_node(name)
        self.submitter.start()

    @property
    def state(self):
        return self.folder / "state" / "s"

    def node_folder(self, name):
        return self.folder / name / "d"

    # ---- processes ----

    def preloaded(self, program, point):
        if point:
            return {**os.environ, "LD_PRELOAD": str(POINTS), "STORM_POINT": point}
        return {**os.environ, "LD_PRELOAD": str(POINTS), "STORM_TRACE": f"{self.trace}.{program}"} if self.trace else None

    def start_coordinator(self, *more, point=None):
        """Starts it, after a repair if its store was damaged. Returns whether it is ready: a failpoint may end it before."""
        log = self.folder / "coordinator.log"
        begin = log.stat().st_size if log.exists() else 0
        self.coordinator = Daemon("mole-coordinator", "--state", self.state, "--listen", self.service[1], "--lease", f"{LEASE}s",
                                  "--heartbeat", "300ms", *more, ready="", log=log, env=self.preloaded("coordinator", point))
        if "ready" in self.coordinator.ready:
            return True
        code = self.coordinator.process.wait(60)
        if point and code == -9:
            return False
        said = log.read_bytes()[begin:].decode(errors="replace")[-2000:]
        check(self.store_damaged and code == 1 and "mole state check --repair" in said, f"the coordinator does not start ({code}): {said}")
        self.counts["starts_refused"] += 1
        self.repair()
        return self.start_coordinator(*more)

    def start_node(self, name, point=None):
        return Daemon(self.folder / "bin" / name / "mole-node", *self.service, "--dir", self.node_folder(name), "--slots", 1, "--threads", 1,
                      "--worker", BUILD / "bin" / "mole-worker", log=self.folder / f"{name}.log", env=self.preloaded(name, point))

    def restart_node(self, name):
        if self.nodes[name].process.poll() is None:
            self.nodes[name].kill()
        self.nodes[name] = self.start_node(name)

    def supervise(self):
        """Starts what has ended. A coordinator may only end by itself after its store was damaged."""
        code = self.coordinator.process.poll()
        if code is not None:
            check(self.store_damaged and code == 1, f"the coordinator ended by itself with {code}; see {self.folder}/coordinator.log")
            self.counts["stopped_on_damage"] += 1
            self.repair()
            self.start_coordinator()
        for name, node in self.nodes.items():
            code = node.process.poll()
            check(code is None, f"{name} ended by itself with {code}; see its log in {self.folder}")

    def stop(self):
        for name, process in [*self.nodes.items(), ("coordinator", self.coordinator)]:
            check(process.stop() == 0, f"{name} did not stop cleanly")

    def end(self):
        """Ends everything, whatever state it is in."""
        self.ended.set()
        if self.submitter.ident is not None:
            self.submitter.join()
        for process in [*self.nodes.values(), self.coordinator]:
            if process and process.process.poll() is None:
                process.kill()

    def repair(self):
        """Repairs the state of the stopped coordinator. The requests that are lost must be named."""
        found = mole_json("state", "check", "--repair", "--state", self.state, code=(0, 1))
        lost = set(found["lost_requests"]) - self.lost
        check(self.store_damaged or not (lost or found["lost_changes"]), f"lost without any damage of the store: {found}")
        self.store_damaged = False
        self.counts["repairs"] += 1
        self.counts["lost_and_named"] += len(lost)
        self.lost |= lost
        again = mole("state", "check", "--state", self.state, "--json", code=(0, 1))
        check(again.returncode == 0, f"a state is damaged after its repair: {again.stdout[-2000:]}")
        return found

    # ---- requests ----

    def submit(self, options):
        """Has a request submitted until it is acknowledged, as a user would who repeats the command."""
        with self.lock:
            self.counts["requests"] += 1
            self.waiting.append((f"client-{self.counts['requests']}", options))

    def submit_filler(self):
        if self.fillers:
            self.submit(self.fillers.pop())

    def submit_all(self):
        while not self.ended.wait(0.05):
            with self.lock:
                if not self.waiting:
                    continue
                client, options = self.waiting[0]
            done = subprocess.run([str(MOLE), "request", "submit", "served.yaml", *options, "--id", client, "--json", *self.service],
                                  cwd=self.folder, capture_output=True, text=True, timeout=120, check=False)
            if done.returncode != 0:
                continue
            with self.lock:
                self.acknowledged[client] = (json.loads(done.stdout)["id"], options)
                self.waiting.pop(0)

    def listed(self):
        """Returns the state of each request. If the answer is that rows are damaged, the store is repaired first."""
        for _ in range(100):
            done = subprocess.run([str(MOLE), "request", "list", "--json", *self.service], capture_output=True, text=True, timeout=120, check=False)
            if done.returncode == 0:
                return {request["id"]: request["state"] for request in json.loads(done.stdout)}
            if self.store_damaged and "mole state check --repair" in done.stderr and self.coordinator.process.poll() is None:
                self.counts["answered_with_damage"] += 1
                self.coordinator.kill()
                self.repair()
                self.start_coordinator()
            self.supervise()
            time.sleep(0.1)
        return check(False, f"no answer: {done.stderr}")

    def check_acknowledged(self):
        """Every acknowledged request exists, except those that a repair named; these are submitted again."""
        with self.lock:
            before = dict(self.acknowledged)
        known = self.listed()
        with self.lock:
            for client, (request, options) in before.items():
                if request in known:
                    continue
                check(request in self.lost, f"request {request} of {client} was acknowledged and is lost, and no repair named it")
                self.counts["submitted_again"] += 1
                del self.acknowledged[client]
                self.waiting.append((client, options))
        return not self.waiting

    def wait_ends(self, seconds=300):
        """Waits until every request has ended. Those that failed, because faults hit them again and again, are submitted again."""
        def ended():
            self.supervise()
            if not self.check_acknowledged():
                return False
            states = self.listed()
            if any(states.get(r) not in ENDED for r, _ in self.acknowledged.values()):
                return False
            failed = [(client, r, options) for client, (r, options) in self.acknowledged.items() if states[r] not in ("PARTIAL", "COMPLETE")]
            for client, request, options in failed:
                tries = client.count("+")
                check(tries < 3, f"{request} ended {states[request]}: {mole('request', 'show', request, *self.service).stdout[-3000:]}")
                self.counts["given_up"] += 1
                with self.lock:
                    del self.acknowledged[client]
                    self.waiting.append((client + "+", options))
            return not failed
        wait_until(ended, "all requests to end", seconds)
