"""Commands `breachdesk user …` for local accounts. Each change is one audited act of the
operator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import typer

from breachdesk.bootstrap.container import Container
from breachdesk.casework.accounts import accounts
from breachdesk.cli.options import AsJson, DataDir, err, opened_container, out, print_rows
from breachdesk.cli.people import OPERATOR, ask_password, hash_new_password, make_user
from breachdesk.console.web.attempt_throttle import build_strangers_key
from breachdesk.ports import UnitOfWork
from schemas.errors import NotFound
from schemas.user import Permission, User

Account = Annotated[str, typer.Argument(metavar="ID")]
Permissions = Annotated[
    list[Permission], typer.Option("--permission", help="Repeat it for each permission.")
]
COLUMNS = ("id", "permissions", "second_factor", "sessions", "disabled", "demo")


def register_commands(app: typer.Typer) -> None:
    """Register this group's commands."""
    group = typer.Typer(no_args_is_help=True, help="Local accounts.")
    commands: dict[str, Callable[..., None]] = {
        "add": add_account,
        "list": list_accounts,
        "password": set_password,
        "permission": set_permissions,
        "disable": disable_account,
        "enable": enable_account,
        "end-sessions": close_sessions,
        "reset-second-factor": reset_second_factor,
    }
    for name, function in commands.items():
        group.command(name)(function)
    app.add_typer(group, name="user")


def add_account(
    user_id: Account,
    permission: Permissions,
    name: Annotated[str | None, typer.Option(help="As colleagues know them.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Add a local account. The password is asked for, or read as one line of stdin."""
    with opened_container(data_dir) as container:
        user = make_user(user_id, name, permission, ask_password(), container.settings.profile)
        now = container.now()
        container.store.write(lambda uow: accounts.add_account(uow, OPERATOR, user, now))
    out.print(f"{user.id} may sign in as {', '.join(sorted(user.permissions))}", markup=False)
    if Permission.APPROVER in user.permissions:
        out.print("Whoever approves sets up a second factor at the first sign-in.")


def list_accounts(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List local accounts, their permissions and their sign-in protection."""
    with opened_container(data_dir) as container:
        now = container.now()
        rows = container.store.read(
            lambda uow: [_build_row(uow, user, now) for user in uow.users.list()]
        )
    print_rows(rows, COLUMNS, as_json=as_json)


def set_password(user_id: Account, data_dir: DataDir = None) -> None:
    """Give an account another password and end its sessions. Asked for, or one line of stdin."""
    with opened_container(data_dir) as container:
        user = _get_account(container, user_id)
        digest = hash_new_password(user, ask_password(), container.settings.profile)
        now = container.now()

        def save_password(uow: UnitOfWork) -> int:
            uow.sign_ins.clear([build_strangers_key(user_id)])
            return accounts.set_password(uow, OPERATOR, user_id, digest, now)

        ended = container.store.write(save_password)
    out.print(f"{user_id} has another password; {_format_closed_sessions(ended)}", markup=False)


def set_permissions(user_id: Account, permission: Permissions, data_dir: DataDir = None) -> None:
    """Give an account these permissions and no others, and end its sessions."""
    with opened_container(data_dir) as container:
        now = container.now()
        ended = container.store.write(
            lambda uow: accounts.set_permissions(uow, OPERATOR, user_id, permission, now)
        )
        out.print(
            f"{user_id} is {', '.join(sorted(permission))}; {_format_closed_sessions(ended)}",
            markup=False,
        )
        _warn_unheld_permissions(container)


def disable_account(user_id: Account, data_dir: DataDir = None) -> None:
    """Keep an account from signing in, and end its sessions at once."""
    with opened_container(data_dir) as container:
        now = container.now()
        ended = container.store.write(lambda uow: accounts.disable(uow, OPERATOR, user_id, now))
        out.print(f"{user_id} is disabled; {_format_closed_sessions(ended)}", markup=False)
        _warn_unheld_permissions(container)


def enable_account(user_id: Account, data_dir: DataDir = None) -> None:
    """Enable a disabled account to sign in again."""
    with opened_container(data_dir) as container:
        now = container.now()
        container.store.write(lambda uow: accounts.enable(uow, OPERATOR, user_id, now))
    out.print(f"{user_id} may sign in again", markup=False)


def close_sessions(user_id: Account, data_dir: DataDir = None) -> None:
    """End every session of an account: it has to sign in again everywhere."""
    with opened_container(data_dir) as container:
        now = container.now()
        ended = container.store.write(
            lambda uow: accounts.close_sessions(uow, OPERATOR, user_id, now)
        )
    out.print(f"{user_id}: {_format_closed_sessions(ended)}", markup=False)


def reset_second_factor(user_id: Account, data_dir: DataDir = None) -> None:
    """Remove an account's second factor and recovery codes, and end its sessions. Make sure first
    that it is its owner who asks: from now on the password alone opens the account."""
    with opened_container(data_dir) as container:
        now = container.now()
        ended = container.store.write(
            lambda uow: accounts.reset_second_factor(uow, OPERATOR, user_id, now)
        )
    out.print(
        f"{user_id} has no second factor any more; {_format_closed_sessions(ended)}", markup=False
    )


def _build_row(uow: UnitOfWork, user: User, now: datetime) -> dict[str, object]:
    return {
        "id": user.id,
        "permissions": sorted(user.permissions),
        "second_factor": user.id in uow.second_factors.list_confirmed(),
        "sessions": len(uow.users.list_sessions(user.id, now)),
        "disabled": user.disabled,
        "demo": user.demo,
    }


def _get_account(container: Container, user_id: str) -> User:
    user = container.store.read(lambda uow: uow.users.get(user_id))
    if user is None:
        raise NotFound("no such account", place=user_id, remedy="See breachdesk user list.")
    return user


def _format_closed_sessions(ended: int) -> str:
    return f"{ended} session{'' if ended == 1 else 's'} ended"


def _warn_unheld_permissions(container: Container) -> None:
    """Warn about permissions that no account holds any more."""
    for missing in container.store.read(accounts.find_unheld_permissions):
        err.print(
            f"warning: nobody who may sign in is {missing.value} any more. "
            f"breachdesk user permission ID --permission {missing.value}",
            markup=False,
        )
