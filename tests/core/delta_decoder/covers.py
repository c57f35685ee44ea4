"""The method covers: docs/FORMAT.md, section 17.5."""

from frames import MAX_BASE_BYTES, check_ends, decode_literals, next_gap, read_streams
from reader import Reader, check
from rewriting import Rewriter


def decode_covers(reader, size, base, moves):
    rewriting = reader.byte()
    check(rewriting <= 4, "the rewriting is unknown")
    if rewriting > 0:
        check(len(base) <= MAX_BASE_BYTES, "the base has more than 32 MiB")
        base = Rewriter(base, moves).rewrite(rewriting)
    streams = read_streams(reader, 5)
    literal_counts, copy_counts, seeks, gaps, differences = streams
    literals = Reader(decode_literals(reader, base))
    content = bytearray()
    position = 0
    gap = next_gap(gaps)
    while len(content) < size:
        content += literals.take(literal_counts.number())
        check(len(content) <= size, "the content is too long")
        if len(content) == size:
            break
        count = copy_counts.number()
        check(count <= size - len(content), "the content is too long")
        position += seeks.signed()
        check(0 <= position and position + count <= len(base), "a copy is not within the base")
        copied = bytearray(base[position : position + count])
        position += count
        at = 0
        while gap is not None and gap < count - at:
            at += gap
            copied[at] = (copied[at] + differences.byte()) % 256
            at += 1
            gap = next_gap(gaps)
        if gap is not None:
            gap -= count - at
        content += copied
    check_ends(streams)
    check(gap is None, "a gap has no byte")
    check(literals.is_at_end(), "literals are left")
    return content
