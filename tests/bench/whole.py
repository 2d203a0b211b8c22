"""End-to-end rows: basic and full set through `mole run`, compared with nfdump, DuckDB and a hand-written program on the same flows.

The flows come from nfgen, a generator that is independent of all compared programs (MOLE_NFGEN: its source, by default
../shared/tools/nfgen.cpp beside the repository). MOLE_BENCH_WHOLE_FLOWS: the number of flows, by default 4,000,000 in two hours; with far
fewer, the time to start the services dominates.
"""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
NFGEN = pathlib.Path(os.environ.get("MOLE_NFGEN", ROOT.parent / "shared/tools/nfgen.cpp"))
START = 1178719200  # start of nfgen's first hour
HOURS = 2
SHORT = 8
STATS = [word for key in ("srcip", "dstip", "srcport", "dstport", "srcas", "dstas", "proto") for word in ("-s", f"{key}/flows")]

# By direction and protocol class: sums, six entropies, two distinct counts, two histograms. DuckDB counts a flow in the interval of its
# start, like Data Mole, but without missing hours, damage or totals.
ENTROPY = """(SELECT t, d, p, log2(sum(c)) - sum(c * log2(c)) / sum(c) AS e_{0} FROM (SELECT t, d, p, {0}, count(*) AS c FROM f GROUP BY ALL) GROUP BY ALL)"""
BASIC = """
CREATE TEMP TABLE f AS SELECT time_bucket(INTERVAL 15 minute, start) AS t, (src_home::int * 2 + dst_home::int) AS d,
  CASE protocol WHEN 6 THEN 0 WHEN 17 THEN 1 WHEN 1 THEN 2 ELSE 3 END AS p, src_addr, dst_addr, src_port, dst_port, src_as, dst_as, packets, bytes
  FROM (SELECT *, src_as = 64512 AS src_home, dst_as = 64512 AS dst_home FROM '{file}');
SELECT count(*) FROM (SELECT t, d, p, count(*), sum(packets), sum(bytes), count(DISTINCT src_addr), count(DISTINCT dst_addr), histogram(floor(log2(bytes))::int),
  histogram(floor(log2(bytes / packets))::int) FROM f GROUP BY ALL) NATURAL JOIN """ + " NATURAL JOIN ".join(
    ENTROPY.format(c) for c in ("src_addr", "dst_addr", "src_port", "dst_port", "src_as", "dst_as"))
DISTINCT = """SELECT time_bucket(INTERVAL 15 minute, start), count(DISTINCT src_addr), count(DISTINCT dst_addr) FROM '{file}' GROUP BY ALL"""


class Whole:
    """The same flows in the format of each compared program."""

    def __init__(self, bench, folder):
        self.bench, self.folder = bench, folder
        self.mole = bench.BIN / "mole"
        self.flows = os.environ.get("MOLE_BENCH_WHOLE_FLOWS", "4000000")
        subprocess.run(["g++", "-O2", "-std=c++20", "-o", folder / "nfgen", NFGEN], check=True)
        (folder / "raw").mkdir()
        subprocess.run([folder / "nfgen", "--flows", self.flows, "--hours", str(HOURS), folder / "raw"], check=True, stdout=subprocess.DEVNULL)
        self.raw = sorted((folder / "raw").glob("nf.*"))
        archive = folder / "archive"
        archive.mkdir()
        self.bz2 = [archive / f"1_{i}_{START + 3600 * i}.dat.bz2" for i in range(HOURS)]
        packing = [subprocess.Popen(f"bzip2 -9 -c {raw} > {bz2}", shell=True) for raw, bz2 in zip(self.raw, self.bz2)]
        if any(p.wait() for p in packing):
            raise SystemExit("bench: bzip2 failed")
        basic, _ = bench.write_manifests(folder, lambda text: re.sub(r"length: \w+, origin: \S+}", f"length: {HOURS}h, origin: 00:00}}", text))
        text = basic.read_text()
        (folder / "one.yaml").write_text(text[:text.index("modules:")] + "modules:\n  unique: {plugin: unique_addresses, input: {archive: border}, interval: 15m}\n")
        self.make_hours()
        self.range = ("--from", f"@{START}", "--to", f"@{START + 3600 * HOURS}", "--partial")
        self.count = 0

    def make_hours(self):
        """Writes the same number of flows as SHORT hourly files, in blocks of one hour, so that several nodes can share the work."""
        target = self.folder / "hours"
        (target / "archive").mkdir(parents=True)
        subprocess.run([self.folder / "nfgen", "--flows", self.flows, "--hours", str(SHORT), target], check=True, stdout=subprocess.DEVNULL)
        for i, raw in enumerate(sorted(target.glob("nf.*"))):
            subprocess.run(f"bzip2 -9 -c {raw} > {target / 'archive'}/1_{i}_{START + 3600 * i}.dat.bz2 && rm {raw}", shell=True, check=True)
        self.bench.write_manifests(target, lambda text: re.sub(r"length: \w+, origin: \S+}", "length: 1h, origin: 00:00}", text))

    # ---- Data Mole

    def run(self, cores, manifest="basic", cache_of=None):
        """Runs `mole run` with an empty state and returns the seconds and its state folder."""
        self.count += 1
        state = self.folder / f"state{self.count}"
        if cache_of:  # reuse the node's cache but not the coordinator's state
            (state / "node").mkdir(parents=True)
            shutil.move(cache_of / "node/cache", state / "node/cache")
        argv = [self.mole, "run", self.folder / f"{manifest}.yaml", *self.range, "--state", state, "--threads", len(cores), "--progress", "none"]
        begin = time.perf_counter()
        code = self.bench.pinned(argv, cores, cwd=self.folder).wait()
        if code not in (0, 3):
            raise SystemExit(f"bench: mole run exited with {code}")
        return time.perf_counter() - begin, state

    def first(self, cores, manifest="basic"):
        """Returns the seconds of a run that has nothing cached."""
        spent, state = self.run(cores, manifest)
        shutil.rmtree(state)
        return spent

    def cached(self, cores, manifest="basic"):
        """Returns the seconds of a second run that reuses the node's cache of the first."""
        _, seen = self.run(cores, manifest)
        spent, state = self.run(cores, manifest, cache_of=seen)
        shutil.rmtree(seen)
        shutil.rmtree(state)
        return spent

    def served(self, cores):
        """Runs a coordinator and one node with one slot per core; returns the seconds from submission to the end of the request."""
        self.count += 1
        home = self.folder / f"served{self.count}"
        home.mkdir()
        address = f"unix:{home}/c.sock"
        devnull = subprocess.DEVNULL
        running = [subprocess.Popen([self.bench.BIN / "mole-coordinator", "--state", home / "state", "--init", "--listen", address], stdout=subprocess.PIPE, stderr=devnull)]
        running[0].stdout.readline()
        try:
            for core in cores:
                running.append(self.bench.pinned([self.bench.BIN / "mole-node", "--coordinator", address, "--dir", home / f"node{core}", "--slots", 1, "--threads", 1],
                                                 [core], stderr=devnull))
            begin = time.perf_counter()
            code = subprocess.run([self.mole, "--coordinator", address, "request", "submit", self.folder / "hours/full.yaml",
                                   "--from", f"@{START}", "--to", f"@{START + 3600 * SHORT}", "--partial", "--wait"],
                                  stdout=devnull, stderr=devnull).returncode
            if code not in (0, 3):
                raise SystemExit(f"bench: mole request submit exited with {code}")
            return time.perf_counter() - begin
        finally:
            for process in running:
                process.kill()
                process.wait()
            shutil.rmtree(home)

    # ---- other programs

    def hand_written(self, cores):
        program = self.bench.BIN / "mole-bench-hand-written"
        files = " ".join(map(str, self.bz2))
        return self.bench.seconds((["sh", "-c", f"for f in {files}; do lbzip2 -n{len(cores)} -dc $f; done | {program}"], cores))

    def nfcapd(self):
        """Sends the same datagrams to nfdump's collector and returns its files, one per hour."""
        folders = []
        for i, raw in enumerate(self.raw):
            target = self.folder / f"nfcapd{i}"
            target.mkdir()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            collector = subprocess.Popen(["nfcapd", "-p", str(port), "-b", "127.0.0.1", "-w", target, "-t", "86400", "-B", "200000000"],
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(1)
            self.replay(raw, port)
            time.sleep(1)
            collector.terminate()
            collector.wait()
            folders.append(target)
        return [next(f for f in sorted(t.iterdir()) if f.name.startswith("nfcapd.2")) for t in folders]

    @staticmethod
    def replay(raw, port):
        content = raw.read_bytes()
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        at = sent = 0
        while at < len(content):
            size = 24 + 48 * int.from_bytes(content[at + 2:at + 4], "big")
            sender.sendto(content[at:at + size], ("127.0.0.1", port))
            at += size
            sent += 1
            if sent % 100 == 0:
                time.sleep(0.004)  # about 20,000 datagrams per second, so that the collector loses none

    def packed(self, files, level):
        """Recompresses nfdump's files with lz4 (level 3) or bz2 (level 2)."""
        out = []
        for file in files:
            copy = self.folder / f"{file.parent.name}.{level}"
            shutil.copy(file, copy)
            subprocess.run(["nfdump", "-J", str(level), "-r", copy], check=True, stdout=subprocess.DEVNULL)
            out.append(copy)
        return out

    def nfdump(self, files, cores):
        """Returns the seconds for seven statistics, with one process per core, each reading a part of the files."""
        shares = [files[i::len(cores)] for i in range(len(cores))]
        return self.bench.seconds(*((["sh", "-c", "; ".join(f"nfdump -r {f} -q -n 10 {' '.join(STATS)}" for f in share)], [core])
                                    for share, core in zip(shares, cores)))

    def parquet(self):
        file = self.folder / "flows.parquet"
        subprocess.run([self.mole, "flows", *self.bz2, "--format", "parquet", "-o", file, "--columns",
                        "start,src_addr,dst_addr,src_port,dst_port,protocol,packets,bytes,src_as,dst_as"], check=True)
        return file

    def duckdb(self, sql, cores):
        return self.bench.seconds(([self.bench.BIN / "mole-test-query", f"SET threads = {len(cores)}; {sql}"], cores))


def bench(bench, folder):
    if not NFGEN.is_file():
        print(f"  -  rows 5, 6, 10, 11, 12, 14: NOT MEASURED, no generator at {NFGEN}; set MOLE_NFGEN", flush=True)
        return
    work = folder / "whole"
    work.mkdir()
    whole = Whole(bench, work)
    one, cores = bench.CORES[:1], bench.CORES[:bench.N]
    report = bench.report
    for f, what in (("", "basic"), ("f", "full")):
        report(f"6{f}", f"{what} set, whole framework / lbzip2 -n{bench.N} | hand-written pass", 0.75, 0.95,
               lambda: whole.hand_written(cores) / whole.first(cores, what))
    if shutil.which("nfcapd"):
        files = whole.nfcapd()
        bz2, lz4 = whole.packed(files, 2), whole.packed(files, 3)
        for f, what in (("", "basic"), ("f", "full")):
            report(f"5{f}", f"{what} set over bz2 / nfdump's 7 statistics over its bz2, {bench.N} cores", 1.5, 2.2,
                   lambda: whole.nfdump(bz2, cores) / whole.first(cores, what))
            report(f"10{f}", f"{what} set from the cache / nfdump's 7 statistics over lz4, one core", 1.2, 2.5,
                   lambda: whole.nfdump(lz4, one) / whole.cached(one, what))
    else:
        print("  -  rows 5, 10: NOT MEASURED, nfcapd is not installed; run ./dev setup", flush=True)
    parquet = whole.parquet()
    for f, what in (("", "basic"), ("f", "full")):
        report(f"11{f}", f"{what} set from the cache / DuckDB's basic set from Parquet, {bench.N} cores", 2, 5,
               lambda: whole.duckdb(BASIC.format(file=parquet), cores) / whole.cached(cores, what))
    report(12, f"distinct addresses from the cache / the same query in DuckDB, {bench.N} cores", 0.7, 1.5,
           lambda: whole.duckdb(DISTINCT.format(file=parquet), cores) / whole.cached(cores, "one"))
    report(14, f"{bench.N} nodes of one core each / one node, full set", 0.8 * bench.N, 0.92 * bench.N,
           lambda: whole.served(one) / whole.served(cores))
