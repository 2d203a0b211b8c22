#!/usr/bin/env python3
"""A node that does not reach the tapes computes blocks from files that it copies from the node that does: the tables have the same bytes as those of a
folder, and every file is read from its tape once. A request waits while no node reaches the tapes."""
import os
import re
import signal
import time

from system import TemporaryFolder, check, mole, tree_contents, wait_until
from tape_server import Server, check_read_once, hours, names, simulate, write_manifest
from tape_services import Services

FIRST, LAST = 24, 36  # hours of the two requests


def started(services, number):
    """What the tasks of a node do that it has started."""
    log = (services.folder / f"node{number + 1}.log").read_text()
    return re.findall(r"task [0-9-]+ for r[0-9]+, ([^:,]+).*: started", log)


def stop_a_block(services, request):
    """Stops a worker of the node with access until the other node has started a block, which it leaves to the first one otherwise."""
    stopped = []

    def one_is_stopped():
        for pid in services.workers("compute"):
            try:
                os.kill(pid, signal.SIGSTOP)
                stopped.append(pid)
                return True
            except ProcessLookupError:
                pass
        return services.has_ended(request)

    wait_until(one_is_stopped, "a block to be computed", 300)
    check(stopped, "no worker was seen")
    try:
        wait_until(lambda: any("/traffic@" in task for task in started(services, 1)), "the other node to start a block", 100)
    finally:
        os.kill(stopped[0], signal.SIGCONT)


with TemporaryFolder("peers") as folder:
    files = simulate(folder, LAST)
    write_manifest(folder / "folder.yaml", "directory", {"root": str(files)}, block="2h")
    mole("run", "folder.yaml", *hours(0, LAST), "--state", "state-folder", "--progress=none", cwd=folder, code=(0, 3))

    with Server(folder, files, "--tapes", 3, "--layout", "shuffled") as server:
        params = dict(server.params)
        key = params.pop("key_file")
        write_manifest(folder / "on_tapes.yaml", "samfs", params, "drives: 2", block="2h")
        with Services(folder, ("--slots", 1), ("--slots", 2, "--fetches", 0), keys=(key,)) as services:
            request = services.submit("on_tapes.yaml", *hours(0, FIRST))
            stop_a_block(services, request)
            services.wait(request, "COMPLETE", "PARTIAL")

            check(services.nodes[0].stop() == 0, "the node stops on SIGTERM")
            request = services.submit("on_tapes.yaml", *hours(0, LAST))
            time.sleep(3)
            check(not services.has_ended(request), "the request waits while no node reaches the tapes")
            services.start_node(0)
            services.wait(request, "COMPLETE", "PARTIAL")
            log = server.log()
            check(services.coordinator.stop() == 0, "the coordinator stops on SIGTERM")
            with_access, without = started(services, 0), started(services, 1)

    print(f"the node with access started {len(with_access)} tasks, the one without {len(without)}: {without[:3]}")
    check_read_once(log, names(range(LAST)))
    blocks = [task for task in without if "/traffic@" in task]
    check(len(blocks) > 0, f"the node without access computed nothing: {without}")
    check(not [task for task in without if task.startswith("fetch ")], f"the node without access fetched files: {without}")
    ours, expected = tree_contents(folder / "served" / "tables"), tree_contents(folder / "state-folder" / "tables")
    check(len(expected) > 0 and ours == expected, f"tables differ: {set(ours) ^ set(expected) or [f for f in expected if ours[f] != expected[f]]}")
