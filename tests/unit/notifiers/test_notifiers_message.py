from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from notifiers.delivery.message import build_message
from notifiers.letters.render import JinjaRenderer
from notifiers.testing.channels import build_letter_context, build_outgoing
from schemas.casework.notice_kind import NoticeKind
from schemas.errors import BadInput

RENDERER = JinjaRenderer(Path(__file__).resolve().parents[3] / "templates")


def opened(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def test_a_letter_is_text_first_then_html_and_the_same_bytes_every_time() -> None:
    letter = RENDERER.render_letter(build_letter_context())
    raw = build_message(build_outgoing(1, letter))
    message = opened(raw)

    assert raw == build_message(build_outgoing(1, letter))
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert text.get_content().replace("\r\n", "\n") == letter.text
    assert html.get_content().replace("\r\n", "\n") == letter.html
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998


def test_headers_say_who_when_and_that_no_robot_should_answer() -> None:
    message = opened(build_message(build_outgoing(1, in_reply_to="BR-0001.1.0@penhallow.example")))

    assert message["From"] == "Penhallow IT <notices@penhallow.example>"
    assert message["To"] == "Customer c001 <c001@customers.example>"
    assert message["Message-ID"] == "<BR-0001.1.1@penhallow.example>"
    assert message["Date"] == "Mon, 23 Nov 2026 12:00:00 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["In-Reply-To"] == "<BR-0001.1.0@penhallow.example>"
    assert message["References"] == "<BR-0001.1.0@penhallow.example>"
    assert not {"List-Unsubscribe", "Precedence", "Cc", "Bcc"} & set(message.keys())


def test_a_pack_carries_its_json_with_the_two_bodies() -> None:
    letter = RENDERER.render_letter(build_letter_context(NoticeKind.CONTROLLER_PACK))
    raw = build_message(build_outgoing(1, letter))
    message = opened(raw)
    attached = list(message.iter_attachments())

    assert raw == build_message(build_outgoing(1, letter))
    assert message.get_content_type() == "multipart/mixed"
    assert [a.get_filename() for a in attached] == ["BR-0001-controller-pack-1.json"]
    assert attached[0].get_content_type() == "application/json"
    assert attached[0].get_content().decode() == next(iter(letter.attachments.values()))
    html = message.get_body(("html",))
    assert html is not None
    assert html.get_content().replace("\r\n", "\n") == letter.html


def test_names_beyond_ascii_arrive_as_they_are() -> None:
    message = opened(build_message(build_outgoing(1, to_name="Siân Ó Briain, Müller & Co")))

    assert message["To"].addresses[0].display_name == "Siân Ó Briain, Müller & Co"


@pytest.mark.parametrize(
    "changes",
    [
        {"to_email": "jo@customers.example\r\nBcc: all@customers.example"},
        {"to_name": "Jo\nBcc: all@customers.example"},
        {"to_email": "a@x.example, b@x.example"},
        {"to_email": "nobody"},
        {"to_email": ""},
    ],
)
def test_a_header_cannot_be_broken_out_of_and_the_error_names_no_address(
    changes: dict[str, str],
) -> None:
    with pytest.raises(BadInput) as refusal:
        build_message(build_outgoing(7, **changes))

    assert "notice 7" in str(refusal.value)
    assert "customers" not in str(refusal.value)
