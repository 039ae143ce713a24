"""Build the event of a sign-in to a mail or file server, which many programs write in their own words."""

from __future__ import annotations

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import LineFrame
from streams.tokenizers import addresses, numbers, people


def build_sign_in(
    outcome: str, action: str, *, user: str | None = None, method: str | None = None
) -> dict[str, Value]:
    """Build the fields of one attempt to sign in."""
    fields: dict[str, Value] = {
        "event.category": ["authentication"],
        "event.type": ["start"],
        "event.outcome": outcome,
        "event.action": action,
        "breach.auth.attempts": 1,
    }
    people.put_user(fields, user or "")
    if method:
        fields["breach.auth.method"] = method.casefold()
    return fields


def build_session_event(kind: str, action: str, user: str | None = None) -> dict[str, Value]:
    """Build the fields of a connection's or a session's `start`, `end` or `info`."""
    fields: dict[str, Value] = {
        "event.category": ["session"],
        "event.type": [kind],
        "event.outcome": "unknown",
        "event.action": action,
    }
    people.put_user(fields, user or "")
    return fields


def put_client(fields: dict[str, Value], where: str | None, port: str | None = None) -> None:
    """Set `source.ip` and `source.port`, or `source.domain` for a name."""
    if not where:
        return
    ip = addresses.parse_address(where)
    if ip is None:
        fields["source.domain"] = where.casefold()
    addresses.put_endpoint(fields, "source", ip, addresses.parse_port(port or ""))


def put_frame(fields: dict[str, Value], frame: LineFrame) -> None:
    """Set the host and the process that the frame names."""
    if frame.host:
        fields["host.name"] = frame.host
    pid = numbers.parse_whole(frame.pid or "")
    if pid is not None:
        fields["process.pid"] = pid
