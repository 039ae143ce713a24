"""Every command that a page names exists, and every command is named on a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import typer

from breachdesk.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
]


def commands(command: object = None, prefix: str = "") -> Iterator[str]:
    command = command or typer.main.get_command(app)
    children = getattr(command, "commands", None)
    if not children:
        yield prefix
        return
    for name, child in children.items():
        yield from commands(child, f"{prefix} {name}".strip())


def test_every_command_is_named_on_a_page() -> None:
    text = "\n".join(p.read_text(encoding="utf-8") for p in PAGES)

    assert [c for c in commands() if f"breachdesk {c}" not in text] == []


def test_every_command_that_a_code_span_names_exists() -> None:
    known = set(commands())
    firsts = {c.split()[0] for c in known}
    text = "\n".join(p.read_text(encoding="utf-8") for p in PAGES)
    spans = re.findall(r"`breachdesk ([a-z][a-z-]*)", text)
    spans += re.findall(r"^\s*(?:\$ )?breachdesk ([a-z][a-z-]*)", text, re.MULTILINE)

    assert {s for s in spans if s not in firsts} == set()


def test_no_page_has_a_figure_still_to_be_filled_in() -> None:
    assert [p.name for p in PAGES if re.search(r"@[A-Z]+@", p.read_text(encoding="utf-8"))] == []
