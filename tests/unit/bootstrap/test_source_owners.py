"""Whose a source is: the register says it, else the settings."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from breachdesk.bootstrap.container import Container
from breachdesk.ports import UnitOfWork
from breachdesk.testing import START, FixedNow, make_binding, make_customer
from schemas.customer import PROVIDER, AssetKind
from schemas.pipeline.source import BlindInterval
from schemas.settings import Settings, SourceSettings

END = START + timedelta(hours=1)


def test_a_source_belongs_to_the_customer_of_its_settings_unless_it_is_bound(
    tmp_path: Path,
) -> None:
    named = (
        SourceSettings(name="Orchard-Firewall", owner="orchard"),
        SourceSettings(name="moved", owner="orchard"),
        SourceSettings(name="ours"),
    )

    def fill(uow: UnitOfWork) -> None:
        for customer in ("orchard", "mill"):
            uow.customers.save(make_customer(customer))
        uow.customers.bind(make_binding("moved", "mill", kind=AssetKind.SOURCE), START)
        for name in ("Orchard-Firewall", "moved", "ours", "stranger"):
            uow.sources.add_gap(BlindInterval(source=name, begin=START, end=END, reason="silent"))

    with Container(Settings(data_dir=tmp_path, sources=named), FixedNow()) as container:
        container.store.write(fill)
        seen = {s.name: s.owner for s in container.store.read(lambda uow: uow.sources.list())}
        acted = {s.name: s.owner for s in container.store.write(lambda uow: uow.sources.list())}

    assert seen == {
        "Orchard-Firewall": "orchard",
        "moved": "mill",
        "ours": PROVIDER,
        "stranger": PROVIDER,
    }
    assert acted == seen
