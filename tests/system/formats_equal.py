#!/usr/bin/env python3
"""Checks that the same simulated traffic gives the same rows in every format, compression and mixture, on one process and on two nodes.

  formats_equal.py [HOURS]    # of traffic; 6 by default

The simulator writes the same flows at the same times in each format. Coverage and losses are compared, too."""
import pathlib
import shutil
import sys

from system import Daemon, TemporaryFolder, check, mole, mole_json, query, rows, wait_until

HOURS = int(sys.argv[1]) if len(sys.argv) > 1 else 6
START = 1190419200  # 2007-09-22
ARCHIVE = """
pipeline: {name}
archives:
  simulated:
    downloader: directory
    params: {{root: {root}}}
    files: "{{router}}_{{sequence}}_{{start:unix}}.dat.bz2"
    covers: 1h
    block: {{length: 2h, origin: 00:00}}
{decoder}modules:
"""
MODULES = """  traffic: {plugin: traffic, input: {archive: simulated}, interval: 15m, by: [router, protocol_class]}
  ports: {plugin: ports, input: {archive: simulated}, interval: 1h}
  addresses: {plugin: unique_addresses, input: {archive: simulated}, interval: 1h, by: [router]}
  services: {plugin: traffic, input: {archive: simulated}, interval: 1h, by: [dst_port], filter: "proto tcp and dst port < 1024"}
  as: {plugin: traffic, input: {archive: simulated}, interval: 1h, by: [src_as]}
  mean: {plugin: mean, inputs: {values: traffic.bytes}, window: 2h}
"""
NAMES = [line.split(":")[0].strip() for line in MODULES.splitlines()]


def simulate(folder, form, *more):
    mole("archive", "simulate", folder, "--seed", 5, "--from", f"@{START}", "--to", f"@{START + HOURS * 3600}", "--routers", "1,2", "--flows-per-hour", 3000,
         "--format", form, *more)
    shutil.rmtree(folder / "routes")
    (folder / "simulated.json").unlink()


def manifest(folder, name, root, decoder=None):
    text = ARCHIVE.format(name=name, root=root, decoder=f"    decoder: {decoder}\n" if decoder else "")
    (folder / f"{name}.yaml").write_text(text + MODULES)


def run(folder, name, *more):
    mole("run", f"{name}.yaml", "--from", f"@{START}", "--to", f"@{START + (HOURS - 1) * 3600}", "--state", folder / f"state-{name}", "--progress=none", *more,
         cwd=folder, code=(0, 3), timeout=900)
    return {module: rows(f"{name}/{module}", "--state", folder / f"state-{name}") for module in NAMES}


def run_on_two_nodes(folder, name):
    address = f"unix:{folder}/c.sock"
    service = ("--coordinator", address)
    with Daemon("mole-coordinator", "--state", folder / "served", "--init", "--listen", address, ready="ready", log=folder / "coordinator.log"):
        nodes = [Daemon("mole-node", "--coordinator", address, "--dir", folder / f"node{n}", "--slots", 1, "--threads", 1, "--listen", "tcp:127.0.0.1:0",
                        log=folder / f"node{n}.log") for n in (1, 2)]
        with nodes[0], nodes[1]:
            request = mole_json("request", "submit", f"{name}.yaml", "--from", f"@{START}", "--to", f"@{START + (HOURS - 1) * 3600}", *service, cwd=folder)["id"]
            wait_until(lambda: mole_json("request", "show", request, *service, cwd=folder)["state"] in ("COMPLETE", "PARTIAL", "FAILED"), "the request to end", 300)
            return {module: rows(f"{name}/{module}", *service) for module in NAMES}


def same(name, got, truth, modules=NAMES):
    for module in modules:
        check(len(truth[module]) > 0, f"{module} has rows")
        different = [(a, b) for a, b in zip(got[module], truth[module]) if a != b]
        check(len(got[module]) == len(truth[module]) and not different,
              f"{name}: {module} has {len(got[module])} rows instead of {len(truth[module])}; first difference {different[:1]}")
    print(f"{name}: {sum(map(len, got.values()))} equal rows")


with TemporaryFolder("formats") as folder:
    simulate(folder / "v5", "v5")
    manifest(folder, "v5", "v5")
    truth = run(folder, "v5")
    for form in ("v9", "ipfix", "pcap"):
        simulate(folder / form, form)
        manifest(folder, form, form)
        same(form, run(folder, form), truth)
    manifest(folder, "named", "ipfix", "ipfix")
    same("decoder named", run(folder, "named"), truth)

    # An archive whose format changed over the years, and between routers.
    (folder / "mixed").mkdir()
    forms = ("v5", "v9", "ipfix", "pcap")
    for n, file in enumerate(sorted(path.name for path in (folder / "v5").glob("*.dat.bz2"))):
        shutil.copy(folder / forms[n % 4] / file, folder / "mixed" / file)
    manifest(folder, "mixed", "mixed")
    same("mixed", run(folder, "mixed", "--threads", "3"), truth)

    same("mixed, on two nodes", run_on_two_nodes(folder, "mixed"), truth)

    # IPv6: the addresses differ from those of v5, but not the counts.
    for form in ("v9", "ipfix"):
        for share in ("1", "0.4"):
            name = f"{form}-{share.replace('.', '')}"
            simulate(folder / name, form, "--ipv6", share)
            manifest(folder, name, name)
            # In a mixture, a host of several conversations may have an address of each family.
            same(f"{form}, IPv6 share {share}", run(folder, name), truth, NAMES if share == "1" else [m for m in NAMES if m != "addresses"])
            state = folder / f"state-{name}"
            top = pathlib.Path(folder / f"{name}.top.yaml")
            top.write_text(ARCHIVE.format(name="top", root=name, decoder="") +
                           "  hosts: {plugin: traffic, input: {archive: simulated}, interval: 1h, by: [src_addr], filter: \"inet6\"}\n")
            mole("run", top, "--from", f"@{START}", "--to", f"@{START + (HOURS - 1) * 3600}", "--state", state, "--progress=none", cwd=folder, code=(0, 3))
            hosts = rows("top/hosts", "--state", state)
            check(hosts and all(row["src_addr"].startswith("2001:db8::") for row in hosts), f"{name}: hosts are IPv6 addresses: {hosts[:2]}")
            flows = folder / f"{name}.parquet"
            mole("flows", folder / name, "--columns", "start,src_addr,bytes,packets", "--format", "parquet", "-o", flows, cwd=folder)
            expected = query(f"SELECT src_addr, sum(bytes)::BIGINT FROM '{flows}' WHERE src_addr LIKE '%:%' AND epoch_us(start) >= {START + 3600}000000 AND "
                             f"epoch_us(start) < {START + 7200}000000 GROUP BY 1")
            counted = {row["src_addr"]: row["bytes"] for row in hosts if row["interval_start"] == "2007-09-22T01:00:00Z"}
            check(counted == {a: b for a, b in expected}, f"{name}: bytes by IPv6 host equal DuckDB's: {len(counted)} and {len(expected)} hosts")
    print("IPv6 hosts equal DuckDB's sums of the exported flows")
