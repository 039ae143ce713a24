"""Find which rules a field's value concerns, by the literals that they need in it.

Sets of rules are integers with one bit a rule: unions and intersections cost next to nothing,
however many rules there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from ipaddress import ip_network
from itertools import repeat
from operator import or_
from typing import Any, NamedTuple

from streams.sigma.literals import Literal, LiteralPosition
from streams.sigma.scan import LiteralScan
from streams.sigma.values import iterate_elements, parse_address, to_text

LONGEST_REMEMBERED = 256
"""Characters of a value."""
MOST_ELEMENTS = 4
"""Of a list that is cached."""
MOST_REMEMBERED = 50_000
"""Values of all columns together; one of many rules counts as several."""
_MARKS = 1 << 14
_RULES_OF_ONE = 4_096

RuleBits = int
"""One bit a rule."""
KnownValue = str | int | tuple[str, ...]
"""A value that is cached; of a list its texts."""
_BITS = {4: 32, 6: 128}
_NONE = repeat(0)


class RememberedValues:
    """What all columns together remember: values that have come twice. Values of which each comes
    once, such as command lines, push none of these out. Beyond MOST_REMEMBERED all are
    forgotten."""

    __slots__ = ("_columns", "_marks", "count")

    def __init__(self) -> None:
        self.count = 0
        self._columns: list[dict[KnownValue, RuleBits]] = []
        self._marks = bytearray(_MARKS)
        """Of values that came lately, by their hashes: few enough to stay in the processor's
        cache."""

    def is_new(self, mark: int) -> bool:
        """Whether the value has not come lately. `mark`: a hash of it with its column."""
        place, sign = mark % _MARKS, mark // _MARKS & 0xFF
        if self._marks[place] == sign:
            return False
        self._marks[place] = sign
        return True

    def put(
        self, column: dict[KnownValue, RuleBits], value: KnownValue, rules: RuleBits, weight: int
    ) -> None:
        """Cache the rules of the value."""
        if self.count + weight > MOST_REMEMBERED:
            for each in self._columns:
                each.clear()
            self._columns.clear()
            self.count = 0
        self.count += weight
        if not column:
            self._columns.append(column)
        column[value] = rules


class NeedLayer(NamedTuple):
    """One need of each of many rules, in the same field. A literal's bits are `shift` higher than
    the rules' own."""

    shift: int
    unwanted: RuleBits
    """Rules that need no literal in it."""
    without: RuleBits
    """Rules that have no need in it."""


class NeedLayers(NamedTuple):
    """How what is found in a field is read: its layers, and above them what is read together with
    other fields."""

    layers: Sequence[NeedLayer]
    every: RuleBits
    width: int
    """How many rules there are."""

    def read(self, bits: RuleBits) -> RuleBits:
        """Return the rules with all needs in the layers met; above them the bits above the
        layers."""
        met = self.every
        for shift, unwanted, without in self.layers:
            met &= without | ((bits >> shift) ^ unwanted)
        above = bits >> len(self.layers) * self.width
        return met | above << self.width if above else met

    @property
    def asking(self) -> RuleBits:
        """Rules that have a need in the layers."""
        without = self.every
        for layer in self.layers:
            without &= layer.without
        return self.every & ~without


class FieldColumn:
    """The rules that need one of some literals in one field."""

    __slots__ = (
        "_layers",
        "_networks",
        "_nothing",
        "_numbers",
        "_numerals",
        "_remembered",
        "_scan",
        "_scanned",
        "_weight",
        "_whole",
        "asking",
        "known",
        "searches",
    )

    def __init__(
        self,
        rules_by_literal: Mapping[Literal, RuleBits],
        scan: LiteralScan | None,
        remembered: RememberedValues,
        layers: NeedLayers | None = None,
    ) -> None:
        """Create a column. `rules_by_literal`: the rules of each literal. `scan`: finds all of them that are
        not looked up. `layers`: of the rules' bits; None: each rule has one."""
        self._layers = layers
        self._nothing = 0 if layers is None else layers.read(0)
        self.asking = 0 if layers is None else layers.asking
        """Rules that have a need in this field alone."""
        self.searches = scan is not None
        """A text that is not remembered costs a search."""
        self._whole: dict[str, RuleBits] = {}
        self._numbers: dict[int | float, RuleBits] = {}
        self._numerals: dict[str, RuleBits] = {}
        self._networks: dict[tuple[int, int], dict[int, RuleBits]] = {}
        self._scanned: dict[int, RuleBits] = {}
        self._scan = scan
        self._remembered = remembered
        self.known: dict[KnownValue, RuleBits] = {}
        """Values that came."""
        everything = 0
        for literal, rules in rules_by_literal.items():
            everything |= rules
            self._put(literal, rules)
        self._weight = 1 + everything.bit_length() // _RULES_OF_ONE

    def _put(self, literal: Literal, rules: RuleBits) -> None:
        if literal.how is LiteralPosition.WHOLE:
            self._whole[literal.text] = rules
        elif literal.how is LiteralPosition.NUMBER:
            number = _parse_number(literal.text)
            self._numbers[number] = self._numbers.get(number, 0) | rules
            self._numerals[literal.text] = rules
        elif literal.how is LiteralPosition.NETWORK:
            network = ip_network(literal.text)
            rest = _BITS[network.version] - network.prefixlen
            same = self._networks.setdefault((network.version, rest), {})
            same[int(network.network_address) >> rest] = rules
        elif self._scan is not None:
            self._scanned[self._scan.numbers[literal]] = rules

    def find_rules(self, value: Any) -> RuleBits | None:
        """Find the rules that this value concerns, as the layers are read; None if unknown.

        True, 1 and 1.0 are one key of a dictionary, so only texts and integers, which are never
        equal to each other, and lists of texts are cached."""
        kind = type(value)
        if kind is str or kind is int:
            known = self.known.get(value)
            return self.evaluate_new(value) if known is None else known
        if kind is list and len(value) <= MOST_ELEMENTS:
            return self._find_rules_of_short_list(value)
        return self._find_rules_of_elements(value)

    def _find_rules_of_short_list(self, value: list[Any]) -> RuleBits | None:
        elements = tuple(value)
        try:
            known = self.known.get(elements)
        except TypeError:  # an element that is a list or a mapping
            return self._find_rules_of_elements(value)
        if known is not None:
            return known
        met = self._find_rules_of_elements(value)
        if met is None or not all(type(each) is str and _is_short(each) for each in elements):
            return met
        if not self._remembered.is_new(hash(elements) ^ id(self)):
            self._remembered.put(self.known, elements, met, self._weight)
        return met

    def _find_rules_of_elements(self, value: Any) -> RuleBits | None:
        bits: RuleBits = 0
        for each in iterate_elements(value):
            of_one = self._find_rules_of_element(each)
            if of_one is None:
                return None
            bits |= of_one
        return self._read(bits)

    def evaluate_new(self, value: str | int) -> RuleBits | None:
        """Evaluate a value that is not cached, and cache it if it has come before."""
        if isinstance(value, str):
            bits = self._find_rules_of_short_text(value, self._numerals.get(value, 0))
        else:
            bits = self._find_rules_of_short_text(str(value), self._numbers.get(value, 0))
        met = self._read(bits)
        if met is None or self._remembered.is_new(hash(value) ^ id(self)) or not _is_short(value):
            return met
        self._remembered.put(self.known, value, met, self._weight)
        return met

    def _read(self, bits: RuleBits | None) -> RuleBits | None:
        if not bits:
            return None if bits is None else self._nothing
        return bits if self._layers is None else self._layers.read(bits)

    def _find_rules_of_element(self, value: Any) -> RuleBits | None:
        """Find the rules of an element; a list inside a list is skipped in comparisons."""
        if type(value) is str:
            return self._find_rules_of_short_text(value, self._numerals.get(value, 0))
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self._find_rules_of_short_text(str(value), self._numbers.get(value, 0))
        element_text = to_text(value)
        return self._find_rules_of_short_text(element_text, self._numerals.get(element_text, 0))

    def find_rules_of_text(self, value_text: str) -> RuleBits | None:
        """Find the rules of a text of any length."""
        return self._read(self._find_rules_of_short_text(value_text, 0))

    def _find_rules_of_short_text(self, value_text: str, bits: RuleBits) -> RuleBits | None:
        """Find the rules of a short text, including those that compare it as a number."""
        low = value_text.lower()
        bits |= self._whole.get(low, 0)
        if self._scan is not None:
            numbers = self._scan.find_literals(low)
            if not numbers:
                return None
            if len(numbers) > 1:
                bits = reduce(or_, map(self._scanned.get, numbers, _NONE), bits)
        if self._networks and (parsed := parse_address(value_text)) is not None:
            version, place = parsed
            for (its_version, rest), networks in self._networks.items():
                if its_version == version:
                    bits |= networks.get(place >> rest, 0)
        return bits


def _is_short(value: str | int) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_REMEMBERED
    return value.bit_length() <= LONGEST_REMEMBERED


def _parse_number(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:
        return float(digits)
