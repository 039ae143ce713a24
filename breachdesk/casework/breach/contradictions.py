"""Find where a report's answers contradict the sealed decision, the frozen list or the evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from breachdesk.gdpr import roles
from breachdesk.gdpr.filing import ReportFiling
from breachdesk.gdpr.jurisdiction import Jurisdiction
from breachdesk.gdpr.told_words import describe_notified
from schemas.casework.decision import Decision, NotificationBasis
from schemas.casework.report import ReportContradiction

Contradictions = Iterator[tuple[str, str]]
"""The key of the question, and what speaks against its answer."""
UNTOLD_ANSWERS = ("about_to", "planning", "decided_not", "undecided")


def list_contradictions(
    filing: ReportFiling, plugin: Jurisdiction
) -> tuple[ReportContradiction, ...]:
    """List contradictions that any form may have and those of this one, each with the reason that a
    person gave for it, if any; empty without answers."""
    if filing.facts is None:
        return ()
    reasons = filing.facts.departures
    return tuple(
        ReportContradiction(
            key=name, question=key, words=words, reason=reasons.get(name, "").strip()
        )
        for name, check in {"high_risk": _compare_risk, **plugin.checks, **CHECKS}.items()
        for key, words in check(filing)
    )


def find_telling_contradiction(filing: ReportFiling) -> str | None:
    """Find why `people_told` contradicts the letters and calls; a reason cannot resolve it."""
    answer, counts = filing.written.people_told, filing.notified
    if answer in UNTOLD_ANSWERS and counts.notified:
        return f"it says that nobody was told, and the record says: {describe_notified(counts).rstrip('.')}"
    if answer == "told_some" and counts.everybody:
        return f"everybody was told: {describe_notified(counts).rstrip('.')}"
    return None


def _compare_risk(filing: ReportFiling) -> Contradictions:
    answer, decision = filing.written.high_risk, filing.decision
    if answer is None or decision is None:
        return
    high = decision.tell_people.yes or bool(decision.art34_3_limb)
    if answer == "no" and decision.tell_people.yes:
        yield "high_risk", "The decision finds that a high risk to people is likely."
    if answer == "yes" and not high:
        yield "high_risk", "The decision tells nobody under Article 34 and relies on no exemption."
    if answer == "not_yet_known":
        verb = "finds" if decision.tell_people.yes else "does not find"
        yield "high_risk", f"The decision is sealed and {verb} a high risk to people."


def _compare_people(filing: ReportFiling) -> Contradictions:
    customers = len({e.customer_id for e in filing.exposures})
    beside = sum(group.people.value or group.told for group in filing.groups)
    answer = filing.written.people.value
    if answer is not None and answer < customers + beside:
        words = f"The frozen list holds {customers:,} accounts, each of at least one person"
        yield "people", f"{words}; {beside:,} people are no customers." if beside else f"{words}."


def _compare_kinds(filing: ReportFiling) -> Contradictions:
    facts = filing.written
    if not facts.data_kinds and not facts.data_other:
        return
    listed = set(filing.categories)
    ticked = set(facts.data_kinds) | ({"other"} if facts.data_other.strip() else set())
    absent = [
        choice.words
        for choice in filing.form.list_choices("data_kinds")
        if listed & set(choice.categories) and choice.key not in ticked
    ]
    if absent:
        yield "data_kinds", f"The frozen list holds also: {'; '.join(absent)}."


def _compare_harmed(filing: ReportFiling) -> Contradictions:
    answer = filing.written.harmed
    absent = [kind for kind in filing.harmed if kind not in answer]
    if answer and absent:
        yield "harmed", f"The frozen list says that this was touched too: {', '.join(absent)}."


def _compare_occurred(filing: ReportFiling) -> Contradictions:
    begin, end = filing.occurred
    facts = filing.written
    if begin and facts.occurred_from and facts.occurred_from > begin:
        yield "occurred", f"The evidence begins on {filing.format_moment(begin)}."
    elif end and facts.occurred_to and facts.occurred_to < end.replace(second=0, microsecond=0):
        # a person types minutes
        yield "occurred", f"The evidence goes on until {filing.format_moment(end)}."


def _compare_telling(filing: ReportFiling) -> Contradictions:
    answer, counts = filing.written.people_told, filing.notified
    if answer == "told_all" and not counts.everybody:
        yield (
            "people_told",
            describe_notified(counts) or "The frozen list names nobody to be told of this.",
        )
    if answer == "told_some" and not counts.notified:
        yield (
            "people_told",
            describe_notified(counts) or "The frozen list names nobody to be told of this.",
        )


def _compare_telling_decided(filing: ReportFiling) -> Contradictions:
    answer, decision = filing.written.people_told, filing.decision
    if answer is None or decision is None:
        return
    decided = is_telling_decided(filing, decision)
    if answer == "decided_not" and decided:
        yield "people_told", "The decision says that these people are told."
    if answer in ("about_to", "planning") and not decided:
        yield "people_told", "The decision says that these people are not told."
    if answer == "undecided":
        yield "people_told", "The decision is sealed and says whether these people are told."


def is_telling_decided(filing: ReportFiling, decision: Decision) -> bool:
    """Whether the decision notifies the people of this report. A hold only delays it."""
    free = decision.model_copy(update={"hold": None})
    groups = decision.tell_people.yes and any(g.not_told is None for g in filing.groups)
    return groups or any(
        roles.compute_bases(free, e) - {NotificationBasis.ART33_2} for e in filing.exposures
    )


def is_telling_held(filing: ReportFiling, decision: Decision) -> bool:
    """Whether a hold delays the notification of all of them."""
    hold = decision.hold
    groups = decision.tell_people.yes and any(g.not_told is None for g in filing.groups)
    go = groups and (hold is None or NotificationBasis.ART34 not in hold.stops)
    is_anybody_owed = any(
        roles.compute_bases(decision, e) - {NotificationBasis.ART33_2} for e in filing.exposures
    )
    return is_telling_decided(filing, decision) and not go and not is_anybody_owed


CHECKS: dict[str, Callable[[ReportFiling], Contradictions]] = {
    "people": _compare_people,
    "data_kinds": _compare_kinds,
    "harmed": _compare_harmed,
    "occurred": _compare_occurred,
    "people_told": _compare_telling,
    "people_told_decided": _compare_telling_decided,
}
"""By the name under which a person gives the reason; the checks of a jurisdiction come before."""
