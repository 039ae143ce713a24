"""The page of people and bodies and the page of complaints, as their readers use them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from console_harness import ConsoleHarness, Visitor, open_console

from breachdesk.stores.books.unit_of_work import SqlUnitOfWork
from breachdesk.testing import add_case, add_confirmed_breach, make_customer
from schemas.casework.affected import Certainty, Exposure, Manifest
from schemas.casework.breach import Breach
from schemas.casework.case_record import Complaint, SupplierQuestion
from schemas.customer import DataRole


@pytest.fixture
async def console(tmp_path: Path) -> AsyncIterator[ConsoleHarness]:
    with open_console(tmp_path) as opened:
        yield opened


@pytest.fixture
async def breach(console: ConsoleHarness) -> Breach:
    """Contoso's mail is on the frozen list."""

    def work(uow: SqlUnitOfWork) -> Breach:
        uow.customers.save(make_customer().model_copy(update={"notice_hours": 24}))
        uow.customers.save(make_customer("fabrikam"))
        return add_confirmed_breach(uow, console.now(), actor="rhea")

    return console.store.write(work)


def freeze(console: ConsoleHarness, breach: Breach) -> None:
    exposure = Exposure(
        customer_id="contoso", role=DataRole.PROCESSOR, certainty=Certainty.CONFIRMED, reason="x"
    )
    manifest = Manifest(
        breach_id=breach.id, version=1, frozen_by="rhea", frozen_at=console.now(),
        exposures=(exposure,), recipients=(), salt="s",
    )  # fmt: skip
    console.store.write(lambda uow: uow.breaches.add_document(manifest))


async def signed_in(console: ConsoleHarness, user: str = "rhea") -> Visitor:
    visitor = console.visitor()
    assert await visitor.sign_in(user)
    return visitor


async def text_of(visitor: Visitor, path: str) -> str:
    """The page's text, tags left out."""
    page = (await visitor.client.get(path)).text
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


async def test_a_suppliers_words_and_our_question_are_on_the_page_until_answered(
    console: ConsoleHarness,
) -> None:
    case = console.store.write(lambda uow: add_case(uow, console.now(), actor="rhea"))
    path = f"/cases/{case.id}/people"
    visitor = await signed_in(console)
    answer = await visitor.post(
        f"{path}/supplier", supplier="Backup Barn Ltd", told_at="2026-11-22 08:10",
        told_route="telephone", told_by="Wilma Onyango", said="Two tapes are lost.",
        supplier_reference="INC-77", documents="letter.pdf\nlist.csv",
    )  # fmt: skip
    await visitor.post(
        f"{path}/supplier-question", asked_supplier="Backup Barn Ltd", supplier_question="Which?"
    )
    page = await text_of(visitor, path)
    question = console.store.read(lambda uow: uow.records.list_of_case(SupplierQuestion, case.id))[
        0
    ]
    await visitor.post(
        f"{path}/supplier-question/{question.id}",
        **{f"answer:{question.id}": "Numbers 4 and 9.", f"answered_by:{question.id}": "Wilma"},
    )
    after = await text_of(visitor, path)

    assert answer.headers["location"] == f"{path}#suppliers"
    assert "Wilma Onyango, telephone Two tapes are lost. Documents: letter.pdf and list.csv" in page
    assert "INC-77" in page
    assert "open for" in page
    assert "Numbers 4 and 9." in after
    assert "open for" not in after


async def test_what_cannot_be_kept_is_shown_again_as_typed(console: ConsoleHarness) -> None:
    case = console.store.write(lambda uow: add_case(uow, console.now(), actor="rhea"))
    visitor = await signed_in(console)
    answer = await visitor.post(
        f"/cases/{case.id}/people/supplier", supplier="Backup Barn", told_at="2026-11-22 08:10",
        told_route="telephone", said="",
    )  # fmt: skip

    assert answer.status_code == 422
    assert 'value="Backup Barn"' in answer.text
    assert "What they said" in answer.text


async def test_a_controllers_question_is_answered_and_foreign_data_is_refused(
    console: ConsoleHarness, breach: Breach
) -> None:
    freeze(console, breach)
    path = f"/cases/{breach.case_id}/people"
    visitor = await signed_in(console)
    await visitor.post(
        f"{path}/question", controller="contoso", controller_person="Kit Reed",
        controller_route="email", controller_question="Which mailboxes?",
    )  # fmt: skip
    refused = await visitor.post(
        f"{path}/question/1",
        **{"reply:1": "As at Fabrikam Ltd, all.", "reply_route:1": "email"},
    )
    await visitor.post(f"{path}/question/1", **{"reply:1": "One.", "reply_route:1": "email"})
    page = await text_of(visitor, path)

    assert refused.status_code == 422
    assert "As at Fabrikam Ltd, all." in refused.text
    assert "name of another customer" in refused.text
    assert "Which mailboxes?" in page
    assert "One." in page


async def test_bodies_told_and_not_applicable_are_listed_and_the_rest_is_asked_for(
    console: ConsoleHarness, breach: Breach
) -> None:
    path = f"/cases/{breach.case_id}/people"
    visitor = await signed_in(console)
    await visitor.post(
        f"{path}/body", body="police", body_name="Kent Police", applicable="yes",
        body_told_at="2026-11-22 08:30", body_reference="42/7",
    )  # fmt: skip
    await visitor.post(f"{path}/body", body="insurer", applicable="no", body_note="No policy.")
    page = await text_of(visitor, path)

    assert "Police Kent Police 22 Nov 08:30 GMT rhea 42/7" in page
    assert "Insurer not applicable" in page
    assert "No policy." in page
    assert "Not recorded yet: Report Fraud, Bank, NCSC" in page


async def test_before_the_list_is_frozen_the_shortest_hour_of_any_contract_is_named(
    console: ConsoleHarness, breach: Breach
) -> None:
    path = f"/cases/{breach.case_id}/people"
    visitor = await signed_in(console)
    before = await text_of(visitor, path)
    freeze(console, breach)
    after = await text_of(visitor, path)

    assert "The shortest time limit in any of our contracts is 24 hours" in before
    assert "24 hours of our becoming aware" in after


def complaint(**changes: str) -> dict[str, str]:
    fields = {
        "complainant": "Zygmunt Quill", "received_at": "2026-11-22 08:00",
        "complaint_route": "letter", "about": "=You told my landlord.",
    }  # fmt: skip
    return fields | changes


async def test_a_complaint_is_listed_with_its_day_acknowledged_and_answered(
    console: ConsoleHarness,
) -> None:
    visitor = await signed_in(console)
    logged = await visitor.post("/complaints/new", **complaint())
    path = logged.headers["location"].partition("?")[0]
    listed = await text_of(visitor, "/complaints")
    console.now.advance(days=31)
    visitor = await signed_in(console)
    late = await text_of(visitor, "/complaints")
    overview = await text_of(visitor, "/")
    await visitor.post(f"{path}/acknowledge", acknowledgement="By letter.")
    acknowledged = await text_of(visitor, path)
    await visitor.post(f"{path}/answer", outcome="Upheld.")
    ended = await text_of(visitor, "/complaints")

    assert "One complaint needs a reply." in listed
    assert "acknowledge by 22 Dec 08:00 GMT" in listed
    assert "acknowledgement was due 22 Dec 08:00 GMT" in late
    assert "Complaints that need a reply" in overview
    assert "Zygmunt Quill" in overview
    assert "outcome without undue delay" in acknowledged
    assert "DPA 2018 s.164A" in acknowledged
    assert "each with its outcome sent" in ended


async def test_the_file_of_complaints_holds_no_formula(console: ConsoleHarness) -> None:
    visitor = await signed_in(console)
    await visitor.post("/complaints/new", **complaint())
    rows = list(csv.DictReader(io.StringIO((await visitor.client.get("/complaints.csv")).text)))

    assert [row["complainant"] for row in rows] == ["Zygmunt Quill"]
    assert rows[0]["about"] == "'=You told my landlord."


async def test_many_complaints_are_paged(console: ConsoleHarness) -> None:
    def work(uow: SqlUnitOfWork) -> None:
        for number in range(60):
            uow.records.add(
                Complaint(
                    id=uow.records.allocate_id(Complaint), recorded_by="ana", recorded_at=console.now(),
                    complainant=f"Person {number:02d}", received_at=console.now(), route="email",
                    about="x", acknowledge_by=console.now() + timedelta(days=number),
                )
            )  # fmt: skip

    console.store.write(work)
    visitor = await signed_in(console)
    first, second = (
        await text_of(visitor, "/complaints"),
        await text_of(visitor, "/complaints?page=2"),
    )

    assert "60 complaints need a reply" in first
    assert "Person 00" in first
    assert "Person 59" not in first
    assert "Person 59" in second


async def test_an_approver_erases_a_complaint_once_its_time_is_over(
    console: ConsoleHarness,
) -> None:
    visitor = await signed_in(console)
    logged = await visitor.post("/complaints/new", **complaint())
    path = logged.headers["location"].partition("?")[0]
    await visitor.post(f"{path}/answer", outcome="Upheld.")
    console.now.advance(days=400)
    visitor = await signed_in(console, "april")
    answer = await visitor.post(f"{path}/erase", erase_reason="time is over")

    assert answer.status_code == 303
    assert (await visitor.client.get(path)).status_code == 404
    assert "No complaints." in await text_of(visitor, "/complaints")
