"""Maps: docs/FORMAT.md, section 17.3."""

from frames import decode_frames
from reader import Reader, check, wrap

MAX_MAP_BYTES = 8 << 20
MAX_CHANGES = 1 << 20
FUNCTIONS, GLOBALS, TYPES, ADDRESSES, CONSTANTS = range(5)


class Map:
    def __init__(self, part=None):
        self.lists = [[] for _ in range(5)]
        if part is None:
            return
        check(part.is_map(), "the part is no map")
        reader = Reader(decode_frames(Reader(part.stored), part.size, b""))
        counts = [reader.number() for _ in range(5)]
        check(sum(counts) <= MAX_CHANGES, "a map has too many changes")
        for changes, count in zip(self.lists, counts):
            first = 0
            for _ in range(count):
                first += reader.number()
                check(first < 1 << 63, "a change of a map is above 2^63 - 1")
                changes.append([first, 0])
        for changes in self.lists:
            shift = 0
            for change in changes:
                shift = wrap(shift + reader.signed())
                change[1] = shift
        check(reader.is_at_end(), "bytes follow the map")

    def move(self, number, value):
        changes = self.lists[number]
        low, high = 0, len(changes)
        while low < high:
            middle = (low + high) // 2
            if changes[middle][0] <= value:
                low = middle + 1
            else:
                high = middle
        return wrap(value + changes[low - 1][1]) if low else value


def is_address(value):
    return 1024 <= value < 1 << 31
