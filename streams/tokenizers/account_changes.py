"""Read what programs such as useradd, passwd and gpasswd write of accounts and groups."""

from __future__ import annotations

import re
from collections.abc import Sequence

from schemas.pipeline.event import Value
from streams.tokenizers import people

_NAME = r"'?(?P<user>[^'\s,]+)'?"
_GROUP = r"'?(?P<group>[^'\s,]+)'?"
_CHANGES = tuple(
    (re.compile(pattern), types, action)
    for pattern, types, action in (
        (
            rf"new user: name={_NAME}(?:, UID=(?P<uid>[0-9]+))?",
            ("user", "creation"),
            "user_created",
        ),
        (
            rf"new group: name={_GROUP}(?:, GID=(?P<gid>[0-9]+))?",
            ("group", "creation"),
            "group_created",
        ),
        (
            rf"(?P<again>group added to /etc/\w+): name={_GROUP}(?:, GID=(?P<gid>[0-9]+))?",
            ("group", "creation"),
            "group_created",
        ),
        (rf"delete user {_NAME}", ("user", "deletion"), "user_deleted"),
        (
            rf"delete {_NAME} from (?:shadow )?group {_GROUP}",
            ("group", "change"),
            "group_member_removed",
        ),
        (rf"(?P<again>removed shadow) group {_GROUP}", ("group", "deletion"), "group_deleted"),
        (rf"removed group {_GROUP}", ("group", "deletion"), "group_deleted"),
        (
            rf"group {_GROUP} removed(?P<again> from /etc/\w+)?",
            ("group", "deletion"),
            "group_deleted",
        ),
        (rf"add {_NAME} to (?:shadow )?group {_GROUP}", ("group", "change"), "group_member_added"),
        (
            rf"user {_NAME} added by (?P<by>\S+) to group {_GROUP}",
            ("group", "change"),
            "group_member_added",
        ),
        (
            rf"user {_NAME} removed by (?P<by>\S+) from group {_GROUP}",
            ("group", "change"),
            "group_member_removed",
        ),
        (
            r"(?:pam_unix\(\w+:chauthtok\): )?password (?:changed|for .* changed by .*)(?: for (?P<user>\S+))?",
            ("user", "change"),
            "password_changed",
        ),
        (rf"(?:lock|unlock|change|changed) user {_NAME} ", ("user", "change"), "user_changed"),
        (rf"(?:lock|unlock|change) {_NAME} ", ("user", "change"), "user_changed"),
        (rf"changed password expiry for {_NAME}", ("user", "change"), "user_changed"),
        (rf"(?P<failed>failed adding) user {_NAME}", ("user", "creation"), "user_created"),
        (rf"(?P<failed>failed adding) group {_GROUP}", ("group", "creation"), "group_created"),
    )
)
"""Pattern, `event.type` and `event.action`. `again`: the change of a further file, which the program
describes in a line of its own."""


def read(text: str) -> dict[str, Value] | None:
    """Read the fields of a change, with `is_retelling` if another line describes it too; None: the
    text describes none."""
    for pattern, types, action in _CHANGES:
        match = pattern.match(text)
        if match is not None:
            return _build(match, types, action)
    return None


def _build(match: re.Match[str], types: Sequence[str], action: str) -> dict[str, Value]:
    names = match.groupdict()
    fields: dict[str, Value] = {
        "event.category": ["iam"],
        "event.type": list(types),
        "event.outcome": "failure" if names.get("failed") else "success",
        "event.action": action,
    }
    if names.get("again"):
        fields["is_retelling"] = True
    people.put_user(fields, names.get("by") or "")
    for name, key in (("uid", "user.target.id"), ("gid", "group.id")):
        if names.get(name):
            fields[key] = names[name]
    if names.get("user"):
        fields["user.target.name"] = names["user"].casefold()
    if names.get("group"):
        fields["group.name"] = names["group"].casefold()
    return fields
