"""Model near misses: incidents that were not personal data breaches."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from schemas.casework.report import ReportedQuantity
from schemas.customer import DataCategory, FrozenModel


class NearMiss(FrozenModel):
    """The fields of the short form apart from event and cause, which the case holds."""

    noticed_at: datetime
    recorded_by: str
    recorded_at: datetime
    data_categories: tuple[DataCategory, ...] = ()
    people: ReportedQuantity = ReportedQuantity()
    why_no_breach: str | None = Field(default=None, repr=False)
    """None: whoever typed it was not sure, and a case was opened instead."""
    done: str | None = Field(default=None, repr=False)
    doubted_by: str | None = None
    """Who opened a case of it later."""
    doubted_at: datetime | None = None
