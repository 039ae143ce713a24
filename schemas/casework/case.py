"""Model cases: what a person investigates, whether it began with an alert or a telephone call."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field, model_validator

from schemas.casework.cause import BreachCause, CauseFinding
from schemas.casework.near_miss import NearMiss
from schemas.casework.notice_kind import NoticeKind
from schemas.customer import FrozenModel


class CaseState(StrEnum):
    """open → confirmed (there is a breach) → closed; open → closed (near miss or nothing)."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    CLOSED = "closed"


class CaseOrigin(StrEnum):
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


class ContainmentScope(StrEnum):
    """The part of the incident that a containment step concerns."""

    EVERYTHING = "everything"
    """The whole incident."""
    OUR_DATA = "our_data"
    """What we are controller of: our own systems and accounts."""
    CUSTOMERS_DATA = "customers_data"
    """What customers keep with us: it is never in a report of our own."""


class ContainmentStep(FrozenModel):
    """One containment step; approved ones may be told to customers."""

    kind: ContainmentKind
    text: str = Field(repr=False)
    """In words a customer may read, e.g. `removed the mailbox rule`."""
    done_at: datetime | None = None
    done_by: str | None = None
    concerns: ContainmentScope | None = None
    """None: nobody has said yet. No report of our own holds it until somebody does."""
    customers: tuple[str, ...] = ()
    """Whose data, where it is not that of every customer affected."""


class TaskKind(StrEnum):
    """Work that a program opens and a person closes."""

    TELEPHONE = "telephone"
    CHECK = "check"
    CASES_JOINED = "cases_joined"
    UNSUPPORTED_EVIDENCE = "unsupported_evidence"


class CallOutcome(StrEnum):
    """The outcome of an attempt to notify somebody by telephone, or of its replacement."""

    REACHED_AND_TOLD = "reached_and_told"
    MESSAGE_LEFT = "message_left"
    NOBODY = "nobody"
    WRONG_NUMBER = "wrong_number"
    TOLD_IN_PERSON = "told_in_person"
    LETTER_POSTED = "letter_posted"
    NOT_NEEDED = "not_needed"
    """Nothing of it is owed to this reader any more."""
    NOT_RECORDED = "not_recorded"
    """An earlier release kept a text only, which may say that nobody answered."""


TELLS = frozenset(
    {CallOutcome.REACHED_AND_TOLD, CallOutcome.TOLD_IN_PERSON, CallOutcome.LETTER_POSTED}
)
RUNG = frozenset(
    {
        CallOutcome.REACHED_AND_TOLD,
        CallOutcome.MESSAGE_LEFT,
        CallOutcome.NOBODY,
        CallOutcome.WRONG_NUMBER,
    }
)
"""A number was rung."""


class CallAttempt(FrozenModel):
    """One try to tell the reader of a telephone task."""

    outcome: CallOutcome
    at: datetime
    recorded_by: str
    recorded_at: datetime
    number: str | None = Field(default=None, repr=False)
    spoken_to: str | None = Field(default=None, repr=False)
    said: str | None = Field(default=None, repr=False)
    """What they said or asked."""
    wants_it_in_writing: bool = False
    proof: str | None = Field(default=None, repr=False)
    """Of a letter that was posted: which, and where it is kept."""
    next_at: datetime | None = None
    """When somebody tries again."""


class CaseTask(FrozenModel):
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
    number: str | None = Field(default=None, repr=False)
    """To ring; None: none is stored, or it is no telephone task."""
    breach_id: str | None = None
    """Of a telephone task, like the two that follow."""
    notice_kind: NoticeKind | None = None
    """Kind of the letter that is read out."""
    notice_version: int | None = None
    """Version of the facts that the letter tells."""
    attempts: tuple[CallAttempt, ...] = ()
    """Of a telephone task, oldest first."""

    @model_validator(mode="before")
    @classmethod
    def _read_notice_from_id(cls, data: Any) -> Any:
        """Convert an earlier form that named breach, kind and version of the letter in the id
        only."""
        return _add_notice(data) if isinstance(data, dict) and "breach_id" not in data else data

    @property
    def told(self) -> CallAttempt | None:
        """The try by which the reader was told; None: none has."""
        return next((a for a in self.attempts if a.outcome in TELLS), None)

    @property
    def next_at(self) -> datetime | None:
        """When the next attempt is due, or None if no time is set."""
        return self.attempts[-1].next_at if self.attempts else None


class CaseNote(FrozenModel):
    """A comment on a case or alert."""

    at: datetime
    by: str
    text: str = Field(repr=False)


class CaseErasure(FrozenModel):
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


class Case(FrozenModel):
    """One investigation. `version` rises with every change and is compared on write."""

    id: str
    """`CASE-0001`"""
    version: int = 1
    title: str
    state: CaseState = CaseState.OPEN
    origin: CaseOrigin
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
    """Chosen by hand, `kind:value`, in addition to those in the evidence."""
    containment: tuple[ContainmentStep, ...] = ()
    tasks: tuple[CaseTask, ...] = ()
    notes: tuple[CaseNote, ...] = ()
    breach_id: str | None = None
    closed_at: datetime | None = None
    close_reason: str = Field(default="", repr=False)
    near_miss: bool = False
    near_miss_account: NearMiss | None = None
    """What the short form asked; None: the case was not begun with it."""
    cause_findings: tuple[CauseFinding, ...] = ()
    """Oldest first; the last one holds."""
    erasure: CaseErasure | None = None
    """Asked for; carried out once it says when."""

    @model_validator(mode="before")
    @classmethod
    def _reopen_calls_without_outcome(cls, data: Any) -> Any:
        """Reopen telephone tasks of an earlier release, which closed them with a free text that may
        say that nobody answered. In an open case a person then records the outcome."""
        if not isinstance(data, dict) or data.get("state") == CaseState.CLOSED:
            return data
        return {
            **data,
            "tasks": [_reopen_call_without_outcome(task) for task in data.get("tasks", ())],
        }

    @property
    def erased(self) -> CaseErasure | None:
        """The erasure, once it was carried out."""
        return self.erasure if self.erasure and self.erasure.erased_at else None

    @property
    def cause(self) -> BreachCause | None:
        """The cause that was recorded last, or None."""
        return self.cause_findings[-1].cause if self.cause_findings else None


def _reopen_call_without_outcome(task: Any) -> Any:
    closed_by_text = isinstance(task, dict) and (
        task.get("kind") == TaskKind.TELEPHONE and task.get("done_at") and "attempts" not in task
    )
    if not closed_by_text:
        return task
    attempt = {
        "outcome": CallOutcome.NOT_RECORDED,
        "at": task["done_at"],
        "recorded_by": task.get("done_by") or "",
        "recorded_at": task["done_at"],
        "said": task.get("outcome") or None,
    }
    return {**task, "done_at": None, "done_by": None, "outcome": "", "attempts": [attempt]}


def _add_notice(task: dict[str, Any]) -> dict[str, Any]:
    """Add what the id `call-<breach>-<kind>-<customer>-<person>-v<version>` says. Customer and
    person may hold hyphens themselves; a breach id has one, and a kind none."""
    whose = f"-{task.get('customer_id')}-{task.get('person_id')}"
    stem, _, version = str(task.get("id", "")).rpartition("-v")
    is_call = task.get("kind") == TaskKind.TELEPHONE and stem.startswith("call-")
    if not (is_call and stem.endswith(whose) and version.isdecimal()):
        return task
    breach_id, _, kind = stem.removesuffix(whose).removeprefix("call-").rpartition("-")
    if not breach_id or kind not in list(NoticeKind):
        return task
    return {**task, "breach_id": breach_id, "notice_kind": kind, "notice_version": int(version)}
