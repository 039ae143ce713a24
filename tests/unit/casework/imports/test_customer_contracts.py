"""What a contract says of breaches: from a file or a form, with its history, who may change it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from console_harness import ConsoleHarness, Visitor, open_console

from breachdesk.casework.imports import contracts, register_changes
from breachdesk.casework.imports.customers import import_customers
from breachdesk.casework.imports.register_changes import ChangeWindow
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import START, FixedNow, make_actor, make_customer, make_store, make_user
from schemas.customer import Customer, ImportReport
from schemas.errors import BadInput, NotAllowed
from schemas.user import Permission

HEADER = "customer id,name,default email,notice hours,notice clause,processes for others\n"
Imported = Callable[..., ImportReport]


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    with make_store(FixedNow()) as opened:
        yield opened


@pytest.fixture
def imported(store: SqliteStore, tmp_path: Path) -> Imported:
    def run(rows: str, header: str = HEADER) -> ImportReport:
        path = tmp_path / "customers.csv"
        path.write_text(header + rows)
        who = make_actor(Permission.REGISTRAR, user_id="reg")
        return store.write(lambda uow: import_customers(uow, who, path, now=store.now()))

    return run


def orchard(store: SqliteStore) -> Customer:
    return store.read(lambda uow: uow.customers.get("orchard"))


def test_a_file_says_hours_clause_and_whether_they_process_for_others(
    store: SqliteStore, imported: Imported
) -> None:
    imported('orchard,Orchard Ltd,a@orchard.example,24,"DPA, clause 9.2",Yes\n')

    known = orchard(store)
    assert (known.notice_hours, known.notice_clause) == (24, "DPA, clause 9.2")
    assert known.processes_for_others


def test_a_file_without_these_columns_leaves_them_and_an_empty_cell_empties_them(
    store: SqliteStore, imported: Imported
) -> None:
    imported("orchard,Orchard Ltd,a@orchard.example,24,9.2,yes\n")
    imported("orchard,Orchard Ltd,b@orchard.example\n", "customer id,name,default email\n")
    actual = orchard(store)
    imported("orchard,Orchard Ltd,b@orchard.example,,,\n")
    emptied = orchard(store)

    assert (actual.default_email, actual.notice_hours, actual.notice_clause) == (
        "b@orchard.example", 24, "9.2",
    )  # fmt: skip
    assert (emptied.notice_hours, emptied.notice_clause) == (None, None)
    assert not emptied.processes_for_others


@pytest.mark.parametrize("hours", ["0", "-4", "1.5", "a day", "9999", "٢٤"])
def test_a_row_whose_hours_are_no_hours_is_refused_by_its_column(
    store: SqliteStore, imported: Imported, hours: str
) -> None:
    report = imported(f"orchard,Orchard Ltd,a@orchard.example,{hours},,perhaps\n")

    assert report.refused == 1
    assert [p.column for p in report.problems] == ["notice hours", "processes for others"]


def test_a_product_export_with_the_custom_fields_is_read(
    store: SqliteStore, imported: Imported
) -> None:
    header = "Client ID,Client Name,Email Address,Breach Notice Hours,Breach Notice Clause\n"
    report = imported("orchard,Orchard Ltd,a@orchard.example,36,MSA 4\n", header)

    assert report.preset == "halopsa"
    assert orchard(store).notice_hours == 36


def keep(
    store: SqliteStore, hours: int | None, clause: str | None, *, others: bool = False
) -> None:
    who = make_actor(Permission.REGISTRAR, user_id="reg")
    store.write(
        lambda uow: contracts.set_contract(
            uow, who, "orchard", notice_hours=hours, notice_clause=clause,
            processes_for_others=others, now=store.now(),
        )
    )  # fmt: skip


def test_a_changed_clause_is_in_the_customers_history_and_hours_lead_no_letter_elsewhere(
    store: SqliteStore,
) -> None:
    store.write(lambda uow: uow.customers.save(make_customer("orchard")))
    keep(store, 48, "DPA 9.2")

    def read(uow) -> dict[str, tuple[str, str]]:
        entry = register_changes.list_history(uow, "orchard")[-1]
        return {c.name: (c.before, c.after) for c in register_changes.decrypt_change(uow, entry)}

    watched = store.read(
        lambda u: register_changes.list_contact_changes(u, ["orchard"], ChangeWindow(START, 0))
    )
    assert store.read(read) == {"notice_hours": ("", "48"), "notice_clause": ("", "DPA 9.2")}
    assert watched == ()


def test_that_they_process_for_others_changes_their_letter_and_is_watched(
    store: SqliteStore,
) -> None:
    store.write(lambda uow: uow.customers.save(make_customer("orchard")))
    keep(store, None, None, others=True)

    contact_changes = store.read(
        lambda u: register_changes.list_contact_changes(u, ["orchard"], ChangeWindow(START, 0))
    )

    assert [change.fields for change in contact_changes] == [("processes_for_others",)]


def test_hours_without_a_clause_and_a_change_by_nobodys_duty_are_refused(
    store: SqliteStore,
) -> None:
    store.write(lambda uow: uow.customers.save(make_customer("orchard")))
    with pytest.raises(BadInput, match="clause"):
        keep(store, 24, " ")
    analyst = make_actor(Permission.ANALYST)
    with pytest.raises(NotAllowed, match="registrar"):
        store.write(
            lambda uow: contracts.set_contract(
                uow, analyst, "orchard", notice_hours=1, notice_clause="x",
                processes_for_others=False, now=START,
            )
        )  # fmt: skip
    assert orchard(store).notice_hours is None


@pytest.fixture
async def console(tmp_path: Path) -> AsyncIterator[ConsoleHarness]:
    with open_console(tmp_path) as opened:
        from console_harness import HASH

        reg = make_user("reg", Permission.REGISTRAR).model_copy(update={"password_hash": HASH})
        opened.store.write(lambda uow: uow.users.save(reg))
        opened.store.write(lambda uow: uow.customers.save(make_customer("orchard")))
        yield opened


async def signed_in(console: ConsoleHarness, user: str) -> Visitor:
    visitor = console.visitor()
    assert await visitor.sign_in(user)
    return visitor


async def test_a_registrar_changes_the_contract_on_the_customers_page(
    console: ConsoleHarness,
) -> None:
    visitor = await signed_in(console, "reg")
    answer = await visitor.post(
        "/customers/orchard", notice_hours="24", notice_clause="DPA, clause 9.2"
    )
    page = (await visitor.client.get("/customers/orchard")).text

    assert answer.headers["location"] == "/customers/orchard?done=contract"
    assert "24 hours (DPA, clause 9.2)" in page
    assert "hours to tell them of a breach" in page.casefold()


async def test_the_form_shows_a_problem_with_what_was_typed(console: ConsoleHarness) -> None:
    visitor = await signed_in(console, "reg")
    answer = await visitor.post("/customers/orchard", notice_hours="soon", notice_clause="9.2")

    assert answer.status_code == 422
    assert 'value="soon"' in answer.text


async def test_an_analyst_cannot_change_it(console: ConsoleHarness) -> None:
    visitor = await signed_in(console, "ana")
    answer = await visitor.post("/customers/orchard", notice_hours="24", notice_clause="x")

    assert answer.status_code == 403
    assert console.store.read(lambda uow: uow.customers.get("orchard")).notice_hours is None


def test_a_stored_customer_of_the_landed_version_opens() -> None:
    text = replace_fields(make_customer().model_dump_json())

    assert Customer.model_validate_json(text) == make_customer()


def replace_fields(text: str) -> str:
    import json

    known = json.loads(text)
    for name in ("notice_hours", "notice_clause", "processes_for_others"):
        del known[name]
    return json.dumps(known)
