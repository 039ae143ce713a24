"""Model the decision that derives duties from facts, in writing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field, field_serializer, model_validator

from schemas.customer import DataCategory, FrozenModel


class NotificationBasis(StrEnum):
    """The reason to notify somebody of an exposure."""

    ART34 = "art34"
    """UK GDPR Art. 34: a high risk to people is likely."""
    OWN_PROMISE = "own_promise"
    """Our published promise, whatever the risk."""
    PECR_5A3 = "pecr_5a3"
    """PECR regulation 5A(3): an adverse effect on a subscriber or user is likely."""
    ART33_2 = "art33_2"
    """UK GDPR Art. 33(2): we are processor and tell the controller."""


class DecisionAnswer(FrozenModel):
    """One of the decision's questions: yes or no, and the reasons in writing."""

    yes: bool
    reasons: str = Field(repr=False)
    asked: bool = True
    """False: the affected list does not raise this question, so nobody answered it."""


NOT_ASKED = DecisionAnswer(yes=False, reasons="", asked=False)


EARLIER_ANSWERS = {"report_to_ico": "uk_ico", "pecr": "uk_pecr"}
"""Fields of the stored decisions that were sealed before answers were kept by jurisdiction."""


class LawEnforcementHold(FrozenModel):
    """A request to wait (for Art. 34: DPA 2018 Sch. 2 para 2). Art. 33 keeps running."""

    asked_by: str = Field(repr=False)
    asked_at: datetime
    basis: str
    review_on: datetime
    stops: frozenset[NotificationBasis] = frozenset({NotificationBasis.ART34})
    """The letters that wait. A person names them; letters under Art. 33(2) never wait."""

    @field_serializer("stops")
    def _sort_stops(self, stops: Iterable[NotificationBasis]) -> list[str]:
        return sorted(stops)


class EffectExtent(StrEnum):
    """How far confidentiality, integrity or availability was lost: ENISA's three values, and that
    the breach has nothing of this kind."""

    NOTHING = "nothing"
    """Nothing of this kind: it counts 0, and a person has said so."""
    NONE = "none"
    """ENISA's 0."""
    SOME = "some"
    """ENISA's 0.25."""
    FULL = "full"
    """ENISA's 0.5."""


class SeverityFactors(FrozenModel):
    """The parts of ENISA's score; None if nobody has scored it."""

    data: dict[DataCategory, int] = {}
    """The data processing context of each category, 1 to 4; the highest counts."""
    identification: float | None = None
    """0.25, 0.5, 0.75 or 1."""
    confidentiality: EffectExtent | None = None
    integrity: EffectExtent | None = None
    availability: EffectExtent | None = None
    malicious: bool | None = None
    many_people: bool | None = None
    """More than 100 people. A flag: it never changes the number."""
    unintelligible: bool | None = None
    """Encrypted, and the key is safe. A flag: it never changes the number."""


class Decision(FrozenModel):
    """The written bridge from facts to duties; frozen before approval."""

    breach_id: str
    version: int
    decided_by: str
    decided_at: datetime
    report: dict[str, DecisionAnswer]
    """By the id of the jurisdiction: the answer to its own question, which is whether to report or
    whether anything falls under its rule. It holds every jurisdiction that was considered."""
    tell_people: DecisionAnswer
    """Art. 34: a high risk to people is likely. Of what is not under PECR."""
    own_promise_binds: DecisionAnswer
    """Our published promise: `may have exposed … as soon as feasible`, whatever the risk."""
    pecr_subscribers: DecisionAnswer = NOT_ASKED
    """Regulation 5A(3): likely to adversely affect the personal data or privacy of a subscriber or
    user."""
    pecr_unintelligible: str | None = Field(default=None, repr=False)
    """Evidence that the data was unintelligible to whoever had it, where the exemption of
    regulation 5A is relied on; None: it is not."""
    risk: str = Field(repr=False)
    high_risk: str = Field(repr=False)
    severity_score: float | None = None
    """ENISA 2013, 0.25 … 6.00; it advises only."""
    severity_inputs: dict[str, float] = {}
    """Of decisions sealed before `severity` was there."""
    severity: SeverityFactors | None = None
    likely_harm: str | None = Field(default=None, repr=False)
    """What can happen to people."""
    safeguards_before: str | None = Field(default=None, repr=False)
    """What protected the data when it happened."""
    safeguards_after: str | None = Field(default=None, repr=False)
    """What has lessened the risk since."""
    edpb_case: int | None = None
    """The most alike of the eighteen cases of EDPB Guidelines 01/2021; None: none is alike."""
    edpb_comparison: str | None = Field(default=None, repr=False)
    """In what ours is like that case and in what it differs, or why none is alike."""
    departures: dict[str, str] = Field(default={}, repr=False)
    """Tension id to the reason for the decision despite it."""
    art34_3_limb: str = ""
    """a | b | c, empty: no exemption is relied on."""
    art34_3_evidence: str = Field(default="", repr=False)
    public_communication: str = Field(default="", repr=False)
    """Demanded by limb (c)."""
    hold: LawEnforcementHold | None = None
    hash: str = ""

    @model_validator(mode="before")
    @classmethod
    def _migrate_answers(cls, stored: Any) -> Any:
        """Accept a decision that was sealed before answers were kept by jurisdiction."""
        if not isinstance(stored, Mapping) or "report" in stored:
            return stored
        fields = dict(stored)
        answers = {id_: fields.pop(name) for name, id_ in EARLIER_ANSWERS.items() if name in fields}
        return fields | {"report": answers}

    def report_answer(self, jurisdiction: str) -> DecisionAnswer:
        """Return the answer for a jurisdiction; NOT_ASKED for one that was not considered."""
        return self.report.get(jurisdiction, NOT_ASKED)


def to_earlier_form(fields: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the fields of a decision as they were stored before answers were kept by jurisdiction,
    so that a hash of that time can be verified. None: it holds an answer that had no field then."""
    answers: Mapping[str, Any] = fields["report"]
    if set(answers) != set(EARLIER_ANSWERS.values()):
        return None
    earlier_fields = {name: value for name, value in fields.items() if name != "report"}
    return earlier_fields | {name: answers[id_] for name, id_ in EARLIER_ANSWERS.items()}
