#!/usr/bin/env python3
"""Files whose content is not what their name says, whose first bytes are damaged, or that changed unnoticed: run, archive gaps, archive verify and
flows state the same. A simulated day gives the same rows in every compression, and files written by other programs are read, also damaged ones."""
import bz2
import gzip
import lzma
import os
import shutil
import struct
import subprocess
import zlib

from system import TemporaryFolder, check, mole, mole_json, rows

HOUR = 1190487600 - 1190487600 % 7200
MANIFEST = """
pipeline: content
archives:
  a:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat.bz2"
    covers: 1h
    block: {length: 2h, origin: 00:00}
modules:
  traffic: {plugin: traffic, input: {archive: a}, interval: 1h, by: [router]}
"""


def hour(number):
    """300 flows of one second each, in 60 datagrams."""
    out = b""
    for i in range(60):
        seconds = HOUR + 3600 * number + 60 * i + 2
        uptime = (86_400 + seconds - HOUR) * 1000
        out += struct.pack(">HHIIIIHH", 5, 5, uptime, seconds, 0, 300 * number + 5 * i, 0, 0)
        for k in range(5):
            out += struct.pack(">IIIHHIIIIHHBBBBHHBBH", 0x0a000001 + k, 0xc0000201, 0, 1, 2, 1, 1000, uptime - 1500, uptime - 500, 1024, 80, 0, 16, 6, 0, 0, 0, 24,
                               24, 0)
    return out


def flip(data, at, count=1):
    return data[:at] + bytes(b ^ 1 for b in data[at:at + count]) + data[at + count:]


def damaged(document):
    """The reasons of archive gaps and verify, by file."""
    return {file["id"].rsplit("/", 1)[-1]: [r["reason"] for r in file.get("lost_compressed", []) + file.get("lost_content", [])] for file in document["damaged"]}


# The programs and Python modules that write and read a compression, by the name of --compress. Programs are used if they are installed.
def program(*command):
    def run(data):
        return subprocess.run(command, input=data, capture_output=True, check=True).stdout
    return run if shutil.which(command[0]) else None


def lzip(data):
    """An lzip member, from the data of an .lzma file with the same properties and a dictionary of 8 MiB."""
    raw = lzma.compress(data, lzma.FORMAT_ALONE, filters=[{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 23}])[13:]
    return b"LZIP\x01\x17" + raw + struct.pack("<IQQ", zlib.crc32(data), len(data), 6 + len(raw) + 20)


READERS = {"none": [bytes], "bz2": [bz2.decompress], "gz": [gzip.decompress, program("gzip", "-dc")], "xz": [lzma.decompress, program("xz", "-dc")],
           "zstd": [program("zstd", "-dcq")], "lz4": [program("lz4", "-dcq")]}
WRITERS = {"gzip": [gzip.compress, lambda d: gzip.compress(d, 1), program("gzip", "-9c")],
           "xz": [lzma.compress, program("xz", "-1c"), program("xz", "-0c", "--block-size=20000", "--check=sha256"), program("xz", "-c", "-T2", "--check=none")],
           "lzma": [lambda d: lzma.compress(d, lzma.FORMAT_ALONE), program("xz", "-c", "--format=lzma")],
           "lzip": [lzip, program("lzip", "-c")],
           "zstd": [program("zstd", "-cq"), program("zstd", "-19cq", "--no-check"), program("zstd", "-cq", "--long=27"), program("pzstd", "-cq", "-p2")],
           "lz4": [program("lz4", "-cq"), program("lz4", "-9cq", "-B4", "-BD"), program("lz4", "-cq", "-BX", "--content-size"), program("lz4", "-cq", "--no-frame-crc")]}
ENDINGS = {"none": "", "bz2": ".bz2", "gz": ".gz", "xz": ".xz", "zstd": ".zst", "lz4": ".lz4"}


def simulated_day():
    """The same day in every compression: the same content for other programs, and the same rows."""
    with TemporaryFolder("compressions") as folder:
        contents, results = {}, {}
        for name, ending in ENDINGS.items():
            place = folder / name
            mole("archive", "simulate", place / "archive", "--seed", "5", "--from", "2007-09-24", "--to", "2007-09-25", "--routers", "1,2", "--flows-per-hour", "300",
                 "--loss", "0.01", "--gap", "1@2007-09-24T05", "--damage", "2@2007-09-24T07:cut", "--compress", name)
            files = {p.name.removesuffix(ending): p.read_bytes() for p in (place / "archive").glob(f"*.dat{ending}")}
            check(len(files) == 47, f"{name}: {sorted(files)}")
            for read in filter(None, READERS[name]):
                contents[name] = {file: read(data) for file, data in files.items()}
                check(contents[name] == contents["none"], f"{name}: its content differs")
            manifest = MANIFEST.replace("pipeline: content", f"pipeline: day{name}").replace(".dat.bz2", f".dat{ending}").replace("length: 2h", "length: 12h")
            (place / "m.yaml").write_text(manifest)
            mole("run", "m.yaml", "--from", "2007-09-24", "--to", "2007-09-25", "--partial", cwd=place, code=3)
            results[name] = rows("traffic", cwd=place)
            check(len(results[name]) == 48 and results[name] == results["none"], f"{name}: its rows differ from those of files that are not compressed")
        refused = mole("archive", "simulate", folder / "zst", "--from", "2007-09-24", "--to", "2007-09-25", "--routers", "1", "--compress", "zip", code=2)
        check("zstd" in refused.stderr, refused.stderr)


def files_of_other_programs():
    """Whole, in parts, truncated, and with other bytes between the parts."""
    with TemporaryFolder("programs") as folder:
        one, two = hour(0), hour(1)

        def read(data, code=0):
            path = folder / "file"
            path.write_bytes(data)
            done = mole("flows", path, "--format", "csv", "--columns", "start,src_port,dst_port,bytes", code=code)
            return done.stdout.splitlines()[1:], done.stderr

        expected, twice = read(one)[0], read(one + two)[0]
        check(len(expected) == 300 and len(twice) == 600, "the plain file")
        for name, writers in WRITERS.items():
            for number, write in enumerate(writers):
                if write is None:
                    continue
                what = f"{name}, writer {number}"
                data = write(one)
                check(read(data)[0] == expected, what)
                flows, told = read(data[:len(data) * 6 // 10], code=(1, 3))
                check(flows == expected[:len(flows)] and len(flows) < 300 and "truncated" in told, f"{what}, truncated: {len(flows)} flows, {told}")
                check(read(data + bytes(512))[0] == expected, f"{what}, padded")
                flows, told = read(data + b"x" * 1000, code=3)
                check(flows == expected and "bytes after the end" in told and f"{len(data)}-{len(data) + 1000}" in told, f"{what}, other bytes: {told}")
                if name == "lzma":
                    continue
                check(read(data + write(two))[0] == twice, f"{what}, concatenated")
                skippable = 12 if data.startswith(b"\x50\x2a\x4d\x18") else 0  # the frame before a frame of pzstd
                flows, told = read(data + b"x" * 1000 + write(two), code=3)
                check(flows == twice and f"{len(data)}-{len(data) + 1000 + skippable}" in told, f"{what}, other bytes between: {len(flows)} flows, {told}")
                flows, told = read(data[:len(data) // 2] + write(two), code=3)
                check(flows[-300:] == twice[-300:] and f"-{len(data) // 2 + skippable}:" in told, f"{what}, the first part is cut off: {len(flows)} flows, {told}")


def main():
    simulated_day()
    files_of_other_programs()
    with TemporaryFolder("content") as folder:
        (folder / "archive").mkdir()
        (folder / "m.yaml").write_text(MANIFEST)
        path = {n: folder / "archive" / f"1_{n + 1}_{HOUR + 3600 * n}.dat.bz2" for n in range(6)}
        path[0].write_bytes(flip(bz2.compress(hour(0)), 0))
        path[1].write_bytes(bz2.compress(hour(1)))
        path[2].write_bytes(gzip.compress(hour(2)))
        path[3].write_bytes(hour(3))
        path[4].write_bytes(bz2.compress(gzip.compress(hour(4))))
        path[5].write_bytes(bz2.compress(hour(5)))

        mole("run", "m.yaml", "--from", f"@{HOUR}", "--to", f"@{HOUR + 6 * 3600}", "--partial", cwd=folder, code=3)
        found = rows("traffic", cwd=folder)
        check([int(row["flows"]) for row in found] == [300, 300, 300, 300, 0, 300], f"flows by hour: {found}")
        check([float(row["coverage"]) > 0.5 for row in found] == [True, True, True, True, False, True], f"coverage by hour: {found}")
        gaps = damaged(mole_json("archive", "gaps", "m.yaml", cwd=folder))
        check(set(gaps) == {path[n].name for n in (0, 4)}, f"damaged: {gaps}")
        check("header" in gaps[path[0].name][0] and "compressed with gzip again" in gaps[path[4].name][0], f"reasons: {gaps}")
        verified = damaged(mole_json("archive", "verify", "m.yaml", cwd=folder, code=3))
        check(verified == gaps, f"verify: {verified}, gaps: {gaps}")
        for n in (0, 4):
            printed = mole("flows", path[n], "--format", "none", code=(1, 3)).stderr
            check(gaps[path[n].name][0] in printed, f"flows: {printed}")

        # Size and modification time stay as they were.
        for n, at in ((1, 700), (3, 24 + 40)):
            times = path[n].stat()
            path[n].write_bytes(flip(path[n].read_bytes(), at, 16))
            os.utime(path[n], ns=(times.st_atime_ns, times.st_mtime_ns))
        done = mole("archive", "verify", "m.yaml", cwd=folder, code=3)
        check("2 files have a different content" in done.stderr, f"verify: {done.stderr}")
        check(path[1].name in done.stdout, f"verify: {done.stdout}")
        mole("run", "m.yaml", "--from", f"@{HOUR}", "--to", f"@{HOUR + 6 * 3600}", "--partial", cwd=folder, code=3)
        found = rows("traffic", cwd=folder)
        check([int(row["flows"]) for row in found] == [300, 0, 300, 300, 0, 300], f"flows by hour: {found}")

        # A limit of the content that is too low is stated with its remedy; a higher one changes the result.
        limited = (folder / "m.yaml").read_text().replace("pipeline: content", "pipeline: limited").replace("    covers:", "    max_content: 10000\n    covers:")
        (folder / "limited.yaml").write_text(limited)
        mole("run", "limited.yaml", "--from", f"@{HOUR + 4 * 3600}", "--to", f"@{HOUR + 6 * 3600}", "--partial", cwd=folder, code=3)
        text = mole("archive", "gaps", "limited.yaml", cwd=folder).stdout
        check("exceeds 10000 bytes" in text and "raise max_content" in text, f"gaps: {text}")
        mole("run", "limited.yaml", "--from", f"@{HOUR + 5 * 3600}", "--to", f"@{HOUR + 6 * 3600}", "--set", "archives.a.max_content=1MiB", "--partial", cwd=folder, code=(0, 3))
        mole("flows", path[5], "--format", "none", "--max-content", "10000", code=1)
        mole("flows", path[5], "--format", "none", "--max-content", "1MiB")


if __name__ == "__main__":
    main()
