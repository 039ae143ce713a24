"""Whatever the checks let through is read back by every reader as exactly what was meant; whatever
else is refused before a server hears of it."""

from __future__ import annotations

from email import message_from_bytes, message_from_string
from email.header import decode_header, make_header
from email.policy import compat32
from email.utils import unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from notifiers.delivery.message import build_message
from notifiers.delivery.message_reader import find_difference
from notifiers.testing.channels import build_outgoing
from schemas.addresses import find_address_problem
from schemas.errors import BadInput
from schemas.text_signs import find_name_problem, list_hidden

HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "Content-Language",
    "MIME-Version",
    "Content-Type",
]
REPORTED = "=?utf-8?q?Joe=0d=0aX-Injected:_yes=0d=0a=0d=0aPay_to_IBAN_XX?="
FRAGMENTS = (
    "=?utf-8?q?",
    "?=",
    "=0d=0a",
    "\r\n",
    "\n",
    "\r",
    "\x00",
    "\x0b",
    "\x85",
    "\u2028",
    "\u202e",
    "\u200b",
    "\ud800",
    "Bcc: x@y.example",
    "<b@y.example>",
    ",",
    ";",
    ":",
    '"',
    "\\",
    "(c)",
    "@",
    "＠",
    "undisclosed-recipients:;",
    "%0d%0aBcc:",
    "+AA0ACg-Bcc:",
    "é",
    "漢字",
    "👩‍💻",
    "   ",
    "\t",
    "a" * 70,
    "DRILL: ",
    "filename*0*=utf-8''x",
)
HOSTILE = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=12), max_size=8).map("".join)
NAMES = HOSTILE | st.text(max_size=300) | st.text(alphabet="ab .'\"-", max_size=120)
ADDRESSES = (
    HOSTILE
    | st.emails()
    | st.builds("{}@{}".format, st.text(max_size=70), st.sampled_from(["x.example", "x..example"]))
    | st.builds("{}@x.example".format, HOSTILE)
)


def is_writable(text: str) -> bool:
    return find_name_problem(text, 2000) is None and not list_hidden(text)


def read_name(shown: str) -> str:
    """A display name as a reader takes it: a quoted string without its quotes, or encoded words."""
    return unquote(shown) if shown.startswith('"') else reads(shown)


def reads(value: object) -> str:
    return str(make_header(decode_header(str(value).replace("\r\n", ""))))


@settings(max_examples=400, deadline=None)
@given(NAMES, NAMES, ADDRESSES)
@example(REPORTED, "Important", "a@x.example")
@example("Ann", REPORTED, "a@x.example")
@example("", "", "a@x.example")
@example("x" * 10_000, "s", "a@x.example")
@example("名" * 1999, "題" * 1999, "a@x.example")
@example(", " * 40, 'a "b" c' * 90, "a@x.example")
@example("a@b.example", "tab\there", "a@x.example")
def test_a_message_reads_back_as_meant_or_is_refused(name: str, subject: str, email: str) -> None:
    plain = build_outgoing(1)
    letter = plain.letter.model_copy(update={"subject": subject})
    variant = plain.model_copy(update={"to_name": name, "to_email": email, "letter": letter})
    accepted = is_writable(name) and is_writable(subject) and find_address_problem(email) is None
    if not accepted:
        with pytest.raises(BadInput):
            build_message(variant)
        return

    raw = build_message(variant)
    message = message_from_string(raw.decode(), policy=compat32)
    shown, _, address = str(message["To"]).rpartition("<")

    assert message.keys() == HEADERS
    assert (address or str(message["To"])).rstrip(">") == email or not name
    assert reads(message["Subject"]) == subject
    assert read_name(shown.rstrip()) == name or not name
    assert b"\r\n\r\n--=_" in raw
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert all(len(line) <= 78 for line in raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
               if b"@" not in line)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=400), st.text(max_size=400))
def test_a_body_arrives_octet_by_octet_or_is_refused(text: str, html: str) -> None:
    plain = build_outgoing(1)
    letter = plain.letter.model_copy(update={"text": text, "html": html})
    try:
        raw = build_message(plain.model_copy(update={"letter": letter}))
    except BadInput:
        assert any(ord(s) < 32 or 0x7F <= ord(s) <= 0x9F or 0xD800 <= ord(s) <= 0xDFFF
                   for s in text + html)  # fmt: skip
        return
    parts = [p for p in message_from_bytes(raw).walk() if not p.is_multipart()]

    assert [p.get_payload(decode=True) for p in parts] == [
        part.replace("\n", "\r\n").encode() for part in (text, html)
    ]
    assert b"\r\n.\r\n" not in raw.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Subject: ", b"Bcc: all@customers.example\r\nSubject: "),
        (b"To: Customer c001 <", b"To: all@customers.example, Customer c001 <"),
        (b"To: Customer c001 <", b"To: Customer c002 <"),
        (b"<c001@customers.example>", b"<c002@customers.example>"),
        (b"<c001@customers.example>", b"<c001@customers.example>,\r\n <c2@customers.example>"),
        (b"From: Penhallow IT", b"From: Penhallow 1T"),
        (b"Subject: Important", b"Subject: Imp0rtant"),
        (b"Subject: Important", b"Subject: \r\n\r\nImportant"),
        (b"Subject: Important", b"Subject: Important\n"),
        (b"auto-generated", b"no"),
        (b"this is only for you", b"this is only for all"),
        (b"text/plain", b"text/html"),
        (b"Dear", b"Dear\rX"),
        (b"MIME-Version: 1.0\r\n", b""),
        (b"Date: Mon", b"Date: Tue"),
        (b"Message-ID: <BR-0001", b"Message-ID: <BR-0002"),
    ],
)
def test_reading_back_notices_every_kind_of_change(old: bytes, new: bytes) -> None:
    outgoing = build_outgoing(1)
    raw = build_message(outgoing)

    assert old in raw
    assert find_difference(raw, outgoing) is None
    assert find_difference(raw.replace(old, new, 1), outgoing)


@pytest.mark.parametrize(
    "name",
    ["../x.json", "a\r\nX: y.json", 'a".json', "ä.json", "", ".json", "a;b.json", "x" * 200],
)
def test_an_attachment_with_another_name_than_a_plain_one_is_refused(name: str) -> None:
    plain = build_outgoing(1)
    letter = plain.letter.model_copy(update={"attachments": {name: "{}"}})

    with pytest.raises(BadInput, match="attachment"):
        build_message(plain.model_copy(update={"letter": letter}))


@pytest.mark.parametrize("field", ["message_id", "in_reply_to"])
@pytest.mark.parametrize("value", ["", "a b@c", "a@b\r\nBcc: x", "a@b> <c@d", "no-at", "é@x"])
def test_a_message_id_that_is_none_is_refused(field: str, value: str) -> None:
    if field == "in_reply_to" and not value:
        return
    with pytest.raises(BadInput, match="Message-ID"):
        build_message(build_outgoing(1, **{field: value}))
