#!/usr/bin/env python3
"""Compares filters with nfdump: a list that contains every word that both accept, and random filters. The same flows are exported to nfcapd
as NetFlow v5, and as v9 for prefix lengths, which nfcapd 1.7.1 does not store from v5. For every filter, flows, packets and bytes of each
protocol class must be equal."""
import bz2
import collections
import os
import pathlib
import random
import struct

from system import TemporaryFolder, check, mole, query
from values_against_nfdump import CLASSES, Collector, nfdump

START = 1190487600  # 2007-09-22T19:00:00Z
GENERATED = 300
MODULES = 64  # of a pipeline, the most it may have

# Every form of every word.
FORMS = """
any
not any
inet | ipv4 | inet6 | ipv6 | not inet | not ipv6
proto tcp | proto UDP | PROTO Icmp | proto 47 | proto gre | proto esp | proto ah | proto ospf | proto icmp6 | proto 0 | proto 255 | not proto tcp
port 80 | src port 80 | dst port 80 | src or dst port 80 | dst or src port 80 | src and dst port 80 | dst and src port 80
port = 80 | port == 80 | port eq 80 | port > 1023 | port gt 1023 | port >= 1024 | port ge 1024 | port < 80 | port LT 80 | port <= 80 | port le 80
port 0 | port 65535 | port 1k | port 0x50 | port > 65534 | src and dst port < 1024 | src and dst port > 1023
not port 80 | not src port 80 | not src and dst port 80 | not port > 1023 | dst port > 1023 and not src port < 1024
port in [80] | port in [80 443 53] | port in [80, 443] | src port in [80,443] | dst port in [0 65535] | src or dst port in [80 443]
src and dst port in [80 443 53] | not port in [80 443] | not dst port in [0]
ip 10.1.2.3 | host 10.1.2.3 | src ip 10.1.2.3 | dst host 10.1.2.3 | src or dst ip 10.1.2.3 | src and dst ip 10.1.2.3 | not ip 10.1.2.3
ip ::1 | ip in [10.1.2.3] | ip in [10.1.2.3, 10.1.2.4] | ip in [10.1.2.3 10.3.2.4] | src ip in [10.1.2.3] | ip in [10.1.2.0/24 172.16.0.0/12]
dst ip in [10.1.2.0/24 10.2.2.3] | src and dst ip in [10.1.0.0/16 10.2.0.0/16] | not ip in [10.1.2.3 10.2.0.0/16]
net 10.1.0.0/16 | src net 10.1.0.0/16 | dst net 10.1.0.0/16 | src or dst net 10.1.0.0/16 | src and dst net 10.1.0.0/16 | not net 10.1.0.0/16
net 10.1/16 | net 172.16/12 | net 10.1.2/24 | net 10.1.2/23 | net 10.1.3.0/16 | net 10.1.2.3/32 | net 0.0.0.0/0 | net 10.1.2.3/31
net 10.1.0.0 255.255.0.0 | src net 172.16.1.1 255.240.0.0 | net 2001:db8::/32
net 10.0.0.0/8 and not net 10.1.0.0/16 | src net 10.1.0.0/16 or dst net 10.2.0.0/16
next ip 10.9.9.9 | next ip 0.0.0.0 | not next ip 10.9.9.9 | next ip in [10.9.9.9 10.9.9.8]
as 64512 | src as 64512 | dst as 64512 | src or dst as 64512 | src and dst as 64512 | as 0 | not as 0 | src as 0 | src and dst as 0
as > 64512 | as ge 64513 | src as < 1 | dst as le 64512 | as in [0 64512] | src as in [64512, 64513] | src and dst as in [0 65535]
not as in [0 64512] | as 4294967295 | as 65535
mask 24 | src mask 24 | dst mask 8 | mask 0 | src or dst mask 16 | src and dst mask 24 | not mask 24 | mask 32 | not src mask 0
if 3 | in if 3 | out if 3 | not if 3 | not in if 3 | if 65535 | if 0
flags S | flags SA | flags AS | flags as | flags X | flags SX | flags FSRPAU | flags U | not flags S | not flags SA | not flags X | not flags AFRPU
flags S and not flags AFRPU | not not flags SA | not (flags S) | not not not flags SA | proto tcp and not flags SA | proto udp and flags A
flags 18 | flags = 18 | flags eq 18 | flags 0 | flags > 0 | flags < 18 | flags ge 16 | flags le 18 | flags 63 | flags > 62 | not flags 18 | not flags > 3
not (flags SA or port 80) | not (flags SA and proto tcp) | not (proto tcp and not (flags AU or not flags S)) | not (flags SA and flags FU)
flags S or not flags A | (flags S or flags A) and not (flags R or flags F) | not (not flags S and port 80) | flags R and not flags 4
icmp-type 8 | icmp-type 3 | icmp-code 3 | icmp-type 8 and icmp-code 0 | icmp-type 0 | icmp-code 0 | not icmp-type 8 | not icmp-code 1
proto icmp and port 2048 | proto icmp and dst port 771 | proto icmp and port 0 | proto icmp and dst port > 1023 | proto icmp and port in [771 2048]
packets 3 | packets = 3 | packets > 10 | packets >= 10 | packets < 2 | packets le 1 | packets 0 | in packets > 10 | not packets > 10 | packets > 1k
bytes 1000 | bytes > 1k | bytes >= 1K | bytes >= 1024 | bytes > 10K | bytes < 1m | bytes >= 1M | bytes < 1g | bytes > 1G | bytes < 1t | bytes < 1T
bytes >= 4294967295 | bytes > 4294967295 | bytes = 0 | bytes > 0x400 | in bytes > 1k | not bytes > 1k | bytes eq 100
bpp > 100 | bpp = 0 | bpp 1 | bpp < 341 | bpp >= 333 | not bpp > 100 | bpp > 1k
bps > 0 | bps > 1m | bps > 1g | bps = 0 | bps 8000 | bps 8k | bps < 131147 | bps >= 131147 | not bps > 1k
pps > 0 | pps 0 | pps > 100 | pps > 1k | pps 1 | pps < 11 | pps <= 10 | not pps > 10
duration 0 | duration = 0 | duration 61 | duration > 1000 | duration >= 1000 | duration < 61 | duration le 61 | duration > 1k | not duration > 60000
tos 16 | tos 0 | tos 255 | tos > 16 | tos >= 16 | tos < 16 | tos le 16 | src tos 16 | not tos 16
PROTO TCP AND PORT 80 | ((proto tcp) and ((port 80))) | proto tcp && port 80 | proto tcp || proto udp && port 53 | !proto tcp | !(port 80)
not proto tcp and port 80 | not (proto tcp and port 80) | not proto tcp or port 80 | not not proto tcp | not not not port 80
proto tcp or proto udp and port 53 | src port 80 and dst port 443 or src port 443 and dst port 80 | src or dst port 80 and proto tcp | port=80 | port>=1024
proto tcp and (src port 80 or dst port 80) and not (src net 10.1.0.0/16 or flags R) | proto tcp and not port 80 # and flags S
"""

# What the guide says: accepted here and not by nfdump, or read differently. Each equals the filter after the arrow in nfdump.
DIFFERENCES = {
    "port != 80": "not port 80",
    "src and dst port != 80": "not src and dst port 80",
    "ip != 10.1.2.3": "not ip 10.1.2.3",
    "ip 10.1.0.0/16": "net 10.1.0.0/16",
    "ip in [10.1.2.3, 10.1.0.0/16]": "ip 10.1.2.3 or net 10.1.0.0/16",  # nfdump drops a network that overlaps an entry before it
    "net in [10.1.0.0/16, 10.2.0.0/16]": "net 10.1.0.0/16 or net 10.2.0.0/16",
    "proto in [tcp, udp]": "proto tcp or proto udp",
    "proto > 17": "not (proto 0 or proto 1 or proto 6 or proto 17)",
    "if in [1, 3]": "if 1 or if 3",
    "icmp-type in [3, 8]": "icmp-type 3 or icmp-type 8",
    "proto tcp and tcp_flags 18": "flags 18",
    "flags s": "flags S",
    "src_port 80": "src port 80",
    "in_if 3 or out_if 3": "if 3",
}


class Flow(collections.namedtuple("Flow", "src dst hop in_if out_if packets bytes duration src_port dst_port flags protocol tos src_as dst_as src_mask dst_mask")):
    def v5(self, uptime):
        return struct.pack(">IIIHHIIIIHHBBBBHHBBH", self.src, self.dst, self.hop, self.in_if, self.out_if, self.packets, self.bytes, uptime - self.duration, uptime,
                           self.src_port, self.dst_port, 0, self.flags, self.protocol, self.tos, self.src_as, self.dst_as, self.src_mask, self.dst_mask, 0)


# Type and length of the fields of a v9 record that has the values of a v5 record (RFC 3954, section 8).
V9 = ((8, 4), (12, 4), (15, 4), (10, 2), (14, 2), (2, 4), (1, 4), (22, 4), (21, 4), (7, 2), (11, 2), (6, 1), (4, 1), (5, 1), (16, 2), (17, 2), (9, 1), (13, 1), (32, 2))


def v9_record(v5):
    """Leaves out the padding and repeats the destination port as the ICMP message, which nfcapd reads from that field only."""
    return v5[:36] + v5[37:46] + v5[34:36]


def exported(flows):
    """Returns the datagrams of the flows, in NetFlow v5 and in v9: 20 flows every 30 seconds, each ended a second before."""
    v5, v9 = [], []
    template = struct.pack(">HHHH", 0, 8 + 4 * len(V9), 256, len(V9)) + b"".join(struct.pack(">HH", *field) for field in V9)
    for at in range(0, len(flows), 20):
        time = START + 60 + at // 20 * 30
        uptime = 86_400_000 + (time - START) * 1000
        records = [flow.v5(uptime - 1000) for flow in flows[at:at + 20]]
        v5.append(struct.pack(">HHIIIIBBH", 5, len(records), uptime, time, 0, at, 0, 0, 0) + b"".join(records))
        data = b"".join(map(v9_record, records))
        data += bytes(-len(data) % 4)
        v9.append(struct.pack(">HHIIII", 9, 1 + len(records), uptime, time, at // 20, 0) + template + struct.pack(">HH", 256, 4 + len(data)) + data)
    return v5, v9


def address(text):
    return struct.unpack(">I", bytes(map(int, text.split("."))))[0]


def made_flows(chance, count):
    """Returns flows whose values lie on both sides of the numbers in the filters."""
    pick = chance.choice

    def host():
        return address(pick(("192.0.2.1", "172.16.5.6", "172.31.255.255") if chance.random() < 0.2 else
                            [f"10.{a}.{b}.{c}" for a in (1, 2, 3) for b in (0, 2) for c in (3, 4, 255)]))

    flows = []
    for _ in range(count):
        protocol = pick((6, 6, 6, 17, 17, 1, 47, 50, 0, 255))
        ports = protocol in (6, 17)
        sport = pick((0, 53, 80, 443, 1000, 1023, 1024, 65535)) if ports else 0
        dport = pick((0, 53, 80, 443, 1000, 1023, 1024, 65535)) if ports else pick((0, 2048, 771, 769)) if protocol == 1 else pick((0, 0, 80))
        flags = pick((0, 2, 0x12, 0x10, 0x18, 0x11, 4, 0x29, 0x3f, 0x52, 0xc2, 0xff)) if protocol == 6 else pick((0, 0, 0x10, 0x12))
        flows.append(Flow(host(), host(), pick((0, address("10.9.9.9"))), pick((0, 1, 2, 3, 65535)), pick((1, 2, 3)),
                          pick((0, 1, 2, 3, 10, 11, 100, 1000, 1001, chance.randrange(5000))),
                          pick((0, 40, 100, 999, 1000, 1001, 1023, 1024, 1025, 10239, 10240, 999_999, 1_000_000, 1 << 20, 10**9 + 1, (1 << 32) - 1, chance.randrange(10**6))),
                          pick((0, 0, 60, 61, 500, 1000, 1001, 60_000, 60_001)), sport, dport, flags, protocol, pick((0, 15, 16, 17, 255)),
                          pick((0, 64512, 64513, 65535)), pick((0, 64512, 64514)), pick((0, 16, 24, 32)), pick((8, 16, 24))))
    return flows


class Generator:
    """Makes random filters that nfdump accepts."""

    def __init__(self, chance):
        self.chance = chance

    def compare(self, *numbers):
        sign = self.chance.choice(("", "=", "==", "eq", ">", "gt", "<", "lt", ">=", "ge", "<=", "le"))
        return f"{sign} {self.chance.choice(numbers)}"

    def some(self, *values):
        separator = self.chance.choice((" ", ", ", ","))
        return "[" + separator.join(map(str, self.chance.sample(values, self.chance.randint(1, len(values))))) + "]"

    def condition(self):
        pick = self.chance.choice
        side = pick(("", "", "src ", "dst ", "src or dst ", "src and dst "))
        port, hosts = ("0", "53", "80", "443", "1k", "1023", "1024", "65535", "0x50"), ("10.1.2.3", "10.2.0.4", "10.3.2.255", "172.16.5.6")
        return pick((
            lambda: pick(("any", "inet", "inet6")),
            lambda: "proto " + pick(("tcp", "udp", "icmp", "gre", "esp", "6", "17", "1", "0", "255", "TCP")),
            lambda: side + "port " + self.compare(*port),
            lambda: side + "port in " + self.some(*port[:-1]),
            lambda: side + pick(("ip ", "host ")) + pick(hosts),
            lambda: side + "ip in " + self.some(*hosts),
            lambda: side + "net " + pick(("10.1.0.0/16", "10.2/16", "172.16/12", "10.1.2.0/24", "10.3.2.255/31", "10.0.0.0 255.0.0.0", "0.0.0.0/0")),
            lambda: side + "as " + self.compare("0", "64512", "64513", "65535", "64k"),
            lambda: side + "as in " + self.some(0, 64512, 64513, 64514),
            lambda: side + "mask " + pick(("0", "8", "16", "24", "32")),
            lambda: pick(("if ", "in if ", "out if ")) + pick(("0", "1", "2", "3", "65535")),
            lambda: "next ip " + pick(("10.9.9.9", "0.0.0.0")),
            lambda: "flags " + "".join(self.chance.sample("SAFRPU", self.chance.randint(1, 6))),
            lambda: "flags " + "".join(self.chance.sample("SAFRPU", self.chance.randint(1, 2))),
            lambda: "flags " + self.compare("0", "2", "18", "16", "63"),
            lambda: pick(("icmp-type 8", "icmp-type 3", "icmp-code 0", "icmp-code 1", "icmp-code 3")),
            lambda: pick(("", "in ")) + "packets " + self.compare("0", "1", "3", "10", "100", "1k"),
            lambda: pick(("", "in ")) + "bytes " + self.compare("0", "100", "1k", "1000", "1024", "10K", "1m", "1M", "1g", "4294967295", "1t"),
            lambda: "bpp " + self.compare("0", "1", "100", "333", "1k", "1m"),
            lambda: "bps " + self.compare("0", "8k", "1m", "1g", "131147"),
            lambda: "pps " + self.compare("0", "1", "10", "100", "1k"),
            lambda: "duration " + self.compare("0", "60", "61", "500", "1k", "60000"),
            lambda: pick(("", "src ")) + "tos " + self.compare("0", "16", "255", "15"),
        ))()

    def filter(self, depth=3):
        kind = self.chance.random()
        if depth == 0 or kind < 0.25:
            return self.condition()
        if kind < 0.45:
            return self.chance.choice(("not ", "NOT ", "! ", "not not ")) + self.operand(depth)
        words = self.chance.choice(("and", "and", "or", "&&", "||", "AND", "OR"))
        return f" {words} ".join(self.operand(depth) for _ in range(self.chance.randint(2, 3)))

    def operand(self, depth):
        text = self.filter(depth - 1)
        return f"({text})" if " " in text and self.chance.random() < 0.6 else text


def apart(name):
    """A condition that matches nothing: modules with equal filters, such as inet and ipv4, are refused."""
    return f"not any and port {name[1:]} or "


def measured(folder, filters):
    """Returns {filter: {class: (flows, packets, bytes)}} as Data Mole counts them."""
    results = {}
    for part in range(0, len(filters), MODULES):
        names = {f"f{part + i}": text for i, text in enumerate(filters[part:part + MODULES])}
        modules = "".join(f"  {name}: {{plugin: traffic, input: {{archive: flows}}, interval: 1h, by: [protocol_class], filter: '{apart(name)}{text}'}}\n"
                          for name, text in names.items())
        (folder / "filters.yaml").write_text(f"""pipeline: filters{part}
archives:
  flows: {{downloader: directory, params: {{root: ./archive}}, files: "{{router}}_{{sequence}}_{{start:unix}}.dat.bz2", covers: 1h, block: {{length: 4h}}}}
modules:
{modules}""")
        mole("run", "filters.yaml", "--from", "2007-09-22T16", "--to", "2007-09-22T20", "--partial", cwd=folder, code=(0, 3))
        found = query(f"""SELECT regexp_extract(filename, 'filters{part}/(f[0-9]+)/', 1), protocol_class, sum(flows), sum(packets), sum(bytes)
            FROM read_parquet('{folder}/state/tables/filters{part}/*/*/*.parquet', filename = true, hive_partitioning = false) GROUP BY ALL""")
        for name, kind, *counts in found:
            if int(counts[0]):
                results.setdefault(names[name], {})[kind] = tuple(map(int, counts))
    return results


def expected(collected, text, no_countries):
    counts = collections.defaultdict(lambda: [0, 0, 0])
    for line in nfdump(collected, "-G", str(no_countries), "-o", "fmt:%pr,%pkt,%byt", text).splitlines():
        if "," in line:
            protocol, packets, octets = (v.strip() for v in line.split(","))
            for k, value in enumerate((1, int(packets), int(octets))):
                counts[CLASSES.get(protocol, "other")][k] += value
    return {kind: tuple(values) for kind, values in counts.items()}


def main():
    chance = random.Random(1190487600)
    forms = [text.strip() for line in FORMS.strip().splitlines() for text in line.replace("||", "\0").split("|")]
    filters = [text.replace("\0", "||") for text in forms]
    generator = Generator(chance)
    while len(filters) < len(forms) + GENERATED:
        text = generator.filter()
        if text not in filters:
            filters.append(text)
    flows = made_flows(chance, 2000)
    with TemporaryFolder("filters") as folder:
        os.environ["MOLE_STATE"] = str(folder / "state")
        (folder / "archive").mkdir()
        v5, v9 = exported(flows)
        (folder / "archive" / f"1_1_{START}.dat.bz2").write_bytes(bz2.compress(b"".join(v5)))
        collections_of = {}
        for name, datagrams in (("v5", v5), ("v9", v9), ("none", [])):
            with Collector(folder / name) as collector:
                collector.send(datagrams)
            collections_of[name] = collector.folder
        no_countries = next(pathlib.Path(collections_of["none"]).iterdir())  # nfdump filters by AS only with a table of countries and AS: an empty one
        ours = measured(folder, filters + list(DIFFERENCES))
        wrong, matching = [], 0
        for text, nfdumps in [(text, text) for text in filters] + list(DIFFERENCES.items()):
            truth = expected(collections_of["v9" if "mask" in text else "v5"], nfdumps, no_countries)
            if ours.get(text, {}) != truth:
                wrong.append(f"{text}\n  ours   {ours.get(text, {})}\n  nfdump {truth}")
            matching += 0 < sum(v[0] for v in truth.values()) < len(flows)
        check(not wrong, f"{len(wrong)} of {len(filters)} filters differ:\n" + "\n".join(wrong))
        print(f"{len(forms)} forms and {GENERATED} random filters equal nfdump's; {matching} choose some of the flows")


if __name__ == "__main__":
    main()
