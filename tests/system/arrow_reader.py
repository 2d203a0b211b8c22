"""Reads Arrow IPC streams without Arrow, after Schema.fbs and Message.fbs of the format: the schema, and columns of fixed size."""
import struct

TYPES = {2: "int", 3: "float", 5: "utf8", 6: "bool", 10: "timestamp", 15: "fixed_size_binary"}


class Table:
    """A table of a FlatBuffer at a position."""

    def __init__(self, data, at):
        self.data, self.at = data, at

    def place(self, field):
        vtable = self.at - struct.unpack_from("<i", self.data, self.at)[0]
        size = struct.unpack_from("<H", self.data, vtable)[0]
        offset = struct.unpack_from("<H", self.data, vtable + 4 + 2 * field)[0] if 4 + 2 * field < size else 0
        return self.at + offset if offset else None

    def number(self, field, form, default=0):
        place = self.place(field)
        return default if place is None else struct.unpack_from("<" + form, self.data, place)[0]

    def target(self, field):
        place = self.place(field)
        return place + struct.unpack_from("<I", self.data, place)[0]

    def table(self, field):
        return Table(self.data, self.target(field))

    def text(self, field):
        at = self.target(field)
        return self.data[at + 4:at + 4 + struct.unpack_from("<I", self.data, at)[0]].decode()

    def tables(self, field):
        at = self.target(field)
        places = [at + 4 + 4 * i for i in range(struct.unpack_from("<I", self.data, at)[0])]
        return [Table(self.data, place + struct.unpack_from("<I", self.data, place)[0]) for place in places]

    def pairs(self, field):
        at = self.target(field)
        return [struct.unpack_from("<qq", self.data, at + 4 + 16 * i) for i in range(struct.unpack_from("<I", self.data, at)[0])]


def type_of(field):
    kind, details = TYPES[field.number(2, "B")], field.table(3)
    if kind == "int":
        return ("int" if details.number(1, "?", False) else "uint") + str(details.number(0, "i"))
    if kind == "timestamp":
        return f"timestamp[{('s', 'ms', 'us', 'ns')[details.number(0, 'H')]}, {details.text(1)}]"
    return f"{kind}[{details.number(0, 'i')}]" if kind == "fixed_size_binary" else kind


def messages(data):
    at = 0
    while True:
        mark, size = struct.unpack_from("<Ii", data, at)
        assert mark == 0xffffffff, "not a message"
        if size == 0:
            return
        head = data[at + 8:at + 8 + size]
        message = Table(head, struct.unpack_from("<I", head, 0)[0])
        at += 8 + size
        length = message.number(3, "q")
        yield message, data[at:at + length]
        at += length


def read(data):
    """Returns {name: (type, metadata)} and {name: values} of the columns of fixed size, as bytes per value."""
    fields, columns = [], {}
    for message, body in messages(data):
        if message.number(1, "B") == 1:
            fields = [(f.text(0), type_of(f), {p.text(0): p.text(1) for p in f.tables(6)}) for f in message.table(2).tables(1)]
            continue
        batch, buffers = message.table(2), iter(message.table(2).pairs(2))
        for name, kind, _ in fields:
            next(buffers)  # validity
            start, length = next(buffers)
            if kind == "utf8":
                next(buffers)
                continue
            rows = batch.number(0, "q")
            width = length // rows if rows else 1
            columns.setdefault(name, []).extend(body[start + i * width:start + (i + 1) * width] for i in range(rows))
    return {name: (kind, notes) for name, kind, notes in fields}, columns
