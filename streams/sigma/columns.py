"""Which rules a field's value may concern, by the literals that they need in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from streams.sigma.literals import How, Literal
from streams.sigma.scan import Scan
from streams.sigma.values import address, text

LONGEST_REMEMBERED = 256
"""Characters of a value."""
MOST_REMEMBERED = 50_000
"""Values of all columns together."""

Numbers = tuple[int, ...]
"""Rules, by their number in the book."""
_BITS = {4: 32, 6: 128}


class Remembered:
    """How many values all columns together remember; beyond MOST_REMEMBERED all are forgotten."""

    __slots__ = ("_columns", "count")

    def __init__(self) -> None:
        self.count = 0
        self._columns: list[dict[str | int, Numbers]] = []

    def begin(self, column: dict[str | int, Numbers]) -> None:
        """A column is about to remember its first value."""
        self._columns.append(column)

    def add(self) -> None:
        """A value is about to be remembered."""
        if self.count >= MOST_REMEMBERED:
            for column in self._columns:
                column.clear()
            self._columns.clear()
            self.count = 0
        self.count += 1


class Column:
    """The rules that need one of some literals in one field."""

    __slots__ = ("_everything", "_known", "_networks", "_remembered", "_scan", "_scanned", "_whole")

    def __init__(
        self, wanted: Mapping[Literal, Iterable[int]], scan: Scan | None, remembered: Remembered
    ) -> None:
        """`wanted`: the rules of each literal. `scan`: finds all of them that are not looked up."""
        self._whole: dict[str, Numbers] = {}
        self._networks: dict[tuple[int, int], dict[int, Numbers]] = {}
        self._scanned: dict[Literal, Numbers] = {}
        self._scan = scan
        self._remembered = remembered
        self._known: dict[str | int, Numbers] = {}
        self._everything = tuple(sorted({n for numbers in wanted.values() for n in numbers}))
        for literal, numbers in wanted.items():
            self._put(literal, tuple(numbers))

    def _put(self, literal: Literal, numbers: Numbers) -> None:
        if literal.how is How.WHOLE:
            self._whole[literal.text] = numbers
        elif literal.how is How.NETWORK:
            network = ip_network(literal.text)
            rest = _BITS[network.version] - network.prefixlen
            same = self._networks.setdefault((network.version, rest), {})
            same[int(network.network_address) >> rest] = numbers
        else:
            self._scanned[literal] = numbers

    def rules(self, value: Any) -> Sequence[int]:
        """Those that this value may concern; one may be named twice.

        True, 1 and 1.0 are one key of a dictionary, so that only texts and whole numbers, which are
        never equal to each other, are remembered.
        """
        kind = type(value)
        if kind is str or kind is int:
            known = self._known.get(value)
            return self._learn(value) if known is None else known
        if kind is list or kind is tuple:
            if len(value) == 1:
                return self.rules_of_one(value[0])
            return [number for each in value for number in self.rules_of_one(each)]
        return self.rules_of_one(value)

    def rules_of_one(self, value: Any) -> Numbers:
        """As `rules`, of what is no list, or is compared as if it were none."""
        kind = type(value)
        if kind is str or kind is int:
            known = self._known.get(value)
            return self._learn(value) if known is None else known
        found = self.find(text(value))
        if kind is float and value.is_integer():
            # A rule's number that is whole is written without a point.
            return found + self._whole.get(str(int(value)), ())
        return found

    def _learn(self, value: str | int) -> Numbers:
        told = text(value)
        found = self.find(told)
        if len(told) <= LONGEST_REMEMBERED:
            if not self._known:
                self._remembered.begin(self._known)
            self._remembered.add()
            self._known[value] = found
        return found

    def find(self, told: str) -> Numbers:
        """As `rules`, of a text."""
        low = told.lower()
        found = list(self._whole.get(low, ()))
        if self._scan is not None:
            literals = self._scan.found(low)
            if literals is None:
                return self._everything
            for literal in literals:
                found += self._scanned.get(literal, ())
        if self._networks and (parsed := address(told)) is not None:
            version, number = parsed
            for (its_version, rest), networks in self._networks.items():
                if its_version == version:
                    found += networks.get(number >> rest, ())
        return tuple(dict.fromkeys(found))
