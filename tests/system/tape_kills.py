#!/usr/bin/env python3
"""Kills the worker that fetches files from tapes, the node, and the coordinator in turn at random moments, and starts them again: no file that was
complete in the cache is fetched again, none is lost, and the tables have the same bytes as those of an undisturbed run. MOLE_TEST_KILLS: how often
(default: 6)."""
import itertools
import os
import random
import signal
import time

from system import TemporaryFolder, check, mole, tree_contents
from tape_server import Published, Server, count, hours, names, simulate, write_manifest
from tape_services import Services

KILLS = int(os.environ.get("MOLE_TEST_KILLS", "6"))
HOURS = max(18, 4 * KILLS)


def kill(services, kind):
    """Returns what was killed."""
    if kind == "worker":
        for pid in services.fetching_workers()[:1]:
            try:
                os.kill(pid, signal.SIGKILL)
                return "worker"
            except ProcessLookupError:
                pass
        return None
    if kind == "node":
        services.nodes[0].kill()
        services.start_node(0)
        return "node"
    services.coordinator.kill()
    services.start_coordinator()
    return "coordinator"


def kill_while_staging(services, server, request, files):
    """Returns the kills as (what, number of events of the library before, files that were complete in the cache)."""
    chance = random.Random(7)
    published, kills = Published(files, services.cache()), []
    kinds = ("worker", "node", "coordinator")
    for attempt in itertools.count():
        if len(kills) == KILLS or services.has_ended(request):
            return kills
        before = len(count(server.log(), "read"))
        wait = before + chance.randint(1, 6)  # at a random moment after some more files were read
        while len(count(server.log(), "read")) < wait and not services.has_ended(request):
            time.sleep(0.02)
        time.sleep(chance.uniform(0, 0.2))
        complete = published.names()
        events = len(server.log())
        if what := kill(services, kinds[attempt % 3]):
            kills.append((what, events, complete))


with TemporaryFolder("kills") as folder:
    files = simulate(folder, HOURS)
    write_manifest(folder / "folder.yaml", "directory", {"root": str(files)})
    mole("run", "folder.yaml", *hours(0, HOURS), "--state", "state-folder", "--progress=none", cwd=folder, code=(0, 3))

    with Server(folder, files, "--tapes", 4, "--layout", "shuffled") as server, Services(folder, ()) as services:
        write_manifest(folder / "on_tapes.yaml", "samfs", server.params, "drives: 2")
        request = services.submit("on_tapes.yaml", *hours(0, HOURS))
        kills = kill_while_staging(services, server, request, files)
        state = services.wait(request, "COMPLETE", "PARTIAL")
        log = server.log()
        check(services.coordinator.stop() == 0, "the coordinator stops on SIGTERM")

    check(len(kills) >= KILLS * 2 // 3, f"the request ended after {len(kills)} of {KILLS} kills: {state}")
    again = []
    for number, (what, events, complete) in enumerate(kills):
        touched = set(count(log[events:], "request")) | set(count(log[events:], "read"))
        again += [(number, what, file) for file in sorted(touched & complete)]
    read = count(log, "read")
    repeated = sorted(file for file, times in read.items() if times > 1)
    kinds = {kind: sum(what == kind for what, *_ in kills) for kind in ("worker", "node", "coordinator")}
    print(f"{len(kills)} kills ({kinds}) while {len(read)} files were staged; {len(again)} complete files were fetched again, "
          f"{len(repeated)} incomplete ones; {sum(read.values())} files read from tapes")
    check(not again, f"files that were complete in the cache were fetched again: {again}")
    check(set(read) == names(range(HOURS)), f"files not read: {sorted(names(range(HOURS)) - set(read))}")

    ours, expected = tree_contents(folder / "served" / "tables"), tree_contents(folder / "state-folder" / "tables")
    check(len(expected) > 0 and ours == expected, f"tables differ: {set(ours) ^ set(expected) or [f for f in expected if ours[f] != expected[f]]}")
