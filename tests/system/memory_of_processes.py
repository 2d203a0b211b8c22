#!/usr/bin/env python3
"""Checks that a plugin whose processes together use more memory than a worker may is ended as a whole and named, that the modules which
run with it give the same bytes as without it, and that no process and no cgroup is left of it. Where this user may make no cgroups, the
node must say so."""
import pathlib
import shutil

from system import BUILD, Daemon, TemporaryFolder, check, mole, mole_json, tree_contents, wait_until

ARCHIVE = """
archives:
  simulated:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    covers: 1h
    block: {length: 1h, origin: 00:00}
"""
HEALTHY = """
  traffic:  {plugin: traffic, input: {archive: simulated}, interval: 15m, by: [router]}
"""
CULPRIT = """
  culprit:  {plugin: misdeed, input: {archive: simulated}, interval: 15m, params: {act: processes}}
"""
RANGE = ("--from", "2007-09-22", "--to", "2007-09-22T01")


def groups_of(pid):
    """The cgroups that a node has made, in any hierarchy."""
    return [str(path) for path in pathlib.Path("/sys/fs/cgroup").rglob(f"mole-node-{pid}-*")]


def large_processes():
    """The processes that use more than 100 MiB, by number."""
    out = set()
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and int((entry / "statm").read_text().split()[1]) > 25_600 and "mole-" in (entry / "comm").read_text():
                out.add(int(entry.name))
        except (OSError, ValueError):
            pass
    return out


with TemporaryFolder("memory") as folder:
    mole("archive", "simulate", folder / "archive", "--seed", 5, *RANGE, "--routers", "1", "--flows-per-hour", 500)
    (folder / "healthy.yaml").write_text("pipeline: p\n" + ARCHIVE + "modules:" + HEALTHY)
    (folder / "m.yaml").write_text("pipeline: p\n" + ARCHIVE + "modules:" + HEALTHY + CULPRIT)
    mole("run", "healthy.yaml", *RANGE, "--partial", "--state", folder / "truth", cwd=folder, code=(0, 3))
    truth = tree_contents(folder / "truth" / "tables")
    plugins = folder / "plugins"
    plugins.mkdir()
    for name in ("misdeed.so", "misdeed.plugin.json"):
        shutil.copy(BUILD / "tests" / "plugins" / name, plugins)
    address = f"unix:{folder}/c.sock"
    coordinator = Daemon("mole-coordinator", "--init", "--state", folder / "state", "--listen", address, "--heartbeat", "200ms",
                         "--lease", "5s", "--plugins", plugins, ready="ready", log=folder / "coordinator.log")
    node = Daemon("mole-node", "--coordinator", address, "--dir", folder / "node", "--threads", 1, "--memory", "300M", "--sandbox", "limits,cgroup",
                  ready="", log=folder / "node.log")
    if not node.ready:
        check(node.process.wait(10) == 5 and "cgroup" in (folder / "node.log").read_text(), "a node without cgroups says why it does not start")
        print("this machine refuses cgroups")
    else:
        check(groups_of(node.process.pid), "the node has made cgroups")
        before = large_processes()
        request = mole_json("request", "submit", "m.yaml", *RANGE, "--partial", "--coordinator", address, cwd=folder)["id"]

        def ended():
            state = mole_json("request", "show", request, "--coordinator", address, cwd=folder)
            return state["state"] in ("COMPLETE", "PARTIAL", "FAILED") and state
        state = wait_until(ended, "the request", 120)
        failures = [(failure["module"], failure["code"]) for failure in state["failures"]]
        check(failures == [("p/culprit", "exhausted")] or failures == [("culprit", "exhausted")], f"the culprit is exhausted: {state['failures']}")
        check("together needed more memory" in state["failures"][0]["message"], f"the message states the cause: {state['failures'][0]['message']}")
        ours = tree_contents(folder / "state" / "tables")
        check(all(ours.get(name) == content for name, content in truth.items()), "the healthy module has the same bytes")
        why = mole("why", "p/traffic", "flows", "2007-09-22T00:15", "--coordinator", address, cwd=folder).stdout
        check("sandbox   limits, cgroup\n" in why, f"the lineage names the sandbox: {why}")
        wait_until(lambda: not large_processes() - before, "the processes of the plugin to end", 5)
        number = node.process.pid
        check(node.stop() == 0, "the node drains")
        check(not groups_of(number), f"cgroups are left: {groups_of(number)}")
    check(coordinator.stop() == 0, "the coordinator stops")
    print("the processes of a plugin were ended together")
