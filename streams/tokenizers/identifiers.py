"""Limit identifiers that senders choose to the length that an index can hold."""

from __future__ import annotations

import hashlib

MOST = 256
"""Characters. Two of them, in four bytes each, stay below the 2,704 bytes of a PostgreSQL index
row (a B-tree takes at most a third of a page)."""
SHOWN = 200


def shorten_identifier(text: str) -> str:
    """Return the text; of a longer one its beginning and 32 hex digits of its SHA-256, so that
    different texts stay different."""
    if len(text) <= MOST:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{text[:SHOWN]}…{digest}"
