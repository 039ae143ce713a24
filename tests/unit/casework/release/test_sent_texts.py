"""What was approved and sent is read as it was sealed, whatever is written later."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from release_scenario import ReleaseScenario, release_scenario

from breachdesk.casework.release.sent_texts import find_sealed_mail


@pytest.fixture
def scenario(tmp_path: Path) -> Iterator[ReleaseScenario]:
    with release_scenario("sqlite", tmp_path) as fresh:
        fresh.write_all()
        yield fresh


def test_a_sent_letter_keeps_its_words_when_other_facts_are_written(
    scenario: ReleaseScenario,
) -> None:
    scenario.approve()
    (row, *_) = scenario.due()
    scenario.send(row)
    before = scenario.store.read(lambda uow: find_sealed_mail(uow, uow.notices.get(row.id)))
    scenario.write(what_happened="Something else happened.")
    after = scenario.store.read(lambda uow: find_sealed_mail(uow, uow.notices.get(row.id)))

    assert before is not None
    assert after == before
    assert "Something else happened." not in before.text


def test_each_row_reads_its_own_readers_letter(scenario: ReleaseScenario) -> None:
    scenario.approve()
    rows = scenario.due()
    mails = [scenario.store.read(lambda uow, row=row: find_sealed_mail(uow, row)) for row in rows]

    assert [mail.customer_id for mail in mails if mail] == [row.customer_id for row in rows]
    assert len({mail.text for mail in mails if mail}) == len(rows)
