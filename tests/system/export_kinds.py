"""Further kinds of streams of NetFlow v9 and IPFIX: lengths that lie, reserved numbers, withdrawals, domains, deep lists, types of elements, biflows."""
import struct

from export_writer import (BOTH, CERT, OTHER, PLAIN, REVERSE, T, UPTIME, V, VAR, Exporter, Stream, be, expected_plain, flow, flowset, ntp, one, plain, specifiers,
                           us, var)

OF_OTHER, EXPECTED_OTHER = be(44, 4) + be(0x0a00002c, 4), flow(src_addr="10.0.0.44", packets=44)


def expected(*numbers, **values):
    return [expected_plain(n, **values) for n in numbers]


def data(exporter, *numbers):
    return b"".join(exporter.message(flowset(256, plain(n)), records=1) for n in numbers)


def reserved():
    for v9 in BOTH:
        for number in (2, 3, 4, 5, 8, 9, 10, 100, 254, 255) if v9 else (0, 1, 4, 5, 9, 10, 100, 254, 255):
            for name, before, after in (("first", 0, 2), ("between", 1, 1), ("last", 2, 0)):
                for last in BOTH:
                    e = Exporter(v9)
                    sets = [flowset(256, plain(i)) for i in (2, 3)]
                    content = one(e, PLAIN, plain(1)) + e.message(*sets[:before], flowset(number, b"\x0a\x01\x02\xff" * 5), *sets[before:], records=2)
                    yield f"{V[v9]} reserved set {number}, {name}, {last}", Stream(content + (b"" if last else data(e, 4, 5)),
                                                                                  expected(1, 2, 3, *(() if last else (4, 5))), damaged=True)
        for size in (0, 4, 8, 1400):
            e = Exporter(v9)
            content = e.message(flowset(100, bytes(size)), e.templates((256, PLAIN)), flowset(256, plain(1)), records=1)
            yield f"{V[v9]} reserved set of {size} bytes begins the file", Stream(content + data(e, 2), expected(1, 2), damaged=True)


def lengths_of_sets():
    for length in (0, 1, 2, 3, 4 + len(plain(2)) + 1, 2000, 65535):
        for before in (0, 1):
            e = Exporter()
            content = one(e, PLAIN, plain(1)) + e.message(*[flowset(256, plain(2))] * before, flowset(256, plain(3), length=length), records=before + 1)
            yield f"ipfix set of length {length} after {before}", Stream(content + data(e, 4, 5, 6), expected(1, *[2] * before, 4, 5, 6), lost=1, damaged=True)
    for v9 in BOTH:
        e = Exporter(v9)  # a set without records
        content = one(e, PLAIN, plain(1)) + e.message(flowset(256, b""), flowset(256, plain(2)), records=1)
        yield f"{V[v9]} set of length 4", Stream(content + data(e, 3), expected(1, 2, 3))
        e = Exporter(v9)
        yield f"{V[v9]} message without sets", Stream(one(e, PLAIN, plain(1)) + e.message() + data(e, 2), expected(1, 2), damaged=None)
        e = Exporter(v9)
        yield f"{V[v9]} only templates", Stream(e.message(e.templates((256, PLAIN))) * 3 + e.message(flowset(256, plain(1)), records=1), expected(1), lost=None)
    for difference in (-57, -44, -40, -4, -1, 1, 4, 41, 1000):
        e = Exporter()
        content = one(e, PLAIN, plain(1)) + e.message(flowset(256, plain(2)), records=1, length=16 + 4 + len(plain(2)) + difference)
        yield f"ipfix length of a message wrong by {difference}", Stream(content + data(e, *range(3, 9)), expected(1, *range(4, 9)), lost=None, damaged=None,
                                                                         others=True)


def lengths_of_templates():
    for v9 in BOTH:
        for count in (10, 4097, 65535):
            e = Exporter(v9)
            bad = flowset(0 if v9 else 2, be(300, 2) + be(count, 2) + specifiers([(8, 4), (2, 4)]))
            content = e.message(e.templates((256, PLAIN)), bad, flowset(256, plain(1)), records=1)
            yield f"{V[v9]} template that claims {count} fields", Stream(content + data(e, 2), expected(1, 2), damaged=True)
        e = Exporter(v9)
        fields = [(210, 1)] * 4090 + [(2, 4)]
        yield f"{V[v9]} template of 4091 fields", Stream(one(e, fields, bytes(4090) + be(7, 4)), [flow(packets=7)])
        e = Exporter(v9)
        content = one(e, PLAIN, plain(1)) + e.message(e.templates((300, [(8, 0), (2, 0)])), flowset(300, bytes(40))) + data(e, 2)
        yield f"{V[v9]} template whose records are empty", Stream(content, expected(1, 2), lost=None, damaged=True)
        e = Exporter(v9)
        yield f"{V[v9]} last field of length 0", Stream(one(e, [(2, 4), (8, 0)], be(5, 4), be(6, 4)), [flow(packets=5), flow(packets=6)])
        e = Exporter(v9)
        yield f"{V[v9]} twice the same field", Stream(one(e, [(2, 4), (2, 4), (8, 4)], be(5, 4) + be(6, 4) + be(1, 4)), [flow(packets=5, src_addr="0.0.0.1")])
    for size in (0, 1, 2, 3, 4, 5, 8):
        for long in BOTH:
            yield f"ipfix numbers of variable length {size} {long}", Stream(
                one(Exporter(), [(2, VAR), (179, VAR, CERT), (4, 1)], var(be(1, size) if size else b"", long) + var(b"", long) + b"\x06"),
                [flow(packets=1 if size else 0, protocol=6, dnsName="")])


def options_templates():
    for scopes in (0, 3, 65535):
        e = Exporter()
        bad = flowset(3, struct.pack(">HHH", 400, 2, scopes) + specifiers([(149, 4), (34, 4)]) + struct.pack(">HHH", 401, 2, 1) + specifiers([(149, 4), (34, 4)]))
        content = e.message(bad, flowset(401, be(7, 4) + be(50, 4)), e.templates((256, PLAIN)), flowset(256, plain(1)), records=2)
        yield f"ipfix options template of {scopes} scopes", Stream(content + data(e, 2), expected(1, 2, sampling=50), damaged=True)
    for v9 in BOTH:
        e = Exporter(v9)
        longer = flowset(1 if v9 else 3, struct.pack(">HHH", 400, 400, 400) + specifiers([(1, 4), (34, 4)]))
        content = e.message(longer, e.templates((256, PLAIN)), flowset(256, plain(1)), records=1)
        yield f"{V[v9]} options template longer than its set", Stream(content, expected(1), damaged=True)
    e = Exporter(True)
    content = e.message(e.options(400, [], [(34, 4)]), flowset(400, be(50, 4)), e.templates((256, PLAIN)), flowset(256, plain(1)), records=2)
    yield "v9 options template without scope", Stream(content, expected(1, sampling=50))


def withdrawals():
    announced = be(7, 4) + be(50, 4)
    scope, fields = [(149, 4)], [(34, 4)]
    for name, withdrawal in (("one", flowset(3, be(400, 2) + be(0, 2))), ("all", flowset(3, be(3, 2) + be(0, 2)))):
        e = Exporter()
        content = e.message(e.options(400, scope, fields), flowset(400, announced), e.templates((256, PLAIN)), flowset(256, plain(1)), records=2)
        content += e.message(withdrawal, flowset(256, plain(2)), records=1) + e.message(flowset(400, be(7, 4) + be(99, 4)), records=1)
        yield f"ipfix options template withdrawn, {name}", Stream(content + data(e, 3), expected(1, 2, 3, sampling=50), lost=1, damaged=True)
        e = Exporter()
        content = e.message(e.options(400, scope, fields), e.templates((256, PLAIN))) + e.message(withdrawal)
        content += e.message(e.options(400, fields, scope), flowset(400, be(60, 4) + be(7, 4)), flowset(256, plain(1)), records=2)
        yield f"ipfix options template withdrawn and defined, {name}", Stream(content, expected(1, sampling=60))
    e = Exporter()
    content = one(e, PLAIN, plain(1)) + e.message(flowset(2, be(2, 2) + be(0, 2) + be(256, 2) + be(2, 2) + specifiers(OTHER)), flowset(256, OF_OTHER), records=1)
    yield "ipfix withdrawn and defined in a set", Stream(content, [*expected(1), EXPECTED_OTHER])
    e = Exporter()
    content = e.message(e.templates(*((n, PLAIN) for n in range(256, 300)))) + e.message(flowset(2, be(2, 2) + be(0, 2)))
    content += e.message(*(flowset(n, plain(1)) for n in range(256, 300)), records=44) + e.message(e.templates((500, PLAIN)), flowset(500, plain(2)), records=1)
    yield "ipfix all withdrawn, and data of each", Stream(content, expected(2), lost=44, damaged=True)
    e = Exporter()
    content = one(e, PLAIN, plain(1)) + e.message(flowset(256, plain(2)), flowset(2, be(256, 2) + be(0, 2)), records=1)
    yield "ipfix withdrawn after its data", Stream(content, expected(1, 2))
    e = Exporter()
    content = one(e, PLAIN, plain(1)) + e.message(flowset(2, be(256, 2) + be(0, 2))) + e.message(flowset(256, OF_OTHER), records=1)
    yield "ipfix data between withdrawal and definition", Stream(content + e.message(e.templates((256, OTHER))), [*expected(1), EXPECTED_OTHER])


def redefinitions():
    for v9 in BOTH:
        e = Exporter(v9)
        content = e.message(e.templates((256, PLAIN), (256, OTHER)), flowset(256, OF_OTHER), records=1)
        yield f"{V[v9]} redefined in a set", Stream(content, [EXPECTED_OTHER])
        e = Exporter(v9)
        content = one(e, PLAIN, plain(1)) + b"".join(e.message(e.templates((256, PLAIN)), flowset(256, plain(n)), records=1) for n in range(2, 50))
        yield f"{V[v9]} repeated in each message", Stream(content, expected(*range(1, 50)))
        e = Exporter(v9)
        content, flows = one(e, PLAIN, plain(1)), expected(1)
        for n in range(2, 20):
            fields, record, result = (OTHER, OF_OTHER, EXPECTED_OTHER) if n % 2 == 0 else (PLAIN, plain(n), expected_plain(n))
            content, flows = content + e.message(e.templates((256, fields)), flowset(256, record), records=1), [*flows, result]
        yield f"{V[v9]} redefined in each message", Stream(content, flows)


def domains_and_restarts():
    for v9 in BOTH:
        exporters = [Exporter(v9, domain=d, sequence=d * 1000) for d in range(1, 301)]
        layouts = [(PLAIN[d % 7:] + PLAIN[:d % 7]) for d in range(1, 301)]
        records = []
        for d, layout in enumerate(layouts, 1):
            parts, at = {}, 0
            for field in PLAIN:
                parts[field], at = plain(d)[at:at + field[1]], at + field[1]
            records.append(b"".join(parts[field] for field in layout))
        content = b"".join(e.message(e.templates((256, layout))) for e, layout in zip(exporters, layouts))
        content += b"".join(e.message(flowset(256, r), records=1) for _ in range(2) for e, r in zip(exporters, records))
        yield f"{V[v9]} 300 domains with one number of template", Stream(content, [f for d in range(1, 301) for f in expected(d, d, observation_domain=d)])
        for count in range(18, 23):  # of records with the template: a v9 header can look like a reserved flowset
            for last in BOTH:
                one_hour, other = Exporter(v9, domain=1), Exporter(v9, domain=2, seconds=T - 7200)
                content = one(one_hour, PLAIN, plain(1))
                content += other.message(other.templates((256, PLAIN)), flowset(256, b"".join(map(plain, range(2, 1 + count)))), records=count - 1 + v9)
                content += b"" if last else one_hour.message(flowset(256, plain(30)), records=1)
                yield f"{V[v9]} clocks two hours apart, {count}, {last}", Stream(content, [
                    *expected(1, observation_domain=1), *expected(*range(2, 1 + count), observation_domain=2),
                    *(() if last else expected(30, observation_domain=1))])
        for first, uptime in ((0, 1000), (5, 2000), (1, 0)):
            for again in (0, 1, 50):
                e = Exporter(v9, sequence=3_000_000_000)
                content = one(e, PLAIN, plain(1)) + data(e, 2, 3, 4)
                e.sequence, e.seconds, e.uptime = again, T + 300 + first, uptime
                content += one(e, PLAIN, plain(5)) + data(e, 6, 7, 8)
                yield f"{V[v9]} restart {first}, from {again}", Stream(content, expected(*range(1, 9)))


def lists():
    name = var(b"a.example")
    for depth in range(1, 10):
        for kind in (291, 292, 293):
            e = Exporter()
            templates, content = [(400, [(179, VAR, CERT)])], name
            for level in range(depth):
                inner = 400 + level
                if kind == 291:
                    field = [(179, VAR, CERT)] if level == 0 else [(291, VAR)]
                    content = b"\x03" + specifiers(field) + content
                else:
                    content = b"\x03" + be(inner, 2) + (be(4 + len(content), 2) if kind == 293 else b"") + content
                if level + 1 < depth:
                    content = var(content)
                    templates.append((401 + level, [(kind, VAR)]))
            sets = e.templates(*templates, (256, [(2, 4), (kind, VAR), (4, 1)])), flowset(256, be(5, 4) + var(content) + b"\x06")
            yield f"ipfix {depth} lists {kind} in each other", Stream(e.message(*sets, records=1), [
                flow(packets=5, protocol=6, dnsName="a.example" if depth <= 8 else None)])
    for semantic in (0, 1, 2, 3, 4, 255):
        for count in (0, 1, 2, 7):
            text = [f"{i}.example" for i in range(count)]
            values = b"".join(var(t.encode(), i % 2 == 1) for i, t in enumerate(text))
            for kind, content in ((291, specifiers([(179, VAR, CERT)]) + values), (292, be(400, 2) + values), (293, be(400, 2) + be(4 + len(values), 2) + values)):
                e = Exporter()
                sets = e.templates((400, [(179, VAR, CERT)]), (256, [(2, 4), (kind, VAR), (4, 1)])), flowset(256, be(5, 4) + var(be(semantic, 1) + content) + b"\x06")
                yield f"ipfix list {kind} of {count} with semantic {semantic}", Stream(e.message(*sets, records=1), [
                    flow(packets=5, protocol=6, dnsName=text or None)])
    for size in (1, 4, 9, 300):  # a string of fixed length
        e = Exporter()
        text = ("n" * size, "m" * size)
        content = b"\x03" + specifiers([(179, size, CERT)]) + "".join(text).encode()
        yield f"ipfix basicList of strings of {size} bytes", Stream(one(e, [(2, 4), (291, VAR)], be(5, 4) + var(content)), [flow(packets=5, dnsName=list(text))])
    for size in (6, 20):  # lists of fixed length (RFC 6313 allows any length)
        e = Exporter()
        content = b"\x03" + specifiers([(179, VAR, CERT)]) + var(b"n" * (size - 1))
        yield f"ipfix basicList in a field of {len(content)} bytes", Stream(one(e, [(291, len(content)), (2, 4)], content + be(5, 4)),
                                                                           [flow(packets=5, dnsName="n" * (size - 1))])
    e = Exporter()
    groups = b"\xff" + b"".join(be(n, 2) + be(4 + len(c), 2) + c for n, c in ((400, name), (401, be(80, 2)), (999, b"abc"), (400, var(b"b.example") * 2)))
    sets = e.templates((400, [(179, VAR, CERT)]), (401, [(11, 2)]), (256, [(2, 4), (293, VAR)])), flowset(256, be(5, 4) + var(groups))
    yield "ipfix subTemplateMultiList of several templates", Stream(e.message(*sets, records=1), [flow(packets=5, dnsName=["a.example", "b.example", "b.example"])])


def types():
    for size in (1, 2, 3, 4):
        for number in (0, 1, -1, 2 ** (8 * size - 1) - 1, -2 ** (8 * size - 1)):
            yield f"ipfix signed number {number} in {size} bytes", Stream(one(Exporter(), [(2, 4), (434, size)], be(1, 4) + be(number, size)),
                                                                         [flow(packets=1, mibObjectValueInteger=number)])
    for value in (0.0, 0.5, -2.25, 1e30):
        for size, form in ((8, ">d"), (4, ">f")):
            stored = struct.unpack(form, struct.pack(form, value))[0]
            yield f"ipfix number {value} in {size} bytes", Stream(one(Exporter(), [(2, 4), (320, size)], be(1, 4) + struct.pack(form, value)),
                                                                 [flow(packets=1, absoluteError=stored)])
    for value in (1, 2):
        yield f"ipfix truth value {value}", Stream(one(Exporter(), [(2, 4), (276, 1)], be(1, 4) + be(value, 1)), [flow(packets=1, dataRecordsReliability=value == 1)])
    for v9 in BOTH:
        for mac in (0, 1, 0x001122334455, 0xffffffffffff):
            text = ":".join(f"{b:02x}" for b in be(mac, 6))
            yield f"{V[v9]} MAC address {text}", Stream(one(Exporter(v9), [(2, 4), (56, 6)], be(1, 4) + be(mac, 6)), [flow(packets=1, sourceMacAddress=text)])
    for micro in (0, 1, 123_456, 999_999):
        for number, name in ((271, "minFlowStartMicroseconds"), (273, "minFlowStartNanoseconds")):
            for seconds in (T, 2 ** 32 - 2_208_988_800 + 5):  # after the era of NTP that ends in 2036
                yield f"ipfix {name} {seconds} {micro}", Stream(one(Exporter(), [(2, 4), (number, 8)], be(1, 4) + ntp(seconds, micro)),
                                                                [flow(packets=1, **{name: us(seconds, micro)})])
    # dateTimeMicroseconds: the exporter may set the last 11 bits of the fraction to zero (RFC 7011, section 6.1.9)
    for micro in (1, 123_456, 500_000, 999_999):
        value = be(T + 2_208_988_800, 4) + be((micro * 2 ** 32 // 1_000_000) & ~0x7ff, 4)
        yield f"ipfix 154 without the last bits, {micro}", Stream(one(Exporter(), [(154, 8), (155, 8)], value * 2), [flow(start=us(T, micro), end=us(T, micro))])


def counters():
    for totals, deltas in (((85, 86), (1, 2)), ((1, 2), (85, 86))):
        for v9 in BOTH:
            e = Exporter(v9)
            numbers = {1: 100, 2: 1, 85: 5000, 86: 50}
            fields = [(n, 8) for n in (*totals, *deltas)]
            yield f"{V[v9]} {totals[0]} before {deltas[0]}", Stream(one(e, fields, b"".join(be(numbers[n], 8) for n, _ in fields)), [flow(bytes=100, packets=1)])
    for name, number in (("85", 5000), ("1", 300)):
        yield f"ipfix biflow of {name}", Stream(
            one(Exporter(), [(int(name), 4), (int(name), 4, REVERSE), (int(name) + 1, 4), (int(name) + 1, 4, REVERSE)],
                be(number, 4) + be(number + 1, 4) + be(7, 4) + be(8, 4)), [flow(bytes=number, reverse_bytes=number + 1, packets=7, reverse_packets=8)])
    for size in (1, 2):  # reversed elements of CERT have the bit 0x4000
        fields = [(14, size, CERT), (15, size, CERT), (14 | 0x4000, size, CERT), (15 | 0x4000, size, CERT), (2, 4), (2, 4, REVERSE)]
        record = be(2, size) + be(0x18, size) + be(0x12, size) + be(0x11, size) + be(3, 4) + be(4, 4)
        yield f"ipfix TCP flags of CERT in {size} bytes", Stream(one(Exporter(), fields, record), [flow(tcp_flags=0x1a, packets=3, reverse_packets=4)])
        yield f"ipfix TCP flags beside reversed ones, {size} bytes", Stream(
            one(Exporter(), [(6, size), (6, size, REVERSE), (2, 4)], be(0x1b, size) + be(0x12, size) + be(3, 4)), [flow(tcp_flags=0x1b, packets=3)])


def uptimes():
    e = Exporter()
    content = e.message(e.options(400, [(149, 4)], [(160, 8)]), flowset(400, be(7, 4) + be(T * 1000 - UPTIME, 8)), records=1)
    later = be(T * 1000 - 10_000, 8)  # the exporter restarts
    times = be(5000, 4) + be(6000, 4)
    content += one(e, [(22, 4), (21, 4)], be(UPTIME - 5000, 4) + be(UPTIME - 1000, 4)) + e.message(flowset(400, be(7, 4) + later), records=1)
    content += e.message(flowset(256, times), records=1)
    yield "ipfix start of the exporter changes", Stream(content, [flow(start=us(T - 5), end=us(T - 1)), flow(start=us(T - 5), end=us(T - 4))])
    for size in (1, 2, 3, 4):
        e = Exporter(True, uptime=2 ** (8 * size) - 1)
        fields = [(22, size), (21, size)]
        record = be(2 ** (8 * size) - 201, size) + be(2 ** (8 * size) - 101, size)
        yield f"v9 SysUptime in {size} bytes", Stream(one(e, fields, record), [flow(start=us(T, -200_000), end=us(T, -100_000))])
    for size in (1, 2, 3, 4):
        yield f"ipfix deltas in {size} bytes", Stream(one(Exporter(), [(158, size), (159, size)], be(200, size) + be(100, size)),
                                                     [flow(start=us(T, -200), end=us(T, -100))])


def repeated():
    for v9 in BOTH:
        for again in (1, 3):
            e = Exporter(v9)
            messages = [one(e, PLAIN, plain(1)), *(data(e, n) for n in range(2, 8))]
            content = b"".join(m * (again + 1 if i == 3 else 1) for i, m in enumerate(messages))
            yield f"{V[v9]} a message {again + 1} times", Stream(content, expected(*range(1, 8), *[4] * again))


KINDS = (reserved, lengths_of_sets, lengths_of_templates, options_templates, withdrawals, redefinitions, domains_and_restarts, lists, types, counters, uptimes,
         repeated)
