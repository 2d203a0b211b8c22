#!/usr/bin/env python3
"""Checks that a coordinator and two nodes that are killed and restarted write the same tables as an undisturbed embedded run."""
import time

from system import BUILD, Daemon, TemporaryFolder, check, mole, mole_json, tree_contents, wait_until

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


def node(folder, name, address):
    return Daemon("mole-node", "--coordinator", address, "--dir", folder / name, "--slots", 1, "--threads", 1, "--listen", "tcp:127.0.0.1:0",
                  "--secret", folder / "served" / "secret", log=folder / f"{name}.log")


def coordinator(folder, *more):
    return Daemon("mole-coordinator", "--state", folder / "served", "--listen", f"unix:{folder}/c.sock", "--listen", "tcp:127.0.0.1:0",
                  "--lease", "3s", "--heartbeat", "500ms", *more, ready="ready", log=folder / "coordinator.log")


with TemporaryFolder("services") as folder:
    (folder / "served.yaml").write_text(MANIFEST)
    mole("archive", "simulate", folder / "archive", "--seed", 5, "--from", "2007-09-22", "--to", "2007-09-23T12", "--routers", "1,2",
         "--flows-per-hour", 3000, "--gap", "1@2007-09-22T13", "--damage", "2@2007-09-22T17:flip")
    mole("run", "served.yaml", *RANGE, "--state", folder / "embedded", "--threads", 3, cwd=folder, code=3)

    address = f"unix:{folder}/c.sock"
    service = ("--coordinator", address)
    daemon = coordinator(folder, "--init")
    first, second = node(folder, "node1", address), node(folder, "node2", address)
    request = mole_json("request", "submit", "served.yaml", *RANGE, *service, cwd=folder)["id"]

    def done():
        return mole_json("request", "show", request, *service, cwd=folder)["jobs"]["done"]

    wait_until(lambda: done() >= 15, "the first jobs")
    first.kill()
    print(f"killed a node after {done()} jobs")
    wait_until(lambda: done() >= 40, "more jobs")
    daemon.kill()
    print("killed the coordinator")
    time.sleep(0.5)  # the node finishes work without a coordinator
    daemon = coordinator(folder)
    first = node(folder, "node1", address)
    state = wait_until(lambda: (r := mole_json("request", "show", request, *service, cwd=folder))["state"] in ("COMPLETE", "PARTIAL", "FAILED") and r,
                       "the request to end", 240)
    check(state["state"] == "PARTIAL", f"ended {state['state']}: {state}")
    check(second.stop() == 0 and first.stop() == 0, "nodes drain on SIGTERM")
    check(daemon.stop() == 0, "the coordinator stops on SIGTERM")

    ours, truth = tree_contents(folder / "served" / "tables"), tree_contents(folder / "embedded" / "tables")
    check(set(ours) == set(truth), f"files that only one run has: {set(ours) ^ set(truth)}")
    differing = [name for name in truth if ours[name] != truth[name]]
    check(not differing, f"bytes differ: {differing}")
    print(f"{len(truth)} table files have the same bytes")
