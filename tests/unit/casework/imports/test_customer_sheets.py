"""Customers from the sheets that providers have: every broken row named, nothing lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breachdesk.casework.imports.column_presets import ASSET_PRESETS, CUSTOMER_PRESETS
from breachdesk.casework.imports.csv_sheet import read_sheet
from breachdesk.casework.imports.customers import import_customers
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import START, FixedNow, make_actor, make_customer, make_store
from schemas.customer import Customer, ImportReport, PersonKind
from schemas.errors import BadInput, NotAllowed
from schemas.user import Actor

PLAIN = (
    "customer id,name,default email,phone,account holder,data protection contact,"
    "data protection email,locale,contract start,contract end\n"
)
GOOD = (
    "contoso,Contoso Ltd,accounts@contoso.example,01632 960001,Jo Mason,Kit Reed,"
    "privacy@contoso.example,en-GB,2019-04-01,\n"
)
Import = Callable[..., ImportReport]


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    with make_store(FixedNow()) as opened:
        yield opened


@pytest.fixture
def load(store: SqliteStore, tmp_path: Path) -> Import:
    """Write the text (or bytes) as a file and import it."""

    def _load(
        content: str | bytes, preset: str = "auto", actor: Actor | None = None
    ) -> ImportReport:
        file = tmp_path / "customers.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return store.write(
            lambda uow: import_customers(uow, actor or make_actor(), file, preset=preset, now=START)
        )

    return _load


def only(store: SqliteStore) -> Customer:
    (customer,) = store.read(lambda uow: uow.customers.list())
    return customer


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.added, report.changed, report.unchanged, report.refused


def test_the_plain_sheet_tells_the_customer_and_its_people(
    store: SqliteStore, load: Import
) -> None:
    report = load(PLAIN + GOOD)
    customer = only(store)
    holder, officer = customer.people

    assert (report.preset, report.rows, counts(report)) == ("plain", 1, (1, 0, 0, 0))
    assert (customer.id, customer.name) == ("contoso", "Contoso Ltd")
    assert customer.contract_start == datetime(2019, 4, 1, tzinfo=UTC)
    assert (holder.kind, holder.name) == (PersonKind.ACCOUNT_HOLDER, "Jo Mason")
    assert holder.email == customer.default_email == "accounts@contoso.example"
    assert (officer.kind, officer.email) == (PersonKind.DATA_PROTECTION, "privacy@contoso.example")


def test_importing_twice_changes_nothing(store: SqliteStore, load: Import) -> None:
    load(PLAIN + GOOD)
    version = store.read(lambda uow: uow.customers.get_version())
    again = load(PLAIN + GOOD)

    assert counts(again) == (0, 0, 1, 0)
    assert store.read(lambda uow: uow.customers.get_version()) == version


def test_a_changed_cell_changes_the_customer_and_keeps_its_people_ids(
    store: SqliteStore, load: Import
) -> None:
    load(PLAIN + GOOD)
    before = {person.id for person in only(store).people}
    report = load(PLAIN + GOOD.replace("Jo Mason", "Ann Lee"))

    assert counts(report) == (0, 1, 0, 0)
    assert only(store).people[0].name == "Ann Lee"
    assert {person.id for person in only(store).people} == before


def test_what_the_file_has_no_column_for_stays_as_it_was(store: SqliteStore, load: Import) -> None:
    load(PLAIN + GOOD)
    load("customer id,name,default email\ncontoso,Contoso Ltd,new@contoso.example\n")
    customer = only(store)

    assert customer.default_email == "new@contoso.example"
    assert customer.phone == "01632 960001"
    assert customer.contract_start is not None
    assert [person.name for person in customer.people] == ["Jo Mason", "Kit Reed"]


def test_customers_that_are_not_in_the_file_stay(store: SqliteStore, load: Import) -> None:
    store.write(lambda uow: uow.customers.save(make_customer("former")))
    load(PLAIN + GOOD)

    assert [c.id for c in store.read(lambda uow: uow.customers.list())] == ["contoso", "former"]


@pytest.mark.parametrize(
    ("row", "column", "problem"),
    [
        (",Nameless id,a@b.example,,,,,,,", "customer id", "empty"),
        ("x 1,Blank in id,a@b.example,,,,,,,", "customer id", "cannot be an id"),
        ("provider,Ourselves,a@b.example,,,,,,,", "customer id", "cannot be an id"),
        ("contoso,Twice Ltd,a@b.example,,,,,,,", "customer id", "is in line 2"),
        ("x,,a@b.example,,,,,,,", "name", "empty"),
        ("x,X Ltd,not-an-address,,,,,,,", "default email", "not one mail address"),
        ("x,X Ltd,a@b.example; c@d.example,,,,,,,", "default email", "not one mail address"),
        ("x,X Ltd,,,,,,,,", "default email", "both empty"),
        ("x,X Ltd,a@b.example,call me,,,,,,", "phone", "not a telephone number"),
        ("x,X Ltd,a@b.example,,,,kit,,,", "data protection email", "not one mail address"),
        ("x,X Ltd,a@b.example,,,,,English,,", "locale", "not a locale"),
        ("x,X Ltd,a@b.example,,,,,,11/22/2026,", "contract start", "not a date"),
        ("x,X Ltd,a@b.example,,,,,,2020-01-01,2019-01-01", "contract end", "not after"),
        ("x,X, Ltd,a@b.example,,,,,,,,surplus", "the whole row", "12 cells under 10 columns"),
    ],
)
def test_a_broken_row_is_named_and_the_good_ones_are_imported(
    store: SqliteStore, load: Import, row: str, column: str, problem: str
) -> None:
    report = load(PLAIN + GOOD + "\n" + row + "\n")
    values = [p for p in report.problems if p.column == column]

    assert counts(report) == (1, 0, 0, 1)
    assert only(store).id == "contoso"
    assert {p.line for p in report.problems} == {4}
    assert any(problem in p.problem for p in values), report.problems
    assert all(p.remedy for p in report.problems)


def test_all_faults_of_a_row_are_told_at_once(load: Import) -> None:
    report = load(PLAIN + ",,nowhere,?,,,,,tomorrow,\n")

    assert {p.column for p in report.problems} >= {
        "customer id",
        "name",
        "default email",
        "phone",
        "contract start",
    }


def test_a_cell_of_several_lines_does_not_shift_the_line_that_is_named(load: Import) -> None:
    many = GOOD.replace("Contoso Ltd", '"Contoso\nLtd"')
    report = load(PLAIN + many + "x,X Ltd,wrong,,,,,,,\n")

    assert [p.line for p in report.problems] == [2, 4]


ACCENTED = PLAIN + GOOD.replace("Jo Mason", "Zoë Müller")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_encodings_separators_and_line_endings_are_found_out(
    store: SqliteStore, load: Import, separator: str, encoding: str, ending: str
) -> None:
    text = ACCENTED.replace(",", separator).replace("\n", ending)
    report = load(text.encode(encoding))

    assert counts(report) == (1, 0, 0, 0)
    assert only(store).people[0].name == "Zoë Müller"


def test_excels_separator_line_is_understood(load: Import) -> None:
    report = load("sep=;\r\n" + (PLAIN + GOOD + "x,,,,,,,,,\n").replace(",", ";"))

    assert report.added == 1
    assert {p.line for p in report.problems} == {4}


@pytest.mark.parametrize(
    ("content", "preset", "says"),
    [
        (b"", "auto", "empty"),
        (b"\n\n", "auto", "empty"),
        (GOOD.encode(), "auto", "no header"),
        ((PLAIN.strip() + ",shoe size\n" + GOOD).encode(), "auto", "unknown columns: shoesize"),
        (("name," + PLAIN + GOOD).encode(), "auto", "twice: name"),
        ((PLAIN + GOOD).encode(), "connectwise", "lacks: company id"),
        ((PLAIN + GOOD).encode(), "lotus", "no preset lotus"),
        ((PLAIN + 'contoso,"never closed\n').encode(), "auto", "cannot be read as CSV"),
        (b"PK\x03\x04\x14\x00\x06\x00\x08\x00", "auto", "a workbook"),
        (PLAIN.encode() + b"x,\x81\x8d\xff", "auto", "no text"),
    ],
)
def test_a_fault_of_the_whole_file_changes_nothing_and_names_the_remedy(
    store: SqliteStore, load: Import, content: bytes, preset: str, says: str
) -> None:
    with pytest.raises(BadInput) as raised:
        load(content, preset)

    assert says in raised.value.problem
    assert raised.value.place
    assert raised.value.remedy
    assert store.read(lambda uow: (uow.customers.list(), uow.audit.list_entries())) == ([], [])


EXPORTS = {
    "halopsa": (
        "Client ID,Client Name,Main Contact,Email Address,Phone Number,Top Level\n"
        "17,Contoso Ltd,Jo Mason,accounts@contoso.example,01632 960001,Customers\n"
    ),
    "connectwise": (
        "Company ID,Company Name,Status,Type,Default Contact,Contact Email,Phone Number\n"
        "17,Contoso Ltd,Active,Client,Jo Mason,accounts@contoso.example,(01632) 960001\n"
    ),
    "autotask": (
        "Organization: Name [required],Organization: Number,Organization: Phone,"
        "Contact: First Name [required *],Contact: Last Name [required *],Contact: Email Address\n"
        "Contoso Ltd,17,01632 960001,Jo,Mason,accounts@contoso.example\n"
    ),
    "xero": (
        "*ContactName,AccountNumber,EmailAddress,FirstName,LastName,POAttentionTo,POAddressLine1,"
        "PhoneNumber\nContoso Ltd,17,accounts@contoso.example,Jo,Mason,,1 High Street,"
        "44 1632 960001\n"
    ),
    "whmcs": (
        "ID,First Name,Last Name,Company Name,Email,Address 1,Phone Number,Status,Creation Date\n"
        "17,Jo,Mason,Contoso Ltd,accounts@contoso.example,1 High Street,01632960001,Active,"
        "01/04/2019\n"
    ),
}


@pytest.mark.parametrize("product", sorted(EXPORTS))
def test_each_products_export_is_known_by_its_header(
    store: SqliteStore, load: Import, product: str
) -> None:
    report = load(EXPORTS[product])
    customer = only(store)

    assert (report.preset, report.problems) == (product, ())
    assert (customer.id, customer.name) == ("17", "Contoso Ltd")
    assert customer.default_email == "accounts@contoso.example"
    assert customer.phone.endswith("960001")
    assert customer.people[0].name == "Jo Mason"
    assert counts(load(EXPORTS[product])) == (0, 0, 1, 0)


def test_a_person_who_is_no_company_goes_by_first_and_last_name(
    store: SqliteStore, load: Import
) -> None:
    load(EXPORTS["whmcs"].replace("Contoso Ltd", ""))

    assert only(store).name == "Jo Mason"


def test_in_xero_the_name_replaces_a_missing_account_number(
    store: SqliteStore, load: Import
) -> None:
    load(EXPORTS["xero"].replace(",17,", ",,").replace("Contoso Ltd", "Pike & Sons"))

    assert only(store).id == "pike-sons"


@pytest.mark.parametrize("preset", [*CUSTOMER_PRESETS, *ASSET_PRESETS], ids=lambda p: p.id)
def test_every_preset_says_where_its_names_come_from_and_when_it_was_reviewed(
    preset: object,
) -> None:
    assert getattr(preset, "source", "")
    assert getattr(preset, "reviewed", None) is not None
    assert getattr(preset, "signs", ())


def test_any_duty_may_import_but_none_may_not(load: Import) -> None:
    with pytest.raises(NotAllowed):
        load(PLAIN + GOOD, actor=Actor(id="guest", permissions=frozenset()))

    assert load(PLAIN + GOOD).added == 1


def test_the_audit_holds_counts_and_nobodys_name(store: SqliteStore, load: Import) -> None:
    load(PLAIN + GOOD + "x,Broken Ltd,wrong,,,,,,,\n")
    added, entry = store.read(lambda uow: uow.audit.list_entries())
    text = added.model_dump_json() + entry.model_dump_json()

    assert entry.act == "register:customers:imported"
    assert (entry.facts["added"], entry.facts["refused"]) == (1, 1)
    assert not any(word in text for word in ("Mason", "Contoso Ltd", "@", "Broken"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(content=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_read_or_refused_with_a_remedy(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "any.csv"
    file.write_bytes(content)
    try:
        sheet = read_sheet(file)
    except BadInput as refused:
        lines, text = [1], refused.remedy
    else:
        lines, text = [row.line for row in sheet.rows], sheet.file

    assert text
    assert all(line >= 1 for line in lines)


@pytest.mark.parametrize(
    "content",
    [
        PLAIN + "a,b\n" * 100_001,
        ",".join(f"column {number}" for number in range(500)) + "\n" + "a\n" * 4001,
        PLAIN + "x," * 2_000_001 + "\n",
        PLAIN + "," * 9_000_000 + "\n",
    ],
    ids=["rows", "wide header", "wide row", "separators"],
)
def test_a_sheet_that_would_fill_the_memory_is_refused_whole(
    store: SqliteStore, load: Import, content: str
) -> None:
    with pytest.raises(BadInput, match=r"goes on after 100,000 rows or 2,000,000 cells"):
        load(content)

    assert store.read(lambda uow: uow.customers.list()) == []
