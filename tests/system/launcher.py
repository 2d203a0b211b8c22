#!/usr/bin/env python3
"""Checks what mole-launch promises about the process that it starts: how it ends, what it sees, and that nothing of it is left. Where the
machine refuses a part of the sandbox, the program is not started at all."""
import os
import pathlib
import signal
import subprocess
import sys

from system import BUILD, TemporaryFolder, check, wait_until

READ = [word for path in ("/usr", "/lib", "/lib64", "/bin", "/proc", "/etc/ld.so.cache") for word in ("--read", path)]


def command(*options, script, parent=None):
    return [str(BUILD / "bin" / "mole-launch"), str(parent or os.getpid()), "0", "0", "1024", *map(str, options), "/bin/sh", "-c", script]


def launch(*options, script, cwd):
    return subprocess.run(command(*options, script=script), cwd=cwd, capture_output=True, text=True, timeout=60)


def alive(marker):
    """Whether a process runs whose command line begins with this."""
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").startswith(marker):
                if (entry / "stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX":
                    return True
        except (OSError, IndexError):
            pass
    return False


def ends_as_its_program(folder, *options):
    check(launch(*options, script="exit 7", cwd=folder).returncode == 7, f"the exit code is passed on: {options}")
    check(launch(*options, script="kill -SEGV $$", cwd=folder).returncode == -signal.SIGSEGV, f"the signal is passed on: {options}")
    check(launch(*options, script="echo out; echo err >&2", cwd=folder).stdout == "out\n", f"the output is passed on: {options}")


def possible(folder, *options):
    """Whether the machine has a part; if not, nothing may run without it."""
    done = launch(*options, script="touch ran", cwd=folder)
    ran = (folder / "ran").exists()
    check(ran == (done.returncode == 0), f"{options}: {done}")
    if not ran:
        check("mole-launch: cannot" in done.stderr, f"{options}: {done.stderr}")
        print("this machine refuses", *options[:1])
    (folder / "ran").unlink(missing_ok=True)
    return ran


def namespaces(folder):
    options = ("--namespaces", "--no-network")
    ends_as_its_program(folder, *options)
    # 1 is the launcher, which the program can neither kill nor read
    done = launch(*options, script=f"kill -9 1 $PPID; kill -9 {os.getpid()} || echo none; cat /proc/1/environ; ls /proc | grep -c '^[0-9]'; cat /proc/net/dev",
                  cwd=folder)
    lines = done.stdout.splitlines()
    check(lines[0] == "none" and lines[1] == "4", f"other processes are visible: {done}")
    check([line.split(":")[0].strip() for line in lines if ":" in line] == ["lo"], f"the network is visible: {done.stdout}")

    marker = f"sleep 1234.{os.getpid()}"
    launch(*options, script=f"setsid {marker} & until ps ax | grep -q '[s]leep 1234'; do :; done", cwd=folder)
    check(not alive(marker), "a process in a session of its own is left")
    # The end of the process that started it
    middle = subprocess.Popen([sys.executable, "-c", "import os, subprocess, sys; subprocess.run([sys.argv[1], str(os.getpid()), *sys.argv[3:]])",
                               *command(*options, script=f"setsid {marker} & wait")], cwd=folder)
    wait_until(lambda: alive(marker), "the program to start")
    middle.kill()
    middle.wait()
    wait_until(lambda: not alive(marker), "the program to end with its parent", 10)
    # SIGTERM to the launcher ends all, and it ends after them
    launcher = subprocess.Popen(command(*options, script=f"trap '' TERM; setsid {marker} & wait"), cwd=folder)
    wait_until(lambda: alive(marker), "the program to start")
    launcher.terminate()
    check(launcher.wait(10) == -signal.SIGKILL and not alive(marker), "SIGTERM ends all processes")


def files(folder):
    (folder / "own").mkdir()
    (folder / "other").write_text("as it was")
    options = (*READ, "--write", "/dev/null", "--write", folder / "own")
    done = launch(*options, script="cat other; echo changed > other; rm other; echo new > own/file; cat own/file; ln own/file linked; mv other own/", cwd=folder)
    check(done.stdout == "new\n", f"another file was read: {done}")
    check((folder / "other").read_text() == "as it was" and not (folder / "linked").exists(), f"another file was changed: {done}")


with TemporaryFolder("launcher") as place:
    ends_as_its_program(place)
    if possible(place, "--namespaces"):
        namespaces(place)
    if possible(place, *READ, "--write", place):
        files(place)
    print("the launched programs ended as told and reached nothing else")
