#!/usr/bin/env python3
"""Checks that nothing is planned after a run and only affected jobs after a change, and what `explain` and `why` print."""
import shutil

from system import TemporaryFolder, check, mole, mole_json, rows

MANIFEST = """
pipeline: planned
archives:
  simulated:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    covers: 1h
    block: {length: 2h, origin: 00:00}
modules:
  traffic:  {plugin: traffic, input: {archive: simulated, where: {router: [1, 2]}}, interval: 15m, by: [router]}
  mean:     {plugin: mean, inputs: {values: traffic.bytes}, window: 4h}
  variance: {plugin: variance, inputs: {values: traffic.bytes, centre: mean.bytes_mean}, window: 4h}
"""
RANGE = ("--from", "2007-09-22", "--to", "2007-09-22T16", "--partial")


def planned(folder, *more):
    plan = mole_json("plan", "planned.yaml", *RANGE, *more, cwd=folder)
    return {m["module"].split("/")[-1]: m["new"] for m in plan["modules"]}, plan


def new_blocks(plan):
    out = {}
    for job in plan["new_jobs"]:
        module, block = job["job"].split("@")
        out.setdefault(module.split("/")[-1], set()).add(block)
    return out


def reached_by_hour(hour):
    """Finds by brute force the blocks affected by a file of [hour, hour + 1): traffic reads it with a lateness of 1 h, a row reads 4 h."""
    blocks = [(b, b + 2) for b in range(0, 16, 2)]
    traffic = {b for b in blocks if hour < b[1] + 1 and hour + 1 > b[0]}
    mean = set()
    for b in blocks:
        # the window of the first interval begins 4 h before its end, 3h45 before the block
        if any(t[0] < b[1] and t[1] > b[0] + 0.25 - 4 for t in traffic):
            mean.add(b)
    variance = set()
    for b in blocks:
        if any(t[0] < b[1] and t[1] > b[0] + 0.25 - 4 for t in mean | traffic):
            variance.add(b)
    def name(b):
        return f"2007-09-22T{b[0]:02d}:00:00Z"
    return {m: {name(b) for b in s} for m, s in (("traffic", traffic), ("mean", mean), ("variance", variance))}


with TemporaryFolder("plan") as folder:
    (folder / "planned.yaml").write_text(MANIFEST)
    mole("archive", "simulate", folder / "archive", "--seed", 3, "--from", "2007-09-22", "--to", "2007-09-22T17", "--routers", "1,2",
         "--flows-per-hour", 200)
    late_file = next((folder / "archive").glob("2_*_1190451600.dat.bz2"))  # 09:00
    shutil.move(late_file, folder / late_file.name)
    mole("run", "planned.yaml", *RANGE, cwd=folder, code=3)

    counts, plan = planned(folder)
    check(not any(counts.values()) and plan["jobs"]["new"] == 0 and plan["files"]["count"] == 0, f"nothing to do after a run: {plan}")

    counts, plan = planned(folder, "--set", "modules.mean.params.minimum_coverage=0.5")
    check(counts["traffic"] == 0 and counts["mean"] == 8 and counts["variance"] == 8, f"a parameter of mean affects only mean and variance: {counts}")
    check(plan["files"]["count"] == 0, f"no file is read: {plan['files']}")

    before = rows("variance", cwd=folder)
    shutil.move(folder / late_file.name, late_file)
    mole("archive", "index", "planned.yaml", cwd=folder)
    counts, plan = planned(folder)
    expected = reached_by_hour(9)
    check(new_blocks(plan) == expected, f"blocks affected by the added file: {new_blocks(plan)}, brute force {expected}")
    reasons = " ".join(j["reason"] for j in plan["new_jobs"])
    check(late_file.name in reasons, f"the reason names the added file: {reasons[:400]}")
    job = next(j["job"] for j in plan["new_jobs"] if "traffic" in j["job"])
    why = mole_json("explain", job, cwd=folder)
    check(late_file.name in str(why), f"explain names the file that changed the key: {why}")

    mole("run", "planned.yaml", *RANGE, cwd=folder, code=(0, 3))
    check(planned(folder)[1]["jobs"]["new"] == 0, "nothing left")
    after = rows("variance", cwd=folder)
    check(before != after and len(before) == len(after), "the rows changed, their number did not")

    # Run with a changed parameter, then with the old one: the old results are reused.
    mole("run", "planned.yaml", *RANGE, "--set", "modules.mean.params.minimum_coverage=0.5", cwd=folder, code=(0, 3))
    changed = mole_json("explain", "planned/mean@2007-09-22T10:00:00Z", cwd=folder)
    check("minimum_coverage" in str(changed), f"explain names the parameter: {changed}")
    counts, plan = planned(folder)
    check(plan["jobs"]["new"] == 0, f"the earlier results are still available: {counts}")

    # Commands mention the --set options of a run when they show its results, and only then.
    override = "--set modules.mean.params.minimum_coverage=0.5"
    for module, said in (("traffic", False), ("mean", True), ("variance", True)):
        check((override in mole("results", module, cwd=folder).stderr) == said, f"results of {module} mention the --set option: {said}")
    figure = mole("plot", "traffic", "bytes", "mean.bytes_mean", cwd=folder)
    check(override in figure.stderr and override not in figure.stdout, f"a note mentions it for other modules of the figure: {figure.stderr}")
    check(override in mole("plot", "mean", "bytes_mean", cwd=folder).stdout, "the title mentions it for the figure's own module")
    check(override in mole("results", "mean", "--from", "2006-01-01", "--to", "2006-01-02", cwd=folder, code=4).stderr, "an empty result mentions it")
    last = mole_json("request", "list", cwd=folder)[-1]["id"]
    check("what if   modules.mean.params.minimum_coverage=0.5" in mole("request", "show", last, cwd=folder).stdout, "the request mentions it")

    check("what if   modules.mean.params.minimum_coverage=0.5" in mole("why", "mean", "bytes_mean", "2007-09-22T10:00", cwd=folder).stdout,
          "why mentions it")

    trace = mole_json("why", "variance", "bytes_variance", "2007-09-22T10:00", cwd=folder)
    text = str(trace)
    for word in (late_file.name, "digest", "variance", "mean", "traffic"):
        check(word in text, f"why names {word}: {text[:600]}")
    printed = mole("why", "traffic", "bytes", "2007-09-22T09:15", cwd=folder).stdout
    check(late_file.name in printed and "bytes" in printed, f"why names the file and the bytes: {printed}")
    mole("run", "planned.yaml", *RANGE, cwd=folder, code=(0, 3))
    check(override not in mole("results", "mean", cwd=folder).stderr, "without --set there is no note")
print("plan, explain and why are correct")
