"""Whatever spreadsheet of assets comes: our own import cleanly, one spelling, nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breachdesk.bootstrap.scaffold import ASSETS, CUSTOMERS
from breachdesk.casework.imports.asset_values import normalise_value
from breachdesk.casework.imports.assets import import_assets
from breachdesk.casework.imports.column_presets import ASSET_PRESETS
from breachdesk.casework.imports.customers import import_customers
from breachdesk.casework.imports.service_presets import SERVICES
from breachdesk.demo.sheets import format_assets_csv, format_customers_csv
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import FixedNow, make_actor, make_customer, make_store
from schemas.customer import AssetKind, Binding, DataCategory, DataRole, ImportReport, PecrStatus
from schemas.errors import BadInput

PAGE = Path(__file__).resolve().parents[4] / "docs" / "howto" / "import-customers.md"
PLAIN = "customer id,kind,value,service,role,categories,pecr,valid from,valid to\n"
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
Imported = Callable[..., ImportReport]


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    with make_store(FixedNow()) as opened:
        opened.write(lambda uow: uow.customers.save(make_customer("contoso")))
        opened.write(lambda uow: uow.customers.save(make_customer("fabrikam")))
        yield opened


@pytest.fixture
def imported(store: SqliteStore, tmp_path: Path) -> Imported:
    def run(sheet: str | bytes) -> ImportReport:
        path = tmp_path / "assets.csv"
        path.write_bytes(sheet.encode() if isinstance(sheet, str) else sheet)
        now = store.now()
        return store.write(lambda uow: import_assets(uow, make_actor(), path, now=now))

    return run


def bindings(store: SqliteStore, *, current: bool = True) -> list[Binding]:
    return list(store.read(lambda uow: uow.customers.list_bindings(current=current)))


@pytest.mark.parametrize(
    ("customers", "assets"),
    [(CUSTOMERS, ASSETS), (format_customers_csv(), format_assets_csv())],
    ids=["example", "demo"],
)
def test_our_own_sheets_import_cleanly_and_twice_changes_nothing(
    store: SqliteStore, imported: Imported, tmp_path: Path, customers: str, assets: str
) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(customers, encoding="utf-8")
    store.write(lambda uow: import_customers(uow, make_actor(), path, now=store.now()))
    first, rows = imported(assets), bindings(store, current=False)
    version = store.read(lambda uow: uow.customers.get_version())
    second = imported(assets)

    assert (first.added, first.problems) == (first.rows, ())
    assert (second.added, second.changed, second.unchanged) == (0, 0, first.rows)
    assert bindings(store, current=False) == rows
    assert store.read(lambda uow: uow.customers.get_version()) == version


def test_roles_follow_who_decides_about_the_data() -> None:
    processed = ("hosted mailbox", "hosted website", "backup", "managed network")
    controlled = ("billing account", "helpdesk", "domain", "customer portal")
    values = {name for name, preset in SERVICES.items() if preset.pecr is PecrStatus.ASK}

    assert {SERVICES[name].role for name in processed} == {DataRole.PROCESSOR}
    assert {SERVICES[name].role for name in controlled} == {DataRole.CONTROLLER}
    assert values == {"broadband line", "telephone line"}


def test_a_service_of_ones_own_with_traffic_data_is_asked_about(
    store: SqliteStore, imported: Imported
) -> None:
    imported(
        PLAIN
        + "contoso,host,pbx1,phone system,processor,traffic\n"
        + "contoso,host,pbx2,phone system,processor,traffic,no\n"
        + "contoso,host,pbx3,door entry,processor,identity\n"
    )

    assert [b.pecr for b in bindings(store)] == [PecrStatus.ASK, PecrStatus.NO, PecrStatus.NO]


def test_an_unknown_service_is_told_which_are_known(imported: Imported) -> None:
    report = imported(PLAIN + "contoso,host,pbx1,door entry\ncontoso,host,pbx1,\n")

    assert [(p.line, p.column) for p in report.problems] == [(2, "service"), (3, "service")]
    assert all(s.name in p.remedy for p in report.problems for s in SERVICES.values())


@pytest.mark.parametrize(
    ("kind", "value", "spelling"),
    [
        ("mailbox", "jo@bücher.example", "jo@xn--bcher-kva.example"),
        ("domain", "BÜCHER.example", "xn--bcher-kva.example"),
        ("site", "shop.bücher.example?ID=7", "shop.xn--bcher-kva.example?id=7"),
        ("ip", "198.51.100.7/32", "198.51.100.7"),
        ("ip", "198.51.100.0/255.255.255.0", "198.51.100.0/24"),
        ("ip", "::ffff:198.51.100.7", "198.51.100.7"),
        ("ip", "::ffff:198.51.100.0/120", "198.51.100.0/24"),
        ("ip", "2001:4860:0:0::/48", "2001:4860::/48"),
    ],
)
def test_values_take_the_spelling_in_which_events_are_looked_up(
    kind: str, value: str, spelling: str
) -> None:
    assert normalise_value(AssetKind(kind), value) == spelling


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("domain", "a.example?b=c"),
        ("ip", "::ffff:192.168.1.1"),
        ("mailbox", "jo@.example"),
        ("site", "x" * 60 + "ü.example"),
    ],
)
def test_what_no_event_can_name_is_refused(kind: str, value: str) -> None:
    with pytest.raises(BadInput):
        normalise_value(AssetKind(kind), value)


@given(kind=st.sampled_from(list(AssetKind)), value=st.text(max_size=40))
def test_a_normalised_value_is_its_own_normal_form(kind: AssetKind, value: str) -> None:
    once = spelling(kind, value)

    assert spelling(kind, once) == once


def spelling(kind: AssetKind, value: str) -> str:
    try:
        return normalise_value(kind, value)
    except BadInput:
        return ""


def test_an_asset_that_changes_hands_has_a_row_for_each_owner(
    store: SqliteStore, imported: Imported
) -> None:
    imported(PLAIN + "contoso,domain,contoso.example,hosted mail domain\n")
    moved = (
        "contoso,domain,contoso.example,hosted mail domain,,,,,2026-03-01\n"
        "fabrikam,domain,contoso.example,hosted mail domain,,,,2026-03-01,\n"
    )
    first, second = imported(PLAIN + moved), imported(PLAIN + moved)
    owners = {b.customer_id: (b.valid_from, b.valid_to) for b in bindings(store)}

    assert (first.rows, first.refused, second.unchanged) == (2, 0, 2)
    assert owners == {"contoso": (None, MARCH), "fabrikam": (MARCH, None)}
    assert [b for b in bindings(store, current=False) if b.known_to is not None]


def test_the_page_names_every_column_kind_category_and_service() -> None:
    page = PAGE.read_text(encoding="utf-8")
    words = [name for names in ASSET_PRESETS[0].columns.values() for name in names]
    words += [*AssetKind, *DataCategory]

    assert [word for word in words if f"`{word}`" not in page] == []
    assert [p.name for p in SERVICES.values() if f"| `{p.name}` | {p.role} |" not in page] == []


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


DAY = st.sampled_from(["", "2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"])
ROW = st.tuples(st.sampled_from(["contoso", "fabrikam"]), DAY, DAY)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, max_size=6))
def test_whatever_was_bound_before_a_second_import_of_a_sheet_changes_nothing(
    store: SqliteStore, imported: Imported, rows: list[tuple[str, str, str]]
) -> None:
    sheet = PLAIN + "".join(
        f"{whose},site,shop.example,hosted website,,,,{start},{end}\n" for whose, start, end in rows
    )
    imported(sheet)
    result = bindings(store, current=False)
    second = imported(sheet)

    assert (second.added, second.changed) == (0, 0)
    assert bindings(store, current=False) == result
