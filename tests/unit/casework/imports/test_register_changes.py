"""Who changed what the register says of a customer: one entry each, values sealed, readable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from breachdesk.casework.imports import attribution, register_changes
from breachdesk.casework.imports.assets import import_assets
from breachdesk.casework.imports.customers import import_customers
from breachdesk.casework.imports.register_changes import ChangeWindow, FieldChange
from breachdesk.stores.ports import PipelineStore
from breachdesk.testing import FixedNow, make_actor
from schemas.audit import AuditEntry
from schemas.user import Permission

HEADER = "customer id,name,default email,phone,account holder,data protection email,locale\n"
FIRST = "contoso,Contoso Ltd,old@contoso.example,01632 960001,Jo Mason,dp@contoso.example,en-GB\n"
ASSETS = "customer id,kind,value,service preset\n"
Sheet = Callable[..., None]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest) -> Iterator[PipelineStore]:
    from store_adapters import fresh_store

    with fresh_store(request.param, FixedNow()) as opened:
        yield opened


@pytest.fixture
def load(store: PipelineStore, tmp_path: Path) -> Sheet:
    def run(rows: str, *, by: str = "reg", header: str = HEADER) -> None:
        path = tmp_path / "sheet.csv"
        path.write_text(header + rows)
        who = make_actor(Permission.REGISTRAR, user_id=by)
        act = import_assets if header == ASSETS else import_customers
        report = store.write(lambda uow: act(uow, who, path, now=store.now()))
        assert report.problems == ()

    return run


def entries(store: PipelineStore, customer: str = "contoso") -> list[AuditEntry]:
    return list(store.read(lambda uow: register_changes.list_history(uow, customer)))


def last_change(store: PipelineStore, customer: str = "contoso") -> dict[str, tuple[str, str]]:
    def read(uow) -> tuple[FieldChange, ...]:
        return register_changes.decrypt_change(
            uow, register_changes.list_history(uow, customer)[-1]
        )

    return {c.name: (c.before, c.after) for c in store.read(read)}


def test_a_changed_address_is_one_entry_with_old_and_new_sealed(
    store: PipelineStore, load: Sheet
) -> None:
    load(FIRST)
    load(FIRST.replace("old@", "new@"), by="mallory")
    added, changed = entries(store)

    assert (added.act, changed.act) == ("register:customer:added", "register:customer:changed")
    assert (changed.actor, changed.subject) == ("mallory", "contoso")
    assert changed.facts["fields"] == ["contoso-holder.email", "default_email"]
    assert "@contoso.example" not in added.model_dump_json() + changed.model_dump_json()
    assert last_change(store)["default_email"] == ("old@contoso.example", "new@contoso.example")
    assert store.read(lambda uow: uow.audit.verify()) == 4


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ("Contoso Ltd", "Fabrikam Ltd", "name"),
        ("01632 960001", "01632 960099", "phone"),
        ("Jo Mason", "Mo Jason", "contoso-holder.name"),
        ("dp@", "me@", "contoso-dp.email"),
        ("en-GB", "cy-GB", "locale"),
    ],
)
def test_every_part_of_a_contact_is_told_apart(
    store: PipelineStore, load: Sheet, before: str, after: str, field: str
) -> None:
    load(FIRST)
    load(FIRST.replace(before, after))

    assert field in last_change(store)


def test_a_person_that_an_import_removes_is_written_down(store: PipelineStore, load: Sheet) -> None:
    load(FIRST)
    load(FIRST.replace("dp@contoso.example", ""))

    assert last_change(store)["contoso-dp.email"] == ("dp@contoso.example", "")


def test_importing_the_same_again_writes_nothing_and_takes_no_change_over(
    store: PipelineStore, load: Sheet
) -> None:
    load(FIRST, by="mallory")
    load(FIRST, by="innocent")

    assert [entry.actor for entry in entries(store)] == ["mallory"]


def test_there_and_back_again_leaves_both_changes(store: PipelineStore, load: Sheet) -> None:
    load(FIRST)
    load(FIRST.replace("old@", "new@"), by="mallory")
    load(FIRST, by="innocent")

    assert [entry.actor for entry in entries(store)] == ["reg", "mallory", "innocent"]


def test_the_values_of_one_customer_are_erased_with_its_key_and_no_others(
    store: PipelineStore, load: Sheet
) -> None:
    from breachdesk.stores.sql.case_cipher import format_customer_key

    load(FIRST + FIRST.replace("contoso", "fabrikam"))
    key, now = format_customer_key("contoso"), store.now()
    store.write(lambda uow: uow.audit.erase(key, at=now, actor="ops", reason="asked for"))

    assert all(pair == ("", "") for pair in last_change(store).values())
    assert last_change(store, "fabrikam")["default_email"] == ("", "old@fabrikam.example")
    assert store.read(lambda uow: uow.audit.verify()) == 4


def test_an_asset_that_changes_hands_is_written_down_for_both(
    store: PipelineStore, load: Sheet
) -> None:
    load(FIRST + FIRST.replace("contoso", "fabrikam"))
    load("contoso,mailbox,jo@contoso.example,hosted mailbox\n", header=ASSETS)
    load("fabrikam,mailbox,jo@contoso.example,hosted mailbox\n", header=ASSETS, by="mallory")

    assert [e.act for e in entries(store)[1:]] == ["register:asset:bound", "register:asset:lost"]
    assert [e.actor for e in entries(store, "fabrikam")[1:]] == ["mallory"]
    assert "mailbox:jo@contoso.example" in last_change(store)["asset"][0]
    assert "mailbox:jo@contoso.example" in last_change(store, "fabrikam")["asset"][1]
    who = store.read(
        lambda uow: register_changes.list_asset_changers(uow, ChangeWindow(store.now(), 0))
    )
    assert who == {"reg", "mallory"}


def test_whose_an_unknown_name_is_counts_as_a_change_of_assets(
    store: PipelineStore, load: Sheet
) -> None:
    load(FIRST)
    who = make_actor(Permission.REGISTRAR, user_id="mallory")
    for _ in range(2):
        store.write(
            lambda uow: attribution.bind_asset(
                uow, who, "domain:contoso.example", "contoso", "", None, store.now()
            )
        )

    bound = [e for e in entries(store) if e.act == "register:asset:bound"]
    assert [e.actor for e in bound] == ["mallory"], "the second time changed nothing"
    asset_changers = store.read(
        lambda uow: register_changes.list_asset_changers(uow, ChangeWindow(store.now(), 0))
    )
    assert asset_changers == {"mallory"}


def test_an_import_of_nothing_new_makes_nobody_a_changer_of_assets(
    store: PipelineStore, load: Sheet
) -> None:
    load(FIRST)
    load("contoso,mailbox,jo@contoso.example,hosted mailbox\n", header=ASSETS)
    load("contoso,mailbox,jo@contoso.example,hosted mailbox\n", header=ASSETS, by="innocent")
    who = store.read(
        lambda uow: register_changes.list_asset_changers(uow, ChangeWindow(store.now(), 0))
    )

    assert who == {"reg"}
