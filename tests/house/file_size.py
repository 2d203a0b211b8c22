#!/usr/bin/env python3
"""Checks that no C++ file outside the tests has more than MAX_LINES lines (CONTRIBUTING.md, "Structure")."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAX_LINES = 400

files = subprocess.run(["git", "-C", ROOT, "ls-files", "*.cpp", "*.hpp", "*.h"], capture_output=True, text=True, check=False).stdout.split()
found = []
for name in files:
    path = ROOT / name
    if name.startswith("tests/") or name.endswith("_test.cpp") or not path.is_file():
        continue
    lines = path.read_text(errors="replace").count("\n")
    if lines > MAX_LINES:
        found.append(f"{name}: {lines} lines; split it by subject")
print("\n".join(found) or f"no file has more than {MAX_LINES} lines")
sys.exit(1 if found else 0)
