"""The Art. 33(5) register: every breach, reported or not, and every near miss."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from schemas.customer import Frozen
from schemas.report import Quantity


class RegisterDecision(Frozen):
    """One of the decision's answers as the register keeps it."""

    question: str
    yes: bool
    reasons: str = Field(repr=False)


class RegisterSubmission(Frozen):
    """One recorded report to an authority."""

    jurisdiction: str
    number: int
    stage: str
    submitted_at: datetime
    submitted_by: str
    channel: str
    reference: str = ""


class RegisterEntry(Frozen):
    """Facts, effects and remedial action of one breach or near miss, with decisions and times."""

    id: str
    """Breach id; of a near miss the case id."""
    case_id: str
    as_of: datetime
    """When the register was read."""
    title: str
    near_miss: bool = False
    drill: bool = False
    state: str
    """open | confirmed | closed"""
    origin: str
    suppliers: tuple[str, ...] = ()
    """Suppliers and other parties involved, by name."""
    facts: str = Field(default="", repr=False)
    effects: str = Field(default="", repr=False)
    remedial_action: tuple[str, ...] = Field(default=(), repr=False)
    occurred_from: datetime | None = None
    occurred_to: datetime | None = None
    detected_at: datetime | None = None
    discovered_at: datetime | None = None
    supplier_told_at: datetime | None = None
    aware_at: datetime | None = None
    aware_history: tuple[str, ...] = ()
    """Earlier declarations of awareness, in words; empty: it was never moved."""
    confirmed_at: datetime | None = None
    confirmed_by: str = ""
    closed_at: datetime | None = None
    close_reason: str = Field(default="", repr=False)
    cause: str = ""
    """In words; empty: nobody was asked."""
    cause_words: str = Field(default="", repr=False)
    noticed_at: datetime | None = None
    """Of a near miss."""
    customers: dict[str, int] = {}
    """Customers by their gravest certainty."""
    groups: tuple[str, ...] = ()
    """People who are no customers, each group in words without names."""
    people: Quantity = Quantity()
    records: Quantity = Quantity()
    categories: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    pecr: str = ""
    """yes | no | ask; empty: not decided."""
    decisions: tuple[RegisterDecision, ...] = ()
    exemption: str = ""
    """Limb of Art. 34(3) relied on."""
    hold: str = ""
    """Basis of a law-enforcement hold and its review date."""
    break_glass: bool = False
    """One person alone released the notices."""
    notices: dict[str, int] = {}
    """Letters by status, and `telephoned`."""
    submissions: tuple[RegisterSubmission, ...] = ()
