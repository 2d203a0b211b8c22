#!/usr/bin/env python3
"""Compares the page docs/guide/summaries.md with what mole flows --summary prints of the real captures, which are not shipped.

  summaries_page.py [--write]    # --write: writes the page instead"""
import difflib
import sys

from system import DATA, ROOT, check, mole, mole_json, require_captures

PAGE = ROOT / "docs/guide/summaries.md"
FOLDERS = {
    "archive": "Hourly files of NetFlow v5 of two routers, some of them damaged, and five files that describe them",
    "netflow5": "Single datagrams and a capture of NetFlow v5",
    "netflow9": "NetFlow v9 of many exporters. Files of data whose templates are in a different file contain no flows on their own",
    "ipfix": "IPFIX messages and captures of many exporters",
    "ipfix_files": "IPFIX files with data of single observation domains, and with wrong lengths",
    "yaf": "Files of YAF with application labels and contents of DNS messages",
    "nfcapd": "Files of nfdump 1.7 in several compressions",
}
HEAD = """# Summaries of real files

What `mole flows FOLDER --summary` prints of all files together, for folders of files from real exporters. The lines are explained in
[Looking into flow files](flows.md). The files are not shipped. `tests/system/summaries_page.py` writes this page and checks it.
"""


def totals(folder):
    """The part for all files together, which follows the last empty line."""
    return mole("flows", folder, "--summary", cwd=DATA, code=(0, 1, 3)).stdout.rstrip().rsplit("\n\n", 1)[-1]


require_captures()
page = HEAD
for folder, about in FOLDERS.items():
    printed = totals(folder)
    total = mole_json("flows", folder, "--summary", cwd=DATA, code=(0, 1, 3))["total"]
    check(printed.startswith(f"{total['files']} file") and (total["flows"] == 0 or f"{total['flows']:,}" in printed), f"{folder}: {printed}")
    check(total["files"] == sum(path.is_file() for path in (DATA / folder).rglob("*")), f"{folder}: {total['files']} files")
    page += f"\n## {folder}\n\n{about}.\n\n```\n$ mole flows {folder} --summary\n{printed}\n```\n"
if "--write" in sys.argv[1:]:
    PAGE.write_text(page)
written = PAGE.read_text()
check(written == page, "docs/guide/summaries.md is out of date; write it with tests/system/summaries_page.py --write:\n" +
      "".join(difflib.unified_diff(written.splitlines(True), page.splitlines(True), "docs/guide/summaries.md", "printed")))
print(f"the summaries of {len(FOLDERS)} folders are those of the page")
