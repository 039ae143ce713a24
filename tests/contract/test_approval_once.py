"""Both deployments: of many approvals of one seal at the same moment, one stands."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from release_scenario import ReleaseScenario, release_scenario
from store_adapters import ADAPTERS

from schemas.casework.approval import Approval
from schemas.errors import EditConflict

AT_ONCE = 8


@pytest.fixture(params=ADAPTERS)
def scenario(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ReleaseScenario]:
    with release_scenario(request.param, tmp_path) as opened:
        opened.write_all()
        yield opened


def test_of_many_approvals_at_once_one_is_valid_and_the_others_name_it(
    scenario: ReleaseScenario,
) -> None:
    seal = scenario.seal()

    def approve(number: int) -> Approval | str:
        try:
            return scenario.approve(("avery", "blake")[number % 2], seal)
        except EditConflict as conflict:
            return conflict.problem

    with ThreadPoolExecutor(AT_ONCE) as pool:
        ends = list(pool.map(approve, range(AT_ONCE)))
    approvals = [end for end in ends if isinstance(end, Approval)]
    refusals = [end for end in ends if isinstance(end, str)]

    assert len(approvals) == 1
    assert all(f"approval 1, given by {approvals[0].approved_by}" in text for text in refusals)
    assert len(refusals) == AT_ONCE - 1
    assert len(scenario.audited("breach:release:approved")) == 1
    assert len(scenario.rows()) == 2
    assert (
        scenario.store.read(
            lambda uow: len(uow.breaches.list_versions(Approval, scenario.breach.id))
        )
        == 1
    )
