#!/usr/bin/env python3
"""Compares AS numbers from daily routing tables with those of the exporters and with an independent lookup; checks which jobs a changed table affects."""
import bz2
import os
import pathlib
import shutil
import struct
import subprocess
import sys
from collections import Counter
from datetime import datetime

from system import DATA, TemporaryFolder, check, datagrams, mole, mole_json, rows

MINUTE = 60_000_000
INTERVAL, HOUR = 15 * MINUTE, 60 * MINUTE
MANIFEST = """
pipeline: %(name)s
archives:
  flows:
    downloader: directory
    params: {root: %(archive)s}
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    covers: 1h
    block: {length: 6h}
modules:
  systems: {plugin: autonomous_systems, input: {archive: flows, as: %(as)s}, interval: 15m, by: [router]}
  sources: {plugin: traffic, input: {archive: flows, as: %(as)s}, interval: 15m, by: [src_as]}
  chosen:  {plugin: traffic, input: {archive: flows, as: %(as)s}, interval: 15m, filter: "src as %(chosen)d and not dst as %(chosen)d"}
  traffic: {plugin: traffic, input: {archive: flows, as: %(as)s}, interval: 15m}
resources:
  routes: {files: "%(tables)s", valid: 1d}
"""
MODULES = ("systems", "sources", "chosen", "traffic")


def run(folder, name, archive, source, tables, span, chosen):
    (folder / f"{name}.yaml").write_text(MANIFEST % {"name": name, "archive": archive, "as": source, "tables": tables, "chosen": chosen})
    os.environ["MOLE_STATE"] = str(folder / f"state-{name}")
    mole("run", f"{name}.yaml", "--from", span[0], "--to", span[1], "--partial", cwd=folder, code=(0, 3))
    return {module: rows(f"{name}/{module}", cwd=folder) for module in MODULES}


def without_as(content):
    """Returns the same v5 datagrams with src_as and dst_as set to zero."""
    out, at = bytearray(content), 0
    while at + 24 <= len(out):
        count = struct.unpack_from(">H", out, at + 2)[0]
        for record in range(count):
            out[at + 24 + 48 * record + 40:at + 24 + 48 * record + 44] = bytes(4)
        at += 24 + 48 * count
    return bytes(out)


def flows_of(content):
    """Yields (start, src, dst, src_as, dst_as) of every flow."""
    at = 0
    for _, _, _, flows in datagrams(content):
        for record, flow in enumerate(flows):
            yield (flow[0], flow[4], flow[5], *struct.unpack_from(">HH", content, at + 24 + 48 * record + 40))
        at += 24 + 48 * len(flows)


class Table:
    """Longest-prefix match with one dictionary per length."""

    def __init__(self, text):
        self.by_length = {}
        for line in text.splitlines():
            net, asn = line.split()
            address, length = net.split("/")
            a, b, c, d = map(int, address.split("."))
            self.by_length.setdefault(int(length), {})[a << 24 | b << 16 | c << 8 | d] = int(asn)
        self.lengths = sorted(self.by_length, reverse=True)

    def find(self, address):
        for length in self.lengths:
            found = self.by_length[length].get(address >> (32 - length) << (32 - length))
            if found is not None:
                return found
        return 0


def same(one, other, what):
    for module in MODULES:
        check(len(one[module]) > 0, f"{what}: {module} has no rows")
        for a, b in zip(one[module], other[module]):
            check(a == b, f"{what}: {module} differs:\n{a}\n{b}")
        check(len(one[module]) == len(other[module]), f"{what}: {module} has {len(one[module])} and {len(other[module])} rows")


def simulated(folder):
    """Tests with two simulated days whose tables differ: a few prefixes change their AS at midnight."""
    mole("archive", "simulate", folder / "archive", "--seed", 5, "--from", "2007-09-22T18", "--to", "2007-09-23T06", "--routers", "1,2",
         "--flows-per-hour", 3000, "--gap", "2@2007-09-22T20")
    (folder / "zero").mkdir()
    for path in (folder / "archive").glob("*.bz2"):
        (folder / "zero" / path.name).write_bytes(bz2.compress(without_as(bz2.decompress(path.read_bytes()))))
    shutil.copytree(folder / "archive" / "routes", folder / "routes")
    tables = sorted(path.name for path in (folder / "routes").iterdir())
    check(len(tables) >= 2, f"one table per day: {tables}")
    span = ("2007-09-22T18", "2007-09-23T06")
    recorded = run(folder, "recorded", "./archive", "record", "routes/rib.{date}.txt", span, 64512)
    looked_up = run(folder, "looked-up", "./zero", "routes", "routes/rib.{date}.txt", span, 64512)
    same(recorded, looked_up, "AS numbers from daily tables against those in the records")
    check(any(int(r["flows"]) for r in looked_up["chosen"]), "some flows match the filter")
    first = run(folder, "first", "./zero", "routes", "routes/" + tables[0], span, 64512)
    check(first["sources"] != looked_up["sources"], "the first day's table alone must give different numbers, otherwise this test proves nothing")

    os.environ["MOLE_STATE"] = str(folder / "state-looked-up")
    why = mole_json("why", "looked-up/systems", "src_as_count", "2007-09-23T02:00", cwd=folder)
    text = mole("why", "looked-up/systems", "src_as_count", "2007-09-23T02:00", cwd=folder).stdout
    check("rib.2007-09-23.txt" in text and "rib.2007-09-22.txt" not in text, f"why names the table of the day:\n{text}")
    check("routes" in str(why), "the JSON output names it too")
    check("rib." not in mole("why", "looked-up/traffic", "flows", "2007-09-23T02:00", cwd=folder).stdout, "a module that reads no AS number uses no table")

    def new_jobs():
        plan = mole_json("plan", "looked-up.yaml", "--from", span[0], "--to", span[1], "--partial", cwd=folder)
        return {job["job"] for job in plan["new_jobs"]}, str(plan["new_jobs"])
    check(not new_jobs()[0], f"nothing is left to do: {new_jobs()}")
    day = folder / "routes" / "rib.2007-09-23.txt"
    text = day.read_text()
    day.write_text(text.replace("10.19.0.0/16 64512", "10.19.0.0/16 64999"))
    jobs, why = new_jobs()
    expected = {f"looked-up/{module}@2007-09-23T00:00:00Z" for module in ("systems", "sources", "chosen")}
    check(jobs == expected, f"a changed table affects its day: {jobs}, expected {expected}")
    check("rib.2007-09-23.txt" in why, f"the plan names the table: {why}")
    day.write_text("10.19.0.0/16 64512\nnonsense\n")
    refused = mole("run", "looked-up.yaml", "--from", span[0], "--to", span[1], "--partial", cwd=folder, code=(1, 2, 5))
    check("rib.2007-09-23.txt: line 2: " in refused.stderr, f"a damaged table is rejected with its line: {refused.stderr}")
    day.write_text(text)
    check(not new_jobs()[0], f"nothing is left to do after the table is restored: {new_jobs()}")
    print(f"{sum(map(len, looked_up.values()))} rows agree over {len(tables)} tables")


def generated(folder):
    """Tests with an independent generator of flows and their routing table, if it exists."""
    source = DATA.parent / "tools" / "nfgen.cpp"
    if not source.is_file():
        print(f"*** no generator at {source}: set MOLE_TEST_DATA; ITS ROUTING TABLE WAS NOT TESTED ***", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") == "true" else 0)
    program = folder / "nfgen"
    subprocess.run(["g++", "-O1", "-std=c++20", "-o", program, source], check=True)
    start = 1178719200
    contents = {}
    for kind in ("fill", "zero"):
        (folder / kind).mkdir()
        (folder / f"made-{kind}").mkdir()
        subprocess.run([program, "--flows", "60000", "--hours", "2", "--hosts", "4000", "--prefixes", "30000", "--seed", "7", "--as", kind, folder / f"made-{kind}"], check=True)
        for hour, path in enumerate(sorted((folder / f"made-{kind}").glob("nf.*"))):
            contents[kind, hour] = path.read_bytes()
            (folder / kind / f"1_{hour + 1:08d}_{start + 3600 * hour}.dat.bz2").write_bytes(bz2.compress(contents[kind, hour]))
    rib = (folder / "made-fill" / "rib.txt").read_text()
    check(rib == (folder / "made-zero" / "rib.txt").read_text(), "the same seed gives the same table")
    check(all(without_as(contents["fill", hour]) == contents["zero", hour] for hour in range(2)), "the two differ only in AS numbers")
    span = ("2007-05-09T12", "2007-05-09T18")
    table = Table(rib)

    # Look up every flow independently in the generator's table.
    counted = Counter()
    known = {}
    for hour in range(2):
        begin = (start + 3600 * hour) * 1_000_000
        for flow_start, src, dst, src_as, dst_as in flows_of(contents["fill", hour]):
            interval = flow_start // INTERVAL * INTERVAL
            if interval < begin + HOUR and interval + INTERVAL + HOUR > begin:
                counted[interval, table.find(src)] += 1
            for address, asn in ((src, src_as), (dst, dst_as)):
                check(known.setdefault(address, asn) == asn, f"address {address:08x} has two AS numbers: choose a different seed")
    (folder / "rib.txt").write_text(rib)
    plain = run(folder, "plain", "./zero", "routes", "rib.txt", span, 64512)
    measured = {(round(datetime.fromisoformat(r["interval_start"].replace("Z", "+00:00")).timestamp()) * 1_000_000, int(r["src_as"])): int(r["flows"])
                for r in plain["sources"] if int(r["flows"])}
    check(measured == dict(counted), f"flows by source AS: {len(measured)} of ours, {len(counted)} expected; {list(set(measured.items()) ^ set(counted.items()))[:5]}")

    # The generator writes the AS of the prefix from which a host was drawn, not of the longest matching prefix, and its inside network has
    # an AS but no prefix. Host routes are added for these hosts.
    hosts = [(address, asn) for address, asn in sorted(known.items()) if table.find(address) != asn]
    (folder / "hosts.txt").write_text(rib + "".join(f"{a >> 24}.{a >> 16 & 255}.{a >> 8 & 255}.{a & 255}/32 {asn}\n" for a, asn in hosts))
    same(run(folder, "fill", "./fill", "record", "rib.txt", span, 64512), run(folder, "hosts", "./zero", "routes", "hosts.txt", span, 64512),
         "AS numbers looked up against those written by the generator")
    print(f"generator: {len(counted)} intervals and source ASes agree, {len(hosts)} of {len(known)} hosts with host routes")


with TemporaryFolder("routes") as home:
    for part in (simulated, generated):
        (home / part.__name__).mkdir()
        part(pathlib.Path(home / part.__name__))
