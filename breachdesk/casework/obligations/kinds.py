"""Rules of each kind of obligation: one row a kind, shown on the screen and in
docs/reference/obligations.md. Each jurisdiction adds one kind, the report to its regulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from breachdesk.gdpr.jurisdiction import Jurisdiction, load_jurisdictions
from schemas.casework.obligation import ObligationKind as Kind


@dataclass(frozen=True, slots=True)
class KindRule:
    """Rule of one kind. Texts complete a sentence."""

    starts: str
    due: str
    ends_by: str
    page: str
    """Page of the case where the act that ends it is done; `{id}` is the customer's id."""
    waivable: bool = True
    second_person: bool = False
    """A statutory duty: one person asks, an approver who did not ask waives."""


RULES: Mapping[Kind, KindRule] = {
    Kind.OWN_PROMISE: KindRule(
        "we are aware of the breach",
        "as soon as feasible",
        "a letter handed over to each, or a call that reached them",
        "delivery",
    ),
    Kind.ART34_PEOPLE: KindRule(
        "we are aware of the breach",
        "without undue delay",
        "a letter handed over to each, or a call that reached them",
        "delivery",
        second_person=True,
    ),
    Kind.ART34_GROUP: KindRule(
        "we are aware of the breach",
        "without undue delay",
        "a record that everybody of the group was told, or the reason why they are not",
        "groups",
        second_person=True,
    ),
    Kind.PECR_SUBSCRIBERS: KindRule(
        "we are aware of the breach",
        "without unreasonable delay",
        "a letter handed over to each, or a call that reached them",
        "delivery",
        second_person=True,
    ),
    Kind.CONTROLLERS_ART33_2: KindRule(
        "we are aware of the breach",
        "without undue delay",
        "a letter handed over to each, or a call that reached them",
        "delivery",
        second_person=True,
    ),
    Kind.CORRECTIONS: KindRule(
        "a list is frozen that excludes somebody who was told",
        "without undue delay",
        "a correction handed over to each, or a call that reached them",
        "delivery",
        second_person=True,
    ),
    Kind.NEW_EVIDENCE: KindRule(
        "a list is frozen that says more of somebody who was told",
        "without undue delay",
        "a later letter handed over to each, or a call that reached them",
        "facts",
        second_person=True,
    ),
    Kind.NEXT_UPDATE: KindRule(
        "a letter that promises an update is handed over",
        "the time that the letter promises",
        "a later letter handed over to each who was promised it",
        "facts",
    ),
    Kind.HOLD_REVIEW: KindRule(
        "a decision with a law-enforcement hold is written",
        "the review date of the hold",
        "a new decision that lifts the hold or gives it another review date",
        "decision",
        waivable=False,
    ),
    Kind.FACTS_OWED: KindRule(
        "a report that names the fact as not yet known is submitted",
        "the time that the report gives",
        "a later submission that no longer names it",
        "report",
        second_person=True,
    ),
    Kind.CONTRACT_HOURS: KindRule(
        "we are aware of the breach",
        "the hours of the customer's contract",
        "a letter handed over to this customer, or a call that reached it",
        "delivery",
    ),
    Kind.CONTROLLER_RECEIPT: KindRule(
        "a letter to a controller is handed over",
        "the hours set for receipts, 24 unless others are set",
        "the recorded receipt of this letter",
        "people",
    ),
    Kind.CONTROLLER_QUESTION: KindRule(
        "a controller asks",
        "without undue delay",
        "the recorded answer",
        "people",
    ),
    Kind.SUPPLIER_ANSWER: KindRule(
        "we ask a supplier",
        "no hour is given",
        "the recorded answer of the supplier",
        "people",
    ),
    Kind.COMPLAINT_RECEIPT: KindRule(
        "a complaint about the case is received",
        "the days that the law of that day gives",
        "the recorded acknowledgement",
        "people",
        second_person=True,
    ),
    Kind.COMPLAINT_OUTCOME: KindRule(
        "a complaint about the case is received",
        "without undue delay",
        "the recorded outcome",
        "people",
        second_person=True,
    ),
}


def get_rule(kind: str) -> KindRule:
    """Return the rule of an obligation's kind."""
    for jurisdiction in load_jurisdictions().values():
        if jurisdiction.clock == kind:
            return build_report_rule(jurisdiction)
    return RULES[Kind(kind)]


def list_rules() -> Mapping[str, KindRule]:
    """Return every rule by its kind: the reports to regulators first."""
    reports = {j.clock: build_report_rule(j) for j in load_jurisdictions().values()}
    return reports | {kind.value: rule for kind, rule in RULES.items()}


def build_report_rule(jurisdiction: Jurisdiction) -> KindRule:
    """Build the rule of the report to one regulator."""
    ends_by = "a recorded submission"
    if not jurisdiction.whatever_the_risk:
        ends_by += ", or a decision not to report"
    return KindRule(
        "we are aware of the breach",
        "the hours that the law of that day gives",
        ends_by,
        "report",
        second_person=True,
    )
