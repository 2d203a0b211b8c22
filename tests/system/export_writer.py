"""Writes streams of NetFlow v9 (RFC 3954) and IPFIX (RFC 7011), with the flows that the RFCs define."""
import collections
import struct

T = 1_700_000_000  # export time, s: 2023-11-14T22:13:20Z
UPTIME = 50_000_000  # ms
CERT, REVERSE = 6871, 29305
VAR = 65535
BOTH = (False, True)
V = {False: "ipfix", True: "v9"}
# Elements that are requested by name.
ELEMENTS = ("dnsName", "mibObjectValueInteger", "absoluteError", "dataRecordsReliability", "sourceMacAddress", "minFlowStartMicroseconds",
            "minFlowStartNanoseconds")

# name: content, flows in any order, lost flows, whether damage is reported, whether other flows are allowed.
Stream = collections.namedtuple("Stream", "content flows lost damaged others", defaults=(0, False, False))
NTP = 2_208_988_800


def be(value, size):
    return int(value).to_bytes(size, "big", signed=value < 0)


def var(value, long=False):
    """A value of variable length, with its length in 1 or 3 bytes (RFC 7011, section 7)."""
    return (be(len(value), 1) if len(value) < 255 and not long else b"\xff" + be(len(value), 2)) + value


def specifiers(fields):
    out = b""
    for number, length, *enterprise in fields:
        out += struct.pack(">HH", number | (0x8000 if enterprise else 0), length) + (be(enterprise[0], 4) if enterprise else b"")
    return out


def body_of_template(number, fields):
    return struct.pack(">HH", number, len(fields)) + specifiers(fields)


def flowset(number, body, padding=0, length=None):
    return struct.pack(">HH", number, 4 + len(body) + padding if length is None else length) + body + bytes(padding)


class Exporter:
    """Messages of one observation domain, with their sequence."""

    def __init__(self, v9=False, domain=7, sequence=0, seconds=T, uptime=UPTIME):
        self.v9, self.domain, self.sequence, self.seconds, self.uptime = v9, domain, sequence, seconds, uptime

    def message(self, *sets, records=0, length=None, seconds=None):
        """`records`: data records in the sets, with options records."""
        body = b"".join(sets)
        seconds = self.seconds if seconds is None else seconds
        if self.v9:
            out = struct.pack(">HHIIII", 9, max(1, records), self.uptime, seconds, self.sequence % 2 ** 32, self.domain) + body
            self.sequence += 1
        else:
            out = struct.pack(">HHIII", 10, 16 + len(body) if length is None else length, seconds, self.sequence % 2 ** 32, self.domain) + body
            self.sequence += records
        return out

    def templates(self, *definitions, padding=0):
        return flowset(0 if self.v9 else 2, b"".join(body_of_template(n, f) for n, f in definitions), padding)

    def options(self, number, scopes, fields, padding=0):
        if self.v9:
            body = struct.pack(">HHH", number, 4 * len(scopes), 4 * len(fields)) + specifiers(scopes + fields)
        else:
            body = struct.pack(">HHH", number, len(scopes) + len(fields), len(scopes)) + specifiers(scopes + fields)
        return flowset(1 if self.v9 else 3, body, padding)


OTHER = [(2, 4), (8, 4)]


def one(exporter, fields, *records, padding=0):
    """A message with a template and its records."""
    return exporter.message(exporter.templates((256, fields)), flowset(256, b"".join(records), padding), records=len(records))


# A plain flow: number n has the source 10.0.0.n, n packets, 100 n bytes, and lasts a second.
PLAIN = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (2, 4), (1, 4), (152, 8), (153, 8)]


def plain(n):
    return be(0x0a000000 + n, 4) + be(0xc6336401, 4) + be(1000 + n, 2) + be(443, 2) + be(6, 1) + be(n, 4) + be(100 * n, 4) + \
        be((T - 60) * 1000 + n, 8) + be((T - 59) * 1000 + n, 8)


def us(seconds, micro=0):
    return seconds * 1_000_000 + micro


def ntp(seconds, micro):
    return be((seconds + NTP) % 2 ** 32, 4) + be(-(-micro * 2 ** 32 // 1_000_000), 4)


def flow(**values):
    """The expected values of a flow; what is not in its record has the default of the column."""
    out = dict(start=us(T), end=us(T), src_addr="0.0.0.0", dst_addr="0.0.0.0", src_port=0, dst_port=0, protocol=0, packets=0, bytes=0, tcp_flags=0, tos=0,
               src_as=0, dst_as=0, src_mask=0, dst_mask=0, in_if=0, out_if=0, sampling=1, application_label=0, observation_domain=7, src_vlan=0,
               dst_vlan=0, mpls_label=0, post_src_addr=None, post_dst_addr=None, post_src_port=0, post_dst_port=0, reverse_packets=0, reverse_bytes=0,
               icmp_type=0, icmp_code=0, end_reason=0, flow_direction=255)
    if ":" in str(values.get("src_addr", "")):
        out["dst_addr"] = "::"
    assert values.keys() <= out.keys() | set(ELEMENTS), values.keys() - out.keys()
    return {**out, **values}


def expected_plain(n, **values):
    return flow(**{**dict(src_addr=f"10.0.{n >> 8}.{n & 255}", dst_addr="198.51.100.1", src_port=1000 + n, dst_port=443, protocol=6, packets=n, bytes=100 * n,
                          start=us(T - 60, 1000 * n), end=us(T - 59, 1000 * n)), **values})
