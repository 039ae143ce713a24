"""Breaches: awareness, who is affected, the decision, the approval, the clocks."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from schemas.customer import DataCategory, Frozen, Pecr, PersonKind, Role


class Certainty(StrEnum):
    """How sure we are that this customer's data was reached; every customer ends as one."""

    CONFIRMED = "confirmed"
    LIKELY = "likely"
    POSSIBLE = "possible"
    EXCLUDED = "excluded"


class Seen(StrEnum):
    """What we may say of one category in a notice."""

    SEEN = "seen"
    MAY_HAVE_BEEN_SEEN = "may_have_been_seen"
    NOT_KNOWN = "not_known"


class Awareness(Frozen):
    """One declaration of awareness. All of them stay visible."""

    aware_at: datetime
    declared_by: str
    declared_at: datetime
    reason: str = Field(repr=False)


class Breach(Frozen):
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


class Exposure(Frozen):
    """One customer's data in one role: reached, maybe reached, or excluded, and why."""

    customer_id: str
    role: Role
    certainty: Certainty
    reason: str
    """Plain words, no personal data: `118 files downloaded`, `signed in to only 2 accounts …`."""
    categories: dict[DataCategory, Seen] = {}
    assets: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    pecr: Pecr = Pecr.NO
    evidence: tuple[str, ...] = ()
    """Event ids."""
    decided_by: str | None = None
    """A person who overrode the proposal."""


class Channel(StrEnum):
    """How a person is reached."""

    EMAIL = "email"
    TELEPHONE = "telephone"


class NoticeKind(StrEnum):
    """Two letters that are never merged."""

    ACCOUNT_HOLDER = "account_holder"
    CONTROLLER_PACK = "controller_pack"
    WITNESS = "witness"
    """No letter to anybody affected: the plain message to the outsider of a broken glass."""


class Recipient(Frozen):
    """One person to be told, of one exposure, by one channel."""

    customer_id: str
    person_id: str
    person_kind: PersonKind
    kind: NoticeKind
    name: str = Field(repr=False)
    email: str = Field(default="", repr=False)
    phone: str = Field(default="", repr=False)
    channel: Channel
    reason: str = ""
    """Why by telephone, if by telephone."""


class Manifest(Frozen):
    """The frozen list of who is affected and who is told. Identity is its hash."""

    breach_id: str
    version: int
    frozen_by: str
    frozen_at: datetime
    exposures: tuple[Exposure, ...]
    recipients: tuple[Recipient, ...] = Field(repr=False)
    salt: str = Field(repr=False)
    hash: str = ""
    """SHA-256 of the canonical JSON of all the other fields."""


class Answer(Frozen):
    """One of the decision's four questions: yes or no, and the reasons in writing."""

    yes: bool
    reasons: str = Field(repr=False)


class LawEnforcementHold(Frozen):
    """DPA 2018 Sch. 2 para 2: disapplies Art. 34(1) and (4) only; Art. 33 keeps running."""

    asked_by: str = Field(repr=False)
    asked_at: datetime
    basis: str
    review_on: datetime


class Decision(Frozen):
    """The written bridge from facts to duties; frozen before approval."""

    breach_id: str
    version: int
    decided_by: str
    decided_at: datetime
    report_to_ico: Answer
    """Art. 33: a risk to people is not unlikely."""
    tell_people: Answer
    """Art. 34: a high risk to people is likely."""
    own_promise_binds: Answer
    """Our published promise: `may have exposed … as soon as feasible`, whatever the risk."""
    pecr: Answer
    risk: str = Field(repr=False)
    high_risk: str = Field(repr=False)
    severity_score: float | None = None
    """ENISA 2013, 0.25 … 6.00; it advises only."""
    severity_inputs: dict[str, float] = {}
    art34_3_limb: str = ""
    """a | b | c, empty: no exemption is relied on."""
    art34_3_evidence: str = Field(default="", repr=False)
    public_communication: str = Field(default="", repr=False)
    """Demanded by limb (c)."""
    hold: LawEnforcementHold | None = None
    hash: str = ""


class NoticeFacts(Frozen):
    """What the responder writes once; the templates make both letters of it."""

    breach_id: str
    version: int
    written_by: str
    written_at: datetime
    what_happened: str = Field(repr=False)
    found_at: datetime
    consequences: tuple[str, ...] = Field(default=(), repr=False)
    not_involved: str = Field(default="", repr=False)
    """Only what evidence shows."""
    not_involved_evidence: str = ""
    measures: tuple[str, ...] = Field(default=(), repr=False)
    """Dated, approved acts."""
    steps: tuple[str, ...] = Field(default=(), repr=False)
    """Three to five things the reader should do."""
    next_update: datetime | None = None
    nature: str = Field(default="", repr=False)
    """For the controller pack: confidentiality, integrity, availability; the cause."""
    encryption: str = Field(default="", repr=False)
    people_and_records: str = Field(default="", repr=False)
    deleted_but_in_backups: str = Field(default="", repr=False)
    controller_steps: tuple[str, ...] = Field(default=(), repr=False)
    sub_processors: str = Field(default="", repr=False)
    log_extracts: str = Field(default="", repr=False)
    contained: bool = False


class ApprovalKind(StrEnum):
    """Two people, or one who breaks the glass."""

    SECOND_PERSON = "second_person"
    BREAK_GLASS = "break_glass"


class Approval(Frozen):
    """A named human's release of exactly these bytes."""

    breach_id: str
    version: int
    kind: ApprovalKind
    approved_by: str
    approved_at: datetime
    manifest_hash: str
    texts_hash: str
    decision_hash: str
    sender_hash: str
    hash: str
    """SHA-256 over the four: one changed byte voids it."""
    count: int
    """How many messages, typed by the approver."""
    reason: str = Field(default="", repr=False)
    not_before: datetime | None = None
    """Break-glass delay."""
    witness: str = Field(default="", repr=False)
    own_work: tuple[str, ...] = ()
    """What who released alone did of what is released: the witness reads it."""
    sender_id: str = ""
    """Which sender the letters leave through."""
    facts_version: int = 0
    """Of NoticeFacts: the letters' version."""
    told_at: datetime | None = None
    """What the letters say of their own time."""
    ico_told: bool = False
    """What the letters say of the ICO, true at release."""
    audit_head: str = ""
    """`number:hash` of the audit chain's newest entry before this release; empty: not noted."""


class WitnessMail(Frozen):
    """One more message to the witness, when the one before did not arrive."""

    breach_id: str
    version: int
    approval_version: int
    number: int
    """Which message of this approval, from 2."""
    address: str = Field(repr=False)
    asked_by: str
    asked_at: datetime


class Duty(StrEnum):
    """What a clock counts towards."""

    ICO_ART33 = "ico_art33"
    ICO_PECR = "ico_pecr"
    OWN_PROMISE = "own_promise"
    ART34_PEOPLE = "art34_people"
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
