"""Predictions of operands: docs/FORMAT.md, section 17.8."""

from maps import ADDRESSES, CONSTANTS, FUNCTIONS, GLOBALS, TYPES, is_address

CLASS = {"F": 0, "T": 1, "G": 1, "L": 2, "I": 3, "A": 3, "J": 3, "B": 4, "X": 5}
KEY = {"F": 0, "T": 1, "G": 2, "L": 3, "I": 4, "A": 4, "J": 5}


class Predictor:
    def __init__(self, moves):
        self.moves = moves
        self.module = {}
        self.function = {}

    def tables(self, operand):
        """Returns each table of an operand with the place, and the list of the map."""
        key = (8 * operand.value + KEY[operand.kind]) % (1 << 64)
        product = key * 0x9E3779B97F4A7C15 % (1 << 64)
        number = {"F": FUNCTIONS, "T": TYPES, "G": GLOBALS}.get(operand.kind)
        if operand.kind in "IA" and is_address(operand.value):
            number = ADDRESSES
        if operand.kind == "J" and operand.value >= 1024:
            number = CONSTANTS
        tables = [(self.function, product >> 52)] if operand.kind in "LIAJ" else []
        if number is not None:
            tables.append((self.module, product >> 50))
        return key, tables, number

    def predict(self, operand):
        if operand.kind in "BX":
            return operand.value
        key, tables, number = self.tables(operand)
        for places, place in tables:
            if place in places and places[place][0] == key:
                return places[place][1]
        return operand.value if number is None else self.moves.move(number, operand.value)

    def record(self, operand, value):
        if operand.kind not in "BX":
            key, tables, _ = self.tables(operand)
            for places, place in tables:
                places[place] = (key, value)
