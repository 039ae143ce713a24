"""A letter as an RFC 5322 message: everything fixed, so that the same letter is the same bytes."""

from __future__ import annotations

import hashlib
import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr

from schemas.errors import BadInput
from schemas.notice import Outgoing

INTERNATIONAL = re.compile(r"[^\s@<>()\[\]\\,;:\"]+@[^\s@<>()\[\]\\,;:\"]+")


def build(outgoing: Outgoing) -> bytes:
    """The message, CRLF line ends, 7-bit clean. One recipient, no list headers, no tracking.

    Raises BadInput, without naming the address, when a header value cannot be one (RFC 5322).
    """
    try:
        message = _letter(outgoing)
    except (ValueError, IndexError) as wrong:
        raise BadInput(
            "an address, name or subject cannot stand in a message header",
            place=f"notice {outgoing.row_id}",
            remedy="Correct the customer's contact or the sender's settings.",
        ) from wrong
    return message.as_bytes(policy=SMTPUTF8 if is_international(outgoing) else SMTP)


def bracketed(message_id: str) -> str:
    """`<left@right>`, whether the brackets were given or not."""
    return f"<{message_id.strip().strip('<>')}>"


def envelope(outgoing: Outgoing) -> str:
    """Where bounces go: the envelope's own sender, else the address in From."""
    return outgoing.envelope_sender or parseaddr(outgoing.sender)[1]


def is_international(outgoing: Outgoing) -> bool:
    """Does an address itself go beyond ASCII (RFC 6531)? Names may always."""
    return not (parseaddr(outgoing.sender)[1] + envelope(outgoing) + outgoing.to_email).isascii()


def _letter(outgoing: Outgoing) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    _head(message, outgoing)
    letter = outgoing.letter
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    message.set_boundary(_boundary(outgoing, "alternative"))
    for name, content in sorted(letter.attachments.items()):
        subtype = "json" if name.endswith(".json") else "octet-stream"
        message.add_attachment(
            content.encode(), maintype="application", subtype=subtype, filename=name
        )
    if letter.attachments:
        message.set_boundary(_boundary(outgoing, "mixed"))
    return message


def _head(message: EmailMessage, outgoing: Outgoing) -> None:
    name, address = parseaddr(outgoing.sender)
    message["From"] = _address(name, address)
    message["To"] = _address(outgoing.to_name, outgoing.to_email)
    message["Subject"] = outgoing.letter.subject
    message["Date"] = format_datetime(outgoing.date)
    message["Message-ID"] = bracketed(outgoing.message_id)
    if outgoing.in_reply_to:
        message["In-Reply-To"] = bracketed(outgoing.in_reply_to)
        message["References"] = bracketed(outgoing.in_reply_to)
    # RFC 3834: out-of-office robots stay silent. No List-Unsubscribe: this mail is a duty.
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = "en-GB"


def _address(name: str, address: str) -> Address:
    if address.isascii():
        return Address(display_name=name, addr_spec=address)
    # addr_spec refuses what RFC 6531 allows, so the two halves are given, after a look of our own.
    if not INTERNATIONAL.fullmatch(address):
        raise ValueError
    local, _, domain = address.rpartition("@")
    return Address(display_name=name, username=local, domain=domain)


def _boundary(outgoing: Outgoing, part: str) -> str:
    """The standard library draws boundaries at random; ours come from the letter."""
    seed = f"{part}\0{outgoing.message_id}\0{outgoing.letter.hash}"
    return f"=_{hashlib.sha256(seed.encode()).hexdigest()[:40]}"
