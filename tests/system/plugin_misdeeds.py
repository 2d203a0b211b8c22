#!/usr/bin/env python3
"""Checks that a plugin that misbehaves on purpose harms only its own attempt: the modules that run with it give the same bytes as without
it, it is named with the kind of its failure, nothing outside its attempt is read or changed, and nothing is left of it."""
import pathlib
import shutil
import sys
import time

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
  hosts:    {plugin: unique_addresses, input: {archive: simulated}, interval: 15m}
  scans:    {plugin: distributions, input: {archive: simulated}, interval: 15m, by: [router]}
"""
# act -> how it ends: the code of the failure, or None: the module succeeds
ACTS = {
    "abort": "crashed", "segv": "crashed", "exit": "crashed", "_exit": "crashed", "spin": "hung", "sleep": "hung", "stop": "hung",
    "allocate": "exhausted", "hold": "any", "fork": "crashed", "session": "crashed", "print": None, "fill_scratch": None,
    "close_all": "any", "throw": "internal", "throw_int": "internal", "kill_parent": "crashed", "kill_others": "crashed",
    "connect": "crashed", "read_secrets": "crashed", "write_state": "crashed", "write_cache": "crashed", "trace": "crashed",
    "exec": "crashed", "kernel": "crashed", "rewrite_spec": "crashed", "link_out": "crashed", "link_log": "crashed",
    "several": "crashed", "clear_record": "any", "wrong_step": "any", "progress": "hung", "nan": "any", "infinity": "any",
}
ACTS = {act: ACTS[act] for act in sys.argv[1:]} or ACTS
DAY = "2007-09-22"


def hour(number):
    return f"{DAY}T{number:02d}" if number < 24 else f"2007-09-{22 + number // 24}T{number % 24:02d}"


def processes():
    """Number, parent and command line of every process."""
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                yield int(entry.name), int(stat[1]), (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"), stat[0]
            except (OSError, IndexError):
                pass


def left_of(nodes):
    """The processes below the nodes, or of a worker that lost its parent."""
    parents = {pid: parent for pid, parent, _, _ in processes()}

    def below(pid):
        while pid in parents and pid > 1:
            pid = parents[pid]
            if pid in nodes:
                return True
        return False
    return [command for pid, _, command, state in processes() if state not in "ZX" and below(pid)]


def memory(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


with TemporaryFolder("misdeeds") as folder:
    hours = len(ACTS)
    whole = ("--from", hour(0), "--to", hour(hours))
    mole("archive", "simulate", folder / "archive", "--seed", 5, *whole, "--routers", "1,2", "--flows-per-hour", 500)
    (folder / "healthy.yaml").write_text("pipeline: p\n" + ARCHIVE + "modules:" + HEALTHY)
    mole("run", "healthy.yaml", *whole, "--partial", "--state", folder / "truth", "--threads", 2, cwd=folder, code=(0, 3))
    truth = tree_contents(folder / "truth" / "tables")

    plugins = folder / "plugins"
    plugins.mkdir()
    for name in ("misdeed.so", "misdeed.plugin.json"):
        shutil.copy(BUILD / "tests" / "plugins" / name, plugins)
    (folder / "secret").write_text("secret")
    (folder / "outside").mkdir()
    address = f"unix:{folder}/c.sock"
    coordinator = Daemon("mole-coordinator", "--init", "--state", folder / "state", "--listen", address, "--listen", "tcp:127.0.0.1:0",
                         "--lease", "5s", "--heartbeat", "500ms", "--plugins", plugins, ready="ready", log=folder / "coordinator.log")
    port = next(word for word in coordinator.ready.split() if word.startswith("tcp:")).rsplit(":", 1)[1]
    nodes = [Daemon("mole-node", "--coordinator", address, "--dir", folder / f"node{i}", "--slots", 1, "--threads", 1, "--memory", "1G",
                    "--stall-limit", "10s", "--wall-limit", "25s", ready="ready", log=folder / f"node{i}.log") for i in (1, 2)]
    sandbox, other = (next(line for line in (folder / f"node{i}.log").read_text().splitlines() if "sandbox:" in line).split("sandbox:")[1].split()
                      for i in (1, 2))
    check(sandbox == other, f"two nodes of one machine have different sandboxes: {sandbox}, {other}")
    print("sandbox of this machine:", *sandbox)
    before = [memory(node.process.pid) for node in nodes]
    ids = [(folder / f"node{i}" / "id").read_text() for i in (1, 2)]
    reached, wrong = [], []
    for number, (act, expected) in enumerate(ACTS.items()):
        begin = time.monotonic()
        (folder / "m.yaml").write_text("pipeline: p\n" + ARCHIVE + "modules:" + HEALTHY + f"""
  culprit: {{plugin: misdeed, input: {{archive: simulated}}, interval: 15m, params: {{act: {act}, place: "{folder}", port: {port}}}}}
""")
        service = ("--coordinator", address)
        request = mole_json("request", "submit", "m.yaml", "--from", hour(number), "--to", hour(number + 1), "--partial", *service, cwd=folder)["id"]

        def ended():
            state = mole_json("request", "show", request, *service, cwd=folder)
            return state["state"] in ("COMPLETE", "PARTIAL", "FAILED") and state
        state = wait_until(ended, f"the request with {act}", 180)
        failures = state.get("failures", [])
        codes = {(failure.get("module", ""), failure["code"]) for failure in failures}
        log = "\n".join(failure.get("log_tail", "") for failure in failures)
        reached += [f"{act}: {line}" for line in dict.fromkeys(log.splitlines()) if line.startswith("REACHED")]
        refused = len({line for line in log.splitlines() if line.startswith("refused")})
        print(f"{act:13s} {state['state']:9s} {time.monotonic() - begin:5.1f} s  {codes or ''} {refused or ''}")
        if expected not in ("any", None) and {code for _, code in codes} != {expected}:
            wrong.append(f"{act}: {codes}, expected {expected}: {failures[:1]}")
        if any("culprit" not in module for module, _ in codes):
            wrong.append(f"{act}: another module is blamed: {codes}")
        if expected is None and failures:
            wrong.append(f"{act}: failed: {failures[:1]}")
        check(all(node.process.poll() is None for node in nodes), f"{act} ended a node")
        check(coordinator.process.poll() is None, f"{act} ended the coordinator")
    pids = [node.process.pid for node in nodes]
    wait_until(lambda: not left_of(pids), "processes that the plugin has started to end", 5)
    grown = [memory(node.process.pid) - was for node, was in zip(nodes, before)]
    check(all(size < 50 for size in grown), f"nodes grew by {grown} MiB")
    check([(folder / f"node{i}" / "id").read_text() for i in (1, 2)] == ids, "the id of a node was changed")
    check((folder / "secret").read_text() == "secret" and not list((folder / "outside").iterdir()), "files outside the attempts were changed")
    check(not (folder / "state" / "planted").exists() and not (folder / "archive" / "planted").exists(), "files were planted")
    ours = tree_contents(folder / "state" / "tables")
    # Other intervals, computed from the copies in the caches that a plugin has tried to change.
    again = ("--set", "modules.traffic.interval=30m", "--module", "traffic")
    mole("run", "healthy.yaml", *whole, "--partial", *again, "--state", folder / "truth30", "--threads", 2, cwd=folder, code=(0, 3))
    mole("request", "submit", "healthy.yaml", *whole, "--partial", *again, "--wait", "--progress", "none", "--coordinator", address, cwd=folder, code=(0, 3))
    truth30 = tree_contents(folder / "truth30" / "tables")
    ours30 = tree_contents(folder / "state" / "tables")
    check(all(ours30.get(name) == content for name, content in truth30.items() if "traffic" in name), "copies in a cache that a plugin changed were used")
    for node in nodes:
        check(node.stop() == 0, "nodes drain")
    check(coordinator.stop() == 0, "the coordinator stops")
    differing = [name for name, content in truth.items() if ours.get(name) != content]
    for line in [*wrong, *reached]:
        print(line[:600])
    check(not wrong, f"{len(wrong)} acts ended otherwise")
    check(not reached, f"{len(reached)} things outside the attempt were reached")
    check(not differing, f"{len(differing)} of {len(truth)} tables of healthy modules differ: {differing[:5]}")
    print(f"{len(ACTS)} misdeeds; {len(truth)} tables of healthy modules have the same bytes; nodes grew by {max(grown):.0f} MiB")
