#!/usr/bin/env python3
"""Checks that every form of `home:` gives the right directions, and that `plugins:` finds folders relative to the manifest."""
import ipaddress
import random
import struct

from system import BUILD, Daemon, TemporaryFolder, check, mole, rows

HOUR = 1190419200  # 2007-09-22T00:00:00Z
MANIFEST = """
pipeline: PIPELINE
PLUGINS
archives:
  own:
    downloader: directory
    params: {root: ROOT}
    files: "{router}_{start:unix}"
    covers: 1h
    block: {length: 1h}
    HOME
modules:
  directions: {plugin: traffic, input: {archive: own}, interval: 1h, by: [direction]}
"""
RANGE = ("--from", "2007-09-22", "--to", "2007-09-22T01", "--partial")


def archive(folder):
    """Writes an hour of two routers and returns its flows: (router, source, destination, source AS, destination AS, in, out, bytes)."""
    rng, flows = random.Random(3), []
    folder.mkdir()
    networks = ["192.0.2.", "198.51.100.", "203.0.113.", "10.1.2."]
    for router in ("zh-1", "be,2"):
        content = b""
        for number in range(20):
            records = b""
            for _ in range(30):
                source, destination = (ipaddress.ip_address(rng.choice(networks) + str(rng.randrange(256))) for _ in range(2))
                own = [rng.choice((64500, 64501, 3, 65535)) for _ in range(2)]
                ports = [rng.choice((4, 17, 18, 65535)) for _ in range(2)]
                octets = rng.randrange(40, 1500)
                flows.append((router, source, destination, *own, *ports, octets))
                records += struct.pack(">4s4s4sHHIIIIHHBBBBHHBBH", source.packed, destination.packed, b"\0" * 4, *ports, 1, octets, 0, 1000,
                                       1, 2, 0, 0, 6, 0, *own, 0, 0, 0)
            content += struct.pack(">HHIIIIBBH", 5, 30, 1000 + 1000 * number, HOUR + 1 + number, 0, 30 * number, 0, 0, 0) + records
        (folder / f"{router}_{HOUR}").write_bytes(content)
    return flows


def inside(*networks):
    parsed = [ipaddress.ip_network(n) for n in networks]
    return lambda address: any(address in n for n in parsed if n.version == 4)


def sides(kind, value):
    """Returns functions that tell whether the source, and the destination, of a flow is at home."""
    if kind == "networks":
        return (lambda f: inside(*value)(f[1])), (lambda f: inside(*value)(f[2]))
    if kind == "as":
        return (lambda f: f[3] in value), (lambda f: f[4] in value)
    border = value if callable(value) else lambda router: value
    return (lambda f: f[5] not in border(f[0])), (lambda f: f[6] not in border(f[0]))


def expected(flows, kind, value):
    source, destination = sides(kind, value)
    names = {(True, True): "internal", (True, False): "out", (False, True): "in", (False, False): "transit"}
    sums = {name: 0 for name in names.values()}
    for flow in flows:
        sums[names[source(flow), destination(flow)]] += flow[7]
    return sums


PER_ROUTER = {"zh-1": [17], "be,2": [4, 18]}
FORMS = [
    ("home: {networks: [192.0.2.0/24]}", "networks", ["192.0.2.0/24"]),
    ("home: {networks: 192.0.2.0/24}", "networks", ["192.0.2.0/24"]),
    ("home: {networks: [192.0.2.0/24, 198.51.100.0/25, \"2001:db8::/32\"]}", "networks", ["192.0.2.0/24", "198.51.100.0/25"]),
    ("home:\n      networks:\n        - 192.0.2.0/24\n        - '10.0.0.0/8'", "networks", ["192.0.2.0/24", "10.0.0.0/8"]),
    ("home: {networks: [192.0.2.7, 10.1.2.128/25]}", "networks", ["192.0.2.7/32", "10.1.2.128/25"]),
    ("home: {networks: [0.0.0.0/0]}", "networks", ["0.0.0.0/0"]),
    ("home: {as: [64500]}", "as", [64500]),
    ("home: {as: 64500}", "as", [64500]),
    ("home: {as: [64500, '64501', 65535]}", "as", [64500, 64501, 65535]),
    ("home:\n      as:\n      - 3\n      - 64501", "as", [3, 64501]),
    ("home: {border_interfaces: [17, 18]}", "border", [17, 18]),
    ("home: {border_interfaces: 65535}", "border", [65535]),
    ("home: {border_interfaces: {zh-1: [17], \"be,2\": [4, 18]}}", "border", PER_ROUTER.get),
    ("home:\n      border_interfaces:\n        zh-1: 17\n        'be,2': [4, 18]", "border", PER_ROUTER.get),
]


def home(folder):
    flows = archive(folder / "archive")
    for number, (text, kind, value) in enumerate(FORMS):
        pipeline = f"home{number}"
        (folder / f"{pipeline}.yaml").write_text(
            MANIFEST.replace("PIPELINE", pipeline).replace("ROOT", "./archive").replace("HOME", text).replace("PLUGINS", ""))
        mole("run", f"{pipeline}.yaml", *RANGE, cwd=folder, code=(0, 3))
        found = {r["direction"]: int(r["bytes"]) for r in rows(f"{pipeline}/directions", cwd=folder)}
        check(found == expected(flows, kind, value), f"{text}: {found} instead of {expected(flows, kind, value)}")
    print(f"{len(FORMS)} forms of home: give the right directions")


def plugins(folder):
    """The manifest lies in a folder of its own, and the command runs elsewhere."""
    place = folder / "place"
    (place / "mine").mkdir(parents=True)
    for name in ("printer.so", "printer.plugin.json"):
        (place / "mine" / name).write_bytes((BUILD / "tests" / "plugins" / name).read_bytes())
    (place / "empty").mkdir()

    def write(pipeline, folders):
        text = MANIFEST.replace("PIPELINE", pipeline).replace("ROOT", "../archive").replace("HOME", "").replace("PLUGINS", folders)
        (place / f"{pipeline}.yaml").write_text(text.replace("directions: {plugin: traffic", "own: {plugin: printer").replace(", by: [direction]", ""))

    for number, folders in enumerate(("plugins: [mine]", "plugins: [./mine, empty]", f"plugins:\n  - {place}/mine", "plugins: [empty, ../place/mine]")):
        pipeline = f"plugins{number}"
        write(pipeline, folders)
        mole("manifest", "validate", f"place/{pipeline}.yaml", cwd=folder)
        mole("run", f"place/{pipeline}.yaml", *RANGE, cwd=folder, code=(0, 3))
        check([r["n"] for r in rows(f"{pipeline}/own", cwd=folder)] == ["1200"], f"{folders}: {rows(f'{pipeline}/own', cwd=folder)}")
    for folders, message in (("", "printer"), ("plugins: [absent]", "absent, which is not a folder"), ("plugins: [empty]", "printer")):
        write("refused", folders)
        done = mole("run", "place/refused.yaml", *RANGE, cwd=folder, code=(4, 5))
        check(message in done.stderr, f"{folders}: {done.stderr}")

    write("served", "plugins: [mine]")
    address = f"unix:{folder}/c.sock"
    for more, code in (((), 5), (("--manifest-plugins",), 0)):
        with Daemon("mole-coordinator", "--state", folder / "served", "--init", "--listen", address, *more, ready="ready", log=folder / "c.log") as daemon:
            with Daemon("mole-node", "--coordinator", address, "--dir", folder / "node", log=folder / "n.log"):
                done = mole("request", "submit", "place/served.yaml", *RANGE, "--wait", "--coordinator", address, cwd=folder, code=(code, 3) if code == 0 else code)
                check(code == 0 or "--manifest-plugins" in done.stderr, f"a service says how: {done.stderr}")
            daemon.stop()
    print("plugins: finds folders relative to the manifest, in embedded runs and in services that allow it")


with TemporaryFolder("lists") as work:
    home(work)
    plugins(work)
