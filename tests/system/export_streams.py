#!/usr/bin/env python3
"""Decodes several hundred generated streams of NetFlow v9 and IPFIX with mole flows, and compares flows and losses with those that the RFCs define."""
import bz2
import collections
import ipaddress
import json
import re
import subprocess
from datetime import datetime, timezone

import export_kinds
from export_writer import (BOTH, CERT, ELEMENTS, OTHER, PLAIN, REVERSE, T, UPTIME, V, VAR, Exporter, Stream, be, body_of_template, expected_plain, flow, flowset,
                           ntp, one, plain, specifiers, us, var)
from system import TemporaryFolder, check, mole

# Elements with a number, the column and its size. The field sizes are those of RFC 7012 and, for counters, up to 8.
NUMBERS = [(1, "bytes", 8), (2, "packets", 8), (4, "protocol", 1), (5, "tos", 1), (6, "tcp_flags", 2), (7, "src_port", 2), (9, "src_mask", 1),
           (10, "in_if", 4), (11, "dst_port", 2), (13, "dst_mask", 1), (14, "out_if", 4), (16, "src_as", 4), (17, "dst_as", 4), (58, "src_vlan", 2),
           (59, "dst_vlan", 2), (61, "flow_direction", 1), (85, "bytes", 8), (86, "packets", 8), (136, "end_reason", 1), (176, "icmp_type", 1),
           (177, "icmp_code", 1), (227, "post_src_port", 2), (228, "post_dst_port", 2), (231, "bytes", 8), (232, "reverse_bytes", 8), (298, "packets", 8),
           (299, "reverse_packets", 8), (243, "src_vlan", 2), (254, "dst_vlan", 2), (34, "sampling", 4)]


def reduced_sizes():
    for v9 in BOTH:
        for number, column, most in NUMBERS:
            for size in range(1, most + 1):
                values = [1, (1 << 8 * size) - 1 if number != 61 else 1, 0x0102030405060708 >> 8 * (8 - size)]
                fields = [(8, 4), (number, size), (12, 4)]
                records = [be(1, 4) + be(v, size) + be(2, 4) for v in values]
                yield f"{V[v9]} element {number} in {size} bytes", Stream(
                    one(Exporter(v9), fields, *records), [flow(src_addr="0.0.0.1", dst_addr="0.0.0.2", **{column: v}) for v in values])
    for column, number in (("reverse_bytes", 1), ("reverse_packets", 2), ("reverse_bytes", 85), ("reverse_packets", 86)):
        for size in range(1, 9):
            v = (1 << 8 * size) - 1
            yield f"ipfix reverse element {number} in {size} bytes", Stream(one(Exporter(), [(4, 1), (number, size, REVERSE)], b"\x06" + be(v, size)),
                                                                            [flow(protocol=6, **{column: v})])


def variable_lengths():
    for size in (0, 1, 2, 253, 254, 255, 256, 1000, 20000):
        for long in BOTH:
            text = ("n" * size).encode()
            fields = [(4, 1), (179, VAR, CERT), (2, 4)]
            yield f"ipfix string of {size} bytes, {'3' if long else '1'}", Stream(
                one(Exporter(), fields, b"\x11" + var(text, long) + be(5, 4), b"\x06" + var(b"x") + be(6, 4)),
                [flow(protocol=17, packets=5, dnsName=text.decode()), flow(protocol=6, packets=6, dnsName="x")])
    for size in range(1, 9):
        for long in BOTH:
            yield f"ipfix counter of variable length {size}, {long}", Stream(
                one(Exporter(), [(2, VAR), (8, VAR)], var(be(9, size), long) + var(be(1, 4), long)), [flow(packets=9, src_addr="0.0.0.1")])


def padding():
    for v9 in BOTH:
        for size in range(4):
            e = Exporter(v9)
            yield f"{V[v9]} padding of {size}", Stream(
                e.message(e.templates((256, PLAIN), padding=size), flowset(256, plain(1) + plain(2), size), records=2), [expected_plain(1), expected_plain(2)])
            e = Exporter(v9)
            yield f"{V[v9]} padded options template, {size}", Stream(
                e.message(e.options(400, [(1 if v9 else 149, 4)], [(34, 4)], size), flowset(400, be(7, 4) + be(50, 4), size),
                          e.templates((256, PLAIN)), flowset(256, plain(3)), records=2), [expected_plain(3, sampling=50)])
            e = Exporter(v9)
            yield f"{V[v9]} records of 5 bytes, padding {size}", Stream(one(e, [(4, 1), (2, 4)], b"\x06" + be(1, 4), b"\x11" + be(2, 4), padding=size),
                                                                       [flow(protocol=6, packets=1), flow(protocol=17, packets=2)])
    for size in (1, 2, 3):  # RFC 7011, 3.3.1: padding is shorter than any record, so bytes as long as a record are one
        e = Exporter()
        yield f"ipfix records of one byte and {size} zeros", Stream(
            e.message(e.templates((256, [(4, 1)])), flowset(256, b"\x06" + bytes(size)), records=1 + size), [flow(protocol=6)] + [flow()] * size)
    e = Exporter()
    yield "ipfix variable records of 3 bytes at least, padding 2", Stream(one(e, [(179, VAR, CERT), (7, 2)], var(b"ab") + be(1, 2), padding=2),
                                                                         [flow(dnsName="ab", src_port=1)])


def templates():
    other = be(44, 4) + be(0x0a00002c, 4)
    expected = flow(src_addr="10.0.0.44", packets=44)
    for v9 in BOTH:
        e = Exporter(v9)
        yield f"{V[v9]} redefined in the next message", Stream(one(e, PLAIN, plain(1)) + one(e, OTHER, other), [expected_plain(1), expected])
        e = Exporter(v9)
        sets = e.templates((256, PLAIN)), flowset(256, plain(1)), e.templates((256, OTHER)), flowset(256, other), e.templates((256, PLAIN)), flowset(256, plain(2))
        yield f"{V[v9]} redefined twice in one message", Stream(e.message(*sets, records=3), [expected_plain(1), expected, expected_plain(2)])
        e = Exporter(v9)
        yield f"{V[v9]} redefined as options template", Stream(
            one(e, PLAIN, plain(1)) + e.message(e.options(256, [(1 if v9 else 149, 4)], [(34, 4)]), flowset(256, be(e.domain, 4) + be(9, 4)), records=1) +
            e.message(e.templates((257, PLAIN)), flowset(257, plain(2)), records=1), [expected_plain(1), expected_plain(2, sampling=9)])
        e = Exporter(v9)
        many = [(300 + i, PLAIN if i % 2 else OTHER) for i in range(40)]
        sets = [flowset(n, plain(n - 300) if f is PLAIN else other) for n, f in many]
        yield f"{V[v9]} many templates in a set", Stream(
            e.message(e.templates(*many), *sets, records=40), [expected_plain(n - 300) if f is PLAIN else expected for n, f in many])
        e = Exporter(v9)
        yield f"{V[v9]} a field of length 0", Stream(one(e, [(8, 4), (7, 0), (2, 4)], be(1, 4) + be(5, 4)), [flow(src_addr="0.0.0.1", packets=5)])
        e = Exporter(v9)
        yield f"{V[v9]} largest number of a template", Stream(
            e.message(e.templates((65535, PLAIN)), flowset(65535, plain(1)), records=1), [expected_plain(1)])
        for number in (4, 9, 100, 255):
            e = Exporter(v9)
            yield f"{V[v9]} reserved template {number}", Stream(
                e.message(e.templates((number, OTHER), (256, PLAIN)), flowset(256, plain(1)), records=1), [expected_plain(1)], damaged=True)
    e = Exporter(True)
    yield "v9 template without fields", Stream(e.message(e.templates((300, []), (256, PLAIN)), flowset(256, plain(1)), records=1), [expected_plain(1)])
    for name, withdrawal in (("one", flowset(2, be(256, 2) + be(0, 2))), ("all", flowset(2, be(2, 2) + be(0, 2)))):
        e = Exporter()
        yield f"ipfix withdrawn and redefined, {name}", Stream(one(e, PLAIN, plain(1)) + e.message(withdrawal) + one(e, OTHER, other), [expected_plain(1), expected])
        e = Exporter()
        content = one(e, PLAIN, plain(1)) + e.message(withdrawal, flowset(256, plain(2) + plain(3)), records=2)
        yield f"ipfix data after withdrawal, {name}", Stream(content + e.message(e.templates((257, OTHER)), flowset(257, other), records=1),
                                                             [expected_plain(1), expected], lost=2, damaged=True)
    for name, withdrawal in (("options", flowset(3, be(3, 2) + be(0, 2))), ("another", flowset(2, be(300, 2) + be(0, 2)))):
        e = Exporter()
        yield f"ipfix withdrawal of {name} keeps the template", Stream(one(e, PLAIN, plain(1)) + e.message(withdrawal, flowset(256, plain(2)), records=1),
                                                                       [expected_plain(1), expected_plain(2)])
    a, b = Exporter(domain=1), Exporter(domain=2)
    content = one(a, PLAIN, plain(1)) + b.message(b.templates((256, OTHER))) + b.message(flowset(2, be(2, 2) + be(0, 2))) + a.message(flowset(256, plain(2)), records=1)
    yield "ipfix withdrawal in another domain", Stream(content, [expected_plain(1, observation_domain=1), expected_plain(2, observation_domain=1)])


def options():
    for v9 in BOTH:
        for name, scopes, fields, record, rates in (
                ("system", [(1 if v9 else 149, 4)], [(34, 4), (35, 1)], be(7, 4) + be(100, 4) + b"\x01", (100, 100)),
                ("reduced", [(1 if v9 else 149, 2)], [(34, 2)], be(7, 2) + be(512, 2), (512, 512)),
                ("sampler", [(1 if v9 else 149, 4)], [(48, 1), (49, 1), (50, 2)], be(7, 4) + b"\x03\x02" + be(25, 2), (25, 1)),
                ("interface", [(2 if v9 else 10, 4)], [(34, 4)], be(11, 4) + be(30, 4), (30, 1)),
                ("space", [(1 if v9 else 149, 4)], [(305, 4), (306, 4)], be(7, 4) + be(1, 4) + be(99, 4), (100, 100)),
                ("two scopes", [(1 if v9 else 149, 4), (3 if v9 else 141, 4)], [(34, 4)], be(7, 4) + be(2, 4) + be(10, 4), (10, 10))):
            e = Exporter(v9)
            content = e.message(e.options(400, scopes, fields), flowset(400, record), records=1)
            content += one(e, [(2, 4), (48, 1), (10, 4)], be(1, 4) + b"\x03" + be(11, 4), be(2, 4) + b"\x04" + be(12, 4))
            yield f"{V[v9]} options: {name}", Stream(content, [flow(packets=1, in_if=11, sampling=rates[0]), flow(packets=2, in_if=12, sampling=rates[1])])
    e = Exporter()  # RFC 5610: types of enterprise elements
    content = e.message(e.options(400, [(346, 4), (303, 2)], [(339, 1), (344, 1), (345, 2), (341, VAR)]), flowset(400, b"".join(
        be(29305 + i, 4) + be(i, 2) + b"\x0d\x00" + be(0, 2) + var(f"element{i}".encode()) for i in range(5))), records=5)
    yield "ipfix records of types (RFC 5610)", Stream(content + one(e, PLAIN, plain(1)), [expected_plain(1)])


def order():
    for v9 in BOTH:
        e = Exporter(v9)
        content = e.message(flowset(256, plain(1) + plain(2)), records=2) + e.message(flowset(256, plain(3)), records=1) + one(e, PLAIN, plain(4))
        yield f"{V[v9]} data before its template", Stream(content, [expected_plain(n) for n in (1, 2, 3, 4)])
        e = Exporter(v9)
        content = e.message(flowset(256, plain(1)), e.templates((256, PLAIN)), flowset(256, plain(2)), records=2)
        yield f"{V[v9]} data before its template in a message", Stream(content, [expected_plain(1), expected_plain(2)])
        e = Exporter(v9)
        content = one(e, PLAIN, plain(1)) + e.message(flowset(999, plain(2) + plain(3)), records=2) + e.message(flowset(256, plain(4)), records=1)
        yield f"{V[v9]} a set without template", Stream(content, [expected_plain(1), expected_plain(4)], lost=2, damaged=True)
        for start in (2 ** 32 - 5, 2 ** 32 - 1, 2 ** 31 - 2, 0):
            e = Exporter(v9, sequence=start)
            content = one(e, PLAIN, plain(1)) + b"".join(e.message(flowset(256, plain(n)), records=1) for n in range(2, 12))
            yield f"{V[v9]} sequence from {start}", Stream(content, [expected_plain(n) for n in range(1, 12)])
            for lost in (1, 3):
                e = Exporter(v9, sequence=start)
                content = one(e, PLAIN, plain(1)) + b"".join(e.message(flowset(256, plain(n)), records=1) for n in range(2, 12))
                e.sequence += lost
                content += b"".join(e.message(flowset(256, plain(n)), records=1) for n in range(12, 20))
                yield f"{V[v9]} {lost} lost from {start}", Stream(content, [expected_plain(n) for n in range(1, 20)], lost=lost)
        e = Exporter(v9, sequence=4_000_000)
        content = one(e, PLAIN, plain(1)) + b"".join(e.message(flowset(256, plain(n)), records=1) for n in range(2, 6))
        e.sequence, e.seconds, e.uptime = 0, T + 60, 2000
        content += one(e, PLAIN, plain(6)) + b"".join(e.message(flowset(256, plain(n)), records=1) for n in range(7, 10))
        yield f"{V[v9]} restart", Stream(content, [expected_plain(n) for n in range(1, 10)])
        e = Exporter(v9)
        messages = [one(e, PLAIN, plain(1))] + [e.message(flowset(256, plain(n)), records=1) for n in range(2, 12)]
        swapped = messages[:4] + [messages[5], messages[4]] + messages[6:]
        yield f"{V[v9]} reordered", Stream(b"".join(swapped), [expected_plain(n) for n in range(1, 12)])
        a, b = Exporter(v9, domain=1), Exporter(v9, domain=2, sequence=77)
        content = a.message(a.templates((256, PLAIN))) + b.message(b.templates((256, OTHER)))
        for n in range(1, 6):
            content += a.message(flowset(256, plain(n)), records=1) + b.message(flowset(256, be(n, 4) + be(n, 4)), records=1)
        yield f"{V[v9]} two domains with one number of template", Stream(content, [expected_plain(n, observation_domain=1) for n in range(1, 6)] + [
            flow(src_addr=f"0.0.0.{n}", packets=n, observation_domain=2) for n in range(1, 6)])


def lists():
    a, b = [(179, VAR, CERT)], [(4, 1), (179, VAR, CERT)]
    of_a, of_b = var(b"a.example"), b"\x06" + var(b"b.example")
    semantic = b"\x03"
    basic = semantic + specifiers([(179, VAR, CERT)]) + var(b"c.example")
    sub = semantic + be(400, 2) + of_a
    multi = semantic + be(400, 2) + be(4 + len(of_a), 2) + of_a
    deep = semantic + specifiers([(292, VAR)]) + var(sub)
    for long in BOTH:
        for i, (number, content, name) in enumerate(((291, basic, "c.example"), (292, sub, "a.example"), (293, multi, "a.example"), (291, deep, "a.example"),
                                      (291, b"\xff" + specifiers([(4, 1)]), None), (292, semantic + be(400, 2), None), (293, semantic, None))):
            e = Exporter()
            record = be(5, 4) + var(content, long) + be(6, 1)
            sets = e.templates((400, a)), e.templates((256, [(2, 4), (number, VAR), (4, 1)])), flowset(256, record + be(7, 4) + var(b"") + be(17, 1))
            yield f"ipfix list {i}, {number} {long}", Stream(e.message(*sets, records=2), [flow(packets=5, protocol=6, dnsName=name),
                                                                                                     flow(packets=7, protocol=17)])
    outer = (256, [(2, 4), (292, VAR)])
    for first, second, records in ((a, b, (of_a, of_b)), (b, a, (of_b, of_a)), (a, OTHER, (of_a, bytes(8)))):
        e = Exporter()
        data = [flowset(256, be(i, 4) + var(semantic + be(400, 2) + r)) for i, r in enumerate(records)]
        names = ["a.example" if r is of_a else "b.example" if r is of_b else None for r in records]
        yield f"ipfix list template redefined {len(first)} {names[1]}", Stream(
            e.message(e.templates(outer, (400, first)), data[0], e.templates((400, second)), data[1], records=2),
            [flow(packets=i, dnsName=n) for i, n in enumerate(names)])
    hostile = {"record beyond the list": semantic + be(400, 2) + b"\xc8abc", "length beyond the list": semantic + be(400, 2) + be(60000, 2) + of_a,
               "length 0": semantic + be(400, 2) + be(0, 2) + of_a, "count bomb": semantic + specifiers([(4, 1)]) + b"\x06" * 50000,
               "one byte": b"\x03", "no template": semantic + be(999, 2) + of_a}
    for name, content in hostile.items():
        for number in (291, 292, 293):
            e = Exporter()
            sets = e.templates((400, a), (256, [(2, 4), (number, VAR), (4, 1)])), flowset(256, be(5, 4) + var(content) + be(6, 1))
            names = {"dnsName": ["", "", "a.example"]} if number == 292 and name == "length 0" else {}  # a subTemplateList has no length
            yield f"ipfix hostile list {number}: {name}", Stream(e.message(*sets, records=1), [flow(packets=5, protocol=6, **names)])


def hostile():
    for v9 in BOTH:
        e = Exporter(v9)
        bad = flowset(256, plain(2), length=2000)
        content = one(e, PLAIN, plain(1)) + e.message(flowset(256, plain(3)), bad, records=2) + e.message(flowset(256, plain(4)), records=1)
        if not v9:  # the next message follows; the sets before are used
            yield f"{V[v9]} set longer than its message", Stream(content, [expected_plain(n) for n in (1, 3, 4)], lost=1, damaged=True)
        for length in (0, 1, 3):
            e = Exporter(v9)
            content = one(e, PLAIN, plain(1)) + e.message(flowset(256, plain(3)), flowset(256, plain(2), length=length), records=2)
            content += b"".join(e.message(flowset(256, plain(n)), records=1) for n in range(4, 9))
            yield f"{V[v9]} set of length {length}", Stream(content, [expected_plain(n) for n in (1, *range(5, 9))], damaged=True, others=True, lost=None)
        e = Exporter(v9)
        content = one(e, PLAIN, plain(1)) + e.message(flowset(0 if v9 else 2, be(300, 2) + be(60000, 2) + be(8, 2) + be(4, 2))) + e.message(flowset(256, plain(2)), records=1)
        yield f"{V[v9]} template longer than its set", Stream(content, [expected_plain(1), expected_plain(2)], damaged=True)
    e = Exporter()
    fields = [(2, 4), (179, VAR, CERT)]
    content = one(e, fields, be(1, 4) + var(b"x"), be(2, 4) + b"\xfaabc") + e.message(flowset(256, be(3, 4) + var(b"y")), records=1)
    yield "ipfix record longer than its set", Stream(content, [flow(packets=1, dnsName="x"), flow(packets=3, dnsName="y")], lost=1, damaged=True)
    for length in (0, 15, 16):
        e = Exporter()
        content = one(e, PLAIN, plain(1)) + e.message(flowset(256, plain(2)), records=1, length=length)
        content += b"".join(e.message(flowset(256, plain(n)), records=1) for n in range(3, 9))
        yield f"ipfix message of length {length}", Stream(content, [expected_plain(n) for n in (1, *range(3, 9))], damaged=True, others=True, lost=None)


def times():
    at, later = us(T - 10, 123_000), us(T - 7, 456_000)
    ms = [(152, be(at // 1000, 8)), (153, be(later // 1000, 8))]
    forms = {"milliseconds": ms, "microseconds": [(154, ntp(T - 10, 123_000)), (155, ntp(T - 7, 456_000))],
             "nanoseconds": [(156, ntp(T - 10, 123_000)), (157, ntp(T - 7, 456_000))],
             "deltas": [(158, be(us(T) - at, 4)), (159, be(us(T) - later, 4))],
             "uptime": [(160, be(T * 1000 - UPTIME, 8)), (22, be(UPTIME - 9877, 4)), (21, be(UPTIME - 6544, 4))],
             "start and duration": [ms[0], (161, be(3333, 4))], "duration and end": [(162, be(3_333_000, 4)), ms[1]]}
    for name, values in forms.items():
        for reverse in BOTH:
            order = values[::-1] if reverse else values
            yield f"ipfix times in {name}, {reverse}", Stream(one(Exporter(), [(2, 4)] + [(n, len(v)) for n, v in order], be(1, 4) + b"".join(v for _, v in order)),
                                                              [flow(packets=1, start=at, end=later)])
    for number, name in ((152, "start"), (153, "end"), (154, "start")):
        value = be(at // 1000, 8) if number < 154 else ntp(T - 10, 123_000)
        yield f"ipfix only element {number}", Stream(one(Exporter(), [(2, 4), (number, 8)], be(1, 4) + value), [flow(packets=1, start=at, end=at)])
    seconds = be(T - 10, 4) + be(T - 7, 4)
    yield "ipfix times in seconds", Stream(one(Exporter(), [(150, 4), (151, 4)], seconds), [flow(start=us(T - 10), end=us(T - 7))])
    for micro in (0, 1, 2, 499_999, 500_000, 999_998, 999_999, *range(7, 900_000, 99_991)):
        yield f"ipfix fraction {micro}", Stream(one(Exporter(), [(154, 8), (155, 8)], ntp(T, micro) * 2), [flow(start=us(T, micro), end=us(T, micro))])
    e = Exporter()
    content = e.message(e.options(400, [(149, 4)], [(160, 8)]), flowset(400, be(7, 4) + be(T * 1000 - UPTIME, 8)), records=1)
    yield "ipfix uptime, with the start in options", Stream(content + one(e, [(22, 4), (21, 4)], be(UPTIME - 5000, 4) + be(UPTIME - 1000, 4)),
                                                           [flow(start=us(T - 5), end=us(T - 1))])
    for uptime, first, last in ((1000, -4000, -1000), (50_000, 0, 0), (2 ** 31 + 5, -70_000, -10), (2 ** 32 - 1, -100, -100), (5, -6, -4), (10, -3_000_000, -5)):
        e = Exporter(True, uptime=uptime)
        record = be((uptime + first) % 2 ** 32, 4) + be((uptime + last) % 2 ** 32, 4)
        yield f"v9 uptime {uptime} {first}", Stream(one(e, [(22, 4), (21, 4)], record), [flow(start=us(T, 1000 * first), end=us(T, 1000 * last))])
    yield "v9 times in milliseconds", Stream(one(Exporter(True), [(n, 8) for n, _ in ms], ms[0][1] + ms[1][1]), [flow(start=at, end=later)])


def contents():
    for v9 in BOTH:
        v6 = [(27, 16), (28, 16), (4, 1), (2, 4), (1, 4)]
        source, destination = ipaddress.ip_address("2001:db8::1"), ipaddress.ip_address("2001:db8::2:3")
        record, expected = source.packed + destination.packed + b"\x3a" + be(3, 4) + be(300, 4), flow(src_addr=str(source), dst_addr=str(destination), protocol=58,
                                                                                                     packets=3, bytes=300)
        yield f"{V[v9]} v6", Stream(one(Exporter(v9), v6, record, record), [expected] * 2)
        e = Exporter(v9)
        sets = [s for n in range(1, 30) for s in (flowset(256, plain(n)), flowset(257, record))]
        yield f"{V[v9]} v4 and v6 alternately", Stream(e.message(e.templates((256, PLAIN), (257, v6)), *sets, records=58),
                                                      [f for n in range(1, 30) for f in (expected_plain(n), expected)])
        nsel = [(148, 4), (8, 4), (7, 2), (12, 4), (11, 2), (4, 1), (225, 4), (226, 4), (227, 2), (228, 2), (233, 1), (323, 8), (152, 8)]
        values = be(1, 4) + be(0x0a000001, 4) + be(4000, 2) + be(0x0a000002, 4) + be(80, 2) + b"\x06" + be(0xc0000201, 4) + be(0xc0000202, 4) + be(5000, 2) + be(8080, 2)
        values += b"\x01" + be((T - 3) * 1000, 8) + be((T - 5) * 1000, 8)
        common = dict(src_addr="10.0.0.1", src_port=4000, dst_addr="10.0.0.2", dst_port=80, protocol=6, post_src_addr="192.0.2.1", post_dst_addr="192.0.2.2",
                      post_src_port=5000, post_dst_port=8080)
        yield f"{V[v9]} NSEL create", Stream(one(Exporter(v9), nsel, values), [flow(**common, start=us(T - 5), end=us(T - 3))])
        yield f"{V[v9]} NSEL delete", Stream(
            one(Exporter(v9), nsel + [(231, 4), (232, 4), (298, 4), (299, 4)], values + be(10, 4) + be(20, 4) + be(1, 4) + be(2, 4)),
            [flow(**common, start=us(T - 5), end=us(T - 3), bytes=10, reverse_bytes=20, packets=1, reverse_packets=2)])
        yield f"{V[v9]} NAT event", Stream(
            one(Exporter(v9), [(230, 1), (8, 4), (225, 4), (7, 2), (227, 2), (4, 1), (323, 8)],
                b"\x04" + be(0x0a000001, 4) + be(0xc0000201, 4) + be(4000, 2) + be(5000, 2) + b"\x11" + be((T - 3) * 1000, 8)),
            [flow(src_addr="10.0.0.1", post_src_addr="192.0.2.1", src_port=4000, post_src_port=5000, protocol=17, start=us(T - 3), end=us(T - 3))])
    for forward, reverse in ((10, 0), (10, 7), (0, 7)):
        fields = PLAIN[:5] + [(2, 8), (2, 8, REVERSE), (1, 8), (1, 8, REVERSE), (239, 1)]
        record = plain(4)[:13] + be(forward, 8) + be(reverse, 8) + be(100 * forward, 8) + be(100 * reverse, 8) + b"\x01"
        yield f"ipfix biflow {forward} {reverse}", Stream(one(Exporter(), fields, record), [expected_plain(
            4, packets=forward, bytes=100 * forward, reverse_packets=reverse, reverse_bytes=100 * reverse, start=us(T), end=us(T))])


def container(v9):
    """A stream of ten messages with two records each, the first with the template; with the end of each message."""
    e, parts = Exporter(v9), []
    for i in range(10):
        first = [e.templates((256, PLAIN))] if i == 0 else []
        parts.append(e.message(*first, flowset(256, plain(2 * i + 1) + plain(2 * i + 2), 2), records=2))
    return parts


def containers():
    for v9 in BOTH:
        parts = container(v9)
        all_flows = [expected_plain(n) for n in range(1, 21)]
        whole = b"".join(parts)
        yield f"{V[v9]} container", Stream(whole, all_flows)
        for n in (1, 2, 3, 40, 1000):
            yield f"{V[v9]} garbage of {n} bytes at the end", Stream(whole + b"\xa5" * n, all_flows, damaged=True, lost=None)
        before = b"".join(parts[:5])
        for cut in range(1, len(parts[5])):  # complete sets are used
            complete = cut >= len(parts[5])
            yield f"{V[v9]} cut {cut}", Stream(before + parts[5][:cut], all_flows[:12 if complete else 10], lost=None,
                                                  damaged=not (v9 and cut == 1))  # a zero may be padding
        for at in range(0, len(parts[5]), 3):
            for bit in (0, 7):
                damaged = bytearray(parts[5])
                damaged[at] ^= 1 << bit
                content = before + damaged + b"".join(parts[6:])
                yield f"{V[v9]} flip {at} {bit}", Stream(content, all_flows[:10] + all_flows[12:], lost=None, damaged=None, others=True)


KINDS = (reduced_sizes, variable_lengths, padding, templates, options, order, lists, hostile, times, contents, containers, *export_kinds.KINDS)


def micros(name, value):
    """Times in microseconds, other values unchanged."""
    if not isinstance(value, str) or (name not in ("start", "end") and "seconds" not in name):
        return value
    seconds, fraction = re.fullmatch(r"([^.]*?)(?:\.(\d+))?Z", value).groups()
    return int(datetime.fromisoformat(seconds).replace(tzinfo=timezone.utc).timestamp()) * 1_000_000 + int((fraction or "0").ljust(6, "0"))


def canonical(value):
    """The values of a flow as a tuple; those of elements are lists."""
    out = []
    for name, v in sorted(value.items()):
        if name in ELEMENTS and v is not None:
            v = [micros(name, value) for value in (v if isinstance(v, list) else [v])]
        out.append((name, v if v is None else str(micros(name, v))))
    return tuple(out)


def difference(stream, flows, row):
    expected = collections.Counter(canonical({**dict.fromkeys(ELEMENTS), **f}) for f in stream.flows)
    got = collections.Counter(canonical(f) for f in flows)
    missing, extra = expected - got, got - expected
    if missing or (extra and not stream.others):
        first = [dict(next(iter(c))) if c else {} for c in (missing, extra)]
        changed = {k: (first[0].get(k), first[1].get(k)) for k in first[0] if first[0].get(k) != first[1].get(k)}
        return f"{sum(missing.values())} flows missing, {sum(extra.values())} unexpected, of {len(stream.flows)}: {changed if extra else first[0]}"
    lost = row["flows_lost"] + row["flows_lost_in_damage"]
    if stream.lost is not None and lost != stream.lost:
        return f"{lost} flows lost instead of {stream.lost}"
    if stream.damaged is not None and (row["state"] != "sound") != stream.damaged:
        return f"its state is {row['state']}"
    return None


def bzip2(files):
    for file in files:
        file.with_suffix(".bz2").write_bytes(bz2.compress(file.read_bytes(), 1))
        file.unlink()


def tool(*command):
    """Compresses files with a program; there are few of those in each call."""
    return lambda files: [subprocess.run([*command, *map(str, files[i:i + 500])], check=True, stdout=subprocess.DEVNULL) for i in range(0, len(files), 500)]


def compare(folder, streams, compress):
    columns = ",".join([*flow(), *ELEMENTS])
    files = []
    for i, stream in enumerate(streams.values()):
        files.append(folder / f"{i:05}")
        files[-1].write_bytes(stream.content)
    compress(files)
    summary = json.loads(mole("flows", "--summary", "--json", folder, code=(0, 3)).stdout)["files"]
    lines = mole("flows", "--format", "ndjson", "--columns", columns, folder, code=(0, 3)).stdout.splitlines()
    check(len(summary) == len(files), f"{len(summary)} files in the summary, of {len(files)}")
    failures, at = [], 0
    for name, stream, row in zip(streams, streams.values(), summary):
        flows = [json.loads(line) for line in lines[at:at + row["flows"]]]
        at += row["flows"]
        if problem := difference(stream, flows, row):
            failures.append(f"{name}: {problem}")
    check(at == len(lines), f"{len(lines)} flows printed, {at} in the summary")
    for failure in failures[:60]:
        print(failure)
    check(not failures, f"{len(failures)} of {len(streams)} streams differ")


def main():
    streams = {}
    for kind in KINDS:
        for name, stream in kind():
            check(name not in streams, f"two streams are named '{name}'")
            streams[name] = stream
    print(f"{len(streams)} streams")
    for compress in (lambda files: None, bzip2, tool("gzip", "-1"), tool("xz", "-0"), tool("zstd", "-q", "--rm"), tool("lz4", "-q", "-m", "--rm")):
        with TemporaryFolder("export-streams") as folder:
            compare(folder, streams, compress)


if __name__ == "__main__":
    main()
