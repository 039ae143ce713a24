"""Every kind of notice: its file, its templates, and who else names it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from notifiers.letters.render import JinjaRenderer
from notifiers.letters.required_content import BLOCKS
from notifiers.testing.channels import build_letter_context, build_recipient
from schemas.casework.notice_kind import NoticeKind

ROOT = Path(__file__).resolve().parents[2]
NOTICES = ROOT / "templates" / "notices"
FILES = {"subject.txt.j2", "body.txt.j2", "body.html.j2", "script.txt.j2"}
LETTERS = [kind for kind in NoticeKind if kind.spec.needs_manifest]
OWN_ACTS = {"witness.py": "witness"}
"""Modules whose act exists for one kind alone."""


@pytest.mark.parametrize("kind", LETTERS)
def test_a_letter_has_its_templates_and_an_example_of_every_attachment(kind: NoticeKind) -> None:
    folder = NOTICES / "en-GB" / kind.value
    expected = FILES | {file.template for file in kind.spec.attachments}

    assert expected <= {path.name for path in folder.iterdir()}
    assert kind.spec.call_title


@pytest.mark.parametrize("kind", LETTERS)
def test_a_letter_and_its_telephone_script_are_rendered_and_pass_the_linter(
    kind: NoticeKind,
) -> None:
    renderer = JinjaRenderer(ROOT / "templates")
    context = build_letter_context(kind, recipient=build_recipient(kind))
    letter, script = renderer.render_letter(context), renderer.render_telephone_script(context)

    assert letter.kind is kind
    assert len(letter.attachments) == len(kind.spec.attachments)
    assert script.text
    assert renderer.find_missing_blocks(context) == {}
    assert [p for p in renderer.lint(letter, context) if p.severity == "block"] == []


def test_every_template_folder_is_a_kind_of_letter() -> None:
    folders = {
        path.name
        for locale in NOTICES.iterdir()
        if not locale.name.startswith("_")
        for path in locale.iterdir()
        if path.is_dir() and not path.name.startswith("_")
    }

    assert folders == set(LETTERS)


@pytest.mark.parametrize("kind", list(NoticeKind))
def test_a_kind_asks_for_blocks_that_exist_and_corrects_a_kind_of_its_role(
    kind: NoticeKind,
) -> None:
    corrected = kind.corrects

    assert set(kind.spec.required_blocks) <= set(BLOCKS)
    assert corrected is None or (corrected.spec.role, corrected.correction) == (
        kind.spec.role,
        kind,
    )
    assert NoticeKind(kind.value) is kind


def test_no_product_code_names_a_kind_but_its_file_and_its_own_act() -> None:
    ids = "|".join(kind.value for kind in NoticeKind)
    named = re.compile(rf"\bNoticeKind\.([A-Z_]+)\b|NoticeKind\([\"']({ids})[\"']\)")
    values = {
        (path.name, (match[1] or match[2]).lower())
        for package in ("schemas", "streams", "notifiers", "breachdesk")
        for path in (ROOT / package).rglob("*.py")
        if path.parent.name != "notice_kinds" and path.name != "notice_kind.py"
        and "testing" not in path.relative_to(ROOT).as_posix()
        for match in named.finditer(path.read_text(encoding="utf-8"))
    }  # fmt: skip

    assert values == set(OWN_ACTS.items())
