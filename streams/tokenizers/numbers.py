"""Parse numbers of logs, up to what every store and JSON writer holds (64 bits)."""

from __future__ import annotations

LARGEST = 2**63 - 1
_DIGITS = len(str(LARGEST)) - 1
"""Numbers of this many digits always fit."""


def parse_whole(text: str) -> int | None:
    """Parse ASCII digits and nothing else, at most 18 of them; else return None."""
    return int(text) if text.isdigit() and len(text) <= _DIGITS and text.isascii() else None


def check_64_bits(number: int) -> int | None:
    """Return the number, or None if 64 bits do not hold it."""
    return number if -LARGEST <= number <= LARGEST else None
