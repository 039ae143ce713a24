"""Build a letter as an RFC 5322 message, so that the same letter always gives the same bytes.

This module writes header lines itself: the standard library decodes encoded words (RFC 2047) in the
text that it is given and, before Python 3.11.10, writes their line ends raw (CVE-2024-6923;
`as_bytes` does so before 3.11.15, CVE-2026-1299)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from email.errors import MessageError
from email.quoprimime import body_encode
from email.utils import format_datetime

from notifiers.delivery.message_reader import find_difference
from schemas.addresses import find_address_problem
from schemas.casework.notice import OutgoingMessage
from schemas.errors import BadInput
from schemas.text_signs import find_name_problem, list_hidden

CRLF = "\r\n"
LONGEST_FIELD = 2000
"""Characters of a display name or subject after its markers were put in."""
WIDTH = 76
"""Columns of a header line with an encoded word (RFC 2047, 2); the address has a line of its
own."""
CHUNK = 39
"""Octets in one encoded word: with `Subject: ` before it, it stays within WIDTH."""
ATOMS = re.compile(r"[A-Za-z0-9&+_'-]+(?: [A-Za-z0-9&+_'-]+)*")
QUOTABLE = re.compile(r"[A-Za-z0-9&+_'./!*-]+(?: [A-Za-z0-9&+_'./!*-]+)*")
PLAIN_WORDS = re.compile(r"[!-~]{1,60}(?: [!-~]{1,60})*")
MESSAGE_ID = re.compile(r"[A-Za-z0-9!#$&'*+/=?^_{}~.-]{1,300}@[A-Za-z0-9.-]{1,253}")
FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
BREAKING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
"""Controls other than LF and TAB, and halves of a character: no text part holds them."""


def build_message(outgoing: OutgoingMessage) -> bytes:
    """Build the message with CRLF line ends, 7-bit clean unless an address is not. One recipient,
    no list headers, no tracking. It is parsed again before it is returned.

    Raises BadInput, without naming the address, for a field that is not allowed in a header and for
    a message that does not parse to the same content."""
    problem = _find_problem(outgoing)
    if problem is None:
        try:
            message = _format_message(outgoing).encode()
            problem = find_difference(message, outgoing)
        except (ValueError, LookupError, MessageError):
            problem = "the message cannot be written or read again"
        else:
            if problem is None:
                return message
    raise BadInput(
        problem,
        place=f"notice {outgoing.row_id}",
        remedy="Correct the customer's contact or the sender's settings. Nothing was sent.",
    )


def add_brackets(message_id: str) -> str:
    """Return `<left@right>`, with or without brackets in the input."""
    return f"<{message_id.strip().strip('<>')}>"


def get_envelope_sender(outgoing: OutgoingMessage) -> str:
    """Return the address for bounces: the envelope's own sender, else the address in From."""
    return outgoing.envelope_sender or outgoing.from_email


def is_international(outgoing: OutgoingMessage) -> bool:
    """Whether an address is not ASCII (RFC 6531). Names may be non-ASCII in any message."""
    return not (outgoing.from_email + get_envelope_sender(outgoing) + outgoing.to_email).isascii()


def _find_problem(outgoing: OutgoingMessage) -> str | None:
    """Return the first field that cannot be written, and why, or None."""
    letter = outgoing.letter
    fields = {
        "the sender's name": outgoing.from_name,
        "the recipient's name": outgoing.to_name,
        "the subject": letter.subject,
    }
    addresses = {
        "the sender's address": outgoing.from_email,
        "the envelope's sender": get_envelope_sender(outgoing),
        "the recipient's address": outgoing.to_email,
    }
    reasons = {what: find_name_problem(text, LONGEST_FIELD) for what, text in fields.items()}
    reasons |= {
        what: "holds hidden characters"
        for what, text in fields.items()
        if list_hidden(text) and not reasons[what]
    }
    reasons |= {what: find_address_problem(text) for what, text in addresses.items()}
    reasons["the letter"] = _find_body_problem(outgoing)
    return next((f"{what} {why}" for what, why in reasons.items() if why), None)


def _find_body_problem(outgoing: OutgoingMessage) -> str | None:
    letter = outgoing.letter
    parts = [letter.text, letter.html, *letter.attachments.values()]
    if any(BREAKING.search(part) for part in parts):
        return "holds a control character"
    if not all(FILE_NAME.fullmatch(name) for name in letter.attachments):
        return "has an attachment whose name is not plain"
    ids = [outgoing.message_id, outgoing.in_reply_to or outgoing.message_id]
    if not all(MESSAGE_ID.fullmatch(add_brackets(one)[1:-1]) for one in ids):
        return "has no usable Message-ID"
    return None


def _format_message(outgoing: OutgoingMessage) -> str:
    letter = outgoing.letter
    alternative = _format_multipart(
        "alternative",
        _compute_boundary(outgoing, "alternative"),
        [_format_text("plain", letter.text), _format_text("html", letter.html)],
    )
    body = alternative
    if letter.attachments:
        attached = [
            _format_attachment(name, text) for name, text in sorted(letter.attachments.items())
        ]
        body = _format_multipart(
            "mixed", _compute_boundary(outgoing, "mixed"), [alternative, *attached]
        )
    return "".join(f"{line}{CRLF}" for line in _generate_head(outgoing)) + body


def _generate_head(outgoing: OutgoingMessage) -> Iterator[str]:
    yield f"From: {_format_mailbox(outgoing.from_name, outgoing.from_email)}"
    yield f"To: {_format_mailbox(outgoing.to_name, outgoing.to_email)}"
    yield f"Subject: {_format_unstructured(outgoing.letter.subject, len('Subject: '))}"
    yield f"Date: {format_datetime(outgoing.date)}"
    yield f"Message-ID: {add_brackets(outgoing.message_id)}"
    if outgoing.in_reply_to:
        yield f"In-Reply-To: {add_brackets(outgoing.in_reply_to)}"
        yield f"References: {add_brackets(outgoing.in_reply_to)}"
    # RFC 3834: out-of-office robots stay silent. No List-Unsubscribe: this mail is a duty.
    yield "Auto-Submitted: auto-generated"
    yield "Content-Language: en-GB"
    yield "MIME-Version: 1.0"


def _format_mailbox(name: str, address: str) -> str:
    """Format the display name as atoms, a quoted string without special characters, or encoded
    words."""
    if not name:
        return address if address.isascii() else f"<{address}>"
    phrase = _format_phrase(name)
    fold = f"{CRLF} " if len(phrase) + len(address) > WIDTH - len("From:  <>") else " "
    return f"{phrase}{fold}<{address}>"


def _format_phrase(name: str) -> str:
    if len(name) < WIDTH - len('From: ""') and ATOMS.fullmatch(name):
        return name
    if len(name) < WIDTH - len('From: ""') and QUOTABLE.fullmatch(name):
        return f'"{name}"'
    return _encode_words(name)


def _format_unstructured(text: str, column: int) -> str:
    """Fold plain ASCII at its blanks; write everything else as encoded words."""
    if not PLAIN_WORDS.fullmatch(text):
        return _encode_words(text)
    lines = [""]
    for word in text.split(" "):
        start = column if len(lines) == 1 else 1
        if lines[-1] and start + len(lines[-1]) + 1 + len(word) > WIDTH:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return f"{CRLF} ".join(lines)


def _encode_words(text: str) -> str:
    """Encode as RFC 2047 words in base64, and split no character between two words."""
    return f"{CRLF} ".join(
        f"=?utf-8?b?{base64.b64encode(chunk).decode()}?=" for chunk in _generate_chunks(text)
    )


def _generate_chunks(text: str) -> Iterator[bytes]:
    chunk = b""
    for sign in text:
        octets = sign.encode()
        if len(chunk) + len(octets) > CHUNK:
            yield chunk
            chunk = b""
        chunk += octets
    yield chunk


def _format_multipart(kind: str, boundary: str, parts: list[str]) -> str:
    delimited = "".join(f"--{boundary}{CRLF}{part}{CRLF}" for part in parts)
    return (
        f'Content-Type: multipart/{kind};{CRLF} boundary="{boundary}"{CRLF}{CRLF}'
        f"{delimited}--{boundary}--{CRLF}"
    )


def _format_text(subtype: str, text: str) -> str:
    octets = text.encode().decode("latin-1")
    return (
        f'Content-Type: text/{subtype}; charset="utf-8"{CRLF}'
        f"Content-Transfer-Encoding: quoted-printable{CRLF}{CRLF}"
        f"{body_encode(octets, WIDTH, CRLF)}"
    )


def _format_attachment(name: str, text: str) -> str:
    subtype = "json" if name.endswith(".json") else "octet-stream"
    octets = base64.encodebytes(text.encode()).decode().replace("\n", CRLF)
    return (
        f"Content-Type: application/{subtype}{CRLF}"
        f"Content-Transfer-Encoding: base64{CRLF}"
        f'Content-Disposition: attachment; filename="{name}"{CRLF}{CRLF}{octets}'
    )


def _compute_boundary(outgoing: OutgoingMessage, part: str) -> str:
    """Derive the boundary from the letter; the standard library draws boundaries at random."""
    seed = f"{part}\0{outgoing.message_id}\0{outgoing.letter.hash}"
    return f"=_{hashlib.sha256(seed.encode()).hexdigest()[:40]}"
