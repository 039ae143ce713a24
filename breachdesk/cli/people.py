"""Who acts when a command is typed: the operator of this machine, and `user add`."""

from __future__ import annotations

import re
import sys
from getpass import getpass

from argon2 import PasswordHasher

from schemas.errors import BadInput
from schemas.user import Actor, Duty, User

OPERATOR = Actor(id="operator:cli", duties=frozenset(Duty))
"""Whoever may run commands on the data folder; confirming and approving is the console's."""

SHORTEST_PASSWORD = 12


def make_user(user_id: str, name: str, duties: list[Duty], password: str, *, demo: bool) -> User:
    """A local account with an argon2id hash. Raises BadInput for a bad id or a short password."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,31}", user_id):
        raise BadInput(
            "not a user id", place="ID", remedy="Use lower-case letters, digits, dot and dash."
        )
    if len(password) < SHORTEST_PASSWORD and not demo:
        raise BadInput(
            f"password shorter than {SHORTEST_PASSWORD} characters",
            place="password",
            remedy="Three or four unrelated words do well.",
        )
    return User(
        id=user_id,
        name=name or user_id,
        duties=frozenset(duties),
        password_hash=PasswordHasher().hash(password),
        demo=demo,
    )


def ask_password() -> str:
    """Twice on a terminal; one line of stdin in a pipe."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass("Password: ")
    if first != getpass("Once more: "):
        raise BadInput("the two differ", place="password", remedy="Try again.")
    return first
