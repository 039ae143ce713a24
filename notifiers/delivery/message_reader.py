"""Parse a built message, byte by byte and with the standard library's parsers, and compare it with
its source. It shares no code with the writer."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.policy import compat32, default
from email.utils import format_datetime

from schemas.casework.notice import OutgoingMessage

LONGEST_LINE = 998
"""Octets without CRLF (RFC 5322, 2.1.1)."""
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")
_FIELD = re.compile(rb"([A-Za-z-]+): (\S[^\r\n]*)")
_FOLDED = re.compile(rb" \S[^\r\n]*")
_MAILBOX = re.compile(
    r"""(?:(?P<name>[A-Za-z0-9&+_'-]+(?:\ [A-Za-z0-9&+_'-]+)*
        |"[A-Za-z0-9&+_'./!*\ -]+"
        |=\?utf-8\?b\?[A-Za-z0-9+/=]+\?=(?:\ =\?utf-8\?b\?[A-Za-z0-9+/=]+\?=)*)\ )?
        (?P<open><)?(?P<address>[^<>\s@"]+@[^<>\s@"]+)(?(open)>)""",
    re.VERBOSE,
)


def find_difference(raw: bytes, outgoing: OutgoingMessage) -> str | None:
    """Return how the message differs from its source, without quoting either, or None if they
    agree."""
    fields = _parse_fields(raw)
    if fields is None:
        return "the message has a line that is not RFC 5322"
    expected = _build_expected_fields(outgoing)
    if [name for name, _ in fields] != [*expected, "Content-Type"]:
        return "the message has other headers than it should"
    for (name, value), expected_value in zip(fields, expected.values(), strict=False):
        if expected_value is not None and value != expected_value:
            return f"the header {name} does not read as it should"
    values = dict(fields)
    if not _is_one_mailbox(values["From"], outgoing.from_name, outgoing.from_email):
        return "the header From does not name the sender alone"
    if not _is_one_mailbox(values["To"], outgoing.to_name, outgoing.to_email):
        return "the header To does not name the recipient alone"
    return _find_parsed_difference(raw, outgoing, [*expected, "Content-Type"])


def _build_expected_fields(outgoing: OutgoingMessage) -> dict[str, str | None]:
    """Build the header names in order, each with its value if that is fixed text."""
    answered = outgoing.in_reply_to
    thread = f"<{answered.strip().strip('<>')}>" if answered else ""
    return {
        "From": None,
        "To": None,
        "Subject": None,
        "Date": format_datetime(outgoing.date),
        "Message-ID": f"<{outgoing.message_id.strip().strip('<>')}>",
        **({"In-Reply-To": thread, "References": thread} if thread else {}),
        "Auto-Submitted": "auto-generated",
        "Content-Language": "en-GB",
        "MIME-Version": "1.0",
    }


def _parse_fields(raw: bytes) -> list[tuple[str, str]] | None:
    """Parse the header block to names and unfolded values; returns None if any line is
    malformed."""
    if _BARE.search(raw) or max(map(len, raw.split(b"\r\n"))) > LONGEST_LINE:
        return None
    fields: list[tuple[str, bytes]] = []
    for line in raw.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        field = _FIELD.fullmatch(line)
        if field:
            fields.append((field[1].decode(), field[2]))
        elif fields and _FOLDED.fullmatch(line):
            name, value = fields[-1]
            fields[-1] = name, value + line
        else:
            return None
    return [(name, value.decode(errors="replace")) for name, value in fields]


def _is_one_mailbox(value: str, name: str, address: str) -> bool:
    mailbox = _MAILBOX.fullmatch(value)
    if mailbox is None or mailbox["address"] != address:
        return False
    return _decode_words((mailbox["name"] or "").strip('"')) == name


def _decode_words(value: str) -> str | None:
    try:
        return str(make_header(decode_header(value)))
    except (ValueError, LookupError, MessageError):
        return None


def _find_parsed_difference(raw: bytes, outgoing: OutgoingMessage, names: list[str]) -> str | None:
    """Compare the message as the standard library parses it, with the compat32 and the default
    policy."""
    message = message_from_bytes(raw, policy=compat32)
    if message.keys() != names or any(part.defects for part in message.walk()):
        return "the message is read as another"
    if _decode_words(re.sub(r"\r?\n", "", str(message["Subject"]))) != outgoing.letter.subject:
        return "the header Subject does not read as it should"
    if raw.isascii() and not _match_addresses(raw, outgoing):
        return "the addresses are read as others"
    return _find_parts_difference(message, outgoing)


def _match_addresses(raw: bytes, outgoing: OutgoingMessage) -> bool:
    message = message_from_bytes(raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n", policy=default)
    assert isinstance(message, EmailMessage)
    expected = {"From": outgoing.from_email, "To": outgoing.to_email}
    return all(
        [address.addr_spec for address in message[name].addresses] == [email]
        for name, email in expected.items()
    )


def _find_parts_difference(message: Message, outgoing: OutgoingMessage) -> str | None:
    letter = outgoing.letter
    bodies = [("text/plain", letter.text), ("text/html", letter.html)]
    files = sorted(letter.attachments.items())
    leaves = [part for part in message.walk() if not part.is_multipart()]
    kinds = [part.get_content_type() for part in message.walk() if part.is_multipart()]
    if kinds != (["multipart/mixed"] if files else []) + ["multipart/alternative"]:
        return "the message has other parts than it should"
    if len(leaves) != len(bodies) + len(files):
        return "the message has other parts than it should"
    for part, (kind, text) in zip(leaves, bodies, strict=False):
        if (
            part.get_content_type() != kind
            or _decode_payload(part) != text.replace("\n", "\r\n").encode()
        ):
            return "a part does not read as it should"
    for part, (name, content) in zip(leaves[2:], files, strict=True):
        if part.get_filename() != name or _decode_payload(part) != content.encode():
            return "an attachment does not read as it should"
    return None


def _decode_payload(part: Message) -> object:
    return part.get_payload(decode=True)
