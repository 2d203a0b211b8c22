#!/usr/bin/env python3
"""Checks that links and paths in documentation exist, comments refer to existing pages of docs/, and every decision is listed."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = "sdk|runtime|plugins|coordinator|nodes|cli|examples|tests|docs"
LINK = re.compile(r"\]\(([^)\s]+)\)")
PAGE = re.compile(r"\bdocs/(?:decisions|formats|guide|metrics)/[0-9a-z_-]+(?:\.md)?")
CODE_PATH = re.compile(rf"`((?:{FOLDERS})/[A-Za-z0-9_./-]+)`")


def anchors(page):
    """Yields the anchors of a page's headings, as GitHub generates them."""
    for heading in re.findall(r"^#+ (.*)$", page.read_text(), re.M):
        yield re.sub(r"[^a-z0-9_ -]", "", heading.lower()).replace(" ", "-")


def exists(path):
    """Checks for a file or folder. Extensions (`runtime/metric/window`) and titles of decisions (`docs/decisions/0044`) may be omitted."""
    return path.exists() or any(path.parent.glob(path.name + ".*")) or any(path.parent.glob(path.name + "-*.md"))


def broken_links(file, line):
    for target in LINK.findall(line):
        path, _, anchor = target.partition("#")
        if path.startswith(("http:", "https:")):
            continue
        page = (file.parent / path).resolve() if path else file
        if not page.exists():
            yield target
        elif anchor and anchor not in anchors(page):
            yield target


def broken(file):
    markdown = file.suffix == ".md"
    for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
        found = [p for p in PAGE.findall(line) if not exists(ROOT / p)]
        if markdown:
            found += broken_links(file, line)
            found += [p for p in CODE_PATH.findall(line) if not exists(ROOT / p)]
        for path in sorted(set(found)):
            yield f"{file.relative_to(ROOT)}:{number}: {path} does not exist"


def unlisted_decisions():
    """Yields the decisions that docs/decisions/README.md does not list with their title."""
    folder = ROOT / "docs/decisions"
    index = (folder / "README.md").read_text()
    for page in sorted(folder.glob("[0-9]*.md")):
        number, title = re.match(r"# (\d{4}): (.*)", page.read_text()).groups()
        if f"- [{number}]({page.name}) {title}\n" not in index:
            yield f"docs/decisions/README.md: add the line: - [{number}]({page.name}) {title}"


files = subprocess.run(["git", "-C", ROOT, "ls-files"], capture_output=True, text=True, check=False).stdout.split("\n")
problems = [problem for name in filter(None, files) for problem in
            (broken(ROOT / name) if (ROOT / name).is_file() and not name.endswith((".bz2", ".so", ".png")) else ())]
problems += unlisted_decisions()
print("\n".join(problems) or "all links and paths exist")
sys.exit(1 if problems else 0)
