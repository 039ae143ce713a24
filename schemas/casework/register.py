"""Model the Art. 33(5) register: every breach, reported or not, and every near miss."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from schemas.casework.report import ReportedQuantity
from schemas.customer import FrozenModel


class RegisterDecision(FrozenModel):
    """One of the decision's answers as the register keeps it."""

    question: str
    yes: bool
    reasons: str = Field(repr=False)


class RegisterEarlierDecision(FrozenModel):
    """A decision that a later one took the place of."""

    version: int
    decided_at: datetime
    decided_by: str
    answers: dict[str, bool]
    """By question: yes or no."""


class RegisterNotice(FrozenModel):
    """People told by one kind of letter, each counted once, by how far they were reached."""

    kind: str
    role: str
    """Our role for the data that the letter is about."""
    people: int
    """Named by the newest list."""
    by_letter: int = 0
    by_telephone: int = 0
    in_person: int = 0
    by_post: int = 0
    waiting: int = 0
    returned: int = 0
    """The letter came back, and nobody has spoken to them."""
    unknown: int = 0
    """We do not know whether the letter arrived."""
    not_reached: int = 0
    """Telephoned, and not reached."""
    not_begun: int = 0
    first_told_at: datetime | None = None
    last_told_at: datetime | None = None
    wrongly_told: int = 0
    """Told, though the newest list excludes them; they are none of those above."""
    corrected: int = 0
    """Of the wrongly told: those who have learned that it was not so."""

    @property
    def told(self) -> int:
        return self.by_letter + self.by_telephone + self.in_person + self.by_post


class RegisterSubmission(FrozenModel):
    """One recorded report to an authority."""

    jurisdiction: str
    number: int
    stage: str
    submitted_at: datetime
    submitted_by: str
    channel: str
    reference: str = ""
    late: bool = False
    """A first report, later than the limit by the awareness that is declared now."""
    owed: tuple[str, ...] = ()
    """What it named as not yet known, and by when."""


class RegisterEntry(FrozenModel):
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
    people: ReportedQuantity = ReportedQuantity()
    records: ReportedQuantity = ReportedQuantity()
    categories: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    pecr: str = ""
    """yes | no | ask; empty: not decided."""
    decisions: tuple[RegisterDecision, ...] = ()
    earlier_decisions: tuple[RegisterEarlierDecision, ...] = ()
    risk: str = Field(default="", repr=False)
    """What the risk rests on."""
    high_risk: str = Field(default="", repr=False)
    severity: str = ""
    """ENISA's score and level; it advises only."""
    exemption: str = ""
    """Limb of Art. 34(3) relied on."""
    exemption_evidence: str = Field(default="", repr=False)
    public_communication: str = Field(default="", repr=False)
    hold: str = ""
    """Basis of a law-enforcement hold and its review date."""
    hold_asked_by: str = Field(default="", repr=False)
    hold_asked_at: datetime | None = None
    late_reports: tuple[str, ...] = ()
    """Reports later than the limit, filed or still owed."""
    delay_reasons: tuple[str, ...] = Field(default=(), repr=False)
    break_glass: bool = False
    """One person alone released the notices."""
    notices: tuple[RegisterNotice, ...] = ()
    submissions: tuple[RegisterSubmission, ...] = ()
