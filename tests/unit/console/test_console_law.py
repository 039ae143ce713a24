"""The page of the law, and the pages that take hours from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from console_harness import ConsoleHarness, change, open_console

from breachdesk.casework.opening.cases import open_by_hand
from breachdesk.gdpr.law import read_law
from breachdesk.testing import FixedNow, make_actor, make_store
from schemas.casework.case import CaseOrigin
from schemas.user import Permission

CORRECTION = """
[[provisions]]
id = "uk_gdpr_art33_1"
title = "Report the breach"
article = "UK GDPR Art. 33(1), as amended"
valid_from = 2018-05-25
hours = 96
source = "https://law.example/33"
reviewed_on = 2025-01-04
verified = true
"""


@contextmanager
def open_console_under(tmp_path: Path, text: str) -> Iterator[ConsoleHarness]:
    folder = tmp_path / "law"
    folder.mkdir()
    (folder / "uk.toml").write_text(text, encoding="utf-8")
    with (
        make_store(FixedNow(), read_law(folder)) as store,
        open_console(tmp_path, store) as console,
    ):
        yield console


async def page_of(console: ConsoleHarness, path: str) -> str:
    visitor = console.visitor()
    assert await visitor.sign_in("rhea")
    shown = await visitor.client.get(path)
    assert shown.status_code == 200, shown.text
    return " ".join(shown.text.split())


async def test_the_page_shows_hours_source_review_and_what_is_corrected(tmp_path: Path) -> None:
    with open_console_under(tmp_path, CORRECTION) as console:
        page = await page_of(console, "/law")

    assert "UK GDPR Art. 33(1), as amended" in page
    assert "96 hours" in page
    assert "https://law.example/33" in page
    assert "4 Jan 2025" in page
    assert "corrected in law/uk.toml" in page
    assert "not verified against the text" in page


async def test_the_page_says_first_that_a_correction_is_broken(tmp_path: Path) -> None:
    with open_console_under(tmp_path, CORRECTION.replace("96", "0")) as console:
        page = await page_of(console, "/law")

    assert "correction is invalid: the built-in entry applies." in page
    assert "law/uk.toml, provisions 1 (uk_gdpr_art33_1): hours" in page
    assert "72 hours" in page


async def test_who_binds_an_asset_reads_when_the_roles_of_services_were_reviewed(
    tmp_path: Path,
) -> None:
    roles = (
        '[[references]]\nid = "service_roles"\ntitle = "Roles of services"\nsource = "us"\n'
        "reviewed_on = 2026-11-04\n"
    )
    with open_console_under(tmp_path, roles) as console:
        change(console.store, "rhea", permissions=frozenset({Permission.REGISTRAR}))
        page = await page_of(console, "/unattributed")

    assert "Roles of services, reviewed 4 November 2026; not verified against the text" in page


@pytest.mark.parametrize(("hours", "shown"), [("96", "96 hours"), ("24", "24 hours")])
async def test_who_confirms_a_breach_reads_the_hours_of_the_law(
    tmp_path: Path, hours: str, shown: str
) -> None:
    with open_console_under(tmp_path, CORRECTION.replace("96", hours)) as console:
        case = console.store.write(
            lambda uow: open_by_hand(
                uow, make_actor(user_id="rhea"), title="Lost laptop", origin=CaseOrigin.OWN,
                known="An engineer told us.", now=console.now(),
            )
        )  # fmt: skip
        page = await page_of(console, f"/cases/{case.id}/confirm")

    assert f"{shown} to the ICO" in page
    assert "UK GDPR Art. 33(1), as amended, reviewed 4 January 2025" in page
    assert "72 hours" not in page
