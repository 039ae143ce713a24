"""Propose answers from the decision, the list, the evidence and the letters.

A proposal is shown in the form with its origin. It becomes an answer once a person keeps it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from breachdesk.casework.affected.group_records import format_group_kind
from breachdesk.casework.breach.contradictions import is_telling_decided, is_telling_held
from breachdesk.casework.breach.form_facts import build_filing
from breachdesk.casework.breach.report_people import propose_from_people
from breachdesk.gdpr.filing import ReportFiling
from breachdesk.jurisdictions import get_jurisdiction
from breachdesk.ports import UnitOfWork
from schemas.casework.affected import BreachEffect, EffectCertainty
from schemas.casework.affected_group import GroupKind
from schemas.casework.letter_facts import NoticeFacts
from schemas.casework.report import NumberPrecision, ReportedQuantity, ReportFacts
from schemas.customer import DataCategory
from schemas.settings import Settings

DECISION, LIST = "the decision", "the frozen list"
EVIDENCE, LETTERS = "the evidence", "the letters’ facts"
SENT = "the letters and calls"
KINDS = {GroupKind.STAFF: "employees", GroupKind.SUBSCRIBER: "subscribers"}
"""Choices of `people_kinds` that name a group; the others go under `other`, in words."""
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
    BreachEffect.SEEN: "seen",
    BreachEffect.COPIED: "copied",
    BreachEffect.ALTERED: "altered",
    BreachEffect.LOST: "lost",
    BreachEffect.UNAVAILABLE: "out of reach for a time",
}


@dataclass(frozen=True, slots=True)
class ReportProposals:
    """Proposed answers by field of ReportFacts, each with its origin."""

    answers: dict[str, Any] = field(default_factory=dict, repr=False)
    origins: dict[str, str] = field(default_factory=dict)


def build_proposals(
    uow: UnitOfWork, breach_id: str, form_id: str, settings: Settings, now: datetime
) -> ReportProposals:
    """Build proposals for the fields that the newest facts leave blank. Reads only."""
    plugin = get_jurisdiction(form_id)
    filing = build_filing(uow, breach_id, plugin, settings, now)
    notice_facts = uow.breaches.find_latest(NoticeFacts, breach_id)
    blank = ReportFacts(breach_id=breach_id, version=0, written_by="", written_at=now)
    collected = ReportProposals()
    keys = {q.key for q in filing.form.questions}
    for name, value, origin in (
        *propose_from_people(uow, filing),
        *plugin.proposals(filing),
        *_propose_all(filing, notice_facts),
    ):
        open_field = getattr(filing.written, name) == getattr(blank, name)
        has_field = FIELD_OF.get(name, name) in keys
        if value and open_field and has_field and name not in collected.answers:
            collected.answers[name] = value
            collected.origins[name] = origin
    return collected


def _propose_all(
    filing: ReportFiling, notice_facts: NoticeFacts | None
) -> Iterator[tuple[str, Any, str]]:
    yield from _propose_from_decision(filing)
    yield from _propose_from_list(filing)
    yield from _propose_from_letters(filing)
    if notice_facts is not None:
        yield "what_happened", notice_facts.what_happened, LETTERS
    yield "delay_reasons", filing.delay_reasons, "the declaration of awareness"


def _propose_from_decision(filing: ReportFiling) -> Iterator[tuple[str, Any, str]]:
    decision = filing.decision
    if decision is None:
        return
    tell = decision.tell_people.yes
    if tell or not decision.art34_3_limb:
        yield "high_risk", "yes" if tell else "no", DECISION
    yield "consequences", decision.likely_harm or decision.high_risk, DECISION
    yield "measures_before", decision.safeguards_before, DECISION
    yield "measures_after", decision.safeguards_after, DECISION


def _propose_from_list(filing: ReportFiling) -> Iterator[tuple[str, Any, str]]:
    categories, choices = set(filing.categories), filing.form.list_choices("data_kinds")
    kinds = tuple(c.key for c in choices if categories & set(c.categories))
    other = next((c for c in choices if c.key == "other"), None)
    rest = [CATEGORIES[c] for c in filing.categories if other and c in other.categories]
    customers = len({e.customer_id for e in filing.exposures})
    yield "data_kinds", kinds, LIST
    yield "data_other", ", ".join(rest), LIST
    yield "harmed", filing.harmed, LIST
    yield "affected_how", _describe_effects(filing), LIST
    numbered = customers + sum(g.people.value or 0 for g in filing.groups)
    unknown = any(g.people.value is None for g in filing.groups)
    if numbered and not unknown:
        yield (
            "people",
            ReportedQuantity(value=numbered, precision=NumberPrecision.APPROXIMATE),
            LIST,
        )
    named = ("customers",) if customers else ()
    groups = dict.fromkeys(KINDS.get(g.kind, "other") for g in filing.groups)
    yield "people_kinds", (*named, *groups), LIST
    unlisted = [format_group_kind(g) for g in filing.groups if g.kind not in KINDS]
    yield "people_other", ", ".join(unlisted), LIST
    begin, end = filing.occurred
    yield "occurred_from", begin, EVIDENCE
    yield "occurred_to", end, EVIDENCE
    yield "discovered_at", filing.discovered_at, EVIDENCE


def _propose_from_letters(filing: ReportFiling) -> Iterator[tuple[str, Any, str]]:
    counts, decision = filing.notified, filing.decision
    if counts.everybody:
        yield "people_told", "told_all", SENT
    elif counts.notified:
        yield "people_told", "told_some", SENT
    elif decision is not None and (filing.exposures or filing.groups):
        next_step = "planning" if is_telling_held(filing, decision) else "about_to"
        yield (
            "people_told",
            next_step if is_telling_decided(filing, decision) else "decided_not",
            DECISION,
        )
    used = (
        ("email", counts.by_letter),
        ("telephone", counts.by_telephone),
        ("post", counts.by_post),
        ("in_person", counts.in_person),
    )
    yield "means", tuple(key for key, count in used if count) or ("none_yet",), SENT


def _describe_effects(filing: ReportFiling) -> str:
    """Describe effects like `Seen: contact data. May have been copied: mail.`"""
    groups: dict[tuple[EffectCertainty, BreachEffect], list[str]] = defaultdict(list)
    for category in filing.categories:
        for sure, effect in _list_surest_effects(filing, category):
            groups[sure, effect].append(CATEGORIES[category])
    lines = []
    for (sure, effect), names in sorted(groups.items(), key=lambda item: item[0]):
        verb = EFFECTS[effect]
        lead = verb if sure is EffectCertainty.HAPPENED else f"may have been {verb}"
        lines.append(f"{lead[:1].upper()}{lead[1:]}: {', '.join(names)}.")
    return "\n".join(lines)


def _list_surest_effects(
    filing: ReportFiling, category: DataCategory
) -> set[tuple[EffectCertainty, BreachEffect]]:
    """List the most certain of each effect on this category over all exposures."""
    surest: dict[BreachEffect, EffectCertainty] = {}
    effect_maps = [e.effects.get(category, {}) for e in filing.exposures]
    effect_maps += [g.effects for g in filing.groups if category in g.data_categories]
    for effects in effect_maps:
        for effect, surety in effects.items():
            if surest.get(effect) is not EffectCertainty.HAPPENED:
                surest[effect] = surety
    return {(surety, effect) for effect, surety in surest.items()}
