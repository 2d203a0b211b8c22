#!/usr/bin/env python3
"""Files that one mole flows reads exactly: damaged streams of exporters with wrong clocks and numbers, datagrams without records, damaged
bzip2 headers, content that compresses very well. Every flow has a source address of its own; all flows of untouched datagrams must be read."""
import base64
import bz2
import collections
import csv
import io

from netflow5_writer import DAY, Exporter, address, datagram, record
from system import TemporaryFolder, check, mole

START = 1190487600  # 2007-09-22T19:00:00Z
DATAGRAMS = 16
# One bzip2 block of 46,620,000 zeros, the most the format can hold: runs of 259 (github.com/kjn/lbzip2 issue 5).
LARGEST_BLOCK = base64.b64decode("QlpoOTFBWSZTWTcImb8AAAAAAIAAoACAJpQKpCETF3JFOFCQNwiZvw==")


def exporters(kind, network):
    first, second = Exporter(START, network, engine=1), Exporter(START, network + (1 << 15), boot=START - 3 * DAY, sequence=400_000, engine=2)
    if kind == "clock 8 hours ahead":
        second.clock = 8 * 3600
    elif kind == "nanoseconds out of range":
        second.header["nanoseconds"] = 4_000_000_000
    elif kind == "clock at 1970":
        first.clock = 4_699_318 - START
    elif kind == "same engine":
        second.header["engine"] = 1
    elif kind == "clock after 2038":
        first.clock = second.clock = 1 << 30
    return first, second


# Seconds between datagrams, records that look like headers.
KINDS = {"clock 8 hours ahead": 10, "nanoseconds out of range": 10, "hours between datagrams": 7200, "clock at 1970": 10, "same engine": 10, "sequence always 0": 10,
         "clock after 2038": 0, "from interface 5 to 3": 10, "from port 5 to 3": 10, "one flow": 10, "30 flows": 1, "some empty": 10}


def stream(kind, network):
    """The datagrams of two exporters by turns, each with the addresses of its flows."""
    values = {"from interface 5 to 3": {"in_if": 5, "out_if": 3}, "from port 5 to 3": {"src_port": 5, "dst_port": 3}}.get(kind, {})
    out = []
    for i in range(DATAGRAMS):
        for exporter in exporters_of(kind, network):
            if kind == "sequence always 0":
                exporter.sequence = 0
            count = {"one flow": 1, "30 flows": 30, "some empty": i % 3 * 4}.get(kind, 5)
            begin = exporter.network + exporter.flows
            out.append((exporter.export(count, START + i * KINDS[kind], **values), [begin + k for k in range(count)]))
    return out


def exporters_of(kind, network, known={}):
    return known.setdefault((kind, network), exporters(kind, network))


def cut(at, size):
    return lambda content, begin: (content[:begin + at] + content[begin + at + size:], begin + at, begin + at + size)


def put(at, middle, over=0):
    return lambda content, begin: (content[:begin + at] + middle + content[begin + at + over:], begin + at, begin + at + max(over, 1))


# Damage in the middle: the content and what part of the original is touched.
DAMAGE = {"100 bytes cut": cut(0, 100), "1 byte cut": cut(60, 1), "3 bytes cut": cut(30, 3), "text inserted": put(48, b"<html>error 503</html>" * 40),
          "zeros inserted": put(50, bytes(4096)), "wrong number of records": put(2, b"\xff\xff", 2), "wrong version": put(0, b"\0\x09", 2),
          "beginning cut": lambda content, begin: (content[begin + 30:], 0, begin + 30), "end cut": lambda content, begin: (content[:begin + 30], begin + 30, len(content))}


def damaged_streams():
    for kind in KINDS:
        for how, damage in DAMAGE.items():
            network = yield
            datagrams = stream(kind, network)
            content = b"".join(d for d, _ in datagrams)
            begin = sum(len(d) for d, _ in datagrams[:16])
            touched, first, last = damage(content, begin)
            left, at = [], 0
            for d, flows in datagrams:
                if at + len(d) <= first or last <= at:
                    left += flows
                at += len(d)
            yield f"{kind}, {how}", bz2.compress(touched), left


def empty_datagrams():
    for counts in ([5, 0, 5, 0, 0, 5], [0, 0, 5], [5, 0], [0], [0, 0, 0], [0, 30, 0, 1]):
        network = yield
        exporter = Exporter(START, network)
        yield f"records {counts}", bz2.compress(b"".join(exporter.export(n, START + i) for i, n in enumerate(counts))), [network + k for k in range(sum(counts))]


def headers():
    """Damaged headers of bzip2 streams, whose magic is 3 bytes and a digit."""
    def flip(data, at, bits=1):
        return data[:at] + bytes([data[at] ^ bits]) + data[at + 1:]

    changes = {f"bit {bit} of byte {byte}": lambda one, two, at=byte, bits=1 << bit: flip(one, at, bits) + two for byte in range(4) for bit in (0, 3, 7)}
    changes |= {"header of zeros": lambda one, two: bytes(4) + one[4:] + two, "no header": lambda one, two: one[4:] + two,
                "smallest block size": lambda one, two: b"BZh1" + one[4:] + two, "bytes before": lambda one, two: b"\r\n\r\n" + one + two,
                "header of the second stream": lambda one, two: one + flip(two, 1), "empty streams": lambda one, two: bz2.compress(b"") + one + bz2.compress(b"") + two}
    for what, change in changes.items():
        network = yield
        exporter = Exporter(START, network)
        one, two = (b"".join(exporter.export(30, START + part * 600 + i) for i in range(30)) for part in range(2))
        yield what, change(bz2.compress(one), bz2.compress(two)), [network + k for k in range(1800)]


def large_blocks():
    for what, between in {"largest block": LARGEST_BLOCK, "two of them": LARGEST_BLOCK * 2}.items():
        network = yield
        exporter = Exporter(START, network)
        one, two = (b"".join(exporter.export(30, START + part * 600 + i) for i in range(30)) for part in range(2))
        yield what, bz2.compress(one) + between + bz2.compress(two), [network + k for k in range(1800)]


def repeated_flows():
    """Hours in which the same 30 flows are exported again and again: thousands of bytes are compressed to one."""
    for moving in False, True:
        network = yield
        same = [record(network + k, 0, 0) for k in range(30)]
        content = b"".join(datagram(same, START + (i // 3 if moving else 0), DAY * 1000 + (i // 3 * 1000 if moving else 0), sequence=30 * i if moving else 0) for i in range(1000))
        yield f"moving clock: {moving}", bz2.compress(content), [network + k for k in range(30)] * 1000


def number(text):
    a, b, c, d = map(int, text.split("."))
    return a << 24 | b << 16 | c << 8 | d


def main():
    with TemporaryFolder("streams") as folder:
        expected, names = {}, []
        for kind in damaged_streams, empty_datagrams, headers, large_blocks, repeated_flows:
            made = kind()
            for _ in made:
                network = 0x0a000000 + (len(names) << 16)
                what, content, flows = made.send(network)
                path = folder / f"{len(names):03}"
                path.write_bytes(content)
                names.append(f"{kind.__name__}: {what}")
                expected[network >> 16] = collections.Counter(flows)
        paths = [folder / f"{i:03}" for i in range(len(names))]
        done = mole("flows", *paths, "--columns", "src_addr,dst_addr,bytes", "--format", "csv", code=(1, 3))
        found, others = collections.defaultdict(collections.Counter), []
        for source, target, octets in list(csv.reader(io.StringIO(done.stdout)))[1:]:
            if (target, octets) == ("192.0.2.1", "100"):
                found[number(source) >> 16][number(source)] += 1
            else:
                others.append((source, target, octets))
        wrong = []
        for (network, flows), name in zip(expected.items(), names, strict=True):
            missing, more = flows - found[network], found[network] - flows
            # Of a datagram with inserted bytes or a cut end, whole records may be read.
            if missing or (more and "cut" not in name and "inserted" not in name) or sum(more.values()) > 30:
                wrong.append(f"{name}: {sum(missing.values())} of {sum(flows.values())} flows are missing, {sum(more.values())} are too many; first: "
                             f"{[address(a) for a in [*missing, *more][:3]]}")
        check(not wrong, "\n".join(wrong) + f"\nin {folder}")
        # A datagram whose header is sound is read whole; it is not known whether bytes were inserted into it or after it.
        check(len(others) <= 30 * sum("inserted" in name for name in names), f"{len(others)} flows mix the bytes of two datagrams: {others[:5]}")
        # '8' and '1' are valid digits of a header, too.
        sound = ("empty_datagrams", "repeated_flows", "headers: empty streams", "headers: bit 0 of byte 3", "headers: bit 3 of byte 3", "headers: smallest")
        for path, name in zip(paths, names, strict=True):
            told = f"{path} is damaged" in done.stderr
            check(told != name.startswith(sound), f"{name}: damage told: {told}\n{done.stderr[-2000:]}")
    print(f"{len(names)} files are read as far as they are sound")


if __name__ == "__main__":
    main()
