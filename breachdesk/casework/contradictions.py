"""Where a report's answers go against the sealed decision, the frozen list or the evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from breachdesk.gdpr import roles
from breachdesk.gdpr.filing import Filing
from breachdesk.gdpr.told_words import told_words
from schemas.decision import Basis, Decision
from schemas.report import Contradiction

Found = Iterator[tuple[str, str]]
"""The key of the question, and what speaks against its answer."""
NOT_TOLD = ("about_to", "planning", "decided_not", "undecided")


def contradictions(filing: Filing) -> tuple[Contradiction, ...]:
    """Each with the reason that a person gave for it, if any; empty while nothing is written."""
    if filing.facts is None:
        return ()
    reasons = filing.facts.departures
    return tuple(
        Contradiction(key=name, question=key, words=words, reason=reasons.get(name, "").strip())
        for name, check in CHECKS.items()
        for key, words in check(filing)
    )


def untrue_of_telling(filing: Filing) -> str | None:
    """Why `people_told` cannot stand beside the letters and calls; no reason can mend it."""
    said, told = filing.written.people_told, filing.told
    if said in NOT_TOLD and told.told:
        return f"it says that nobody was told, and the record says: {told_words(told).rstrip('.')}"
    if said == "told_some" and told.everybody:
        return f"everybody was told: {told_words(told).rstrip('.')}"
    return None


def _risk(filing: Filing) -> Found:
    said, decision = filing.written.high_risk, filing.decision
    if said is None or decision is None:
        return
    high = decision.tell_people.yes or bool(decision.art34_3_limb)
    if said == "no" and decision.tell_people.yes:
        yield "high_risk", "The decision finds that a high risk to people is likely."
    if said == "yes" and not high:
        yield "high_risk", "The decision tells nobody under Article 34 and relies on no exemption."
    if said == "not_yet_known":
        found = "finds" if decision.tell_people.yes else "does not find"
        yield "high_risk", f"The decision is sealed and {found} a high risk to people."


def _likelihood(filing: Filing) -> Found:
    said, decision = filing.written.likelihood, filing.decision
    if said is None or decision is None:
        return
    if said in ("unlikely", "very_unlikely") and decision.tell_people.yes:
        yield "likelihood", "The decision finds that a high risk to people is likely."
    if said in ("likely", "very_likely") and not decision.report_to_ico.yes:
        yield "likelihood", "The decision finds that a risk to people is unlikely."


def _reason(filing: Filing) -> Found:
    said, decision = filing.written.reason, filing.decision
    if said is None or decision is None:
        return
    if decision.report_to_ico.yes and said != "meets_threshold":
        yield "reason", "The decision finds that the breach must be reported."
    if not decision.report_to_ico.yes and said != "for_awareness":
        yield "reason", "The decision finds that the breach need not be reported."


def _people(filing: Filing) -> Found:
    customers = len({e.customer_id for e in filing.exposures})
    beside = sum(group.people.value or group.told for group in filing.groups)
    said = filing.written.people.value
    if said is not None and said < customers + beside:
        words = f"The frozen list holds {customers:,} accounts, each of at least one person"
        yield "people", f"{words}; {beside:,} people are no customers." if beside else f"{words}."


def _kinds(filing: Filing) -> Found:
    facts = filing.written
    if not facts.data_kinds and not facts.data_other:
        return
    held = set(filing.categories)
    ticked = set(facts.data_kinds) | ({"other"} if facts.data_other.strip() else set())
    absent = [
        choice.words
        for choice in filing.form.question("data_kinds").choices
        if held & set(choice.categories) and choice.key not in ticked
    ]
    if absent:
        yield "data_kinds", f"The frozen list holds also: {'; '.join(absent)}."


def _harmed(filing: Filing) -> Found:
    said = filing.written.harmed
    absent = [kind for kind in filing.harmed if kind not in said]
    if said and absent:
        yield "harmed", f"The frozen list says that this was touched too: {', '.join(absent)}."


def _occurred(filing: Filing) -> Found:
    begin, end = filing.occurred
    facts = filing.written
    if begin and facts.occurred_from and facts.occurred_from > begin:
        yield "occurred", f"The evidence begins on {filing.when(begin)}."
    elif end and facts.occurred_to and facts.occurred_to < end.replace(second=0, microsecond=0):
        # a person types minutes
        yield "occurred", f"The evidence goes on until {filing.when(end)}."


def _telling(filing: Filing) -> Found:
    said, told = filing.written.people_told, filing.told
    if said == "told_all" and not told.everybody:
        yield "people_told", told_words(told) or "The frozen list names nobody to be told of this."
    if said == "told_some" and not told.told:
        yield "people_told", told_words(told) or "The frozen list names nobody to be told of this."


def _telling_decided(filing: Filing) -> Found:
    said, decision = filing.written.people_told, filing.decision
    if said is None or decision is None:
        return
    decided = tells(filing, decision)
    if said == "decided_not" and decided:
        yield "people_told", "The decision says that these people are told."
    if said in ("about_to", "planning") and not decided:
        yield "people_told", "The decision says that these people are not told."
    if said == "undecided":
        yield "people_told", "The decision is sealed and says whether these people are told."


def tells(filing: Filing, decision: Decision) -> bool:
    """Are the people of this report told, by the decision? A hold only makes them wait."""
    free = decision.model_copy(update={"hold": None})
    groups = decision.tell_people.yes and any(g.not_told is None for g in filing.groups)
    return groups or any(roles.bases(free, e) - {Basis.ART33_2} for e in filing.exposures)


def waits(filing: Filing, decision: Decision) -> bool:
    """Does a hold keep all of them waiting?"""
    hold = decision.hold
    groups = decision.tell_people.yes and any(g.not_told is None for g in filing.groups)
    go = groups and (hold is None or Basis.ART34 not in hold.stops)
    left = any(roles.bases(decision, e) - {Basis.ART33_2} for e in filing.exposures)
    return tells(filing, decision) and not go and not left


CHECKS: dict[str, Callable[[Filing], Found]] = {
    "high_risk": _risk,
    "likelihood": _likelihood,
    "reason": _reason,
    "people": _people,
    "data_kinds": _kinds,
    "harmed": _harmed,
    "occurred": _occurred,
    "people_told": _telling,
    "people_told_decided": _telling_decided,
}
"""By the name under which a person gives the reason."""
