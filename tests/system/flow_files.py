"""Writes NetFlow v5 files for tests, and counts their flows without the project's code."""
import bz2
import collections
import random
import struct

DAY = 86400


class Exporter:
    """A router that exports a datagram every `every` seconds from `start` to `end` (Unix time), with flows that began up to `delay`
    seconds earlier, and `age` more."""

    def __init__(self, name, start, end, seed=1, every=60, flows=8, delay=1500, boot=None, engine=0, age=0):
        choice = random.Random(f"{name} {seed}")
        self.name, self.datagrams = name, []  # (export time, bytes, start times of flows)
        boot = start - 30 * DAY - 600 * seed if boot is None else boot
        sequence = 0
        for now in range(start, end, every):
            uptime = (now - boot) * 1000 & 0xffffffff
            count = choice.randint(1, flows)
            out = struct.pack(">HHIIIIBBH", 5, count, uptime, now, 0, sequence, 0, engine, 0)
            starts = []
            for _ in range(count):
                ended = choice.randint(0, 15)
                began = age + ended + int((delay - ended) * choice.random() ** 6)
                ended += age
                starts.append(now - began)
                out += struct.pack(">IIIHHIIIIHHBBBBHHBBH", choice.getrandbits(32), choice.getrandbits(32), 0, 1, 2, 3, 1000,
                                   uptime - began * 1000 & 0xffffffff, uptime - ended * 1000 & 0xffffffff, 1024, 80, 0, 16, 6, 0, 0, 0,
                                   24, 24, 0)
            sequence += count
            self.datagrams.append((now, out, starts))

    def content(self, start, end):
        return b"".join(data for now, data, _ in self.datagrams if start <= now < end)

    def files(self, length):
        """Yields (start, content) of files of this length, aligned to it."""
        first, last = self.datagrams[0][0] // length, self.datagrams[-1][0] // length
        for n in range(first, last + 1):
            yield n * length, self.content(n * length, (n + 1) * length)

    def flows_per_hour(self):
        return collections.Counter(start // 3600 for _, _, starts in self.datagrams for start in starts)


def write(folder, name, content, compress=None):
    """Writes a file below `folder`; compressed if its name says so."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bz2.compress(content, 1) if (compress if compress is not None else name.endswith(".bz2")) else content)
