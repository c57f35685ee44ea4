"""The rewriting of bases: docs/FORMAT.md, section 17.5."""

from maps import ADDRESSES, CONSTANTS, FUNCTIONS, GLOBALS, TYPES, is_address
from reader import Reader, Rejected, leb128


class End(Exception):
    """The rewriting ends."""


class Rewriter:
    def __init__(self, base, moves):
        self.base = Reader(base)
        self.moves = moves
        self.limit = len(base) + len(base) // 8 + 1024
        self.output = bytearray()
        self.written = 0

    def rewrite(self, rewriting):
        try:
            if rewriting <= 2:
                self.data(ADDRESSES if rewriting == 1 else CONSTANTS)
            elif rewriting == 3:
                self.elements()
            else:
                self.names()
        except (End, Rejected):
            pass
        return bytes(self.output) + self.base.data[self.written :]

    def replace(self, start, new):
        if len(self.output) + len(self.base.data) - self.written + 10 > self.limit:
            raise End
        self.output += self.base.data[self.written : start] + new
        self.written = self.base.at

    def index(self, number):
        start = self.base.at
        old = self.base.number()
        if old >= 1 << 63:
            raise End
        new = self.moves.move(number, old)
        self.replace(start, leb128(new if 0 <= new < 1 << 32 else old, False))

    def constant(self, number):
        start = self.base.at
        value = self.base.number()
        bits = min(64, 7 * (self.base.at - start))
        if value >> (bits - 1) & 1:
            value -= 1 << bits
        if number is not None and is_address(value):
            self.replace(start, leb128(self.moves.move(number, value), True))
        return value

    def expression(self, number=None):
        """Returns the constant, if there is nothing else."""
        values = []
        while True:
            opcode = self.base.byte()
            if opcode == 0x0B:
                return values[0] if len(values) == 1 else None
            values.append(None)
            if opcode in (0x41, 0x42):
                values[-1] = self.constant(number)
            elif opcode in (0x23, 0xD0):
                self.base.number()
            elif opcode == 0xD2:
                self.index(FUNCTIONS)
            elif opcode in (0x43, 0x44):
                self.base.take(4 if opcode == 0x43 else 8)
            elif opcode not in (0x6A, 0x6B, 0x6C, 0x7C, 0x7D, 0x7E):
                raise End

    def data(self, number):
        for _ in range(self.base.number()):
            flags = self.base.number()
            if flags > 2:
                raise End
            if flags == 2:
                self.base.number()
            address = 0 if flags == 1 else self.expression(number) or 0
            size = self.base.number()
            start = self.base.at + -address % 4
            self.base.take(size)
            end = self.base.at
            start = min(start, end)
            self.output += self.base.data[self.written : start]
            for at in range(start, end, 4):
                word = self.base.data[at : min(at + 4, end)]
                value = int.from_bytes(word, "little")
                if len(word) == 4 and is_address(value):
                    word = (self.moves.move(number, value) % (1 << 32)).to_bytes(4, "little")
                self.output += word
            self.written = end

    def elements(self):
        for _ in range(self.base.number()):
            flags = self.base.number()
            if flags > 7:
                raise End
            if flags & 3 == 2:
                self.base.number()
            if flags & 1 == 0:
                self.expression()
            kind = self.base.byte() if flags & 3 else None
            if flags & 4 and kind in (0x63, 0x64):
                self.base.number()
            for _ in range(self.base.number()):
                if flags & 4:
                    self.expression()
                else:
                    self.index(FUNCTIONS)

    def names(self):
        while not self.base.is_at_end():
            number = {1: FUNCTIONS, 2: FUNCTIONS, 4: TYPES, 7: GLOBALS}
            kind = self.base.byte()
            size = self.base.number()
            end = self.base.at + size
            if kind not in number:
                self.base.take(size)
                continue
            if end >= 1 << 64:
                raise End
            for _ in range(self.base.number()):
                self.index(number[kind])
                names = self.base.number() if kind == 2 else 1
                for _ in range(names):
                    if kind == 2:
                        self.base.number()
                    self.base.take(self.base.number())
            if self.base.at != end:
                raise End
