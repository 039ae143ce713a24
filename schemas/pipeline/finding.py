"""Model the output of `breachdesk detect`: one finding a line, by the same code as live."""

from __future__ import annotations

from datetime import datetime

from schemas.customer import FrozenModel
from schemas.pipeline.alert import Severity


class Finding(FrozenModel):
    """A rule matched one event, or a correlation fired at one event."""

    rule: str
    title: str
    severity: Severity
    organization: str | None
    group: tuple[str, ...]
    time: datetime
    events: tuple[str, ...]
    """Event ids, in time order."""
    tags: tuple[str, ...] = ()
