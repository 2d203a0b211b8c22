#!/usr/bin/env python3
"""Flows exported too late for their interval, and files whose names give another time than their content, end a run as partial with
that cause."""
from system import TemporaryFolder, check, mole, mole_json, rows

MANIFEST = """
pipeline: late
archives:
  border:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    covers: 1h
    block: {length: 6h}
modules:
  traffic: {plugin: traffic, input: {archive: border}, interval: 15m, by: [router]}
"""
RANGE = ("--from", "2007-09-22T02", "--to", "2007-09-22T05")


def run(folder, name, manifest, code):
    """Runs the manifest in a state folder of its own."""
    (folder / f"{name}.yaml").write_text(manifest)
    return mole("--state", f"state-{name}", "run", f"{name}.yaml", *RANGE, cwd=folder, code=code).stdout


with TemporaryFolder("late") as folder:
    mole("archive", "simulate", "archive", "--seed", 4, "--from", "2007-09-22", "--to", "2007-09-22T07", "--routers", "1,2", "--flows-per-hour", 2000,
         cwd=folder)
    text = run(folder, "sound", MANIFEST, 0)
    check("COMPLETE" in text, f"a sound archive is complete: {text}")
    table = mole("--state", "state-sound", "results", "traffic", cwd=folder).stdout
    check("flows_late" in table.splitlines()[0], f"the table shows late flows: {table[:300]}")

    short = MANIFEST.replace("covers: 1h", "covers: 1h\n    lateness: 0s")
    text = run(folder, "short", short, 3)
    check("PARTIAL" in text and "% of the flows that \"traffic\" reads are not counted" in text and "raise \"lateness\"" in text, text)
    check("COMPLETE" in run(folder, "accepted", short.replace("lateness: 0s", "lateness: 0s\n    max_late: 0.9"), 0), "the share is accepted")

    # A copy of an hour under the name of the next one: its flows must not be counted again.
    hours = sorted((folder / "archive").glob("1_*.bz2"))
    kept = hours[3].read_bytes()
    hours[3].unlink()
    run(folder, "missing", MANIFEST, 3)
    hours[3].write_bytes(hours[2].read_bytes())
    text = run(folder, "copied", MANIFEST, 3)
    check("misplaced" in text, text)
    without, copied = (rows("traffic", "--state", f"state-{name}", cwd=folder) for name in ("missing", "copied"))
    check(without == copied, "a misplaced file counts as a missing one")
    hours[3].write_bytes(kept)

    for written, right in (("end", "start"), ("start", "end")):
        shifted = MANIFEST.replace("{start:unix}", "{%s:unix}" % written)
        if right == "end":
            for file in sorted((folder / "archive").glob("*.bz2"), reverse=True):
                router, sequence, rest = file.name.split("_")
                start, suffix = rest.split(".", 1)
                file.rename(file.with_name(f"{router}_{sequence}_{int(start) + 3600}.{suffix}"))
        text = run(folder, f"as-{written}", shifted, 3)
        check("misplaced" in text and "PARTIAL" in text, text)
        gaps = mole("--state", f"state-as-{written}", "archive", "gaps", f"as-{written}.yaml", cwd=folder).stdout
        check(gaps.count("misplaced") >= 6 and "write {%s:..}" % right in gaps, gaps)
        status = mole_json("--state", f"state-as-{written}", "request", "show", "r2", cwd=folder)
        check(status["coverage"] == 0 and status["state"] == "PARTIAL", f"misplaced files prove nothing: {status}")
    check("COMPLETE" in run(folder, "ends", MANIFEST.replace("{start:unix}", "{end:unix}"), 0), "the right reading is complete")
