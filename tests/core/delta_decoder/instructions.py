"""Instructions and their operands: docs/FORMAT.md, section 17.7."""

from reader import Reader, check, leb128, wrap

MAX_ITEMS = 65536

ENCODING = {letter: ("u", 32) for letter in "FTGLBX"} | {"I": ("s", 32), "J": ("s", 64), "A": ("u", 64)}
TYPE_INDEX = ("s", 33)

# Ranges of opcodes, and their immediates.
OPCODES = """00-01 05 0a-0b 0f 19-1b 45-c4 d1 d3-d4: | 02-04 06: block | 07-08 25-26 3f-40 e2: X | 09 0c-0d 18 d5-d6: B
    | 0e: labels B | 10 12 d2: F | 11 13 e6: T X | 14-15 e0: T | 1c: types | 1f: block catches | 20-22: L | 23-24: G
    | 28-3e: access | 41: I | 42: J | 43: 4 | 44: 8 | d0: heap | e1: T T | e3 e5: T handlers | e4: T X handlers"""
PREFIXED = {
    0xFB: """00-01 06-07 0b-0e 10 20-22: T | 02-05 08-0a 12-13: T X | 0f 1a-1e: | 11: T T | 14-17 23-24: heap
        | 18-19 25-26: most3 B heap heap""",
    0xFC: "00-07 13-16: | 08 0a 0c 0e: X X | 09 0b 0d 0f-12: X",
    0xFD: """00-0b 5c-5d: access | 0c-0d: 16 | 15-22: 1 | 54-5b: access 1 | 0e-14 23-53 5e-99 9b-a1 a3-a4 a7-ae b1
        b5-ba bc-c1 c3-c4 c7-ce d1 d5-e1 e3-ed ef-113:""",
    0xFE: """00-02: access | 03: most1 | 04 72: | 10-1d: access1 | 1e-4e: access17 | 4f-57: most1 G | 58-5b: most1 X
        | 5c-66: most1 T X | 67-71: most1 T""",
}
DEPTH = {0x02: 1, 0x03: 1, 0x04: 1, 0x06: 1, 0x1F: 1, 0x0B: -1, 0x18: -1}


def table(text):
    rows = {}
    for row in text.split("|"):
        opcodes, immediates = row.split(":")
        for opcode in opcodes.split():
            first, _, last = opcode.partition("-")
            for number in range(int(first, 16), int(last or first, 16) + 1):
                rows[number] = immediates.split()
    return rows


OPCODES = table(OPCODES)
PREFIXED = {prefix: table(text) for prefix, text in PREFIXED.items()}


class Operand:
    def __init__(self, kind, encoding, data, start):
        self.kind, self.start = kind, start
        self.sign, self.bits = encoding
        reader = Reader(data)
        reader.at = start
        value, shift, byte = 0, 0, 0x80
        while byte & 0x80:
            check(shift < self.bits, "an operand is too long")
            byte = reader.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
        if self.sign == "s" and byte & 0x40:
            value -= 1 << shift
        check(self.holds(value), "an operand is out of range")
        self.end, self.value = reader.at, wrap(value)

    def holds(self, value):
        if self.bits == 33:
            return 0 <= value < 1 << 32
        if self.sign == "u":
            return 0 <= value < 1 << self.bits
        return -1 << (self.bits - 1) <= value < 1 << (self.bits - 1)

    def form(self, value, width=1):
        return leb128(value % (1 << 64) if self.sign == "u" else value, self.sign == "s", width)

    def write(self, value):
        check(self.bits == 64 or self.holds(value), "an operand does not fit its encoding")
        width = self.end - self.start
        if width == 1 or width == len(self.form(self.value)):
            return self.form(value)
        written = self.form(value, width)
        check(len(written) == width, "an operand does not fit its width")
        return written


class Tokens(Reader):
    """The tokens of a code section, or of literals."""

    operands = ()

    def token(self, is_head):
        """Reads a token with its operands. Returns the change of the depth."""
        self.operands = []
        if is_head:
            self.items(lambda: (self.operand("X"), self.value_type()))
            return 0
        opcode = self.byte()
        if opcode in PREFIXED:
            immediates = PREFIXED[opcode].get(self.fixed_number())
        else:
            immediates = OPCODES.get(opcode)
        check(immediates is not None, "an opcode is unknown")
        for immediate in immediates:
            self.immediate(immediate)
        return DEPTH.get(opcode, 0)

    def immediate(self, name):
        if name in ENCODING:
            self.operand(name)
        elif name.isdigit():
            self.take(int(name))
        elif name.startswith("most"):
            self.at_most(int(name[4:]))
        elif name.startswith("access"):
            self.access(int(name[6:] or 0))
        elif name == "block":
            self.block_type()
        elif name == "heap":
            self.heap_type()
        elif name == "types":
            self.items(self.value_type)
        elif name == "labels":
            self.items(lambda: self.operand("B"))
        elif name == "catches":
            self.items(self.catch)
        else:
            self.items(self.handler)

    def operand(self, kind, encoding=None):
        operand = Operand(kind, encoding or ENCODING[kind], self.data, self.at)
        self.at = operand.end
        self.operands.append(operand)
        return operand.value

    def fixed_number(self):
        number = Operand("X", ENCODING["X"], self.data, self.at)
        self.at = number.end
        return number.value

    def at_most(self, limit):
        byte = self.byte()
        check(byte <= limit, "a byte is too large")
        return byte

    def items(self, read_item):
        count = self.fixed_number()
        check(count <= MAX_ITEMS, "a list has too many items")
        for _ in range(count):
            read_item()

    def peek(self):
        check(not self.is_at_end(), "the bytes end early")
        return self.data[self.at]

    def abstract(self):
        check(0x68 <= self.byte() <= 0x75, "a type is unknown")

    def block_type(self):
        first = self.peek()
        if first == 0x40:
            self.byte()
        elif 0x41 <= first <= 0x7F:
            self.value_type()
        else:
            self.operand("T", TYPE_INDEX)

    def value_type(self):
        byte = self.byte()
        if byte in (0x63, 0x64):
            self.heap_type()
        elif byte == 0x65:
            self.abstract()
        else:
            check(0x7B <= byte <= 0x7F or 0x68 <= byte <= 0x75, "a type is unknown")

    def heap_type(self):
        first = self.peek()
        if first == 0x62:
            self.byte()
            self.operand("T")
        elif first == 0x65:
            self.byte()
            self.abstract()
        elif 0x40 <= first <= 0x7F:
            self.abstract()
        else:
            self.operand("T", TYPE_INDEX)

    def access(self, second_ordering):
        flags = self.operand("X") & ~0xF
        if flags & 0x40:
            flags ^= 0x40
            self.operand("X")
        elif flags & 0x20:
            flags ^= 0x20
            self.operand("T")
        if flags & 0x10 and second_ordering:
            flags ^= 0x10
            check(self.byte() in (0, second_ordering), "an ordering is unknown")
        check(flags == 0, "an alignment has unknown bits")
        self.operand("A")

    def catch(self):
        if self.at_most(3) < 2:
            self.operand("X")
        self.operand("B")

    def handler(self):
        clause = self.at_most(1)
        self.operand("X")
        if clause == 0:
            self.operand("B")
