"""Whatever spreadsheet of customers comes: our own import cleanly, odd ones harm nothing."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breachdesk.bootstrap.scaffold import CUSTOMERS
from breachdesk.casework.imports.column_presets import CUSTOMER_PRESETS, ColumnPreset
from breachdesk.casework.imports.customers import import_customers
from breachdesk.demo.sheets import format_customers_csv
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import FixedNow, make_actor, make_store
from schemas.customer import Customer, ImportReport, PersonKind
from schemas.errors import BadInput, NotAllowed
from schemas.user import Permission

PAGE = Path(__file__).resolve().parents[4] / "docs" / "howto" / "import-customers.md"
PLAIN = (
    "customer id,name,default email,phone,account holder,data protection name,"
    "data protection email,locale,contract start,contract end\n"
)
ORCHARD = (
    "C001,Orchard Lettings,office@orchard.example,01632 960001,Priya Orchard,Sam Field,"
    "dp@orchard.example,en-GB,2019-04-01,31/03/2027\n"
)
AUTOTASK = """\
Organization ID,[required] Name,Number,Address 1,[required] Phone,Alternate Phone 1,Email Address
29683,Orchard Lettings,ORC-1,1 High St,01632 960001,,office@orchard.example
"""
Imported = Callable[..., ImportReport]


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    with make_store(FixedNow()) as opened:
        yield opened


@pytest.fixture
def imported(store: SqliteStore, tmp_path: Path) -> Imported:
    def run(sheet: str | bytes, *, permissions: tuple[Permission, ...] = ()) -> ImportReport:
        path = tmp_path / "customers.csv"
        path.write_bytes(sheet.encode() if isinstance(sheet, str) else sheet)
        who, now = make_actor(*permissions), store.now()
        return store.write(lambda uow: import_customers(uow, who, path, now=now))

    return run


def customer(store: SqliteStore, customer_id: str) -> Customer:
    return store.read(lambda uow: uow.customers.get(customer_id))


@pytest.mark.parametrize("sheet", [CUSTOMERS, format_customers_csv()], ids=["example", "demo"])
def test_our_own_sheets_import_cleanly_and_twice_changes_nothing(
    store: SqliteStore, imported: Imported, sheet: str
) -> None:
    first = imported(sheet)
    version = store.read(lambda uow: uow.customers.get_version())
    second = imported(sheet)

    assert (first.added, first.refused, first.problems) == (first.rows, 0, ())
    assert (second.added, second.changed, second.unchanged) == (0, 0, first.rows)
    assert store.read(lambda uow: uow.customers.get_version()) == version


def test_a_registrar_may_import(imported: Imported) -> None:
    assert imported(PLAIN + ORCHARD, permissions=(Permission.REGISTRAR,)).added == 1


@pytest.mark.parametrize(
    "permission",
    [permission for permission in Permission if permission is not Permission.REGISTRAR],
)
def test_whoever_is_no_registrar_may_not_import(
    store: SqliteStore, imported: Imported, permission: Permission
) -> None:
    with pytest.raises(NotAllowed, match="permission registrar"):
        imported(PLAIN + ORCHARD, permissions=(permission,))

    assert store.read(lambda uow: uow.customers.list()) == []


def test_autotasks_organizations_are_known_by_their_own_id(
    store: SqliteStore, imported: Imported
) -> None:
    report = imported(AUTOTASK)

    assert (report.preset, report.problems) == ("autotask", ())
    assert customer(store, "29683").name == "Orchard Lettings"


@pytest.mark.parametrize(
    "header",
    [
        "Customer ID,NAME,Default E-mail",
        "customer_id,Name,*default_email",
        "CustomerId,name,defaultEmail",
    ],
)
def test_headers_are_matched_without_case_blanks_and_punctuation(
    imported: Imported, header: str
) -> None:
    assert imported(f"{header}\nC001,Orchard,office@orchard.example\n").added == 1


def test_separators_after_the_last_column_and_columns_without_a_name_count_for_nothing(
    store: SqliteStore, imported: Imported
) -> None:
    report = imported("customer id,name,default email,\nC001,Orchard,a@orchard.example,note,,,\n")

    assert (report.added, report.problems) == (1, ())
    assert customer(store, "C001").phone == ""


def test_a_problem_names_the_column_as_the_page_does(imported: Imported) -> None:
    report = imported("CUSTOMER_ID,Name,Default Email\nC001,Orchard,nowhere\n")

    assert [(p.line, p.column) for p in report.problems] == [(2, "default email")]


def test_each_fault_is_told_once(imported: Imported) -> None:
    report = imported(PLAIN + "C001,Orchard,nowhere\n")

    assert len(report.problems) == 1


def test_problems_do_not_repeat_the_text_of_the_cell(imported: Imported) -> None:
    report = imported(PLAIN + "C001,Orchard,priya.private,call Priya,,,priya,priya,priya\n")

    assert len(report.problems) == 5
    assert "priya" not in report.model_dump_json().casefold()


def test_a_file_without_a_header_repeats_nothing_of_its_first_row(imported: Imported) -> None:
    with pytest.raises(BadInput) as wrong:
        imported("C001,Jo Mill,jo@milllane.example,Jo Mill\n")

    assert "mill" not in str(wrong.value).casefold()


def test_a_missing_file_and_a_folder_are_bad_input(store: SqliteStore, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere.csv"):
        with pytest.raises(BadInput, match="cannot be read"):
            store.write(lambda uow, p=path: import_customers(uow, make_actor(), p, now=store.now()))


def test_an_empty_cell_empties(store: SqliteStore, imported: Imported) -> None:
    imported(PLAIN + ORCHARD)
    imported("customer id,name,default email,account holder\nC001,Orchard,new@orchard.example,\n")
    holder, officer = customer(store, "C001").people

    assert (holder.name, holder.email) == ("", "new@orchard.example")
    assert (officer.name, officer.email) == ("Sam Field", "dp@orchard.example")


def test_a_new_officer_does_not_keep_the_old_ones_name(
    store: SqliteStore, imported: Imported
) -> None:
    imported(PLAIN + ORCHARD)
    imported(PLAIN + ORCHARD.replace("Sam Field", "").replace("dp@", "privacy@"))
    officer = customer(store, "C001").find_contact(PersonKind.DATA_PROTECTION)

    assert officer is not None
    assert (officer.name, officer.email) == ("", "privacy@orchard.example")


@pytest.mark.parametrize("preset", CUSTOMER_PRESETS, ids=lambda preset: preset.id)
def test_every_sign_of_a_preset_leads_to_it_and_no_other(
    imported: Imported, preset: ColumnPreset
) -> None:
    presets = {imported(",".join(sorted(sign)) + "\n").preset for sign in preset.signs}

    assert presets == {preset.id}


def test_the_page_names_every_preset_with_its_columns() -> None:
    page = PAGE.read_text(encoding="utf-8")
    names = {n for p in CUSTOMER_PRESETS for several in p.columns.values() for n in several}
    names |= {preset.id for preset in CUSTOMER_PRESETS}

    assert sorted(name for name in names if f"`{name}`" not in page) == []


ODD = ["C1", "a@b.example", "2026-11-22", "22/11/2026", '"', "é", "\n", "provider", "en-GB"]
CELL = st.sampled_from(ODD) | st.text(
    st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sheet=st.binary(max_size=300) | st.binary(max_size=120).map(PLAIN.encode().__add__))
def test_any_bytes_give_a_report_or_bad_input(imported: Imported, sheet: bytes) -> None:
    try:
        report = imported(sheet)
    except BadInput as wrong:
        text = (wrong.place, wrong.remedy)
    else:
        counted = report.added + report.changed + report.unchanged + report.refused
        text = (report.file, report.rows == counted)

    assert all(text)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELL, max_size=11), max_size=5))
def test_any_cells_give_a_report_and_a_second_import_adds_and_changes_nothing(
    imported: Imported, rows: list[list[str]]
) -> None:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    first = imported(PLAIN + text.getvalue())
    second = imported(PLAIN + text.getvalue())

    assert (second.added, second.changed) == (0, 0)
    assert (second.refused, second.problems) == (first.refused, first.problems)


@pytest.mark.parametrize("odd", ["..", "a/../b", "./a", "import", "provider"])
def test_an_id_that_leads_to_another_page_is_refused(imported: Imported, odd: str) -> None:
    report = imported(f"customer id,name,default email\n{odd},Odd Ltd,odd@odd.example\n")

    assert (report.added, report.refused) == (0, 1)
    assert report.problems[0].column == "customer id"
