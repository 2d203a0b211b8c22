#!/usr/bin/env python3
"""Routers of one archive, each with three hours of which the middle one is unusual: several exporters in a file, restarts, losses, wrong clocks, empty hours,
damaged headers, copies, hidden files. Flows, losses and coverage of the middle hour must be right."""
import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile

from netflow5_writer import DAY, Exporter
from system import TemporaryFolder, check, mole, mole_json, rows

START = 1190480400  # 2007-09-22T17:00:00Z
MIDDLE = START + 3600
WRAP = 1 << 32
NAME = "{}_{}_{}.dat.bz2"


def hour(**values):
    return Exporter(MIDDLE, **values).hour()


def joined(*exporters):
    """The datagrams of several exporters by turns."""
    return [d for turn in zip(*(e.hour() for e in exporters), strict=True) for d in turn]


def restarted():
    before, after = Exporter(MIDDLE, sequence=50_000), Exporter(MIDDLE, boot=MIDDLE + 1700, sequence=0)
    return before.hour()[:29] + after.hour()[30:]


def with_loss():
    one, two = Exporter(MIDDLE, boot=MIDDLE - 40 * DAY, sequence=3_000_000), Exporter(MIDDLE, boot=MIDDLE - 3 * DAY, sequence=400_000)
    out = []
    for i in range(60):
        for exporter in one, two:
            out.append(exporter.export(5, MIDDLE + 60 * i + 2))
        if i == 30:
            two.lose(30)
    return out


def kept_alive(lost):
    """Datagrams without records: the second half of an hour, and a loss that only they show."""
    exporter = Exporter(MIDDLE)
    out = [exporter.export(5, MIDDLE + 60 * i + 2) for i in range(30)]
    exporter.lose(lost)
    return out + [exporter.export(0, MIDDLE + 60 * i + 2) for i in range(30, 60)]


def wrong_clock(minutes):
    """The clock is at 1970 in these minutes."""
    exporter, out = Exporter(MIDDLE), []
    for i in range(60):
        exporter.clock = 60 - MIDDLE if i in minutes else 0
        out.append(exporter.export(5, MIDDLE + 60 * i + 2))
    return out


# The datagrams of the middle hour; flows, lost flows and coverage of its row, at least and at most.
STREAMS = {
    "plain": (hour(), 300, 0, (1, 1)),
    "two_boots": (joined(Exporter(MIDDLE, boot=MIDDLE - 40 * DAY, sequence=3_000_000), Exporter(MIDDLE, boot=MIDDLE - 3 * DAY, sequence=400_000)), 600, 0, (1, 1)),
    "three_exporters": (joined(*(Exporter(MIDDLE, boot=MIDDLE - k * DAY, sequence=10**k) for k in (3, 5, 7))), 900, 0, (1, 1)),
    "one_boot": (joined(Exporter(MIDDLE, sequence=3_000_000), Exporter(MIDDLE, sequence=400_000)), 600, 0, (1, 1)),
    "two_engines": (joined(Exporter(MIDDLE, engine=1), Exporter(MIDDLE, engine=2, sequence=90_000)), 600, 0, (1, 1)),
    "wrapped_sequence": (hour(sequence=WRAP - 100), 300, 0, (1, 1)),
    "wrapped_uptime": (hour(boot=MIDDLE + 1800 - WRAP // 1000), 300, 0, (1, 1)),
    "no_sequence": ([d[:16] + bytes(4) + d[20:] for d in hour()], 300, 0, (1, 1)),
    "restarted": (restarted(), 295, 0, (0.95, 1)),
    "with_loss": (with_loss(), 600, 30, (0.94, 0.96)),
    "kept_alive": (kept_alive(0), 150, 0, (1, 1)),
    "kept_alive_loss": (kept_alive(150), 150, 150, (0.45, 0.55)),
    "kept_alive_only": ([Exporter(MIDDLE).export(0, MIDDLE + 60 * i + 2) for i in range(60)], 0, 0, (1, 1)),
    "clock_at_1970": (hour(clock=4_699_318 - MIDDLE), 0, 0, (0, 0.1)),
    "clock_in_2036": (hour(clock=28 * 365 * DAY), 0, 0, (0, 0.1)),
    "clock_a_day_late": (hour(clock=-DAY), 0, 0, (0, 0.1)),
    "clock_of_a_zone": (hour(clock=8 * 3600), 0, 0, (0, 0.1)),
    "clock_stands_still": ([d[:8] + struct.pack(">I", 1) + d[12:] for d in hour()], 0, 0, (0, 0.1)),
    "clock_corrected": (wrong_clock(range(20)), 200, 0, (0.65, 0.68)),
    "clock_lost": (wrong_clock(range(40, 60)), 200, 0, (0.65, 0.68)),
    "clock_wrong_between": (wrong_clock(range(20, 35)), 225, 0, (0.73, 0.76)),
    "clock_of_one_wrong": (joined(Exporter(MIDDLE), Exporter(MIDDLE, boot=MIDDLE - 3 * DAY, clock=8 * 3600))[:-1], 300, 0, (0.45, 0.55)),
}


def flipped(data, at, bits=1):
    return data[:at] + bytes([data[at] ^ bits]) + data[at + 1:]


def tar(data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("hour")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


# How the middle hour is stored; whether it is read.
STORED = {
    "first_bit": (lambda d: flipped(bz2.compress(d), 0), True), "third_bit": (lambda d: flipped(bz2.compress(d), 2, 4), True),
    "no_header": (lambda d: bz2.compress(d)[4:], True), "not_compressed": (lambda d: d, True), "gzip": (gzip.compress, True),
    "two_gzip_members": (lambda d: gzip.compress(d[:5000]) + gzip.compress(d[5000:]), True), "padded_gzip": (lambda d: gzip.compress(d) + bytes(4096), True),
    "xz": (lzma.compress, True), "lzma": (lambda d: lzma.compress(d, lzma.FORMAT_ALONE), True),
    "tar": (tar, False), "gzip_in_gzip": (lambda d: gzip.compress(gzip.compress(d)), False),
    "gzip_in_bzip2": (lambda d: bz2.compress(gzip.compress(d)), False), "an_error_page": (lambda d: b"<html>404 Not Found</html>" * 50, False),
    "empty_file": (lambda d: b"", False), "zeros": (lambda d: bytes(50_000), False), "nfcapd": (lambda d: b"\x0c\xa5\x02\x00" + d[4:300], False),
}
HIDDEN = ["._" + NAME, "." + NAME, NAME + "~", "#" + NAME + "#", ".#" + NAME, NAME + ".part", NAME + ".crdownload", NAME + ".filepart", NAME + ".tmp",
          "." + NAME + ".Xk2aQ1", ".~tmp~/" + NAME, ".Trash-0/files/" + NAME, ".snapshot/hourly.0/" + NAME, "__MACOSX/._" + NAME]


MANIFEST = """pipeline: unusual
archives:
  a:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    routers: {old-name: two_names}
    covers: 1h
    block: {length: 3h, origin: 02:00}
    export_delay: {start: {1s: 0, 2s: 1}, end: {0s: 0, 1s: 1}}
modules:
  traffic: {plugin: traffic, input: {archive: a}, interval: 1h, by: [router]}
"""


def archive(root):
    """Writes the archive and returns {router: (flows, lost, coverage)} of the middle hour."""
    expected = {}
    before, after = (bz2.compress(b"".join(Exporter(at, sequence=sequence).hour())) for at, sequence in ((START, 1), (MIDDLE + 3600, 601)))
    plain = b"".join(hour())

    def put(name, content):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def router(name, content, flows, lost, coverage):
        put(NAME.format(name, 0, START), before)
        put(NAME.format(name, 2, MIDDLE + 3600), after)
        expected[name] = flows, lost, coverage
        return put(NAME.format(name, 1, MIDDLE), content)

    for name, (datagrams, *right) in STREAMS.items():
        router(name, bz2.compress(b"".join(datagrams)), *right)
    for name, (store, read) in STORED.items():
        router(name, store(plain), *((300, 0, (1, 1)) if read else (0, 0, (0, 0.1))))
    for name in ("hidden", "copied", "linked", "numbered_twice", "two_names"):
        router(name, bz2.compress(plain), 300, 0, (1, 1))
    for name in HIDDEN:
        put(name.format("hidden", 7, MIDDLE), bytes.fromhex("0005160700020000") + bytes(4088))
        put(name.format("2", 7, MIDDLE), bz2.compress(plain))
    for place in ("copy/", "copy/again/"):
        put(place + NAME.format("copied", 1, MIDDLE), bz2.compress(plain))
    linked = NAME.format("linked", 1, MIDDLE)
    for place, link in (("other", os.link), ("newest", os.symlink)):
        (root / place).mkdir()
        link(root / linked, root / place / linked)
    put(NAME.format("numbered_twice", 9, MIDDLE), bz2.compress(plain))
    put(NAME.format("old-name", 1, MIDDLE), bz2.compress(plain))
    return expected


def main():
    with TemporaryFolder("archives") as folder:
        expected = archive(folder / "archive")
        (folder / "m.yaml").write_text(MANIFEST)
        mole("run", "m.yaml", "--from", "2007-09-22T17", "--to", "2007-09-22T20", "--partial", cwd=folder, code=3)
        found = {(r["router"], r["interval_start"][11:13]): r for r in rows("traffic", cwd=folder)}
        check({router for router, _ in found} == set(expected), f"routers: {sorted({router for router, _ in found} ^ set(expected))}")
        wrong = []
        for name, (flows, lost, (least, most)) in expected.items():
            row = found[name, "18"]
            if (int(row["flows"]), int(row["flows_lost"])) != (flows, lost) or not least - 0.01 <= float(row["coverage"]) <= most:
                wrong.append(f"{name}: expected {flows} flows, {lost} lost, coverage {least} to {most}; found {row['flows']}, {row['flows_lost']}, {row['coverage']}")
            if any(int(found[name, at]["flows"]) != 300 or int(found[name, at]["flows_lost"]) for at in ("17", "19")):
                wrong.append(f"{name}: the hours beside it are {found[name, '17']} and {found[name, '19']}")
        check(not wrong, "\n".join(wrong))
        damaged = {file["id"].split("_" + str(MIDDLE))[0][:-2] for file in mole_json("archive", "gaps", "m.yaml", cwd=folder)["damaged"]}
        unread = {name for name, (_, read) in STORED.items() if not read}
        check(unread <= damaged, f"not told as damaged: {unread - damaged}")
    print(f"the middle hours of {len(expected)} routers are right")


if __name__ == "__main__":
    main()
