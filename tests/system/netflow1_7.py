#!/usr/bin/env python3
"""Writes the same traffic as NetFlow v1, v5 and v7, compressed in different ways, and checks that all give the rows of v5, also mixed in one archive, and that
lost datagrams of v5 and v7 are counted."""
import bz2
import gzip
import lzma
import random
import struct

from system import TemporaryFolder, check, mole, rows

START, HOURS = 1190487600, 2
V5, V7, V1 = 5, 7, 1
MANIFEST = """
pipeline: v{version}
archives:
  flows:
    downloader: directory
    params: {{root: v{version}}}
    files: "{{router}}_{{start:unix}}"
    covers: 1h
    block: {{length: 1h, origin: 00:00}}
modules:
  traffic: {{plugin: traffic, input: {{archive: flows}}, interval: 15m, by: [router, protocol_class]}}
  ports: {{plugin: ports, input: {{archive: flows}}, interval: 1h}}
  silence: {{plugin: longest_silence, input: {{archive: flows, where: {{router: "1"}}}}, interval: 15m, warmup: 15m}}
"""


def record(version, flow):
    src, dst, packets, octets, first, last, src_port, dst_port, flags, protocol = flow
    head = struct.pack(">IIIHHIIIIHH", src, dst, 0, 1, 2, packets, octets, first, last, src_port, dst_port)
    if version == V1:
        return head + struct.pack(">HBBB11x", 0, protocol, 0, flags)
    return head + struct.pack(">BBBBHHBB", 0, flags, protocol, 0, 0, 0, 0, 0) + bytes(2 if version == V5 else 6)


def datagram(version, seconds, uptime, sequence, flows):
    header = struct.pack(">HHIII", version, len(flows), uptime, seconds, 0) + (b"" if version == V1 else struct.pack(">II", sequence, 0))
    return header + b"".join(record(version, flow) for flow in flows)


def hour(version, router, number, lost):
    """A datagram every 20 seconds; those with a number in `lost` are missing."""
    chance, sequence, out = random.Random(f"{router} {number}"), number * 180 * 10, []
    for i in range(180):
        seconds = START + number * 3600 + i * 20
        uptime = 1_000_000_000 + (seconds - START) * 1000
        flows = [(0x0a000000 + chance.randrange(500), 0xc0000200 + chance.randrange(200), 1 + chance.randrange(50), 40 + chance.randrange(5000),
                  uptime - 2000 - chance.randrange(100_000), uptime - chance.randrange(2000), chance.randrange(65536), chance.choice([53, 80, 443]),
                  chance.randrange(64), chance.choice([1, 6, 17])) for _ in range(10)]
        if i not in lost:
            out.append(datagram(version, seconds, uptime, sequence, flows))
        sequence += len(flows)
    return b"".join(out)


with TemporaryFolder("fixed") as folder:
    compress = [bz2.compress, gzip.compress, lzma.compress, bytes]
    lost = {50, 51, 100}
    for version in (V1, V5, V7, 0):
        (folder / f"v{version}").mkdir()
        for router in (1, 2):
            for number in range(HOURS):
                used = version or (V5, V7, V1)[(router + number) % 3]
                content = hour(used, router, number, lost if (router, number) == (2, 1) else ())
                (folder / f"v{version}" / f"{router}_{START + number * 3600}").write_bytes(compress[(router + number) % 4](content))
    tables = {}
    for version in (V1, V5, V7, 0):
        (folder / f"v{version}.yaml").write_text(MANIFEST.format(version=version))
        state = ("--state", folder / f"state{version}")
        mole("run", f"v{version}.yaml", "--from", f"@{START}", "--to", f"@{START + HOURS * 3600}", "--partial", *state, "--progress=none", cwd=folder, code=(0, 3))
        tables[version] = {module: rows(f"v{version}/{module}", *state) for module in ("traffic", "ports", "silence")}
    for version in (V7, 0, V1):
        for module, expected in tables[V5].items():
            check(expected, f"{module} has rows")
            without = [{k: v for k, v in row.items() if k not in ("flows_lost", "coverage")} for row in tables[version][module]]
            values = [{k: v for k, v in row.items() if k not in ("flows_lost", "coverage")} for row in expected]
            check(without == values, f"v{version}: {module} has the values of v5")
        # The file with losses is v5 in the mixed archive, too.
        check((tables[version] == tables[V5]) == (version != V1), f"v{version}: coverage and losses")
    losses = {version: sum(int(row["flows_lost"]) for row in table["traffic"] if row["protocol_class"] == "tcp") for version, table in tables.items()}
    check(losses[V5] == losses[V7] == losses[0] == 30 and losses[V1] == 0, f"lost flows: {losses}")
    print(f"{sum(map(len, tables[V5].values()))} equal rows of v1, v5, v7 and a mixed archive; lost flows {losses}")

    printed = mole("flows", folder / "v7", "--format", "csv").stdout
    check(printed == mole("flows", folder / "v5", "--format", "csv").stdout, "mole flows prints the same flows")
    check(printed == mole("flows", folder / "v7", "--decoder", "netflow7", "--format", "csv").stdout, "with the decoder named")
