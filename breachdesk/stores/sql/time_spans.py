"""Compare and subtract half-open spans of event time; an end of None is open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from schemas.customer import Binding

ALWAYS = datetime.min.replace(tzinfo=UTC)
NEVER = datetime.max.replace(tzinfo=UTC)


def has_overlap(one: Binding, other: Binding) -> bool:
    """Whether both hold at some instant."""
    begin = max(one.valid_from or ALWAYS, other.valid_from or ALWAYS)
    return begin < min(one.valid_to or NEVER, other.valid_to or NEVER)


def subtract_span(old: Binding, new: Binding) -> Iterator[Binding]:
    """Yield the parts of `old` before and after `new`."""
    if new.valid_from is not None and (old.valid_from or ALWAYS) < new.valid_from:
        yield old.model_copy(update={"valid_to": new.valid_from})
    if new.valid_to is not None and new.valid_to < (old.valid_to or NEVER):
        yield old.model_copy(update={"valid_from": new.valid_to})
