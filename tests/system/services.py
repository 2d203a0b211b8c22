#!/usr/bin/env python3
"""Checks that a coordinator and two nodes that are killed and restarted write the same tables as an undisturbed embedded run."""
import time

from system import BUILD, Daemon, Place, check, mole, mole_json, tree_digest, wait_until

MANIFEST = """
pipeline: served
archives:
  simulated:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    covers: 1h
    block: {length: 1h, origin: 00:00}
modules:
  traffic:  {plugin: traffic, input: {archive: simulated, where: {router: [1, 2]}}, interval: 15m, by: [router]}
  hosts:    {plugin: unique_addresses, input: {archive: simulated, where: {router: [1, 2]}}, interval: 15m, window: 1h}
  silence:  {plugin: longest_silence, input: {archive: simulated, where: {router: [1, 2]}}, interval: 15m, by: [router], warmup: 1h}
  mean:     {plugin: mean, inputs: {values: traffic.bytes}, window: 6h}
  variance: {plugin: variance, inputs: {values: traffic.bytes, centre: mean.bytes_mean}, window: 6h}
"""
RANGE = ("--from", "2007-09-22", "--to", "2007-09-23T12", "--partial")


def node(place, name, address):
    return Daemon("mole-node", "--coordinator", address, "--dir", place / name, "--slots", 1, "--threads", 1, "--listen", "tcp:127.0.0.1:0",
                  log=place / f"{name}.log")


def coordinator(place, *more):
    return Daemon("mole-coordinator", "--state", place / "served", "--listen", f"unix:{place}/c.sock", "--listen", "tcp:127.0.0.1:0",
                  "--lease", "3s", "--heartbeat", "500ms", *more, ready="ready", log=place / "coordinator.log")


with Place("services") as place:
    (place / "served.yaml").write_text(MANIFEST)
    mole("archive", "simulate", place / "archive", "--seed", 5, "--from", "2007-09-22", "--to", "2007-09-23T12", "--routers", "1,2",
         "--flows-per-hour", 3000, "--gap", "1@2007-09-22T13", "--damage", "2@2007-09-22T17:flip")
    mole("run", "served.yaml", *RANGE, "--state", place / "embedded", "--threads", 3, cwd=place, code=3)

    address = f"unix:{place}/c.sock"
    here = ("--coordinator", address)
    master = coordinator(place, "--init")
    first, second = node(place, "node1", address), node(place, "node2", address)
    request = mole_json("request", "submit", "served.yaml", *RANGE, *here, cwd=place)["id"]

    def done():
        return mole_json("request", "show", request, *here, cwd=place)["jobs"]["done"]

    wait_until(lambda: done() >= 15, "the first jobs")
    first.kill()
    print(f"killed a node after {done()} jobs")
    wait_until(lambda: done() >= 40, "more jobs")
    master.kill()
    print("killed the coordinator")
    time.sleep(0.5)  # the node finishes work without a coordinator
    master = coordinator(place)
    first = node(place, "node1", address)
    state = wait_until(lambda: (r := mole_json("request", "show", request, *here, cwd=place))["state"] in ("COMPLETE", "PARTIAL", "FAILED") and r,
                       "the request to end", 240)
    check(state["state"] == "PARTIAL", f"ended {state['state']}: {state}")
    check(second.stop() == 0 and first.stop() == 0, "nodes drain on SIGTERM")
    check(master.stop() == 0, "the coordinator stops on SIGTERM")

    ours, truth = tree_digest(place / "served" / "tables"), tree_digest(place / "embedded" / "tables")
    check(set(ours) == set(truth), f"other files: {set(ours) ^ set(truth)}")
    differing = [name for name in truth if ours[name] != truth[name]]
    check(not differing, f"bytes differ: {differing}")
    print(f"{len(truth)} table files have the same bytes")
