#!/usr/bin/env python3
"""Checks what is kept of the work of nodes over time: the bytes that were fetched from tapes, the flows that were decoded, what was in the cache,
also after a second run, and the figure of it."""
import json
import xml.etree.ElementTree

from system import TemporaryFolder, check, mole, mole_json, rows
from tape_server import CacheWatcher, Server, hours, simulate, write_manifest

HOURS = 24


def samples(folder):
    nodes = mole_json("plot", "--cache", "--state", "state", cwd=folder)["nodes"]
    check(len(nodes) == 1, f"one node ran: {nodes}")
    return nodes[0]["samples"]


def total(samples, field):
    return sum(sample.get(field, 0) for sample in samples)


with TemporaryFolder("load") as folder:
    files = simulate(folder, HOURS, flows=2000)
    sizes = {path.name: path.stat().st_size for path in files.iterdir()}
    missing = mole("plot", "--cache", "--state", "state", cwd=folder, code=4)
    check("no state in" in missing.stderr, missing.stderr)

    with Server(folder, files, "--tapes", 3, "--layout", "shuffled", "--drives", 2, scale=20000) as server:
        write_manifest(folder / "tapes.yaml", "samfs", server.params)
        run = ("run", "tapes.yaml", "--state", "state", "--progress=none")
        with CacheWatcher(folder / "state" / "node" / "cache") as watched:
            mole(*run, *hours(0, HOURS // 2), cwd=folder, code=(0, 3), timeout=500)
        first = samples(folder)
        half = total(first, "fetched_bytes")
        check(0 < half < sum(sizes.values()), f"{half} bytes for the first half")
        with CacheWatcher(folder / "state" / "node" / "cache") as again:
            mole(*run, *hours(0, HOURS), cwd=folder, code=(0, 3), timeout=500)

    both = samples(folder)
    check(total(both, "fetched_bytes") == sum(sizes.values()), f"{total(both, 'fetched_bytes')} bytes fetched of {sum(sizes.values())}")
    check(total(both, "decoded_bytes") >= sum(sizes.values()), "every file was decoded")
    flows = sum(float(row["flows"]) for row in rows("tape/traffic", "--state", "state", "--columns", "flows", cwd=folder))
    check(total(both, "decoded_flows") >= flows > 0, f"{total(both, 'decoded_flows')} flows decoded, {flows} in the results")
    check(total(both, "heartbeats") > total(first, "heartbeats") > 0, "heartbeats of both runs")
    seen = max(size for watcher in (watched, again) for _, size in watcher.samples)
    most = max(sample.get("cache_most", 0) for sample in both)
    check(0.3 * seen <= most <= 1.05 * seen, f"at most {most} bytes in the cache, seen from outside: {seen}")
    for before, after in zip(both, both[1:]):
        check(before["to"] <= after["from"], f"samples overlap: {before}, {after}")

    figure = folder / "cache.svg"
    mole("plot", "--cache", "--state", "state", "-o", figure, cwd=folder)
    svg = xml.etree.ElementTree.parse(figure).getroot()
    text = " ".join(element.text or "" for element in svg.iter("{http://www.w3.org/2000/svg}text"))
    for part in ("cache [", "fetched [", "decoded [", "limit"):
        check(part in text, f"the figure has no {part}: {text}")
    status = mole_json("status", "--state", "state", cwd=folder).get("bound", {"bound": "unknown"})
    check(status["bound"] in ("unknown", "idle", "tape", "network", "cache", "cpu"), status)
    check("\nbound     " in mole("status", "--state", "state", cwd=folder).stdout, "the status names the bound")
    stored = [json.loads(line) for line in mole("state", "dump", "node_loads", "--state", "state", cwd=folder).stdout.splitlines()]
    check(len(stored) == len(both) and stored[0]["key"].startswith("1 minute "), stored)
    print(f"{len(both)} samples; {total(both, 'fetched_bytes')} bytes fetched, at most {most} of {seen} bytes in the cache; {status}")
