#!/usr/bin/env python3
"""Kills services and damages their files at random, and compares every result with that of an undisturbed run.

A round starts a coordinator and two nodes, submits requests, and meanwhile kills processes, at random moments and at failpoints,
flips bits, removes files and fills disks. At its end all requests must have ended, with the same bytes and coverage as without faults; no
acknowledged request may be missing unless a repair named it; no process and no temporary file may be left. Each round depends
on --seed and its number only: --round repeats one.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from faults import DAMAGES, KILLS, kill_at_point, pause, processes  # noqa: E402
from points import POINTS, unknown_calls  # noqa: E402
from served import NODES, REQUESTS, WHOLE, MANIFEST, Services, difference, truth_of  # noqa: E402
from system import TemporaryFolder, check, mole, mole_json, tree_contents, wait_until  # noqa: E402


class Truth:
    """What `mole run` computes without faults."""

    def __init__(self, folder):
        self.folder, self.state, self.results = folder, folder / "embedded", {}
        (folder / "served.yaml").write_text(MANIFEST.format(archive=folder / "archive"))
        mole("archive", "simulate", folder / "archive", "--seed", 5, "--from", "2007-09-22", "--to", "2007-09-22T12", "--routers", "1,2",
             "--flows-per-hour", 1000, "--gap", "1@2007-09-22T08", "--damage", "2@2007-09-22T05:flip")
        self.of(WHOLE)
        self.tables, self.gaps = tree_contents(self.state / "tables"), gaps(folder, "--state", self.state)

    def of(self, options):
        """Returns the result of a request."""
        if options not in self.results:
            done = mole_json("run", "served.yaml", *options, "--state", self.state, "--threads", 2, "--progress", "none", cwd=self.folder, code=(0, 3))
            self.results[options] = truth_of(self.state, done["id"])
        return self.results[options]


COUNTED = [f"{kind}s{missed}" for kind in ("kill", "point", "damage") for missed in ("", "_without_target")]


def gaps(folder, *where):
    text = mole("archive", "gaps", "served.yaml", *where, cwd=folder).stdout
    return [line for line in text.splitlines() if not line.startswith("as listed")]


def faults_of(number, options, choice):
    """Returns the faults of a round in order: (kind, name or point). Over the rounds, every point has its turn."""
    kills = options.kills // 2
    turns = POINTS[:]
    random.Random(options.seed).shuffle(turns)
    points = [turns[(number * (options.kills - kills) + i) % len(turns)] for i in range(options.kills - kills)]
    names, harms = list(options.kill_kinds), list(options.damage_kinds)
    choice.shuffle(names)
    choice.shuffle(harms)
    out = [("kill", names[i % len(names)]) for i in range(kills if names else 0)]
    out += [("point", point) for point in points if options.points]
    out += [("damage", harms[i % len(harms)]) for i in range(options.damages if harms else 0)]
    choice.shuffle(out)
    return out


def strike(services, kind, name, counts):
    if kind == "point":
        hit, name = kill_at_point(services, name), " ".join(name[:3])
    else:
        hit = (KILLS if kind == "kill" else DAMAGES)[name](services)
    counts[f"{kind}s" if hit else f"{kind}s_without_target"][name] += 1


def leftovers(services):
    found = [*services.state.rglob(".tmp*"), *services.state.glob("switching"), *services.state.glob("secret.*"), *(services.state / "blobs" / ".incoming").iterdir()]
    for name in NODES:
        folder = services.node_folder(name)
        found += [f for f in folder.rglob("*") if f.name.startswith(".tmp") or f.suffix == ".part" or f.parent.name in ("attempts", "finished")]
    return [str(f.relative_to(services.folder)) for f in found]


def check_round(services, truth, damaged):
    """The end of a round: everything that was asked for is there, and equal."""
    services.wait_ends()
    if damaged:  # what nothing has read is found by the check, and computed again by requests
        services.stop()
        services.repair()
        services.start_coordinator()
        for name in NODES:
            services.restart_node(name)
        services.check_acknowledged()
        with services.lock:
            asked = dict.fromkeys(options for _, options in services.acknowledged.values())
            services.acknowledged.clear()
        for options in asked:
            services.submit(options)
    services.submit(WHOLE)
    services.wait_ends()
    check(gaps(services.folder, *services.service) == truth.gaps, "other gaps of the archive")
    services.ended.set()
    services.submitter.join()
    services.stop()
    for request, options in services.acknowledged.values():
        differs = difference(truth_of(services.state, request), truth.of(options))
        check(not differs, f"{request} ({' '.join(options)}): {differs}")
        services.counts["requests_compared"] += 1
        services.counts["tables_compared"] += len(truth.of(options)["tables"])
    ours = tree_contents(services.state / "tables")
    differing = sorted(f for f in set(ours) | set(truth.tables) if ours.get(f) != truth.tables.get(f))
    check(not differing, f"tables differ: {differing[:5]}")
    wait_until(lambda: not processes(str(services.folder)), "all processes of the round to end", 10)
    check(not leftovers(services), f"left over: {leftovers(services)[:5]}")
    sound = mole("state", "check", "--state", services.state, code=(0, 1))
    check(sound.returncode == 0, f"the state is damaged at the end: {sound.stdout}")


def play(folder, number, options, counts, truth):
    choice = random.Random(f"{options.seed} {number}")
    faults = faults_of(number, options, choice)
    place = folder / f"round{number}"
    services = Services(place, folder / "archive", choice, counts)
    try:
        services.begin()
        order = REQUESTS[:]
        choice.shuffle(order)
        for i, (kind, name) in enumerate(faults):
            if i * len(order) // len(faults) != (i - 1) * len(order) // len(faults):
                services.submit(order[i * len(order) // len(faults)])
            pause(choice, 0.5)
            print(f"{time.monotonic() - counts['start']:7.1f} {kind} {name if kind != 'point' else ' '.join(name[:3])}", file=services.log, flush=True)
            strike(services, kind, name, counts)
            services.supervise()
            services.check_acknowledged()
        check_round(services, truth, services.blobs_damaged or any(kind == "damage" for kind, _ in faults))
    except BaseException:
        services.end()
        keep(place)
        print(f"round {number} failed; to repeat it: ./dev storm --seed {options.seed} --round {number}", file=sys.stderr)
        raise
    finally:
        services.end()
    for disk in ("state", *NODES):
        subprocess.run(["umount", "-l", place / disk], check=True)
    shutil.rmtree(place)


def keep(place):
    """Copies the disks, which end with this process, to the folder that is kept."""
    for disk in ("state", *NODES):
        if (place / disk).is_dir():
            shutil.copytree(place / disk, place / f"{disk}.kept", symlinks=True, ignore=shutil.ignore_patterns("*.sock", "fill"),
                            ignore_dangling_symlinks=True)


def check_points(folder, truth, counts):
    """Runs all requests without faults, and checks that failpoints cover every call that makes something durable."""
    services = Services(folder / "traced", folder / "archive", random.Random(0), counts, trace=folder / "trace")
    try:
        services.begin()
        for options in REQUESTS:
            services.submit(options)
        check_round(services, truth, damaged=False)
        traces = {"coordinator": (folder / "trace.coordinator").read_text(), "node": "".join((folder / f"trace.{n}").read_text() for n in NODES),
                  "worker": "".join((services.node_folder(n) / "cache" / "trace").read_text() for n in NODES)}
    finally:
        services.end()
    for program, trace in traces.items():
        unknown = unknown_calls(program, trace)
        check(not unknown, f"{len(unknown)} calls of the {program} are no failpoint; add them to points.py: {unknown[:8]}")
    print(f"failpoints cover {sum(trace.count(chr(10)) for trace in traces.values())} calls of an undisturbed round", flush=True)


def own_mounts():
    """Continues in a mount namespace, so that the small disks are gone when this process ends."""
    if os.environ.get("MOLE_OWN_MOUNTS") != "1":
        os.environ["MOLE_OWN_MOUNTS"] = "1"
        private = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--mount"]
        os.execvp("unshare", ["unshare", *private, sys.executable, *sys.argv])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--minutes", type=float, help="start rounds until this time has passed")
    parser.add_argument("--rounds", type=int, default=1, help="rounds, unless --minutes is given (1)")
    parser.add_argument("--round", type=int, help="only the round with this number")
    parser.add_argument("--kills", type=int, default=30, help="kills in a round, half of them at failpoints (30)")
    parser.add_argument("--damages", type=int, default=30, help="damages in a round (30)")
    parser.add_argument("--list", action="store_true", help="print the faults of the first rounds, or of --round, and do nothing")
    parser.add_argument("--kinds", help=f"only these: {','.join([*KILLS, 'points', *DAMAGES])}")
    options = parser.parse_args()
    kinds = options.kinds.split(",") if options.kinds else [*KILLS, "points", *DAMAGES]
    if unknown := set(kinds) - {*KILLS, "points", *DAMAGES}:
        parser.error(f"unknown kinds {sorted(unknown)}")
    options.kill_kinds, options.damage_kinds = [k for k in kinds if k in KILLS], [k for k in kinds if k in DAMAGES]
    options.points = "points" in kinds
    if options.list:
        for number in range(options.rounds) if options.round is None else [options.round]:
            for kind, name in faults_of(number, options, random.Random(f"{options.seed} {number}")):
                print(number, kind, name if kind != "point" else " ".join(name[:3]))
        return 0
    own_mounts()
    counts = collections.defaultdict(int, {"seed": options.seed, **{part: collections.Counter() for part in COUNTED}})
    counts["start"] = time.monotonic()
    print(f"seed {options.seed}", flush=True)
    try:
        with TemporaryFolder("storm") as folder:
            truth = Truth(folder)
            check_points(folder, truth, counts)
            number, end = options.round or 0, time.monotonic() + 60 * (options.minutes or 0)
            while True:
                play(folder, number, options, counts, truth)
                number += 1
                counts["rounds"] += 1
                print(f"round {number - 1}: {sum(counts['kills'].values())} kills, {sum(counts['points'].values())} at failpoints, "
                      f"{sum(counts['damages'].values())} damages so far", flush=True)
                if options.round is not None or (time.monotonic() >= end if options.minutes else counts["rounds"] >= options.rounds):
                    break
    finally:
        counts["seconds"] = round(time.monotonic() - counts.pop("start"))
        counts["points_reached"] = f"{len(counts['points'])} of {len(POINTS)}"
        print(json.dumps(counts, indent=1), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
