"""The method code: docs/FORMAT.md, section 17.6."""

from frames import check_ends, decode_literals, next_gap, read_streams
from instructions import Tokens
from predictions import CLASS, Predictor
from reader import check, leb128, wrap

MAX_BODY_BYTES = 8 << 20


def decode_code(reader, size, base, moves):
    functions = reader.number()
    streams = read_streams(reader, 15)
    literals = Tokens(decode_literals(reader, base))
    decoder = CodeDecoder(base, streams, literals, Predictor(moves))
    content = bytearray(leb128(functions, False))
    for _ in range(functions):
        body = decoder.function()
        content += leb128(len(body), False) + body
        check(len(content) <= size, "the content is too long")
    check_ends(streams)
    check(decoder.literal == decoder.copied == 0, "a count is not used up")
    check(all(gap is None for gap in decoder.gaps), "a gap has no operand")
    check(literals.is_at_end(), "literals are left")
    return content


class CodeDecoder:
    def __init__(self, base, streams, literals, predictor):
        self.literal_counts, self.copy_counts, self.seeks = streams[:3]
        self.gap_streams = streams[3:9]
        self.differences = streams[9:]
        self.gaps = [next_gap(stream) for stream in self.gap_streams]
        self.base = Tokens(base)
        self.literals = literals
        self.predictor = predictor
        self.literal = self.copied = 0
        self.is_copy_next = False

    def function(self):
        self.predictor.function = {}
        body = bytearray()
        self.token(body, True)
        depth = 1
        while depth > 0:
            depth += self.token(body, False)
            check(len(body) <= MAX_BODY_BYTES, "a body has more than 8 MiB")
        return body

    def token(self, body, is_head):
        """Appends a token. Returns the change of the depth."""
        while self.literal == self.copied == 0:
            if self.is_copy_next:
                self.copied = self.copy_counts.number()
                self.base.at += self.seeks.signed()
                check(0 <= self.base.at <= len(self.base.data), "the position is not within the base")
            else:
                self.literal = self.literal_counts.number()
            self.is_copy_next = not self.is_copy_next
        if self.literal:
            self.literal -= 1
            start = self.literals.at
            depth = self.literals.token(is_head)
            body += self.literals.data[start : self.literals.at]
            return depth
        self.copied -= 1
        if is_head:
            self.base.number()
        written = self.base.at
        depth = self.base.token(is_head)
        for operand in self.base.operands:
            value = self.new_value(operand)
            if value != operand.value:
                body += self.base.data[written : operand.start] + operand.write(value)
                written = operand.end
        body += self.base.data[written : self.base.at]
        return depth

    def new_value(self, operand):
        kind = CLASS[operand.kind]
        value = self.predictor.predict(operand)
        if self.gaps[kind] == 0:
            value = wrap(value + self.differences[kind].signed())
            self.predictor.record(operand, value)
            self.gaps[kind] = next_gap(self.gap_streams[kind])
        elif self.gaps[kind] is not None:
            self.gaps[kind] -= 1
        return value
