"""zstd frames and streams: docs/FORMAT.md, sections 17.2 and 17.4."""

import subprocess
import tempfile

from reader import Reader, check

FRAME_BYTES = 8 << 20
MAX_BASE_BYTES = 32 << 20
MAX_STREAM_BYTES = 16 << 20


def decode_frames(reader, size, prefix):
    """Decodes the rest of a part."""
    if len(prefix) > MAX_BASE_BYTES:
        prefix = b""
    content = bytearray()
    while len(content) < size:
        frame, declared, window = read_frame(reader)
        piece = min(FRAME_BYTES, size - len(content))
        check(declared == piece, "a frame declares another size")
        check(window <= FRAME_BYTES, "a window has more than 8 MiB")
        content += decompress(frame, piece, prefix)
    check(reader.is_at_end(), "bytes follow the last frame")
    return content


def read_frame(reader):
    """Returns one zstd frame, its declared content size and its window: RFC 8878, section 3.1.1."""
    start = reader.at
    check(reader.take(4) == b"\x28\xb5\x2f\xfd", "not a zstd frame")
    descriptor = reader.byte()
    is_single_segment = descriptor & 0x20 != 0
    window = 0
    if not is_single_segment:
        exponent, mantissa = divmod(reader.byte(), 8)
        window = (1 << (10 + exponent)) * (8 + mantissa) // 8
    reader.take((0, 1, 2, 4)[descriptor & 3])
    width = (int(is_single_segment), 2, 4, 8)[descriptor >> 6]
    declared = int.from_bytes(reader.take(width), "little") + (256 if width == 2 else 0) if width else None
    is_last = False
    while not is_last:
        header = int.from_bytes(reader.take(3), "little")
        is_last = header & 1 == 1
        is_repeated_byte = header >> 1 & 3 == 1
        reader.take(1 if is_repeated_byte else header >> 3)
    reader.take(4 if descriptor & 4 else 0)
    return reader.data[start : reader.at], declared, declared if is_single_segment else window


def decompress(frame, size, prefix):
    """Decompresses a frame with the zstd command."""
    command = ["zstd", "--decompress", "--stdout", "--quiet", "--no-progress"]
    with tempfile.NamedTemporaryFile() as file:
        if prefix:
            file.write(prefix)
            file.flush()
            command.append(f"--patch-from={file.name}")
        result = subprocess.run(command, input=frame, capture_output=True, check=False)
    check(result.returncode == 0, f"zstd: {result.stderr.decode(errors='replace').strip()}")
    check(len(result.stdout) == size, "a frame has another size")
    return result.stdout


def read_streams(reader, count):
    sizes = [reader.number() for _ in range(count)]
    check(sum(sizes) <= MAX_STREAM_BYTES, "streams have more than 16 MiB")
    arrangement = reader.number()
    check(arrangement <= 1, "the arrangement is unknown")
    wholes = [sum(sizes)] if arrangement else sizes
    lengths = [reader.number() if size else 0 for size in wholes]
    joined = bytearray()
    for size, length in zip(wholes, lengths):
        check(length <= size, "a stream is stored in more bytes than it has")
        stored = reader.take(length)
        joined += stored if length == size else read_stored(stored, size)
    joined = Reader(bytes(joined))
    return [Reader(joined.take(size)) for size in sizes]


def read_stored(stored, size):
    reader = Reader(stored)
    frame, _, _ = read_frame(reader)
    check(reader.is_at_end(), "bytes follow the frame of a stream")
    return decompress(frame, size, b"")


def check_ends(streams):
    check(all(stream.is_at_end() for stream in streams), "a stream is longer than needed")


def decode_literals(reader, prefix):
    size = reader.number()
    return bytes(decode_frames(reader, size, prefix))


def next_gap(gaps):
    return None if gaps.is_at_end() else gaps.number()
