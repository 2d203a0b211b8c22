#!/usr/bin/env python3
"""seeds.py FOLDER: writes small valid inputs for the fuzz targets to FOLDER/<target>/*, as a fuzzer's initial corpus."""
import bz2
import gzip
import lzma
import pathlib
import random
import shutil
import struct
import subprocess
import sys

END_MARK = f"{0x177245385090:048b}"
rng = random.Random(1)
CONTENTS = [b"a", b"hello world hello", bytes(1000), rng.randbytes(300), bytes(rng.randrange(3) for _ in range(3000)),
            b"abc" * 500, bytes(rng.randrange(2) * 255 for _ in range(200)) + bytes(70000),
            b"".join(bytes([rng.randrange(4)]) * rng.randrange(1, 400) for _ in range(100))]

def block(text):
    """Returns the only block of a stream as input for fuzz_block: the number of unused bits at its end, then its bytes."""
    stream = bz2.compress(text, 1)
    bits = "".join(f"{byte:08b}" for byte in stream)
    bits = bits[32:bits.rindex(END_MARK)]
    spare = -len(bits) % 8
    return bytes([spare * 8]) + int(bits + "0" * spare, 2).to_bytes((len(bits) + spare) // 8, "big")


def write(target, inputs):
    place = pathlib.Path(sys.argv[1]) / target
    place.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(inputs):
        (place / f"seed{number}").write_bytes(data)


write("block", [block(text) for text in CONTENTS])
two_streams = bz2.compress(CONTENTS[3]) + bz2.compress(CONTENTS[4])
write("content", [bz2.compress(text, 1 + n) for n, text in enumerate(CONTENTS)] + [two_streams])


def by_program(program, text):
    """The text compressed by zstd or lz4, which the standard library lacks; nothing if the program is not installed."""
    return [subprocess.run([program, "-c"], input=text, capture_output=True, check=True).stdout] if shutil.which(program) else []


streams = [gzip.compress, lzma.compress, lambda text: lzma.compress(text, lzma.FORMAT_ALONE)]
write("compressed", [compress(text) for text in CONTENTS for compress in streams] + [gzip.compress(CONTENTS[3]) + gzip.compress(CONTENTS[4])] +
      [data for text in CONTENTS for program in ("zstd", "lz4") for data in by_program(program, text)])


def nfcapd_file(compression, compress):
    """A file of layout 2 with one block: an exporter and three flows, one of them IPv6."""
    def record(kind, fields):
        return struct.pack("<HH", kind, 4 + len(fields)) + fields

    def flow(kind, addresses):
        generic = record(1, struct.pack("<QQQQQHHBBBB", 1190487600000, 1190487601000, 1190487602000, 3, 120, 1234, 80, 6, 18, 0, 0))
        elements = [generic, record(kind, addresses), record(4, bytes(16)), record(12, b"\1\0\0\177")]
        return record(11, struct.pack("<HBBHBB", len(elements), 0, 0, 1, 0, 9) + b"".join(elements))

    def block(records):
        content = compress(b"".join(records))
        return struct.pack("<IIHH", len(records), len(content), 3, 0) + content

    exporter = record(7, struct.pack("<I8xI4xHHI", 9, 0x7f000001, 2, 1, 7))
    data = block([exporter, record(15, struct.pack("<HHqII", 1, 1, -1, 1, 99)), flow(2, bytes(8)), flow(2, bytes(range(8))), flow(3, bytes(range(32)))])
    appendix = block([record(0x8001, b"seed"), record(0x8002, bytes(144))])
    header = struct.pack("<HHIqBBHIqII", 0xA50C, 2, 0x01070100, 1190487600, compression, 0, 1, 1, 40 + len(data), 0, 1)
    return header + data + appendix


write("nfcapd", [nfcapd_file(0, bytes), nfcapd_file(2, bz2.compress)])
write("netflow1_7", [b"\0\1\0\1" + bytes(12 + 52), b"\0\7\0\2" + bytes(20 + 2 * 52)])
write("netflow5", [b"\0\5\0\1" + bytes(20 + 48), b"\0\5\0\2" + bytes(20 + 2 * 48)])

fields = b"".join(n.to_bytes(2, "big") + b"\0\4" for n in (8, 12, 1, 2, 22, 21))
sets = [b"\1\0\0\6" + fields, b"\1\0" + (4 + 48).to_bytes(2, "big") + bytes(range(48))]
v9_sets = b"\0\0" + (4 + len(sets[0])).to_bytes(2, "big") + sets[0] + sets[1]
ipfix_sets = b"\0\2" + v9_sets[2:]
write("netflow9", [b"\0\x09\0\2" + bytes(16) + v9_sets])
write("ipfix", [b"\0\x0a" + (16 + len(ipfix_sets)).to_bytes(2, "big") + bytes(12) + ipfix_sets])


def packet(payload):
    """An export datagram in an Ethernet frame, as a record of a capture."""
    udp = struct.pack(">HHHH", 30000, 2055, 8 + len(payload), 0) + payload
    frame = bytes(12) + b"\x08\0" + struct.pack(">BBHHHBBH8s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, bytes(range(8))) + udp
    return struct.pack("<IIII", 1190487600, 0, len(frame), len(frame)) + frame


def pcapng_block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))


datagrams = [b"\0\5\0\1" + bytes(20 + 48), b"\0\x09\0\2" + bytes(16) + v9_sets, b"\0\x0a" + (16 + len(ipfix_sets)).to_bytes(2, "big") + bytes(12) + ipfix_sets]
packets = [packet(d) for d in datagrams]
pcapng = pcapng_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + pcapng_block(1, struct.pack("<HHI", 1, 0, 65535))
for p in packets:
    pcapng += pcapng_block(6, bytes(12) + p[8:16] + p[16:])
write("pcap", [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + b"".join(packets), pcapng])

header = b"ts,te,sa,da,sp,dp,pr,ipkt,ibyt,flg\n"
row = b"2007-09-22 19:00:00,1190487601.5,10.0.0.1,192.0.2.1,1234,80,TCP,3,120,.AP.SF\n"
write("csv", [header + row * 3, header.replace(b",", b"|") + row.replace(b",", b"|"), header + row + b"Summary\nflows\n1\n"])
write("parquet", [b"PAR1" + bytes(60) + (60).to_bytes(4, "little") + b"PAR1"])
