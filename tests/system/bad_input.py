#!/usr/bin/env python3
"""Checks that errors in the input are reported with cause and remedy, that exit codes are correct, and that no results are lost."""
import gzip
import json
import os
import re
import shutil
import subprocess

from system import BUILD, Daemon, TemporaryFolder, check, mole, mole_json, rows, tree_contents

GOOD = """pipeline: bad
archives:
  simulated:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    covers: 1h
    block: {length: 2h, origin: 00:00}
modules:
  traffic: {plugin: traffic, input: {archive: simulated, where: {router: [1]}}, interval: 15m, by: [router]}
"""
RANGE = ("--from", "2007-09-22", "--to", "2007-09-22T06", "--partial")


def rejected(folder, manifest, code, *words, arguments=RANGE, verb=("run",), env=None):
    (folder / "bad.yaml").write_text(manifest)
    done = mole(*verb, "bad.yaml", *arguments, "--state", folder / "state", cwd=folder, code=code, env=env)
    message = done.stderr.strip()
    check(message, "there is an error message")
    for word in words:
        check(re.search(word, message), f"{word!r} is not in: {message}")
    check("terminate called" not in message and "Traceback" not in message, message)
    return message


def manifests(folder):
    module = "  mean: {plugin: mean, inputs: {values: variance.bytes_variance}}\n  variance: {plugin: mean, inputs: {values: mean.x}}\n"
    validate = dict(verb=("manifest", "validate"), arguments=())
    rejected(folder, GOOD.replace("interval: 15m", "intervall: 15m"), 5, r"bad\.yaml:\d+:\d+", "intervall", "interval", **validate)
    rejected(folder, GOOD + module, 5, "cycle|circle", "mean", "variance", **validate)
    rejected(folder, GOOD + "  mean: {plugin: mean, inputs: {values: traffic.bytes}}\n  variance: {plugin: variance, inputs: {values: traffic.packets, "
            "centre: mean.bytes_mean}}\n", 5, r"\bB\b", "packet", **validate)
    rejected(folder, GOOD.replace("plugin: traffic", "plugin: trafic"), 4, "trafic", "traffic", **validate)
    rejected(folder, GOOD.replace("interval: 15m", "interval: 7m"), 5, "7m", "block", **validate)
    rejected(folder, GOOD.replace("traffic: {", "traffic: {params: {limit: 3}, "), 5, "limit", **validate)
    rejected(folder, GOOD.replace("interval: 15m", "interval: 15m, filter: 'proto tcp and prot 3'"), 5, "prot", **validate)
    rejected(folder, "pipeline: [", 5, r"bad\.yaml:\d+", **validate)
    rejected(folder, "a: &a [x]\nb: [*a]\n", 5, r"bad\.yaml", **validate)
    rejected(folder, "", 5, "bad.yaml", **validate)
    for text in (GOOD + "---\npipeline: other\n", GOOD + "---\n", GOOD + "...\n" + GOOD, "---\n---\n" + GOOD, GOOD + "--- {pipeline: other}\n"):
        rejected(folder, text, 5, r"bad\.yaml:\d+:\d+: a second document", **validate)
    for text in (GOOD + "...\n", "---\n" + GOOD, "%YAML 1.2\n---\n" + GOOD, "\ufeff" + GOOD, GOOD + "# ---\n"):
        (folder / "bad.yaml").write_text(text)
        mole("manifest", "validate", "bad.yaml", cwd=folder)
    print("manifests are rejected with position, cause and remedy")


def archives(folder):
    (folder / "archive").mkdir(exist_ok=True)
    rejected(folder, GOOD, 4, "empty|0 files")
    mole("archive", "simulate", folder / "archive", "--seed", 1, "--from", "2007-09-22", "--to", "2007-09-22T06", "--routers", "1", "--flows-per-hour", 50)
    rejected(folder, GOOD, 4, "2012", arguments=("--from", "2012-01-01", "--to", "2012-01-02", "--partial"))
    rejected(folder, GOOD.replace("./archive", "./absent"), (1, 4, 5), "absent")
    mole("plan", "absent.yaml", *RANGE, cwd=folder, code=4)
    mole("run", "bad.yaml", "--from", "yesterday", "--to", "2007-09-22", cwd=folder, code=2)
    mole("run", cwd=folder, code=2)
    print("archives without data are distinguished from errors")


def waits_for_the_archive(folder):
    (folder / "bad.yaml").write_text(GOOD)
    done = mole("run", "bad.yaml", "--from", "2007-09-22", "--to", "2007-09-22T08", "--state", folder / "waiting", cwd=folder, code=75)
    check("--partial" in done.stderr + done.stdout, "the message contains the remedy")


def stores(folder):
    (folder / "bad.yaml").write_text(GOOD)
    state = folder / "state"
    mole("run", "bad.yaml", *RANGE, "--state", state, cwd=folder, code=(0, 3))
    before = rows("traffic", "--state", state, cwd=folder)
    with Daemon("mole-coordinator", "--state", state, "--listen", f"unix:{folder}/c.sock", ready="ready"):
        second = subprocess.run([BUILD / "bin" / "mole-coordinator", "--state", state, "--listen", f"unix:{folder}/d.sock"], capture_output=True, text=True)
        check(second.returncode == 5 and "another" in second.stderr, f"second coordinator: {second.returncode} {second.stderr}")
    absent = subprocess.run([BUILD / "bin" / "mole-coordinator", "--state", folder / "nowhere", "--listen", f"unix:{folder}/d.sock"], capture_output=True, text=True)
    check(absent.returncode in (4, 5) and "--init" in absent.stderr, f"a missing state is not created implicitly: {absent.stderr}")
    outside = subprocess.run([BUILD / "bin" / "mole-coordinator", "--state", state, "--listen", "tcp:0.0.0.0:9090"], capture_output=True, text=True)
    check(outside.returncode in (2, 5) and "TLS" in outside.stderr, f"not a loopback address: {outside.returncode} {outside.stderr}")
    check(rows("traffic", "--state", state, cwd=folder) == before, "nothing was lost")

    current = next(state.rglob("CURRENT"))
    kept = current.read_bytes()
    current.write_bytes(b"MANIFEST-99999999\n")
    done = mole("status", "--state", state, cwd=folder, code=1)
    check(re.search("damaged|cannot be read", done.stderr) and "backup" in done.stderr, done.stderr)
    current.write_bytes(kept)
    check(rows("traffic", "--state", state, cwd=folder) == before, "all rows are present after CURRENT is restored")
    print("stores: second coordinator, missing state, damaged RocksDB")


def full_disk(folder):
    """Runs mole in a mount namespace with a state folder that is large enough for a database but not for the run."""
    (folder / "bad.yaml").write_text(GOOD)
    small = folder / "small"
    small.mkdir()
    script = (f"mount -t tmpfs -o size=1500k none {small} && cd {folder} && "
              f"{BUILD}/bin/mole run bad.yaml {' '.join(RANGE)} --state {small}/state")
    done = subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script], capture_output=True, text=True, timeout=120)
    if "unshare" in done.stderr and "not permitted" in done.stderr:
        done = subprocess.run(["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, timeout=120)
    check(done.returncode == 1, f"full disk: {done.returncode} {done.stdout[-2000:]} {done.stderr[-2000:]}")
    check(re.search("[Nn]o space|full|free up space", done.stderr), f"the message contains the cause: {done.stderr[-2000:]}")
    print("a full disk is reported")


def hostile_plugins(folder):
    plugins = BUILD / "tests" / "plugins"
    state = folder / "hostile"
    truth = rows("traffic", "--state", folder / "state", cwd=folder)
    for name, word in (("segfaulter", "signal 11|SIGSEGV"), ("thrower", "threw|exception|thrown"), ("hanger", "hung|progress|limit"),
                       ("allocator", "memory|allocat|exhausted"), ("exiter", "exit"), ("garbler", "finish returned|rows|length|refused")):
        shutil.rmtree(state, ignore_errors=True)
        (folder / "hostile.yaml").write_text(GOOD.replace("pipeline: bad", "pipeline: hostile") +
                                            f"  victim: {{plugin: {name}, input: {{archive: simulated, where: {{router: [1]}}}}, interval: 15m}}\n")
        done = mole("run", "hostile.yaml", *RANGE, "--state", state, "--plugins", plugins, "--stall-limit", "2s", "--memory", "1G",
                    "--progress=plain", cwd=folder, code=1, timeout=200)
        text = done.stdout + done.stderr
        for expected in (name, "victim", "2007-09-22T", word):
            check(re.search(expected, text), f"{name}: {expected!r} is not in the report: {text[-3000:]}")
        ours = [r for r in rows("hostile/traffic", "--state", state, cwd=folder)]
        check(ours == [r for r in truth if r["interval_start"] < "2007-09-22T06"], f"{name}: the other module finished")
        check(subprocess.run(["pgrep", "-f", f"mole-worker.*{folder}"], capture_output=True).returncode == 1, f"{name}: no worker is left")
        print(f"{name}: only its own attempts fail")
    shutil.rmtree(state, ignore_errors=True)
    for name, word in (("wrong_abi", r"ABI \d"), ("no_symbol", "mole_plugin_entry")):
        (folder / "hostile.yaml").write_text(GOOD.replace("plugin: traffic", f"plugin: {name}"))
        done = mole("run", "hostile.yaml", *RANGE, "--state", state, "--plugins", plugins, cwd=folder, code=4)
        check(f"{name}.so has no {name}.plugin.json" in done.stderr and "mole-describe" in done.stderr, done.stderr[-1500:])
        described = subprocess.run([BUILD / "bin" / "mole-describe", plugins / f"{name}.so"], capture_output=True, text=True)
        check(described.returncode != 0 and re.search(word, described.stderr), f"{name}: {word!r} is not in {described.stderr}")
    swapped = folder / "swapped"  # a library that does not match its sidecar
    swapped.mkdir()
    shutil.copy(plugins / "thrower.plugin.json", swapped)
    shutil.copy(plugins / "wrong_abi.so", swapped / "thrower.so")
    (folder / "hostile.yaml").write_text(GOOD.replace("plugin: traffic", "plugin: thrower"))
    done = mole("run", "hostile.yaml", *RANGE, "--state", state, "--plugins", swapped, cwd=folder, code=(1, 5))
    check("thrower" in done.stderr and "digest" in done.stderr, done.stderr[-1500:])
    print("plugins with a different ABI version or without the symbol are rejected")


def versions(folder):
    """Every installed program prints its name and the same version."""
    programs = sorted(p.name for p in (BUILD / "bin").iterdir() if re.fullmatch(r"mole(-(?!test|bench|wire)\w+)?", p.name))
    check({"mole", "mole-coordinator", "mole-node", "mole-worker", "mole-seal", "mole-launch", "mole-describe"} <= set(programs), f"{programs}")
    commands = [(program,) for program in programs] + [("mole-worker", "--run"), ("mole-worker", "--flows")]
    found = set()
    for program, *mode in commands:
        done = subprocess.run([BUILD / "bin" / program, *mode, "--version"], cwd=folder, capture_output=True, text=True)
        check(done.returncode == 0 and done.stderr == "", f"{program} {mode} --version: {done.returncode} {done.stderr}")
        name, version = done.stdout.split()
        check(name == program and re.fullmatch(r"\d+\.\d+\.\d+\S*", version), f"{program} prints {done.stdout!r}")
        found.add(version)
    check(len(found) == 1, f"{found}")
    print(f"{len(commands)} commands print the version")


def output_that_cannot_be_written(folder):
    """Every command of every program reports a full disk, and is quiet if its reader closes the pipe."""
    (folder / "bad.yaml").write_text(GOOD)
    state = ("--state", folder / "state")
    job = "bad/traffic@2007-09-22T00:00:00Z"
    commands = [("--help",), ("run", "--help"), ("--version",), ("--reference",), ("status", *state), ("plan", "bad.yaml", *RANGE, *state),
                ("state", "dump", "requests", *state), ("archive", "ls", "bad/simulated", *state), ("archive", "gaps", "bad/simulated", *state),
                ("request", "list", *state), ("manifest", "validate", "bad.yaml"), ("manifest", "graph", "bad.yaml"), ("plugin", "list"),
                ("plugin", "inspect", "traffic"), ("plot", "traffic", "bytes", *state), ("why", "traffic", "bytes", "2007-09-22T01", *state),
                ("explain", job, *state), ("results", "traffic", *state), ("results", "traffic", "--format", "json", *state),
                ("results", "traffic", "-o", "/dev/full", *state), ("plot", "traffic", "bytes", "-o", "/dev/full", *state)]
    programs = [("mole", *command) for command in commands]
    programs += [(program, option) for option in ("--help", "--version")
                 for program in ("mole-coordinator", "mole-node", "mole-worker", "mole-seal", "mole-describe")]
    for program, *arguments in programs:
        command = [str(BUILD / "bin" / program), *map(str, arguments)]
        with open("/dev/full", "w") as full:
            done = subprocess.run(command, cwd=folder, stdout=full, stderr=subprocess.PIPE, text=True)
        check(done.returncode == 1 and "No space left on device" in done.stderr, f"{command}: {done.returncode} {done.stderr}")
        if "-o" in arguments:
            continue
        closed = subprocess.run(f"({subprocess.list2cmdline(command)}; echo $? >code) | true", shell=True, cwd=folder, stderr=subprocess.PIPE, text=True)
        check(closed.stderr == "", f"{command}: {closed.stderr}")
    print(f"{len(programs)} commands report an output that cannot be written")


def output_files(folder):
    state = ("--state", folder / "state")
    plain = mole("results", "traffic", "--format", "csv", *state).stdout
    for name, read in (("rows.csv", str), ("rows.csv.gz", None), ("rows.json", json.loads), ("rows.ndjson", str), ("rows.tsv", str)):
        mole("results", "traffic", "-o", folder / name, *state)
        content = gzip.decompress((folder / name).read_bytes()).decode() if name.endswith("gz") else (folder / name).read_text()
        check(content == plain if ".csv" in name else read(content), f"{name} differs from the rows as csv")
    check(len(json.loads((folder / "rows.json").read_text())) == len(plain.splitlines()) - 1, "rows.json is a list of all rows")
    check((folder / "rows.tsv").read_text() == plain.replace(",", "\t"), "rows.tsv has the rows as csv")
    for command in (("results", "traffic"), ("plot", "traffic", "bytes")):
        missing_folder = mole(*command, "-o", folder / "absent" / "a.svg" if command[0] == "plot" else folder / "absent" / "a.csv", *state, code=4)
        check("does not exist; create it" in missing_folder.stderr, missing_folder.stderr)
        for name in ("rows.xlsx", "rows.docx", "rows.csv.zst"):
            done = mole(*command, "-o", folder / name, *state, code=2)
            check("use" in done.stderr and not (folder / name).exists(), done.stderr)
    if shutil.which("rsvg-convert"):
        for name, start in (("figure.png", b"\x89PNG"), ("figure.pdf", b"%PDF")):
            mole("plot", "traffic", "bytes", "-o", folder / name, *state)
            check((folder / name).read_bytes().startswith(start), f"{name} is not what its name says")
    without = mole("plot", "traffic", "bytes", "-o", folder / "other.png", *state, env={"PATH": str(folder)}, code=5)
    check("librsvg2-bin" in without.stderr and not (folder / "other.png").exists(), without.stderr)
    print("files are what their names say")


def empty_ranges(folder):
    for text in ("2007-09-22/P0D", "2007-09-22/0s", "2007-09-22/P106751991D", "2007-09-22/2007-09-22", "2007-09-23/2007-09-22", "2007-09-22/P-1D",
                 "2007-09-22/18446744073709551616s", "@9223372036854775807/1h", "2007-09-22/", "2007-09-31/P1D"):
        for command in (("results", "traffic"), ("run", "bad.yaml"), ("plan", "bad.yaml")):
            done = mole(*command, text, "--state", folder / "state", cwd=folder, code=2)
            check(not done.stdout, f"{command} {text} prints nothing")
    print("empty and overflowing ranges are refused")


with TemporaryFolder("bad") as folder:
    manifests(folder)
    archives(folder)
    waits_for_the_archive(folder)
    stores(folder)
    empty_ranges(folder)
    output_files(folder)
    versions(folder)
    output_that_cannot_be_written(folder)
    full_disk(folder)
    hostile_plugins(folder)
