"""Hash passwords of local accounts: argon2id at the library's defaults (RFC 9106, low memory)."""

from __future__ import annotations

import unicodedata

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher()
LONGEST = 1024
"""Of what is looked at; no account's password is so long."""


def hash_password(password: str) -> str:
    """Hash with argon2id and a salt of its own, in PHC form."""
    return _HASHER.hash(_normalise_password(password))


def is_matching(stored: str, password: str) -> bool:
    """Whether the password matches; False too for a stored hash that is invalid."""
    try:
        return _HASHER.verify(stored, _normalise_password(password)[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False


def hash_of_nobody(like: str | None) -> str:
    """Return a hash to verify for unknown names, so that they take as long as a wrong password: its
    cost is that of `like`, an account's hash, or the present default."""
    try:
        parameters = extract_parameters(like or "")
    except InvalidHashError:
        return hash_password("nobody")
    return PasswordHasher.from_parameters(parameters).hash("nobody")


def _normalise_password(password: str) -> str:
    """Normalise to NFC: keyboards write one letter in several ways."""
    return unicodedata.normalize("NFC", password)
