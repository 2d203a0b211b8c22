#!/usr/bin/env python3
"""build_steps.py FOLDER [TARGET...]: builds into FOLDER, without ccache, and prints the CPU time of the slowest steps.

CPU time depends little on the load of the machine. The times are stored in FOLDER/steps.tsv. If everything is up to date, nothing is
built and the stored times are printed again. docs/build_time.md quotes them.

The build calls build_steps.py --time FILE COMMAND... as the launcher of compilers and linkers: it runs the command and appends its CPU
seconds and its output file to FILE.
"""
import collections
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHOWN = 15


def time_step(log, command):
    pid = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    output = command[command.index("-o") + 1] if "-o" in command else command[-1]
    with open(log, "a", encoding="utf-8") as file:
        file.write(f"{usage.ru_utime + usage.ru_stime:.2f}\t{output}\n")
    return os.waitstatus_to_exitcode(status)


def build(folder, targets):
    launcher = f"{sys.executable};{__file__};--time;{folder / 'steps.tsv'}"
    options = [f"-DCMAKE_{language}_{step}_LAUNCHER={launcher}" for language in ("C", "CXX") for step in ("COMPILER", "LINKER")]
    subprocess.run(["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", *options], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", folder, *targets], check=True, stdout=subprocess.DEVNULL)


def part_of(output):
    """Returns the part of the build to which a step belongs."""
    if output.startswith("tests/") or "/test_" in output or "test_headers" in output:
        return "tests"
    return output.split("/")[0] if output.endswith((".o", ".gch")) else "links"


def show(log):
    seconds = {}  # the last time of each step
    for line in log.read_text().splitlines():
        time, output = line.split("\t")
        seconds[output] = float(time)
    sums = collections.Counter()
    for output, time in seconds.items():
        sums[part_of(output)] += time
    print(f"{sum(seconds.values()):8.1f} s in {len(seconds)} steps: " + ", ".join(f"{name} {time:.0f}" for name, time in sums.most_common()))
    for output, time in sorted(seconds.items(), key=lambda step: -step[1])[:SHOWN]:
        print(f"{time:8.1f} s  {output}")


if __name__ == "__main__":
    if sys.argv[1] == "--time":
        sys.exit(time_step(sys.argv[2], sys.argv[3:]))
    build_folder = pathlib.Path(sys.argv[1]).resolve()
    build(build_folder, sys.argv[2:])
    show(build_folder / "steps.tsv")
