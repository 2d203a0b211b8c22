#!/usr/bin/env python3
"""Compares a small damaged archive of real exports with ground truth from tshark and nfdump: flows, sums, gaps, coverage."""
import csv
import gzip
import io
import json
from collections import defaultdict

from system import DATA, TemporaryFolder, check, datagrams, mole, mole_json, require_captures, readable_content, rows

HOUR = 3_600_000_000
QUARTER = HOUR // 4
COLUMNS = "src_addr,dst_addr,src_port,dst_port,protocol,bytes,packets,start,end"
MANIFEST = """
pipeline: truth
archives:
  ddosvax:
    downloader: directory
    params: {{root: {root}}}
    files: "{{router}}_{{sequence}}_{{start:unix}}.dat.bz2"
    covers: 1h
    block: {{length: 12h, origin: 06:00}}
modules:
  traffic: {{plugin: traffic, input: {{archive: ddosvax, where: {{router: [19991, 19993]}}}}, interval: 15m, by: [router]}}
"""


def truth_records(case):
    with gzip.open(DATA / "truth" / f"{case}.records.csv.gz", "rt") as f:
        for r in csv.DictReader(f):
            yield tuple(r[k] for k in ("src", "dst", "sport", "dport", "proto", "bytes", "packets", "first_ms", "last_ms"))


def our_records(path, code):
    done = mole("flows", path, "--format", "csv", "--columns", COLUMNS, "--time-format", "epoch_ms", code=code)
    lines = list(csv.reader(io.StringIO(done.stdout)))
    check(lines[0] == COLUMNS.split(","), f"the first line should be the header, not {lines[0]}")
    return [tuple(line) for line in lines[1:]]


def flows_equal_truth(files):
    for entry in files:
        path = DATA / "archive" / entry["file"]
        sound = not {"truncated_bz2", "cut_raw", "flipped_at"} & set(entry)
        ours = sorted(our_records(path, 0 if sound else 3))
        truth = sorted(truth_records("archive_" + entry["file"].removesuffix(".dat.bz2")))
        if sound:
            check(ours == truth, f"{entry['file']}: {len(ours)} records, truth {len(truth)}; first difference "
                                 f"{next(((a, b) for a, b in zip(ours, truth) if a != b), None)}")
        else:
            missing = list((set(truth) - set(ours)))
            check(not missing and len(ours) >= len(truth), f"{entry['file']}: readable records are missing: {missing[:3]}")
        print(f"{entry['file']}: {len(ours)} flows, {'equal to' if sound else 'at least'} the truth's {len(truth)}")


def expected_rows(files):
    """Computes flows, packets, bytes and coverage by (interval, router) with an independent reader of the same files."""
    sums, received, readable, present = defaultdict(lambda: [0, 0, 0]), defaultdict(lambda: [0, 0]), defaultdict(int), defaultdict(int)
    for entry in files:
        router, _, start = entry["file"].removesuffix(".dat.bz2").split("_")
        start = int(start) * 1_000_000
        content, complete = readable_content(DATA / "archive" / entry["file"])
        found = list(datagrams(content))
        complete = complete and sum(24 + 48 * len(g[3]) for g in found) == len(content)
        end = start + HOUR if complete else min(start + HOUR, found[-1][0])
        for a in range(start, start + HOUR, QUARTER):
            readable[a, router] += max(0, min(end, a + QUARTER) - a)
            present[a, router] += bool(found)
        expected = {}
        for exported, sequence, engine, flows in found:
            lost = (sequence - expected.get(engine, sequence)) & 0xffffffff
            expected[engine] = sequence + len(flows)
            received[exported // QUARTER * QUARTER, router][0] += len(flows)
            received[exported // QUARTER * QUARTER, router][1] += lost
            for flow in flows:
                total = sums[flow[0] // QUARTER * QUARTER, router]
                total[0] += 1
                total[1] += flow[2]
                total[2] += flow[3]
    def coverage(key):
        got, lost = received[key]
        return readable[key] / QUARTER * (got / (got + lost) if got + lost else 1)
    return sums, coverage, present


def run_equals_truth(folder, files):
    (folder / "truth.yaml").write_text(MANIFEST.format(root=DATA / "archive"))
    options = ("--from", "2007-09-22T18", "--to", "2007-09-23T02", "--partial", "--progress=plain")
    mole("run", "truth.yaml", *options, cwd=folder, code=3)
    table = rows("traffic", cwd=folder)
    sums, coverage, present = expected_rows(files)
    from datetime import datetime
    seen = set()
    for row in table:
        at = int(datetime.fromisoformat(row["interval_start"].replace("Z", "+00:00")).timestamp()) * 1_000_000
        key = (at, row["router"])
        check(key not in seen, f"{key} occurs twice")
        seen.add(key)
        check([int(row[c]) for c in ("flows", "packets", "bytes")] == sums.get(key, [0, 0, 0]), f"{row} is not {sums.get(key)}")
        # Of the time in which files were readable; coverage also knows that flows are exported after their interval, which
        # true_coverage.py checks.
        measured, readable = float(row["coverage"]), coverage(key)
        check(measured < 0.25 if readable == 0 else measured > 0.7 * readable if readable == 1 else 0 < measured < 1,
              f"{row}: the readable share is {readable}")
        check(int(row["files_present"]) == (1 if present.get(key) else 0), f"{row}: files_present")
        check(int(row["files_expected"]) == 1, f"{row}: files_expected")
    check(set(k for k, v in sums.items() if v[0]) <= seen, "an interval with flows has no row")
    for column, index in (("flows", 0), ("packets", 1), ("bytes", 2)):
        check(sum(int(r[column]) for r in table) == sum(v[index] for v in sums.values()), f"sum of {column}")
    # The ground truth contains all flows of sound files, and the readable flows of damaged ones.
    truth_bytes = sum(json.loads((DATA / "truth" / f"archive_{e['file'].removesuffix('.dat.bz2')}.json").read_text())["tshark"]["bytes"] for e in files)
    check(sum(int(r["bytes"]) for r in table) == truth_bytes, f"bytes {sum(int(r['bytes']) for r in table)}, tshark {truth_bytes}")
    check(sum(int(r["flows_late"]) for r in table) == 0, "no flow of this archive is late")
    print(f"run: {len(table)} rows, {sum(int(r['flows']) for r in table)} flows, {truth_bytes} bytes equal tshark's")


def gaps_are_named(folder):
    gaps = mole_json("archive", "gaps", "truth.yaml", cwd=folder)
    check([(g["router"], int(g["sequence"])) for g in gaps["missing"]] == [("19993", 40897)], f"missing: {gaps['missing']}")
    damaged = {d["id"]: d for d in gaps["damaged"]}
    check(set(damaged) == {"19991_00040899_1190502000.dat.bz2", "19991_00040900_1190505600.dat.bz2", "19993_00040896_1190491200.dat.bz2"},
          f"damaged: {sorted(damaged)}")
    flipped = damaged["19993_00040896_1190491200.dat.bz2"]["lost_compressed"]
    check(any(r["from"] <= 22448 < r["to"] for r in flipped), f"no reported range contains the inverted bytes at 22448: {flipped}")
    check(damaged["19991_00040899_1190502000.dat.bz2"]["lost_compressed"][-1]["to"] == 32961, "the truncated file's range ends with the file")
    check(damaged["19991_00040900_1190505600.dat.bz2"]["lost_content"], "the bytes of the truncated datagram are reported")
    text = mole("archive", "gaps", "truth.yaml", cwd=folder).stdout
    check("40897" in text and "19993" in text, "the text output lists the missing hour by its sequence number")
    print("gaps: the missing hour and the three damaged files with their ranges")


require_captures()
entries = json.loads((DATA / "archive" / "files.json").read_text())
entries = [e for e in entries if (DATA / "archive" / e["file"]).exists()]
check(len(entries) == 13, f"13 files, not {len(entries)}")
flows_equal_truth(entries)
with TemporaryFolder("truth") as folder:
    run_equals_truth(folder, entries)
    gaps_are_named(folder)
