"""The page of a case's duties: what each says, waiving, and what keeps the case open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from case_pages import Pages, case_pages
from release_scenario import release_scenario

from breachdesk.casework.decision import decide
from breachdesk.casework.digests import compute_document_hash
from breachdesk.console.screens.cases.duties import MOST_READERS
from notifiers.testing.channels import decision_with
from schemas.casework.affected import Manifest
from schemas.casework.decision import DecisionAnswer
from schemas.casework.notice import SendOutcome, SendResult
from schemas.casework.notice_kind import NoticeKind
from schemas.user import Permission

WHY = "Jo Mason asked on the telephone not to be written to about it again."


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    accounts = {
        "rowan": (Permission.RESPONDER,),
        "rhea": (Permission.RESPONDER, Permission.APPROVER),
        "avery": (Permission.APPROVER,),
    }
    with release_scenario("sqlite", tmp_path) as scenario:
        scenario.write_all()
        with case_pages(scenario, tmp_path, accounts) as opened:
            yield opened


async def test_each_duty_says_to_whom_since_when_its_source_its_review_and_what_ends_it(
    pages: Pages,
) -> None:
    async with pages.signed_in("rowan") as visitor:
        text = await visitor.read(f"{visitor.case}/duties")

    assert "Contoso Ltd , Jo Mason No letter to them is approved" in text
    assert "UK GDPR Art. 34(1), reviewed" in text
    assert "A recorded submission, or a decision not to report" in text
    assert "This case stays open." in text


async def test_the_next_step_never_says_that_a_case_can_be_closed_while_something_runs(
    pages: Pages,
) -> None:
    scenario = pages.scenario
    scenario.submit("rowan")
    scenario.approve()
    for row in scenario.due():
        scenario.send(row)
    async with pages.signed_in("rowan") as visitor:
        text = await visitor.read(visitor.case)
        duties = await visitor.read(f"{visitor.case}/duties")
        overview = await visitor.read("/")
        answer = await visitor.send(
            f"{visitor.case}/close", close_reason="over", cause="phishing", cause_words=""
        )

    assert "two things keep it open: first the next update that the letters promise" in text
    assert "The cause is not said Ends by choosing it where the case is closed" in text
    assert "The cause is not said" in duties
    assert "can be closed" not in text
    assert "promise" in overview
    assert answer.status_code == 403
    assert "next update" in answer.text


async def test_a_waiver_is_filed_from_the_page_and_undone_there(pages: Pages) -> None:
    async with pages.signed_in("rowan") as visitor:
        short = await visitor.send(f"{visitor.case}/duties/waive", duty="own_promise", reason="no")
        await visitor.send(f"{visitor.case}/duties/waive", duty="own_promise", reason=WHY)
        waived = await visitor.read(f"{visitor.case}/duties")
        await visitor.send(
            f"{visitor.case}/duties/undo", duty="own_promise", reason="It was wrong."
        )
        undone = await visitor.read(f"{visitor.case}/duties")

    assert short.status_code == 422
    assert "too short" in short.text
    assert f"By rowan: {WHY}" in waived
    assert WHY not in undone


async def test_a_statutory_duty_waits_for_an_approver_who_did_not_ask(pages: Pages) -> None:
    async with pages.signed_in("rhea") as visitor:
        page = f"{visitor.case}/duties"
        await visitor.send(f"{page}/waive", duty="ico_art33", reason=WHY)
        question = await visitor.read(page)
        own = await visitor.send(f"{page}/confirm", duty="ico_art33", reason=WHY)
    async with pages.signed_in("rowan") as visitor:
        no_approver = await visitor.send(f"{page}/confirm", duty="ico_art33", reason=WHY)
    async with pages.signed_in("avery") as visitor:
        await visitor.send(f"{page}/confirm", duty="ico_art33", reason=WHY)
        result = await visitor.read(page)

    assert "Waiver requested by rhea" in question
    assert (own.status_code, no_approver.status_code) == (403, 403)
    assert "By avery, requested by rhea" in result


async def test_the_script_and_the_page_name_the_same_number_and_nobody_is_told_by_a_message(
    pages: Pages,
) -> None:
    scenario = pages.scenario
    scenario.approve()
    for row in scenario.due():
        scenario.send(row, SendResult(outcome=SendOutcome.BOUNCED))
    task = next(t for t in scenario.tasks().values() if t.customer_id == "contoso" and t.person_id)
    async with pages.signed_in("rowan") as visitor:
        page = f"{visitor.case}/tasks/{quote(task.id)}"
        before = await visitor.read(page)
        nothing = await visitor.send(page, number="01632 960001")
        remaining = await visitor.send(page, call_outcome="message_left", number="01632 960001")
        after = await visitor.read(page)
        duties = await visitor.read(f"{visitor.case}/duties")

    assert before.count("01632 960001") >= 2
    assert "none known" not in before
    assert nothing.status_code == 422
    assert remaining.headers["location"] == "/tasks?done=tried"
    assert "A message was left" in after
    assert "Waits" in after
    assert "Rung: a message was left, and they were not told" in duties


async def test_the_report_shows_what_pulls_apart_in_the_decision(pages: Pages) -> None:
    scenario = pages.scenario
    why = "The owner wants the ICO told of it by telephone and in no other way."
    decision = decision_with(
        breach_id=scenario.breach.id,
        uk_ico=DecisionAnswer(yes=False, reasons="A risk to people is unlikely."),
        departures={"high_risk_unreported": why},
    )
    rowan = scenario.as_actor("rowan", Permission.RESPONDER)
    scenario.store.write(lambda uow: decide.record_decision(uow, rowan, decision, scenario.now()))
    async with pages.signed_in("rowan") as visitor:
        text = await visitor.read(f"{visitor.case}/report")

    assert "Contradictions in the decision" in text
    assert "A high risk to people is likely, and a risk is said to be unlikely" in text
    assert why in text


async def test_a_report_opened_before_a_colleague_saved_does_not_overwrite_it(
    pages: Pages,
) -> None:
    async with pages.signed_in("rowan") as rowan, pages.signed_in("rhea") as rhea:
        first = await rowan.send(f"{rowan.case}/report", form="uk_ico", seen="0", stage="initial")
        late = await rhea.send(f"{rhea.case}/report", form="uk_ico", seen="0", stage="initial")

    assert first.status_code < 400
    assert late.status_code == 409
    assert "somebody else wrote a new version" in late.text


@pytest.fixture
def many(tmp_path: Path) -> Iterator[Pages]:
    """A list that reaches more readers than may be ticked one by one."""
    with release_scenario("sqlite", tmp_path) as scenario:
        scenario.write_all()

        def work(uow):
            manifest = uow.breaches.find_latest(Manifest, scenario.breach.id)
            one = next(r for r in manifest.recipients if r.kind is NoticeKind.ACCOUNT_HOLDER)
            more = tuple(
                one.model_copy(update={"person_id": f"reader-{n}", "name": f"Reader Quor{n:02}"})
                for n in range(MOST_READERS + 5)
            )
            longer = manifest.model_copy(
                update={
                    "version": manifest.version + 1,
                    "recipients": (*manifest.recipients, *more),
                }
            )
            uow.breaches.add_document(
                longer.model_copy(update={"hash": compute_document_hash(longer)})
            )

        scenario.store.write(work)
        with case_pages(scenario, tmp_path, {"rowan": (Permission.RESPONDER,)}) as opened:
            yield opened


async def test_readers_of_a_long_list_are_searched_for_and_nobody_found_waives_nothing(
    many: Pages,
) -> None:
    async with many.signed_in("rowan") as visitor:
        page = f"{visitor.case}/duties"
        all_of_them = (await visitor.client.get(page)).text
        some = (await visitor.client.get(f"{page}?find=quor07")).text
        nobody = (await visitor.client.get(f"{page}?find=zephyrine")).text
        refused = await visitor.send(
            f"{page}/waive", duty="own_promise", reason=WHY, find="zephyrine"
        )

    assert "This covers all" in all_of_them
    assert 'name="reader"' not in all_of_them
    ticks = re.findall(r'name="reader" value="([^"]+)"', some)
    assert ticks
    assert all("reader-7" in key for key in ticks)
    assert "Reader Quor07" in some
    assert "No reader of this duty is found" in nobody
    # What names no reader is waived as ever, whatever is searched for.
    report = nobody[nobody.index('name="duty" value="ico_art33"') :]
    assert 'name="find"' not in report[: report.index("</form>")]
    assert refused.status_code == 422
    assert "no reader is ticked" in refused.text.casefold()
