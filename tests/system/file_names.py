#!/usr/bin/env python3
"""Runs small archives with unusual names: copies, temporary files, other patterns, local times, the future, several routers."""
import bz2
import datetime
import os
import shutil
import struct
import zoneinfo

from system import TemporaryFolder, check, mole, mole_json, rows

START = 1190484000  # 2007-09-22T18:00:00Z
MANIFEST = """pipeline: names
archives:
  a:
    downloader: directory
    params: {root: ./archive}
    files: "%s"
    covers: 1h
    block: {length: 2h, origin: 00:00}
%s
modules:
  traffic: {plugin: traffic, input: {archive: a}, interval: 1h%s}
"""
NAMED = "{router}_{sequence}_{start:unix}.dat.bz2"
RANGE = ("--from", "2007-09-22T18", "--to", "2007-09-22T20")


def hour(start, sequence=1, octets=100, datagrams=60, flows=5):
    """The content of one hour: one datagram a minute, each with flows that ended shortly before."""
    out = b""
    for i in range(datagrams):
        now = start + i * 60 + 2
        uptime = (now - start + 86400) * 1000
        out += struct.pack(">HHIIIIBBH", 5, flows, uptime, now, 0, sequence + flows * i, 0, 0, 0)
        for k in range(flows):
            out += struct.pack(">IIIHHIIIIHHBBBBHHBBH", 0x0a000001 + 256 * i + k, 0xc0000201, 0, 1, 2, 1, octets, uptime - 1500,
                               uptime - 500, 1024, 80, 0, 16, 6, 0, 0, 0, 24, 24, 0)
    return bz2.compress(out, 1)


class Archive:
    """A folder of its own with an archive and a manifest."""

    def __init__(self, folder, name, files=NAMED, keys="", by=", by: [router]"):
        self.path = folder / name
        (self.path / "archive").mkdir(parents=True)
        self.files, self.by = files, by
        self.write(keys)

    def write(self, keys=""):
        (self.path / "m.yaml").write_text(MANIFEST % (self.files, "".join(f"    {key}\n" for key in keys.splitlines()), self.by))

    def put(self, name, content):
        path = os.path.join(os.fsencode(self.path / "archive"), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)

    def two_hours(self, router="1", folder="", octets=100):
        for i in range(2):
            self.put(f"{folder}{router}_{i + 1}_{START + 3600 * i}.dat.bz2", hour(START + 3600 * i, 1 + 300 * i, octets))

    def mole(self, *arguments, **options):
        return mole(*arguments, cwd=self.path, **options)

    def run(self, *arguments, range=RANGE, code=(0, 3)):
        return self.mole("run", "m.yaml", *range, "--partial", *arguments, code=code)

    def rows(self, *arguments):
        return rows("traffic", *arguments, cwd=self.path)

    def flows(self):
        return {router: sum(int(r["flows"]) for r in self.rows() if r.get("router", "") == router)
                for router in {r.get("router", "") for r in self.rows()}}


def copies(folder):
    archive = Archive(folder, "same_content")
    archive.two_hours()
    archive.put(f"copy/1_1_{START}.dat.bz2", hour(START))
    done = archive.run()
    check(archive.flows() == {"1": 600}, archive.rows())
    check("note: " in done.stderr and "of the same size" in done.stderr, done.stderr)
    check("with the same content; it is counted once" in archive.mole("archive", "gaps", "m.yaml").stdout, "gaps name the copy")
    check(all(float(r["coverage"]) == 1 or r["interval_start"] >= "2007-09-22T19" for r in archive.rows()), archive.rows())

    archive = Archive(folder, "same_size")
    archive.two_hours()
    other = bytearray(hour(START))
    other[len(other) // 2] ^= 0xff
    archive.put(f"copy/1_1_{START}.dat.bz2", bytes(other))
    for text in (archive.run(code=1).stderr, archive.mole("plan", "m.yaml", *RANGE, "--partial", code=5).stderr):
        check(f"1_1_{START}.dat.bz2" in text and f"copy/1_1_{START}.dat.bz2" in text and "different content" in text, text)

    archive = Archive(folder, "other_size")
    archive.two_hours()
    archive.put(f"copy/1_1_{START}.dat.bz2", hour(START, octets=7777, flows=6))
    text = archive.run(code=5).stderr
    check(f"copy/1_1_{START}.dat.bz2" in text and '"duplicates"' in text, text)
    check("refused" in archive.mole("archive", "index", "m.yaml", code=3).stdout, "the index names the conflict")
    os.utime(archive.path / "archive" / f"1_1_{START}.dat.bz2", (2_000_000_000, 2_000_000_000))
    for policy, flows in ("newest", 600), ("largest", 660), ("all", 960):
        archive.write(f"duplicates: {policy}")
        archive.run()
        check(archive.flows() == {"1": flows}, f"{policy}: {archive.flows()}")
    print("copies count once, other files of the same hour are refused or chosen")


def no_router(folder):
    archive = Archive(folder, "no_router", "nfcapd.{start:%Y%m%d%H}", by="")
    for router, octets in ("zh", 100), ("be", 12345):
        for i in range(2):
            archive.put(f"{router}/nfcapd.20070922{18 + i}", hour(START + 3600 * i, octets=octets, flows=5 if router == "zh" else 7))
    text = archive.run(code=5).stderr
    check("several routers" in text and "{router}/nfcapd" in text, text)
    archive = Archive(folder, "with_router", "{router}/nfcapd.{start:%Y%m%d%H}")
    shutil.copytree(folder / "no_router" / "archive", archive.path / "archive", dirs_exist_ok=True)
    archive.run()
    check(archive.flows() == {"zh": 600, "be": 840}, archive.flows())
    print("several routers under one name are found")


def passed_over(folder):
    archive = Archive(folder, "passed_over")
    archive.two_hours()
    name = f"1_1_{START}.dat.bz2"
    for junk in f"._{name}", f".{name}.Xa12b", f".snapshot/2_1_{START}.dat.bz2", f"{name}~", f"{name}.part", "#1_1_0.dat.bz2#", "README":
        archive.put(junk, b"\x00\x05\x16\x07" + bytes(4092))
    os.mkfifo(archive.path / "archive" / f"3_1_{START}.dat.bz2")
    os.symlink("/dev/zero", archive.path / "archive" / f"4_1_{START}.dat.bz2")
    os.symlink("/etc/passwd", archive.path / "archive" / f"5_1_{START}.dat.bz2")
    archive.run()
    check(archive.flows() == {"1": 600}, archive.flows())
    for verb in "index", "gaps":
        text = archive.mole("archive", verb, "m.yaml").stdout
        for words in "6 paths are not used: hidden, temporary or partial name", "does not match", "a device, FIFO or socket", "outside the archive":
            check(words in text, f"{words}: {text}")
    counted = {p["reason"]: p["count"] for p in mole_json("archive", "gaps", "m.yaml", cwd=archive.path)["passed_over"]}
    check(counted["a link to a place outside the archive"] == 2, counted)
    print("hidden and temporary files, FIFOs, devices and links out of the archive are passed over and counted")


def unusual_bytes(folder):
    archive = Archive(folder, "bytes")
    archive.two_hours(folder=b"z\xfcrich/".decode("utf-8", "surrogateescape"))
    routers = ["zh,1", 'be"rn', "<b>&x", "line\nfeed", "esc\x1b[31mred", "=1+2", "zürich", b"ru\xdfig".decode("utf-8", "surrogateescape")]
    for k, router in enumerate(routers):
        archive.two_hours(router, octets=1000 + k)
    archive.run()
    found = {r["router"] for r in archive.rows()}
    check(found == {"1", *routers[:-1], r"ru\xDFig"}, found)
    chosen = archive.rows("--where", 'router="zh,1"')
    check(len(chosen) == 2 and all(r["router"] == "zh,1" and int(r["bytes"]) == 300_000 for r in chosen), chosen)
    check(len(archive.rows("--where", r"router=ru\xDFig")) == 2, "a name that is not UTF-8 can be chosen")
    print("names of any bytes are read and can be chosen")


def future(folder):
    archive = Archive(folder, "future")
    archive.two_hours()
    for start in 253402297200, 4102444800:
        archive.put(f"1_9_{start}.dat.bz2", hour(START))
    done = archive.run()
    check(archive.flows() == {"1": 600}, archive.flows())
    check("2 files are ignored" in done.stderr, done.stderr)
    gaps = mole_json("archive", "gaps", "m.yaml", cwd=archive.path)
    check([gap["cause"] for gap in gaps["missing"]] == ["future", "future"], gaps["missing"])
    listed = mole_json("archive", "ls", "m.yaml", cwd=archive.path)
    check(sorted(f["state"] for f in listed)[:2] == ["future", "future"], listed)
    print("files of the future are listed and ignored")


def local_times(folder):
    """Four local hours around the end of summer time, of which one occurs twice."""
    zone = zoneinfo.ZoneInfo("Europe/Zurich")
    start = 1193526000  # 2007-10-27T23:00:00Z, 01:00 in Zurich
    period = ("--from", "2007-10-27T22", "--to", "2007-10-28T04")
    utc = [f"2007-10-{27 + (23 + i) // 24}T{(23 + i) % 24:02}:00:00Z" for i in range(4)]
    archive = Archive(folder, "autumn", "{start:%Y/%m}/{router}.{start:%Y%m%d%H%M}.{sequence}", "zone: Europe/Zurich")
    for i in range(4):
        local = datetime.datetime.fromtimestamp(start + 3600 * i, zone)
        archive.put(f"{local:%Y/%m}/zh.{local:%Y%m%d%H%M}.{70 + i}", hour(start + 3600 * i, 1 + 300 * i, flows=i + 1))
    archive.run(range=period)
    flows = {r["interval_start"]: int(r["flows"]) for r in archive.rows()}
    check([flows[t] for t in utc] == [60, 120, 180, 240], flows)

    archive = Archive(folder, "undecided", "nfcapd.{start:%Y%m%d%H%M}", "zone: Europe/Zurich", by="")
    for i in range(4):
        local = datetime.datetime.fromtimestamp(start + 3600 * i, zone)
        archive.put(f"nfcapd.{local:%Y%m%d%H%M}", hour(start + 3600 * i))
    text = archive.run(range=period, code=5).stderr
    check("2007-10-28T00:00:00Z or 2007-10-28T01:00:00Z" in text and "%z" in text, text)
    print("local times are read; the repeated hour is decided by numbers or refused")


def mapped(folder):
    archive = Archive(folder, "mapped", "{router}/{start:%Y-%m-%d}/{start:%H%M%z}.nf", "routers: {10.0.0.1: zurich, rtr-old: zurich}")
    archive.put("rtr-old/2007-09-22/2000+0200.nf", hour(START))
    archive.put("10.0.0.1/2007-09-22/2100+0200.nf", hour(START + 3600, 301))
    archive.put("bern/2007-09-22/1800Z.nf", hour(START))
    archive.run()
    check(archive.flows() == {"zurich": 600, "bern": 300}, archive.flows())
    print("names are mapped to routers")


with TemporaryFolder("names") as temporary:
    for part in copies, no_router, passed_over, unusual_bytes, future, local_times, mapped:
        part(temporary)
