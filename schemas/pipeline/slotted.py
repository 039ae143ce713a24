"""Define values that are made once per log line.

`dataclass(frozen=True)` sets each field through `object.__setattr__`, which costs three to four
times a plain constructor (docs/reference/performance.md). These are slotted, compared and hashed
alike; mypy, not the interpreter, checks that nothing assigns to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def slotted(cls: type[T]) -> type[T]:
    """Return a slotted dataclass, frozen for the type checker only."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
