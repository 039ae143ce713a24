"""Sections on who decided what, when and why, with every version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from breachdesk.casework.case_file.reading import CaseSnapshot, build_empty_part, build_part
from breachdesk.casework.decision.decision_memo import build_memo
from breachdesk.gdpr.raised import (
    DecisionQuestion,
    find_jurisdiction,
    get_answer,
    get_title,
    list_question_keys,
)
from breachdesk.gdpr.tensions import GROUNDS
from breachdesk.gdpr.tensions import TITLES as CONTRADICTIONS
from schemas.casework.approval import Approval, ApprovalKind
from schemas.casework.case_file import FilePart, FileSection
from schemas.casework.decision import Decision, DecisionAnswer, LawEnforcementHold
from schemas.casework.obligation import Waiver, WaiverRequest, WaiverUndone

LABELS: Mapping[str, str] = {
    DecisionQuestion.TELL_PEOPLE: "Tell people (Art. 34)",
    DecisionQuestion.OWN_PROMISE: "Our own promise binds",
    DecisionQuestion.PECR_SUBSCRIBERS: "Tell subscribers (reg. 5A(3))",
}


def build_decisions_section(r: CaseSnapshot) -> FileSection:
    """Build confirmation, awareness, decisions, exemptions and holds."""
    parts = [*_build_awareness_parts(r), *(_build_decision_part(r, d) for d in r.decisions)]
    if r.breach is None:
        why = r.case.close_reason if r.case.closed_at else "the case is still looked into"
        parts.append(build_empty_part(f"No breach was confirmed: {r.redact_text(why)}"))
    elif not r.decisions:
        parts.append(build_empty_part("No decision is written yet."))
    return FileSection(title="Who decided what, when and why", parts=tuple(parts))


def build_memo_section(r: CaseSnapshot) -> FileSection | None:
    """Build the memo of the newest decision. None: there is no decision."""
    if r.breach is None or not r.decisions:
        return None
    document = build_memo(r.uow, r.breach.id, r.settings.profile.zone)
    parts = [
        build_part(
            section.heading,
            facts=tuple(
                (r.redact_text(row.label), r.redact_text(row.text)) for row in section.rows
            ),
        )
        for section in document.sections
    ]
    title = f"Decision memo, version {document.version}"
    return FileSection(title=title, parts=tuple(parts))


def build_releases_section(r: CaseSnapshot) -> FileSection:
    """Build who released the letters, and which duties were waived."""
    parts = [_build_approval_part(r, approval) for approval in r.approvals]
    parts += _build_waiver_parts(r)
    if not parts:
        parts.append(build_empty_part("No letter was released, and no duty was waived."))
    return FileSection(title="Releases and waivers", parts=tuple(parts))


def _build_awareness_parts(r: CaseSnapshot) -> Iterator[FilePart]:
    breach = r.breach
    if breach is None:
        return
    yield build_part(
        "The breach was confirmed",
        facts=(
            ("By", f"{breach.confirmed_by}, {r.format_time(breach.confirmed_at)}"),
            ("Because", r.format_text(breach.reason)),
        ),
    )
    for number, awareness in enumerate(breach.awareness, 1):
        last = number == len(breach.awareness)
        yield build_part(
            f"Awareness, declaration {number}" + ("" if last else " (replaced)"),
            facts=(
                ("Aware since", r.format_time(awareness.aware_at)),
                ("Declared", f"by {awareness.declared_by}, {r.format_time(awareness.declared_at)}"),
                ("Because", r.format_text(awareness.reason)),
            ),
        )


def _build_decision_part(r: CaseSnapshot, d: Decision) -> FilePart:
    facts = [
        ("Written", f"by {d.decided_by}, {r.format_time(d.decided_at)}"),
        *((_label(key), _describe_answer(r, get_answer(d, key))) for key in list_question_keys(d)),
        ("Risk", r.format_text(d.risk)),
        ("High risk", r.format_text(d.high_risk)),
    ]
    if d.severity_score is not None:
        facts.append(("Severity (ENISA 2013)", f"{d.severity_score:.2f}; it advises only"))
    optional = (
        ("Likely harm", d.likely_harm),
        ("Safeguards before", d.safeguards_before),
        ("Safeguards after", d.safeguards_after),
        ("Data unintelligible (PECR)", d.pecr_unintelligible),
        ("Compared with the EDPB’s cases", d.edpb_comparison),
        ("Evidence for the exemption", d.art34_3_evidence),
        ("Public communication", d.public_communication),
    )
    facts += [(name, r.redact_text(words)) for name, words in optional if words]
    if d.art34_3_limb:
        facts.append(("Exemption relied on", f"Art. 34(3)({d.art34_3_limb})"))
    for name, why in d.departures.items():
        title = CONTRADICTIONS[name]
        facts.append(("Decided although", f"{title[0].lower()}{title[1:]}: {r.redact_text(why)}"))
    if d.hold is not None:
        facts.append(("Law-enforcement hold", _describe_hold(r, d.hold)))
    facts.append(("Fingerprint", d.hash))
    last = r.decisions[-1].version == d.version
    heading = f"Decision, version {d.version}" + ("" if last else " (replaced)")
    return build_part(heading, facts=tuple(facts))


def _describe_hold(r: CaseSnapshot, hold: LawEnforcementHold) -> str:
    stops = " and ".join(GROUNDS[basis] for basis in sorted(hold.stops))
    return (
        f"asked for by {r.redact_text(hold.asked_by)}, {r.format_time(hold.asked_at)}; basis: "
        f"{r.redact_text(hold.basis)}; stops what is owed by {stops}; to be looked at again "
        f"{r.format_time(hold.review_on)}"
    )


def _label(key: str) -> str:
    jurisdiction = find_jurisdiction(key)
    return jurisdiction.words.record if jurisdiction else LABELS.get(key, get_title(key))


def _describe_answer(r: CaseSnapshot, answer: DecisionAnswer) -> str:
    if not answer.asked:
        return "not asked: the affected list does not raise it"
    return f"{'Yes' if answer.yes else 'No'}. {r.format_text(answer.reasons)}"


def _build_approval_part(r: CaseSnapshot, a: Approval) -> FilePart:
    alone = a.kind is ApprovalKind.BREAK_GLASS
    facts = [
        ("By", f"{a.approved_by}, {r.format_time(a.approved_at)}"),
        ("How", "one person alone (break-glass)" if alone else "as a second person"),
        ("Messages, as typed", f"{a.count:,}"),
        ("Letters’ facts", f"version {a.facts_version}"),
        ("Seal", a.hash),
    ]
    if a.reason:
        facts.insert(2, ("Because", r.redact_text(a.reason)))
    if a.not_before:
        facts.append(("Not before", r.format_time(a.not_before)))
    if a.own_work:
        facts.append(("Own work of who released alone", "; ".join(a.own_work)))
    return build_part(f"Release {a.version}", facts=tuple(facts))


def _build_waiver_parts(r: CaseSnapshot) -> Iterator[FilePart]:
    for request in r.list_documents(WaiverRequest):
        yield build_part(
            f"Waiver asked for: {request.obligation_id}",
            facts=(
                ("By", f"{request.asked_by}, {r.format_time(request.asked_at)}"),
                ("Because", r.format_text(request.reason)),
            ),
        )
    for waiver in r.list_documents(Waiver):
        asked_by = f", asked for by {waiver.asked_by}" if waiver.asked_by else ""
        yield build_part(
            f"Duty waived: {waiver.obligation_id}",
            facts=(
                ("By", f"{waiver.waived_by}, {r.format_time(waiver.waived_at)}{asked_by}"),
                ("Because", r.format_text(waiver.reason)),
            ),
        )
    for undone in r.list_documents(WaiverUndone):
        yield build_part(
            f"Waiver undone: {undone.obligation_id}",
            facts=(
                ("By", f"{undone.undone_by}, {r.format_time(undone.undone_at)}"),
                ("Because", r.format_text(undone.reason)),
            ),
        )
