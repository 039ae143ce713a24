"""Sections on what was sent to whom, when, with which result; and the texts."""

from __future__ import annotations

from collections.abc import Iterator

from breachdesk.casework.affected.group_records import format_group_kind
from breachdesk.casework.case_file.reading import (
    CaseSnapshot,
    build_empty_part,
    build_part,
    build_table,
)
from breachdesk.casework.release.sent_texts import find_sealed_mail
from schemas.casework.case import TaskKind
from schemas.casework.case_file import FilePart, FileSection
from schemas.casework.notice import DeliveryStatus, NoticeRow
from schemas.casework.notice_states import POSSIBLY_RECEIVED

STATUS = {
    DeliveryStatus.QUEUED: "waits",
    DeliveryStatus.SENDING: "begun, end not written",
    DeliveryStatus.HANDED_OVER: "taken by their mail server",
    DeliveryStatus.DELIVERED: "reached the mailbox, as their server says",
    DeliveryStatus.DEFERRED: "put off by their server",
    DeliveryStatus.BOUNCED: "came back",
    DeliveryStatus.UNKNOWN: "end not known",
    DeliveryStatus.EXPIRED: "expired before it left",
    DeliveryStatus.SKIPPED: "not sent",
}
NO_WORDS = (
    "An earlier release approved this letter and kept no copy of its words. Its fingerprint stands "
    "above."
)


def build_told_section(r: CaseSnapshot) -> FileSection:
    """Build letters, calls, and notifications by other means."""
    parts = [*_build_letter_parts(r), *_build_call_parts(r), *_build_group_parts(r)]
    if not parts:
        parts = [build_empty_part("Nobody has been written to or telephoned.")]
    return FileSection(title="What was sent to whom, when, and what came of it", parts=tuple(parts))


def build_sent_words_section(r: CaseSnapshot) -> FileSection | None:
    """Build every letter that left, as its approval sealed it. None: no letter left."""
    sent = [
        row for row in r.rows if row.status in POSSIBLY_RECEIVED and row.kind.spec.needs_manifest
    ]
    if not sent:
        return None
    parts = [_build_words_part(r, row) for row in sent[: r.most_letters]]
    more = len(sent) - r.most_letters
    if more > 0:
        parts.append(
            build_empty_part(f"{more:,} more letters left. Their words are not shown here.")
        )
    return FileSection(title="The letters as they were sent", parts=tuple(parts))


def _build_letter_parts(r: CaseSnapshot) -> Iterator[FilePart]:
    columns = ("To", "What", "Result", "When", "Server’s last reply")
    rows = [_build_row(r, row) for row in r.rows]
    if rows:
        yield build_part("Letters", table=build_table(columns, rows))


def _build_row(r: CaseSnapshot, row: NoticeRow) -> tuple[str, ...]:
    if not row.kind.spec.needs_manifest:
        whom = "the witness named in the settings"
    else:
        whom = f"{r.format_customer(row.customer_id)}: {r.format_person(row.customer_id, row.person_id)}"
    why = (
        f": {r.redact_text(row.status_reason)}"
        if row.status_reason and row.status not in POSSIBLY_RECEIVED
        else ""
    )
    return (
        whom,
        f"{row.kind.spec.record}, facts version {row.version}",
        STATUS[row.status] + why,
        r.format_time(row.handed_over_at) if row.handed_over_at else "–",
        row.smtp_reply or "–",
    )


def _build_call_parts(r: CaseSnapshot) -> Iterator[FilePart]:
    rows = []
    for task in r.case.tasks:
        if task.kind is not TaskKind.TELEPHONE:
            continue
        whom = "not named"
        if task.customer_id:
            whom = f"{r.format_customer(task.customer_id)}: {r.format_person(task.customer_id, task.person_id or '')}"
        ended = (
            f"{r.format_time(task.done_at)}, {task.done_by}" if task.done_at else "still to be made"
        )
        rows.append((whom, r.redact_text(task.reason), ended, _format_outcome(r, task)))
    if rows:
        columns = ("To", "Why by telephone", "When, by", "Outcome")
        yield build_part("Telephone calls", table=build_table(columns, rows))


def _format_outcome(r: CaseSnapshot, task: object) -> str:
    words = str(getattr(task, "outcome", "") or "")
    reached = getattr(task, "call_outcome", None)
    outcome = getattr(reached, "value", "").replace("_", " ")
    return "; ".join(filter(None, (outcome, r.redact_text(words) if words else ""))) or "–"


def _build_group_parts(r: CaseSnapshot) -> Iterator[FilePart]:
    for group in r.groups:
        for t in group.tellings:
            remainder = "nobody is left to be told" if t.everybody else "some are left to be told"
            yield build_part(
                f"Told by other means: {format_group_kind(group)}",
                facts=(
                    ("When", r.format_time(t.told_at)),
                    ("How many", f"{t.people:,}; {remainder}"),
                    ("How", t.means.value.replace("_", " ")),
                    ("Proof", r.redact_text(t.proof)),
                    ("Recorded", f"by {t.recorded_by}, {r.format_time(t.recorded_at)}"),
                ),
                quoted=r.redact_text(t.text),
            )


def _build_words_part(r: CaseSnapshot, row: NoticeRow) -> FilePart:
    heading = f"{row.kind.spec.record[:1].upper()}{row.kind.spec.record[1:]}, {r.format_customer(row.customer_id)}"
    letter = find_sealed_mail(r.uow, row)
    facts = (
        ("Handed over", r.format_time(row.handed_over_at)),
        ("Approved fingerprint", row.rendered_hash),
    )
    if letter is None:
        return build_part(
            heading,
            facts=facts,
            paragraphs=(NO_WORDS,),
        )
    return build_part(
        heading,
        facts=facts,
        paragraphs=("As it was sealed by the approval.",),
        quoted=r.redact_text(f"Subject: {letter.subject}\n\n{letter.text}"),
    )
