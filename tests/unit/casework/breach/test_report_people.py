"""The report's form proposes the suppliers and bodies that are written down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from breachdesk.casework.breach.report_prefill import build_proposals
from breachdesk.casework.records import informed_bodies, suppliers
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import START, FixedNow, add_confirmed_breach, make_actor, make_store
from schemas.casework.breach import Breach
from schemas.casework.breach_records import BodyTold, OtherBody
from schemas.casework.case_record import ContactRoute, SupplierNotice
from schemas.settings import Settings
from schemas.user import Permission

ANA = make_actor(Permission.ANALYST, user_id="ana")


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    with make_store(FixedNow()) as opened:
        yield opened


def test_suppliers_and_bodies_told_are_proposed_and_a_body_not_applicable_is_not(
    store: SqliteStore, tmp_path: Path
) -> None:
    breach: Breach = store.write(lambda uow: add_confirmed_breach(uow, START))
    before = store.read(
        lambda uow: build_proposals(uow, breach.id, "uk_ico", Settings(data_dir=tmp_path), START)
    )
    notice = SupplierNotice(
        id="", recorded_by="", recorded_at=START, supplier="Wires plc", told_at=START,
        route=ContactRoute.EMAIL, said="A line was tapped.",
    )  # fmt: skip
    police = BodyTold(
        breach_id=breach.id, version=0, entry=0, recorded_by="", recorded_at=START,
        body=OtherBody.POLICE, told_at=START, reference="42/7", told_by="Rhea Marsh",
    )  # fmt: skip
    insurer = police.model_copy(
        update={"body": OtherBody.INSURER, "applicable": False, "note": "No policy."}
    )
    store.write(
        lambda uow: suppliers.record_supplier_notice(uow, ANA, breach.case_id, notice, START)
    )
    for body in (police, insurer):
        store.write(lambda uow, body=body: informed_bodies.record_body(uow, ANA, body, START))

    proposals = store.read(
        lambda uow: build_proposals(uow, breach.id, "uk_pecr", Settings(data_dir=tmp_path), START)
    )
    assert "told_bodies" not in before.answers
    assert proposals.answers["told_bodies"] == "yes"
    assert proposals.answers["other_bodies"] == (
        "Police, told on 22 November 2026, reference 42/7",
    )
    assert proposals.answers["other_providers_words"] == "Wires plc"
    assert proposals.origins["other_bodies"] == "people and bodies"
