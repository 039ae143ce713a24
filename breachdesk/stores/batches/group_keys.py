"""A group's key as the store finds it again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache

import orjson

from schemas.pipeline.alert import GroupKey


@lru_cache(maxsize=16_384)
def compute_key_digest(key: GroupKey) -> bytes:
    """16 bytes: short enough for an index, long enough never to collide."""
    text = repr((key.rule, key.organization, tuple(key.group)))
    return hashlib.sha256(text.encode()).digest()[:16]


def compute_key_hash(key: GroupKey) -> str:
    """The digest as 32 hexadecimal digits."""
    return compute_key_digest(key).hex()


def sort_by_digest(keys: Iterable[GroupKey]) -> dict[bytes, GroupKey]:
    """The keys in the order of their digests, each once."""
    return dict(sorted((compute_key_digest(key), key) for key in keys))


def format_key(key: GroupKey) -> str:
    """As JSON: `[rule, organization, [group…]]`."""
    return orjson.dumps((key.rule, key.organization, tuple(key.group))).decode()


def parse_key(text: str) -> GroupKey:
    """The reverse of `format_key`."""
    rule, organization, group = orjson.loads(text)
    return GroupKey(rule, organization, tuple(group))
