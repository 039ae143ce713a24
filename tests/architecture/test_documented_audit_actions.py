"""Audit actions are one enumeration: documented, and written and compared nowhere as text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.audit_actions import AuditAction, AuditTopic, find_action
from schemas.casework.notice import DeliveryStatus
from schemas.casework.notice_actions import (
    ACTION_OF_END,
    ACTION_OF_REFUSAL,
    ACTION_OF_RESOLUTION,
    STATUS_AFTER_ACTION,
)
from schemas.casework.notice_states import ENDED_UNSENT, RESOLUTIONS, STATUS_AFTER

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "audit.md"
PACKAGES = ("schemas", "streams", "notifiers", "breachdesk", "bench", "tests")
SOURCES = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
PROGRAM = [path for path in SOURCES if path.relative_to(ROOT).parts[0] not in ("bench", "tests")]
FIRST_WORDS = {action.value.partition(":")[0] for action in AuditAction}
ACTION_TEXT = re.compile(rf"({'|'.join(sorted(FIRST_WORDS))}):([a-z_]+(:[a-z_]*)?)?")
OTHER_TEXTS = {"dispatch:", "source:"}
"""Prefixes of a lease's name and of an asset's key."""


def test_the_page_lists_every_audit_action_with_its_topic_in_order() -> None:
    rows = re.findall(
        r"^\| `([a-z_:]+)` \| `([a-z]+)` \| .+ \|$", PAGE.read_text("utf-8"), re.MULTILINE
    )

    assert rows == [(action.value, action.topic.value) for action in AuditAction]


def test_the_page_says_what_the_subject_of_every_topic_identifies() -> None:
    topics = re.findall(r"^\| `([a-z]+)` \| [^|]+ \|$", PAGE.read_text("utf-8"), re.MULTILINE)

    assert topics == [topic.value for topic in AuditTopic]


def test_every_name_of_an_action_follows_from_its_stored_value() -> None:
    assert all(a.name == a.value.upper().replace(":", "_") for a in AuditAction)
    assert all(find_action(action.value) is action for action in AuditAction)
    assert find_action("case:of:another_release") is None


def test_every_action_on_a_notice_has_the_topic_notice() -> None:
    named = {action for action in AuditAction if action.value.startswith("notice:")}

    assert named == {action for action in AuditAction if action.topic is AuditTopic.NOTICE}
    assert set(STATUS_AFTER_ACTION) == named - {AuditAction.NOTICE_ATTEMPT_WRITTEN_AGAIN}


def test_every_change_of_a_notice_has_its_action() -> None:
    assert set(ACTION_OF_END) == set(STATUS_AFTER.values())
    assert set(ACTION_OF_REFUSAL) == set(ENDED_UNSENT)
    assert set(ACTION_OF_RESOLUTION) == set(RESOLUTIONS)
    for actions in (ACTION_OF_END, ACTION_OF_REFUSAL, ACTION_OF_RESOLUTION):
        for status, action in actions.items():
            assert DeliveryStatus(status).value in action.value


@pytest.mark.parametrize("action", AuditAction)
def test_every_action_is_used_by_the_program(action: AuditAction) -> None:
    used = re.compile(rf"\bAuditAction\.{action.name}\b")

    assert any(used.search(path.read_text(encoding="utf-8")) for path in PROGRAM)


def test_no_audit_action_is_given_as_text() -> None:
    values = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in SOURCES
        for line in lines_that_give_text(ast.parse(path.read_text(encoding="utf-8")))
    ]

    assert not values


def test_the_program_writes_down_no_action_and_no_beginning_of_one() -> None:
    values = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in PROGRAM
        if path.name != "audit_actions.py"
        for line in lines_with_an_action(ast.parse(path.read_text(encoding="utf-8")))
    ]

    assert not values


def lines_that_give_text(tree: ast.Module) -> Iterator[int]:
    """Calls with `action=` and a text of words with colons, or an f-string."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "action":
            value = node.value
            if isinstance(value, ast.JoinedStr) or (
                isinstance(value, ast.Constant) and re.search(r"[a-z]:[a-z]", str(value.value))
            ):
                yield value.lineno


def lines_with_an_action(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            if find_action(text) or (ACTION_TEXT.fullmatch(text) and text not in OTHER_TEXTS):
                yield node.lineno
