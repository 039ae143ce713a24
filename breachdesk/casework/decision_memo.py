"""The decision memo, made of the sealed decision and of what it rested on when it was sealed."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from breachdesk.casework.groups import affected_groups, held_of
from breachdesk.gdpr import enisa
from breachdesk.gdpr.edpb import REFERENCE, edpb_case
from breachdesk.gdpr.raised import PROVISIONS, TITLES, Question, scored_categories
from breachdesk.gdpr.roles import reached
from breachdesk.gdpr.severity import Severity, missing
from breachdesk.gdpr.tensions import LEVELS, remarks, tensions
from breachdesk.ports import UnitOfWork
from schemas.affected import Certainty, Exposure, Manifest
from schemas.breach import Breach
from schemas.customer import DataCategory, Role
from schemas.decision import Basis, Decision
from schemas.errors import NotFound
from schemas.law import LawBook
from schemas.memo import DecisionMemo, MemoRow, MemoSection
from schemas.times import in_utc

WIDTH = 76
UNWRITTEN = "not written"
STOPPED = {
    Basis.ART34: "letters under Art. 34",
    Basis.OWN_PROMISE: "letters under our own promise",
    Basis.PECR_5A3: "letters under PECR regulation 5A(3)",
}


@dataclass(frozen=True, slots=True)
class _Sources:
    """What one memo is made of."""

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

    def when(self, moment: datetime) -> str:
        """`22 November 2026, 09:12 GMT`"""
        local = moment.astimezone(ZoneInfo(self.zone))
        return f"{local.day} {local:%B %Y, %H:%M} {local.tzname()}"


def decision_memo(uow: UnitOfWork, breach_id: str, zone: str = "Europe/London") -> DecisionMemo:
    """Of the newest decision, read with the list that stood when it was sealed. Raises NotFound
    while none is written."""
    breach = uow.breaches.get(breach_id)
    decisions = uow.breaches.all(Decision, breach_id)
    if not decisions:
        raise NotFound("no decision is written", place=breach_id, remedy="Write it first.")
    *earlier, decision = decisions
    manifest = _list_of(uow.breaches.all(Manifest, breach_id), decision)
    beside = affected_groups(uow, breach.case_id)
    sources = _Sources(
        breach, decision, earlier, manifest, uow.law, zone, bool(beside), held_of(beside)
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
        sections=tuple(_sections(sources)),
    )


def memo_text(memo: DecisionMemo) -> str:
    """Plain text, to be kept or pasted."""
    head = f"DECISION MEMO, {memo.breach_id}, version {memo.version}"
    lines = ["DRILL. No real breach." if memo.drill else None, head, memo.title, ""]
    for section in memo.sections:
        lines += [section.heading.upper(), ""]
        for row in section.rows:
            lines += [*_wrapped(f"{row.label}: {row.text}"), ""]
    return "\n".join(line for line in lines if line is not None)


def _wrapped(text: str) -> Iterator[str]:
    for paragraph in text.splitlines() or [""]:
        yield from textwrap.wrap(paragraph, WIDTH) or [""]


def _list_of(manifests: Sequence[Manifest], decision: Decision) -> Manifest | None:
    """The newest list that was frozen before the decision."""
    then = [m for m in manifests if in_utc(m.frozen_at) <= in_utc(decision.decided_at)]
    return max(then, key=lambda m: m.version, default=None)


def _sections(sources: _Sources) -> Iterator[MemoSection]:
    parts = {
        "What it is about": _subject(sources),
        "What was decided": _answers(sources),
        "Risk and harm": _risk(sources.decision),
        "Severity": _severity(sources),
        "Comparison with the EDPB's cases": _comparison(sources),
        "What speaks against it, and why it stands": _departures(sources),
        "Exemptions and a request to wait": _exemptions(sources),
        "To be known": _remarks(sources),
        "Earlier versions": _earlier(sources),
        "Seal": _seal(sources),
    }
    for heading, rows in parts.items():
        found = tuple(MemoRow(label=label, text=text) for label, text in rows)
        if found:
            yield MemoSection(heading=heading, rows=found)


def _subject(sources: _Sources) -> Iterator[tuple[str, str]]:
    breach = sources.breach
    yield "Breach", f"{breach.id}, {breach.title}"
    yield "Confirmed", f"{sources.when(breach.confirmed_at)}, by {breach.confirmed_by}"
    yield "Why it is a breach", breach.reason
    yield "Aware since", sources.when(breach.aware_at)
    for declared in breach.awareness:
        yield (
            f"Awareness declared {sources.when(declared.declared_at)}",
            f"{sources.when(declared.aware_at)}, by {declared.declared_by}: {declared.reason}",
        )
    if sources.manifest is None:
        yield "Affected", "no list was frozen"
        return
    for role in Role:
        yield f"Affected, we are {role}", _counted(sources.exposures, role)
    named = ", ".join(
        c.value
        for c in scored_categories(sources.decision, sources.exposures, beside=sources.beside)
    )
    yield "Kinds of data", named or "not known"
    version = sources.manifest.version
    yield "Affected list", f"version {version}, SHA-256 {sources.manifest.hash}"


def _counted(exposures: Sequence[Exposure], role: Role) -> str:
    found = Counter(e.certainty for e in reached(exposures, role))
    said = [f"{found[c]} {c}" for c in Certainty if found[c]]
    return f"{sum(found.values())} customers: {', '.join(said)}" if said else "nobody"


def _answers(sources: _Sources) -> Iterator[tuple[str, str]]:
    for question in Question:
        answer = getattr(sources.decision, question)
        if answer.asked:
            law = sources.law.provision(PROVISIONS[question], sources.breach.aware_at)
            yes = "Yes" if answer.yes else "No"
            yield TITLES[question], f"{yes}. {answer.reasons} ({law.citation})"
    if not any(getattr(sources.decision, question).asked for question in Question):
        yield "Answers", "The list holds only what we process for others: it raises no question."


def _risk(decision: Decision) -> Iterator[tuple[str, str]]:
    yield "Risk", decision.risk or UNWRITTEN
    yield "High risk", decision.high_risk or UNWRITTEN
    yield "Likely harm", decision.likely_harm or UNWRITTEN
    yield "Safeguards before", decision.safeguards_before or UNWRITTEN
    yield "Safeguards after", decision.safeguards_after or UNWRITTEN


def _severity(sources: _Sources) -> Iterator[tuple[str, str]]:
    decision = sources.decision
    if decision.severity_score is not None:
        found = Severity(round(decision.severity_score * 4))
        said = f"{found.score:.2f}, {LEVELS[found.level]}. {enisa.meaning(found.level)}"
        yield "Score", said
    elif decision.severity is not None:
        categories = scored_categories(decision, sources.exposures, beside=sources.beside)
        yield "Score", f"none: not scored are {', '.join(missing(decision.severity, categories))}"
    else:
        yield "Score", "none: nothing was scored"
    if decision.severity is not None:
        yield from enisa.chosen_words(decision.severity)
    yield "Source", sources.law.reference(enisa.REFERENCE).citation


def _comparison(sources: _Sources) -> Iterator[tuple[str, str]]:
    decision = sources.decision
    if decision.edpb_case is not None:
        case = edpb_case(decision.edpb_case)
        yield f"Case {case.number}", f"{case.title}. {case.story} {case.turns_on}"
        yield "There", f"{case.concluded.capitalize()}."
    if decision.edpb_comparison:
        yield "Here" if decision.edpb_case else "None is alike", decision.edpb_comparison
        yield "Source", sources.law.reference(REFERENCE).citation


def _departures(sources: _Sources) -> Iterator[tuple[str, str]]:
    for tension in tensions(sources.decision, sources.exposures, groups=sources.groups):
        yield tension.words, sources.decision.departures.get(tension.id) or UNWRITTEN


def _exemptions(sources: _Sources) -> Iterator[tuple[str, str]]:
    decision = sources.decision
    if decision.art34_3_limb:
        yield f"Art. 34(3)({decision.art34_3_limb})", decision.art34_3_evidence
        if decision.public_communication:
            yield "Public communication", decision.public_communication
    if decision.pecr_unintelligible is not None:
        law = sources.law.provision("pecr_5a_6", sources.breach.aware_at)
        yield law.article, decision.pecr_unintelligible
    hold = decision.hold
    if hold is not None:
        stopped = ", ".join(said for basis, said in STOPPED.items() if basis in hold.stops)
        yield (
            "Asked to wait",
            (
                f"by {hold.asked_by}, {sources.when(hold.asked_at)}; {hold.basis}. "
                f"Stopped: {stopped}. To be reviewed on {sources.when(hold.review_on)}."
            ),
        )


def _remarks(sources: _Sources) -> Iterator[tuple[str, str]]:
    for remark in remarks(sources.decision, sources.exposures, groups=sources.groups):
        yield "Note", remark


def _earlier(sources: _Sources) -> Iterator[tuple[str, str]]:
    """What was decided before, and what the next version changed."""
    versions = [*sources.earlier, sources.decision]
    for before, after in pairwise(versions):
        changed = [
            f"{TITLES[q]}: {_word(before, q)}, then {_word(after, q)}"
            for q in Question
            if _word(before, q) != _word(after, q)
        ]
        said = "; ".join(changed) or "the answers stayed; reasons or the score changed"
        yield (
            f"Version {before.version}, {sources.when(before.decided_at)}",
            (f"by {before.decided_by}. Changed by version {after.version}: {said}."),
        )


def _word(decision: Decision, question: Question) -> str:
    answer = getattr(decision, question)
    if not answer.asked:
        return "not asked"
    return "yes" if answer.yes else "no"


def _seal(sources: _Sources) -> Iterator[tuple[str, str]]:
    decision = sources.decision
    yield "Decided", f"{sources.when(decision.decided_at)}, by {decision.decided_by}"
    yield "Version", str(decision.version)
    yield "SHA-256", decision.hash
