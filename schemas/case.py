"""Cases: what a person looks into, whether an alert began it or a telephone call."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from schemas.cause import Cause, CauseFinding
from schemas.customer import Frozen
from schemas.near_miss import NearMiss


class CaseState(StrEnum):
    """open → confirmed (there is a breach) → closed; open → closed (near miss or nothing)."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    CLOSED = "closed"


class Origin(StrEnum):
    """How we came to know."""

    ALERT = "alert"
    OWN = "own"
    PROCESSOR = "processor"
    THIRD_PARTY = "third_party"
    CUSTOMER = "customer"


class ContainmentKind(StrEnum):
    """Preserve before you contain."""

    PRESERVE_EVIDENCE = "preserve_evidence"
    REVOKE_SESSIONS = "revoke_sessions"
    RESET_CREDENTIALS = "reset_credentials"
    REMOVE_RULES = "remove_rules"
    BLOCK_SOURCE = "block_source"
    OTHER = "other"


class Containment(Frozen):
    """One containment step; approved ones may be told to customers."""

    kind: ContainmentKind
    text: str = Field(repr=False)
    """In words a customer may read, e.g. `removed the mailbox rule`."""
    done_at: datetime | None = None
    done_by: str | None = None


class TaskKind(StrEnum):
    """Work that a program opens and a person closes."""

    TELEPHONE = "telephone"
    CHECK = "check"
    CASES_JOINED = "cases_joined"
    UNSUPPORTED_EVIDENCE = "unsupported_evidence"


class Task(Frozen):
    """Something a person must do; a telephone task says whom, why and what to say."""

    id: str
    kind: TaskKind
    title: str
    customer_id: str | None = None
    person_id: str | None = None
    script: str = Field(default="", repr=False)
    opened_at: datetime
    reason: str
    done_at: datetime | None = None
    done_by: str | None = None
    outcome: str = Field(default="", repr=False)


class Note(Frozen):
    """A comment on a case or alert."""

    at: datetime
    by: str
    text: str = Field(repr=False)


class Erasure(Frozen):
    """One person asks that a case's personal data be erased, another carries it out; what the
    Art. 33(5) register keeps of what went with the key."""

    requested_by: str
    requested_at: datetime
    reason: str
    """Names nobody: it stays."""
    erased_by: str | None = None
    erased_at: datetime | None = None
    what_happened: str = ""
    effects: tuple[str, ...] = ()
    customers: dict[str, int] = {}
    groups: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    pecr: str = ""
    suppliers: tuple[str, ...] = ()


class Case(Frozen):
    """One investigation. `version` rises with every change and is compared on write."""

    id: str
    """`CASE-0001`"""
    version: int = 1
    title: str
    state: CaseState = CaseState.OPEN
    origin: Origin
    third_party: str = ""
    """Named supplier or other party, when one told us or caused it."""
    supplier_told_at: datetime | None = None
    """When a supplier or customer told us: another time than `aware_at`."""
    known: str = Field(default="", repr=False)
    opened_by: str
    opened_at: datetime
    lead: str | None = None
    drill: bool = False
    alerts: tuple[int, ...] = ()
    """Surrogate keys of its alerts."""
    assets: tuple[str, ...] = ()
    """Chosen by hand, `kind:value`, beside those in the evidence."""
    containment: tuple[Containment, ...] = ()
    tasks: tuple[Task, ...] = ()
    notes: tuple[Note, ...] = ()
    breach_id: str | None = None
    closed_at: datetime | None = None
    close_reason: str = Field(default="", repr=False)
    near_miss: bool = False
    near_miss_account: NearMiss | None = None
    """What the short form asked; None: the case was not begun with it."""
    cause_findings: tuple[CauseFinding, ...] = ()
    """Oldest first; the last one holds."""
    erasure: Erasure | None = None
    """Asked for; carried out once it says when."""

    @property
    def erased(self) -> Erasure | None:
        """The erasure, once it was carried out."""
        return self.erasure if self.erasure and self.erasure.erased_at else None

    @property
    def cause(self) -> Cause | None:
        """As it was said last; None: nobody was asked."""
        return self.cause_findings[-1].cause if self.cause_findings else None
