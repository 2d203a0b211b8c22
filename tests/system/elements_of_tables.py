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

    # Columns of lists: several values in a flow, none, and nulls among them.
    (folder / "lists").mkdir()
    lists = folder / "lists" / "flows.parquet"
    table = "'2007-09-22 19:00:00'::TIMESTAMP AS start, '2007-09-22 19:00:01'::TIMESTAMP AS \"end\", '10.0.0.1' AS src_addr, '10.0.0.2' AS dst_addr, 1 AS src_port, 2 AS dst_port, 6 AS protocol, 1 AS packets, 99 AS bytes"
    query(f"COPY (SELECT {table}, * FROM (VALUES (['a.', '', NULL, 'b;c'], [1, -1, NULL, 70000]::BIGINT[], ['10.1.2.3', 'x'], [TIMESTAMP '2007-09-22 19:00:03.5'], ['\\x00\\xFF'::BLOB, ''::BLOB], [true, false], [0.5::DOUBLE], [{{'a': 1}}]), "
          "([], NULL, [NULL], [], NULL, [], [], [])) "
          f"AS t(dnsName, flowId, staIPv4Address, systemInitTimeMilliseconds, \"9/12232\", dataRecordsReliability, samplingProbability, wlanSSID)) TO '{lists}' (FORMAT parquet)")
    columns = "bytes,dnsName,flowId,staIPv4Address,systemInitTimeMilliseconds,9/12232,dataRecordsReliability,samplingProbability,wlanSSID"
    got = mole("flows", lists, "--columns", columns, "--format", "csv").stdout.splitlines()[1:]
    check(got == ["99,a.;;b\\;c,1;70000,10.1.2.3,2007-09-22T19:00:03.5Z,0x00ff;0x,true;false,0.5,", "99,,,,,,,,"], got)
    again = folder / "lists" / "again.parquet"
    mole("flows", lists, "--columns", f"start,end,src_addr,dst_addr,src_port,dst_port,protocol,packets,{columns}", "-o", again)
    check(mole("flows", again, "--columns", columns, "--format", "csv").stdout.splitlines()[1:] == got, "an export of lists is read again")
    query(f"COPY (SELECT {table.replace('99', '[1, 2]')}) TO '{lists}' (FORMAT parquet)")
    check("bytes" in mole("flows", lists, code=(1, 3)).stderr, "a list where one number is expected")

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
