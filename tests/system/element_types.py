#!/usr/bin/env python3
"""Exports information elements of every type from a generated IPFIX file, and reads them without this project's readers: their types, values, lists and nulls."""
import csv
import io
import json
import struct

import arrow_reader
from system import TemporaryFolder, check, mole, mole_json, query, rows

NOW = 1190487600  # 2007-09-22T19:00:00Z
BASIC_LIST = 291
# name: (enterprise, id, length in the template, type in Arrow, type in DuckDB)
ELEMENTS = {
    "dataRecordsReliability": (0, 276, 1, "bool", "BOOLEAN"),
    "ipTTL": (0, 192, 1, "uint8", "UTINYINT"),
    "fragmentOffset": (0, 88, 2, "uint16", "USMALLINT"),
    "ingressVRFID": (0, 234, 4, "uint32", "UINTEGER"),
    "flowId": (0, 148, 8, "uint64", "UBIGINT"),
    "mibObjectValueInteger": (0, 434, 4, "int64", "BIGINT"),
    "absoluteError": (0, 320, 8, "float", "DOUBLE"),
    "systemInitTimeMilliseconds": (0, 160, 8, "timestamp[us, UTC]", "TIMESTAMP WITH TIME ZONE"),
    "staIPv4Address": (0, 366, 4, "utf8", "VARCHAR"),
    "sourceMacAddress": (0, 56, 6, "utf8", "VARCHAR"),
    "wlanSSID": (0, 147, 65535, "utf8", "VARCHAR"),
    "ipHeaderPacketSection": (0, 313, 65535, "binary", "BLOB"),
    "9/12232": (9, 12232, 65535, "binary", "BLOB"),
}
# In CSV, JSON, and Arrow as bytes; of two flows that have every element. A third flow has a list of addresses and no other element.
EXPECTED = {
    "dataRecordsReliability": [("true", True, True), ("false", False, False)],
    "ipTTL": [("255", 255, b"\xff"), ("1", 1, b"\1")],
    "fragmentOffset": [("65535", 65535, b"\xff\xff"), ("0", 0, b"\0\0")],
    "ingressVRFID": [("4294967295", 4294967295, b"\xff" * 4), ("7", 7, struct.pack("<I", 7))],
    "flowId": [("18446744073709551615", 18446744073709551615, b"\xff" * 8), ("9", 9, struct.pack("<Q", 9))],
    "mibObjectValueInteger": [("-7", -7, struct.pack("<q", -7)), ("8", 8, struct.pack("<q", 8))],
    "absoluteError": [("0.5", 0.5, struct.pack("<d", 0.5)), ("-2.25", -2.25, struct.pack("<d", -2.25))],
    "systemInitTimeMilliseconds": [("2007-09-22T19:00:00.5Z", "2007-09-22T19:00:00.5Z", struct.pack("<q", NOW * 10**6 + 500_000)),
                                   ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", bytes(8))],
    "staIPv4Address": [("10.0.0.1", "10.0.0.1", b"10.0.0.1"), ("192.0.2.255", "192.0.2.255", b"192.0.2.255")],
    "sourceMacAddress": [("00:11:22:33:44:55",) * 2 + (b"00:11:22:33:44:55",), ("ff:ff:ff:ff:ff:ff",) * 2 + (b"ff:ff:ff:ff:ff:ff",)],
    "wlanSSID": [("Z\u00fcrich;\\,\"1\"",) * 2 + ("Z\u00fcrich;\\,\"1\"".encode(),), ("", "", b"")],
    "ipHeaderPacketSection": [("0x00ff7f", "0x00ff7f", b"\0\xff\x7f"), ("0x", "0x", b"")],
    "9/12232": [("0xc0ffee", "0xc0ffee", b"\xc0\xff\xee"), ("0x01", "0x01", b"\1")],
}
RECORDS = [
    [b"\1", b"\xff", b"\xff\xff", b"\xff" * 4, b"\xff" * 8, struct.pack(">i", -7), struct.pack(">d", 0.5), struct.pack(">Q", NOW * 1000 + 500),
     bytes([10, 0, 0, 1]), bytes.fromhex("001122334455"), "Z\u00fcrich;\\,\"1\"".encode(), b"\0\xff\x7f", b"\xc0\xff\xee"],
    [b"\2", b"\1", b"\0\0", struct.pack(">I", 7), struct.pack(">Q", 9), struct.pack(">i", 8), struct.pack(">d", -2.25), bytes(8), bytes([192, 0, 2, 255]),
     b"\xff" * 6, b"", b"", b"\1"],
]
FLOW = [(0, 152, 8), (0, 153, 8), (0, 8, 4), (0, 12, 4), (0, 4, 1), (0, 1, 8), (0, 2, 8)]


def field(enterprise, number, length):
    return struct.pack(">HH", number | (0x8000 if enterprise else 0), length) + (struct.pack(">I", enterprise) if enterprise else b"")


def data_set(number, body):
    return struct.pack(">HH", number, 4 + len(body)) + body


def flow(i):
    return struct.pack(">QQIIBQQ", NOW * 1000 + i, NOW * 1000 + i + 10, 0x0a000001 + i, 0x0a000100, 6, 100, 2)


def value(length, data):
    return bytes([len(data)]) + data if length == 65535 else data


def content():
    fields = FLOW + [e[:3] for e in ELEMENTS.values()]
    listed = FLOW + [(0, BASIC_LIST, 65535)]
    templates = b"".join(struct.pack(">HH", number, len(f)) + b"".join(field(*one) for one in f) for number, f in ((256, fields), (257, listed)))
    full = b"".join(flow(i) + b"".join(value(e[2], data) for e, data in zip(ELEMENTS.values(), record)) for i, record in enumerate(RECORDS))
    addresses = b"\3" + struct.pack(">HH", 366, 4) + bytes([10, 0, 0, 2]) + bytes([10, 0, 0, 3])
    sets = data_set(2, templates) + data_set(256, full) + data_set(257, flow(2) + bytes([len(addresses)]) + addresses)
    return struct.pack(">HHIII", 10, 16 + len(sets), NOW + 60, 0, 1) + sets


MANIFEST = """
pipeline: types
archives:
  yaf:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{start:unix}.ipfix"
    covers: 1h
    block: {length: 1h, origin: 00:00}
modules:
  stations: {plugin: traffic, input: {archive: yaf}, interval: 1h, by: [staIPv4Address], filter: "9/12232 in [0xc0ffee, 0x01] or not ipTTL >= 0"}
  octets: {plugin: traffic, input: {archive: yaf}, interval: 1h, by: [9/12232]}
  never: {plugin: traffic, input: {archive: yaf}, interval: 1h, by: [wlanChannelId]}
"""


def check_measured(folder):
    """Groups and filters by elements, and the number of flows that have them in the lineage."""
    (folder / "archive").mkdir()
    (folder / "archive" / f"1_{NOW}.ipfix").write_bytes(content())
    (folder / "types.yaml").write_text(MANIFEST)
    run = mole("run", "types.yaml", "--from", f"@{NOW}", "--to", f"@{NOW + 3600}", "--partial", "--state", folder / "state", "--progress=none", cwd=folder, code=(0, 3))
    check("wlanChannelId, which never reads (1 block, files read by ipfix)" in run.stdout + run.stderr, run.stdout + run.stderr)
    check("9/12232, which" not in run.stdout + run.stderr, "a note only on elements that no flow has")
    state = ("--state", folder / "state")
    found = {row["staIPv4Address"]: row["flows"] for row in rows("types/stations", *state)}
    check(found == {"10.0.0.1": "1", "192.0.2.255": "1", "10.0.0.2": "1"}, f"by the first address: {found}")
    found = {row["9/12232"]: row["flows"] for row in rows("types/octets", *state)}
    check(found == {"0xc0ffee": "1", "0x01": "1", "": "1"}, f"by octets: {found}")
    for module, expected in (("stations", {("9/12232", 2), ("ipTTL", 2), ("staIPv4Address", 3)}), ("octets", {("9/12232", 2)}), ("never", {("wlanChannelId", 0)})):
        lineage = json.dumps(mole_json("why", f"types/{module}", "flows", f"@{NOW}", *state))
        for name, present in expected:
            check(f'{{"flows": 3, "name": "{name}", "with_value": {present}}}' in lineage, f"{module}: {name}: {lineage}")
    text = mole("why", "types/octets", "flows", f"@{NOW}", *state).stdout
    check("9/12232: 2 of 3 flows have it" in text, text)


with TemporaryFolder("element_types") as folder:
    path = folder / "flows.ipfix"
    path.write_bytes(content())
    names = list(ELEMENTS)
    listed = {"staIPv4Address": ("10.0.0.2;10.0.0.3", ["10.0.0.2", "10.0.0.3"], [b"10.0.0.2", b"10.0.0.3"])}
    third = {name: listed.get(name, ("", None, None)) for name in names}
    columns = ("--columns", ",".join(names))

    printed = list(csv.DictReader(io.StringIO(mole("flows", path, *columns, "--format", "csv").stdout)))
    for name in names:
        escaped = [e[0].replace("\\", "\\\\").replace(";", "\\;") for e in EXPECTED[name]] + [third[name][0]]
        check([row[name] for row in printed] == escaped, f"csv: {name}: {[row[name] for row in printed]}, expected {escaped}")
    for text in (mole("flows", path, *columns, "--format", "ndjson").stdout.splitlines(),):
        for name in names:
            values = [json.loads(line)[name] for line in text]
            check(values == [[e[1]] for e in EXPECTED[name]] + [third[name][1]], f"ndjson: {name}: {values}")
    times = [json.loads(line)["systemInitTimeMilliseconds"] for line in
             mole("flows", path, *columns, "--format", "ndjson", "--time-format", "epoch_ms").stdout.splitlines()]
    check(times == [[NOW * 1000 + 500], [0], None], f"times in milliseconds: {times}")

    arrow = folder / "flows.arrow"
    mole("flows", path, *columns, "-o", arrow)
    schema, values = arrow_reader.read(arrow.read_bytes())
    for name in names:
        check(schema[name][0] == f"list<{ELEMENTS[name][3]}>" and schema[name][1]["ipfix_element"] == name, f"Arrow: {name}: {schema[name]}")
        check(values[name] == [[e[2]] for e in EXPECTED[name]] + [third[name][2]], f"Arrow: {name}: {values[name]}")

    parquet = folder / "flows.parquet"
    mole("flows", path, *columns, "-o", parquet)
    types = dict(query(f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM '{parquet}')"))
    check(types == {name: ELEMENTS[name][4] + "[]" for name in names}, f"Parquet: {types}")
    for name in names:
        sql = "hex(\"{0}\"[1])" if ELEMENTS[name][4] == "BLOB" else "epoch_us(\"{0}\"[1])" if "TIME" in ELEMENTS[name][4] else "\"{0}\"[1]"
        found = [row[0] if row else "" for row in query(f"SELECT {sql.format(name)} FROM '{parquet}' LIMIT 2")] if name != "wlanSSID" else None
        expected = [e[2].hex().upper() if ELEMENTS[name][4] == "BLOB" else str(int.from_bytes(e[2], "little")) if "TIME" in ELEMENTS[name][4] else e[0]
                    for e in EXPECTED[name]]
        check(found is None or found == expected, f"Parquet: {name}: {found}, expected {expected}")
    lengths = query(f'SELECT len("staIPv4Address"), "staIPv4Address"[2], len("flowId") FROM \'{parquet}\'')
    check(lengths == [["1", "", "1"], ["1", "", "1"], ["2", "10.0.0.3", ""]], f"Parquet: lists and nulls: {lengths}")

    selected = mole("flows", path, "--columns", "9/12232", "--filter", "9/12232 = 0xc0ffee", "--format", "csv").stdout
    check(selected.splitlines() == ["9/12232", "0xc0ffee"], f"an element by its number: {selected}")
    wrong = mole("flows", path, "--columns", "flowIdd", code=2)
    check("did you mean flowId" in wrong.stderr, wrong.stderr)
    check_measured(folder)
    print(f"{len(names)} elements, 3 flows")
