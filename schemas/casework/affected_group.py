"""Model affected people who are not customers: staff, applicants, subscribers, enquirers and others
for whom we are controller."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from schemas.casework.affected import BreachEffect, Certainty, EffectCertainty
from schemas.casework.case_record import CaseRecord
from schemas.casework.report import ReportedQuantity
from schemas.customer import DataCategory, FrozenModel


class GroupKind(StrEnum):
    """Why we hold their data."""

    STAFF = "staff"
    APPLICANT = "applicant"
    SUBSCRIBER = "subscriber"
    """Of a newsletter."""
    ENQUIRER = "enquirer"
    """Sent a form of our website, or wrote to us."""
    VISITOR = "visitor"
    SUPPLIER_CONTACT = "supplier_contact"
    OTHER = "other"


class GroupReach(StrEnum):
    """How these people can be told."""

    BY_NAME = "by_name"
    PUBLIC = "public"
    """Art. 34(3)(c): a public communication that informs them as well."""
    OTHER_MEANS = "other_means"


class NotificationMeans(StrEnum):
    """How they were told."""

    EMAIL = "email"
    POST = "post"
    TELEPHONE = "telephone"
    IN_PERSON = "in_person"
    PUBLIC_NOTICE = "public_notice"
    OTHER = "other"


class GroupPerson(FrozenModel):
    """One person of the group and how we reach them."""

    name: str = Field(repr=False)
    email: str | None = Field(default=None, repr=False)
    phone: str | None = Field(default=None, repr=False)
    address: str | None = Field(default=None, repr=False)


class GroupNotification(FrozenModel):
    """People of the group were told, outside the letters that this system sends."""

    told_at: datetime
    recorded_by: str
    recorded_at: datetime
    means: NotificationMeans
    people: int
    text: str = Field(repr=False)
    """What they were told, as it was written or said."""
    proof: str = Field(repr=False)
    """What shows it, and where it is kept."""
    everybody: bool
    """Nobody of the group is left to be told."""


class GroupExemption(FrozenModel):
    """Why this group is not told under Art. 34 although others are."""

    reason: str = Field(repr=False)
    decided_by: str
    decided_at: datetime


class AffectedGroup(CaseRecord):
    """People of one kind with data that a case reached, or may have reached."""

    kind: GroupKind
    kind_words: str | None = None
    """Who they are, in words; needed for `other`."""
    certainty: Certainty
    """Never excluded: who is not affected is not recorded."""
    reason: str = Field(repr=False)
    """What shows that their data was reached, or why it cannot be ruled out."""
    people: ReportedQuantity = ReportedQuantity()
    data_categories: tuple[DataCategory, ...]
    effects: dict[BreachEffect, EffectCertainty]
    """What happened, or may have happened, to that data; empty: it is not known."""
    reach: GroupReach
    reach_reason: str | None = Field(default=None, repr=False)
    """Why not by name; what is done instead."""
    persons: tuple[GroupPerson, ...] = Field(default=(), repr=False)
    tellings: tuple[GroupNotification, ...] = ()
    not_told: GroupExemption | None = None
    withdrawn_by: str | None = None
    """Who recorded that they are not affected after all."""
    withdrawn_at: datetime | None = None
    withdrawn_reason: str | None = Field(default=None, repr=False)

    @property
    def told_at(self) -> datetime | None:
        """When the last of them was notified, or None while any is not."""
        if any(telling.everybody for telling in self.tellings):
            return max(telling.told_at for telling in self.tellings)
        return None

    @property
    def told(self) -> int:
        """How many were told so far, as recorded."""
        return sum(telling.people for telling in self.tellings)

    @property
    def ended_at(self) -> datetime | None:
        if self.withdrawn_at is not None:
            return self.withdrawn_at
        return self.not_told.decided_at if self.not_told else self.told_at
