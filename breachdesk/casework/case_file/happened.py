"""Sections on what happened and what we did, in order of time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from breachdesk.casework.affected.group_records import format_group_kind
from breachdesk.casework.affected.notification_status import list_tellings
from breachdesk.casework.case_file.reading import CaseSnapshot, build_part, build_table
from breachdesk.gdpr.causes import describe_cause
from schemas.casework.approval import ApprovalKind
from schemas.casework.case_file import FileSection

Moment = tuple[datetime, str, str]
"""When, who, what."""
ORIGIN = {
    "alert": "an alert of this system",
    "own": "our own staff",
    "processor": "a supplier of ours",
    "third_party": "somebody outside",
    "customer": "a customer",
}


def build_summary_section(r: CaseSnapshot) -> FileSection:
    """Build a summary of the case on one page."""
    case, breach = r.case, r.breach
    facts = [
        ("Case", case.id + (f", breach {breach.id}" if breach else ", no breach confirmed")),
        ("State", "near miss, closed" if case.near_miss else case.state.value),
        ("How we came to know", _describe_origin(r)),
        ("Led by", case.lead or "nobody took the lead"),
        ("Cause", _describe_cause(r)),
    ]
    if breach:
        sent = [t.at for t in list_tellings(breach.id, r.rows, case.tasks)]
        sent += [telling.told_at for group in r.groups for telling in group.tellings]
        facts += [
            ("It began", r.format_time(breach.occurred_from)),
            ("It ended", r.format_time(breach.occurred_to)),
            ("First alert raised", r.format_time(breach.detected_at) if breach.detected_at else "none"),
            ("A person first looked", r.format_time(breach.discovered_at)),
            ("Aware since", f"{r.format_time(breach.aware_at)}, declared by {breach.awareness[-1].declared_by if breach.awareness else breach.confirmed_by}"),
            ("First person told", r.format_time(min(sent)) if sent else "nobody yet"),
            ("Last person told", r.format_time(max(sent)) if sent else "nobody yet"),
            ("First report to the regulator", r.format_time(r.submissions[0].submitted_at) if r.submissions else "none recorded"),
        ]  # fmt: skip
    if breach and breach.supplier_told_at:
        facts.append(("A supplier or customer told us", r.format_time(breach.supplier_told_at)))
    facts.append(("Closed", r.format_time(case.closed_at) if case.closed_at else "not closed"))
    if case.close_reason:
        facts.append(("Closed because", r.format_text(case.close_reason)))
    return FileSection(title="The case in brief", parts=(build_part(facts=tuple(facts)),))


def build_timeline_section(r: CaseSnapshot) -> FileSection:
    """Build every event and act with its time."""
    moments = sorted(
        [*_list_seen(r), *_list_work(r), *_list_decisions(r), *_list_sent(r), *_list_endings(r)],
        key=lambda m: m[0],
    )
    rows = [(r.format_time(at), who, what) for at, who, what in moments]
    note = f"All times are in {r.settings.profile.zone}, with the letters of the zone of that day."
    return FileSection(
        title="What happened, in the order of time",
        parts=(
            build_part(paragraphs=(note,)),
            build_part(table=build_table(("When", "Who", "What"), rows)),
        ),
    )


def _describe_origin(r: CaseSnapshot) -> str:
    party = f", {r.redact_text(r.case.third_party)}" if r.case.third_party else ""
    return f"{ORIGIN[r.case.origin]}{party}"


def _describe_cause(r: CaseSnapshot) -> str:
    if not r.case.cause_findings:
        return "nobody was asked"
    findings = [
        f"{describe_cause(f.cause)}{f': {r.redact_text(f.words)}' if f.words else ''} "
        f"({f.said_by}, {r.format_time(f.said_at)})"
        for f in r.case.cause_findings
    ]
    return findings[-1] + (f". Before: {'; '.join(findings[:-1])}" if len(findings) > 1 else "")


def _list_seen(r: CaseSnapshot) -> Iterator[Moment]:
    system = "the system"
    if r.breach and r.breach.occurred_from:
        yield r.breach.occurred_from, "", "It began, as the breach says."
    if r.breach and r.breach.occurred_to:
        yield r.breach.occurred_to, "", "It ended, as the breach says."
    for alert in r.alerts:
        yield alert.first, "", f"First event of alert {alert.id}: {r.redact_text(alert.title)}"
        yield alert.detected_at, system, f"Raised alert {alert.id}, {alert.severity.value}."
    if r.case.supplier_told_at:
        yield r.case.supplier_told_at, r.redact_text(r.case.third_party or "somebody"), "Told us."
    if r.case.near_miss_account:
        yield r.case.near_miss_account.noticed_at, "", "Noticed, as the near-miss form says."


def _list_work(r: CaseSnapshot) -> Iterator[Moment]:
    case = r.case
    yield case.opened_at, case.opened_by, f"Opened the case “{r.redact_text(case.title)}”."
    for note in case.notes:
        yield note.at, note.by, f"Noted: {r.redact_text(note.text)}"
    for step in case.containment:
        if step.done_at:
            yield step.done_at, step.done_by or "", f"Contained: {r.redact_text(step.text)}"


def _list_decisions(r: CaseSnapshot) -> Iterator[Moment]:
    if r.breach:
        yield r.breach.confirmed_at, r.breach.confirmed_by, "Confirmed a personal data breach."
        for awareness in r.breach.awareness:
            yield (
                awareness.declared_at,
                awareness.declared_by,
                f"Declared awareness: {r.format_time(awareness.aware_at)}",
            )
    for m in r.manifests:
        yield m.frozen_at, m.frozen_by, f"Froze the affected list, version {m.version}."
    for d in r.decisions:
        yield d.decided_at, d.decided_by, f"Wrote the decision, version {d.version}."
    for f in r.facts:
        yield f.written_at, f.written_by, f"Wrote the facts of the letters, version {f.version}."
    for a in r.approvals:
        alone = a.kind is ApprovalKind.BREAK_GLASS
        how = "Released alone (break-glass)" if alone else "Approved as second person"
        yield a.approved_at, a.approved_by, f"{how}: {a.count:,} messages."


def _list_sent(r: CaseSnapshot) -> Iterator[Moment]:
    for row in r.rows:
        if row.handed_over_at:
            whose = (
                r.format_customer(row.customer_id)
                if row.kind.spec.needs_manifest
                else "the witness"
            )
            what = f"Handed to the mail server: {row.kind.spec.record}, {whose}."
            yield row.handed_over_at, "the system", what
    for task in r.case.tasks:
        if task.done_at:
            outcome = r.redact_text(task.outcome) if task.outcome else "no words"
            yield task.done_at, task.done_by or "", f"{r.redact_text(task.title)}: {outcome}"
    for group in r.groups:
        for t in group.tellings:
            words = f"Told by other means: {t.people:,} of {format_group_kind(group).lower()}."
            yield t.told_at, t.recorded_by, words
    for s in r.submissions:
        ref = f", reference {s.reference}" if s.reference else ""
        what = f"Reported to {s.report.authority} ({s.report.stage.value}), {s.channel}{ref}."
        yield s.submitted_at, s.submitted_by, what


def _list_endings(r: CaseSnapshot) -> Iterator[Moment]:
    if r.case.closed_at:
        yield r.case.closed_at, "", f"Closed: {r.redact_text(r.case.close_reason)}"
    if r.case.erased and r.case.erased.erased_at:
        yield r.case.erased.erased_at, r.case.erased.erased_by or "", "Erased the personal data."
