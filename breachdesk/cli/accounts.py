"""`breachdesk user …`: local accounts. Each change is one audited act of the operator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import typer

from breachdesk.bootstrap.house import Premises
from breachdesk.casework import accounts
from breachdesk.cli.options import AsJson, DataDir, err, out, premises, print_rows
from breachdesk.cli.people import OPERATOR, ask_password, hash_new, make_user
from breachdesk.console.tries import strangers_key
from breachdesk.ports import UnitOfWork
from schemas.errors import NotFound
from schemas.user import Duty, User

Account = Annotated[str, typer.Argument(metavar="ID")]
Duties = Annotated[list[Duty], typer.Option("--duty", help="Repeat it for each duty.")]
COLUMNS = ("id", "duties", "second_factor", "sessions", "disabled", "demo")


def add_to(app: typer.Typer) -> None:
    """Hang these commands on the command line."""
    group = typer.Typer(no_args_is_help=True, help="Local accounts.")
    commands: dict[str, Callable[..., None]] = {
        "add": add,
        "list": list_,
        "password": password,
        "duty": duty,
        "disable": disable,
        "enable": enable,
        "end-sessions": end_sessions,
        "reset-second-factor": reset_second_factor,
    }
    for name, function in commands.items():
        group.command(name)(function)
    app.add_typer(group, name="user")


def add(
    user_id: Account,
    duty: Duties,
    name: Annotated[str | None, typer.Option(help="As colleagues know them.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Add a local account. The password is asked for, or read as one line of stdin."""
    with premises(data_dir) as house:
        user = make_user(user_id, name, duty, ask_password(), house.settings.profile)
        now = house.now()
        house.store.act(lambda uow: accounts.add_account(uow, OPERATOR, user, now))
    out.print(f"{user.id} may sign in as {', '.join(sorted(user.duties))}", markup=False)
    if Duty.APPROVER in user.duties:
        out.print("Whoever approves sets up a second factor at the first sign-in.")


def list_(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Local accounts, their duties and what protects them."""
    with premises(data_dir) as house:
        now = house.now()
        rows = house.store.look(lambda uow: [_row(uow, user, now) for user in uow.users.list()])
    print_rows(rows, COLUMNS, as_json=as_json)


def password(user_id: Account, data_dir: DataDir = None) -> None:
    """Give an account another password and end its sessions. Asked for, or one line of stdin."""
    with premises(data_dir) as house:
        user = _account(house, user_id)
        digest = hash_new(user, ask_password(), house.settings.profile)
        now = house.now()

        def act(uow: UnitOfWork) -> int:
            uow.sign_ins.clear([strangers_key(user_id)])
            return accounts.set_password(uow, OPERATOR, user_id, digest, now)

        ended = house.store.act(act)
    out.print(f"{user_id} has another password; {_sessions(ended)}", markup=False)


def duty(user_id: Account, duty: Duties, data_dir: DataDir = None) -> None:
    """Give an account these duties and no others, and end its sessions."""
    with premises(data_dir) as house:
        now = house.now()
        ended = house.store.act(lambda uow: accounts.set_duties(uow, OPERATOR, user_id, duty, now))
        out.print(f"{user_id} is {', '.join(sorted(duty))}; {_sessions(ended)}", markup=False)
        _warn(house)


def disable(user_id: Account, data_dir: DataDir = None) -> None:
    """Keep an account from signing in, and end its sessions at once."""
    with premises(data_dir) as house:
        now = house.now()
        ended = house.store.act(lambda uow: accounts.disable(uow, OPERATOR, user_id, now))
        out.print(f"{user_id} is disabled; {_sessions(ended)}", markup=False)
        _warn(house)


def enable(user_id: Account, data_dir: DataDir = None) -> None:
    """Let a disabled account sign in again."""
    with premises(data_dir) as house:
        now = house.now()
        house.store.act(lambda uow: accounts.enable(uow, OPERATOR, user_id, now))
    out.print(f"{user_id} may sign in again", markup=False)


def end_sessions(user_id: Account, data_dir: DataDir = None) -> None:
    """End every session of an account: it has to sign in again everywhere."""
    with premises(data_dir) as house:
        now = house.now()
        ended = house.store.act(lambda uow: accounts.end_sessions(uow, OPERATOR, user_id, now))
    out.print(f"{user_id}: {_sessions(ended)}", markup=False)


def reset_second_factor(user_id: Account, data_dir: DataDir = None) -> None:
    """Remove an account's second factor and recovery codes, and end its sessions. Make sure first
    that it is its owner who asks: from now on the password alone opens the account."""
    with premises(data_dir) as house:
        now = house.now()
        ended = house.store.act(
            lambda uow: accounts.reset_second_factor(uow, OPERATOR, user_id, now)
        )
    out.print(f"{user_id} has no second factor any more; {_sessions(ended)}", markup=False)


def _row(uow: UnitOfWork, user: User, now: datetime) -> dict[str, object]:
    return {
        "id": user.id,
        "duties": sorted(user.duties),
        "second_factor": user.id in uow.second_factors.confirmed(),
        "sessions": len(uow.users.sessions(user.id, now)),
        "disabled": user.disabled,
        "demo": user.demo,
    }


def _account(house: Premises, user_id: str) -> User:
    user = house.store.look(lambda uow: uow.users.get(user_id))
    if user is None:
        raise NotFound("no such account", place=user_id, remedy="See breachdesk user list.")
    return user


def _sessions(ended: int) -> str:
    return f"{ended} session{'' if ended == 1 else 's'} ended"


def _warn(house: Premises) -> None:
    """Say which duties nobody holds any more."""
    for missing in house.store.look(accounts.duties_without_anybody):
        err.print(
            f"warning: nobody who may sign in is {missing.value} any more. "
            f"breachdesk user duty ID --duty {missing.value}",
            markup=False,
        )
