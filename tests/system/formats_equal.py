#!/usr/bin/env python3
"""Checks that the same simulated traffic gives the same rows in every format, compression and mixture, on one process and on two nodes.

  formats_equal.py [HOURS]    # of traffic; 48 by default

The simulator writes the same flows at the same times in each format. The modules are those of the basic set. Coverage and losses are
compared, too, except with nfcapd, whose files contain neither the headers of datagrams nor sequence numbers."""
import shutil
import sys

from system import Daemon, TemporaryFolder, check, mole, mole_json, query, rows, wait_until

HOURS = int(sys.argv[1]) if len(sys.argv) > 1 else 48
START = 1190419200  # 2007-09-22
END = START + (HOURS - 1) * 3600
FILES = "{router}_{sequence}_{start:unix}.dat.bz2"
TREE = "{router}/{start:%Y/%m/%d}/nfcapd.{start:%Y%m%d%H%M}"
ARCHIVE = """
pipeline: {name}
archives:
  simulated:
    downloader: directory
    params: {{root: {root}}}
    files: "{files}"
    covers: 1h
    home: {{networks: [10.19.0.0/16]}}
{decoder}modules:
"""
GROUPED = "input: {archive: simulated}, interval: 1h, by: [direction, protocol_class], totals: [direction, protocol_class]"
MODULES = "".join(f"  {name}: {{plugin: {name}, {GROUPED}}}\n" for name in ("addresses", "autonomous_systems", "ports", "distributions")) + f"""\
  traffic: {{plugin: traffic, input: {{archive: simulated}}, interval: 15m, by: [router, protocol_class]}}
  services: {{plugin: traffic, input: {{archive: simulated}}, interval: 1h, by: [dst_port], filter: "proto tcp and dst port < 1024"}}
  as: {{plugin: traffic, input: {{archive: simulated}}, interval: 1h, by: [src_as]}}
  mean: {{plugin: mean, inputs: {{values: traffic.bytes}}, window: 2h}}
"""
NAMES = [line.split(":")[0].strip() for line in MODULES.splitlines()]
# Columns that describe the archive's files, not the flows.
OF_FILES = ("coverage", "flows_lost", "flows_late", "files_expected", "files_present")


def simulate(folder, form, *more):
    mole("archive", "simulate", folder, "--seed", 5, "--from", f"@{START}", "--to", f"@{START + HOURS * 3600}", "--routers", "1,2", "--flows-per-hour", 300,
         "--format", form, *more)
    shutil.rmtree(folder / "routes")
    (folder / "simulated.json").unlink()


def manifest(folder, name, root, decoder=None, modules=MODULES, files=FILES):
    text = ARCHIVE.format(name=name, root=root, decoder=f"    decoder: {decoder}\n" if decoder else "", files=files)
    (folder / f"{name}.yaml").write_text(text + modules)


def run(folder, name, *more, modules=NAMES):
    mole("run", f"{name}.yaml", "--from", f"@{START}", "--to", f"@{END}", "--state", folder / f"state-{name}", "--progress=none", *more,
         cwd=folder, code=(0, 3), timeout=900)
    return {module: rows(f"{name}/{module}", "--state", folder / f"state-{name}") for module in modules}


def run_on_two_nodes(folder, name):
    address = f"unix:{folder}/{name}.sock"
    service = ("--coordinator", address)
    with Daemon("mole-coordinator", "--state", folder / f"served-{name}", "--init", "--listen", address, ready="ready", log=folder / f"{name}.log"):
        nodes = [Daemon("mole-node", "--coordinator", address, "--dir", folder / f"{name}-node{n}", "--slots", 1, "--threads", 1, "--listen", "tcp:127.0.0.1:0",
                        "--secret", folder / f"served-{name}" / "secret", log=folder / f"{name}-node{n}.log") for n in (1, 2)]
        with nodes[0], nodes[1]:
            request = mole_json("request", "submit", f"{name}.yaml", "--from", f"@{START}", "--to", f"@{END}", *service, cwd=folder)["id"]
            wait_until(lambda: mole_json("request", "show", request, *service, cwd=folder)["state"] in ("COMPLETE", "PARTIAL", "FAILED"), "the request to end", 300)
            return {module: rows(f"{name}/{module}", *service) for module in NAMES}


def same(name, got, truth, modules=NAMES, without=()):
    def values(row):
        return {column: value for column, value in row.items() if column not in without}

    for module in modules:
        check(len(truth[module]) > 0, f"{module} has rows")
        different = [(values(a), values(b)) for a, b in zip(got[module], truth[module]) if values(a) != values(b)]
        check(len(got[module]) == len(truth[module]) and not different,
              f"{name}: {module} has {len(got[module])} rows instead of {len(truth[module])}; first difference {different[:1]}")
    print(f"{name}: {sum(map(len, got.values()))} equal rows", flush=True)


def compare_with_exported_flows(folder, name):
    """Compares sums by address and family with DuckDB's of the flows that mole flows exports."""
    flows = folder / f"{name}.parquet"
    mole("flows", folder / name, "--columns", "start,src_addr,dst_port,bytes,packets", "--format", "parquet", "-o", flows, cwd=folder)
    options = ("--state", folder / f"state-{name}", "--to", f"@{END}")
    hosts = rows(f"{name}/hosts", *options)
    check(hosts and all(row["src_addr"].startswith("2001:db8::") for row in hosts), f"{name}: hosts are IPv6 addresses: {hosts[:2]}")
    interval = "strftime(time_bucket(INTERVAL 1 HOUR, start AT TIME ZONE 'UTC'), '%Y-%m-%dT%H:%M:%SZ')"
    inside = f"epoch_us(start) >= {START}000000 AND epoch_us(start) < {END}000000"
    expected = query(f"SELECT {interval}, src_addr, count(*), sum(bytes)::BIGINT, sum(packets)::BIGINT FROM '{flows}' "
                     f"WHERE src_addr LIKE '%:%' AND {inside} GROUP BY ALL ORDER BY ALL")
    counted = sorted([row["interval_start"], row["src_addr"], row["flows"], row["bytes"], row["packets"]] for row in hosts)
    check(counted == sorted(expected), f"{name}: {len(counted)} rows of IPv6 hosts, and {len(expected)} by DuckDB")
    expected = query(f"SELECT {interval}, dst_port, count(*), sum(bytes)::BIGINT FROM '{flows}' WHERE {inside} GROUP BY ALL")
    counted = [[row["interval_start"], row["dst_port"], row["flows"], row["bytes"]] for row in rows(f"{name}/ports_of_both", *options)]
    check(sorted(counted) == sorted(expected), f"{name}: {len(counted)} rows of ports, and {len(expected)} by DuckDB")
    print(f"{name}: {len(hosts)} rows of IPv6 hosts and {len(counted)} of ports equal DuckDB's", flush=True)


with TemporaryFolder("formats") as folder:
    simulate(folder / "v5", "v5")
    manifest(folder, "v5", "v5")
    truth = run(folder, "v5")
    for form in ("v9", "ipfix", "pcap"):
        simulate(folder / form, form)
        manifest(folder, form, form)
        same(form, run(folder, form), truth)
    simulate(folder / "nfcapd", "nfcapd", "--compress", "zstd")
    manifest(folder, "nfcapd", "nfcapd", files=TREE)
    same("nfcapd", run(folder, "nfcapd"), truth, without=OF_FILES)
    same("nfcapd, on two nodes", run_on_two_nodes(folder, "nfcapd"), truth, without=OF_FILES)
    manifest(folder, "named", "ipfix", "ipfix")
    same("decoder named", run(folder, "named"), truth)

    # An archive whose format changed over the years, and between routers.
    (folder / "mixed").mkdir()
    forms = ("v5", "v9", "ipfix", "pcap", "nfcapd")
    trees = dict(zip(sorted(path.name for path in (folder / "v5").glob("*")), sorted((folder / "nfcapd").rglob("nfcapd.*"))))
    for n, (file, of_tree) in enumerate(trees.items()):
        form = forms[n % len(forms)]
        shutil.copy(of_tree if form == "nfcapd" else folder / form / file, folder / "mixed" / file)
    manifest(folder, "mixed", "mixed")
    same("mixed", run(folder, "mixed", "--threads", "3"), truth, without=OF_FILES)
    same("mixed, on two nodes", run_on_two_nodes(folder, "mixed"), truth, without=OF_FILES)

    # IPv6: the addresses differ from those of v5, but not the counts.
    more = """  hosts: {plugin: traffic, input: {archive: simulated}, interval: 1h, by: [src_addr], filter: "inet6"}
  ports_of_both: {plugin: traffic, input: {archive: simulated}, interval: 1h, by: [dst_port]}
  traffic: {plugin: traffic, input: {archive: simulated}, interval: 15m, by: [router, protocol_class]}
"""
    for form, share in (("v9", "1"), ("ipfix", "0.4"), ("nfcapd", "1"), ("nfcapd", "0.4"), ("pcap", "0.4")):
        name = f"{form}-{share.replace('.', '')}"
        simulate(folder / name, form, "--ipv6", share)
        manifest(folder, name, name, modules=more, files=TREE if form == "nfcapd" else FILES)
        same(name, run(folder, name, modules=["traffic"]), truth, ["traffic"], OF_FILES if form == "nfcapd" else ())
        compare_with_exported_flows(folder, name)
