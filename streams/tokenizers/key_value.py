"""`key=value` lines as firewalls write them: both quotes, duplicate keys, empty values, gaps.

A quote ends where the next pair or the line begins, so quotes inside a value survive.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_PAIR = re.compile(
    r"(?<!\S)([A-Za-z_][\w.-]*)="
    r"(?:\"([^\"]*)\"(?!\S)"  # the usual case
    r"|\"(.{0,1000}?)\"(?=\s+[A-Za-z_][\w.-]*=|\s*$)"  # quotes inside
    r"|'([^']*)'(?!\S)"
    r"|(\S*))",
    re.ASCII | re.DOTALL,
)


def pairs(text: str) -> list[tuple[str, str]]:
    """Every pair in order. An unquoted value ends at white space."""
    found: Sequence[tuple[str, ...]] = _PAIR.findall(text)
    return [(key, plain or usual or inner or single) for key, usual, inner, single, plain in found]


def first_values(found: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Of duplicate keys the first: what a stranger can type comes later in the line."""
    return dict(reversed(found))
