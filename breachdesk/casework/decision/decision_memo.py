"""Render the decision memo from the sealed decision and what it rested on when it was sealed."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from breachdesk.casework.affected.group_records import list_affected, list_categories
from breachdesk.gdpr import enisa
from breachdesk.gdpr.edpb import REFERENCE, get_edpb_case
from breachdesk.gdpr.raised import (
    get_answer,
    get_provision_id,
    get_title,
    list_question_keys,
    list_scored_categories,
)
from breachdesk.gdpr.roles import select_reached
from breachdesk.gdpr.severity import EnisaSeverity, find_missing
from breachdesk.gdpr.tensions import LEVELS, list_remarks, list_tensions
from breachdesk.ports import UnitOfWork
from schemas.casework.affected import Certainty, Exposure, Manifest
from schemas.casework.breach import Breach
from schemas.casework.decision import Decision, NotificationBasis
from schemas.casework.memo import DecisionMemo, MemoRow, MemoSection
from schemas.customer import DataCategory, DataRole
from schemas.errors import NotFound
from schemas.law import LawBook
from schemas.times import convert_to_utc

WIDTH = 76
UNWRITTEN = "not written"
STOPPED = {
    NotificationBasis.ART34: "letters under Art. 34",
    NotificationBasis.OWN_PROMISE: "letters under our own promise",
    NotificationBasis.PECR_5A3: "letters under PECR regulation 5A(3)",
}


@dataclass(frozen=True, slots=True)
class _MemoSources:
    """The documents that one memo is rendered from."""

    breach: Breach
    decision: Decision
    earlier: Sequence[Decision]
    manifest: Manifest | None
    law: LawBook
    zone: str
    groups: bool
    """People who are no customers are affected too."""
    beside: frozenset[DataCategory]
    """What we hold of them."""

    @property
    def exposures(self) -> tuple[Exposure, ...]:
        return self.manifest.exposures if self.manifest else ()

    def format_time(self, moment: datetime) -> str:
        """Format a time like `22 November 2026, 09:12 GMT`."""
        local = moment.astimezone(ZoneInfo(self.zone))
        return f"{local.day} {local:%B %Y, %H:%M} {local.tzname()}"


def build_memo(uow: UnitOfWork, breach_id: str, zone: str = "Europe/London") -> DecisionMemo:
    """Build the memo of the newest decision, with the list that was current when it was sealed.
    Raises NotFound when there is no decision."""
    breach = uow.breaches.get(breach_id)
    decisions = uow.breaches.list_versions(Decision, breach_id)
    if not decisions:
        raise NotFound("no decision is written", place=breach_id, remedy="Write it first.")
    *earlier, decision = decisions
    manifest = _get_sealed_list(uow.breaches.list_versions(Manifest, breach_id), decision)
    beside = list_affected(uow, breach.case_id)
    sources = _MemoSources(
        breach, decision, earlier, manifest, uow.law, zone, bool(beside), list_categories(beside)
    )
    return DecisionMemo(
        breach_id=breach.id,
        case_id=breach.case_id,
        title=breach.title,
        drill=breach.drill,
        version=decision.version,
        decided_by=decision.decided_by,
        decided_at=decision.decided_at,
        hash=decision.hash,
        zone=zone,
        sections=tuple(_build_sections(sources)),
    )


def render_memo(memo: DecisionMemo) -> str:
    """Render the memo as plain text."""
    head = f"DECISION MEMO, {memo.breach_id}, version {memo.version}"
    lines = ["DRILL. No real breach." if memo.drill else None, head, memo.title, ""]
    for section in memo.sections:
        lines += [section.heading.upper(), ""]
        for row in section.rows:
            lines += [*_wrap_text(f"{row.label}: {row.text}"), ""]
    return "\n".join(line for line in lines if line is not None)


def _wrap_text(text: str) -> Iterator[str]:
    for paragraph in text.splitlines() or [""]:
        yield from textwrap.wrap(paragraph, WIDTH) or [""]


def _get_sealed_list(manifests: Sequence[Manifest], decision: Decision) -> Manifest | None:
    """Return the newest list that was frozen before the decision."""
    then = [
        m for m in manifests if convert_to_utc(m.frozen_at) <= convert_to_utc(decision.decided_at)
    ]
    return max(then, key=lambda m: m.version, default=None)


def _build_sections(sources: _MemoSources) -> Iterator[MemoSection]:
    parts = {
        "What it is about": _describe_subject(sources),
        "What was decided": _describe_answers(sources),
        "Risk and harm": _describe_risk(sources.decision),
        "Severity": _describe_severity(sources),
        "Comparison with the EDPB's cases": _describe_comparison(sources),
        "What speaks against it, and why it stands": _describe_departures(sources),
        "Exemptions and a request to wait": _describe_exemptions(sources),
        "To be known": _list_remarks(sources),
        "Earlier versions": _describe_earlier(sources),
        "Seal": _describe_seal(sources),
    }
    for heading, rows in parts.items():
        memo_rows = tuple(MemoRow(label=label, text=text) for label, text in rows)
        if memo_rows:
            yield MemoSection(heading=heading, rows=memo_rows)


def _describe_subject(sources: _MemoSources) -> Iterator[tuple[str, str]]:
    breach = sources.breach
    yield "Breach", f"{breach.id}, {breach.title}"
    yield "Confirmed", f"{sources.format_time(breach.confirmed_at)}, by {breach.confirmed_by}"
    yield "Why it is a breach", breach.reason
    yield "Aware since", sources.format_time(breach.aware_at)
    for declared in breach.awareness:
        yield (
            f"Awareness declared {sources.format_time(declared.declared_at)}",
            f"{sources.format_time(declared.aware_at)}, by {declared.declared_by}: {declared.reason}",
        )
    if sources.manifest is None:
        yield "Affected", "no list was frozen"
        return
    for role in DataRole:
        yield f"Affected, we are {role}", _format_counts(sources.exposures, role)
    named = ", ".join(
        c.value
        for c in list_scored_categories(sources.decision, sources.exposures, beside=sources.beside)
    )
    yield "Kinds of data", named or "not known"
    version = sources.manifest.version
    yield "Affected list", f"version {version}, SHA-256 {sources.manifest.hash}"


def _format_counts(exposures: Sequence[Exposure], role: DataRole) -> str:
    counts = Counter(e.certainty for e in select_reached(exposures, role))
    texts = [f"{counts[c]} {c}" for c in Certainty if counts[c]]
    return f"{sum(counts.values())} customers: {', '.join(texts)}" if texts else "nobody"


def _describe_answers(sources: _MemoSources) -> Iterator[tuple[str, str]]:
    keys = list_question_keys(sources.decision)
    for key in keys:
        answer = get_answer(sources.decision, key)
        if answer.asked:
            law = sources.law.get_provision(get_provision_id(key), sources.breach.aware_at)
            yes = "Yes" if answer.yes else "No"
            yield get_title(key), f"{yes}. {answer.reasons} ({law.citation})"
    if not any(get_answer(sources.decision, key).asked for key in keys):
        yield "Answers", "The list holds only what we process for others: it raises no question."


def _describe_risk(decision: Decision) -> Iterator[tuple[str, str]]:
    yield "Risk", decision.risk or UNWRITTEN
    yield "High risk", decision.high_risk or UNWRITTEN
    yield "Likely harm", decision.likely_harm or UNWRITTEN
    yield "Safeguards before", decision.safeguards_before or UNWRITTEN
    yield "Safeguards after", decision.safeguards_after or UNWRITTEN


def _describe_severity(sources: _MemoSources) -> Iterator[tuple[str, str]]:
    decision = sources.decision
    if decision.severity_score is not None:
        severity = EnisaSeverity(round(decision.severity_score * 4))
        text = f"{severity.score:.2f}, {LEVELS[severity.level]}. {enisa.describe_level(severity.level)}"
        yield "Score", text
    elif decision.severity is not None:
        categories = list_scored_categories(decision, sources.exposures, beside=sources.beside)
        yield (
            "Score",
            f"none: not scored are {', '.join(find_missing(decision.severity, categories))}",
        )
    else:
        yield "Score", "none: nothing was scored"
    if decision.severity is not None:
        yield from enisa.describe_factors(decision.severity)
    yield "Source", sources.law.get_reference(enisa.REFERENCE).citation


def _describe_comparison(sources: _MemoSources) -> Iterator[tuple[str, str]]:
    decision = sources.decision
    if decision.edpb_case is not None:
        case = get_edpb_case(decision.edpb_case)
        yield f"Case {case.number}", f"{case.title}. {case.story} {case.turns_on}"
        yield "There", f"{case.concluded.capitalize()}."
    if decision.edpb_comparison:
        yield "Here" if decision.edpb_case else "None is alike", decision.edpb_comparison
        yield "Source", sources.law.get_reference(REFERENCE).citation


def _describe_departures(sources: _MemoSources) -> Iterator[tuple[str, str]]:
    for tension in list_tensions(sources.decision, sources.exposures, groups=sources.groups):
        yield tension.words, sources.decision.departures.get(tension.id) or UNWRITTEN


def _describe_exemptions(sources: _MemoSources) -> Iterator[tuple[str, str]]:
    decision = sources.decision
    if decision.art34_3_limb:
        yield f"Art. 34(3)({decision.art34_3_limb})", decision.art34_3_evidence
        if decision.public_communication:
            yield "Public communication", decision.public_communication
    if decision.pecr_unintelligible is not None:
        law = sources.law.get_provision("pecr_5a_6", sources.breach.aware_at)
        yield law.article, decision.pecr_unintelligible
    hold = decision.hold
    if hold is not None:
        stopped = ", ".join(phrase for basis, phrase in STOPPED.items() if basis in hold.stops)
        yield (
            "Asked to wait",
            (
                f"by {hold.asked_by}, {sources.format_time(hold.asked_at)}; {hold.basis}. "
                f"Stopped: {stopped}. To be reviewed on {sources.format_time(hold.review_on)}."
            ),
        )


def _list_remarks(sources: _MemoSources) -> Iterator[tuple[str, str]]:
    for remark in list_remarks(sources.decision, sources.exposures, groups=sources.groups):
        yield "Note", remark


def _describe_earlier(sources: _MemoSources) -> Iterator[tuple[str, str]]:
    """Describe earlier decisions and what the next version changed."""
    versions = [*sources.earlier, sources.decision]
    for before, after in pairwise(versions):
        changed = [
            f"{get_title(q)}: {_format_answer(before, q)}, then {_format_answer(after, q)}"
            for q in dict.fromkeys((*list_question_keys(before), *list_question_keys(after)))
            if _format_answer(before, q) != _format_answer(after, q)
        ]
        changes = "; ".join(changed) or "the answers stayed; reasons or the score changed"
        yield (
            f"Version {before.version}, {sources.format_time(before.decided_at)}",
            (f"by {before.decided_by}. Changed by version {after.version}: {changes}."),
        )


def _format_answer(decision: Decision, key: str) -> str:
    answer = get_answer(decision, key)
    if not answer.asked:
        return "not asked"
    return "yes" if answer.yes else "no"


def _describe_seal(sources: _MemoSources) -> Iterator[tuple[str, str]]:
    decision = sources.decision
    yield "Decided", f"{sources.format_time(decision.decided_at)}, by {decision.decided_by}"
    yield "Version", str(decision.version)
    yield "SHA-256", decision.hash
