"""Passwords of local accounts: argon2id at the library's defaults (RFC 9106, low memory)."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher()


def hash_password(password: str) -> str:
    """An argon2id hash with its own salt, in PHC form."""
    return _HASHER.hash(password)


def password_matches(stored: str, password: str) -> bool:
    """False for a wrong password and for a stored hash that is none."""
    try:
        return _HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def nobodys_hash() -> str:
    """Verified for unknown names, so that an unknown name takes as long as a wrong password."""
    return hash_password("nobody")
