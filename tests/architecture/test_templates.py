"""The templates: short lines, so that a change of one shows as a change of one."""

from __future__ import annotations

from pathlib import Path

TEMPLATES = Path(__file__).parents[2] / "templates"


def test_no_template_line_is_longer_than_two_hundred_characters() -> None:
    pages = sorted(TEMPLATES.rglob("*.html*"))
    long_lines = [
        f"{page.relative_to(TEMPLATES)}:{number}"
        for page in pages
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > 200
    ]

    assert pages
    assert long_lines == []
