#!/usr/bin/env python3
"""Files whose content is not what their name says, whose first bytes are damaged, or that changed unnoticed: run, archive gaps, archive verify and
flows state the same."""
import bz2
import gzip
import os
import struct

from system import TemporaryFolder, check, mole, mole_json, rows

HOUR = 1190487600 - 1190487600 % 7200
MANIFEST = """
pipeline: content
archives:
  a:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    covers: 1h
    block: {length: 2h, origin: 00:00}
modules:
  traffic: {plugin: traffic, input: {archive: a}, interval: 1h, by: [router]}
"""


def hour(number):
    """300 flows of one second each, in 60 datagrams."""
    out = b""
    for i in range(60):
        seconds = HOUR + 3600 * number + 60 * i + 2
        uptime = (86_400 + seconds - HOUR) * 1000
        out += struct.pack(">HHIIIIHH", 5, 5, uptime, seconds, 0, 300 * number + 5 * i, 0, 0)
        for k in range(5):
            out += struct.pack(">IIIHHIIIIHHBBBBHHBBH", 0x0a000001 + k, 0xc0000201, 0, 1, 2, 1, 1000, uptime - 1500, uptime - 500, 1024, 80, 0, 16, 6, 0, 0, 0, 24,
                               24, 0)
    return out


def flip(data, at, count=1):
    return data[:at] + bytes(b ^ 1 for b in data[at:at + count]) + data[at + count:]


def damaged(document):
    """The reasons of archive gaps and verify, by file."""
    return {file["id"].rsplit("/", 1)[-1]: [r["reason"] for r in file.get("lost_compressed", []) + file.get("lost_content", [])] for file in document["damaged"]}


def main():
    with TemporaryFolder("content") as folder:
        (folder / "archive").mkdir()
        (folder / "m.yaml").write_text(MANIFEST)
        path = {n: folder / "archive" / f"1_{n + 1}_{HOUR + 3600 * n}.dat.bz2" for n in range(6)}
        path[0].write_bytes(flip(bz2.compress(hour(0)), 0))
        path[1].write_bytes(bz2.compress(hour(1)))
        path[2].write_bytes(gzip.compress(hour(2)))
        path[3].write_bytes(hour(3))
        path[4].write_bytes(bz2.compress(gzip.compress(hour(4))))
        path[5].write_bytes(bz2.compress(hour(5)))

        mole("run", "m.yaml", "--from", f"@{HOUR}", "--to", f"@{HOUR + 6 * 3600}", "--partial", cwd=folder, code=3)
        found = rows("traffic", cwd=folder)
        check([int(row["flows"]) for row in found] == [300, 300, 0, 300, 0, 300], f"flows by hour: {found}")
        check([float(row["coverage"]) > 0.5 for row in found] == [True, True, False, True, False, True], f"coverage by hour: {found}")
        gaps = damaged(mole_json("archive", "gaps", "m.yaml", cwd=folder))
        check(set(gaps) == {path[n].name for n in (0, 2, 4)}, f"damaged: {gaps}")
        check("header" in gaps[path[0].name][0] and "gzip -dc" in gaps[path[2].name][0] and "gzip" in gaps[path[4].name][0], f"reasons: {gaps}")
        verified = damaged(mole_json("archive", "verify", "m.yaml", cwd=folder, code=3))
        check(verified == gaps, f"verify: {verified}, gaps: {gaps}")
        for n in (0, 2, 4):
            printed = mole("flows", path[n], "--format", "none", code=(1, 3)).stderr
            check(gaps[path[n].name][0] in printed, f"flows: {printed}")

        # Size and modification time stay as they were.
        for n, at in ((1, 700), (3, 24 + 40)):
            times = path[n].stat()
            path[n].write_bytes(flip(path[n].read_bytes(), at, 16))
            os.utime(path[n], ns=(times.st_atime_ns, times.st_mtime_ns))
        done = mole("archive", "verify", "m.yaml", cwd=folder, code=3)
        check("2 files have a different content" in done.stderr, f"verify: {done.stderr}")
        check(path[1].name in done.stdout, f"verify: {done.stdout}")
        mole("run", "m.yaml", "--from", f"@{HOUR}", "--to", f"@{HOUR + 6 * 3600}", "--partial", cwd=folder, code=3)
        found = rows("traffic", cwd=folder)
        check([int(row["flows"]) for row in found] == [300, 0, 0, 300, 0, 300], f"flows by hour: {found}")

        # A limit of the content that is too low is stated with its remedy; a higher one changes the result.
        limited = (folder / "m.yaml").read_text().replace("pipeline: content", "pipeline: limited").replace("    covers:", "    max_content: 10000\n    covers:")
        (folder / "limited.yaml").write_text(limited)
        mole("run", "limited.yaml", "--from", f"@{HOUR + 4 * 3600}", "--to", f"@{HOUR + 6 * 3600}", "--partial", cwd=folder, code=3)
        text = mole("archive", "gaps", "limited.yaml", cwd=folder).stdout
        check("exceeds 10000 bytes" in text and "raise max_content" in text, f"gaps: {text}")
        mole("run", "limited.yaml", "--from", f"@{HOUR + 5 * 3600}", "--to", f"@{HOUR + 6 * 3600}", "--set", "archives.a.max_content=1MiB", "--partial", cwd=folder, code=(0, 3))
        mole("flows", path[5], "--format", "none", "--max-content", "10000", code=1)
        mole("flows", path[5], "--format", "none", "--max-content", "1MiB")


if __name__ == "__main__":
    main()
