"""Letters take hours, names and numbers from the law that is in force when they are made."""

from __future__ import annotations

from pathlib import Path

import pytest

from breachdesk.gdpr.law import load_shipped_law, read_law
from notifiers.letters.render import JinjaRenderer
from notifiers.testing.channels import LAW, build_letter_context
from schemas.casework.notice_kind import NoticeKind
from schemas.errors import BadInput
from schemas.law import LawBook

TEMPLATES = Path(__file__).resolve().parents[3] / "templates"
PACK = NoticeKind.CONTROLLER_PACK


@pytest.fixture(scope="module")
def renderer() -> JinjaRenderer:
    return JinjaRenderer(TEMPLATES)


def with_hours(hours: int) -> LawBook:
    changed = tuple(p.model_copy(update={"hours": hours}) for p in LAW.provisions)
    return LAW.model_copy(update={"provisions": changed})


def test_a_controller_reads_the_hours_of_the_law(renderer: JinjaRenderer) -> None:
    context = build_letter_context(PACK, law=with_hours(96))
    letter, script = renderer.render_letter(context), renderer.render_telephone_script(context).text

    assert "normally 96 hours from" in " ".join(letter.text.split())
    assert "normally 96 hours from" in " ".join(script.split())
    assert "72 hours" not in letter.text + (letter.html or "") + script


@pytest.mark.parametrize("kind", [NoticeKind.ACCOUNT_HOLDER, PACK])
def test_a_letter_made_of_the_shipped_law_gives_no_postal_address_of_the_ico(
    renderer: JinjaRenderer, kind: NoticeKind
) -> None:
    letter = renderer.render_letter(build_letter_context(kind, law=load_shipped_law()))

    assert "0303 123 1113" in letter.text
    assert "SK9" not in letter.text


def templates_that_give_the_address(tmp_path: Path) -> Path:
    own = tmp_path / "templates"
    for file in (TEMPLATES / "notices").rglob("*.*"):
        copy = own / file.relative_to(TEMPLATES)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    letter = own / "notices" / "en-GB" / "account_holder" / "letter.j2"
    letter.write_text(letter.read_text() + "\n{{ page.p(contacts.ico.address) }}\n")
    return own


def test_a_template_that_asks_for_an_address_nobody_has_checked_makes_no_letter(
    tmp_path: Path,
) -> None:
    own = JinjaRenderer(templates_that_give_the_address(tmp_path))

    with pytest.raises(BadInput, match="address"):
        own.render_letter(build_letter_context(law=load_shipped_law()))


def test_an_address_that_an_operator_checked_is_in_such_a_letter(tmp_path: Path) -> None:
    own = JinjaRenderer(templates_that_give_the_address(tmp_path))
    folder = tmp_path / "law"
    folder.mkdir()
    (folder / "ico.toml").write_text(
        '[[authorities]]\nid = "ico"\ntitle = "Information Commission"\nshort = "IC"\n'
        'telephone = "0303 123 1113"\naddress = "1 Quay"\nvalid_from = 2018-05-25\n'
        'source = "https://ico.org.uk"\nreviewed_on = 2026-12-01\n'
    )

    assert "1 Quay" in own.render_letter(build_letter_context(law=read_law(folder))).text
