"""Normalise user names: compared case-folded, distinguished from mail addresses."""

from __future__ import annotations

import re
from functools import lru_cache

from schemas.pipeline.event import Value

_SIGN = r"[^\s@\"'<>;,:\[\]()]"
_ADDRESS = re.compile(rf"(?<!{_SIGN}){_SIGN}++@{_SIGN}+\.(?:(?!\.){_SIGN})++")
"""Only tried where a run of such signs begins, or a long run without `@` would be read once for
each of its signs."""
NOBODY = frozenset(
    {"", "-", "n/a", "null", "<null>", "not available", "unknown", "<invalid username>"}
)


def find_mail_addresses(text: str) -> list[str]:
    """Find every mail address in a text, case-folded, in order."""
    return [address.casefold() for address in _ADDRESS.findall(text)]


def is_mail_address(text: str) -> bool:
    """Whether it is a mail address; longer than 254 is none (RFC 5321 4.5.3.1.3)."""
    return len(text) <= 254 and _is_mail_address(text)


@lru_cache(maxsize=16384)
def _is_mail_address(text: str) -> bool:
    return _ADDRESS.fullmatch(text) is not None


def put_user(fields: dict[str, Value], name: str) -> None:
    """Set `user.name`, and `user.email` and `user.domain` if the name is a mail address."""
    name = name.strip().casefold()
    if name in NOBODY:
        return
    fields["user.name"] = name
    if "@" in name and is_mail_address(name):
        fields["user.email"] = name
        fields["user.domain"] = name.rpartition("@")[2]
