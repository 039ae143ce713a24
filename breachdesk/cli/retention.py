"""Commands `breachdesk retention …`: delete records by age, and erase a case's personal data with
two people."""

from __future__ import annotations

import sys
from getpass import getpass
from typing import Annotated

import typer

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.upkeep import OPERATOR, drop_expired_days
from breachdesk.casework.closing import erasure
from breachdesk.casework.closing.retention import count_failures, forget_failures, list_erasable
from breachdesk.cli.options import AsJson, DataDir, opened_container, out, print_json
from breachdesk.console.web.password_hashing import hash_of_nobody, is_matching
from breachdesk.ports import UnitOfWork
from schemas.casework.case import Case
from schemas.errors import BadInput, NotAllowed
from schemas.user import Actor

LONGEST_DAYS = 36_500

group = typer.Typer(no_args_is_help=True, help="What may be forgotten.")


@group.command("run")
def run_retention(
    dry_run: Annotated[bool, typer.Option("--dry-run")] = False,
    days: Annotated[int, typer.Option(help="Keep raw records this many days.")] = 90,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Drop the journal's days past their time (evidence of alerts stays pinned in the store), and
    what was written of delivery failures; name the cases that two people may erase."""
    if not 1 <= days <= LONGEST_DAYS:
        remedy = f"Give 1 to {LONGEST_DAYS:,}."
        raise BadInput("fewer than one day, or more than a century", place="--days", remedy=remedy)
    with opened_container(data_dir) as container:
        # Kafka's own retention drops raw records.
        dropped = (
            []
            if container.settings.kafka.servers
            else drop_expired_days(container, days, dry_run=dry_run)
        )
        forgotten = _forget_failures(container, dry_run=dry_run)
        now = container.now()
        cases = container.store.read(lambda uow: list_erasable(uow, container.settings, now))
    named = [case.id for case in cases]
    if as_json:
        print_json(
            {"dry_run": dry_run, "days": dropped, "failures": forgotten, "may_be_erased": named}
        )
        return
    verb = "would drop" if dry_run else "dropped"
    out.print(f"{verb} {len(dropped)} days{': ' if dropped else ''}{', '.join(dropped)}")
    verb = "would erase" if dry_run else "erased"
    out.print(f"{verb} what was written of {forgotten} delivery failures")
    out.print(f"cases whose time is over: {', '.join(named) or 'none'}", markup=False)


def _forget_failures(container: Container, *, dry_run: bool) -> int:
    days, now = container.settings.retention.delivery_failure_days, container.now()
    if dry_run:
        return container.store.read(lambda uow: count_failures(uow, days, now))
    return container.store.write(lambda uow: forget_failures(uow, OPERATOR, days, now))


@group.command("erase")
def erase_case(
    case_id: Annotated[str, typer.Argument(metavar="CASE")],
    by: Annotated[str, typer.Option("--by", metavar="ID", help="Your account.")],
    reason: Annotated[
        str | None, typer.Option(help="Ask for it: why. It stays, so name nobody.")
    ] = None,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Carry out what another person asked for.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Erase a closed case's personal data: one person asks with --reason, another carries it out
    with --confirm. Each gives the password of their account, asked for or on stdin."""
    if confirm == (reason is not None):
        raise BadInput(
            "either ask or carry out",
            place="--reason, --confirm",
            remedy="Give --reason to ask; another person then gives --confirm.",
        )
    with opened_container(data_dir) as container:
        actor = _authenticate_actor(container, by)
        now, settings = container.now(), container.settings

        def erase_or_request(uow: UnitOfWork) -> Case:
            if reason is not None:
                return erasure.request_erasure(uow, actor, case_id, reason, settings, now)
            return erasure.erase_case(uow, actor, case_id, settings, now)

        case = container.store.write(erase_or_request)
    if as_json:
        print_json(case)
    elif case.erased:
        out.print(f"{case.id}: its personal data is erased. Backups and log archives hold it still")
    else:
        out.print(f"{case.id}: asked for. Another person with the permission approver confirms")


def _authenticate_actor(container: Container, user_id: str) -> Actor:
    """Authenticate the account by its password. Raises NotAllowed, with the same text for every
    cause."""
    user = container.store.read(lambda uow: uow.users.get(user_id))
    fits = is_matching(user.password_hash if user else hash_of_nobody(None), _read_password())
    if user is None or user.disabled or not fits or (user.demo and not container.settings.demo):
        raise NotAllowed("not this account's password", place="--by", remedy="Try again.")
    return Actor(id=user.id, permissions=user.permissions)


def _read_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return getpass("Password: ")
