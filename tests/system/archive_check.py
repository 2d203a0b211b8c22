#!/usr/bin/env python3
"""Checks a clean archive, in which nothing is found, and copies of it with one fault each, which is found."""
import bz2
import os
import shutil

from flow_files import Exporter, write
from system import Daemon, TemporaryFolder, check, mole, mole_json, wait_until

HOUR = 3600
START = 1190484000  # 2007-09-22T18:00:00Z
HOURS = 12
MANIFEST = """pipeline: checked
archives:
  a:
    downloader: directory
    params: {root: ./archive}
    files: "%s"
    covers: %s
%smodules:
  traffic: {plugin: traffic, input: {archive: a}, interval: 15m%s}
"""
NAMED = "{router}_{sequence}_{start:unix}.dat.bz2"
ROUTERS = {name: Exporter(name, START, START + HOURS * HOUR, seed) for seed, name in enumerate(("zh", "ge"))}


class Archive:
    """A folder with an archive of two routers and its manifest."""

    def __init__(self, folder, name):
        self.folder = folder / name
        self.archive = self.folder / "archive"
        self.archive.mkdir(parents=True)
        self.manifest()

    def manifest(self, files=NAMED, covers="1h", keys="", by=", by: [router]"):
        (self.folder / "m.yaml").write_text(MANIFEST % (files, covers, keys, by))

    def fill(self):
        for name, exporter in ROUTERS.items():
            for number, (start, content) in enumerate(exporter.files(HOUR)):
                write(self.archive, f"{name}_{number + 10:05}_{start}.dat.bz2", content)
        return self

    def path(self, name, hour):
        return self.archive / f"{name}_{hour + 10:05}_{START + hour * HOUR}.dat.bz2"

    def check(self, *options, code=3):
        found = mole_json("archive", "check", "m.yaml", *options, cwd=self.folder, code=code)
        page = mole("archive", "check", "m.yaml", *options, cwd=self.folder, code=code).stdout
        self.page = page
        for finding in found["findings"]:
            check(finding["message"] in page, f"{finding} is not on the page:\n{page}")
            for line in finding["manifest"]:
                check(line in page, f"{line} is not on the page:\n{page}")
        return found

    def finds(self, kind, count, example="", text="", options=("--all-contents",)):
        """Checks that exactly this problem is found. Returns it."""
        found = self.check(*options)
        problems = [f for f in found["findings"] if f["problem"]]
        check([(f["kind"], f["count"]) for f in problems] == [(kind, count)], f"{problems} instead of {count} {kind}")
        check(any(example in e for e in problems[0]["examples"]) or not example, f"{problems} has no example {example}")
        check(text in problems[0]["message"] + " ".join(problems[0]["examples"]), f"{problems} does not state {text}")
        return problems[0]


def clean(folder):
    archive = Archive(folder, "clean").fill()
    found = archive.check("--all-contents", code=0)
    check(found["findings"] == [] and "nothing found" in archive.page, found)
    check((found["files"], found["files_read"]) == (2 * HOURS, 2 * HOURS), found)
    check((found["from"], found["to"]) == ("2007-09-22T18:00:00Z", "2007-09-23T06:00:00Z"), found)
    check([(r["router"], r["files"], r["missing"]) for r in found["routers"]] == [("ge", HOURS, 0), ("zh", HOURS, 0)], found)
    flows = sum(sum(e.flows_per_hour().values()) for e in ROUTERS.values())
    check(found["flows"] == flows and found["flows_late"] == 0, found)
    check("export_delay:" in archive.page and "start: {0s: 0, " in archive.page, archive.page)
    sampled = archive.check("--sample", "3", code=0)
    check(sampled["files_read"] == 6 and "6 of 24 files read (a sample; --all-contents reads all)" in archive.page, archive.page)
    named = mole_json("archive", "check", "m.yaml", "a", cwd=archive.folder)
    check(named["archive"] == "checked/a" and named["files_read"] == 24, named)
    mole("archive", "check", "m.yaml", "b", cwd=archive.folder, code=4)
    mole("archive", "check", "m.yaml", "--sample", "3", "--all-contents", cwd=archive.folder, code=2)
    # The lines for the manifest are accepted.
    lines = archive.page.split("below the archive a:\n")[1]
    archive.manifest(keys=lines)
    mole("manifest", "validate", "m.yaml", cwd=archive.folder)
    mole("archive", "check", "m.yaml", cwd=archive.folder)


def gaps(folder):
    archive = Archive(folder, "gaps").fill()
    for hour in (3, 4, 7):
        archive.path("zh", hour).unlink()
    archive.finds("gap", 3, "zh 2007-09-22T21:00:00Z to 2007-09-22T22:00:00Z")


def duplicates(folder):
    archive = Archive(folder, "duplicates").fill()
    write(archive.archive, "old/" + archive.path("zh", 2).name, ROUTERS["ge"].content(START + 2 * HOUR, START + 3 * HOUR))
    found = archive.finds("duplicate", 1, "router zh has 2 files for 2007-09-22T20:00:00Z")
    check("duplicates: newest" in found["manifest"][0], found)
    same = Archive(folder, "copies").fill()
    (same.archive / "old").mkdir()
    shutil.copy2(same.path("zh", 2), same.archive / "old")
    same.finds("duplicate", 1, "with the same content; it is counted once")


def copies(folder):
    """A copy whose name states a time half an hour later: found here, and noted by a run, which counts it once."""
    archive = Archive(folder, "copies").fill()
    original = archive.path("zh", 2)
    shutil.copy(original, archive.archive / f"zh_00098_{START + 2 * HOUR + 1800}.dat.bz2")
    archive.finds("copy", 1, f"zh_00098_{START + 2 * HOUR + 1800}", "not counted again")
    printed = mole("run", "m.yaml", "--from", f"@{START}", "--to", f"@{START + 6 * HOUR}", "--state", "run", "--progress=none", cwd=archive.folder, code=(0, 3))
    check(f"1 file repeats the content of another file of its router with an overlapping time and is not counted again: zh_00098_{START + 2 * HOUR + 1800}"
          in printed.stdout + printed.stderr, printed.stdout + printed.stderr)


def misplaced(folder):
    archive = Archive(folder, "clock").fill()
    exporter = Exporter("zh", HOUR, 2 * HOUR, boot=0)
    archive.path("zh", 5).write_bytes(bz2.compress(exporter.content(HOUR, 2 * HOUR)))
    archive.finds("misplaced", 1, "exported from 1970-01-01T01:00:00Z", "clock")
    ends = Archive(folder, "ends").fill()
    for name, exporter in ROUTERS.items():
        for hour in range(HOURS):
            ends.path(name, hour).rename(ends.archive / f"{name}_{hour + 10:05}_{START + (hour + 1) * HOUR}.dat.bz2.new")
    for path in ends.archive.iterdir():
        path.rename(path.with_suffix(""))
    found = ends.finds("misplaced", 2 * HOURS, text="24 of them agree with a different reading")
    check(found["manifest"] == ['files: "{router}_{sequence}_{end:unix}.dat.bz2"'], found)
    ends.manifest(files="{router}_{sequence}_{end:unix}.dat.bz2")
    ends.check("--all-contents", code=0)
    local = Archive(folder, "zone")
    local.manifest(files="f.{start:%Y%m%d%H%M}", by="")
    for start, content in ROUTERS["zh"].files(HOUR):
        hours = (start + 2 * HOUR - START) // HOUR + 18
        write(local.archive, f"f.200709{22 + hours // 24}{hours % 24:02}00", content)
    found = local.finds("misplaced", HOURS)
    check(found["manifest"] == ["zone: Europe/Zurich"], found)


def damage(folder):
    archive = Archive(folder, "damage").fill()
    path = archive.path("zh", 4)
    content = bz2.decompress(path.read_bytes())
    path.write_bytes(bz2.compress(content[:5000] + content[5100:]))
    archive.finds("damaged", 1, path.name)
    path.write_bytes(bz2.compress(content)[:-200])  # its only block
    archive.finds("unreadable", 1, path.name, "cut off")


def compressions(folder):
    for magic, text in ((b"\x1f\x9d\x90", "compressed with compress"), (b"\x89LZO\0\r\n\x1a\n", "compressed with lzop"), (b"\x0c\xa5\x02\0", "the nfcapd file"),
                        (b"\xfd7zXZ\0", "no installed decoder recognises the content"), (b"a" + bytes(256) + b"ustar\0", "a tar archive")):
        archive = Archive(folder, text.replace(" ", "_")).fill()
        archive.path("ge", 1).write_bytes(magic + os.urandom(5000))
        archive.finds("unreadable", 1, archive.path("ge", 1).name, text)


def sizes(folder):
    archive = Archive(folder, "sizes").fill()
    archive.path("zh", 1).write_bytes(b"")
    archive.path("zh", 2).write_bytes(b"BZh9tiny")
    archive.path("ge", 3).write_bytes(bz2.compress(ROUTERS["ge"].content(START + 3 * HOUR, START + 3 * HOUR + 120)))
    found = archive.check("--sample", "1")
    messages = {f["message"]: f["examples"] for f in found["findings"] if f["kind"] == "size"}
    check(messages["1 file is empty"] == [archive.path("zh", 1).name], messages)
    check(messages["1 file is too small for a datagram"] == [archive.path("zh", 2).name + " (8 B)"], messages)
    small = [examples for message, examples in messages.items() if "less than a fifth" in message]
    check(len(small) == 1 and small[0][0].startswith(archive.path("ge", 3).name), messages)


def names(folder):
    archive = Archive(folder, "names").fill()
    for name in ("._zh_00010_1190484000.dat.bz2", ".hidden", "zh_00010_1190484000.dat.bz2.part", "x~"):
        write(archive.archive, name, b"x")
    found = archive.check("--all-contents", code=0)
    check([(f["kind"], f["problem"], f["count"]) for f in found["findings"]] == [("ignored", False, 4)], found)
    write(archive.archive, "README", b"x")
    write(archive.archive, "zh-2007.dat", b"x")
    archive.finds("name", 2, "README", "does not match")
    with open(os.path.join(os.fsencode(archive.archive), b"z\xfcrich_00010_1190484000.dat.bz2"), "wb") as file:
        file.write(archive.path("zh", 0).read_bytes())
    found = archive.check("--all-contents")
    check([f["count"] for f in found["findings"] if f["kind"] == "not UTF-8"] == [1] and "z\\xFCrich" in archive.page, archive.page)


def future(folder):
    archive = Archive(folder, "future").fill()
    write(archive.archive, "zh_00099_4102444800.dat.bz2", archive.path("zh", 0).read_bytes())
    found = archive.finds("name", 1, "zh_00099_4102444800.dat.bz2", "has not come yet")
    check(found and "2100" not in archive.page.split("\n\n")[0], archive.page)


def several_exporters(folder):
    archive = Archive(folder, "exporters")
    archive.manifest(files="flows.{start:unix}.bz2", by="")
    merged = sorted(d for e in ROUTERS.values() for d in e.datagrams)
    for start in range(START, START + HOURS * HOUR, HOUR):
        write(archive.archive, f"flows.{start}.bz2", b"".join(data for now, data, _ in merged if start <= now < start + HOUR))
    archive.finds("exporters", HOURS, "2 exporters", "no {router}")
    # A router that is restarted, and the line cards of one router, are one exporter.
    one = Archive(folder, "one_exporter")
    one.manifest(files="flows.{start:unix}.bz2", by="")
    middle = START + HOUR // 2
    before, after = Exporter("r", START, middle, boot=START - 90000), Exporter("r", middle, START + HOUR, boot=middle - 100)
    write(one.archive, f"flows.{START}.bz2", before.content(START, middle) + after.content(middle, START + HOUR))
    cards = [Exporter(f"r{engine}", START + HOUR, START + 2 * HOUR, boot=START - 90000, engine=engine) for engine in (1, 2)]
    both = sorted(d for card in cards for d in card.datagrams)
    write(one.archive, f"flows.{START + HOUR}.bz2", b"".join(data for _, data, _ in both))
    one.check("--all-contents", code=0)


def late_flows(folder):
    archive = Archive(folder, "late")
    archive.manifest(files="flows.{start:unix}.bz2", by="", covers="5m")
    exporter = Exporter("r", START, START + HOURS * HOUR, delay=20000)
    for start, content in exporter.files(300):
        write(archive.archive, f"flows.{start}.bz2", content)
    found = archive.check("--all-contents")
    late = [f for f in found["findings"] if f["kind"] == "late"]
    expected = sum(began < now // 300 * 300 - 31 * 60 for now, _, starts in exporter.datagrams for began in starts)
    check(len(late) == 1 and late[0]["count"] == expected == found["flows_late"], f"{late} instead of {expected}")
    check(late[0]["manifest"][0].startswith("lateness: "), late)
    archive.manifest(files="flows.{start:unix}.bz2", by="", covers="5m", keys="    " + late[0]["manifest"][0] + "\n")
    archive.check("--all-contents", code=0)


def wrong_length(folder):
    archive = Archive(folder, "length")
    archive.manifest(files="flows.{start:unix}.bz2", by="", covers="1h")
    for start, content in ROUTERS["zh"].files(600):
        write(archive.archive, f"flows.{start}.bz2", content)
    found = archive.finds("distance", 1)
    check(found["manifest"] == ["covers: 10m"], found)


def repeated_hour(folder):
    archive = Archive(folder, "repeated")
    archive.manifest(files="f_{start:%Y-%m-%d_%H}.bz2", by="", keys="    zone: Europe/Zurich\n")
    start = 1193518800  # 2007-10-27T21:00:00Z: 23 o'clock
    exporter = Exporter("r", start, start + 6 * HOUR)
    for hour, name in enumerate(("27_23", "28_00", "28_01", "28_02")):
        write(archive.archive, f"f_2007-10-{name}.bz2", exporter.content(start + hour * HOUR, start + (hour + 1) * HOUR))
    archive.finds("repeated time", 1, "occurred twice in Europe/Zurich")


def with_services(folder):
    """The coordinator of a service and its node do the work."""
    archive = Archive(folder, "services").fill()
    archive.path("zh", 3).unlink()
    address = f"unix:{archive.folder}/socket"
    with Daemon("mole-coordinator", "--state", archive.folder / "state", "--init", "--listen", address, log=archive.folder / "c.log"), \
         Daemon("mole-node", "--coordinator", address, "--dir", archive.folder / "node", log=archive.folder / "n.log"):
        wait_until((archive.folder / "socket").exists, "the coordinator")
        found = mole_json("--coordinator", address, "archive", "check", "m.yaml", "--progress", "none", cwd=archive.folder, code=3)
        check([(f["kind"], f["count"]) for f in found["findings"]] == [("gap", 1)], found)
        check(found["files_read"] == 2 * HOURS - 1, found)


for case in (clean, gaps, duplicates, copies, misplaced, damage, compressions, sizes, names, future, several_exporters, late_flows, wrong_length,
             repeated_hour, with_services):
    with TemporaryFolder("check") as folder:
        case(folder)
        print(f"{case.__name__}: ok")
