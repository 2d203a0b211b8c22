#!/usr/bin/env python3
"""Checks metrics, groups, filters and exports of information elements against an independent reader of a captured YAF file with DPI fields."""
import collections
import csv
import io
import struct

from system import BUILD, DATA, TemporaryFolder, check, mole, require_captures, rows

CERT = 6871
LISTS = {(0, 291), (0, 292), (0, 293)}
DNS_NAME, APPLICATION, START = (CERT, 179), (CERT, 33), (0, 152)
HOUR = 1190494800  # 2007-09-22T21:00:00Z


def fields_of(data, at, count):
    fields = []
    for _ in range(count):
        number, length = struct.unpack_from(">HH", data, at)
        at += 4
        enterprise = 0
        if number & 0x8000:
            enterprise, = struct.unpack_from(">I", data, at)
            at += 4
        fields.append(((enterprise, number & 0x7fff), length))
    return fields, at


class Reader:
    """A file of IPFIX messages (RFC 5655) with nested lists (RFC 6313)."""

    def __init__(self, data):
        self.templates, self.options, self.records = {}, set(), []
        at = 0
        while at < len(data):
            version, length = struct.unpack_from(">HH", data, at)
            assert version == 10
            self.message(data[at + 16:at + length])
            at += length

    def message(self, data):
        at = 0
        while at < len(data):
            kind, length = struct.unpack_from(">HH", data, at)
            body = data[at + 4:at + length]
            if kind in (2, 3):
                self.read_templates(body, kind == 3)
            elif kind not in self.options:
                self.records += list(self.read(kind, body))
            at += length

    def read_templates(self, body, options):
        at = 0
        while at + 4 <= len(body):
            number, count = struct.unpack_from(">HH", body, at)
            self.templates[number], at = fields_of(body, at + (6 if options else 4), count)
            if options:
                self.options.add(number)

    def read(self, template, body):
        """Yields a list of (element, bytes) for each record."""
        fields = self.templates[template]
        least = sum(1 if length == 65535 else length for _, length in fields)
        at = 0
        while len(body) - at >= least > 0:
            record = []
            for element, length in fields:
                value, at = self.value(body, at, length)
                record.append((element, value))
                if element in LISTS:
                    record += self.nested(element, value)
            yield record

    @staticmethod
    def value(body, at, length):
        if length == 65535:
            length, at = body[at], at + 1
            if length == 255:
                length, at = struct.unpack_from(">H", body, at)[0], at + 2
        return body[at:at + length], at + length

    def nested(self, element, body):
        if element == (0, 291):
            (fields, at), values = fields_of(body, 1, 1), []
            while at < len(body):
                value, at = self.value(body, at, fields[0][1])
                values.append((fields[0][0], value))
            return values
        if element == (0, 292):
            return [item for record in self.read(struct.unpack_from(">H", body, 1)[0], body[3:]) for item in record]
        values, at = [], 1
        while at + 4 <= len(body):
            template, length = struct.unpack_from(">HH", body, at)
            values += [item for record in self.read(template, body[at + 4:at + length]) for item in record]
            at += length
        return values


MANIFEST = """
pipeline: names
archives:
  yaf:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{start:unix}.ipfix"
    covers: 1h
    export_time: flow_end  # the file was made from a packet capture later
    block: {length: 1h, origin: 00:00}
modules:
  names: {plugin: dns_names, input: {archive: yaf}, interval: 15m}
  applications: {plugin: traffic, input: {archive: yaf}, interval: 1h, by: [application_label]}
  asked: {plugin: traffic, input: {archive: yaf}, interval: 1h, by: [dnsQName], filter: "dnsQName in [\\"%s\\", \\"%s\\"]"}
"""

require_captures()
capture = DATA / "yaf" / "replay_dpi.yaf"
flows = [(int.from_bytes(dict(record)[START], "big"), [v.decode() for e, v in record if e == DNS_NAME],
          int.from_bytes(dict(record)[APPLICATION], "big")) for record in Reader(capture.read_bytes()).records if START in dict(record)]
names = collections.Counter(flow[1][0] for flow in flows if flow[1])
first, second = sorted(names, key=lambda name: (-names[name], name))[:2]
check(len(names) > 10, f"{len(names)} names in the capture")

with TemporaryFolder("elements") as folder:
    (folder / "archive").mkdir()
    (folder / "archive" / f"1_{HOUR}.ipfix").write_bytes(capture.read_bytes())
    (folder / "names.yaml").write_text(MANIFEST % (first, second))
    mole("run", "names.yaml", "--from", f"@{HOUR}", "--to", f"@{HOUR + 3600}", "--partial", "--plugins", BUILD / "tests" / "plugins", "--state", folder / "state",
         "--progress=none", cwd=folder, code=(0, 3))
    state = ("--state", folder / "state")

    distinct = collections.defaultdict(set)
    for start, asked, _ in flows:
        distinct[(start // 1000 - HOUR) // 900].update(asked)
    counted = [int(row["names"]) for row in rows("names/names", *state)]
    check(counted == [len(distinct[i]) for i in range(4)], f"distinct names: {counted}, expected {[len(distinct[i]) for i in range(4)]}")
    print(f"distinct names per quarter of an hour: {counted}")

    labels = collections.Counter(label for _, _, label in flows)
    counted = {int(row["application_label"]): int(row["flows"]) for row in rows("names/applications", *state)}
    check(counted == labels, f"flows by application label: {counted}, expected {labels}")
    print(f"flows by {len(labels)} application labels")

    asked = collections.Counter(flow[1][0] for flow in flows if {first, second} & set(flow[1]))
    counted = {row["dnsName"]: int(row["flows"]) for row in rows("names/asked", *state)}
    check(counted == asked, f"flows by name: {counted}, expected {asked}")

    printed = mole("flows", capture, "--columns", "dnsQName,application_label", "--format", "csv").stdout
    lists = [row["dnsName"] for row in csv.DictReader(io.StringIO(printed))]
    check(sorted(lists) == sorted(";".join(flow[1]) for flow in flows), "mole flows prints all names of each flow")
    print(f"{sum(map(bool, lists))} flows with names")
