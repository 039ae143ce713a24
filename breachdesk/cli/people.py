"""Create accounts, and identify who acts when a command is typed."""

from __future__ import annotations

import re
import sys
from getpass import getpass

from breachdesk.casework.accounts.password_rule import check_password, list_known_words
from breachdesk.console.web.password_hashing import hash_password
from schemas.errors import BadInput
from schemas.settings import ProviderProfile
from schemas.text_signs import find_name_problem
from schemas.user import Actor, Permission, User

OPERATOR = Actor(id="operator:cli", permissions=frozenset(Permission))
"""Whoever may run commands on the data folder; confirming and approving is the console's."""


def make_user(
    user_id: str,
    name: str | None,
    permissions: list[Permission],
    password: str,
    profile: ProviderProfile,
) -> User:
    """Create a local account with an argon2id hash. Raises BadInput for a bad id or a password that
    is short or easy to guess."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,31}", user_id):
        raise BadInput(
            "not a user id", place="ID", remedy="Use lower-case letters, digits, dot and dash."
        )
    why = find_name_problem(name or user_id)
    if why:
        raise BadInput(f"it {why}", place="--name", remedy="Type it again, in one line.")
    user = User(
        id=user_id, name=name or user_id, permissions=frozenset(permissions), password_hash=""
    )
    return user.model_copy(update={"password_hash": hash_new_password(user, password, profile)})


def hash_new_password(user: User, password: str, profile: ProviderProfile) -> str:
    """Hash a password that the rule admits. Raises BadInput."""
    check_password(password, list_known_words(user, profile))
    return hash_password(password)


def ask_password() -> str:
    """Ask for the password twice on a terminal, or read one line of stdin in a pipe."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass("Password: ")
    if first != getpass("Once more: "):
        raise BadInput("the two differ", place="password", remedy="Try again.")
    return first
