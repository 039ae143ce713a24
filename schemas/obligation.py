"""Duties that a breach brings, and the clocks that count towards them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from schemas.customer import Frozen


class Duty(StrEnum):
    """What a clock counts towards."""

    ICO_ART33 = "ico_art33"
    ICO_PECR = "ico_pecr"
    OWN_PROMISE = "own_promise"
    ART34_PEOPLE = "art34_people"
    PECR_SUBSCRIBERS = "pecr_subscribers"
    CONTROLLERS_ART33_2 = "controllers_art33_2"
    NEXT_UPDATE = "next_update"


class Clock(Frozen):
    """A running duty. `due` None: without undue delay, no hour is given."""

    breach_id: str
    duty: Duty
    title: str
    started_at: datetime
    due: datetime | None = None
    stopped_at: datetime | None = None
    stopped_by: str = ""
    """What stopped it, e.g. `submission 1, reference IC-…`."""
    source: str = ""
    """Law and review date."""
    note: str = ""
