"""A coordinator and nodes that run as services, and can be killed and started again. Shared by the tests of archives on tapes."""
import os
import subprocess

from system import Daemon, check, mole_json, rows, wait_until

ENDED = ("COMPLETE", "PARTIAL", "FAILED", "CANCELLED")


class Services:
    """A coordinator, and one node for each tuple of options, in `folder`; killed at the end of the block. `keys`: the SSH key of each node."""

    def __init__(self, folder, *nodes, keys=()):
        self.folder, self.address, self.options, self.keys = folder, f"unix:{folder}/c.sock", nodes, keys
        self.coordinator, self.nodes = None, [None] * len(nodes)
        self.start_coordinator("--init")
        for number in range(len(nodes)):
            self.start_node(number)

    def start_coordinator(self, *options):
        self.coordinator = Daemon("mole-coordinator", "--state", self.folder / "served", "--listen", self.address, "--lease", "10s",
                                  "--heartbeat", "200ms", *options, ready="ready", log=self.folder / "coordinator.log")

    def start_node(self, number):
        key = self.keys[number] if number < len(self.keys) else None
        environment = {name: value for name, value in os.environ.items() if name != "MOLE_SSH_KEY_FILE"} | ({"MOLE_SSH_KEY_FILE": key} if key else {})
        self.nodes[number] = Daemon("mole-node", "--coordinator", self.address, "--dir", self.folder / f"node{number + 1}", "--threads", 1,
                                    *self.options[number], log=self.folder / f"node{number + 1}.log", env=environment)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for daemon in (*self.nodes, self.coordinator):
            daemon.__exit__()

    def cache(self, number=0):
        return self.folder / f"node{number + 1}" / "cache"

    def submit(self, manifest, *range):
        return mole_json("request", "submit", manifest, *range, "--coordinator", self.address, cwd=self.folder)["id"]

    def show(self, request):
        return mole_json("request", "show", request, "--coordinator", self.address)

    def has_ended(self, request):
        return self.show(request)["state"] in ENDED

    def wait(self, request, *states):
        """Waits until the request has ended, and returns its state, which must be one of these."""
        wait_until(lambda: self.has_ended(request), f"{request} to end", 900)
        ended = self.show(request)
        check(ended["state"] in states, ended)
        return ended

    def rows(self, table):
        return rows(table, "--coordinator", self.address)

    def fetching_workers(self):
        """The processes of workers of the first node that run a fetch task."""
        return self.workers("fetch")

    def workers(self, kind):
        """The processes of workers of the first node that run a task of this kind."""
        out = []
        processes = subprocess.run(["ps", "-eww", "-o", "pid,args"], capture_output=True, text=True).stdout
        for line in processes.splitlines():
            pid, _, command = line.strip().partition(" ")
            if "mole-worker --run" not in command or f"{self.folder}/node1/attempts" not in command:
                continue
            attempt = command.split("--run ", 1)[1].split(" ", 1)[0]
            try:
                with open(f"{attempt}/spec.json") as spec:
                    if f'"kind":"{kind}"' in spec.read():
                        out.append(int(pid))
            except FileNotFoundError:
                pass
        return out
