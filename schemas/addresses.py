"""Validate a mail address so strictly that no mail program can read it as more than one.

Stricter than RFC 5321 and RFC 5322 on purpose: quoted local parts, comments, source routes, address
literals and the old routing signs `%` and `!` are legal there and read differently by different
programs."""

from __future__ import annotations

import re
import unicodedata

LONGEST_LOCAL = 64
"""Octets (RFC 5321, 4.5.3.1.1)."""
LONGEST = 254
"""Octets of the whole address (RFC 5321, 4.5.3.1.3, less the brackets)."""
LONGEST_LABEL = 63
REMEDY = "Write one address, as name@domain."

_LOCAL_SIGNS = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.#$&'*+-/=?^_{}~"
)
"""Of ASCII. RFC 5322 atoms without `%`, `!`, `|` and the backtick."""
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")


def find_address_problem(text: str) -> str | None:
    """Return why this is not one mail address that every program reads alike, without repeating it,
    or None."""
    local, at, domain = text.rpartition("@")
    if not at or "@" in local:
        return "has not exactly one @"
    if not _has_only_lasting_signs(text):
        return "holds a character that is not a letter, a digit or one of the usual signs"
    if len(text.encode()) > LONGEST:
        return f"has more than {LONGEST} characters"
    return _find_local_problem(local) or _find_domain_problem(domain)


def is_address(text: str) -> bool:
    """Whether `find_address_problem` finds no problem."""
    return find_address_problem(text) is None


def encode_domain(domain: str) -> str | None:
    """Return the domain in DNS form (`xn--…`, RFC 3490), or None if it has none."""
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None


def _has_only_lasting_signs(text: str) -> bool:
    """Whether non-ASCII characters are only letters, marks and digits in a form that no
    normalisation changes: no full-width @, no ligature, no zero-width character."""
    beyond = [sign for sign in text if not sign.isascii()]
    if any(unicodedata.category(s)[0] not in "LM" and not s.isdecimal() for s in beyond):
        return False
    return not beyond or unicodedata.normalize("NFKC", text) == text


def _find_local_problem(local: str) -> str | None:
    if not local:
        return "has nothing before the @"
    if len(local.encode()) > LONGEST_LOCAL:
        return f"has more than {LONGEST_LOCAL} characters before the @"
    if any(sign.isascii() and sign not in _LOCAL_SIGNS for sign in local):
        return "holds a sign before the @ that mail programs read in different ways"
    if local.startswith(".") or local.endswith(".") or ".." in local:
        return "begins or ends with a dot before the @, or has two in a row"
    if "=?" in local:
        return "holds `=?`, which mail programs take for encoded text"
    return "begins with a mark" if unicodedata.category(local[0])[0] == "M" else None


def _find_domain_problem(domain: str) -> str | None:
    name = encode_domain(domain)
    if name is None or not _is_domain(name):
        return "has no usable domain after the @"
    return None


def _is_domain(name: str) -> bool:
    """Whether there are at least two labels and the last one is not a number, so that it is not an
    IP address."""
    labels = name.split(".")
    return (
        len(labels) > 1
        and all(len(label) <= LONGEST_LABEL and _LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()
        and len(labels[-1]) > 1
    )
