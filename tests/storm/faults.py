"""The faults of the storm. Each function does one to the services of a round, and returns whether there was something to hit.

What has to follow is in the comments; the end of a round (storm.py) checks that it did.
"""
import os
import pathlib
import shutil
import signal
import time

from points import POINTS
from served import LEASE, NODES
from system import wait_until

PATIENCE = 6  # seconds in which a program may reach a failpoint


def processes(text):
    """Returns the ids and programs of the running processes with `text` in an argument."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0] if command else "Z"
        except OSError:
            continue
        if text.encode() in command and state != "Z" and int(entry.name) != os.getpid():
            found[int(entry.name)] = pathlib.PurePath(command.split(b"\0")[0].decode(errors="replace")).name
    return found


def pause(choice, longest):
    """The moment of a fault is what varies; nothing waits for this time."""
    time.sleep(choice.uniform(0, longest))


def waits(condition, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(condition())


# ---- kills: nothing is lost, whatever is running is done again ----

def kill_coordinator(s):
    s.coordinator.kill()
    pause(s.choice, 1)
    return s.start_coordinator()


def kill_node(s):
    s.restart_node(s.choice.choice(NODES))
    return True


def kill_worker(s):
    def workers():
        return sorted(pid for pid, name in processes(str(s.folder)).items() if name in ("mole-worker", "mole-seal"))
    s.submit_filler()
    if not waits(workers, 2) or not (found := workers()):
        return False
    try:
        os.kill(s.choice.choice(found), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def kill_all(s):
    for process in (s.coordinator, *s.nodes.values()):
        process.kill()
    s.start_coordinator()
    for name in NODES:
        s.restart_node(name)
    return True


def stop_node(s):
    """Its leases expire meanwhile, and what it reports afterwards is late."""
    stopped = s.nodes[s.choice.choice(NODES)].process
    stopped.send_signal(signal.SIGSTOP)
    time.sleep(1.5 * LEASE)
    stopped.send_signal(signal.SIGCONT)
    return True


def stop_coordinator(s):
    s.coordinator.process.send_signal(signal.SIGSTOP)
    pause(s.choice, 1.5 * LEASE)
    s.coordinator.process.send_signal(signal.SIGCONT)
    return True


def drain_all(s):
    """An orderly stop under load."""
    s.stop()
    s.start_coordinator()
    for name in NODES:
        s.restart_node(name)
    return True


KILLS = {"coordinator": kill_coordinator, "node": kill_node, "worker": kill_worker, "all": kill_all, "stopped_node": stop_node,
         "stopped_coordinator": stop_coordinator, "orderly_stop": drain_all}


# ---- failpoints ----

def kill_at_point(s, point):
    """Restarts a program so that it is killed before or after a certain system call. Returns whether it reached it."""
    program, when, what, call, pattern = point
    node = s.choice.choice(NODES)
    count = s.choice.choice((1, 1, 1, 2, 3))
    text = f"{when} {call} {count} - {pattern}"
    s.submit_filler()
    if what == "quarantine":
        for _ in range(3):
            flip_result(s)
    if program == "coordinator":
        s.coordinator.kill()
        reached = not s.start_coordinator(point=text) or waits(lambda: s.coordinator.process.poll() is not None)
        s.coordinator.kill()
        s.start_coordinator()
    elif program == "node":
        s.nodes[node].kill()
        s.nodes[node] = s.start_node(node, point=text)
        reached = waits(lambda: s.nodes[node].process.poll() is not None)
        s.restart_node(node)
    else:
        for file in (s.node_folder(node) / "cache").glob("*.file"):
            file.unlink(missing_ok=True)  # so that files are fetched
        once, armed = s.node_folder(node) / "cache" / "once", s.folder / "bin" / node / "mole-launch.point"
        once.touch()
        armed.with_suffix(".new").write_text(f"{when} {call} 1 {once} {pattern}\n")
        armed.with_suffix(".new").rename(armed)
        reached = waits(lambda: not once.exists())
        armed.unlink()
        once.unlink(missing_ok=True)
    return reached


# ---- damages ----

def flip(path, choice):
    """Flips one bit in place: every name of the file has it."""
    try:
        with open(path, "r+b") as file:
            size = os.fstat(file.fileno()).st_size
            if size == 0:
                return False
            at = choice.randrange(size)
            byte = os.pread(file.fileno(), 1, at)
            os.pwrite(file.fileno(), bytes([byte[0] ^ 1 << choice.randrange(8)]), at)
    except FileNotFoundError:  # the program removed it meanwhile
        return False
    return True


def remove(path):
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def one_of(s, files, harm):
    """Harms one of these files."""
    files = sorted(files)
    return bool(files) and harm(s.choice.choice(files))


def blobs(s, plugins):
    for file in (s.state / "blobs").glob("??/*"):
        with open(file, "rb") as opened:
            if (opened.read(4) == b"\x7fELF") == plugins:
                yield file


def in_nodes(s, pattern):
    return [file for name in NODES for file in s.node_folder(name).glob(pattern) if file.is_file()]


# In a cache: the copy is dropped, counted, and fetched again.
def flip_copy(s):
    return one_of(s, in_nodes(s, "cache/*.file"), lambda file: flip(file, s.choice))


def remove_copy(s):
    return one_of(s, in_nodes(s, "cache/*.file"), remove)


# A state of a metric that a node keeps: it is computed again.
def flip_state(s):
    return one_of(s, in_nodes(s, "states/*"), lambda file: flip(file, s.choice))


# A result: it is moved to the quarantine and computed again when something reads it; what nothing reads is found by the check.
def flip_result(s):
    s.blobs_damaged = True
    return one_of(s, blobs(s, plugins=False), lambda file: flip(file, s.choice))


def remove_result(s):
    return one_of(s, blobs(s, plugins=False), remove)


# A plugin: it is taken from its folder again.
def flip_plugin(s):
    return one_of(s, blobs(s, plugins=True), lambda file: flip(file, s.choice))


# A file of the tables: written again at the next start. If it is flipped, so is its blob.
def remove_table(s):
    return one_of(s, (s.state / "tables").rglob("*.parquet"), remove)


def flip_table(s):
    return one_of(s, (s.state / "tables").rglob("*.parquet"), lambda file: flip(file, s.choice))


def flip_in_stopped_node(folder):
    """Flips a bit in a file that a node checks when it starts: a library, which is fetched again, or a listing, which is made again."""
    def done(s):
        names = [name for name in NODES if any((s.node_folder(name) / folder).iterdir())]
        if not names:
            return False
        name = s.choice.choice(names)
        s.nodes[name].kill()
        hit = one_of(s, (s.node_folder(name) / folder).iterdir(), lambda file: flip(file, s.choice))
        s.nodes[name] = s.start_node(name)
        return hit
    return done


def flip_outbox(s):
    """A report or result that was not delivered yet: its task is repeated."""
    s.submit_filler()
    waits(lambda: in_nodes(s, "attempts/*/spec.json"), 2)
    s.coordinator.kill()
    finished = lambda: [f for f in in_nodes(s, "finished/*/*") if not f.parent.name.startswith(".")]  # noqa: E731
    waits(finished, 2)
    for node in s.nodes.values():
        node.kill()
    hit = one_of(s, finished(), lambda file: flip(file, s.choice))
    s.start_coordinator()
    for name in NODES:
        s.restart_node(name)
    return hit


def damaging_store(harm, loses=True):
    """A fault of the store of a killed coordinator: nothing acknowledged is missing, or, if it `loses` something, the start is refused, and
    a repair names what is lost."""
    def done(s):
        s.coordinator.kill()
        hit = harm(s, s.state / "db")
        s.store_damaged = s.store_damaged or (hit and loses)
        s.start_coordinator()
        return hit
    return done


def log_of(folder):
    logs = [file for file in folder.glob("*.log") if file.stat().st_size > 0]
    return max(logs, key=lambda file: file.stat().st_size, default=None)


def flip_log(s, folder):
    log = log_of(folder)
    return log is not None and flip(log, s.choice)


def cut_log(s, folder):
    log = log_of(folder)
    if log is not None:
        os.truncate(log, s.choice.randrange(log.stat().st_size))
    return log is not None


def remove_log(_, folder):
    log = log_of(folder)
    return log is not None and remove(log)


def flip_database(s, folder):
    return one_of(s, folder.glob("*.sst"), lambda file: flip(file, s.choice))


def flip_manifest(s, folder):
    return one_of(s, folder.glob("MANIFEST-*"), lambda file: flip(file, s.choice))


# Evidence of the last acknowledged change: its loss costs nothing as long as the log is intact.
def flip_acknowledged(s, folder):
    return flip(folder.parent / "db.acknowledged", s.choice)


def remove_acknowledged(_, folder):
    return remove(folder.parent / "db.acknowledged")


def full_disk(*names):
    """Fills a disk for a while: whatever needs space waits or is refused for now, and continues afterwards."""
    def done(s):
        name = s.choice.choice(names)
        fill = s.folder / name / "fill"
        free = shutil.disk_usage(fill.parent).free
        leave = s.choice.choice((0, 1 << 20, 20 << 20, 50 << 20))
        try:
            with open(fill, "wb") as file:
                os.posix_fallocate(file.fileno(), 0, max(1, free - leave))
        except OSError:  # the services were faster
            pass
        pause(s.choice, 3)
        fill.unlink()
        return True
    return done


DAMAGES = {"copy_flipped": flip_copy, "copy_removed": remove_copy, "state_flipped": flip_state, "result_flipped": flip_result,
           "result_removed": remove_result, "plugin_flipped": flip_plugin, "table_removed": remove_table, "table_flipped": flip_table,
           "library_flipped": flip_in_stopped_node("plugins"), "listing_flipped": flip_in_stopped_node("listings"),
           "outbox_flipped": flip_outbox, "log_flipped": damaging_store(flip_log), "log_cut": damaging_store(cut_log),
           "log_removed": damaging_store(remove_log), "database_flipped": damaging_store(flip_database),
           "manifest_flipped": damaging_store(flip_manifest), "acknowledged_flipped": damaging_store(flip_acknowledged, loses=False), "acknowledged_removed": damaging_store(remove_acknowledged, loses=False),
           "full_coordinator": full_disk("state"), "full_node": full_disk(*NODES)}
__all__ = ["DAMAGES", "KILLS", "POINTS", "kill_at_point", "pause", "processes", "wait_until"]
