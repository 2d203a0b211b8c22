#!/usr/bin/env python3
"""Checks what a run reports: what plugins print, the cache and its limit, a second run on the same state, a plugin that hangs."""
import pathlib
import re
import shutil
import signal
import subprocess
import time

from system import BUILD, MOLE, TemporaryFolder, check, mole, mole_json, rows, wait_until

MANIFEST = """
pipeline: PIPELINE
archives:
  simulated:
    downloader: directory
    params: {root: ../archive}
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    covers: 1h
    block: {length: 1h, origin: 00:00}
modules:
"""
TRAFFIC = "  traffic: {plugin: traffic, input: {archive: simulated}, interval: 15m}\n"
PLUGINS = BUILD / "tests" / "plugins"
SHORT = ("--from", "2007-09-22", "--to", "2007-09-22T04", "--partial")
LONG = ("--from", "2007-09-22", "--to", "2007-09-24", "--partial")


def manifest(folder, pipeline, modules=TRAFFIC):
    path = folder / f"{pipeline}.yaml"
    path.write_text(MANIFEST.replace("PIPELINE", pipeline) + modules)
    return path


def victim(plugin):
    return TRAFFIC + f"  victim: {{plugin: {plugin}, input: {{archive: simulated}}, interval: 15m}}\n"


def size_of(folder):
    total = 0
    for path in pathlib.Path(folder).rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # removed meanwhile
            pass
    return total


def printed_messages(folder):
    state = folder / "printed"
    manifest(folder, "printed", victim("printer"))
    done = mole("run", "printed.yaml", *SHORT, "--state", state, "--plugins", PLUGINS, "--progress=none", cwd=folder, code=(0, 3))
    note = re.search(r"note +plugins printed messages while these modules were computed: .*victim \((\d) blocks?\).*; see (mole why .*)", done.stdout)
    check(note and note[1] == "4", f"the summary says who printed: {done.stdout}")
    command = note[2].split()[1:]
    why = mole(*command, "--state", state, cwd=folder)
    check(r"| printer: a line with \x1b[31mcolour" in why.stdout, f"why shows the lines: {why.stdout}")
    log = mole_json(*command, "--state", state, cwd=folder)["lineage"]["log"]
    check(0 < len(log) <= 4096 and "\x1b" not in log, f"{len(log)} bytes are kept")
    check(any("printed messages" in n for n in mole_json("request", "show", "r2", "--state", state)["notes"]), "the request keeps the note")
    again = mole("run", "printed.yaml", *SHORT, "--state", state, "--plugins", PLUGINS, cwd=folder, code=(0, 3))
    check("printed messages" not in again.stdout, "a run that computes nothing has no such note")
    manifest(folder, "quiet")
    quiet = mole("run", "quiet.yaml", *SHORT, "--state", state, cwd=folder, code=(0, 3))
    check("printed messages" not in quiet.stdout + mole("why", "quiet/traffic", "bytes", "2007-09-22", "--state", state).stdout, "silent plugins")
    print("what a successful plugin prints is kept and told")


def endless_output(folder):
    state = folder / "flooded"
    manifest(folder, "flooded", victim("flooder"))
    largest, started = 0, time.monotonic()
    with open(folder / "flooded.log", "w") as log:
        run = subprocess.Popen([MOLE, "run", "flooded.yaml", *SHORT[:3], "2007-09-22T02", "--partial", "--state", state, "--plugins", PLUGINS,
                                "--stall-limit", "2s", "--threads", "4", "--progress=none"], cwd=folder, stdout=log, stderr=log)
    while run.poll() is None:
        largest = max(largest, size_of(state))
        time.sleep(0.05)
    err = text(folder, "flooded")
    check(run.returncode == 1 and "no progress for 2s" in err and "flooded/victim" in err and "in add" in err, f"{run.returncode}: {err[-3000:]}")
    check("flooder: a line that is printed again and again" in err, "the last lines are kept")
    check(largest < 64 << 20, f"the state folder had {largest} bytes")
    check(len(err) < 10_000, f"{len(err)} bytes of messages")
    seconds = time.monotonic() - started
    done = rows("flooded/traffic", "--state", state)
    check(len(done) == 8, f"the other module finished: {len(done)} rows")
    print(f"a plugin that prints without end fills nothing and is given up after {seconds:.0f} s")


def bounded_cache(folder):
    state = folder / "cached"
    manifest(folder, "cached")
    files = sorted((folder.parent / "archive").glob("*.bz2"))
    limit = 6 * max(f.stat().st_size for f in files)
    done = mole("run", "cached.yaml", *LONG, "--state", state, "--cache-limit", f"{limit}", cwd=folder, code=(0, 3))
    check(re.search(rf"cache +{state}/node/cache: .* of at most ", done.stdout), f"the summary names the cache: {done.stdout}")
    used = size_of(state / "node" / "cache")
    check(0 < used < limit + (16 << 10), f"{used} bytes are cached, the limit is {limit}")
    check(sum(f.stat().st_size for f in files) > 2 * limit, "the archive is larger than the cache")
    check(re.search(rf"cache +{state}/node/cache: ", mole("status", "--state", state).stdout), "status names the cache")
    check("node/cache" not in mole("status", "--map", "--state", state).stdout, "the map does not")
    print("the cache is bounded and named")


def start(folder, pipeline, *more, time_range=LONG):
    log = open(folder / f"{pipeline}.log", "w")
    return subprocess.Popen([MOLE, "run", f"{pipeline}.yaml", *time_range, "--state", folder / "shared", "--plugins", PLUGINS, "--progress=plain",
                             *more], cwd=folder, stdout=log, stderr=log)


def text(folder, pipeline):
    return (folder / f"{pipeline}.log").read_text()


def second_run(folder):
    """A run in the pipeline `hanging` does not end before its stall limit, so it can be stopped at any time."""
    for pipeline in ("one", "two", "three"):
        manifest(folder, pipeline)
    for pipeline in ("hanging", "waiting"):
        manifest(folder, pipeline, TRAFFIC.replace("plugin: traffic", "plugin: hanger"))
    one_hour = (*SHORT[:3], "2007-09-22T01", "--partial")
    mole("run", "two.yaml", *LONG, "--state", folder / "alone", cwd=folder, code=(0, 3))
    truth = rows("two/traffic", "--state", folder / "alone")
    state = folder / "shared"

    def check_second(how, second, pipeline="two"):
        code = second.wait(300)
        out = text(folder, pipeline)
        check(code in (0, 3), f"{how}: the second run exited with {code}: {out[-3000:]}")
        check(rows(f"{pipeline}/traffic", "--state", state) == truth, f"{how}: the rows of the second run are right")
        return out

    def first_run(pipeline, *more, **times):
        shutil.rmtree(state, ignore_errors=True)
        first = start(folder, pipeline, *more, **times)
        wait_until(lambda: "jobs" in text(folder, pipeline), "the first run's progress")
        return first

    def hanging(limit):
        return first_run("hanging", "--stall-limit", limit, time_range=one_hour)

    def later_run(pipeline, *more, **times):
        run = start(folder, pipeline, *more, **times)
        wait_until(lambda: "works on this state" in text(folder, pipeline), f"the note of the run {pipeline}")
        wait_until(lambda: pipeline in mole("request", "list", "--all", "--state", state).stdout, f"the listing for the run {pipeline}")
        return run

    first = first_run("one", "--threads", "1")
    second = start(folder, "two")
    check(first.wait(300) in (0, 3), f"the first run finishes: {text(folder, 'one')[-2000:]}")
    check_second("finished", second)
    print("a second run goes on after the first one has finished")

    for how, stop, codes in (("interrupted", signal.SIGINT, (75, 130)), ("killed", signal.SIGKILL, (-9,))):
        first = hanging("10m")
        second = later_run("two", "--stall-limit", "1s")
        first.send_signal(stop)
        code = first.wait(300)
        check(code in codes, f"{how}: the first run exited with {code}: {text(folder, 'hanging')[-2000:]}")
        out = check_second(how, second)
        check("has ended; this command continues without it" in out, f"{how}: {out}")
        print(f"a second run goes on after the first one was {how}")

    first = hanging("10m")
    second = later_run("two", "--stall-limit", "1s")
    third = later_run("three", "--stall-limit", "1s")
    first.kill()
    check_second("three runs", second)
    check_second("three runs", third, "three")
    print("of two runs that wait, one takes over and serves the other")

    first = hanging("10s")
    second = later_run("waiting", time_range=one_hour)
    second.send_signal(signal.SIGINT)
    check(second.wait(60) not in (0, 3), "the second run is interrupted")
    check(first.wait(300) == 1, f"the first run is not affected: {text(folder, 'hanging')[-2000:]}")
    states = [(r["pipeline"], r["state"]) for r in mole_json("request", "list", "--all", "--state", state)]
    check(states == [("hanging", "COMPLETE"), ("hanging", "FAILED"), ("waiting", "CANCELLED")], f"{states}")
    print("an interrupted second run cancels only its own request")


with TemporaryFolder("told") as root:
    mole("archive", "simulate", root / "archive", "--seed", 7, "--from", "2007-09-22", "--to", "2007-09-24", "--routers", "1,2", "--flows-per-hour", 2000)
    work = root / "work"
    work.mkdir()
    printed_messages(work)
    endless_output(work)
    bounded_cache(work)
    second_run(work)
