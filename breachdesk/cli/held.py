"""Print held mail for a person to compare with the mail server's log, and record the result."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from breachdesk.bootstrap import mail
from breachdesk.casework.delivery.mail_release import HeldMail
from breachdesk.cli.options import (
    AsJson,
    DataDir,
    opened_container,
    out,
    print_facts,
    print_json,
    print_rows,
)
from schemas.casework.notice import NoticeRow

COLUMNS = ("notice", "breach", "customer", "kind", "version", "status", "tries", "message_id")


def record_left_notices(
    numbers: Annotated[list[int], typer.Argument(metavar="NUMBER…", help="Of notices.")],
    evidence: Annotated[str, typer.Option(help="What the mail server's log shows.")],
    by: Annotated[str, typer.Option(help="User id of the responder who looked.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Record, while mail is held, that the mail server's log shows these notices left. All of them
    become handed over, or none."""
    with opened_container(data_dir) as container:
        mail.record_unrecorded_sends(container, by, numbers, evidence)
    print_facts({"handed_over": numbers}, as_json=as_json)


def print_held(held_mail: HeldMail, *, as_json: bool) -> None:
    """Print why mail is held, the store's and side files' record of the last attempt, and the
    notices in doubt."""
    facts = {
        "held": held_mail.why or None,
        "clock": held_mail.clock.isoformat(timespec="seconds"),
        "last_attempt_in_store": held_mail.in_store,
        "last_attempt_beside_store": held_mail.beside_store,
        "expire_on_release": held_mail.expired,
    }
    if as_json:
        print_json({**facts, "may_have_left": [_build_row(row) for row in held_mail.rows]})
        return
    out.print(f"held: {held_mail.why or 'no, mail may leave'}", markup=False)
    out.print(f"this machine's clock: {held_mail.clock:%Y-%m-%d %H:%M:%S} UTC", markup=False)
    out.print(f"last attempt in the store: {_format_attempt(held_mail.in_store)}", markup=False)
    out.print(
        f"last attempt next to the store: {_format_attempt(held_mail.beside_store)}", markup=False
    )
    if held_mail.expired:
        out.print(f"{held_mail.expired} notices expire as soon as mail goes on", markup=False)
    rows = [_build_row(row) for row in held_mail.rows]
    out.print(f"notices that may have left: {len(rows)}", markup=False)
    if rows:
        print_rows(rows, COLUMNS, as_json=False)
    if held_mail.why:
        out.print(
            "Look for each Message-ID in the mail server's log. A notice that left: "
            "breachdesk notice left NUMBER --evidence TEXT --by YOUR-ID. Notices that were "
            "approved after this state was saved are not in it. "
            "Then: breachdesk dispatch --release --by YOUR-ID",
            markup=False,
        )


def _format_attempt(attempt: dict[str, Any] | None) -> str:
    if attempt is None:
        return "nothing is known"
    return f"number {attempt['count']}, begun {attempt['at'][:19].replace('T', ' ')} UTC"


def _build_row(row: NoticeRow) -> dict[str, Any]:
    return {
        "notice": row.id,
        "breach": row.breach_id,
        "customer": row.customer_id,
        "kind": row.kind.value,
        "version": row.version,
        "status": row.status.value,
        "tries": row.attempts,
        "last_try": row.intent_at.isoformat() if row.intent_at else None,
        "expires": row.expires_at.isoformat(),
        "message_id": row.message_id,
    }
