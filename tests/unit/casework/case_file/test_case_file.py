"""The case file: what a lawyer or an insurer can be handed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from pypdf import PdfReader
from release_scenario import ReleaseScenario, release_scenario
from typer.testing import CliRunner
from waiting_letters import renderer

from breachdesk.casework.case_file.build import build_case_file, compute_fingerprint
from breachdesk.casework.opening import cases
from breachdesk.cli.main import app
from breachdesk.testing import make_actor
from notifiers.testing.channels import DECISION
from schemas.casework.case import CaseOrigin
from schemas.casework.case_file import PrintedCase
from schemas.casework.notice import SendOutcome, SendResult
from schemas.errors import NotAllowed
from schemas.user import Actor, Permission

RESPONDER = make_actor(Permission.RESPONDER, user_id="rowan")
BOUNCED = SendResult(outcome=SendOutcome.BOUNCED, reply="550 5.1.1")


@pytest.fixture
def scenario(tmp_path: Path) -> Iterator[ReleaseScenario]:
    with release_scenario("sqlite", tmp_path) as fresh:
        yield fresh


def released(scenario: ReleaseScenario) -> None:
    scenario.open_in_the_audit()
    scenario.write_all()
    scenario.approve()
    first, second = scenario.rows()
    scenario.now.advance(minutes=5)
    scenario.send(first)
    scenario.send(second, BOUNCED)
    scenario.submit("rowan")


def printed(scenario: ReleaseScenario, *, named: bool = True) -> PrintedCase:
    return scenario.store.read(
        lambda uow: build_case_file(
            uow, RESPONDER, scenario.breach.case_id, scenario.settings, scenario.now(),
            named=named,
        )
    )  # fmt: skip


def all_words(file: PrintedCase) -> str:
    return file.model_dump_json()


def words_of(file: PrintedCase, title: str) -> str:
    return next(s.model_dump_json() for s in file.sections if s.title.startswith(title))


def test_the_file_says_who_decided_what_and_why_and_what_was_sent_with_which_result(
    scenario: ReleaseScenario,
) -> None:
    released(scenario)
    file = printed(scenario)
    decided, sent = words_of(file, "Who decided"), words_of(file, "What was sent")

    assert "by rowan" in decided
    assert "Report to the ICO (Art. 33)" in decided
    assert scenario.breach.reason in decided
    assert "Contoso Ltd (contoso)" in sent
    assert "taken by their mail server" in sent
    assert "came back" in sent
    assert "avery" in words_of(file, "Releases")
    assert DECISION.risk in words_of(file, "Decision memo, version 1")
    assert "web form" in words_of(file, "What was reported")
    assert "It holds" in words_of(file, "Can this file")
    assert "breach:decision:written" in words_of(file, "Every recorded act")


def test_every_version_is_listed_and_the_replaced_ones_are_marked(
    scenario: ReleaseScenario,
) -> None:
    released(scenario)
    scenario.decide("blake")
    decided = words_of(printed(scenario), "Who decided")

    assert "Decision, version 1 (replaced)" in decided
    assert "Decision, version 2" in decided
    assert "by blake" in decided


def test_the_letter_is_shown_as_it_was_sent_also_after_later_versions(
    scenario: ReleaseScenario,
) -> None:
    released(scenario)
    before = words_of(printed(scenario), "The letters as they were sent")
    scenario.write_all("blake")
    after = words_of(printed(scenario), "The letters as they were sent")

    assert "Subject: Important" in before
    assert "As it was sealed by the approval." in before
    assert after == before


def test_without_names_no_customer_person_address_or_id_is_in_it(
    scenario: ReleaseScenario,
) -> None:
    released(scenario)
    scenario.store.write(
        lambda uow: cases.add_note(
            uow, RESPONDER, scenario.breach.case_id, "Jo Mason of contoso rang.", scenario.now()
        )
    )
    named, nameless = all_words(printed(scenario)), all_words(printed(scenario, named=False))

    for word in ("Contoso", "contoso", "Jo Mason", "accounts@contoso.example", "Fabrikam"):
        assert word in named
        assert word not in nameless
    assert "Customer 1" in nameless


def test_the_fingerprint_is_of_everything_in_the_file(scenario: ReleaseScenario) -> None:
    file = printed(scenario)

    assert compute_fingerprint(file) == file.hash
    assert compute_fingerprint(file.model_copy(update={"title": "another"})) != file.hash


def test_who_has_no_duty_prints_no_case(scenario: ReleaseScenario) -> None:
    nobody = Actor(id="nobody", permissions=frozenset())

    with pytest.raises(NotAllowed):
        scenario.store.read(
            lambda uow: build_case_file(
                uow, nobody, scenario.breach.case_id, scenario.settings, scenario.now()
            )
        )


def test_the_pdf_has_numbered_pages_and_takes_markup_for_words(scenario: ReleaseScenario) -> None:
    tricks = '#let x = 1 $a$ *bold* @ref <label> [x] "q" `raw`'
    scenario.store.write(
        lambda uow: cases.add_note(uow, RESPONDER, scenario.breach.case_id, tricks, scenario.now())
    )
    file = printed(scenario)
    pdf = renderer().render_case_file_pdf(file)
    pages = [" ".join(p.extract_text().split()) for p in PdfReader(io.BytesIO(pdf)).pages]

    assert pdf == renderer().render_case_file_pdf(file)
    assert tricks in " ".join(pages)
    assert f"Page 1 of {len(pages)}" in pages[0]
    assert file.hash in pages[0].replace(" ", "")


def test_a_drill_says_so_on_every_page(scenario: ReleaseScenario) -> None:
    file = printed(scenario).model_copy(update={"drill": True})
    pages = PdfReader(io.BytesIO(renderer().render_case_file_pdf(file))).pages

    assert all("DRILL: nothing of this happened" in page.extract_text() for page in pages)


def test_a_case_without_a_breach_is_printed_too(scenario: ReleaseScenario) -> None:
    case = scenario.store.write(
        lambda uow: cases.open_by_hand(
            uow,
            RESPONDER,
            title="A call",
            origin=CaseOrigin.CUSTOMER,
            known="A call.",
            now=scenario.now(),
        )
    )
    file = scenario.store.read(
        lambda uow: build_case_file(
            uow, RESPONDER, case.id, scenario.settings, scenario.now()
        )
    )  # fmt: skip

    assert file.breach_id is None
    assert "No breach was confirmed" in words_of(file, "Who decided")
    assert renderer().render_case_file_pdf(file).startswith(b"%PDF-")


def test_the_command_writes_the_pdf_and_refuses_a_folder(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    run = CliRunner()
    run.invoke(
        app,
        [
            "near-miss", "add", "A laptop lay in a taxi.", "--noticed", "2026-01-05 10:00",
            "--cause", "lost_or_stolen", "--why", "Encrypted.", "--data-dir", str(data),
        ],
    )  # fmt: skip
    to = tmp_path / "file.pdf"
    result = run.invoke(
        app, ["case", "file", "CASE-0001", "--out", str(to), "--data-dir", str(data)]
    )
    refused = run.invoke(
        app, ["case", "file", "CASE-0001", "--out", str(tmp_path), "--data-dir", str(data)]
    )

    assert result.exit_code == 0, result.output
    assert to.read_bytes().startswith(b"%PDF-")
    assert refused.exit_code != 0
