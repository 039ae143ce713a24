"""The case file on the screen: a section a page, and no page grows with the case."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from console_harness import HASH, ConsoleHarness, open_console
from console_pages import collapse_whitespace

from breachdesk.casework.case_file.build import SECTIONS
from breachdesk.casework.opening import cases
from breachdesk.console.screens.cases.printed_case import ROWS
from breachdesk.testing import add_case, make_actor, make_user
from schemas.user import Permission

NOTES = ROWS + 30


@pytest.fixture
def console(tmp_path: Path) -> Iterator[ConsoleHarness]:
    with open_console(tmp_path) as opened:

        def work(uow):  # type: ignore[no-untyped-def]  # a unit of work
            uow.users.save(make_user("olive").model_copy(update={"password_hash": HASH}))
            case = add_case(uow, opened.now(), actor="ana")
            responder = make_actor(Permission.RESPONDER, user_id="rhea")
            for number in range(NOTES):
                cases.add_note(uow, responder, case.id, f"Note {number}.", opened.now())

        opened.store.write(work)
        yield opened


async def page_of(console: ConsoleHarness, query: str = "") -> tuple[int, str]:
    visitor = console.visitor()
    assert await visitor.sign_in("olive")
    answer = await visitor.client.get(f"/cases/CASE-0001/file{query}")
    return answer.status_code, answer.text


async def test_the_first_page_of_a_case_file_is_the_case_in_brief_and_leads_to_every_section(
    console: ConsoleHarness,
) -> None:
    _, page = await page_of(console)

    assert "The case in brief" in page
    assert all(f"?section={name}" in page for name in SECTIONS)
    assert "Note 1." not in page


async def test_a_long_table_of_a_case_file_stops_and_says_where_all_of_it_is(
    console: ConsoleHarness,
) -> None:
    _, page = await page_of(console, "?section=timeline")

    assert f"Note {ROWS - 10}." in page
    assert f"Note {NOTES - 1}." not in page
    assert (
        f"The first {ROWS} of {NOTES + 1} rows are shown. The PDF contains all of them."
        in collapse_whitespace(page)
    )


async def test_a_case_file_on_the_screen_says_where_the_chain_ends_and_not_that_it_holds(
    console: ConsoleHarness,
) -> None:
    _, page = await page_of(console, "?section=trust")

    assert console.store.read(lambda uow: uow.audit.get_head()).hash in page
    assert "It holds" not in page
    assert "/audit?verify=true" in page


async def test_a_section_that_no_case_file_has_is_not_found(console: ConsoleHarness) -> None:
    assert (await page_of(console, "?section=gossip"))[0] == 404
