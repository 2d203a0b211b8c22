"""Writes NetFlow v5, independently of the project's code: the datagrams of one exporter, or of several in one file."""
import struct

DAY = 86400


def address(number):
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def record(src, first, last, dst=0xc0000201, hop=0, in_if=1, out_if=2, packets=1, octets=100, src_port=1024, dst_port=80, flags=16, protocol=6, tos=0, src_as=0,
           dst_as=0, src_mask=24, dst_mask=24):
    return struct.pack(">IIIHHIIIIHHBBBBHHBBH", src, dst, hop, in_if, out_if, packets, octets, first & 0xffffffff, last & 0xffffffff, src_port, dst_port, 0, flags,
                       protocol, tos, src_as, dst_as, src_mask, dst_mask, 0)


def datagram(records, seconds, uptime, nanoseconds=0, sequence=0, engine=0, sampling=0):
    return struct.pack(">HHIIIIHH", 5, len(records), uptime & 0xffffffff, seconds & 0xffffffff, nanoseconds & 0xffffffff, sequence & 0xffffffff, engine,
                       sampling) + b"".join(records)


class Exporter:
    """Exports datagrams whose flows began 1.5 s and ended 0.5 s before. Each flow has a source address of its own, counted from `network`."""

    def __init__(self, seconds, network=0x0a000000, boot=None, sequence=1, clock=0, **header):
        self.seconds, self.network, self.sequence, self.clock, self.header = seconds, network, sequence, clock, header
        self.boot = seconds - DAY if boot is None else boot
        self.flows = 0

    def export(self, flows=5, seconds=None, **values):
        """One datagram at a true time; `clock` is the error of the exporter's clock."""
        seconds = self.seconds if seconds is None else seconds
        uptime = (seconds - self.boot) * 1000
        records = [record(self.network + self.flows + k, uptime - 1500, uptime - 500, **values) for k in range(flows)]
        out = datagram(records, seconds + self.clock, uptime, sequence=self.sequence, **self.header)
        self.flows += flows
        self.sequence += flows
        return out

    def lose(self, flows):
        self.sequence += flows

    def hour(self, datagrams=60, flows=5, **values):
        """Datagrams evenly spread over an hour, the first one 2 s after its start."""
        return [self.export(flows, self.seconds + i * 3600 // datagrams + 2, **values) for i in range(datagrams)]
