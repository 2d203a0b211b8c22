#!/usr/bin/env python3
"""Checks that no file contains unfinished work, absolute home paths or registry hosts."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = [
    (re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b"), "unfinished work"),
    (re.compile(r"(^|[^A-Za-z.])/(root|home)/"), "an absolute path of a developer's machine"),
    (re.compile(r"https?://registry"), "the host of a registry"),
    (re.compile(r"GTEST_" r"SKIP"), "a skipped test"),
]

files = subprocess.run(["git", "-C", ROOT, "ls-files"], capture_output=True, text=True, check=False).stdout.split("\n")
found = []
for name in filter(None, files):
    path = ROOT / name
    if path.suffix in (".bz2", ".so", ".png") or not path.is_file():
        continue
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        found += [f"{name}:{number}: {why}: {line.strip()[:120]}" for rule, why in RULES if rule.search(line)]
print("\n".join(found) or "no forbidden words")
sys.exit(1 if found else 0)
