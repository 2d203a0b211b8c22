#!/usr/bin/env python3
"""A refreshed listing reports only what has changed, and leaves the same files, gaps and plan as a first listing: after new, removed and changed files,
restarts, and the loss or damage of the listing that the node keeps."""
import shutil

from system import TemporaryFolder, check, mole, mole_json

HOURS = 1500
FIRST = 1190419200  # 2007-09-22T00:00Z
MANIFEST = """
pipeline: refreshed
archives:
  flows:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat"
    covers: 1h
    block: {length: 6h, origin: 00:00}
modules:
  traffic: {plugin: traffic, input: {archive: flows}, interval: 15m, by: [router]}
"""


def name(router, hour):
    return f"{router}_{hour + 1:06d}_{FIRST + 3600 * hour}.dat"


with TemporaryFolder("index-refresh") as folder:
    archive = folder / "archive"
    archive.mkdir()
    (folder / "refreshed.yaml").write_text(MANIFEST)
    state = folder / "state"

    def write(file, size=1000):
        with open(archive / file, "wb") as out:
            out.truncate(size)

    def seen(where):
        """The files, gaps and plan that a coordinator shows."""
        files = mole_json("archive", "ls", "refreshed/flows", "--state", where, cwd=folder)
        gaps = mole_json("archive", "gaps", "refreshed/flows", "--state", where, cwd=folder)
        plan = mole_json("plan", "refreshed.yaml", "--from", "2007-09-22", "--to", "2007-09-23", "--state", where, cwd=folder)
        gaps.pop("listed")
        return [{key: value for key, value in file.items() if key != "revision"} for file in files], gaps, plan["files"], plan["gaps"]

    def last_listing():
        lines = [line for line in (state / "coordinator.log").read_text().splitlines() if " files listed, " in line]
        return lines[-1]

    def refresh(what, rows, differences):
        """Lists the archive again. rows: that must change; differences: whether only these may be reported."""
        listed = mole_json("archive", "index", "refreshed.yaml", "--state", state, cwd=folder)[0]
        files = len(list(archive.iterdir()))
        check(listed["files"] == files, f"after {what}, {listed['files']} of {files} files are counted")
        size = sum(file.stat().st_size for file in archive.iterdir())
        check(listed["bytes"] == size, f"after {what}, {listed['bytes']} of {size} bytes are counted")
        line = last_listing()
        check(f" {files} files listed, {rows} rows changed, " in line, f"after {what}: {line}")
        check(("from the differences" in line) == differences, f"after {what}: {line}")
        fresh = folder / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        mole("archive", "index", "refreshed.yaml", "--state", fresh, cwd=folder)
        for part, kept, new in zip(("files", "gaps", "files of the plan", "gaps of the plan"), seen(state), seen(fresh)):
            check(kept == new, f"after {what}, the {part} differ from those of a first listing")

    for router in (1, 2):
        for hour in range(HOURS):
            if hour != 20:
                write(name(router, hour))
    refresh("the first listing", 2 * HOURS - 2, False)
    # Every command restarts the coordinator and the node, so each of these follows a restart.
    refresh("no change", 0, True)
    write(name(1, HOURS))
    refresh("a new file", 1, True)
    (archive / name(2, 7)).unlink()
    refresh("a removed file", 1, True)
    write(name(2, 9), 1234)
    refresh("a changed file", 1, True)
    write(name(3, 5))
    (archive / name(1, 0)).unlink()
    write(name(2, 7))
    refresh("a new router, a removed first file and a file that is back", 3, True)

    shutil.rmtree(state / "node")
    write(name(1, 20))
    refresh("the loss of the node's folder", 1, False)
    (archive / name(1, 20)).unlink()
    refresh("a removed file", 1, True)

    kept = list((state / "node" / "listings").iterdir())
    check(len(kept) == 1, f"the node keeps {len(kept)} listings of one archive")
    content = bytearray(kept[0].read_bytes())
    content[len(content) // 2] ^= 1
    kept[0].write_bytes(content)
    write(name(1, 20))
    refresh("damage of the kept listing", 1, False)
    kept[0].write_bytes(kept[0].read_bytes()[:-10])
    refresh("a truncated kept listing", 0, False)

    # The listing that the node keeps is older than that of the coordinator, of which a restarted one knows only the last.
    old = kept[0].read_bytes()
    write(name(1, HOURS + 1))
    refresh("another new file", 1, True)
    kept[0].write_bytes(old)
    (archive / name(1, HOURS + 1)).unlink()
    refresh("the return of an older kept listing", 1, False)
