#!/usr/bin/env python3
"""Checks that an archive gives the same values when it is read as NetFlow v5 and as the tables that `mole flows` and `nfdump -o csv` write of it."""
import csv
import io
import ipaddress
import shutil
import struct
import subprocess

from system import TemporaryFolder, check, mole, rows

HOURS, START = 4, 1190419200  # 2007-09-22
COLUMNS = ("start", "end", "src_addr", "dst_addr", "src_port", "dst_port", "protocol", "tcp_flags", "tos", "packets", "bytes", "src_as", "dst_as")
MANIFEST = """
pipeline: {name}
archives:
  flows:
    downloader: directory
    params: {{root: {name}}}
    files: "{{router}}_{{sequence}}_{{start:unix}}.dat.bz2"
    covers: 1h
    block: {{length: 2h, origin: 00:00}}
{decoder}modules:
  traffic: {{plugin: traffic, input: {{archive: flows}}, interval: 15m, by: [router, protocol_class]}}
  ports: {{plugin: ports, input: {{archive: flows}}, interval: 1h}}
  addresses: {{plugin: addresses, input: {{archive: flows}}, interval: 1h, by: [router]}}
  flags: {{plugin: tcp_flags, input: {{archive: flows}}, interval: 1h}}
  scans: {{plugin: scans, input: {{archive: flows}}, interval: 1h}}
  as: {{plugin: traffic, input: {{archive: flows}}, interval: 1h, by: [src_as]}}
"""
MODULES = ("traffic", "ports", "addresses", "flags", "scans", "as")
NAMED = """    decoder: {plugin: csv, params: {columns: {start: "first seen", bytes: octets, src_addr: source}, delimiter: ";", zone: Europe/Zurich}}
"""


def values(folder, name, decoder=""):
    (folder / f"{name}.yaml").write_text(MANIFEST.format(name=name, decoder=decoder))
    mole("run", f"{name}.yaml", "--from", f"@{START}", "--to", f"@{START + (HOURS - 1) * 3600}", "--state", folder / f"state-{name}", "--progress=none",
         cwd=folder, code=(0, 3), timeout=900)
    return {module: rows(f"{name}/{module}", "--state", folder / f"state-{name}") for module in MODULES}


def nfcapd_file(flows):
    """Flows as a file of nfdump 1.7, not compressed: one block of records with times, addresses and AS numbers."""
    def record(kind, fields):
        return struct.pack("<HH", kind, 4 + len(fields)) + fields

    records = b""
    for f in flows:
        first, last = (int(f[c]) for c in ("start", "end"))
        generic = struct.pack("<QQQQQHHBBBB", first, last, 0, int(f["packets"]), int(f["bytes"]), int(f["src_port"]), int(f["dst_port"]), int(f["protocol"]),
                              int(f["tcp_flags"]), 0, int(f["tos"]))
        addresses = struct.pack("<II", *(int(ipaddress.ip_address(f[c])) for c in ("src_addr", "dst_addr")))
        elements = record(1, generic) + record(2, addresses) + record(7, struct.pack("<II", int(f["src_as"]), int(f["dst_as"])))
        records += record(11, struct.pack("<HBBHBB", 3, 0, 0, 0, 0, 5) + elements)
    block = struct.pack("<IIHH", len(flows), len(records), 3, 0) + records
    appendix = record(0x8001, b"seed\0\0\0\0") + record(0x8002, bytes(144))
    appendix = struct.pack("<IIHH", 2, len(appendix), 3, 0) + appendix
    return struct.pack("<HHIqBBHIqII", 0xA50C, 2, 0x01070100, START, 0, 0, 1, 1, 40 + len(block), 0, 1) + block + appendix


def printed_by_nfdump(folder, text):
    file = folder / "file.nfcapd"
    file.write_bytes(nfcapd_file(list(csv.DictReader(io.StringIO(text)))))
    return subprocess.run(["nfdump", "-r", file, "-o", "csv"], capture_output=True, check=True, env={"TZ": "UTC", "PATH": "/usr/bin:/bin"}).stdout


with TemporaryFolder("tables") as folder:
    mole("archive", "simulate", folder / "v5", "--seed", 5, "--from", f"@{START}", "--to", f"@{START + HOURS * 3600}", "--routers", "1,2", "--flows-per-hour", 2000)
    shutil.rmtree(folder / "v5" / "routes")
    names = ["csv", "epochs", "parquet", "named"] + (["nfdump"] if shutil.which("nfdump") else [])
    for name in names:
        (folder / name).mkdir()
    for path in sorted((folder / "v5").glob("*.dat.bz2")):
        for name, options in (("csv", ("csv",)), ("epochs", ("csv", "--time-format", "epoch_ms")), ("parquet", ("parquet",))):
            # The content selects the decoder, not the name.
            mole("flows", path, "--columns", ",".join(COLUMNS), "--format", *options, "-o", folder / f"table.{options[0]}")
            shutil.move(folder / f"table.{options[0]}", folder / name / path.name)
        table = list(csv.DictReader((folder / "csv" / path.name).open()))
        lines = ["first seen;end;source;" + ";".join(COLUMNS[3:-3]) + ";octets;src_as;dst_as"]
        for row in table:
            local = f"{row['start'].replace('Z', '+00:00')}"
            lines.append(";".join([local] + [row[c] for c in COLUMNS[1:]]))
        (folder / "named" / path.name).write_text("\r\n".join(lines) + "\r\n")
        if "nfdump" in names:
            (folder / "nfdump" / path.name).write_bytes(printed_by_nfdump(folder, (folder / "epochs" / path.name).read_text()))
    params = ("--decoder", "csv", "--decoder-params")
    named = '{"columns": {"start": "first seen", "bytes": "octets", "src_addr": "source"}, "delimiter": ";"}'
    table = mole("flows", folder / "named" / path.name, "--columns", ",".join(COLUMNS), "--format", "csv", *params, named).stdout
    check(table == (folder / "csv" / path.name).read_text(), "mole flows names the columns of a table as a manifest does")
    for wrong, message, code in (("start=x", "it is not a JSON object", 2), ('{"column": {}}', "there is no parameter 'column'", 1),
                                 ('{"columns": {"start": 7}}', "start", 1)):
        printed = mole("flows", folder / "named" / path.name, *params, wrong, code=code).stderr
        check(message in printed, f"{wrong}: {printed}")
    mole("flows", folder / "named" / path.name, "--decoder-params", named, code=2)
    truth = values(folder, "v5")
    for name in names:
        got = values(folder, name, NAMED if name == "named" else "")
        for module in MODULES:
            check(truth[module], f"{module} has rows")
            different = [(a, b) for a, b in zip(got[module], truth[module]) if a != b]
            check(len(got[module]) == len(truth[module]) and not different,
                  f"{name}: {module} has {len(got[module])} rows instead of {len(truth[module])}; first difference {different[:1]}")
        print(f"{name}: {sum(map(len, got.values()))} equal rows")
