"""What the pages of a case say of changed contacts, of who does not approve, of the witness."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from case_pages import PASSWORD, Pages, case_pages
from release_scenario import CONTOSO, release_scenario

from breachdesk.testing import make_user
from schemas.casework.notice import SendOutcome, SendResult
from schemas.casework.notice_kind import NoticeKind
from schemas.user import Permission

BOUNCED = SendResult(outcome=SendOutcome.BOUNCED, reply="550 5.1.1")


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    """mallory changed contoso's address and number; the list was frozen after that."""
    with release_scenario("sqlite", tmp_path) as scenario:
        accounts = {
            "rowan": (Permission.RESPONDER, Permission.APPROVER),
            "mallory": (Permission.APPROVER, Permission.REGISTRAR),
            "avery": (Permission.APPROVER,),
            "ana": (Permission.ANALYST,),
        }
        changed = CONTOSO.replace("accounts@", "new@").replace("960001", "960666")
        scenario.imports(changed, by="mallory")
        scenario.write_all()
        with case_pages(scenario, tmp_path, accounts) as opened:
            yield opened


@pytest.mark.parametrize("page", ["/affected", "/affected?anew=true", "/approval"])
async def test_a_changed_contact_is_shown_with_when_who_and_the_number_to_ring(
    pages: Pages, page: str
) -> None:
    async with pages.signed_in("rowan") as visitor:
        text = await visitor.read(visitor.case + page)

    assert "One contact changed shortly before or during the incident" in text
    assert "by mallory" in text
    assert "accounts@contoso.example → new@contoso.example" in text
    assert "Call 01632 960001" in text
    assert "fabrikam" not in text.partition("Call 01632 960001")[0].partition("One contact")[2]


@pytest.mark.parametrize("page", ["/affected", "/approval"])
async def test_the_number_to_ring_is_the_one_before_the_first_of_several_changes(
    pages: Pages, page: str
) -> None:
    again = CONTOSO.replace("accounts@", "newer@").replace("960001", "960666")
    pages.scenario.imports(again, by="mallory")
    async with pages.signed_in("rowan") as visitor:
        text = await visitor.read(visitor.case + page)

    assert text.count("Call 01632 960001") == 2
    assert "Call 01632 960666" not in text


async def test_who_telephones_a_customer_whose_contact_changed_reads_the_number_held_before(
    pages: Pages,
) -> None:
    pages.scenario.approve("avery")
    for row in pages.scenario.due():
        pages.scenario.send(row, BOUNCED)
    calls = {
        task.customer_id: task.id for task in pages.scenario.tasks().values() if task.person_id
    }
    async with pages.signed_in("rowan") as visitor:
        texts = {
            customer: await visitor.read(f"{visitor.case}/tasks/{quote(task)}")
            for customer, task in calls.items()
        }

    assert "Call 01632 960001" in texts["contoso"]
    assert "Telephone 01632 960001 number before the change" in texts["contoso"]
    assert "Telephone 01632 960002" in texts["fabrikam"]
    assert "number before the change" not in texts["fabrikam"]


async def test_the_delivery_page_says_that_nobody_was_told_of_what_was_written_since(
    pages: Pages,
) -> None:
    pages.scenario.approve("avery")
    for row in pages.scenario.due():
        pages.scenario.send(row)
    async with pages.signed_in("rowan") as visitor:
        before = await visitor.read(visitor.case + "/delivery")
        pages.scenario.write(what_happened="One more file was read.")
        after = await visitor.read(visitor.case + "/delivery")

    assert "Nobody is notified of the change" not in before
    assert "Nobody is notified of the change" in after


async def test_the_case_says_that_a_contact_changed_and_where_to_look(pages: Pages) -> None:
    async with pages.signed_in("ana") as visitor:
        text = await visitor.read(visitor.case)

    assert "One recipient’s contact was changed shortly before or during the incident" in text


async def test_an_analyst_sees_the_addresses_of_a_change_masked(pages: Pages) -> None:
    async with pages.signed_in("ana") as visitor:
        text = await visitor.read(visitor.case + "/affected")
        history = await visitor.read("/customers/contoso")

    for shown in (text, history):
        assert "a***@contoso.example" in shown
        assert "accounts@contoso.example" not in shown
    assert "Call ***01" in text


async def test_the_history_of_a_customer_is_open_to_who_compares_addresses(pages: Pages) -> None:
    async with pages.signed_in("mallory") as visitor:
        text = await visitor.read("/customers/contoso")

    assert "accounts@contoso.example new@contoso.example" in text


async def test_the_approval_page_names_who_does_not_approve_and_why(pages: Pages) -> None:
    async with pages.signed_in("mallory") as visitor:
        text = await visitor.read(visitor.case + "/approval")

    assert text.count("You changed the contact of contoso: another person must approve") == 2, (
        "above, and beside the button"
    )
    assert "rowan confirmed the breach; wrote the letters" in text
    assert "mallory changed the contact of contoso" in text


async def test_who_changed_a_contact_is_refused_with_words(pages: Pages) -> None:
    seal = pages.scenario.seal()
    async with pages.signed_in("mallory") as visitor:
        answer = await visitor.send(
            visitor.case + "/approval",
            expected_hash=seal.hash,
            count=str(seal.count),
            password=PASSWORD,
        )

    assert answer.status_code == 403
    assert "who changed the contact of contoso does not approve" in answer.text
    assert pages.scenario.rows() == []


async def test_the_form_of_break_glass_takes_no_witness(pages: Pages) -> None:
    seal = pages.scenario.seal()
    pages.scenario.store.write(
        lambda uow: uow.users.save(make_user("avery").model_copy(update={"disabled": True}))
    )
    pages.scenario.store.write(
        lambda uow: uow.users.save(make_user("blake").model_copy(update={"disabled": True}))
    )
    fields = {
        "expected_hash": seal.hash,
        "count": str(seal.count),
        "password": PASSWORD,
        "glass_reason": "Nobody else is here.",
    }
    async with pages.signed_in("rowan") as visitor:
        page = (await visitor.client.get(visitor.case + "/approval")).text
        refused = await visitor.send(
            visitor.case + "/break-glass", **fields, witness="me@x.example"
        )
        none = pages.scenario.rows()
        broken = await visitor.send(visitor.case + "/break-glass", **fields)

    assert 'name="witness"' not in page
    assert (refused.status_code, none) == (422, [])
    assert "Only the settings can name the witness" in refused.text
    assert broken.status_code == 303


async def test_the_pages_say_why_letters_wait_for_the_witness_and_offer_another_message(
    pages: Pages,
) -> None:
    scenario = pages.scenario
    for user in ("avery", "blake"):
        off = make_user(user).model_copy(update={"disabled": True})
        scenario.store.write(lambda uow, off=off: uow.users.save(off))
    scenario.break_glass("rowan")
    (message,) = [row for row in scenario.rows() if row.kind is NoticeKind.WITNESS]
    scenario.send(message, BOUNCED)
    async with pages.signed_in("rowan") as visitor:
        texts = [await visitor.read(visitor.case + page) for page in ("/delivery", "/approval")]
        question = await visitor.send(visitor.case + "/witness")
        after = await visitor.read(visitor.case + "/delivery")

    for text in texts:
        assert "The letters are on hold: the message to the witness came back" in text
        assert "Send the message to the witness again" in text
    assert question.status_code == 303
    assert "the message to the witness has not left yet" in after
    assert "Send the message to the witness again" not in after


async def test_a_call_whose_words_are_no_longer_valid_shows_the_reason_and_not_the_words(
    pages: Pages,
) -> None:
    pages.scenario.approve("avery")
    for row in pages.scenario.due():
        pages.scenario.send(row, BOUNCED)
    task = next(t for t in pages.scenario.tasks().values() if t.customer_id == "fabrikam")
    async with pages.signed_in("rowan") as visitor:
        page = f"{visitor.case}/tasks/{quote(task.id)}"
        before = await visitor.read(page)
        pages.scenario.write()
        after = await visitor.read(page)

    assert "What to say" in before
    assert "Do not use this script" not in before
    assert "facts changed after approval. It is not shown." in after
    assert "What to say" not in after
