"""The report's form proposes the suppliers and bodies that are written down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from breachdesk.casework import bodies, suppliers
from breachdesk.casework.report_prefill import proposals
from breachdesk.stores.sql_store import SqlStore
from breachdesk.testing import START, FixedNow, a_confirmed_breach, an_actor, memory_store
from schemas.around_breach import Body, BodyTold
from schemas.breach import Breach
from schemas.case_record import Route, SupplierNotice
from schemas.settings import Settings
from schemas.user import Duty

ANA = an_actor(Duty.ANALYST, user_id="ana")


@pytest.fixture
def store() -> Iterator[SqlStore]:
    with memory_store(FixedNow()) as opened:
        yield opened


def test_suppliers_and_bodies_told_are_proposed_and_a_body_not_applicable_is_not(
    store: SqlStore, tmp_path: Path
) -> None:
    breach: Breach = store.act(lambda uow: a_confirmed_breach(uow, START))
    before = store.look(
        lambda uow: proposals(uow, breach.id, "uk_ico", Settings(data_dir=tmp_path), START)
    )
    notice = SupplierNotice(
        id="", recorded_by="", recorded_at=START, supplier="Wires plc", told_at=START,
        route=Route.EMAIL, said="A line was tapped.",
    )  # fmt: skip
    police = BodyTold(
        breach_id=breach.id, version=0, entry=0, recorded_by="", recorded_at=START,
        body=Body.POLICE, told_at=START, reference="42/7", told_by="Rhea Marsh",
    )  # fmt: skip
    insurer = police.model_copy(
        update={"body": Body.INSURER, "applicable": False, "note": "No policy."}
    )
    store.act(lambda uow: suppliers.record_notice(uow, ANA, breach.case_id, notice, START))
    for told in (police, insurer):
        store.act(lambda uow, told=told: bodies.record_body(uow, ANA, told, START))

    found = store.look(
        lambda uow: proposals(uow, breach.id, "uk_pecr", Settings(data_dir=tmp_path), START)
    )
    assert "told_bodies" not in before.answers
    assert found.answers["told_bodies"] == "yes"
    assert found.answers["other_bodies"] == ("Police, told on 22 November 2026, reference 42/7",)
    assert found.answers["other_providers_words"] == "Wires plc"
    assert found.origins["other_bodies"] == "people and bodies"
