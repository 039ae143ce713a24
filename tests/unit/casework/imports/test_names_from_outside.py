"""Names and addresses from outside: what could break or hide in a header is refused where it enters."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from breachdesk.casework.imports.assets import import_assets
from breachdesk.casework.imports.customers import import_customers
from breachdesk.casework.opening import cases
from breachdesk.cli.people import make_user
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import FixedNow, make_actor, make_customer, make_store
from schemas.casework.case import CaseOrigin
from schemas.customer import ImportReport
from schemas.errors import BadInput
from schemas.settings import ProviderProfile, SenderSettings
from schemas.text_signs import mark_hidden
from schemas.user import Permission

Imported = Callable[..., ImportReport]


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    with make_store(FixedNow()) as opened:
        yield opened


@pytest.fixture
def imported(store: SqliteStore, tmp_path: Path) -> Imported:
    def run(cells: dict[str, str], what: Callable[..., ImportReport] = import_customers):
        path = tmp_path / "sheet.csv"
        with path.open("w", newline="", encoding="utf-8") as sheet:
            csv.writer(sheet).writerows([list(cells), list(cells.values())])
        who = make_actor(*Permission)
        return store.write(lambda uow: what(uow, who, path, now=store.now()))

    return run


REPORTED_NAME = "=?utf-8?q?Joe=0d=0aX-Injected:_yes=0d=0a=0d=0aPay_to_IBAN_XX?="


@pytest.mark.parametrize(
    "name",
    [REPORTED_NAME, "Nine\nBcc: x", "Nine\rX", "Ni\x0bne", "Ni\x7fne", "Ni\u2028ne", "n" * 201],
)
@pytest.mark.parametrize("column", ["name", "account holder", "data protection name"])
def test_a_name_that_could_break_a_header_is_refused_with_row_and_remedy(
    imported: Imported, store: SqliteStore, name: str, column: str
) -> None:
    cells = {"customer id": "nine", "name": "Nine Ltd", "default email": "a@nine.example"}
    cells[column] = name
    report = imported(cells)
    customers = store.read(lambda uow: [c.id for c in uow.customers.list()])

    assert (report.refused, customers) == (1, [])
    assert report.problems[0].line == 2
    assert report.problems[0].remedy


@pytest.mark.parametrize(
    "email",
    [
        "a@x..example", ".a@x.example", "a.@x.example", "a@b@c", "<a@x.example>", "a@x", "a @x.example",
        "a@x.example.", "a@[192.0.2.1]", "a@192.0.2.1", "@r.example:a@x.example", "a(c)@x.example",
        '"a b"@x.example', '"x> RCPT TO:<b@y"@z.example', "a%b@x.example", "a!b@x.example",
        "a＠x.example", "a@x。example", "a\u200b@x.example", "undisclosed-recipients:;",
        "Ann <a@x.example>", "a@x.example, b@x.example", "a@-x.example", "l" * 65 + "@x.example",
        "a@" + "b" * 64 + ".example", "=?utf-8?q?a?=@x.example", "a@x_y.example",
    ],
)  # fmt: skip
def test_an_address_that_programs_read_differently_is_refused(
    imported: Imported, email: str
) -> None:
    report = imported({"customer id": "n", "name": "Nine", "default email": email})

    assert report.refused == 1
    assert [p.column for p in report.problems] == ["default email"]


@pytest.mark.parametrize(
    "name",
    [
        "مريم حسن",
        "שרה לוי",
        "می‌خواهم",
        "क्‍षेत्र",
        "株式会社 葛󠄀城",
        "Zoë 👩‍💻 Ltd",
        "O'Neil & Co. (Leeds)",
    ],
)
def test_a_name_in_any_script_is_kept_as_it_is(
    imported: Imported, store: SqliteStore, name: str
) -> None:
    imported({"customer id": "nine", "name": name, "default email": "a@nine.example"})
    customer = store.read(lambda uow: uow.customers.get("nine").name)

    assert customer == name
    assert mark_hidden(name) == name


def test_a_service_name_of_the_assets_sheet_is_checked_too(
    imported: Imported, store: SqliteStore
) -> None:
    store.write(lambda uow: uow.customers.save(make_customer()))
    cells = {"customer id": "contoso", "kind": "domain", "value": "contoso.example"}
    cells |= {"service": "mail\nBcc: x", "role": "processor", "categories": "mail"}

    report = imported(cells, import_assets)

    assert (report.refused, report.problems[0].column) == (1, "service")


@pytest.mark.parametrize("name", [REPORTED_NAME, "a\nb", "a\0b", "\u2029"])
def test_settings_users_and_case_titles_refuse_what_could_break_a_header(
    store: SqliteStore, name: str
) -> None:
    with pytest.raises(ValidationError):
        ProviderProfile(trading_name=name)
    with pytest.raises(ValidationError):
        SenderSettings(from_name=name)
    with pytest.raises(BadInput):
        make_user("ann", name, [], "correct horse battery", ProviderProfile())
    with pytest.raises(BadInput, match="title"):
        store.write(
            lambda uow: cases.open_by_hand(
                uow,
                make_actor(*Permission),
                title=name,
                origin=CaseOrigin.OWN,
                known="k",
                now=store.now(),
            )
        )


@pytest.mark.parametrize("setting", ["from_email", "envelope_from"])
def test_a_sender_setting_that_is_not_one_address_is_refused(setting: str) -> None:
    with pytest.raises(ValidationError):
        SenderSettings(**{setting: "a@x.example, b@x.example"})
