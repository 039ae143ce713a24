"""Which rules a field's value concerns, by the literals that they need in it.

Sets of rules are whole numbers with one bit a rule: joining and cutting them costs next to nothing,
however many rules there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from streams.sigma.literals import How, Literal
from streams.sigma.scan import Scan
from streams.sigma.values import address, text

LONGEST_REMEMBERED = 256
"""Characters of a value."""
MOST_REMEMBERED = 50_000
"""Values of all columns together; one of many rules counts as several."""
_RULES_OF_ONE = 4_096

Rules = int
"""One bit a rule."""
_BITS = {4: 32, 6: 128}


class Remembered:
    """How many values all columns together remember; beyond MOST_REMEMBERED all are forgotten."""

    __slots__ = ("_columns", "count")

    def __init__(self) -> None:
        self.count = 0
        self._columns: list[dict[str | int, Rules]] = []

    def begin(self, column: dict[str | int, Rules]) -> None:
        """A column is about to remember its first value."""
        self._columns.append(column)

    def add(self, count: int) -> None:
        """A value is about to be remembered."""
        if self.count + count > MOST_REMEMBERED:
            for column in self._columns:
                column.clear()
            self._columns.clear()
            self.count = 0
        self.count += count


class Column:
    """The rules that need one of some literals in one field."""

    __slots__ = (
        "_everything",
        "_networks",
        "_remembered",
        "_scan",
        "_scanned",
        "_weight",
        "_whole",
        "known",
    )

    def __init__(
        self, wanted: Mapping[Literal, Rules], scan: Scan | None, remembered: Remembered
    ) -> None:
        """`wanted`: the rules of each literal. `scan`: finds all of them that are not looked up."""
        self._whole: dict[str, Rules] = {}
        self._networks: dict[tuple[int, int], dict[int, Rules]] = {}
        self._scanned: dict[int, Rules] = {}
        self._scan = scan
        self._remembered = remembered
        self.known: dict[str | int, Rules] = {}
        """Values that came."""
        self._everything = 0
        for literal, rules in wanted.items():
            self._everything |= rules
            self._put(literal, rules)
        self._weight = 1 + self._everything.bit_length() // _RULES_OF_ONE

    def _put(self, literal: Literal, rules: Rules) -> None:
        if literal.how is How.WHOLE:
            self._whole[literal.text] = rules
        elif literal.how is How.NETWORK:
            network = ip_network(literal.text)
            rest = _BITS[network.version] - network.prefixlen
            same = self._networks.setdefault((network.version, rest), {})
            same[int(network.network_address) >> rest] = rules
        elif self._scan is not None:
            self._scanned[self._scan.numbers[literal]] = rules

    def rules(self, value: Any) -> Rules:
        """Those that this value concerns.

        True, 1 and 1.0 are one key of a dictionary, so that only texts and whole numbers, which are
        never equal to each other, are remembered.
        """
        kind = type(value)
        if kind is str or kind is int:
            known = self.known.get(value)
            return self._learn(value) if known is None else known
        if kind is list or kind is tuple:
            found = 0
            for each in value:
                found |= self._rules_of_one(each)
            return found
        return 0 if value is None else self._rules_of_one(value)

    def _rules_of_one(self, value: Any) -> Rules:
        """Of an element; what is a list in a list is compared as if it were none."""
        kind = type(value)
        if kind is str or kind is int:
            known = self.known.get(value)
            return self._learn(value) if known is None else known
        found = self.rules_of_text(text(value))
        if kind is float and value.is_integer():
            # A rule's number that is whole is written without a point.
            found |= self._whole.get(str(int(value)), 0)
        return found

    def _learn(self, value: str | int) -> Rules:
        told = text(value)
        found = self.rules_of_text(told)
        if len(told) <= LONGEST_REMEMBERED:
            self._remembered.add(self._weight)
            if not self.known:
                self._remembered.begin(self.known)
            self.known[value] = found
        return found

    def rules_of_text(self, told: str) -> Rules:
        """As `rules`, of a text."""
        low = told.lower()
        found = self._whole.get(low, 0)
        if self._scan is not None:
            numbers = self._scan.found(low)
            if numbers is None:
                return self._everything
            scanned = self._scanned
            for number in numbers:
                if number in scanned:
                    found |= scanned[number]
        if self._networks and (parsed := address(told)) is not None:
            version, place = parsed
            for (its_version, rest), networks in self._networks.items():
                if its_version == version:
                    found |= networks.get(place >> rest, 0)
        return found
