"""Who decided what, when and why: every version."""

from __future__ import annotations

from collections.abc import Iterator

from breachdesk.casework.case_file.reading import Reading, nothing, part
from breachdesk.casework.decision_memo import decision_memo
from breachdesk.gdpr.tensions import GROUNDS
from breachdesk.gdpr.tensions import TITLES as CONTRADICTIONS
from schemas.approval import Approval, ApprovalKind
from schemas.case_file import FilePart, FileSection
from schemas.decision import Answer, Decision, LawEnforcementHold
from schemas.obligation import Waiver, WaiverRequest, WaiverUndone


def decisions(r: Reading) -> FileSection:
    """Confirmation, awareness, decisions, exemptions, holds."""
    parts = [*_awareness(r), *(_decision(r, d) for d in r.decisions)]
    if r.breach is None:
        why = r.case.close_reason if r.case.closed_at else "the case is still looked into"
        parts.append(nothing(f"No breach was confirmed: {r.shown(why)}"))
    elif not r.decisions:
        parts.append(nothing("No decision is written yet."))
    return FileSection(title="Who decided what, when and why", parts=tuple(parts))


def memo(r: Reading) -> FileSection | None:
    """The memo of the newest decision; None: none is written."""
    if r.breach is None or not r.decisions:
        return None
    made = decision_memo(r.uow, r.breach.id, r.settings.profile.zone)
    parts = [
        part(
            section.heading,
            facts=tuple((r.shown(row.label), r.shown(row.text)) for row in section.rows),
        )
        for section in made.sections
    ]
    title = f"Decision memo, version {made.version}"
    return FileSection(title=title, parts=tuple(parts))


def releases(r: Reading) -> FileSection:
    """Who released the letters, and which duties were waived."""
    parts = [_approval(r, approval) for approval in r.approvals]
    parts += _waivers(r)
    if not parts:
        parts.append(nothing("No letter was released, and no duty was waived."))
    return FileSection(title="Releases and waivers", parts=tuple(parts))


def _awareness(r: Reading) -> Iterator[FilePart]:
    breach = r.breach
    if breach is None:
        return
    yield part(
        "The breach was confirmed",
        facts=(
            ("By", f"{breach.confirmed_by}, {r.when(breach.confirmed_at)}"),
            ("Because", r.text(breach.reason)),
        ),
    )
    for number, said in enumerate(breach.awareness, 1):
        last = number == len(breach.awareness)
        yield part(
            f"Awareness, declaration {number}" + ("" if last else " (replaced)"),
            facts=(
                ("Aware since", r.when(said.aware_at)),
                ("Declared", f"by {said.declared_by}, {r.when(said.declared_at)}"),
                ("Because", r.text(said.reason)),
            ),
        )


def _decision(r: Reading, d: Decision) -> FilePart:
    facts = [
        ("Written", f"by {d.decided_by}, {r.when(d.decided_at)}"),
        ("Report to the ICO (Art. 33)", _answer(r, d.report_to_ico)),
        ("Tell people (Art. 34)", _answer(r, d.tell_people)),
        ("Our own promise binds", _answer(r, d.own_promise_binds)),
        ("A breach under PECR", _answer(r, d.pecr)),
        ("Tell subscribers (reg. 5A(3))", _answer(r, d.pecr_subscribers)),
        ("Risk", r.text(d.risk)),
        ("High risk", r.text(d.high_risk)),
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
    facts += [(name, r.shown(words)) for name, words in optional if words]
    if d.art34_3_limb:
        facts.append(("Exemption relied on", f"Art. 34(3)({d.art34_3_limb})"))
    for name, why in d.departures.items():
        title = CONTRADICTIONS[name]
        facts.append(("Decided although", f"{title[0].lower()}{title[1:]}: {r.shown(why)}"))
    if d.hold is not None:
        facts.append(("Law-enforcement hold", _hold(r, d.hold)))
    facts.append(("Fingerprint", d.hash))
    last = r.decisions[-1].version == d.version
    heading = f"Decision, version {d.version}" + ("" if last else " (replaced)")
    return part(heading, facts=tuple(facts))


def _hold(r: Reading, hold: LawEnforcementHold) -> str:
    stops = " and ".join(GROUNDS[basis] for basis in sorted(hold.stops))
    return (
        f"asked for by {r.shown(hold.asked_by)}, {r.when(hold.asked_at)}; basis: "
        f"{r.shown(hold.basis)}; stops what is owed by {stops}; to be looked at again "
        f"{r.when(hold.review_on)}"
    )


def _answer(r: Reading, answer: Answer) -> str:
    if not answer.asked:
        return "not asked: the affected list does not raise it"
    return f"{'Yes' if answer.yes else 'No'}. {r.text(answer.reasons)}"


def _approval(r: Reading, a: Approval) -> FilePart:
    alone = a.kind is ApprovalKind.BREAK_GLASS
    facts = [
        ("By", f"{a.approved_by}, {r.when(a.approved_at)}"),
        ("How", "one person alone (break-glass)" if alone else "as a second person"),
        ("Messages, as typed", f"{a.count:,}"),
        ("Letters’ facts", f"version {a.facts_version}"),
        ("Seal", a.hash),
    ]
    if a.reason:
        facts.insert(2, ("Because", r.shown(a.reason)))
    if a.not_before:
        facts.append(("Not before", r.when(a.not_before)))
    if a.own_work:
        facts.append(("Own work of who released alone", "; ".join(a.own_work)))
    return part(f"Release {a.version}", facts=tuple(facts))


def _waivers(r: Reading) -> Iterator[FilePart]:
    for asked in r.filed(WaiverRequest):
        yield part(
            f"Waiver asked for: {asked.obligation_id}",
            facts=(
                ("By", f"{asked.asked_by}, {r.when(asked.asked_at)}"),
                ("Because", r.text(asked.reason)),
            ),
        )
    for waiver in r.filed(Waiver):
        asked_by = f", asked for by {waiver.asked_by}" if waiver.asked_by else ""
        yield part(
            f"Duty waived: {waiver.obligation_id}",
            facts=(
                ("By", f"{waiver.waived_by}, {r.when(waiver.waived_at)}{asked_by}"),
                ("Because", r.text(waiver.reason)),
            ),
        )
    for undone in r.filed(WaiverUndone):
        yield part(
            f"Waiver undone: {undone.obligation_id}",
            facts=(
                ("By", f"{undone.undone_by}, {r.when(undone.undone_at)}"),
                ("Because", r.text(undone.reason)),
            ),
        )
