"""The page of notice states is printed from the state machine, and nothing else names its sets."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from notice_states_page import COMMAND, PAGE, find_sets, render_page

from schemas.casework.notice import DeliveryStatus, SendOutcome
from schemas.casework.notice_states import STATUS_AFTER, TRANSITIONS

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    path
    for package in ("schemas", "streams", "notifiers", "breachdesk")
    for path in (ROOT / package).rglob("*.py")
]


def test_the_page_of_notice_states_is_the_printed_state_machine() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_page(), f"renew the page: {COMMAND}"


def test_every_set_of_notice_states_has_a_meaning_and_no_two_are_equal() -> None:
    sets = find_sets()

    assert not [name for name, (_, meaning) in sets.items() if not meaning]
    assert len({frozenset(states) for states, _ in sets.values()}) == len(sets)


def test_every_notice_state_is_reached_by_a_transition_and_every_outcome_has_a_state() -> None:
    assert {status for step in TRANSITIONS for status in step.after} == set(DeliveryStatus)
    assert set(STATUS_AFTER) == set(SendOutcome)


def test_no_other_module_writes_down_a_set_of_notice_states() -> None:
    values = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in SOURCES
        if path.name != "notice_states.py"
        for line in lines_with_a_set(ast.parse(path.read_text(encoding="utf-8")))
    }

    assert not values


def lines_with_a_set(tree: ast.Module) -> Iterator[int]:
    """Lines of a tuple, list or set of two or more states."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple | ast.List | ast.Set) and len(node.elts) > 1:
            names = [
                each.value.id
                for each in node.elts
                if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name)
            ]
            if names.count(DeliveryStatus.__name__) == len(node.elts):
                yield node.lineno
