"""Reads Arrow IPC streams without Arrow, after Schema.fbs and Message.fbs of the format: the schema, columns of fixed size, and lists."""
import struct

TYPES = {2: "int", 3: "float", 4: "binary", 5: "utf8", 6: "bool", 10: "timestamp", 12: "list", 15: "fixed_size_binary"}


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
    if kind == "list":
        return f"list<{type_of(field.tables(5)[0])}>"
    return f"{kind}[{details.number(0, 'i')}]" if kind == "fixed_size_binary" else kind


def bits(body, place, count):
    return [body[place[0] + i // 8] >> (i % 8) & 1 for i in range(count)]


def values_of(kind, body, count, buffers):
    """The values of a list's child as bytes, or booleans."""
    next(buffers)  # validity
    place = next(buffers)
    if kind == "bool":
        return [bool(bit) for bit in bits(body, place, count)]
    if kind in ("utf8", "binary"):
        ends, (start, _) = struct.unpack_from(f"<{count + 1}i", body, place[0]), next(buffers)
        return [body[start + ends[i]:start + ends[i + 1]] for i in range(count)]
    width = place[1] // count if count else 1
    return [body[place[0] + i * width:place[0] + (i + 1) * width] for i in range(count)]


def lists_of(kind, body, rows, nodes, buffers):
    """The lists of a column; None for a null."""
    nulls, validity = next(nodes)[1], next(buffers)
    ends = struct.unpack_from(f"<{rows + 1}i", body, next(buffers)[0])
    valid = bits(body, validity, rows) if nulls else [1] * rows
    values = values_of(kind, body, next(nodes)[0], buffers)
    return [values[ends[i]:ends[i + 1]] if valid[i] else None for i in range(rows)]


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
    """Returns {name: (type, metadata)} and {name: values} of the columns of fixed size, as bytes per value, and of lists."""
    fields, columns = [], {}
    for message, body in messages(data):
        if message.number(1, "B") == 1:
            fields = [(f.text(0), type_of(f), {p.text(0): p.text(1) for p in f.tables(6)}) for f in message.table(2).tables(1)]
            continue
        batch, nodes, buffers = message.table(2), iter(message.table(2).pairs(1)), iter(message.table(2).pairs(2))
        for name, kind, _ in fields:
            if kind.startswith("list<"):
                columns.setdefault(name, []).extend(lists_of(kind[5:-1], body, batch.number(0, "q"), nodes, buffers))
                continue
            next(nodes)
            next(buffers)  # validity
            start, length = next(buffers)
            if kind == "utf8":
                next(buffers)
                continue
            rows = batch.number(0, "q")
            width = length // rows if rows else 1
            columns.setdefault(name, []).extend(body[start + i * width:start + (i + 1) * width] for i in range(rows))
    return {name: (kind, notes) for name, kind, notes in fields}, columns
