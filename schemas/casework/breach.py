"""Model breaches: a named person confirmed one and declared awareness."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from schemas.customer import FrozenModel


class Awareness(FrozenModel):
    """One declaration of awareness. All of them stay visible."""

    aware_at: datetime
    declared_by: str
    declared_at: datetime
    reason: str = Field(repr=False)
    delay_reasons: str = Field(default="", repr=False)
    """Why the report is later than the limit, asked where this declaration makes it late."""


class Breach(FrozenModel):
    """A confirmed personal data breach (Art. 4(12)). Times are never overwritten."""

    id: str
    """`BR-0001`"""
    case_id: str
    version: int = 1
    title: str
    drill: bool = False
    confirmed_by: str
    confirmed_at: datetime
    reason: str = Field(repr=False)
    aware_at: datetime
    """Declared by a named human: reasonable certainty. Starts the clocks."""
    detected_at: datetime | None = None
    """First alert raised: the shadow clock's start."""
    discovered_at: datetime | None = None
    """When a person first looked."""
    supplier_told_at: datetime | None = None
    occurred_from: datetime | None = None
    occurred_to: datetime | None = None
    awareness: tuple[Awareness, ...] = ()
    """Every declaration, oldest first; the last one is `aware_at`."""
