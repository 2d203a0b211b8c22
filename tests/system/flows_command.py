#!/usr/bin/env python3
"""mole flows over folders, with filters, in parallel, as a table, as typed columns and as a summary, compared with values computed here."""
import bz2
import collections
import csv
import io
import ipaddress
import json
import os
import shutil
import random
import subprocess

import arrow_reader
from netflow5_writer import Exporter, datagram, record
from system import MOLE, TemporaryFolder, check, mole, query

START = 1190487600  # 2007-09-22T19:00:00Z
COLUMNS = ["start", "end", "src_addr", "dst_addr", "src_port", "dst_port", "protocol", "packets", "bytes", "tcp_flags", "tos", "src_as", "dst_as",
           "src_mask", "dst_mask", "next_hop", "in_if", "out_if"]
TYPES = {"start": "timestamp[us, UTC]", "end": "timestamp[us, UTC]", "src_port": "uint16", "dst_port": "uint16", "protocol": "uint8", "packets": "uint64",
         "bytes": "uint64", "tcp_flags": "uint16", "tos": "uint8", "src_as": "uint32", "dst_as": "uint32", "src_mask": "uint8", "dst_mask": "uint8",
         "in_if": "uint32", "out_if": "uint32", "src_addr": "utf8", "dst_addr": "utf8", "next_hop": "utf8"}
DUCKDB = {"timestamp[us, UTC]": "TIMESTAMP WITH TIME ZONE", "uint8": "UTINYINT", "uint16": "USMALLINT", "uint32": "UINTEGER", "uint64": "UBIGINT",
          "utf8": "VARCHAR"}
FILTERS = {
    "proto tcp": lambda f: f["protocol"] == 6,
    "proto udp and dst port in [53, 443]": lambda f: f["protocol"] == 17 and f["dst_port"] in (53, 443),
    "not port < 1024 or bytes >= 1k": lambda f: not (f["src_port"] < 1024 or f["dst_port"] < 1024) or f["bytes"] >= 1000,
    "src net 10.1.0.0/16 and packets > 3": lambda f: f["src_addr"].startswith("10.1.") and f["packets"] > 3,
    "proto 200": lambda f: False,
    "any": lambda f: True,
}
numbers = random.Random(11)


def hour(hours, network, flows=400, lost=0):
    """The datagrams of one exporter in one hour, with varied flows."""
    exporter = Exporter(START + hours * 3600, network)
    out = []
    for i in range(flows // 10):
        seconds = exporter.seconds + i * 3600 * 10 // flows + 2
        uptime = (seconds - exporter.boot) * 1000
        records = [record(network + i * 10 + k, uptime - numbers.randrange(60_000), uptime - numbers.randrange(500), dst=numbers.randrange(1 << 32),
                          src_port=numbers.choice([22, 53, 1024, 40000, 65535]), dst_port=numbers.choice([53, 80, 443, 65000]),
                          protocol=numbers.choice([1, 6, 6, 17]), packets=numbers.randrange(1, 9), octets=numbers.randrange(40, 3000),
                          flags=numbers.randrange(256), tos=numbers.randrange(256), src_as=numbers.randrange(1 << 16), dst_as=numbers.randrange(1 << 16),
                          src_mask=numbers.randrange(33), dst_mask=numbers.randrange(33), in_if=numbers.randrange(1 << 16),
                          out_if=numbers.randrange(1 << 16), hop=numbers.randrange(1 << 32)) for k in range(10)]
        records = [r if begin_before_end(r) else r[:24] + r[28:32] + r[28:32] + r[32:] for r in records]
        out.append(datagram(records, seconds, uptime, sequence=exporter.sequence))
        exporter.sequence += 10
        if lost and i == flows // 20:
            exporter.lose(lost)
    return b"".join(out)


def begin_before_end(r):
    return int.from_bytes(r[24:28], "big") <= int.from_bytes(r[28:32], "big")


def make_archive(folder):
    """Returns the files that are read, in the order of a folder."""
    for name in ("2007/09", "2007/10", ".hidden", "empty"):
        (folder / name).mkdir(parents=True)
    contents = {"2007/09/a_0.dat": hour(0, 0x0a000000), "2007/09/a_1.dat": hour(1, 0x0a010000, lost=70), "2007/10/b.dat": hour(2, 0x0a020000, flows=2000),
                "z": hour(3, 0x0a030000, flows=20)}
    for i, (name, content) in enumerate(contents.items()):
        (folder / name).write_bytes(content if i % 2 else bz2.compress(content))
    for name in (".hidden/x", ".y", "2007/09/c.part", "2007/10/b.dat~", "2007/d.tmp"):
        (folder / name).write_bytes(contents["z"])
    return [folder / name for name in sorted(contents)]


def text_of(*arguments, code=0):
    return mole("flows", *arguments, code=code).stdout


def parsed(text):
    flows = list(csv.DictReader(io.StringIO(text)))
    return [{k: v if "addr" in k or k == "next_hop" else int(v) for k, v in flow.items()} for flow in flows]


def flows_of(*arguments, code=0):
    return parsed(text_of(*arguments, "--format", "csv", "--time-format", "epoch_ms", "--columns", ",".join(COLUMNS), code=code))


def check_order(archive, files):
    one_by_one = "".join(text_of(f, "--format", "ndjson") for f in files)
    check(one_by_one.count("\n") == 2820, f"{one_by_one.count(chr(10))} flows")
    for threads in ("1", "2", "3", "16"):
        check(text_of(archive, "--format", "ndjson", "--threads", threads) == one_by_one, f"a folder with {threads} threads equals its files in order")
    reversed_files = "".join(text_of(f, "--format", "ndjson") for f in reversed(files))
    check(text_of(*reversed(files), "--format", "ndjson", "--threads", "4") == reversed_files, "the order of the arguments is kept")
    check(text_of(archive / "2007", files[0], archive / "z", "--format", "csv").count("\n") == 1 + 2800 + 400 + 20, "files and folders may be mixed")


def check_filters(archive, everything):
    for text, passes in FILTERS.items():
        wanted = [f for f in everything if passes(f)]
        check(flows_of(archive, "--filter", text) == wanted, f"--filter '{text}' selects {len(wanted)} flows")
        total = summary(archive, "--filter", text)["total"]
        check((total["flows"], total["flows_read"], total["bytes"]) == (len(wanted), len(everything), sum(f["bytes"] for f in wanted)),
              f"--summary --filter '{text}': {total}")
        out = archive.parent / "filtered.parquet"
        mole("flows", archive, "--filter", text, "-o", out)
        check(query(f"SELECT count(*) FROM '{out}'") == [[str(len(wanted))]], f"exported flows of '{text}'")
    counts = mole("flows", archive, "--filter", "proto udp", "--format", "none").stderr
    udp = sum(f["protocol"] == 17 for f in everything)
    found = [line.split(": ")[-1].split(" of ") for line in counts.splitlines()]
    total = found.pop()  # of all files
    check(sum(int(f[0]) for f in found) == udp == int(total[0]) and len(found) == 4 and all("flows pass the filter" in f[1] for f in found), f"counts of none: {counts}")
    for wrong in ("prto tcp", "router zh", "router in [zh]", "not (proto tcp and router zh)"):
        refused = mole("flows", archive, "--filter", wrong, code=2).stderr
        check("filter" in refused, f"'{wrong}' is refused: {refused}")


def summary(*arguments, code=0):
    return json.loads(mole("flows", *arguments, "--summary", "--json", code=code).stdout)


def milliseconds(time):
    return int(query(f"SELECT epoch_ms(TIMESTAMPTZ '{time}')")[0][0])


def check_summary(archive, files, everything):
    printed = summary(archive)
    check([s["file"] for s in printed["files"]] == [str(f) for f in files], "one summary per file, in order")
    for s, file in zip(printed["files"], files):
        flows = flows_of(file)
        found = [s["flows"], s["flows_read"], s["bytes"], s["packets"], milliseconds(s["first"]), milliseconds(s["last"]), s["flows_ipv6"]]
        wanted = [len(flows), len(flows), sum(f["bytes"] for f in flows), sum(f["packets"] for f in flows), min(f["start"] for f in flows),
                  max(f["end"] for f in flows), 0]
        check(found == wanted, f"{file}: {found}, not {wanted}")
        check((s["decoder"], s["state"], s["flows_lost"], s["exporters"]) == ("netflow5", "sound", 70 if file.name == "a_1.dat" else 0, 1), f"{s}")
        check(s["compression"] == ("bzip2" if file.read_bytes().startswith(b"BZh") else "none") and s["size"] == file.stat().st_size, f"{s}")
        check(s["datagrams"] == len(flows) // 10 and s["content_bytes"] == s["datagrams"] * 24 + len(flows) * 48, f"{s}")
    total = printed["total"]
    check((total["files"], total["flows"], total["flows_lost"], total["bytes"], total["states"], total["formats"]) ==
          (4, len(everything), 70, sum(f["bytes"] for f in everything), {"sound": 4}, {"netflow5": 4}), f"total: {total}")
    check(summary(archive, "--threads", "1") == summary(archive, "--threads", "7") == printed, "equal for every number of threads")
    text = mole("flows", archive, "--summary").stdout
    for words in ("4 files", "lost      70 flows, by sequence numbers", "2,820", "netflow5", "in bzip2", "2007-09-22T19:"):
        check(words in text, f"'{words}' is in the summary:\n{text}")


def check_damage(folder, files):
    """Each file's messages and the exit code are as for one file; the others are printed."""
    damaged, noise, empty = folder / "damaged.dat", folder / "noise", folder / "empty.dat"
    content = bytearray(files[1].read_bytes())
    content[504:528] = bytes(24)  # the header of the second datagram
    damaged.write_bytes(content)
    noise.write_bytes(numbers.randbytes(5000))
    empty.write_bytes(b"")
    for bad, code, state in ((damaged, 3, "damaged"), (noise, 1, "unreadable"), (empty, 1, "unreadable")):
        alone = mole("flows", bad, "--format", "csv", code=code)
        for threads in ("1", "4"):
            among = mole("flows", files[0], bad, files[3], "--format", "csv", "--threads", threads, code=code)
            check(among.stderr == alone.stderr and f"{bad} is {state}" in among.stderr, f"{among.stderr}\n{alone.stderr}")
            lines = [text_of(f, "--format", "csv").split("\n", 1)[1] for f in (files[0], files[3])]
            own = alone.stdout.split("\n", 1)[1]
            check(among.stdout.split("\n", 1)[1] == lines[0] + own + lines[1], f"{bad}: the flows of the others are printed")
        said = summary(files[0], bad, files[3], code=code)
        check(said["files"][1]["state"] == state and said["total"]["states"] == {"sound": 2, state: 1}, f"{said['total']}")
        check(said["files"][1]["lost_content"] or said["files"][1]["lost_compressed"], f"{bad}: the damage is in the summary")
        printed = mole("flows", files[0], bad, "--summary", code=code).stderr
        check((f"mole flows: {bad} is unreadable: 0 flows read" in printed) == (code == 1), f"exit code {code} is explained on stderr: {printed}")
    both = mole("flows", damaged, noise, "--format", "none", code=1).stderr
    check(both.index("damaged.dat is damaged") < both.index("noise is unreadable"), f"messages are in order: {both}")


def check_types(folder, files, everything):
    """Exported columns have their own types and descriptions: read by DuckDB, and in Arrow by arrow_reader.py."""
    names = ",".join(COLUMNS)
    parquet, arrow = folder / "types.parquet", folder / "types.arrow"
    mole("flows", *files, "--columns", names, "-o", parquet)
    described = dict(query(f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM '{parquet}')"))
    check(described == {c: DUCKDB[TYPES[c]] for c in COLUMNS}, f"types in Parquet: {described}")
    notes = query(f"SELECT hex(value) FROM parquet_kv_metadata('{parquet}') WHERE decode(key) = 'mole.columns'")[0][0]
    elements = {c["name"]: (c["unit"], c.get("ipfix_element")) for c in json.loads(bytes.fromhex(notes))}
    check(elements["bytes"] == ("B", "octetDeltaCount") and elements["src_port"] == ("", "sourceTransportPort") and
          elements["packets"] == ("packet", "packetDeltaCount") and elements["start"] == ("", "flowStartMilliseconds"), f"{elements}")

    mole("flows", *files, "--columns", names, "-o", arrow)
    schema, columns = arrow_reader.read(arrow.read_bytes())
    check({c: kind for c, (kind, _) in schema.items()} == TYPES, f"types in Arrow: {schema}")
    check({c: (n["unit"], n.get("ipfix_element")) for c, (_, n) in schema.items()} == elements, f"field metadata: {schema}")
    for c in COLUMNS:
        if TYPES[c] != "utf8":
            scale = 1000 if c in ("start", "end") else 1
            values = [int.from_bytes(v, "little") // scale for v in columns[c]]
            check(values == [f[c] for f in everything], f"{c}: {values[:5]}")

    mole("flows", *files, "--columns", names, "--address-format", "bytes", "-o", parquet)
    described = dict(query(f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM '{parquet}')"))
    check({described[c] for c in ("src_addr", "dst_addr", "next_hop")} == {"BLOB"}, f"addresses in Parquet: {described}")
    mapped = [b"\0" * 10 + b"\xff\xff" + ipaddress.ip_address(f["dst_addr"]).packed for f in everything]
    blobs = query(f"SELECT hex(dst_addr) FROM '{parquet}'")
    check([bytes.fromhex(b[0]) for b in blobs] == mapped, f"addresses as bytes: {blobs[:3]}")
    mole("flows", *files, "--columns", names, "--address-format", "bytes", "-o", arrow)
    schema, columns = arrow_reader.read(arrow.read_bytes())
    check(schema["dst_addr"][0] == "fixed_size_binary[16]" and columns["dst_addr"] == mapped, f"{schema['dst_addr']}")
    for wrong in (("--address-format", "bytes", "--format", "csv"), ("--time-format", "epoch_ms", "-o", folder / "x.parquet"),
                  ("--summary", "--format", "csv"), ("--summary", "-o", folder / "x.csv")):
        mole("flows", files[0], *wrong, code=2)

    unknown = folder / "unknown.parquet"
    mole("flows", files[0], "--columns", "exporter_addr,src_vlan,flow_direction", "-o", unknown)
    check(query(f"SELECT DISTINCT typeof(src_vlan), typeof(flow_direction) FROM '{unknown}'") == [["USMALLINT", "UTINYINT"]], "types of later columns")


def check_table(files, everything):
    lines = text_of(files[0], "--format", "table", "--columns", ",".join(COLUMNS)).splitlines()
    check(lines[0].split() == COLUMNS and "[B]" in lines[1] and set(lines[2]) == {"-", " "}, "\n".join(lines[:4]))
    check(len(lines) == 3 + 400 and len({len(line) for line in lines[3:]}) <= 3, f"{len(lines)} aligned lines")
    check(lines[3].split()[2] == everything[0]["src_addr"], lines[3])
    on_terminal = subprocess.run(["script", "-qec", f"{MOLE} flows {files[3]}", "/dev/null"], capture_output=True, text=True, env={**os.environ, "TERM": "dumb"})
    check(on_terminal.returncode == 0 and set(on_terminal.stdout.splitlines()[2].strip()) == {"-", " "}, f"a table on a terminal: {on_terminal.stdout[:500]}")


def check_many(folder):
    """More files than fit into a command line, and an output that is kept within bounds while the first file is slow."""
    many = folder / "many"
    many.mkdir()
    content = hour(0, 0x0a000000, flows=20)
    for i in range(3000):
        (many / f"{'long name ' * 20}{i:05}").write_bytes(content)
    counts = collections.Counter(text_of(many, "--format", "csv", "--columns", "src_addr", "--threads", "8").splitlines())
    check(set(counts.values()) == {1, 3000} and len(counts) == 21, f"{len(counts)} addresses")


def check_formats(folder):
    """The same traffic in several formats and compressions in one folder: each file is read by its content."""
    mixed = folder / "mixed"
    for form, decoder, compression in (("v5", "netflow5", "none"), ("v9", "netflow9", "gz"), ("ipfix", "ipfix", "bz2")):
        mole("archive", "simulate", mixed / decoder, "--seed", "7", "--from", "2007-09-22T10", "--to", "2007-09-22T12", "--routers", "1", "--flows-per-hour", "500",
             "--format", form, "--compress", compression)
        shutil.rmtree(mixed / decoder / "routes")
        (mixed / decoder / "simulated.json").unlink()
    printed = summary(mixed)
    formats = collections.Counter((s["decoder"], s["compression"], s["file"].split("/")[-2]) for s in printed["files"])
    check(set(formats) == {("netflow5", "none", "netflow5"), ("netflow9", "gzip", "netflow9"), ("ipfix", "bzip2", "ipfix")}, f"{formats}")
    check(printed["total"]["formats"] == {d: n for (d, _, _), n in formats.items()}, f"{printed['total']}")
    of = {d: [(s["flows"], s["bytes"], s["packets"]) for s in printed["files"] if s["decoder"] == d] for d, _, _ in formats}
    check(of["netflow5"] == of["netflow9"] == of["ipfix"], f"the same traffic in each format: {of}")
    key = lambda flow: sorted(flow.items())
    v5, v9, ipfix = (sorted(flows_of(mixed / d), key=key) for d in ("netflow5", "netflow9", "ipfix"))
    counted = ("src_addr", "dst_addr", "src_port", "dst_port", "protocol", "packets", "bytes")
    only = [[{c: f[c] for c in counted} for f in flows] for flows in (v5, v9, ipfix)]
    check(all(sorted(map(key, a)) == sorted(map(key, only[0])) for a in only), "equal flows")


def main():
    with TemporaryFolder("flows-command") as folder:
        archive = folder / "archive"
        archive.mkdir()
        files = make_archive(archive)
        everything = flows_of(archive)
        check_order(archive, files)
        check_filters(archive, everything)
        check_summary(archive, files, everything)
        check_damage(folder, files)
        check_types(folder, files, everything)
        check_table(files, everything)
        check_many(folder)
        check_formats(folder)
        check("no files" in mole("flows", archive / "empty", code=4).stderr, "an empty folder")
        mole("flows", archive / "absent", code=4)
    print("folders, order, filters, summaries, damage, types and tables are as they should be")


if __name__ == "__main__":
    main()
