"""What the decision, the list, the evidence and the letters already say of a form's questions.

A proposal is shown in the form with where it is from. It is an answer once a person keeps it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from breachdesk.casework.contradictions import tells, waits
from breachdesk.casework.filings import filing_of
from breachdesk.casework.groups import group_words
from breachdesk.casework.report_people import from_people
from breachdesk.gdpr.filing import Filing
from breachdesk.jurisdictions import jurisdiction
from breachdesk.ports import UnitOfWork
from schemas.affected import Effect, Surety
from schemas.affected_group import GroupKind
from schemas.customer import DataCategory
from schemas.letter_facts import NoticeFacts
from schemas.report import Precision, Quantity, ReportFacts
from schemas.settings import Settings

DECISION, LIST = "the decision", "the frozen list"
EVIDENCE, LETTERS = "the evidence", "the letters’ facts"
SENT = "the letters and calls"
KINDS = {GroupKind.STAFF: "employees", GroupKind.SUBSCRIBER: "subscribers"}
"""Groups that the ICO's form names; the others go under `other`, in words."""
CATEGORIES = {
    DataCategory.IDENTITY: "identity data",
    DataCategory.CONTACT: "contact data",
    DataCategory.FINANCIAL: "bank and payment data",
    DataCategory.TRANSACTION: "orders and invoices",
    DataCategory.TECHNICAL: "technical data such as the addresses of computers",
    DataCategory.PROFILE: "account profiles",
    DataCategory.USAGE: "data on how services are used",
    DataCategory.MARKETING: "marketing choices",
    DataCategory.CREDENTIALS: "sign-in data",
    DataCategory.TRAFFIC: "traffic data of a telecoms service",
    DataCategory.MAIL: "mail",
    DataCategory.FILES: "files",
    DataCategory.WEBSITE: "the contents of websites",
    DataCategory.BACKUP: "backups",
    DataCategory.HEALTH: "health data",
}
"""As a regulator reads them."""
FIELD_OF = {
    "data_other": "data_kinds",
    "people_other": "people_kinds",
    "occurred_from": "occurred",
    "occurred_to": "occurred",
    "discovered_at": "discovered",
    "other_providers_words": "other_providers",
    "other_bodies": "told_bodies",
}
"""Which question of a form a field answers, where it has another name."""
EFFECTS = {
    Effect.SEEN: "seen",
    Effect.COPIED: "copied",
    Effect.ALTERED: "altered",
    Effect.LOST: "lost",
    Effect.UNAVAILABLE: "out of reach for a time",
}


@dataclass(frozen=True, slots=True)
class Proposals:
    """Answers that nobody has given yet, by the field of ReportFacts, each with its origin."""

    answers: dict[str, Any] = field(default_factory=dict, repr=False)
    origins: dict[str, str] = field(default_factory=dict)


def proposals(
    uow: UnitOfWork, breach_id: str, form_id: str, settings: Settings, now: datetime
) -> Proposals:
    """For the fields that the newest facts leave blank. Reads only."""
    filing = filing_of(uow, breach_id, jurisdiction(form_id), settings, now)
    said = uow.breaches.latest(NoticeFacts, breach_id)
    blank = ReportFacts(breach_id=breach_id, version=0, written_by="", written_at=now)
    found = Proposals()
    asked = {q.key for q in filing.form.questions}
    for name, value, origin in (*from_people(uow, filing), *_all(filing, said)):
        open_field = getattr(filing.written, name) == getattr(blank, name)
        has_field = FIELD_OF.get(name, name) in asked
        if value and open_field and has_field and name not in found.answers:
            found.answers[name] = value
            found.origins[name] = origin
    return found


def _all(filing: Filing, said: NoticeFacts | None) -> Iterator[tuple[str, Any, str]]:
    yield from _from_decision(filing)
    yield from _from_list(filing)
    yield from _from_letters(filing)
    if said is not None:
        yield "what_happened", said.what_happened, LETTERS
    yield "delay_reasons", filing.delay_reasons, "the declaration of awareness"


def _from_decision(filing: Filing) -> Iterator[tuple[str, Any, str]]:
    decision = filing.decision
    if decision is None:
        return
    report, tell = decision.report_to_ico.yes, decision.tell_people.yes
    yield "reason", "meets_threshold" if report else "for_awareness", DECISION
    if tell or not decision.art34_3_limb:
        yield "high_risk", "yes" if tell else "no", DECISION
    yield "consequences", decision.likely_harm or decision.high_risk, DECISION
    yield "measures_before", decision.safeguards_before, DECISION
    yield "measures_after", decision.safeguards_after, DECISION


def _from_list(filing: Filing) -> Iterator[tuple[str, Any, str]]:
    held, question = set(filing.categories), filing.form.question("data_kinds")
    kinds = tuple(c.key for c in question.choices if held & set(c.categories))
    other = next((c for c in question.choices if c.key == "other"), None)
    rest = [CATEGORIES[c] for c in filing.categories if other and c in other.categories]
    customers = len({e.customer_id for e in filing.exposures})
    yield "data_kinds", kinds, LIST
    yield "data_other", ", ".join(rest), LIST
    yield "harmed", filing.harmed, LIST
    yield "affected_how", _affected_how(filing), LIST
    numbered = customers + sum(g.people.value or 0 for g in filing.groups)
    unknown = any(g.people.value is None for g in filing.groups)
    if numbered and not unknown:
        yield "people", Quantity(value=numbered, precision=Precision.APPROXIMATE), LIST
    named = ("customers",) if customers else ()
    groups = dict.fromkeys(KINDS.get(g.kind, "other") for g in filing.groups)
    yield "people_kinds", (*named, *groups), LIST
    unlisted = [group_words(g) for g in filing.groups if g.kind not in KINDS]
    yield "people_other", ", ".join(unlisted), LIST
    begin, end = filing.occurred
    yield "occurred_from", begin, EVIDENCE
    yield "occurred_to", end, EVIDENCE
    yield "discovered_at", filing.discovered_at, EVIDENCE


def _from_letters(filing: Filing) -> Iterator[tuple[str, Any, str]]:
    told, decision = filing.told, filing.decision
    if told.everybody:
        yield "people_told", "told_all", SENT
    elif told.told:
        yield "people_told", "told_some", SENT
    elif decision is not None and (filing.exposures or filing.groups):
        told_next = "planning" if waits(filing, decision) else "about_to"
        yield "people_told", told_next if tells(filing, decision) else "decided_not", DECISION
    used = (
        ("email", told.by_letter),
        ("telephone", told.by_telephone),
        ("post", told.by_post),
        ("in_person", told.in_person),
    )
    yield "means", tuple(key for key, count in used if count) or ("none_yet",), SENT


def _affected_how(filing: Filing) -> str:
    """`Seen: contact data. May have been copied: mail.`"""
    groups: dict[tuple[Surety, Effect], list[str]] = defaultdict(list)
    for category in filing.categories:
        for sure, effect in _effects(filing, category):
            groups[sure, effect].append(CATEGORIES[category])
    lines = []
    for (sure, effect), names in sorted(groups.items(), key=lambda item: item[0]):
        verb = EFFECTS[effect]
        lead = verb if sure is Surety.HAPPENED else f"may have been {verb}"
        lines.append(f"{lead[:1].upper()}{lead[1:]}: {', '.join(names)}.")
    return "\n".join(lines)


def _effects(filing: Filing, category: DataCategory) -> set[tuple[Surety, Effect]]:
    """The surest of each effect on this category over all exposures."""
    surest: dict[Effect, Surety] = {}
    held = [e.effects.get(category, {}) for e in filing.exposures]
    held += [g.effects for g in filing.groups if category in g.data_categories]
    for effects in held:
        for effect, surety in effects.items():
            if surest.get(effect) is not Surety.HAPPENED:
                surest[effect] = surety
    return {(surety, effect) for effect, surety in surest.items()}
