#!/usr/bin/env python3
"""Compares simulated nfcapd trees in every compression with nfdump, and with the same traffic as NetFlow v5, read independently."""
import collections
import datetime
import ipaddress
import json
import os
import shutil
import subprocess

from system import TemporaryFolder, check, datagrams, mole, query

START, HOURS = 1190419200, 3  # 2007-09-22
OPTIONS = ("--seed", 8, "--from", f"@{START}", "--to", f"@{START + HOURS * 3600}", "--routers", "7,19991", "--flows-per-hour", 9000)
FIELDS = "fmt:%ts|%te|%pkt|%byt|%sa|%da|%sp|%dp|%pr"


def nfdump(file, *options):
    done = subprocess.run(["nfdump", "-r", str(file), "-6", "-N", "-q", *options], capture_output=True, text=True, env={**os.environ, "TZ": "UTC"})
    check(done.returncode == 0 and not done.stderr, f"nfdump -r {file}: {done.stderr}")
    return done.stdout


def microseconds(text):
    moment = datetime.datetime.fromisoformat(text.strip()).replace(tzinfo=datetime.timezone.utc)
    return round(moment.timestamp() * 1000) * 1000


def records(file):
    """The flows of a file as nfdump prints them. 2001:db8::a.b.c.d counts as a.b.c.d; ICMP messages have no ports."""
    flows, ipv6 = [], 0
    for line in nfdump(file, "-o", FIELDS).splitlines():
        first, last, packets, octets, source, destination, sport, dport, protocol = (part.strip() for part in line.split("|"))
        hosts = [ipaddress.ip_address(host) for host in (source, destination)]
        ipv6 += hosts[0].version == 6
        number = int(protocol)
        flows.append((microseconds(first), microseconds(last), int(packets), int(octets), *(int(host) & 0xffffffff for host in hosts),
                      *((0, 0) if number == 1 else (int(sport), int(dport))), number))
    return collections.Counter(flows), ipv6


def nfcapd_name(name):
    """19991_00000001_1190419200.dat -> 19991/2007/09/22/nfcapd.200709220000"""
    router, _, start = name.removesuffix(".dat").split("_")
    return datetime.datetime.fromtimestamp(int(start), datetime.timezone.utc).strftime(f"{router}/%Y/%m/%d/nfcapd.%Y%m%d%H%M")


with TemporaryFolder("simulated-nfcapd") as folder:
    mole("archive", "simulate", folder / "v5", "--compress", "none", *OPTIONS)
    truth = {}
    for file in (folder / "v5").glob("*.dat"):
        flows = [flow for _, _, _, more in datagrams(file.read_bytes()) for flow in more]
        truth[nfcapd_name(file.name)] = collections.Counter((*f[:6], *((0, 0) if f[8] == 1 else f[6:8]), f[8]) for f in flows)
    check(len(truth) == 2 * HOURS and all(sum(flows.values()) > 500 for flows in truth.values()), "the simulation has flows")

    magic = {"none": 0, "lzo": 1, "bz2": 2, "lz4": 3, "zstd": 4}
    readable = {name for name in magic if name != "zstd" or "zstd" in subprocess.run(["nfdump", "-h"], capture_output=True, text=True).stdout.lower()}
    for compression, number in magic.items():
        for share in ("0", "0.4", "1") if compression == "lz4" else ("0.4",):
            tree = folder / f"{compression}-{share}"
            mole("archive", "simulate", tree, "--format", "nfcapd", "--compress", compression, "--ipv6", share, *OPTIONS)
            files = sorted(str(path.relative_to(tree)) for path in tree.rglob("nfcapd.*"))
            check(files == sorted(truth), f"{compression}: {files}")
            sums = {f["file"]: (f["flows"], f["packets"], f["bytes"]) for f in json.loads((tree / "simulated.json").read_text())["files"]}
            for file in files:
                content = (tree / file).read_bytes()
                check(content[16] == number, f"{file} has the compression {content[16]}")
                expected = truth[file]
                total = (sum(expected.values()), sum(f[2] * n for f, n in expected.items()), sum(f[3] * n for f, n in expected.items()))
                check(sums[file] == total, f"{file}: simulated.json has {sums[file]} instead of {total}")
                if compression not in readable:
                    continue
                found, ipv6 = records(tree / file)
                check(found == expected, f"{compression}, IPv6 {share}, {file}: nfdump prints {list((found - expected).items())[:2]} "
                                         f"instead of {list((expected - found).items())[:2]}")
                check(ipv6 == {"0": 0, "1": total[0]}.get(share, ipv6) and (share != "0.4" or 0.2 * total[0] < ipv6 < 0.6 * total[0]), f"{ipv6} IPv6 flows")
                check(len(nfdump(tree / file, "-I")) > 0 and f"Flows: {total[0]}\n" in nfdump(tree / file, "-I"), f"{file}: the statistics of the file")
            # The same columns as the decoder reads from NetFlow v9.
            if share == "0.4":
                columns = "start,end,src_addr,dst_addr,next_hop,src_port,dst_port,protocol,packets,bytes,tcp_flags,tos,src_as,dst_as,src_mask,dst_mask,in_if,out_if"
                if not (folder / "v9.parquet").exists():
                    mole("archive", "simulate", folder / "v9", "--format", "v9", "--ipv6", share, *OPTIONS)
                    shutil.rmtree(folder / "v9" / "routes")
                    (folder / "v9" / "simulated.json").unlink()
                    mole("flows", folder / "v9", "--columns", columns, "--format", "parquet", "-o", folder / "v9.parquet")
                shutil.rmtree(tree / "routes")
                (tree / "simulated.json").unlink()
                mole("flows", tree, "--columns", columns, "--format", "parquet", "-o", folder / f"{compression}.parquet")
                different, = query(f"SELECT (SELECT count(*) FROM (FROM '{folder}/v9.parquet' EXCEPT ALL FROM '{folder}/{compression}.parquet')), "
                                   f"(SELECT count(*) FROM (FROM '{folder}/{compression}.parquet' EXCEPT ALL FROM '{folder}/v9.parquet'))")
                check(different == ["0", "0"], f"{compression}: {different} flows differ from those of NetFlow v9")
        print(f"{compression}: {'equal to nfdump' if compression in readable else 'not read by this nfdump'}, and to NetFlow v9")

    # Losses are sequence failures; damage is reported and the rest is read.
    tree = folder / "lossy"
    mole("archive", "simulate", tree, "--format", "nfcapd", "--compress", "lz4", "--loss", "0.1", "--damage", "7@2007-09-22T01:flip",
         "--damage", "19991@2007-09-22T01:truncate", "--damage", "19991@2007-09-22T02:cut", "--gap", "7@2007-09-22T02", *OPTIONS)
    files = {f["file"]: f for f in json.loads((tree / "simulated.json").read_text())["files"]}
    check(files["7/2007/09/22/nfcapd.200709220200"]["missing"] and not (tree / "7/2007/09/22/nfcapd.200709220200").exists(), "the gap has no file")
    shutil.rmtree(tree / "routes")
    (tree / "simulated.json").unlink()
    summary = {f["file"].removeprefix(f"{tree}/"): f for f in json.loads(mole("flows", tree, "--summary", "--json", code=(0, 1, 3)).stdout)["files"]}
    for name, file in files.items():
        if file["missing"]:
            continue
        read = summary[name]
        if file["damage"] is None:
            router = {"7": 0, "19991": 1}[name.split("/")[0]]
            check(read["exporter_addresses"] == [f"192.0.2.{1 + router}"] and read["observation_domains"] == [router], f"{name}: {read}")
            check(read["state"] == "sound" and read["flows"] == file["flows"] and 0 < read["flows_lost"] <= file["flows_lost"], f"{name}: {read}")
        else:
            check(read["state"] in ("damaged", "unreadable") and read["flows"] <= file["flows"], f"{name}: {read}")
    for wrong in ("gz", "xz"):
        refused = mole("archive", "simulate", folder / "x", "--format", "nfcapd", "--compress", wrong, *OPTIONS, code=2)
        check("choose none, lzo, bz2, lz4, zstd" in refused.stderr, refused.stderr)
    refused = mole("archive", "simulate", folder / "x", "--format", "v9", "--compress", "lzo", *OPTIONS, code=2)
    check("choose none, bz2" in refused.stderr, refused.stderr)
    refused = mole("archive", "simulate", tree, "--format", "v5", *OPTIONS, code=2)
    check("archive that was not simulated" in refused.stderr, refused.stderr)
print("losses, gaps and damage are those of simulated.json")
