"""Model records around a running case: suppliers, our questions, complaints.

Each is one sealed record with a version that is compared on write. It belongs to a case, with or
without a breach; a complaint may belong to none."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from schemas.customer import FrozenModel


class ContactRoute(StrEnum):
    """How word came to us, or went from us."""

    EMAIL = "email"
    TELEPHONE = "telephone"
    LETTER = "letter"
    WEB_FORM = "web_form"
    IN_PERSON = "in_person"
    OTHER = "other"


class CaseRecord(FrozenModel):
    """One record, sealed under the key of its case, or under its own where there is no case."""

    id: str
    version: int = 1
    case_id: str | None = None
    recorded_by: str
    recorded_at: datetime

    @property
    def scope(self) -> str:
        """The scope of the key that seals the record."""
        return self.case_id or self.id

    @property
    def begun_at(self) -> datetime:
        """When the recorded matter began."""
        return self.recorded_at

    @property
    def due_at(self) -> datetime | None:
        """Until when the next act is owed; None: no hour is given, or nothing is owed."""
        return None

    @property
    def ended_at(self) -> datetime | None:
        """When nothing more was owed; None: something still is."""
        return self.recorded_at


class SupplierNotice(CaseRecord):
    """What one supplier told us, once."""

    supplier: str
    told_at: datetime
    route: ContactRoute
    told_by: str | None = Field(default=None, repr=False)
    """Who spoke or wrote for them."""
    said: str = Field(repr=False)
    reference: str | None = None
    """Theirs."""
    documents: tuple[str, ...] = Field(default=(), repr=False)
    """Names of what they sent, as we filed it elsewhere."""

    @property
    def begun_at(self) -> datetime:
        return self.told_at


class SupplierQuestion(CaseRecord):
    """What we asked a supplier, and what came back."""

    supplier: str
    asked_at: datetime
    asked_of: str | None = Field(default=None, repr=False)
    question: str = Field(repr=False)
    answered_at: datetime | None = None
    answered_by: str | None = Field(default=None, repr=False)
    """Who answered for them."""
    answer: str | None = Field(default=None, repr=False)
    documents: tuple[str, ...] = Field(default=(), repr=False)

    @property
    def begun_at(self) -> datetime:
        return self.asked_at

    @property
    def ended_at(self) -> datetime | None:
        return self.answered_at


class Complaint(CaseRecord):
    """A complaint about how we handle personal data (DPA 2018 s.164A)."""

    complainant: str = Field(repr=False)
    contact: str | None = Field(default=None, repr=False)
    """Where they want our answer."""
    customer_id: str | None = None
    received_at: datetime
    route: ContactRoute
    about: str = Field(repr=False)
    acknowledge_by: datetime | None = None
    """None: no law gave a day when it was received."""
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    """Our user who recorded it."""
    acknowledgement: str | None = Field(default=None, repr=False)
    answered_at: datetime | None = None
    answered_by: str | None = None
    outcome: str | None = Field(default=None, repr=False)

    @property
    def begun_at(self) -> datetime:
        return self.received_at

    @property
    def due_at(self) -> datetime | None:
        return None if self.acknowledged_at else self.acknowledge_by

    @property
    def ended_at(self) -> datetime | None:
        return self.answered_at
