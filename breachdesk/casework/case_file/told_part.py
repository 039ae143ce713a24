"""What was sent to whom, when, with which result; and the words."""

from __future__ import annotations

from collections.abc import Iterator

from breachdesk.casework.case_file.happened import LETTER
from breachdesk.casework.case_file.reading import Reading, nothing, part, table
from breachdesk.casework.groups import group_words
from breachdesk.casework.sent_texts import sealed_mail
from schemas.affected import NoticeKind
from schemas.case import TaskKind
from schemas.case_file import FilePart, FileSection
from schemas.notice import NoticeRow, Status
from schemas.notice_states import POSSIBLY_RECEIVED

STATUS = {
    Status.QUEUED: "waits",
    Status.SENDING: "begun, end not written",
    Status.HANDED_OVER: "taken by their mail server",
    Status.DELIVERED: "reached the mailbox, as their server says",
    Status.DEFERRED: "put off by their server",
    Status.BOUNCED: "came back",
    Status.UNKNOWN: "end not known",
    Status.EXPIRED: "expired before it left",
    Status.SKIPPED: "not sent",
}
NO_WORDS = (
    "An earlier release approved this letter and kept no copy of its words. Its fingerprint stands "
    "above."
)


def told(r: Reading) -> FileSection:
    """Letters, calls, and what was told by other means."""
    parts = [*_letters(r), *_calls(r), *_groups(r)]
    if not parts:
        parts = [nothing("Nobody has been written to or telephoned.")]
    return FileSection(title="What was sent to whom, when, and what came of it", parts=tuple(parts))


def words_sent(r: Reading) -> FileSection | None:
    """Every letter that left, as its approval sealed it; None: none left."""
    left = [
        row
        for row in r.rows
        if row.status in POSSIBLY_RECEIVED and row.kind is not NoticeKind.WITNESS
    ]
    if not left:
        return None
    parts = [_words(r, row) for row in left[: r.most_letters]]
    more = len(left) - r.most_letters
    if more > 0:
        parts.append(nothing(f"{more:,} more letters left. Their words do not stand here."))
    return FileSection(title="The letters as they were sent", parts=tuple(parts))


def _letters(r: Reading) -> Iterator[FilePart]:
    columns = ("To", "What", "Result", "When", "Server’s last reply")
    rows = [_row(r, row) for row in r.rows]
    if rows:
        yield part("Letters", table=table(columns, rows))


def _row(r: Reading, row: NoticeRow) -> tuple[str, ...]:
    if row.kind is NoticeKind.WITNESS:
        whom = "the witness named in the settings"
    else:
        whom = f"{r.customer(row.customer_id)}: {r.person(row.customer_id, row.person_id)}"
    why = (
        f": {r.shown(row.status_reason)}"
        if row.status_reason and row.status not in POSSIBLY_RECEIVED
        else ""
    )
    return (
        whom,
        f"{LETTER[row.kind]}, facts version {row.version}",
        STATUS[row.status] + why,
        r.when(row.handed_over_at) if row.handed_over_at else "–",
        row.smtp_reply or "–",
    )


def _calls(r: Reading) -> Iterator[FilePart]:
    rows = []
    for task in r.case.tasks:
        if task.kind is not TaskKind.TELEPHONE:
            continue
        whom = "not named"
        if task.customer_id:
            whom = f"{r.customer(task.customer_id)}: {r.person(task.customer_id, task.person_id or '')}"
        ended = f"{r.when(task.done_at)}, {task.done_by}" if task.done_at else "still to be made"
        rows.append((whom, r.shown(task.reason), ended, _outcome(r, task)))
    if rows:
        columns = ("To", "Why by telephone", "When, by", "Outcome")
        yield part("Telephone calls", table=table(columns, rows))


def _outcome(r: Reading, task: object) -> str:
    words = str(getattr(task, "outcome", "") or "")
    reached = getattr(task, "call_outcome", None)
    said = getattr(reached, "value", "").replace("_", " ")
    return "; ".join(filter(None, (said, r.shown(words) if words else ""))) or "–"


def _groups(r: Reading) -> Iterator[FilePart]:
    for group in r.groups:
        for t in group.tellings:
            left = "nobody is left to be told" if t.everybody else "some are left to be told"
            yield part(
                f"Told by other means: {group_words(group)}",
                facts=(
                    ("When", r.when(t.told_at)),
                    ("How many", f"{t.people:,}; {left}"),
                    ("How", t.means.value.replace("_", " ")),
                    ("Proof", r.shown(t.proof)),
                    ("Recorded", f"by {t.recorded_by}, {r.when(t.recorded_at)}"),
                ),
                quoted=r.shown(t.text),
            )


def _words(r: Reading, row: NoticeRow) -> FilePart:
    heading = f"{LETTER[row.kind][:1].upper()}{LETTER[row.kind][1:]}, {r.customer(row.customer_id)}"
    letter = sealed_mail(r.uow, row)
    facts = (
        ("Handed over", r.when(row.handed_over_at)),
        ("Approved fingerprint", row.rendered_hash),
    )
    if letter is None:
        return part(
            heading,
            facts=facts,
            paragraphs=(NO_WORDS,),
        )
    return part(
        heading,
        facts=facts,
        paragraphs=("As it was sealed by the approval.",),
        quoted=r.shown(f"Subject: {letter.subject}\n\n{letter.text}"),
    )
