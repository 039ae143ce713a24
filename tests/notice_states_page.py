"""Print docs/reference/notice-states.md from schemas/casework/notice_states.py.

Renew the page: python tests/notice_states_page.py
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

from schemas.casework import notice_states
from schemas.casework.notice import DeliveryStatus
from schemas.casework.notice_states import STATUS_AFTER, TRANSITIONS, list_sources

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "notice-states.md"
COMMAND = "python tests/notice_states_page.py"
HEAD = f"""# States of a notice

This page is printed from `schemas/casework/notice_states.py`; a test compares them. Renew it with
`{COMMAND}`.

A notice is queued by an approval. The dispatcher writes `sending` before it hands the mail to a
server, so that a crash leaves `unknown` and never a second mail. `handed_over` means that the
reader's mail server took the mail; `delivered` means that the reader confirmed receipt.
"""


def render_page() -> str:
    """The whole page, with a newline at its end."""
    parts = (HEAD, *_transitions(), *_matrix(), *_sets(), *_outcomes())
    return "\n".join(parts) + "\n"


def find_sets() -> dict[str, tuple[tuple[DeliveryStatus, ...], str]]:
    """Every named set of states, with its docstring."""
    tree = ast.parse(inspect.getsource(notice_states))
    notes = {
        first.targets[0].id: " ".join(str(second.value.value).split())
        for first, second in zip(tree.body, tree.body[1:], strict=False)
        if isinstance(first, ast.Assign)
        and isinstance(first.targets[0], ast.Name)
        and isinstance(second, ast.Expr)
        and isinstance(second.value, ast.Constant)
    }
    return {
        name: (value, notes.get(name, ""))
        for name, value in vars(notice_states).items()
        if isinstance(value, tuple) and value and all(isinstance(v, DeliveryStatus) for v in value)
    }


def _transitions() -> Iterator[str]:
    yield "## Transitions\n"
    yield "The store refuses to write any other change of state.\n"
    yield from _table(
        ("what happens", "before", "after"),
        ((step.cause, _join(step.before), _join(step.after)) for step in TRANSITIONS),
    )


def _matrix() -> Iterator[str]:
    yield "\n## From each state\n"
    reachable = {
        before: tuple(s for s in DeliveryStatus if s is not before and before in list_sources(s))
        for before in DeliveryStatus
    }
    rows = ((f"`{before.value}`", _join(after) or "–") for before, after in reachable.items())
    yield from _table(("state", "may become"), rows)


def _sets() -> Iterator[str]:
    yield "\n## Sets of states\n"
    rows = ((f"`{name}`", _join(states), note) for name, (states, note) in find_sets().items())
    yield from _table(("name", "states", "meaning"), rows)


def _outcomes() -> Iterator[str]:
    yield "\n## The end of an attempt\n"
    rows = ((f"`{outcome.value}`", f"`{after.value}`") for outcome, after in STATUS_AFTER.items())
    yield from _table(("what the channel reports", "state"), rows)


def _table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def _join(states: tuple[DeliveryStatus, ...]) -> str:
    return ", ".join(f"`{status.value}`" for status in dict.fromkeys(states))


if __name__ == "__main__":
    PAGE.write_text(render_page(), encoding="utf-8")
