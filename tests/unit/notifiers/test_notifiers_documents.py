from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from pypdf import PdfReader

from notifiers.letters.render import JinjaRenderer
from notifiers.testing.channels import NOON, PROFILE
from schemas.casework.report import RegulatorReport, ReportPhase, ReportQuestion
from schemas.errors import BadInput

TEMPLATES = Path(__file__).resolve().parents[3] / "templates"
RENDERER = JinjaRenderer(TEMPLATES)
TRICKS = "#let x = 1 $a$ *bold* _thin_ @ref <label> \\ [x] \"quoted\" 'q' {{ y }} // gone? `raw`"
QUESTIONS = (
    ReportQuestion(
        key="stage", section="About your report", question="Which report?", answer="First"
    ),
    ReportQuestion(
        key="what",
        section="About the breach",
        question="What happened?",
        answer=f"{TRICKS}\n\nA second paragraph.",
        mandatory=True,
        article="33(3)(a)",
    ),
    ReportQuestion(
        key="how", section="About the breach", question="How found?", answer="", mandatory=True
    ),
    ReportQuestion(key="harm", section="Consequences", question="Any harm?", answer=""),
)


def report(**changes: object) -> RegulatorReport:
    fields: dict[str, object] = {
        "breach_id": "BR-0001",
        "jurisdiction": "uk_ico",
        "version": 2,
        "stage": ReportPhase.FOLLOW_UP,
        "authority": "Information Commissioner’s Office",
        "prepared_at": NOON,
        "drill": False,
        "questions": QUESTIONS,
        "missing": {"how": "say how you found out"},
        "hash": "ab" * 32,
    }
    return RegulatorReport.model_validate(fields | changes)


def pages(pdf: bytes) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages]


def test_the_same_report_gives_the_same_bytes_on_a4() -> None:
    pdf = RENDERER.render_report_pdf(report(), PROFILE)
    box = PdfReader(io.BytesIO(pdf)).pages[0].mediabox

    assert pdf == RENDERER.render_report_pdf(report(), PROFILE)
    assert pdf.startswith(b"%PDF-")
    assert (round(box.width), round(box.height)) == (595, 842)


def test_the_pages_follow_the_form_and_mark_what_is_missing() -> None:
    text = " ".join(pages(RENDERER.render_report_pdf(report(), PROFILE)))
    order = ["About your report", "Which report?", "About the breach", "What happened?"]
    places = [text.index(words) for words in [*order, "How found?", "Missing:", "Any harm?"]]

    assert places[:4] == sorted(places[:4])
    assert "Not ready to submit: 1 answer is missing." in text
    assert "Missing: say how you found out" in text
    assert "[33(3)(a)]" in text
    assert "Follow-up" in text
    assert "Page 1 of 1" in text
    assert "Information Commissioner’s Office" in text


def test_what_a_person_typed_is_never_read_as_markup() -> None:
    text = " ".join(pages(RENDERER.render_report_pdf(report(), PROFILE)))

    assert "#let x = 1 $a$ *bold* _thin_ @ref <label> \\ [x]" in text
    assert "{{ y }} // gone? `raw`" in text
    assert TRICKS in RENDERER.render_report_text(report())


@pytest.mark.parametrize("drill", [True, False])
def test_a_drill_says_so_on_every_page_and_a_real_report_never(drill: bool) -> None:
    many = tuple(
        ReportQuestion(key=f"q{n}", section="Long", question=f"Question {n}?", answer="word " * 150)
        for n in range(12)
    )
    actual = pages(RENDERER.render_report_pdf(report(questions=many, drill=drill), PROFILE))

    assert len(actual) > 1
    assert all(("DRILL" in page) == drill for page in actual)
    assert f"Page 2 of {len(actual)}" in actual[1]


def test_no_persons_name_of_the_profile_is_in_the_report() -> None:
    text = " ".join(pages(RENDERER.render_report_pdf(report(), PROFILE)))

    assert PROFILE.legal_name in text
    assert PROFILE.ico_registration in text
    assert PROFILE.contact_name not in text
    assert PROFILE.contact_email not in text


def test_the_text_is_in_the_forms_order_to_copy_from() -> None:
    text = RENDERER.render_report_text(report())
    order = ["About your report", "Which report?", "First", "What happened?", "How found?"]
    places = [text.rindex(words) for words in order]

    assert places == sorted(places)
    assert "How found? (must be answered)\nMISSING: say how you found out" in text
    assert "Any harm?\nNo answer." in text
    assert "DRILL" not in text
    assert RENDERER.render_report_text(report(drill=True)).startswith("DRILL: ")


def test_a_regulation_is_not_called_an_article() -> None:
    late = ReportQuestion(
        key="delay", section="1", question="Why late?", answer="No.", article="5A(3A)"
    )
    text = " ".join(
        pages(RENDERER.render_report_pdf(report(questions=(late,), missing={}), PROFILE))
    )

    assert "[5A(3A)]" in text
    assert "Article" not in text


def test_the_fingerprint_is_in_the_text_to_copy_as_in_the_pdf() -> None:
    built = report(hash="ab12" * 16)
    text, pdf = (
        RENDERER.render_report_text(built),
        "".join(pages(RENDERER.render_report_pdf(built, PROFILE))),
    )

    assert text.endswith(f"Fingerprint of this report (SHA-256):\n{built.hash}\n")
    assert built.hash in "".join(pdf.split())


def test_a_report_without_questions_or_gaps_is_still_a_report() -> None:
    empty = report(questions=(), missing={}, hash="")

    assert "Personal data breach report" in pages(RENDERER.render_report_pdf(empty, PROFILE))[0]
    assert RENDERER.render_report_text(empty).startswith("Personal data breach report")


def test_a_broken_template_is_bad_input_with_its_name(tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES, tmp_path / "templates")
    (tmp_path / "templates/reports/regulator.typ").write_text("#let report = (")

    with pytest.raises(BadInput, match=r"reports/regulator\.typ"):
        JinjaRenderer(tmp_path / "templates").render_report_pdf(report(), PROFILE)


def test_a_report_prepared_between_two_seconds_is_set() -> None:
    odd = report().model_copy(update={"prepared_at": NOON.replace(microsecond=711409)})

    assert "Personal data breach report" in pages(RENDERER.render_report_pdf(odd, PROFILE))[0]


def test_hidden_characters_are_shown_in_the_report_as_text_and_as_pages() -> None:
    hostile = report(authority="IC\u202eO \u200bx")
    profile = PROFILE.model_copy(update={"legal_name": "Pen\u2066hallow"})
    text = RENDERER.render_report_text(hostile)
    actual = " ".join(pages(RENDERER.render_report_pdf(hostile, profile)))

    assert "IC[U+202E]O [U+200B]x" in text
    assert "\u202e" not in text
    assert "[U+202E]" in actual
    assert "Pen[U+2066]hallow" in actual
