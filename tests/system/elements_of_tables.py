#!/usr/bin/env python3
"""Checks information elements that are columns of CSV and Parquet files: printed, in filters and as groups, against sums of the rows."""
import collections
import csv
import io
import json
import random

from system import TemporaryFolder, check, mole, query, rows

START = 1190487600
NAMES = ["example.org", "a.example", "", "it;has;semicolons", "<&>\"quoted\" \u00e4"]
HEADER = "start,end,src_addr,dst_addr,src_port,dst_port,protocol,packets,bytes,dnsName,flowId,wlanSSID,systemInitTimeMilliseconds"
MANIFEST = """
pipeline: {name}
archives:
  flows:
    downloader: directory
    params: {{root: {name}}}
    files: "{{start:unix}}.table"
    covers: 1h
    block: {{length: 1h, origin: 00:00}}
modules:
  names: {{plugin: traffic, input: {{archive: flows}}, interval: 1h, by: [dnsQName]}}
  few: {{plugin: traffic, input: {{archive: flows}}, interval: 1h, filter: "flowId < 30 and dnsQName = \\"a.example\\""}}
"""

with TemporaryFolder("table-elements") as folder:
    chance = random.Random(3)
    flows = []
    for hour in range(2):
        for i in range(400):
            second = START + hour * 3600 + 300 + i * 8
            flows.append([second, second + 1, f"10.0.0.{i % 250}", "192.0.2.1", 1024 + i, 80, 6, 2, 100 + i, chance.choice(NAMES), chance.choice(["", *range(100)]),
                          chance.choice(["", "net"]), f"2007-09-22T19:00:{i % 60:02}Z"])
    for name in ("csv", "parquet"):
        (folder / name).mkdir()
    for hour in range(2):
        table = io.StringIO()
        writer = csv.writer(table)
        writer.writerow(HEADER.split(","))
        writer.writerows(flows[hour * 400:hour * 400 + 400])
        file = folder / "csv" / f"{START + hour * 3600}.table"
        file.write_text(table.getvalue())
        query(f"COPY (SELECT * REPLACE (make_timestamp(start * 1000000) AS start, make_timestamp(\"end\" * 1000000) AS \"end\") FROM read_csv('{file}', header = true)) "
              f"TO '{folder / 'parquet' / file.name}' (FORMAT parquet)")

    def printed(name):
        return list(csv.DictReader(io.StringIO(mole("flows", folder / name, "--columns", "bytes,dnsQName,flowId,wlanSSID,systemInitTimeMilliseconds", "--format", "csv").stdout)))

    expected = [{"bytes": str(f[8]), "dnsName": f[9].replace("\\", "\\\\").replace(";", "\\;"), "flowId": str(f[10]), "wlanSSID": f[11], "systemInitTimeMilliseconds": f[12]} for f in flows]
    for name in ("csv", "parquet"):
        got = printed(name)
        different = [(a, b) for a, b in zip(got, expected) if a != b]
        check(len(got) == len(expected) and not different, f"{name}: {len(got)} flows, first difference {different[:1]}")

    by_name = collections.Counter()
    for f in flows:
        by_name[f[9]] += 1
    few = sum(1 for f in flows if f[10] != "" and int(f[10]) < 30 and f[9] == "a.example")
    for name in ("csv", "parquet"):
        (folder / f"{name}.yaml").write_text(MANIFEST.format(name=name))
        state = ("--state", folder / f"state-{name}")
        mole("run", f"{name}.yaml", "--from", f"@{START}", "--to", f"@{START + 7200}", "--partial", *state, "--progress=none", cwd=folder, code=(0, 3))
        counted = collections.Counter()
        for row in rows(f"{name}/names", *state):
            counted[row["dnsName"]] += int(row["flows"])
        check(counted == by_name, f"{name}: flows by name {counted}, expected {by_name}")
        got = sum(int(row["flows"]) for row in rows(f"{name}/few", *state))
        check(got == few > 0, f"{name}: {got} flows pass the filter, expected {few}")
        print(f"{name}: {len(flows)} flows with elements, {few} pass the filter")
