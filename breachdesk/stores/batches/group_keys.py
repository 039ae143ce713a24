"""Convert group keys to and from their stored forms."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache

import orjson

from schemas.pipeline.alert import GroupKey


@lru_cache(maxsize=16_384)
def compute_key_digest(key: GroupKey) -> bytes:
    """Compute a 16-byte digest: short enough for an index, long enough to rule out collisions."""
    text = repr((key.rule, key.organization, tuple(key.group)))
    return hashlib.sha256(text.encode()).digest()[:16]


def compute_key_hash(key: GroupKey) -> str:
    """Return the digest as 32 hexadecimal digits."""
    return compute_key_digest(key).hex()


def sort_by_digest(keys: Iterable[GroupKey]) -> dict[bytes, GroupKey]:
    """Sort the keys by their digests and remove duplicates."""
    return dict(sorted((compute_key_digest(key), key) for key in keys))


def format_key(key: GroupKey) -> str:
    """Format the key as JSON: `[rule, organization, [group…]]`."""
    return orjson.dumps((key.rule, key.organization, tuple(key.group))).decode()


def parse_key(text: str) -> GroupKey:
    """Parse what `format_key` wrote."""
    rule, organization, group = orjson.loads(text)
    return GroupKey(rule, organization, tuple(group))
