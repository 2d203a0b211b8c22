#!/usr/bin/env python3
"""Runs the commands of documentation pages as a reader would type them, in the order of the pages given.

  documented_commands.py README.md docs/guide/first_measurement.md ...

`sh` blocks of a page are one bash script, started in a folder that looks like a built checkout, with a home folder shared by all
pages. A command may end with 3 (incomplete coverage) only where the text expects it, and `archive check` where something is found. Then `sql` blocks are run, complete
manifests are validated, and the plots shown on the page are compared with those that its commands draw.
"""
import os
import re
import subprocess
import sys

from system import BUILD, MOLE, ROOT, TemporaryFolder, check, query

PRELUDE = r"""
set -uE
report() {  # CODE COMMAND LINE
  case "$1 $2" in
    "3 mole archive check"*) ;;
    "3 mole run"* | "3 mole --coordinator"*" request submit"*) echo "incomplete: $2" >>"$INCOMPLETE" ;;
    *) echo "line $3 exited with $1: $2" >&2; exit 1 ;;
  esac
}
trap 'report $? "$BASH_COMMAND" $LINENO' ERR
trap 'jobs -p | xargs -r kill 2>/dev/null || true' EXIT
"""


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def runnable(command):
    """./dev installs packages and builds: here only the demo and the storm are run, with the programs that are built. `./dev test` runs this
    script."""
    return (command.replace("./dev demo ", "./dev demo --no-build ").replace("./dev test ", "# ./dev test ")
            .replace("./dev storm ", "python3 tests/storm/storm.py "))


def checkout(folder):
    """Creates a folder that looks like a source tree with its build in `build`."""
    folder.mkdir()
    for entry in ROOT.iterdir():
        if entry.name != "build" and not entry.name.startswith("."):
            (folder / entry.name).symlink_to(entry)
    (folder / "build").symlink_to(BUILD)
    return folder


def check_plots(page, text, folder):
    for image in re.findall(r"!\[[^\]]*\]\(([^)]*\.svg)\)", text):
        shown = (ROOT / page).parent / image
        drawn = [f for f in folder.rglob(shown.name) if not f.is_relative_to(folder / "checkout")]
        check(any(f.read_bytes() == shown.read_bytes() for f in drawn), f"{page}: {image} differs from {drawn}; copy the new plot to the documentation")


def run_page(page, folder, source):
    text = (ROOT / page).read_text()
    environment = {**os.environ, "HOME": str(folder), "PATH": f"{BUILD / 'bin'}:{os.environ['PATH']}", "MOLE_BUILD": str(BUILD),
                   "MOLE_DEMO": str(folder / "demo"), "INCOMPLETE": str(folder / "incomplete")}
    script = PRELUDE + runnable("\n".join(blocks(text, "sh"))) + "\nexit 0"
    done = subprocess.run(["bash", "-c", script], cwd=source, env=environment, capture_output=True, text=True, timeout=560)
    check(done.returncode == 0, f"{page} exited with {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    for statement in blocks(text, "sql"):
        os.chdir(folder / "first")
        check(query(statement), f"{page}: no rows from {statement}")
    for number, manifest in enumerate(b for b in blocks(text, "yaml") if b.startswith("pipeline:")):
        file = folder / f"manifest_{number}.yaml"
        file.write_text(manifest)
        valid = subprocess.run([str(MOLE), "manifest", "validate", str(file)], capture_output=True, text=True)
        check(valid.returncode == 0, f"{page}: a manifest is not valid\n{valid.stderr}")
    check_plots(page, text, folder)
    print(f"{page}: {len(blocks(text, 'sh'))} blocks of commands")


with TemporaryFolder("docs") as folder:
    source = checkout(folder / "checkout")
    for page in sys.argv[1:]:
        run_page(page, folder, source)
    if any("exits with 3" in (ROOT / page).read_text() for page in sys.argv[1:]):
        check("mole run" in (folder / "incomplete").read_text(), "the pages expect a run with incomplete coverage")
