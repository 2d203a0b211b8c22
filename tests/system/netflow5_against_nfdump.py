#!/usr/bin/env python3
"""Compares the decoding of NetFlow v5 with nfdump: 5,000 generated streams of datagrams with loss, repetitions, restarts, wrong clocks,
empty and cut datagrams. nfcapd receives the datagrams of a stream one by one, mole reads them from one file. Every field of every record
must be equal, except the differences that docs/formats/netflow5.md names. Arguments: number of streams, seed."""
import bisect
import collections
import csv
import datetime
import io
import random
import struct
import sys

from system import TemporaryFolder, check, mole
from values_against_nfdump import Collector, nfdump

WRAP = 1 << 32  # SysUptime, ms
DAY = 86_400_000
HOUR = 1190487600  # of the export times, s
# nfcapd 1.7 does not store the prefix lengths of v5, and nfdump prints flags only for TCP.
COLUMNS = ["src_addr", "dst_addr", "next_hop", "src_port", "dst_port", "protocol", "packets", "bytes", "tcp_flags", "tos", "src_as", "dst_as",
           "in_if", "out_if", "start", "end"]
NFDUMP = "fmt:%sa,%da,%nh,%sp,%dp,%pr,%pkt,%byt,%flg,%tos,%sas,%das,%in,%out,%ts,%te"


def address(number):
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


class Exporter:
    """The state of an exporting process."""

    def __init__(self, chance):
        self.seconds = HOUR + chance.randrange(3600) + chance.choice([0, 0, 0, 8 * 3600, -3 * 86400, 200 * 86400 - HOUR])
        self.uptime = chance.choice([chance.randrange(WRAP), 0, 1000, 60_000, WRAP - 500, 40 * DAY])
        self.sequence = chance.choice([0, chance.randrange(WRAP), WRAP - 10])
        self.engine = chance.choice([0, 0, 1, 257])
        self.nanoseconds = chance.choice([0, 0, 123_456_789, 999_999_999, 4_000_000_000])

    def step(self, chance):
        step = chance.choice([0, 0, 1, 10, 10, 3600])
        self.seconds = (self.seconds + step) % WRAP
        self.uptime = (self.uptime + step * 1000) % WRAP

    def disturb(self, chance):
        kind = chance.choice(["restart", "sequence", "clock", "uptime", "loss"])
        if kind == "restart":
            self.uptime, self.sequence = chance.randrange(5000), 0
        elif kind == "sequence":
            self.sequence = chance.randrange(WRAP)
        elif kind == "clock":
            self.seconds = (self.seconds + chance.choice([-8 * 3600, -30, 30, 8 * 3600])) % WRAP
        elif kind == "uptime":
            self.uptime = chance.randrange(WRAP)
        else:
            self.sequence = (self.sequence + chance.choice([1, 30, 5000, 2_000_000])) % WRAP


class Generator:
    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.sent = {}  # record number -> (SysUptime, first, last)

    def record(self, uptime):
        chance = self.chance
        number = len(self.sent) + 1
        age = chance.choice([0, 500, chance.randrange(60_000), chance.randrange(60_000), chance.randrange(DAY), 25 * DAY, 30 * DAY, 49 * DAY, -3, -40_000])
        last = (uptime - age) % WRAP
        first = (last - chance.choice([0, 0, 1, chance.randrange(60_000), chance.randrange(1_800_000), 3 * DAY])) % WRAP
        odd = chance.randrange(40)
        if odd == 0:
            first, last = 0, 0
        elif odd == 1:
            first, last = last, first
        elif odd == 2:
            last = chance.randrange(WRAP)
        self.sent[number] = (uptime, first, last)
        return struct.pack(">IIIHHIIIIHHBBBBHHBBH", number, chance.randrange(WRAP), chance.choice([0, chance.randrange(WRAP)]), chance.choice([0, 5, 17, 300, 65535]),
                           chance.choice([0, 3, 65535]), chance.randrange(1, 1 << 31), chance.randrange(1, WRAP), first, last, chance.randrange(65536),
                           chance.randrange(65536), 0, chance.randrange(256), chance.choice([6, 17, 47, 255]), chance.randrange(256),
                           chance.choice([0, 500, 65535]), chance.choice([0, 3, 64500]), chance.randrange(33), chance.randrange(33), 0)

    def datagram(self, exporter):
        count = self.chance.choice([0, 1, 1, 2, 3, 5, 5, 30])
        records = b"".join(self.record(exporter.uptime) for _ in range(count))
        header = struct.pack(">HHIIIIHH", 5, count, exporter.uptime, exporter.seconds, exporter.nanoseconds, exporter.sequence, exporter.engine, 0)
        exporter.sequence = (exporter.sequence + count) % WRAP
        return header + records

    def stream(self):
        """The datagrams of one or two exporters, as they arrive, and whether some are damaged."""
        chance = self.chance
        exporters = [Exporter(chance) for _ in range(chance.choice([1, 1, 2]))]
        arrived, sound = [], 0
        damage = False
        for _ in range(chance.randrange(1, 12)):
            exporter = chance.choice(exporters)
            exporter.step(chance)
            if chance.randrange(5) == 0:
                exporter.disturb(chance)
            datagram = self.datagram(exporter)
            fate = chance.randrange(20)
            if fate == 0:
                continue  # lost
            if fate == 1:
                arrived.append(arrived[-1] if arrived else datagram)  # repeated
            elif fate < 4 and sound >= 3:
                datagram = datagram[:chance.randrange(1, len(datagram))] if fate == 2 else struct.pack(">H", chance.choice([4, 13, 261])) + datagram[2:]
                sound, damage = 0, True
            sound += 1
            arrived.append(datagram)
        return arrived, damage


def same_time(number, ours, theirs, sent):
    """Whether the times of mole and nfdump are equal, or differ in a way that docs/formats/netflow5.md names."""
    if ours == theirs:
        return True
    uptime, first, last = sent[number]
    near_wrap = uptime >= WRAP - 100_000 and min(first, last) < 100_000
    return (first > last or last > uptime + 100_000 or near_wrap) and all((a - b) % WRAP == 0 for a, b in zip(ours, theirs, strict=True))


def milliseconds(text):
    """Of "2007-09-22 19:00:00.123", UTC."""
    return int(datetime.datetime.fromisoformat(text + "+00:00").timestamp() * 1000 + 0.5)


def records_of_nfdump(collected):
    for line in csv.reader(io.StringIO(nfdump(collected, "-o", NFDUMP))):
        fields = [field.strip() for field in line]
        flags = int(fields[8], 16) if fields[8].startswith("0x") else sum(1 << 7 - i for i, c in enumerate(fields[8]) if c != ".")
        protocol = {"TCP": "6", "UDP": "17", "GRE": "47"}.get(fields[5], fields[5])
        times = tuple(milliseconds(field) for field in fields[14:])
        yield (*fields[:5], protocol, *fields[6:8], str(flags), *fields[9:14]), times


def records_of_mole(paths):
    done = mole("flows", *paths, "--format", "csv", "--columns", ",".join(COLUMNS), "--time-format", "epoch_ms", "--threads", 1, code=(0, 1, 3))
    for row in csv.DictReader(io.StringIO(done.stdout)):
        row["tcp_flags"] = row["tcp_flags"] if row["protocol"] == "6" else "0"
        yield tuple(row[c] for c in COLUMNS[:-2]), (int(row["start"]), int(row["end"]))


def by_stream(records, ends):
    """Groups records by the stream that their number belongs to; a record of no stream is in group -1."""
    groups = collections.defaultdict(list)
    for record in records:
        number = number_of(record)
        groups[bisect.bisect_left(ends, number) if number <= ends[-1] else -1].append(record)
    return groups


def number_of(record):
    return struct.unpack(">I", bytes(int(part) for part in record[0][0].split(".")))[0]


def main():
    streams, seed = (int(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) > 2 else (5000, 1)
    generator = Generator(seed)
    with TemporaryFolder("netflow5") as folder:
        arrived, damaged, ends, paths = [], [], [], []
        for number in range(streams):
            datagrams, damage = generator.stream()
            arrived.append(datagrams)
            damaged.append(damage)
            ends.append(len(generator.sent))
            paths.append(folder / f"{number:05}.dat")
            paths[-1].write_bytes(b"".join(datagrams))
        with Collector(folder / "collected") as collector:
            collector.receive((f"127.{1 + number // 62_500}.{number // 250 % 250}.{1 + number % 250}", stream) for number, stream in enumerate(arrived))
            theirs = by_stream(records_of_nfdump(collector.folder), ends)
        ours = by_stream(records_of_mole(paths), ends)
    equal = named = unread = 0
    mixed = len(ours[-1])
    for stream in range(streams):
        if not damaged[stream]:
            check([r for r, _ in ours[stream]] == [r for r, _ in theirs[stream]], f"stream {stream}: mole {ours[stream]}, nfdump {theirs[stream]}")
        left = collections.defaultdict(list)
        for other, other_times in theirs[stream]:
            left[other].append(other_times)
        for record in ours[stream]:
            if not left[record[0]]:
                mixed += 1
                continue
            other_times = left[record[0]].pop(0)
            check(same_time(number_of(record), record[1], other_times, generator.sent),
                  f"{record}: nfdump {other_times}; SysUptime, first, last {generator.sent[number_of(record)]}")
            equal += 1
            named += record[1] != other_times
        unread += sum(map(len, left.values()))
    # A file has no borders between datagrams, so beside damage a sound one may not be found, and a cut one may not be recognised.
    check(equal > 10 * streams and unread < equal / 100 and mixed < equal / 1000,
          f"{equal} records are equal; beside damage, {unread} were not read and {mixed} are not nfdump's")
    print(f"{equal} records of {streams} streams are equal, {named} with times that differ as documented; beside damage, {unread} were not read and "
          f"{mixed} are not nfdump's")


if __name__ == "__main__":
    main()
