"""Assets from a sheet: presets fill in the law, contradictions are refused, history is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from breachdesk.casework.imports.assets import import_assets
from breachdesk.casework.imports.service_presets import SERVICES, USUAL
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import START, FixedNow, make_actor, make_customer, make_store
from schemas.customer import (
    PROVIDER,
    AssetKind,
    Binding,
    DataCategory,
    DataRole,
    ImportReport,
    PecrStatus,
)
from schemas.errors import BadInput, NotAllowed
from schemas.user import Actor

HEADER = "customer id,kind,value,service,role,categories,pecr,valid from,valid to\n"
Import = Callable[..., ImportReport]


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    with make_store(FixedNow()) as opened:
        for name in ("contoso", "fabrikam"):
            opened.write(lambda uow, name=name: uow.customers.save(make_customer(name)))
        yield opened


@pytest.fixture
def load(store: SqliteStore, tmp_path: Path) -> Import:
    def _load(
        *rows: str, header: str = HEADER, now: datetime = START, actor: Actor | None = None
    ) -> ImportReport:
        file = tmp_path / "assets.csv"
        file.write_text(header + "".join(f"{row}\n" for row in rows), encoding="utf-8")
        return store.write(lambda uow: import_assets(uow, actor or make_actor(), file, now=now))

    return _load


def bound(store: SqliteStore) -> list[Binding]:
    return list(store.read(lambda uow: uow.customers.list_bindings()))


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.added, report.changed, report.unchanged, report.refused


@pytest.mark.parametrize(
    ("service", "role", "categories", "pecr"),
    [
        ("hosted mailbox", DataRole.PROCESSOR, {"mail"}, PecrStatus.NO),
        ("Microsoft 365 tenant", DataRole.PROCESSOR, {"mail", "files"}, PecrStatus.NO),
        ("hosted website", DataRole.PROCESSOR, {"website"}, PecrStatus.NO),
        ("BACKUP", DataRole.PROCESSOR, {"backup"}, PecrStatus.NO),
        ("support passwords", DataRole.CONTROLLER, {"credentials"}, PecrStatus.NO),
        ("broadband line", DataRole.CONTROLLER, {"identity", "contact", "traffic"}, PecrStatus.ASK),
        (
            "billing account",
            DataRole.CONTROLLER,
            {"identity", "contact", "financial", "transaction"},
            PecrStatus.NO,
        ),
    ],
)
def test_a_service_preset_says_role_categories_and_pecr(
    store: SqliteStore,
    load: Import,
    service: str,
    role: DataRole,
    categories: set[str],
    pecr: PecrStatus,
) -> None:
    report = load(f"contoso,service,thing-1,{service},,,,,")
    (binding,) = bound(store)

    assert report.problems == ()
    assert (binding.role, set(binding.categories), binding.pecr) == (role, categories, pecr)
    assert binding.service == SERVICES[service.casefold()].name


def test_every_preset_explains_itself_and_every_kind_has_a_usual_one() -> None:
    assert all(preset.why and preset.categories for preset in SERVICES.values())
    assert set(USUAL) == set(AssetKind) - {AssetKind.HOST}
    assert {name.casefold() for name in USUAL.values()} <= set(SERVICES)


def test_a_row_may_say_otherwise_than_its_preset(store: SqliteStore, load: Import) -> None:
    load("contoso,tenant,T-1,Microsoft 365 tenant,controller,mail; files; health,ask,,")
    (binding,) = bound(store)

    assert (binding.value, binding.role, binding.pecr) == (
        "t-1",
        DataRole.CONTROLLER,
        PecrStatus.ASK,
    )
    assert binding.categories == (DataCategory.MAIL, DataCategory.FILES, DataCategory.HEALTH)


def test_a_free_service_needs_role_and_categories(store: SqliteStore, load: Import) -> None:
    report = load(
        "contoso,host,pbx,door entry,processor,identity,,,",
        "contoso,host,pbx-2,door entry,,,,,",
    )

    assert counts(report) == (1, 0, 0, 1)
    assert (report.problems[0].line, report.problems[0].column) == (3, "service")
    assert "backup" in report.problems[0].remedy


@pytest.mark.parametrize(
    ("kind", "value", "spelling"),
    [
        ("mailbox", "Jo@Contoso.example", "jo@contoso.example"),
        ("email", "jo@contoso.example", "jo@contoso.example"),
        ("domain", "@Contoso.example.", "contoso.example"),
        ("site", "WWW.contoso.example", "www.contoso.example"),
        ("website", "shop.contoso.example", "shop.contoso.example"),
        ("service", "billing.us.example?userid=7", "billing.us.example?userid=7"),
        ("ip", "198.51.100.7", "198.51.100.7"),
        ("network", "198.51.100.8/29", "198.51.100.8/29"),
        ("ip", "2001:DB8:0::/48", "2001:db8::/48"),
        ("host", "UDMP-HQ", "udmp-hq"),
    ],
)
def test_values_are_kept_in_one_spelling(
    store: SqliteStore, load: Import, kind: str, value: str, spelling: str
) -> None:
    report = load(f"contoso,{kind},{value},backup,,,,,")

    assert report.problems == ()
    assert [binding.value for binding in bound(store)] == [spelling]


@pytest.mark.parametrize(
    ("row", "column", "problem"),
    [
        (",host,a,backup,,,,,", "customer id", "empty"),
        ("nobody,host,a,backup,,,,,", "customer id", "no customer we know"),
        ("contoso,spaceship,a,backup,,,,,", "kind", "not a kind of asset"),
        ("contoso,host,,backup,,,,,", "value", "empty"),
        ("contoso,mailbox,jo,backup,,,,,", "value", "not a mail address"),
        ("contoso,site,https://contoso.example/,backup,,,,,", "value", "not a site name"),
        ("contoso,domain,localhost,backup,,,,,", "value", "not a domain name"),
        ("contoso,ip,198.51.100.999,backup,,,,,", "value", "not an IP address"),
        ("contoso,ip,198.51.100.7/29,backup,,,,,", "value", "not an IP address"),
        ("contoso,ip,192.168.1.0/24,backup,,,,,", "value", "a private network"),
        ("contoso,host,a,,,,,,", "service", "empty"),
        ("contoso,host,a,backup,owner,,,,", "role", "not known"),
        ("contoso,host,a,backup,,mail; shoes,,,", "categories", "not known"),
        ("contoso,host,a,backup,,,perhaps,,", "pecr", "not known"),
        ("contoso,host,a,backup,,,,soon,", "valid from", "not a date"),
        ("contoso,host,a,backup,,,,2026-02-01,2026-02-01", "valid to", "not after"),
    ],
)
def test_a_broken_row_is_named_and_the_good_ones_are_bound(
    store: SqliteStore, load: Import, row: str, column: str, problem: str
) -> None:
    report = load("contoso,domain,contoso.example,hosted mail domain,,,,,", row)

    assert counts(report) == (1, 0, 0, 1)
    assert [binding.value for binding in bound(store)] == ["contoso.example"]
    assert any(
        (p.line, p.column) == (3, column) and problem in p.problem and p.remedy
        for p in report.problems
    ), report.problems


def test_no_problem_repeats_a_value_that_may_name_a_person(load: Import) -> None:
    report = load("contoso,mailbox,jo.mason,backup,,,,,")

    assert "jo.mason" not in report.model_dump_json()


def test_the_provider_may_own_assets_without_being_a_customer(
    store: SqliteStore, load: Import
) -> None:
    load("provider,site,billing.us.example,our billing panel,,,,,")

    assert [binding.customer_id for binding in bound(store)] == [PROVIDER]


def test_importing_twice_changes_nothing(store: SqliteStore, load: Import) -> None:
    rows = (
        "contoso,domain,contoso.example,hosted mail domain,,,,,2026-06-01",
        "fabrikam,domain,contoso.example,hosted mail domain,,,,2026-06-01,",
        "contoso,tenant,T-1,Microsoft 365 tenant,,,,,",
    )
    first = load(*rows)
    version = store.read(lambda uow: uow.customers.get_version())
    again = load(*rows, now=START + timedelta(days=1))

    assert counts(first) == (3, 0, 0, 0)
    assert counts(again) == (0, 0, 3, 0)
    assert store.read(lambda uow: uow.customers.get_version()) == version


def test_two_rows_that_contradict_each_other_are_not_both_believed(
    store: SqliteStore, load: Import
) -> None:
    report = load(
        "contoso,domain,contoso.example,hosted mail domain,,,,,",
        "fabrikam,domain,contoso.example,hosted mail domain,,,,2026-06-01,",
    )

    assert counts(report) == (1, 0, 0, 1)
    assert "line 2" in report.problems[0].problem
    assert [binding.customer_id for binding in bound(store)] == ["contoso"]


def test_a_correction_keeps_what_was_known_before(store: SqliteStore, load: Import) -> None:
    later = START + timedelta(days=5)
    load("contoso,host,box,backup,,,,,")
    report = load("fabrikam,host,box,backup,,,,2026-06-01,", now=later)
    view = store.make_asset_register().get_view()

    def owner(at: datetime, known: datetime | None = None) -> str | None:
        actual = view.find(AssetKind.HOST, "box", at, known)
        return actual.customer_id if actual else None

    july, may = datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
    assert counts(report) == (0, 1, 0, 0)
    assert (owner(may), owner(july)) == ("contoso", "fabrikam")
    assert owner(july, START) == "contoso"


def test_assets_that_are_not_in_the_file_stay_bound(store: SqliteStore, load: Import) -> None:
    load("contoso,host,box,backup,,,,,")
    load("contoso,host,box-2,backup,,,,,")

    assert {binding.value for binding in bound(store)} == {"box", "box-2"}


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("customer id,kind,value\n", "no header"),
        (HEADER.replace("\n", ",colour\n"), "unknown columns"),
        ("", "no header"),
    ],
)
def test_a_fault_of_the_whole_file_changes_nothing(
    store: SqliteStore, load: Import, header: str, says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        load("contoso,host,box,backup,,,,,", header=header)

    assert bound(store) == []


def test_an_account_without_a_duty_may_not_import(load: Import) -> None:
    with pytest.raises(NotAllowed):
        load("contoso,host,box,backup,,,,,", actor=Actor(id="guest", permissions=frozenset()))


def test_the_audit_holds_counts_only(store: SqliteStore, load: Import) -> None:
    load("contoso,mailbox,jo.mason@contoso.example,hosted mailbox,,,,,")
    bound, entry = store.read(lambda uow: uow.audit.list_entries())[-2:]

    assert (bound.act, bound.subject, bound.facts["count"]) == (
        "register:asset:bound",
        "contoso",
        1,
    )
    assert entry.act == "register:assets:imported"
    assert entry.facts["added"] == 1
    assert "jo.mason" not in bound.model_dump_json() + entry.model_dump_json()
