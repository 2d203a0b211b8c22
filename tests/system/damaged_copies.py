#!/usr/bin/env python3
"""Checks that damaged copies of files in a node's cache change no number: they are found, told, and fetched again, and the archive's
files do not count as damaged."""
import json

from system import TemporaryFolder, check, mole, tree_contents

MANIFEST = """
pipeline: copies
archives:
  simulated:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    covers: 1h
    block: {length: 2h, origin: 00:00}
modules:
  traffic: {plugin: traffic, input: {archive: simulated, where: {router: [1, 2]}}, interval: 15m, by: [router]}
  hosts:   {plugin: unique_addresses, input: {archive: simulated, where: {router: [1, 2]}}, interval: 15m}
"""
RANGE = ("--from", "2007-09-22", "--to", "2007-09-22T10", "--partial", "--progress", "none")


def run(folder, state, *more):
    mole("run", "copies.yaml", *RANGE, "--state", folder / state, "--threads", 2, *more, cwd=folder, code=3)


def gaps(folder, state):
    text = mole("archive", "gaps", "copies.yaml", "--state", folder / state, cwd=folder).stdout
    return [line for line in text.splitlines() if not line.startswith("as listed")]


def flip(path, places=1):
    content = bytearray(path.read_bytes())
    for place in range(1, places + 1):
        content[place * len(content) // (places + 1)] ^= 0x40
    path.write_bytes(content)


with TemporaryFolder("copies") as folder:
    (folder / "copies.yaml").write_text(MANIFEST)
    mole("archive", "simulate", folder / "archive", "--seed", 7, "--from", "2007-09-22", "--to", "2007-09-22T10", "--routers", "1,2",
         "--flows-per-hour", 2000, "--gap", "1@2007-09-22T03", "--damage", "2@2007-09-22T05:flip")
    again = ("--module", "hosts", "--set", "modules.hosts.interval=30m")
    for state in ("sound", "disturbed"):
        run(folder, state, "--set", "modules.traffic.interval=30m")
    run(folder, "sound")
    run(folder, "sound", *again)
    expected, expected_gaps = tree_contents(folder / "sound" / "tables"), gaps(folder, "sound")

    def disturb(harm):
        """Damages what is in the cache; returns how many files."""
        count = 0
        for path in sorted((folder / "disturbed").rglob("cache/*.file")):
            count += harm(path)
        check(count >= 10, f"only {count} files were in the cache")
        return count

    def is_archive_file(path):
        return path.read_bytes()[:3] == b"BZh"

    def damage_copies(path):
        if is_archive_file(path):
            flip(path)
            return 1
        path.unlink()  # its columns, so that the copy is read
        return 0

    def damage_columns(path):
        if is_archive_file(path):
            return 0
        flip(path, 50)  # whichever columns are read
        return 1

    flipped = disturb(damage_copies)
    run(folder, "disturbed")
    events = [json.loads(line) for line in mole("state", "dump", "events", "--state", folder / "disturbed").stdout.splitlines()]
    told = {event["file"] for event in events if event["event"] == "copy damaged"}
    check(len(told) == flipped, f"{flipped} copies were damaged, {len(told)} were reported: {events[:3]}")

    flipped = disturb(damage_columns)
    run(folder, "disturbed", *again)
    events = [json.loads(line) for line in mole("state", "dump", "events", "--state", folder / "disturbed").stdout.splitlines()]
    told = sum(event["event"] == "copy damaged" for event in events) - len(told)
    check(told == flipped, f"{flipped} column files were damaged, {told} were reported")

    check(gaps(folder, "disturbed") == expected_gaps, "damaged copies count as damage of the archive: " + str(gaps(folder, "disturbed")))
    found = tree_contents(folder / "disturbed" / "tables")
    check(found.keys() == expected.keys(), f"tables are missing: {sorted(expected.keys() ^ found.keys())[:4]}")
    different = [name for name in expected if found[name] != expected[name]]
    check(not different, f"{len(different)} of {len(expected)} tables differ: {different[:4]}")
    print(f"{len(expected)} tables equal those of undamaged copies")
