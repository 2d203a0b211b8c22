#!/usr/bin/env python3
"""Checks that a coordinator and a node stay as small and as fast as they were after the first hundred requests.

A month of simulated hour files is computed once. Then each request asks for some of its days, most with a parameter of its own, which
leaves a revision, results and a folder of its own. Blobs are made older to let time pass: the requests are spread over a month. At the
end the coordinator is killed while it removes garbage. --requests N: how many requests; --without-gc: shows that the checks fail then.
"""
import argparse
import os
import pathlib
import random
import statistics
import subprocess
import time

from system import MOLE, Daemon, TemporaryFolder, check, mole, mole_json, tree_contents

MANIFEST = """
pipeline: month
archives:
  simulated:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    covers: 1h
    block: {length: 1d}
modules:
  traffic: {plugin: traffic, input: {archive: simulated}, interval: 1h, by: [router]}
  mean:    {plugin: mean, inputs: {values: traffic.bytes}, window: 6h}
"""
MONTH, DAYS = 1188604800, 30  # 2007-09-01
WARM, EVERY, KEPT = 100, 5, 40  # requests before the figures count, and between two samples; requests that are kept

# How much a figure may grow beyond a quarter: memory and the database move in steps (buffers, compactions).
SLACK = {"memory": 24 << 20, "bytes in db": 24 << 20, "names in db": 40, "descriptors": 12, "bytes on the node": 1 << 20, "names": 60,
         "bytes": 200_000}


def files_and_bytes(folder):
    count = size = 0
    for root, folders, files in os.walk(folder):
        count += len(folders) + len(files)
        for name in files:
            try:
                size += os.stat(os.path.join(root, name)).st_size
            except FileNotFoundError:
                pass
    return count, size


def cpu_seconds(process):
    """Processor time of another process: how long an answer takes, whatever else the machine does."""
    return time.clock_gettime((~process.pid << 3) | 2)


class Service:
    def __init__(self, folder, with_gc):
        self.folder, self.address = folder, f"unix:{folder}/c.sock"
        self.options = ("--coordinator", self.address)
        self.gc = ("--max-requests", KEPT, "--collect-every", "2s") if with_gc else ("--collect-every", "0s")
        self.start()
        self.node = Daemon("mole-node", "--coordinator", self.address, "--dir", folder / "node", "--slots", 2, "--threads", 1, "--listen",
                           f"unix:{folder}/n.sock", log=folder / "node.log")

    def start(self):
        self.coordinator = Daemon("mole-coordinator", "--state", self.folder / "state", "--init", "--listen", self.address, *self.gc,
                                  ready="ready", log=self.folder / "coordinator.log")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for daemon in (self.node, self.coordinator):
            if daemon.process.poll() is None:
                daemon.kill()

    def run(self, first, last, *options):
        begin, end = (f"@{MONTH + (day - 1) * 86400}" for day in (first, last))
        mole("run", "month.yaml", "--from", begin, "--to", end, "--partial", *options, *self.options, cwd=self.folder, code=(0, 3))

    def random_run(self, chance):
        own = () if chance.randrange(4) == 0 else ("--set", f"modules.mean.params.minimum_coverage={chance.randrange(1, 10**6) / 10**6}")
        day = chance.randrange(1, DAYS - 2)
        self.run(day, day + 2, *own)

    def results(self):
        return [mole("results", f"month/{module}", "--format", "csv", *self.options).stdout for module in ("traffic", "mean")]

    def cpu_of(self, call):
        before = cpu_seconds(self.coordinator.process)
        call()
        return cpu_seconds(self.coordinator.process) - before

    def sample(self):
        out = {}
        for name in ("db", "blobs", "tables", "what_if", "requests"):
            out[f"names in {name}"], out[f"bytes in {name}"] = files_and_bytes(self.folder / "state" / name)
        out["bytes on the node"] = files_and_bytes(self.folder / "node")[1]
        for name, daemon in (("coordinator", self.coordinator), ("node", self.node)):
            status = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
            out[f"{name} memory"] = int(status.split("VmRSS:")[1].split()[0]) * 1024
            out[f"{name} descriptors"] = len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
        for command in (("request", "list"), ("status",)):
            out[f"time of {' '.join(command)}"] = self.cpu_of(lambda: mole(*command, *self.options, "--json"))
        return out


def let_time_pass(folder, seconds):
    for root, folders, files in os.walk(folder):
        for name in files:
            try:
                when = os.stat(os.path.join(root, name)).st_mtime - seconds
                os.utime(os.path.join(root, name), (when, when))
            except FileNotFoundError:
                pass


def check_flat(samples):
    """Compares the medians of the second half of the requests after the first hundred with those of the first half."""
    after = [s for n, s in samples if n > WARM]
    first, second = after[:len(after) // 2], after[len(after) // 2:]
    grown = []
    for name in after[0]:
        before, now = (statistics.median(s[name] for s in part) for part in (first, second))
        print(f"{name:24} {before:16.4f} {now:16.4f}  x {now / before if before else 1:.2f}")
        if now > before * (1.5 if "time" in name else 1.25) + next((value for key, value in SLACK.items() if key in name), 0):
            grown.append(f"{name}: {before:.4f} before, {now:.4f} now")
    check(not grown, "; ".join(grown))


def kill_while_removing(service, chance):
    for _ in range(4):
        for _ in range(3):
            service.random_run(chance)
        let_time_pass(service.folder / "state" / "blobs", 2 * 86400)
        removing = subprocess.Popen([MOLE, "state", "gc", "--max-requests", "1", *service.options], stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL)
        time.sleep(chance.random() * 0.1)  # any moment will do
        service.coordinator.kill()
        removing.wait()
        service.start()


parser = argparse.ArgumentParser()
parser.add_argument("--requests", type=int, default=160)
parser.add_argument("--without-gc", action="store_true")
arguments = parser.parse_args()
age = max(30 * 86400 // arguments.requests, 1800)  # seconds that pass with each request: at least two days with a hundred

with TemporaryFolder("soak") as folder:
    (folder / "month.yaml").write_text(MANIFEST)
    mole("archive", "simulate", folder / "archive", "--seed", 3, "--from", "2007-09-01", "--to", "2007-10-01", "--routers", "1",
         "--flows-per-hour", 20)
    chance = random.Random(1)
    samples, times = [], []
    with Service(folder, not arguments.without_gc) as service:
        service.run(1, DAYS + 1)
        expected = service.results()
        tables = tree_contents(folder / "state" / "tables")
        check(expected[0].count("\n") > 24 * DAYS // 2, "the month has no results")
        for number in range(1, arguments.requests + 1):
            times.append(service.cpu_of(lambda: service.random_run(chance)))
            if number % EVERY == 0:
                let_time_pass(folder / "state" / "blobs", age * EVERY)
                samples.append((number, {**service.sample(), "time of a run": statistics.median(times)}))
                times = []
        check_flat(samples)
        kill_while_removing(service, chance)
        kinds = mole_json("state", "gc", "--max-requests", 1, *service.options)["kinds"]
        again = mole_json("state", "gc", "--max-requests", 1, "--dry-run", *service.options)
        check(again["dry_run"] and not again["kinds"], f"after the removal of {kinds} there is still something to remove: {again}")
        check(service.results() == expected, "the results of the month have changed")
        check(tree_contents(folder / "state" / "tables") == tables, "the tables of the month have changed")
        service.run(1, DAYS + 1)
        check(service.results() == expected, "the results of the month have changed when they were asked for again")
        service.coordinator.stop()
        checked = mole_json("state", "check", "--state", folder / "state")
        check(not any(checked[part] for part in ("tables", "damaged_blobs", "missing_blobs", "lost_requests")), f"damage: {checked}")
