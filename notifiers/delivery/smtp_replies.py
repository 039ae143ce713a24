"""Reduce a server's reply to code and enhanced status (RFC 3463), never its text or an address."""

from __future__ import annotations

import re

from schemas.casework.notice import SendOutcome

NO_CONNECTION = "no connection"
"""How the reply of an attempt begins that never reached the recipient's turn."""
ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")


def reduce_reply(code: int, text: str) -> str:
    """Return `550 5.1.1`, or `550` if the server gives no enhanced status."""
    status = ENHANCED.match(text)
    return f"{code} {status.group(1)}" if status else str(code)


def classify_reply(code: int) -> SendOutcome:
    """Classify by the reply's first digit (RFC 5321, 4.2.1); anything else is not a clear reply."""
    first_digits = {
        2: SendOutcome.HANDED_OVER,
        4: SendOutcome.DEFERRED,
        5: SendOutcome.BOUNCED,
    }
    return first_digits.get(code // 100, SendOutcome.UNKNOWN)


def is_channel_closed(reply: str) -> bool:
    """Whether the next recipient would get the same reply. RFC 5321: 421 closes the whole
    channel."""
    return reply.startswith((NO_CONNECTION, "421"))
