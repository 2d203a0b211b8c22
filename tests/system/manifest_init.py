#!/usr/bin/env python3
"""Proposes manifests for archives with the names of different collectors, runs them and compares the flows per router and hour with
the test's own count."""
import collections
import datetime
import zoneinfo

from flow_files import Exporter, write
from system import TemporaryFolder, check, mole, mole_json, rows

HOUR = 3600
START = 1190484000  # 2007-09-22T18:00:00Z
UTC = datetime.timezone.utc
ZURICH = zoneinfo.ZoneInfo("Europe/Zurich")


def named(pattern, at, zone=UTC):
    return datetime.datetime.fromtimestamp(at, zone).strftime(pattern)


def counted(folder):
    """Flows by (router, hour) in the results."""
    flows = collections.Counter()
    for row in rows("traffic", cwd=folder):
        hour = int(datetime.datetime.fromisoformat(row["interval_start"].replace("Z", "+00:00")).timestamp()) // HOUR
        flows[row.get("router", ""), hour] += int(row["flows"] or 0)
    return +flows


def propose(folder, *options, code=0):
    return mole("manifest", "init", "flows", "-o", "own.yaml", *options, cwd=folder, code=code)


def value(folder, key):
    """The value of a key of the archive in the proposed manifest."""
    lines = [line.split(f"{key}: ", 1)[1] for line in (folder / "own.yaml").read_text().splitlines()
             if line.strip().startswith(f"{key}: ")]
    return lines[0].strip('"') if lines else None


def run_and_compare(folder, exporters, hours=None, router=True):
    """`exporters`: by router as names have it. `hours`: those to compare; default: all from the first to the last of the files."""
    mole("manifest", "validate", "own.yaml", cwd=folder)
    first = min(e.datagrams[0][0] for e in exporters.values()) // HOUR
    last = max(e.datagrams[-1][0] for e in exporters.values()) // HOUR
    hours = range(first, last + 1) if hours is None else hours
    mole("run", "own.yaml", "--from", f"@{min(hours) * HOUR}", "--to", f"@{(max(hours) + 1) * HOUR}", "--partial", cwd=folder, code=(0, 3))
    expected = collections.Counter()
    for name, exporter in exporters.items():
        for hour, flows in exporter.flows_per_hour().items():
            if hour in hours:
                expected[name if router else "", hour] += flows
    found = {key: flows for key, flows in counted(folder).items() if key[1] in hours}
    check(len(expected) >= len(hours) and found == dict(expected), f"{folder.name}: {sorted(found.items())[:8]} instead of {sorted(expected.items())[:8]}")


def flow_tools(folder):
    exporter = Exporter("r", START, START + 6 * HOUR)
    for start, content in exporter.files(900):
        write(folder / "flows", named("%Y/%Y-%m/%Y-%m-%d/ft-v05.%Y-%m-%d.%H%M%S", start, ZURICH) + "+0200", content)
    write(folder / "flows", "2007/2007-09/2007-09-23/tmp-v05.2007-09-23.020000+0200", b"")
    propose(folder)
    check(value(folder, "files") == "{start:%Y/%Y-%m/%Y-%m-%d}/ft-v05.{start:%Y-%m-%d.%H%M%S%z}", value(folder, "files"))
    check(value(folder, "covers") == "15m" and value(folder, "zone") is None, "flow-tools: length or zone")
    check("tmp-v05" in (folder / "own.yaml").read_text(), "names that do not match are listed")
    run_and_compare(folder, {"": exporter})


def nfcapd(folder):
    exporters = {name: Exporter(name, START, START + 5 * HOUR, seed) for seed, name in enumerate(("border1", "border2"))}
    for name, exporter in exporters.items():
        for start, content in exporter.files(300):
            write(folder / "flows", f"{name}/" + named("%Y/%m/%d/nfcapd.%Y%m%d%H%M", start, ZURICH), content)
    write(folder / "flows", "border1/.nfstat", b"x")
    write(folder / "flows", "border1/nfcapd.current.4711", b"x")
    propose(folder)
    check(value(folder, "files") == "{router}/{start:%Y/%m/%d}/nfcapd.{start:%Y%m%d%H%M}", value(folder, "files"))
    check(value(folder, "covers") == "5m" and value(folder, "zone") == "Europe/Zurich", f"nfcapd: {value(folder, 'zone')}")
    run_and_compare(folder, exporters)


def nfcapd_of_one_router(folder):
    exporter = Exporter("r", START, START + 3 * HOUR)
    for start, content in exporter.files(300):
        write(folder / "flows", named("nfcapd.%Y%m%d%H%M", start), content)
    propose(folder)
    check(value(folder, "files") == "nfcapd.{start:%Y%m%d%H%M}" and value(folder, "zone") == "UTC", value(folder, "files"))
    run_and_compare(folder, {"": exporter})


def router_folders(folder):
    exporters = {name: Exporter(name, START, START + 8 * HOUR, seed) for seed, name in enumerate(("zh", "ge-1", "10.0.0.1"))}
    for name, exporter in exporters.items():
        for start, content in exporter.files(HOUR):
            write(folder / "flows", f"{name}/" + named("flows-%Y%m%d%H.bz2", start), content)
    propose(folder)
    check(value(folder, "files") == "{router}/flows-{start:%Y%m%d%H}.bz2", value(folder, "files"))
    run_and_compare(folder, exporters)


def dates_in_folders(folder):
    exporter = Exporter("r", START, START + 12 * HOUR)
    for start, content in exporter.files(HOUR):
        write(folder / "flows", named("%Y/%m/%d/%H.dat.bz2", start), content)
    propose(folder)
    check(value(folder, "files") == "{start:%Y/%m/%d/%H}.dat.bz2", value(folder, "files"))
    run_and_compare(folder, {"": exporter})


def local_time(folder):
    """The night in which clocks are set back: the running number decides which of the two hours is meant."""
    start = 1193518800  # 2007-10-27T21:00:00Z
    exporter = Exporter("r", start, start + 10 * HOUR)
    for number, (at, content) in enumerate(exporter.files(HOUR)):
        write(folder / "flows", f"flows_{number + 95:06}_" + named("%Y-%m-%d_%Hh.bz2", at, ZURICH), content)
    propose(folder)
    check(value(folder, "files") == "flows_{sequence}_{start:%Y-%m-%d_%H}h.bz2", value(folder, "files"))
    check(value(folder, "zone") == "Europe/Zurich", value(folder, "zone"))
    run_and_compare(folder, {"": exporter})


def local_time_without_numbers(folder):
    """One of the two hours is overwritten; the others are counted."""
    start = 1193518800
    exporter = Exporter("r", start, start + 24 * HOUR)
    for at, content in exporter.files(HOUR):
        write(folder / "flows", named("flows_%Y-%m-%d_%Hh.bz2", at, ZURICH), content)
    propose(folder)
    check(value(folder, "zone") == "Europe/Zurich" and "occurred twice" in (folder / "own.yaml").read_text(), "the repeated hour is stated")
    run_and_compare(folder, {"": exporter}, range(start // HOUR + 15, start // HOUR + 24))


def thesis(folder, end=False):
    exporters = {name: Exporter(name, START, START + 10 * HOUR, seed) for seed, name in enumerate(("19991", "19993"))}
    for name, exporter in exporters.items():
        for number, (start, content) in enumerate(exporter.files(HOUR)):
            write(folder / "flows", f"{name}_{number + 123:06}_{start + end * HOUR}.dat.bz2", content)
    propose(folder)
    check(value(folder, "files") == "{router}_{sequence}_{%s:unix}.dat.bz2" % ("end" if end else "start"), value(folder, "files"))
    run_and_compare(folder, exporters)


def thesis_with_ends(folder):
    thesis(folder, end=True)


def ends_of_short_files(folder):
    exporter = Exporter("r", START, START + 4 * HOUR)
    for start, content in exporter.files(600):
        write(folder / "flows", named("export-%Y%m%dT%H%M%SZ.bin", start + 600), content)
    propose(folder)
    check(value(folder, "files") == "export-{end:%Y%m%dT%H%M%S%z}.bin", value(folder, "files"))
    run_and_compare(folder, {"": exporter})


def starts_and_ends(folder):
    exporters = {name: Exporter(name, START, START + 4 * HOUR, seed) for seed, name in enumerate(("a", "b"))}
    for name, exporter in exporters.items():
        for start, content in exporter.files(1800):
            write(folder / "flows", f"{name}-{start}-{start + 1800}.v5", content)
    propose(folder)
    check(value(folder, "files") == "{router}-{start:unix}-{end:unix}.v5", value(folder, "files"))
    run_and_compare(folder, exporters)


def silk(folder):
    exporters = {name: Exporter(name, START, START + 6 * HOUR, seed) for seed, name in enumerate(("in-S0", "out-S1"))}
    for name, exporter in exporters.items():
        for start, content in exporter.files(HOUR):
            write(folder / "flows", f"{name.split('-')[0]}/" + named(f"%Y/%m/%d/{name}_%Y%m%d.%H", start), content)
    propose(folder)
    check(value(folder, "files") == "{start:%Y/%m/%d}/{router}_{start:%Y%m%d.%H}", value(folder, "files"))
    run_and_compare(folder, exporters)


def yaf(folder):
    exporter = Exporter("sensor1", START, START + 3 * HOUR)
    for number, (start, content) in enumerate(exporter.files(900)):
        write(folder / "flows", named("sensor1-%Y%m%d%H%M%S-", start) + f"{number + 17:05}.yaf", content)
    propose(folder)
    check(value(folder, "files") == "sensor1-{start:%Y%m%d%H%M%S}-{sequence}.yaf", value(folder, "files"))
    run_and_compare(folder, {"": exporter})


def converted(folder):
    """Files made from packets 39 days later: their headers have the time of the conversion."""
    later = 39 * 24 * HOUR
    exporter = Exporter("r", START + later, START + later + 6 * HOUR, boot=START - 24 * HOUR, age=later)
    for start, content in exporter.files(HOUR):
        write(folder / "flows", named("%Y%m%d-%H%M.flows", start - later), content)
    propose(folder)
    text = (folder / "own.yaml").read_text()
    check(value(folder, "export_time") == "flow_end" and value(folder, "files") == "{start:%Y%m%d-%H%M}.flows", text)
    check(value(folder, "lateness") is None and "6 of 6 files read have ends of flows near" in text and "ASSUMED" not in text, text)
    run_and_compare(folder, {"": exporter}, range(START // HOUR, START // HOUR + 6))
    covered = [row["coverage"] for row in rows("traffic", cwd=folder) if "2007-09-22T18" <= row["interval_start"] < "2007-09-22T23"]
    check(len(covered) == 20 and set(covered) == {"1"}, covered)


def named_after_the_conversion(folder):
    """The names have the time of the conversion, too: nothing else than the export times agrees with them."""
    later = 39 * 24 * HOUR
    exporter = Exporter("r", START + later, START + later + 6 * HOUR, boot=START - 24 * HOUR, age=later)
    for start, content in exporter.files(HOUR):
        write(folder / "flows", named("%Y%m%d-%H%M.flows", start), content)
    propose(folder)
    check(value(folder, "export_time") is None, (folder / "own.yaml").read_text())


def zone_is_given(folder):
    exporter = Exporter("r", START, START + 3 * HOUR)
    for start, content in exporter.files(HOUR):
        write(folder / "flows", named("f.%Y%m%d%H", start, zoneinfo.ZoneInfo("Africa/Cairo")), content)
    propose(folder, "--zone", "Africa/Cairo")
    check(value(folder, "zone") == "Africa/Cairo", value(folder, "zone"))
    run_and_compare(folder, {"": exporter})


def gaps_and_one_file(folder):
    """Every second file is missing: the length of a file follows from the contents."""
    exporter = Exporter("7", START, START + 12 * HOUR)
    for number, (start, content) in enumerate(exporter.files(HOUR)):
        if number % 2 == 0:
            write(folder / "flows", f"7_{number + 5000}_{start}.bz2", content)
    propose(folder)
    check(value(folder, "covers") == "1h", value(folder, "covers"))
    for path in sorted((folder / "flows").iterdir())[1:]:
        path.unlink()
    (folder / "own.yaml").unlink()
    propose(folder)
    check(value(folder, "covers") == "1h" and value(folder, "files") == "{router}_{sequence}_{start:unix}.bz2", value(folder, "files"))
    again = propose(folder, code=5)
    check("own.yaml exists" in again.stderr, again.stderr)


def refusals(folder):
    flows = folder / "flows"
    missing = propose(folder, code=4)
    check("is not a folder" in missing.stderr, missing.stderr)
    flows.mkdir()
    check("there are no files" in propose(folder, code=4).stderr, "an empty folder")
    exporter = Exporter("r", START, START + 2 * HOUR)
    write(flows, "monday.dat", exporter.content(START, START + HOUR))
    write(flows, "tuesday.dat", exporter.content(START, START + HOUR))
    unnamed = propose(folder, code=5)
    check("monday.dat, tuesday.dat" in unnamed.stderr and "write a manifest with a pattern" in unnamed.stderr, unnamed.stderr)
    for path in flows.iterdir():
        path.unlink()
    for head, format in ((b"\xcf\x10\x01\x03", "flow-tools"), (b"\xde\xad\xbe\xef", "SiLK")):
        write(flows, "nfcapd.200709221800", head + bytes(range(256)) * 8)
        write(flows, "nfcapd.200709221805", head + bytes(range(256)) * 8)
        unread = propose(folder, code=5)
        check(format in unread.stderr and "nfcapd.{start:%Y%m%d%H%M}" in unread.stderr, f"{format}: {unread.stderr}")
    check(not (folder / "own.yaml").exists(), "no manifest is written")


def prints_a_manifest(folder):
    exporter = Exporter("r", START, START + 2 * HOUR)
    for start, content in exporter.files(HOUR):
        write(folder / "flows", f"r_{start}.dat", content)
    text = mole("manifest", "init", "flows", cwd=folder).stdout
    check("pipeline: \"flows\"" in text and "root: \"./flows\"" in text, text)
    check("\n  files:\n" in text and "{archive: files}" in text, f"the archive has a name of its own: {text}")
    check(mole_json("manifest", "init", folder / "flows", cwd=folder)["manifest"].count("\n") == text.count("\n"), "as JSON")


for case in (flow_tools, nfcapd, nfcapd_of_one_router, router_folders, dates_in_folders, local_time, local_time_without_numbers, thesis,
             thesis_with_ends, ends_of_short_files, starts_and_ends, silk, yaf, converted, named_after_the_conversion, zone_is_given,
             gaps_and_one_file, refusals,
             prints_a_manifest):
    with TemporaryFolder("init") as folder:
        (folder / case.__name__).mkdir()
        case(folder / case.__name__)
        print(f"{case.__name__}: ok")
