"""Define causes of breaches and near misses: one list for both, so that a year can be counted by
it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from schemas.customer import FrozenModel


class BreachCause(StrEnum):
    """What led to it. `breachdesk/gdpr/causes.toml` has the words and where they come from."""

    PHISHING = "phishing"
    STOLEN_CREDENTIALS = "stolen_credentials"
    RANSOMWARE = "ransomware"
    MALWARE = "malware"
    MIS_SENT = "mis_sent"
    LOST_OR_STOLEN = "lost_or_stolen"
    MISCONFIGURATION = "misconfiguration"
    SOFTWARE_FLAW = "software_flaw"
    INSIDER = "insider"
    SUPPLIER = "supplier"
    PHYSICAL = "physical"
    AVAILABILITY_LOSS = "availability_loss"
    OTHER = "other"
    NOT_YET_KNOWN = "not_yet_known"
    """Admitted until the case is closed."""
    NEVER_FOUND = "never_found"
    """Looked for and not found; says what was looked at."""


class CauseFinding(FrozenModel):
    """What a person says the cause is. Earlier findings stay."""

    cause: BreachCause
    words: str | None = Field(default=None, repr=False)
    said_by: str
    said_at: datetime
