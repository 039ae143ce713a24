"""Model what a breach requires: since when, by when, and the act that ends it."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from pydantic import Field

from schemas.casework.notice_kind import NoticeKind
from schemas.customer import FrozenModel


class ObligationKind(StrEnum):
    """Obligations that no plug-in brings: each has its rule in
    `breachdesk.casework.obligations.kinds` and a maker. The report to a regulator has the kind that
    its jurisdiction names as `clock`."""

    OWN_PROMISE = "own_promise"
    ART34_PEOPLE = "art34_people"
    ART34_GROUP = "art34_group"
    """People who are no customers."""
    PECR_SUBSCRIBERS = "pecr_subscribers"
    CONTROLLERS_ART33_2 = "controllers_art33_2"
    CORRECTIONS = "corrections"
    NEW_EVIDENCE = "new_evidence"
    NEXT_UPDATE = "next_update"
    HOLD_REVIEW = "hold_review"
    FACTS_OWED = "facts_owed"
    CONTRACT_HOURS = "contract_hours"
    CONTROLLER_RECEIPT = "controller_receipt"
    CONTROLLER_QUESTION = "controller_question"
    SUPPLIER_ANSWER = "supplier_answer"
    COMPLAINT_RECEIPT = "complaint_receipt"
    COMPLAINT_OUTCOME = "complaint_outcome"


class PendingReader(FrozenModel):
    """A reader who has not been told yet."""

    customer_id: str
    person_id: str
    notice: NoticeKind
    because: str
    """Its progress, e.g. `no letter is approved`; names nobody."""

    @property
    def key(self) -> str:
        """Stable over versions of list and letters."""
        return f"{self.customer_id}/{self.person_id}/{self.notice}"


class WaiverRequest(FrozenModel):
    """A request to a second person to waive an obligation."""

    breach_id: str
    version: int
    obligation_id: str
    asked_by: str
    asked_at: datetime
    reason: str = Field(repr=False)
    covers: tuple[str, ...] = ()


class Waiver(FrozenModel):
    """A named person says in writing that an obligation need not be met."""

    breach_id: str
    version: int
    obligation_id: str
    waived_by: str
    waived_at: datetime
    reason: str = Field(repr=False)
    asked_by: str | None = None
    """Who asked, where two people are needed."""
    covers: tuple[str, ...] = ()
    """Keys of the readers it was said of; one who comes later is owed it again. Empty: the
    whole."""


class WaiverUndone(FrozenModel):
    """A waiver, or a request for one, no longer counts."""

    breach_id: str
    version: int
    obligation_id: str
    undone_by: str
    undone_at: datetime
    reason: str = Field(repr=False)


class Obligation(FrozenModel):
    """Computed from the documents of a breach, never stored. `id` stays the same for as long as
    it is the same duty, so that a waiver can name it."""

    id: str
    """E.g. `ico_art33`, `next_update:v3`."""
    kind: str
    """An ObligationKind, or the clock of a jurisdiction."""
    jurisdiction: str | None = None
    """The jurisdiction to which a report is owed; None: it is another obligation."""
    breach_id: str
    customer_id: str | None = None
    title: str
    started_at: datetime
    due: datetime | None = None
    """None: without undue delay; no hour is given."""
    due_from_alert: datetime | None = None
    """When it would be due if the first alert counted as awareness."""
    ended_at: datetime | None = None
    ended_by: str | None = None
    """What ended it, e.g. `submission 1, reference IC-…`."""
    owed: tuple[PendingReader, ...] = ()
    """Readers who are still to be told of it."""
    waiver: Waiver | None = None
    """Set when it counts: nothing of the obligation is owed any more."""
    requested: WaiverRequest | None = None
    """A second person has still to waive it."""
    source: str
    """Law or document that it comes from."""
    reviewed_on: date | None = None
    """When a person last compared the source; None: it is a document of ours."""
    verified: bool = True
    """False: the source was not read on a public page of the authority or legislator."""
    note: str | None = None
    ends_by: str
    """The act that ends it, e.g. `a recorded submission`."""

    @property
    def running(self) -> bool:
        return self.ended_at is None and self.waiver is None
