#!/usr/bin/env python3
"""mole flows reads the files in tar archives: the same flows as from the files themselves, and all that precede damage."""
import bz2
import gzip
import io
import lzma
import tarfile

from flow_files import Exporter
from system import TemporaryFolder, check, mole, mole_json

START = 1190484000


def packed(files, format=tarfile.GNU_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as tar:
        folder = tarfile.TarInfo("flows")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        link = tarfile.TarInfo("flows/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


with TemporaryFolder("flow-tar") as folder:
    exporter = Exporter("r", START, START + 4 * 3600)
    contents = [content for _, content in exporter.files(3600)]
    names = ["flows/a", "flows/b.bz2", f"flows/{'long-' * 60}.gz", "flows/d.xz"]
    files = [(name, {"bz2": bz2.compress, "gz": gzip.compress, "xz": lzma.compress}.get(name.rsplit(".", 1)[-1], bytes)(content)) for name, content in zip(names, contents)]
    for name, content in files:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name[:60]).write_bytes(content)
    columns = ("--columns", "*", "--format", "csv")
    expected = mole("flows", *(folder / name[:60] for name in names), *columns).stdout
    check(expected.count("\n") > 500, "a test of nothing")

    def write(name, content):
        path = folder / name
        path.write_bytes(content)
        return path

    hidden = [("flows/.nfstat", b"x"), ("flows/._a", b"y")]
    for format in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        shown = [(name.replace("long-" * 60, "long-" * 15) if format == tarfile.USTAR_FORMAT else name, content) for name, content in files]
        plain = packed(hidden + shown, format)
        for name, content in (("a.tar", plain), ("a.tar.gz", gzip.compress(plain)), ("a.tbz2", bz2.compress(plain)), ("a.txz", lzma.compress(plain))):
            path = write(name, content)
            check(mole("flows", path, *columns).stdout == expected, f"{name} in format {format}")
            found = mole_json("flows", path, "--summary")
            check([f["file"] for f in found["files"]] == [f"{path}/{member}" for member, _ in shown], found["files"])
            check([f["compression"] for f in found["files"]] == ["none", "bzip2", "gzip", "xz"] and found["total"]["states"] == {"sound": 4}, found["total"])
    counted = mole("flows", path, "--format", "none").stderr.splitlines()
    check(len(counted) == 5 and counted[-1] == f"mole flows: 4 files: {expected.count(chr(10)) - 1} flows", counted)
    selected = mole("flows", path, path, "--filter", "src port 1", "--format", "none").stderr.splitlines()[-1]
    check(selected.startswith("mole flows: 8 files: ") and selected.endswith(" flows pass the filter"), selected)

    every = mole("flows", path, "--columns", "bytes,*,dnsName,src_addr", "--format", "csv").stdout.splitlines()[0].split(",")
    check(every[:2] == ["bytes", "start"] and every[-1] == "dnsName" and every.count("bytes") == every.count("src_addr") == 1, f"* with other columns: {every}")
    refused = mole("flows", path, "--columns", "acmeThing", code=2).stderr
    check(refused.startswith("mole flows: ") and "mole-worker" not in refused, refused)

    # Damage: what precedes it is read, and the rest is not silently missing.
    plain = packed(files)
    third = plain.index(b"\x1f\x8b") - 512  # the header of the third file
    first_two = mole("flows", *(folder / name[:60] for name in names[:2]), *columns).stdout
    for name, content in (("cut.tar", plain[:third + 600]), ("header.tar", plain[:third + 20] + b"\xff" + plain[third + 21:]),
                          ("size.tar", plain[:third + 124] + b"77777777777" + plain[third + 135:]), ("cut.tar.gz", gzip.compress(plain)[:-2000])):
        path = write(name, content)
        result = mole("flows", path, *columns, code=1)
        check(result.stdout == first_two or name == "cut.tar.gz", f"{name}: {len(result.stdout)} instead of {len(first_two)} characters: {result.stderr}")
        check("tar archive; the files after it are not read" in result.stderr, f"{name}: {result.stderr}")
        check(mole_json("flows", path, "--summary", code=1)["total"]["not_read"] == 1, f"{name}: the summary has an error")
    nothing = write("nothing.tar", packed([("readme", b"not flows" * 100)] + files[:1]))
    result = mole("flows", nothing, *columns, code=1)
    check(f"{nothing}/readme is unreadable" in result.stderr and result.stdout.count("\n") > 100, result.stderr)
    too_large = mole("flows", write("a.tar", plain), "--max-content", "1KiB", "--format", "none", code=1).stderr
    check("raise --max-content" in too_large, too_large)
print("files in tar archives are read as files")
