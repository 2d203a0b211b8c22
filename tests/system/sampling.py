#!/usr/bin/env python3
"""Checks counters that are multiplied by the sampling rate against sums computed here from the exported flows.

The simulated exports have the same counters for every rate, and state the rate in headers, records, options or nowhere."""
import csv
import io
import shutil
from collections import Counter

from system import TemporaryFolder, check, mole, mole_json, query, rows

HOURS = 6
START = 1190419200  # 2007-09-22
INTERVAL = 900
RANGE = ("--from", f"@{START}", "--to", f"@{START + (HOURS - 1) * 3600}")
ROUTERS = ("1", "2")
# archive: format, --sampling, `sampling:` of its manifest
ARCHIVES = {
    "none": ("v9", None, None),
    "header": ("v5", "100", None),
    "record9": ("v9", "64:record", None),
    "record10": ("ipfix", "1000:record", None),
    "options9": ("v9", "100", None),
    "options10": ("ipfix", "100:options", None),
    "capture": ("pcap", "512", None),
    "manifest": ("v5", None, "{1: 50, default: 20}"),
    "differs": ("ipfix", "100", "7"),
}
SOURCES = {"none": "none", "header": "record", "record9": "record", "record10": "record", "options9": "options", "options10": "options", "capture": "options",
           "manifest": "manifest", "differs": "options"}


def simulate(folder, form, sampling):
    mole("archive", "simulate", folder, "--seed", 9, "--from", f"@{START}", "--to", f"@{START + HOURS * 3600}", "--routers", ",".join(ROUTERS), "--flows-per-hour", 2000,
         "--compress", "zstd", "--format", form, *(("--sampling", sampling) if sampling else ()))
    shutil.rmtree(folder / "routes")
    (folder / "simulated.json").unlink()


def manifest(folder, names, block="2h"):
    text = "pipeline: sampled\narchives:\n"
    for name in names:
        text += f"""  {name}:
    downloader: directory
    params: {{root: {name}}}
    files: "{{router}}_{{sequence}}_{{start:unix}}.dat.zst"
    covers: 1h
    block: {{length: {block}, origin: 00:00}}
"""
        if name in ARCHIVES and ARCHIVES[name][2]:
            text += f"    sampling: {ARCHIVES[name][2]}\n"
    text += "modules:\n"
    for name in names:
        text += f"""  raw_{name}: {{plugin: traffic, input: {{archive: {name}}}, interval: 15m, by: [router]}}
  scaled_{name}: {{plugin: traffic, input: {{archive: {name}, scale: sampling}}, interval: 15m, by: [router]}}
"""
    return text


def flows(archive):
    """Yields (router, start, bytes, packets, sampling, source) of every flow, from `mole flows`."""
    for path in sorted(archive.glob("*.zst")):
        text = mole("flows", path, "--columns", "start,bytes,packets,sampling,sampling_source", "--format", "csv", "--time-format", "epoch_ms").stdout
        for row in csv.DictReader(io.StringIO(text)):
            yield (path.name.split("_")[0], int(row["start"]) // 1000, int(row["bytes"]), int(row["packets"]), int(row["sampling"]), int(row["sampling_source"]))


def expected(archive, rate=None):
    """Sums by router and interval: {(router, start): [flows, packets, bytes]}, scaled by the rate of the flow or `rate`."""
    sums = {(router, start): [0, 0, 0] for router in ROUTERS for start in range(START, START + (HOURS - 1) * 3600, INTERVAL)}
    for router, start, size, packets, sampling, _ in flows(archive):
        factor = sampling if rate is None else rate(router)
        cell = sums.get((router, start // INTERVAL * INTERVAL))
        if cell:
            cell[0] += 1
            cell[1] += packets * factor
            cell[2] += size * factor
    return sums


def same(module, sums, *options, cwd):
    got = rows(f"sampled/{module}", *RANGE, *options, cwd=cwd)
    check(len(got) == len(sums), f"{module} has {len(got)} rows instead of {len(sums)}")
    for row, ((router, start), wanted) in zip(sorted(got, key=lambda r: (r["router"], r["interval_start"])), sorted(sums.items())):
        values = [int(row[c]) for c in ("flows", "packets", "bytes")]
        check(values == wanted, f"{module}, router {router}, {row['interval_start']}: {values} instead of {wanted}")


def lineage(module, *options, cwd):
    why = mole_json("why", f"sampled/{module}", "bytes", "2007-09-22T01:00", *options, cwd=cwd)
    return why["lineage"]["result"]["worker"]


with TemporaryFolder("sampling") as folder:
    for name, (form, sampling, _) in ARCHIVES.items():
        simulate(folder / name, form, sampling)
    (folder / "m.yaml").write_text(manifest(folder, ARCHIVES))
    mole("run", "m.yaml", *RANGE, "--progress=none", cwd=folder, code=(0, 3), timeout=900)

    for name in ARCHIVES:
        raw = expected(folder / name, lambda router: 1)
        same(f"raw_{name}", raw, cwd=folder)
        by_manifest = (lambda router: 50 if router == "1" else 20) if name == "manifest" else None
        same(f"scaled_{name}", expected(folder / name, by_manifest), cwd=folder)
        stated = Counter((rate, source) for *_, rate, source in flows(folder / name))
        rate = int(ARCHIVES[name][1].split(":")[0]) if ARCHIVES[name][1] else 1
        check(set(stated) == {(rate, {"none": 0, "manifest": 0, "record": 1, "options": 2}[SOURCES[name]])}, f"{name}: rates and sources {stated}")

        worker, plain = lineage(f"scaled_{name}", cwd=folder), lineage(f"raw_{name}", cwd=folder)
        check(worker["scale"] == "sampling" and plain["scale"] == "none" and "sampling" not in plain, f"{name}: the lineage states the scale")
        counted = worker["sampling"]["flows"]
        check(counted[SOURCES[name]] > 0 and all(n == 0 for source, n in counted.items() if source != SOURCES[name]), f"{name}: sources {counted}")
        check(worker["sampling"].get("unscaled", 0) == (counted["none"] if name == "none" else 0), f"{name}: {worker['sampling']}")
        check(("manifest_differs" in worker["sampling"]) == (name == "differs"), f"{name}: {worker['sampling']}")
    notes = " ".join(mole_json("request", "show", f"r{len(ARCHIVES) + 1}", cwd=folder)["notes"])
    check("flows of scaled_none: not scaled" in notes and 'as "sampling" of the archive' in notes, f"a note counts unscaled flows: {notes}")
    check("flows of scaled_differs: the records or options state a different sampling rate" in notes, f"a note counts flows with a different rate: {notes}")
    check("raw_" not in notes and "scaled_header" not in notes, f"there are no other notes about sampling: {notes}")
    why = mole("why", "sampled/scaled_options9", "bytes", "2007-09-22T01:00", cwd=folder).stdout
    check("multiplied by the sampling rate" in why and "by options" in why, why)

    # The scale is in the keys: a what-if computes other values, and no other scale is reused.
    mole("run", "m.yaml", *RANGE, "--progress=none", "--module", "raw_header", "--set", "modules.raw_header.scale=sampling", cwd=folder, code=(0, 3))
    same("raw_header", expected(folder / "header"), "--what-if", "last", cwd=folder)
    same("raw_header", expected(folder / "header", lambda router: 1), cwd=folder)
    mole("run", "m.yaml", *RANGE, "--progress=none", "--module", "scaled_manifest", "--set", "archives.manifest.sampling=3", cwd=folder, code=(0, 3))
    same("scaled_manifest", expected(folder / "manifest", lambda router: 3), "--what-if", "last", cwd=folder)
    plan = mole_json("plan", "m.yaml", *RANGE, "--module", "raw_manifest", "--set", "archives.manifest.sampling=3", cwd=folder)
    check(plan["jobs"]["new"] == 0, f"raw counters do not depend on the rate of the manifest: {plan}")

    # A filter compares the counters that the module reads.
    for scale, factor in (("none", 1), ("sampling", 100)):
        mole("run", "m.yaml", *RANGE, "--progress=none", "--module", "raw_options9", "--set", f"modules.raw_options9.input.scale={scale}", "--set",
             "modules.raw_options9.filter=bytes > 100000", cwd=folder, code=(0, 3))
        got = sum(int(row["flows"]) for row in rows("sampled/raw_options9", *RANGE, "--what-if", "last", cwd=folder))
        wanted = sum(size * factor > 100000 for _, start, size, *_ in flows(folder / "options9") if START <= start < START + (HOURS - 1) * 3600)
        check(got == wanted and wanted > 0, f"scale {scale}: {got} flows pass the filter instead of {wanted}")

    # Sampled and unsampled routers, formats and rates that change during the day, for several block grids, threads and cached columns.
    simulate(folder / "later", "ipfix", "400")
    (folder / "mixed").mkdir()
    for path in sorted((folder / "none").glob("*.zst")):
        router, _, start = path.name.split(".")[0].split("_")
        source = "none" if router == "2" and int(start) < START + 7200 else "options9" if int(start) < START + 4 * 3600 else "later"
        shutil.copy(folder / source / path.name, folder / "mixed" / path.name)
    wanted, raw = expected(folder / "mixed"), expected(folder / "mixed", lambda router: 1)
    for block in ("1h", "6h"):
        for threads in (1, 3):
            (folder / "mixed.yaml").write_text(manifest(folder, ["mixed"], block))
            state = folder / f"state-{block}-{threads}"
            for _ in range(2):
                mole("run", "mixed.yaml", *RANGE, "--progress=none", "--threads", threads, "--state", state, cwd=folder, code=(0, 3))
            same("scaled_mixed", wanted, "--state", state, cwd=folder)
            same("raw_mixed", raw, "--state", state, cwd=folder)
            counted = lineage("scaled_mixed", "--state", state, cwd=folder)["sampling"]["flows"]
            check(counted["options"] > 0 and counted["none"] > 0, f"both are counted: {counted}")

    # The summary shows rates and their sources.
    text = mole("flows", folder / "options9", "--summary", cwd=folder).stdout
    check("1 in 100 by options" in text, text)
    summary = mole_json("flows", folder / "record10", "--summary", cwd=folder)
    check('"sampling_rates"' in str(summary).replace("'", '"') and "record" in str(summary), str(summary)[:2000])
    check("  sampling" not in mole("flows", folder / "none", "--summary", cwd=folder).stdout, "unsampled archives have no such line")
    for wrong in ("0", "x", "100:manifest", "100:", "-1", "99999999999"):
        mole("archive", "simulate", folder / "wrong", *RANGE, "--routers", "1", "--sampling", wrong, code=2)
    mole("archive", "simulate", folder / "wrong", *RANGE, "--routers", "1", "--sampling", "20000", code=2)
print("scaled and raw counters equal the sums of the exported flows")
