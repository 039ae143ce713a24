"""The console says why detection waits and what will stop it, where the same process detects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from console_harness import HASH, Visitor, open_console
from console_pages import collapse_whitespace

from breachdesk.testing import make_user


@dataclass
class Part:
    """A worker as the console sees it."""

    waits_for: str | None = None
    trouble: str = ""
    warning: str = ""


async def shown(tmp_path: Path, page: str, part: Part | None) -> str:
    with open_console(tmp_path) as console:
        console.app.state.shared = replace(
            console.app.state.shared, dependencies=replace(console.dependencies, processing=part)
        )
        user = make_user("ana").model_copy(update={"password_hash": HASH})
        console.store.write(lambda uow: uow.users.save(user))
        visitor: Visitor = console.visitor()
        assert await visitor.sign_in("ana")
        return (await visitor.client.get(page)).text


@pytest.mark.parametrize("page", ["/", "/sources"])
async def test_a_worker_that_waits_is_shown_with_its_reason_and_that_nothing_is_lost(
    tmp_path: Path, page: str
) -> None:
    text = await shown(tmp_path, page, Part(waits_for="the disk <is> full", trouble="the disk"))

    assert "No log lines are being processed." in text
    assert "none is lost" in collapse_whitespace(text)
    assert "the disk &lt;is&gt; full" in text


@pytest.mark.parametrize("page", ["/", "/sources"])
async def test_a_warning_is_shown_while_processing_goes_on(tmp_path: Path, page: str) -> None:
    text = await shown(tmp_path, page, Part(warning="it takes 80 of 100 MiB"))

    assert "it takes 80 of 100 MiB" in collapse_whitespace(text)
    assert "No log lines are being processed" not in text


@pytest.mark.parametrize("part", [None, Part()])
async def test_nothing_is_said_while_all_is_well_or_where_other_processes_detect(
    tmp_path: Path, part: Part | None
) -> None:
    text = await shown(tmp_path, "/sources", part)

    assert "No log lines are being processed" not in text
    assert "Processing " not in text
