"""An archive on simulated tapes, read over SSH, gives the same tables as the folder, also if the server hangs or drops a connection, or
staging fails once."""
import json
import os

import tape_server
from system import TemporaryFolder, check, mole, mole_json, rows
from tape_server import name

FROM, TO, HOURS = "2007-09-22", "2007-09-22T12", 12


class Server(tape_server.Server):
    """A tape library with the files of a folder, and manifests of it."""

    stop_seconds = 20

    def __init__(self, folder, *options):
        super().__init__(folder, folder / "files", *options, scale=5000)
        self.folder = folder

    def manifest(self, **params):
        """Writes a manifest of this archive, with other parameters if given, and returns its path."""
        path = self.folder / "tape.yaml"
        given = {**self.params, "timeout": 3, **params}
        path.write_text(MANIFEST % ("samfs", json.dumps({k: v for k, v in given.items() if v is not None})))
        return path

    def log(self):
        printed = mole("archive", "tape-library", "log", self.library).stdout
        return [json.loads(line) for line in printed.splitlines()]


MANIFEST = """
pipeline: tape
archives:
  flows:
    downloader: %s
    params: %s
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    covers: 1h
    block: {length: 6h}
modules:
  traffic: {plugin: traffic, input: {archive: flows}, interval: 15m, by: [router]}
"""


def simulate(folder):
    mole("archive", "simulate", folder / "files", "--seed", 5, "--from", FROM, "--to", TO, "--routers", "19991,19993", "--flows-per-hour", 300)


def table(folder, manifest, state, code=(0, 3)):
    done = mole("run", manifest, "--from", FROM, "--to", TO, "--partial", "--state", state, cwd=folder, code=code)
    return rows("traffic", "--state", state, cwd=folder), done.stderr


def expected(folder):
    (folder / "folder.yaml").write_text(MANIFEST % ("directory", '{root: files}'))
    return table(folder, "folder.yaml", "folder-state")[0]


def equals_the_folder(folder, want):
    with Server(folder, "--tapes", 5, "--layout", "shuffled", "--others", 10) as server:
        got, _ = table(folder, server.manifest(), "tape-state")
        check(got == want, "the table of the tape archive differs from that of the folder")
        log = server.log()
        read = [e["file"] for e in log if e["event"] == "read"]
        wanted = {name(r, h) for r in (19991, 19993) for h in range(HOURS)}
        check(wanted <= set(read) and len(read) == len(set(read)), f"files were not read exactly once: {sorted(read)}")
        report = mole_json("archive", "tape-library", "report", server.library)
        check(report["most_drives"] <= 2 and report["failed"] == 0, report)
        files = mole_json("archive", "ls", "tape/flows", "--state", "tape-state", cwd=folder)
        check(len(files) >= 2 * HOURS, files)
        for file in files:
            check(file.get("tape", file.get("medium", "")).startswith("MT"), file)
        text = (server.manifest().read_text() + server.library.joinpath("log.ndjson").read_text())
        check("PRIVATE KEY" not in text, "a private key was written")


def plan_tells_the_cost(folder):
    """Tapes, files and bytes before the start; more drives are faster, and what is on disk costs nothing."""
    where = folder / "plan"
    where.mkdir()
    os.symlink(folder / "files", where / "files")
    with Server(where, "--tapes", 5, "--layout", "shuffled") as server:
        def plan(*options):
            return mole_json("plan", server.manifest(), "--from", FROM, "--to", TO, "--partial", *options, "--state", "state", cwd=where)

        cost = plan()["staging"]
        sizes = [(where / "files" / name(router, hour)).stat().st_size for router in (19991, 19993) for hour in range(HOURS)]
        check((cost["media"], cost["files"], cost["bytes"]) == (5, len(sizes), sum(sizes)), cost)
        check((cost["drives"], cost["nodes"]) == (2, 1) and 5 <= cost["mounts"] <= 6 and cost["cache_bytes"] <= sum(sizes), cost)
        seconds = {drives: plan("--drives", drives)["staging"]["seconds"] for drives in (1, 2, 5)}
        check(seconds[1] > seconds[2] == cost["seconds"] > seconds[5] > 90, seconds)
        check(plan("--nodes", 3)["staging"]["nodes"] == 3, "three nodes")
        text = mole("plan", server.manifest(), "--from", FROM, "--to", TO, "--partial", "--state", "state", cwd=where).stdout
        check(f"5 tapes, {cost['mounts']} mounts; {len(sizes)} files" in text and "2 drives now and 1 node" in text, text)
        log = [event for event in server.log() if event["event"] in ("mount", "read")]
        check(not log, f"a plan reads no tape: {log[:3]}")
        table(where, server.manifest(), "state")
        check("staging" not in plan(), "nothing is left to fetch")
    (folder / "folder.yaml").write_text(MANIFEST % ("directory", '{root: files}'))
    check("staging" not in mole_json("plan", "folder.yaml", "--from", FROM, "--to", TO, "--partial", "--state", "no-tapes", cwd=folder), "a folder has no tapes")


def survives(folder, want, kind, *options):
    """Runs with a fault that passes; the table must equal `want`."""
    where = folder / kind
    where.mkdir()
    os.symlink(folder / "files", where / "files")
    with Server(where, *options) as server:
        got, errors = table(where, server.manifest(), "state")
        check(got == want, f"{kind}: the table differs from that of the folder\n{errors}")


def passing_faults_cost_nothing(folder, want):
    for kind in ("hang", "reset", "stage"):
        survives(folder, want, kind, "--fault", f"{kind}:{name(19991, 3)}:1", "--fault", f"{kind}:{name(19993, 7)}:1")


with TemporaryFolder("tape-library") as temporary:
    simulate(temporary)
    truth = expected(temporary)
    check(len(truth) == 2 * 4 * HOURS, f"{len(truth)} rows")
    equals_the_folder(temporary, truth)
    plan_tells_the_cost(temporary)
    passing_faults_cost_nothing(temporary, truth)
