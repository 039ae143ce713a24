"""What preflight and the set-up page say of approvers without a second factor."""

from __future__ import annotations

from pathlib import Path

import pytest
from console_harness import open_console

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.preflight import run_preflight
from breachdesk.bootstrap.preflight_check import PreflightCheck
from breachdesk.testing import START, make_user
from schemas.settings import Settings
from schemas.user import Permission


def check(folder: Path, *, enrolled: bool, demo: bool = False) -> PreflightCheck:
    with Container(Settings(data_dir=folder, demo=demo)) as container:

        def work(uow) -> None:
            uow.users.save(make_user("april", Permission.APPROVER))
            uow.users.save(make_user("rhea", Permission.RESPONDER))
            uow.users.save(
                make_user("gone", Permission.APPROVER).model_copy(update={"disabled": True})
            )
            if enrolled:
                uow.second_factors.start_enrolment("april", "SECRET")
                uow.second_factors.confirm("april", "SECRET", step=1, code_hashes=["x"], at=START)

        container.store.write(work)
        (check_result,) = [
            each for each in run_preflight(container) if each.what == "second factors"
        ]
    return check_result


def test_preflight_names_an_approver_who_could_not_approve(tmp_path: Path) -> None:
    actual = check(tmp_path, enrolled=False)

    assert not actual.passed
    assert actual.finding == "april cannot approve without one"


@pytest.mark.parametrize(("enrolled", "demo"), [(True, False), (False, True)])
def test_preflight_passes_once_it_is_set_up_and_in_a_demo(
    tmp_path: Path, enrolled: bool, demo: bool
) -> None:
    assert check(tmp_path, enrolled=enrolled, demo=demo).passed


async def test_the_set_up_page_names_an_approver_without_a_second_factor(tmp_path: Path) -> None:
    with open_console(tmp_path) as console:
        visitor = console.visitor()
        await visitor.sign_in("april")
        before = (await visitor.client.get("/first-run")).text
        await visitor.enrol()
        after = (await visitor.client.get("/first-run")).text

    assert "Missing: the second factor of april" in before
    assert "the second factor of" not in after
