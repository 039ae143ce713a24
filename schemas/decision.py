"""The decision: the written bridge from facts to duties."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from schemas.customer import Frozen


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
