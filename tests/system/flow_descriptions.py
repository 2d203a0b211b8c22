#!/usr/bin/env python3
"""What mole flows --summary says about exporters: templates, elements, and names of interfaces and applications."""
from export_writer import Exporter, VAR, be, flowset, var
from system import TemporaryFolder, check, mole, mole_json

ACME = 9
FLOW = [(8, 4), (12, 4), (2, 4), (1, 4)]
RECORD = bytes([10, 0, 0, 1, 10, 0, 0, 2]) + be(3, 4) + be(400, 4)
TYPES = [(346, 4), (303, 2), (339, 1), (341, VAR)]  # RFC 5610


def type_record(enterprise, number, name, kind=13):
    return be(enterprise, 4) + be(number, 2) + be(kind, 1) + var(name)


def many_templates(count):
    e = Exporter(domain=3)
    return b"".join(e.message(e.templates(*((n, FLOW + [(number, 4, ACME) for number in range(n, n + 3)]) for n in range(first, min(first + 300, 256 + count)))))
                    for first in range(256, 256 + count, 300)) + e.message(flowset(256, RECORD + bytes(12)), records=1)


def several_domains():
    one, two = Exporter(domain=1), Exporter(domain=2)
    return one.message(one.templates((256, FLOW)), flowset(256, RECORD), records=1) + \
        two.message(two.templates((256, FLOW + [(10, 4)])), flowset(256, RECORD + be(7, 4)), records=1) + \
        one.message(one.templates((256, FLOW)), one.options(300, [(149, 4)], [(41, 8)]), flowset(256, RECORD), records=1) + \
        one.message(one.templates((256, FLOW + [(14, 2)])), flowset(256, RECORD + be(7, 2)), records=1)  # redefined


def typed(name):
    e = Exporter()
    return e.message(e.templates((256, FLOW + [(12232, VAR, ACME), (12233, 4, ACME), (179, VAR, 6871)])), e.options(400, [(346, 4), (303, 2)], TYPES[2:]),
                     flowset(400, type_record(ACME, 12232, name) + type_record(ACME, 7, b"ofNoTemplate") + type_record(ACME, 12233, b"acmeTime", 14)),
                     flowset(256, RECORD + var(b"abc") + be(5, 4) + var(b"www.")), records=4)


def biflows():
    e = Exporter()
    reverse = 29305
    return e.message(e.templates((256, FLOW + [(2, 4, reverse), (1, 4, reverse)]), (257, FLOW)),
                     flowset(256, RECORD + be(2, 4) + be(90, 4) + RECORD + be(0, 4) + be(0, 4) + RECORD + be(1, 4) + be(10, 4)), flowset(257, RECORD), records=4)


def names9(*interfaces):
    e = Exporter(v9=True, domain=5)
    return e.message(e.templates((256, FLOW + [(10, 2), (95, 4)])), e.options(257, [(2, 4)], [(82, 32)]), e.options(258, [(1, 4)], [(95, 4), (96, 16)]),
                     flowset(257, b"".join(be(n, 4) + name.ljust(32, b"\0") for n, name in interfaces)), flowset(258, be(0, 4) + be(13 << 24 | 80, 4) + b"http".ljust(16, b"\0")),
                     flowset(256, RECORD + be(1, 2) + be(13 << 24 | 80, 4)), records=2 + len(interfaces))


with TemporaryFolder("flow-descriptions") as folder:
    def write(name, content):
        path = folder / name
        path.write_bytes(content)
        return path

    def summary(path):
        return mole_json("flows", path, "--summary")["files"][0]

    def text(*paths):
        return mole("flows", *paths, "--summary").stdout

    # Several domains, a template that is repeated, and one that is redefined.
    domains = write("domains.ipfix", several_domains())
    found = summary(domains)
    check([(t["observation_domain"], t["id"], t["kind"], t["fields"]) for t in found["templates"]] ==
          [(1, 256, "data", 4), (1, 256, "data", 5), (1, 300, "options", 2), (2, 256, "data", 5)], found["templates"])
    check(found["templates_seen"] == 4 and all(t["exporter_address"] == "" and t["exporter"] == 0 for t in found["templates"]), found)
    check(found["elements_known"] == ["octetDeltaCount", "packetDeltaCount", "sourceIPv4Address", "ingressInterface", "destinationIPv4Address", "egressInterface",
                                      "exportedMessageTotalCount", "observationDomainId"], found["elements_known"])
    check("elements_unknown" not in found and found["flows"] == 4, found)
    for line in ("  templates 4\n", "exporter 0, domain 1: 256 (4 fields), 256 (5 fields), 300 (options, 2 fields)\n", "exporter 0, domain 2: 256 (5 fields)\n",
                 "  elements  8 known, 0 not known\n"):
        check(line in text(domains), f"{line}:\n{text(domains)}")

    # More than are listed.
    many = write("many.ipfix", many_templates(2500))
    found = summary(many)
    check(found["templates_seen"] == 2500 and [t["id"] for t in found["templates"]] == list(range(256, 356)), f"{found['templates_seen']} templates")
    check(found["elements_unknown_seen"] == 2502 and [e["element"] for e in found["elements_unknown"]] == [f"9/{n}" for n in range(256, 356)], found)
    check("templates 2,500\n" in text(many) and "263 (7 fields), ...\n" in text(many) and "4 known, 2,502 not known\n" in text(many), text(many))
    # The total lists what the files list: of the 2,500, the first hundred.
    both = mole_json("flows", many, domains, "--summary")["total"]
    check(both["templates_seen"] == 104 and len(both["templates"]) == 100 and both["elements_known_seen"] == 8, both)
    check("  templates 104 or more\n" in text(many, domains) and "  elements  8 known, 100 or more not known\n" in text(many, domains), text(many, domains))
    check("exporter 0, domain 1: 256" in text(many, domains).rsplit("2 files", 1)[1], text(many, domains))
    check(summary(many) == found and mole_json("flows", many, domains, "--summary", "--threads", 1) == mole_json("flows", many, domains, "--summary", "--threads", 4),
          "equal for any number of threads")

    # Names of elements from type records.
    named = write("typed.ipfix", typed(b"acmeThing"))
    found = summary(named)
    check(found["elements_unknown"] == [{"element": "9/12232", "lengths": [65535], "name": "acmeThing", "type": "string"},
                                        {"element": "9/12233", "lengths": [4], "name": "acmeTime", "type": "dateTimeSeconds"}], found)
    check("9/12232:string acmeThing (variable length), 9/12233 acmeTime (dateTimeSeconds, 4 bytes)\n" in text(named) and "dnsName" in found["elements_known"], text(named))
    printed = mole("flows", named, "--columns", "9/12232,9/12233,dnsName", "--format", "csv").stdout
    check(printed.splitlines()[1] == "0x616263,0x00000005,www.", printed)
    printed = mole("flows", named, "--columns", "9/12232,9/12232:STRING,9/12233:unsigned32,9/12233:ipv4Address,9/12233:signed8", "--format", "csv").stdout
    check(printed.splitlines() == ["9/12232,9/12232:string,9/12233:unsigned32,9/12233:ipv4Address,9/12233:signed8", "0x616263,abc,5,0.0.0.5,5"], f"types in names: {printed}")
    for text_filter, flows in (("9/12232:string = abc", 1), ("9/12232:string != abc", 0), ("9/12232 = abc", None), ("9/12233:unsigned32 > 4", 1), ("9/12233:unsigned32 > 5", 0)):
        run = mole("flows", named, "--filter", text_filter, "--format", "csv", code=0 if flows is not None else 2)
        check(flows is None or run.stdout.count("\n") == 1 + flows, f"{text_filter}: {run.stdout}")
    for wrong, told in (("9/12232:text", "choose from octetArray, unsigned8"), ("9/12233:dateTimeSeconds", "unsigned32 for seconds"), ("6871/179:unsigned8", "6871/179 is dnsName, whose type is string"),
                        ("application_labels", "did you mean application_label"), ("dnsQNam", "did you mean dnsQName")):
        refused = mole("flows", named, "--columns", wrong, code=2).stderr
        check(told in refused and "mole-worker" not in refused and refused.startswith("mole flows: "), f"{wrong}: {refused}")
        check(told in mole("flows", named, "--filter", f"{wrong} = 1", code=2).stderr, wrong)
    every = mole("flows", named, "--columns", "bytes,*,dnsName,src_addr", "--format", "csv").stdout.splitlines()
    check(every[0].startswith("bytes,start,end,") and every[0].endswith(",sampling_source,dnsName") and every[0].count("bytes") == 2 and every[1].endswith(",www."), every)
    refused = mole("flows", named, "--columns", "acmeThing", code=2).stderr
    check("ENTERPRISE/ID" in refused and "--summary" in refused, refused)

    # Biflows: the opposite direction is not in the traffic.
    both = write("biflows.ipfix", biflows())
    found = summary(both)
    check((found["flows"], found["bytes"], found["packets"]) == (4, 1600, 12) and (found["biflows"], found["reverse_bytes"], found["reverse_packets"]) == (2, 100, 3), found)
    check("  reverse   100 bytes (100 B), 3 packets in the opposite direction of 2 biflows\n" in text(both), text(both))
    check("biflows" not in summary(named) and mole_json("flows", both, both, "--summary")["total"]["reverse_bytes"] == 200, "sums of files")

    # Names of known elements: all of a single file, the first ones of several, all below the total.
    many_known = write("known.ipfix", Exporter().message(Exporter().templates((256, FLOW + [(n, 4) for n in range(100, 120)])), flowset(256, RECORD + bytes(80)), records=1))
    names = summary(many_known)["elements_known"]
    shown = text(many_known)
    check(all(f" {name}" in shown for name in names), shown)
    first, total = text(many_known, domains).split("2 files")
    check(f"... ({len(names)})\n" in first and all(f" {name}" in total for name in names), first + total)

    # Interfaces and applications.
    named = write("names.v9", names9((1, b"Gi0/1"), (7, "Übergang".encode()), (1, b"Gi0/2"), (8, b"")))
    found = summary(named)
    check([(n["observation_domain"], n["id"], n["name"]) for n in found["interfaces"]] == [(5, 1, "Gi0/2"), (5, 7, "Übergang")], f"the last name: {found['interfaces']}")
    label = mole("flows", named, "--columns", "in_if,application_label", "--format", "csv").stdout.splitlines()[1]
    check([f"{n['id']}" for n in found["applications"]] == label.split(",")[1:] and found["applications"][0]["name"] == "http", f"{label}: {found['applications']}")
    for line in ("  names     2 interfaces\n", "domain 5: 1 Gi0/2, 7 Übergang\n", "  names     1 application\n"):
        check(line in text(named), f"{line}:\n{text(named)}")
    check(mole_json("flows", named, named, "--summary")["total"]["interfaces_seen"] == 2, "the same names in two files")
    more = write("more.v9", names9(*((n, f"eth{n}".encode()) for n in range(1, 21))))
    check("1 eth1, 2 eth2, 3 eth3, 4 eth4, 5 eth5, 6 eth6, 7 eth7, 8 eth8, ... (20)\n" in text(more), text(more))

    # Hostile names are shown, and change nothing else.
    for hostile in (b"\x1b[31mred\x07", b"\xff\xfe", b"a\nb", b"\xf0\x9f", b'"},{"x":"', b"x" * 32):
        for path in (write("hostile.v9", names9((1, hostile))), write("hostile.ipfix", typed(hostile * 100))):
            printed, found = text(path), summary(path)
            check("\x1b" not in printed and "\x07" not in printed and found["flows"] == 1 and found["state"] == "sound", printed)
            check(all(not line or line[0] in " 1/h" for line in printed.splitlines()), printed)
            names = [n["name"] for n in found.get("interfaces", [])] + [e.get("name", "") for e in found.get("elements_unknown", [])]
            check(any(names) and all(len(n.encode()) <= 256 for n in names), f"{hostile}: {names}")
    check("templates" not in summary(write("empty.ipfix", Exporter().message(flowset(2, b"")))), "nothing is said about nothing")
print("summaries show templates, elements and names")
