#!/usr/bin/env python3
"""Checks that damage on the coordinator's disk is noticed, reported and repaired: its log, its database, results and plugins."""
import json
import shutil
import subprocess

from system import MOLE, Daemon, TemporaryFolder, check, mole, mole_json, tree_contents, wait_until

MANIFEST = """
pipeline: rest
archives:
  simulated:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    covers: 1h
    block: {length: 2h, origin: 00:00}
modules:
  traffic: {plugin: traffic, input: {archive: simulated, where: {router: [1, 2]}}, interval: 15m, by: [router]}
  hosts:   {plugin: unique_addresses, input: {archive: simulated, where: {router: [1, 2]}}, interval: 15m}
  mean:    {plugin: mean, inputs: {values: traffic.bytes}, window: 6h}
"""
RANGE = ("--from", "2007-09-22", "--to", "2007-09-22T10", "--partial")


def flip(path, at=0.5):
    content = bytearray(path.read_bytes())
    content[int(len(content) * at)] ^= 0x40
    path.write_bytes(content)


def events(state):
    return [json.loads(line)["event"] for line in mole("state", "dump", "events", "--state", state).stdout.splitlines()]


with TemporaryFolder("rest") as folder:
    (folder / "rest.yaml").write_text(MANIFEST)
    mole("archive", "simulate", folder / "archive", "--seed", 7, "--from", "2007-09-22", "--to", "2007-09-22T10", "--routers", "1,2",
         "--flows-per-hour", 1000)

    def run(state, *more, code=(0, 3)):
        return mole("run", "rest.yaml", *RANGE, "--progress", "none", "--state", state, "--threads", 2, *more, cwd=folder, code=code)

    def copy(name):
        target = folder / name
        shutil.copytree(folder / "sound", target, copy_function=shutil.copy2)  # without hard links: damage has one place
        return target

    run(folder / "sound")
    expected = tree_contents(folder / "sound" / "tables")

    def rows_blob(state, module, block):
        rows = [json.loads(line) for line in mole("state", "dump", "catalogue", "--state", state).stdout.splitlines()]
        modules = {row["key"]: row["fingerprint"] for row in map(json.loads, mole("state", "dump", "modules", "--state", state).stdout.splitlines())}
        found = [row for row in rows if row["key"].startswith(modules["rest/" + module]) and block in row["key"]]
        return state / "blobs" / found[0]["rows_blob"][:2] / found[0]["rows_blob"]

    # ---- results and plugins: what is damaged or gone is computed or copied again, and no reader is blamed
    for name, module, harm in (("flipped", "traffic", flip), ("deleted", "hosts", lambda path: path.unlink()),
                               ("input deleted", "traffic", lambda path: path.unlink())):
        state = copy(name)
        harm(rows_blob(state, module, "2007-09-22T04"))
        what_if = ("--set", "modules.mean.window=4h") if module == "traffic" else ()
        done = run(state, *what_if)
        check("fail" not in done.stdout, f"{name}: {done.stdout}")
        run(state)
        mole("results", module, "--state", state)
        seen = events(state)
        check("rows lost" in seen, f"{name}: the loss is not an event: {seen}")
        check(name != "flipped" or "blob damaged" in seen, f"{name}: the damage is not an event: {seen}")
        different = [path for path, content in tree_contents(state / "tables").items() if path in expected and content != expected[path]]
        check(not different, f"{name}: tables differ: {different}")

    state = copy("plugins")
    plugins = {json.loads(line)["digest"] for line in mole("state", "dump", "plugins", "--state", state).stdout.splitlines()}
    for digest in plugins:
        flip(state / "blobs" / digest[:2] / digest)
    shutil.rmtree(state / "node" / "plugins")
    run(state, "--set", "modules.traffic.interval=30m")
    check(events(state).count("blob damaged") >= 3, f"{len(plugins)} plugins were damaged: {events(state)}")

    # ---- the check of a stopped state
    found = mole_json("state", "check", "--state", folder / "sound")
    check(not found["damaged_blobs"] and not found["tables"], f"a sound state is called damaged: {found}")
    state = copy("checked")
    blob = rows_blob(state, "mean", "2007-09-22T06")
    flip(blob)
    report = mole("state", "check", "--state", state, code=1).stdout
    check(blob.name in report and "--repair" in report, f"the damaged blob is not named: {report}")
    mole("state", "check", "--repair", "--state", state)
    run(state)
    check(tree_contents(state / "tables") == expected, "tables differ after a repair")

    state = copy("links")
    table = next((state / "tables").rglob("*.parquet"))
    kept = table.read_bytes()
    flip(table)
    next((state / "requests").rglob("*.parquet")).unlink()
    report = mole_json("state", "check", "--state", state, code=1)
    check(len(report["wrong_links"]) == 2 and str(table.relative_to(state)) in report["wrong_links"], f"{report['wrong_links']}")
    mole("state", "check", "--repair", "--state", state)
    check(table.read_bytes() == kept and not mole_json("state", "check", "--state", state)["wrong_links"], "links are not repaired")

    # ---- the folder of a stopped node
    node = copy("node") / "node"
    sound = mole_json("state", "check", "--node", node)
    check(sound["files"] > 10 and not sound["damaged"], f"{sound}")
    cached = sorted(node.glob("cache/*.file"), key=lambda path: path.read_bytes().startswith(b"mole columns"))
    check(cached[-1].read_bytes().startswith(b"mole columns") and not cached[0].read_bytes().startswith(b"mole columns"), "no copies and columns")
    harmed = [cached[0], cached[-1], next(node.glob("states/*")), next(node.glob("plugins/*.so"))]
    for path in harmed:
        flip(path, 0.3)
    report = mole_json("state", "check", "--node", node, code=1)
    check(sorted(report["damaged"]) == sorted(str(path.relative_to(node)) for path in harmed), f"{report['damaged']}, not {harmed}")
    mole("state", "check", "--node", node, "--repair")
    check(not mole_json("state", "check", "--node", node)["damaged"], "the node's folder is not repaired")
    check(all(not path.exists() for path in harmed), "what is damaged is still there")
    run(folder / "node", "--set", "modules.traffic.interval=30m")

    # ---- the scrub of a running coordinator: nobody reads the damaged result
    state = copy("scrubbed")
    blob = rows_blob(state, "hosts", "2007-09-22T04")
    flip(blob)
    with Daemon("mole-coordinator", "--state", state, "--scrub", "1s", ready="ready", log=folder / "scrub.log"):
        address = ("--coordinator", f"unix:{state}/coordinator.sock")
        wait_until(lambda: "rows lost" in mole("state", "dump", "events", *address).stdout, "the scrub to find the damage")
        wait_until(lambda: '"scrub"' in mole("state", "dump", "meta", *address).stdout, "the round to end")
    check(not blob.exists(), "the damaged blob is still served")
    check(mole_json("state", "check", "--state", state)["scrub"]["blobs"] > 0, "the last round is not shown")
    run(state)
    check(tree_contents(state / "tables") == expected, "tables differ after a scrub")

    # ---- the log: acknowledged requests are there, or the start is refused
    state = copy("log")
    daemon = Daemon("mole-coordinator", "--state", state, ready="ready", log=folder / "log.log")
    address = ("--coordinator", f"unix:{state}/coordinator.sock")
    acknowledged = [mole_json("request", "submit", "rest.yaml", *RANGE, "--set", f"modules.mean.window={hours}h", "--id", f"c{hours}", *address,
                              cwd=folder)["id"] for hours in (2, 4, 6, 8, 10, 12)]
    daemon.kill()
    log = max((state / "db").glob("*.log"), key=lambda path: path.stat().st_size)
    flip(log)
    refused = subprocess.run([str(MOLE.parent / "mole-coordinator"), "--state", str(state)], capture_output=True, text=True, timeout=60)
    check(refused.returncode == 1 and "acknowledged changes" in refused.stderr and "mole state check --repair" in refused.stderr,
          f"{refused.returncode}: {refused.stderr}")
    repair = mole_json("state", "check", "--repair", "--state", state, code=1)
    with Daemon("mole-coordinator", "--state", state, ready="ready", log=folder / "log.log"):
        listed = {request["id"] for request in mole_json("request", "list", *address)}
        lost = set(acknowledged) - listed
        check(lost <= set(repair["lost_requests"]), f"{lost} are lost, {repair['lost_requests']} were named")
        again = mole_json("request", "submit", "rest.yaml", *RANGE, "--set", "modules.mean.window=3h", *address, cwd=folder)["id"]
        check(again not in acknowledged, f"the number {again} is used twice")

    state = copy("log removed")
    daemon = Daemon("mole-coordinator", "--state", state, ready="ready", log=folder / "removed.log")
    address = ("--coordinator", f"unix:{state}/coordinator.sock")
    last = mole_json("request", "submit", "rest.yaml", *RANGE, "--set", "modules.mean.window=2h", *address, cwd=folder)["id"]
    daemon.kill()
    for log in (state / "db").glob("*.log"):
        log.unlink()
    mole("state", "check", "--repair", "--state", state, code=1)
    with Daemon("mole-coordinator", "--state", state, ready="ready", log=folder / "removed.log"):
        again = mole_json("request", "submit", "rest.yaml", *RANGE, "--set", "modules.mean.window=3h", *address, cwd=folder)["id"]
        check(int(again[1:]) > int(last[1:]), f"{last} is lost, and the next request is {again}")

    # ---- a block of the database: the answer is an error or less, and the coordinator lives
    state = copy("lineage")
    for _ in range(3):  # rows move from the log to a file of the database
        run(state)
    tables = sorted((state / "db").glob("*.sst"), key=lambda path: path.stat().st_size)
    if tables:
        flip(tables[-1], 0.3)
    with Daemon("mole-coordinator", "--state", state, ready="ready", log=folder / "lineage.log") as daemon:
        address = ("--coordinator", f"unix:{state}/coordinator.sock")
        for hour in range(10):
            for module, column in (("traffic", "bytes"), ("mean", "bytes_mean")):
                mole("why", module, column, f"2007-09-22T{hour:02}", *address, code=(0, 1, 4))
        mole("status", *address)
        check(daemon.process.poll() is None, "the coordinator ended")
    print("damage of results, plugins, the log and the database was found and repaired")
