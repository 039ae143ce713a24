"""Names that an intruder may have chosen: a letter repeats a name, and never a message."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from notifiers.letters.evidence_names import is_plain
from notifiers.letters.render import JinjaRenderer
from notifiers.testing.channels import NOON, STORED, build_letter_context
from schemas.casework.affected import ActSummary
from schemas.casework.notice import RenderedText
from schemas.casework.notice_kind import NoticeKind

RENDERER = JinjaRenderer(Path(__file__).resolve().parents[3] / "templates")
MESSAGES = (
    "Secure your account: call 07700 900123 now",
    "x”. Penhallow IT has a new number: 07700 900123. “y",
    "a\n\nWhat you should do\n\nCall 07700 900123",
    "https://evil.example/reset",
    "penhallow-help.example",
    "ask.bob@evil.example",
    "Please ring Bob about your files",
    "Call 159",
    "+44 7700 900 123",
    "<a href=x>",
    "x" * 5000,
    "one two three four five six seven eight nine",
)


def pack(**details: str) -> RenderedText:
    act = ActSummary(
        action="new-inboxrule" if "rule" in details else "filedownloaded",
        outcome="success",
        count=1,
        first=NOON,
        last=NOON,
        assets=("mailbox:reception@hartwell-dental.example",),
        details=details,
    )
    exposure = STORED.model_copy(update={"acts": (act,)})
    return RENDERER.render_letter(
        build_letter_context(NoticeKind.CONTROLLER_PACK, exposure=exposure)
    )


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("field", ["rule", "folders"])
def test_a_message_in_the_name_of_a_rule_or_folder_reaches_no_reader(
    message: str, field: str
) -> None:
    letter = pack(**{field: message})
    (file,) = letter.attachments.values()
    for text in (letter.text, letter.html, file):
        together = " ".join(text.split())
        assert "".join(message.split())[:40] not in "".join(text.split())
        assert "900123" not in together.replace(" ", "")
    words = " ".join(letter.text.split())
    assert ("whose name we do not repeat" in words) is (field == "rule")
    assert ("from folders that we will name when you ask" in words) is (field == "folders")
    assert json.loads(file)["acts"][0]["details"][field] is None


@pytest.mark.parametrize(
    "name",
    [
        ".",
        "Recalls",
        "1. Invoices 2026-11-22",
        "Patients 2019-2024",
        "Dr. Hartwell’s letters",
        "Call recordings",
        "Contact details",
        "Move to RSS feeds",
        "Müller & Söhne (alt)",
    ],
)
def test_an_ordinary_name_is_in_quotation_marks(name: str) -> None:
    named = "named" if name != "." else "whose whole name is"
    assert f"{named} “{name}”" in " ".join(pack(rule=name).text.split())
    assert f"from the folder “{name}”" in " ".join(pack(folders=name).text.split())


def test_one_folder_that_is_a_message_leaves_the_others_named() -> None:
    text = " ".join(pack(folders="Recalls, Ring 0800 1111, Referrals").text.split())
    assert "from the folders “Recalls” and “Referrals” and from others that we will name" in text


def test_a_files_name_may_have_an_ending_and_no_telephone_number() -> None:
    assert is_plain("Referral letter.docx", file=True)
    assert not is_plain("Ring 07700 900123.docx", file=True)
