"""Model records around a breach: receipts and questions of controllers, other bodies that were
notified.

They are stored as documents of the breach. `entry` identifies the subject; each change is a further
document of the same entry, and the newest counts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from pydantic import Field

from schemas.casework.case_record import ContactRoute
from schemas.customer import FrozenModel


class BreachRecord(FrozenModel):
    """One version of one thing."""

    breach_id: str
    version: int
    """Of all documents of its kind in this breach."""
    entry: int
    recorded_by: str
    recorded_at: datetime


Kind = TypeVar("Kind", bound=BreachRecord)


def select_newest(documents: Iterable[Kind]) -> tuple[Kind, ...]:
    """Select the newest document of each entry, in the order in which the entries were begun."""
    by_entry = {document.entry: document for document in documents}
    return tuple(by_entry[entry] for entry in sorted(by_entry))


class OtherBody(StrEnum):
    """A body that may have to be notified, apart from the regulator and those affected."""

    POLICE = "police"
    REPORT_FRAUD = "report_fraud"
    INSURER = "insurer"
    BANK = "bank"
    NCSC = "ncsc"
    REGISTRAR = "registrar"
    PAYMENT_PROVIDER = "payment_provider"
    OFCOM = "ofcom"
    OTHER_AUTHORITY = "other_authority"
    OTHER = "other"


class BodyTold(BreachRecord):
    """One body: told, or not applicable and why."""

    body: OtherBody
    name: str | None = None
    """Which one, e.g. which police force."""
    applicable: bool = True
    told_at: datetime | None = None
    """None: it is not applicable."""
    told_by: str | None = Field(default=None, repr=False)
    reference: str | None = None
    """Theirs, e.g. a crime reference."""
    note: str | None = Field(default=None, repr=False)
    """Why not, where it is not applicable."""


class Receipt(BreachRecord):
    """A controller confirmed that it has the pack."""

    customer_id: str
    person_id: str
    letter: int
    """Version of the outbox row whose receipt it is."""
    confirmed_at: datetime
    confirmed_by: str | None = Field(default=None, repr=False)
    """Who said so; None: it was not written down."""
    route: ContactRoute | None = None


class ControllerQuestion(BreachRecord):
    """What a controller asks about the breach of its data, and our answer."""

    customer_id: str
    asked_by: str = Field(repr=False)
    asked_at: datetime
    route: ContactRoute
    question: str = Field(repr=False)
    answered_at: datetime | None = None
    answered_by: str | None = None
    """Our user who gave it."""
    answer_route: ContactRoute | None = None
    answer: str | None = Field(default=None, repr=False)


class ReceiptTerm(FrozenModel):
    """Within how many hours we ask a controller to confirm that it has the pack."""

    breach_id: str
    version: int
    hours: int = Field(ge=1, le=720)
    set_by: str
    set_at: datetime
