#!/usr/bin/env python3
"""Checks that no file contains unfinished work, absolute home paths, registry hosts or phrases that are not plain English."""
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
# Phrases for which there is a plain expression (CONTRIBUTING.md, "Language").
PHRASES = [
    r"in vain", r"afresh", r"anew", r"in (its|their|the \w+'?s?) stead", r"by and by", r"all the same", r"vouch\w*", r"hopeless\w*", r"aftermath\w*",
    r"errands?", r"mend(s|ed|ing)?", r"nobody's", r"goes its way", r"(?<!there )(is|are) no (dimension|job|cursor|number|plugin|column|failure|name)",
    r"stands? in no", r"(is|are|was|were|be) told", r"told (the|by|apart|alike)", r"who(ever)? asks",
]
EXEMPT = {"tests/house/words.py"}
BANNED = re.compile(r"\b(" + "|".join(PHRASES) + r")\b", re.IGNORECASE)


def findings(name, line):
    yield from (why for rule, why in RULES if rule.search(line))
    if name not in EXEMPT:
        yield from (f"'{match.group(0)}' is not plain English" for match in BANNED.finditer(line))


files = subprocess.run(["git", "-C", ROOT, "ls-files"], capture_output=True, text=True, check=False).stdout.split("\n")
found = []
for name in filter(None, files):
    path = ROOT / name
    if path.suffix in (".bz2", ".so", ".png") or not path.is_file():
        continue
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        found += [f"{name}:{number}: {why}: {line.strip()[:120]}" for why in findings(name, line)]
print("\n".join(found) or "no forbidden words")
sys.exit(1 if found else 0)
