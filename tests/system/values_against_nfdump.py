#!/usr/bin/env python3
"""Compares flows, packets, bytes and the largest addresses, ASes and ports with nfdump, which collects and decodes the same datagrams.
Argument: captures (the sound hours of an evening) or generated."""
import collections
import csv
import io
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

from system import DATA, TemporaryFolder, check, datagrams, mole, require_captures, readable_content, rows, wait_until
from values import Comparison, Source, number, run, seconds

QUARTER = 900
CLASSES = {"6": "tcp", "17": "udp", "1": "icmp"}
MODULES = """
  traffic: {plugin: traffic, input: {archive: flows}, interval: 15m, by: [protocol_class]}
  addresses: {plugin: top_addresses, input: {archive: flows}, interval: 6h, params: {n: 25, order: bytes}}
  talkers: {plugin: top_addresses, input: {archive: flows}, interval: 6h, params: {n: 25, order: flows}}
  as: {plugin: top_as, input: {archive: flows}, interval: 6h, params: {n: 25, order: packets}}
  ports: {plugin: port_counts, input: {archive: flows}, interval: 6h, params: {n: 100, order: flows}}
"""


def archive_of(folder, kind):
    """Creates an archive whose flows all begin within one interval of 6 hours."""
    root = folder / "archive"
    if kind == "generated":
        mole("archive", "simulate", root, "--from", "2007-09-24T07", "--to", "2007-09-24T11", "--routers", "19991,19993", "--flows-per-hour", 2000,
             "--event", "scan@2007-09-24T09:00/1h")
        return Source(root, "10.19.0.0/16", "", ("2007-09-24T06", "2007-09-24T18"))
    require_captures()
    root.mkdir()
    for name in ("19991_00040895_1190487600", "19991_00040896_1190491200", "19991_00040897_1190494800", "19991_00040898_1190498400",
                 "19993_00040895_1190487600", "19993_00040898_1190498400"):
        shutil.copy(DATA / "archive" / f"{name}.dat.bz2", root)
    return Source(root, "192.168.0.0/16", "", ("2007-09-22T18", "2007-09-23T06"))


def exports(path):
    """Returns the datagrams of a file as received from the network."""
    content, complete = readable_content(path)
    check(complete, f"{path} is damaged")
    offset = 0
    for _, _, _, flows in datagrams(content):
        size = 24 + 48 * len(flows)
        yield content[offset:offset + size]
        offset += size


class Collector:
    """Runs nfcapd on a free loopback port; `feed` sends datagrams to it, which it writes to `folder`."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(["nfcapd", "-w", str(folder), "-p", str(self.port), "-b", "127.0.0.1", "-t", "3600", "-B", "8000000"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.is_listening, "nfcapd to listen")

    def is_listening(self):
        return self.queued_bytes() is not None

    def queued_bytes(self):
        """Returns the bytes in the socket's queue, or None if no process listens."""
        for line in pathlib.Path("/proc/net/udp").read_text().splitlines()[1:]:
            fields = line.split()
            if int(fields[1].split(":")[1], 16) == self.port:
                return int(fields[4].split(":")[1], 16)
        return None

    def feed(self, files):
        sent = 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            for path in files:
                for datagram in exports(path):
                    out.sendto(datagram, ("127.0.0.1", self.port))
                    sent += 1
                    while sent % 16 == 0 and (self.queued_bytes() or 0) > 50_000:
                        time.sleep(0.001)
        wait_until(lambda: self.queued_bytes() == 0, "nfcapd to read all")
        time.sleep(0.05)
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def nfdump(folder, *arguments):
    done = subprocess.run(["nfdump", "-R", str(folder), "-q", "-N", *arguments], capture_output=True, text=True, env={**os.environ, "TZ": "UTC"})
    check(done.returncode == 0, f"nfdump {arguments}: {done.stderr}")
    return done.stdout


def traffic(collected, folder, comparison):
    sums = collections.defaultdict(lambda: [0, 0, 0])
    text = nfdump(collected, "-o", "fmt:%tsr,%pr,%pkt,%byt")
    for line in csv.reader(io.StringIO(text)):
        start, protocol, packets, octets = (v.strip() for v in line)
        total = sums[int(float(start)) // QUARTER * QUARTER, CLASSES.get(protocol, "other")]
        for k, v in enumerate((1, packets, octets)):
            total[k] += int(v)
    seen = 0
    for row in rows("traffic", cwd=folder):
        key = (seconds(row["interval_start"]), row["protocol_class"])
        for column, value in zip(("flows", "packets", "bytes"), sums.get(key, [0, 0, 0]), strict=True):
            comparison.equal(key, column, number(row[column]), value)
        seen += int(row["flows"])
    check(seen == sum(v[0] for v in sums.values()) and seen > 1000, f"{seen} flows measured, {sum(v[0] for v in sums.values())} collected")
    return seen


def ranking(collected, statistic, *condition):
    """Returns (flows, packets, bytes) for every value of nfdump's statistic."""
    text = nfdump(collected, "-s", f"{statistic}/flows", "-n", "0", "-o", "csv", *condition)
    lines = [line for line in csv.DictReader(io.StringIO(text[text.index("ts,"):])) if line.get("val") and line.get("ibyt")]
    return {line["val"].strip(): tuple(int(line[c]) for c in ("fl", "ipkt", "ibyt")) for line in lines}


def largest(module, name, side, order, truth, folder, comparison, listed=lambda value: False):
    """Checks the module's rows of one side: each equals nfdump's, and the ranked ones are the largest, in order."""
    ours = [r for r in rows(module, cwd=folder) if r["side"] == side and int(r["flows"])]
    k = ("flows", "packets", "bytes").index(order)
    for row in ours:
        where = f"{module} {side} {row[name]}"
        check(row[name] in truth, f"nfdump has no row for {where}")
        for column, value in zip(("flows", "packets", "bytes"), truth[row[name]], strict=True):
            comparison.equal(where, column, number(row[column]), value)
        comparison.equal(where, "share", number(row["share"]), truth[row[name]][k] / sum(v[k] for v in truth.values()), 1e-12)
    ranked = [r for r in ours if r["rank"]]
    any_ranked = any(not listed(value) for value in truth)  # the captures contain no AS numbers
    check([int(r["rank"]) for r in ranked] == list(range(1, len(ranked) + 1)) and bool(ranked) == any_ranked, f"{module} {side}: ranks start at 1")
    wanted = sorted((v[k] for value, v in truth.items() if not listed(value)), reverse=True)[:len(ranked)]
    check([int(r[order]) for r in ranked] == wanted, f"{module} {side}: the largest by {order} are {wanted[:5]}, not {[r[order] for r in ranked][:5]}")
    others = {value for value in truth if listed(value)}
    check({r[name] for r in ours if not r["rank"]} == others, f"{module} {side}: {others} have one row each")


def main():
    comparison = Comparison()
    with TemporaryFolder("against-nfdump") as folder:
        source = archive_of(folder, sys.argv[1])
        with Collector(folder / "collected") as collector:
            collector.feed(source.files())
            collected = collector.folder
        run(folder, source, MODULES)
        flows = traffic(collected, folder, comparison)
        for side in ("src", "dst"):
            by_address = ranking(collected, f"{side}ip")
            largest("addresses", "address", side, "bytes", by_address, folder, comparison)
            largest("talkers", "address", side, "flows", by_address, folder, comparison)
            largest("as", "as", side, "packets", ranking(collected, f"{side}as"), folder, comparison, lambda value: value == "0")
            largest("ports", "port", side, "flows", ranking(collected, f"{side}port", "proto tcp or proto udp"), folder, comparison,
                    lambda value: int(value) < 1024)
        print(f"{comparison.values} values over {flows} flows equal nfdump's")


if __name__ == "__main__":
    main()
