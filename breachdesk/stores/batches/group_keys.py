"""A group's key as the store finds it again."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

from schemas.alert import GroupKey


@lru_cache(maxsize=100_000)
def key_hash(key: GroupKey) -> str:
    """32 hex digits: short enough for an index, long enough never to collide."""
    text = repr((key.rule, key.organization, tuple(key.group)))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def key_parts(key: GroupKey) -> list[Any]:
    """As JSON keeps it."""
    return [key.rule, key.organization, list(key.group)]


def key_of(parts: list[Any]) -> GroupKey:
    """The reverse of `key_parts`."""
    rule, organization, group = parts
    return GroupKey(rule, organization, tuple(group))
