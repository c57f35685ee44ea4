"""Bytes, and numbers in them: docs/FORMAT.md, sections 17.1 and 17.3."""


class Rejected(Exception):
    """The file or a part breaks a rule of the page."""


def check(is_right, reason):
    if not is_right:
        raise Rejected(reason)


class Reader:
    """Bytes, and how far they were read."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def is_at_end(self):
        return self.at == len(self.data)

    def take(self, count):
        check(count <= len(self.data) - self.at, "the bytes end early")
        taken = self.data[self.at : self.at + count]
        self.at += count
        return taken

    def byte(self):
        return self.take(1)[0]

    def rest(self):
        return self.take(len(self.data) - self.at)

    def number(self):
        value = 0
        for shift in range(0, 70, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                check(value < 1 << 64, "a number has more than 64 bits")
                return value
        raise Rejected("a number has more than 64 bits")

    def shortest_number(self):
        start = self.at
        value = self.number()
        check(leb128(value, False) == self.data[start : self.at], "a number is not in its shortest form")
        return value

    def signed(self):
        number = self.number()
        return -(number + 1) // 2 if number & 1 else number // 2


def wrap(value):
    """Returns the signed number of 64 bits with the same lowest bits."""
    return (value + (1 << 63)) % (1 << 64) - (1 << 63)


def leb128(value, is_signed, width=1):
    """Returns the shortest form that has at least `width` bytes."""
    encoded = bytearray()
    while True:
        group = value & 0x7F
        value >>= 7
        is_complete = value == (-1 if is_signed and group & 0x40 else 0)
        if is_complete and len(encoded) + 1 >= width:
            return bytes(encoded) + bytes([group])
        encoded.append(group | 0x80)
