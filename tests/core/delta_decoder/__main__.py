"""Decodes the parts of a delta file.

This is a second implementation of docs/FORMAT.md, section 17, for the tests. It is written from that page, it uses the
names of that page, and it is slow. It needs the `zstd` command.

    python3 delta_decoder DELTA --base DIR --out DIR

The files below the base directory are the contents of the old component, as `wharf split --raw` writes them, and its
config, which is a blob of a layout. Their names mean nothing. Each part becomes a file in the output directory:
`config`, `layer-0`, `layer-1`, and so on.
"""

import argparse
import hashlib
import json
import pathlib
import sys

from code_sections import decode_code
from covers import decode_covers
from frames import MAX_BASE_BYTES, decode_frames
from maps import MAX_MAP_BYTES, Map
from reader import Reader, Rejected, check


class Part:
    def __init__(self, reader):
        self.kind = reader.byte()
        self.method = reader.byte()
        self.layer = reader.shortest_number()
        self.size = reader.shortest_number()
        bases = reader.byte()
        check(bases <= 1, "a part has more than one base")
        self.base = (reader.take(32), reader.shortest_number()) if bases else None
        self.map = reader.shortest_number()
        self.length = reader.shortest_number()
        self.stored = b""

    def is_map(self):
        is_whole = self.method == 0 and self.base is None and self.map == 0
        return self.kind == 2 and self.layer == 0 and is_whole and self.size <= MAX_MAP_BYTES


def read_file(data):
    """Returns the target and the parts."""
    reader = Reader(data)
    check(reader.take(7) == b"wharf\0d", "not a delta file")
    check(reader.byte() == 1, "the version is unknown")
    reader.take(32)
    target = reader.take(32)
    granularity = reader.byte()
    check(granularity <= 3, "the granularity is unknown")
    if granularity > 0:
        check(reader.shortest_number() > 0, "the floor is 0")
        check(1 <= reader.shortest_number() <= 1000, "the cap is not from 1 to 1,000")
    count = reader.shortest_number()
    check(count <= 4096, "more than 4,096 parts")
    parts = [Part(reader) for _ in range(count)]
    for part in parts:
        part.stored = reader.take(part.length)
    check(reader.is_at_end(), "bytes follow the last part")
    return target, parts


def decode_part(parts, part, base):
    """Returns the content of a part. Without a base `base` is empty."""
    check((part.base is not None) == (part.method > 0), "the base does not fit the method")
    check(part.method in (2, 3) or part.map == 0, "the method has no map")
    check(part.map <= len(parts), "the map does not exist")
    moves = Map(parts[part.map - 1] if part.map else None)
    reader = Reader(part.stored)
    if part.method == 0:
        content = decode_frames(reader, part.size, b"")
    elif part.method == 1:
        check(len(base) <= MAX_BASE_BYTES, "the base has more than 32 MiB")
        content = decode_frames(reader, part.size, base)
    elif part.method == 2:
        content = decode_covers(reader, part.size, base, moves)
    elif part.method == 3:
        content = decode_code(reader, part.size, base, moves)
    else:
        raise Rejected("the method is unknown")
    check(len(content) == part.size, "the content has another size")
    return bytes(content)


def sha256(data):
    return hashlib.sha256(data).digest()


def find_contents(directory):
    files = [path for path in sorted(pathlib.Path(directory).rglob("*")) if path.is_file()]
    return {sha256(path.read_bytes()): path for path in files}


def decode_contents(parts, contents):
    """Yields each part that is no map, with its content."""
    for part in parts:
        if part.kind == 2 and part.layer == 0:
            continue
        check(part.kind == 0 or (part.kind == 1 and part.layer == 0), "the kind is unknown")
        base = b""
        if part.base:
            check(part.base[0] in contents, f"there is no content {part.base[0].hex()}")
            base = contents[part.base[0]].read_bytes()
            check(len(base) == part.base[1], "the base has another size")
        yield part, decode_part(parts, part, base)


def main():
    parser = argparse.ArgumentParser(description="Decode the parts of a delta file.")
    parser.add_argument("delta")
    parser.add_argument("--base", required=True, help="directory of the old contents")
    parser.add_argument("--out", required=True, help="directory of the new contents")
    arguments = parser.parse_args()
    output = pathlib.Path(arguments.out)
    output.mkdir(parents=True, exist_ok=True)
    layers = None
    try:
        target, parts = read_file(pathlib.Path(arguments.delta).read_bytes())
        for part, content in decode_contents(parts, find_contents(arguments.base)):
            if part.kind == 1:
                check(sha256(content) == target, "the config is not the target")
                config = json.loads(content)
                layers = [config["root"], *config["layers"]]
            elif layers is not None:
                check(part.layer < len(layers), "a layer does not exist")
                check("sha256:" + sha256(content).hex() == layers[part.layer]["digest"], "a layer has another digest")
            name = "config" if part.kind == 1 else f"layer-{part.layer}"
            (output / name).write_bytes(content)
    except Rejected as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
