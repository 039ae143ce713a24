"""Tell which customers and services are watched by what, and what nothing watches."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from breachdesk.ports import UnitOfWork
from breachdesk.watch_port import CoverageGap, ServiceCoverage
from schemas.customer import AssetKind, Binding, FrozenModel
from schemas.paging import Page, PageRequest
from schemas.pipeline.operations import OperationsKind
from streams.ports import SourceSighting

WATCHED_DAYS = 7
"""An asset that no source told of for so long is not watched."""
KIND_WORDS = {
    AssetKind.TENANT: ("tenant", "tenants", "audited"),
    AssetKind.MAILBOX: ("mailbox", "mailboxes", "seen"),
    AssetKind.DOMAIN: ("domain", "domains", "seen"),
    AssetKind.HOST: ("host", "hosts", "heard"),
    AssetKind.IP: ("address", "addresses", "seen"),
    AssetKind.SITE: ("site", "sites", "seen"),
    AssetKind.SOURCE: ("own source", "own sources", "heard"),
    AssetKind.SERVICE: ("service", "services", "seen"),
}


class WatchState(StrEnum):
    """Is a customer's service watched?"""

    WATCHED = "watched"
    PARTLY = "partly"
    """Some of its assets are, or a source that tells of it is silent."""
    UNWATCHED = "unwatched"


class WatchingSource(FrozenModel):
    """A source that tells of a customer's service."""

    name: str
    last_seen: datetime
    """The hour of arrival in which it did last."""
    is_silent: bool


class CoverageRow(FrozenModel):
    """One kind of service of one customer."""

    customer: str
    name: str
    service: str
    """As the register names it; else the kind of asset."""
    kinds: tuple[AssetKind, ...]
    assets: int
    watched: int
    state: WatchState
    sources: tuple[WatchingSource, ...]

    @property
    def last_seen(self) -> datetime | None:
        """When any source told of it last. None: none did."""
        return max((source.last_seen for source in self.sources), default=None)


class KindTotal(FrozenModel):
    """How many assets of a kind are watched."""

    kind: AssetKind
    assets: int
    watched: int

    @property
    def sentence(self) -> str:
        """`31 of 40 tenants audited`."""
        one, several, verb = KIND_WORDS[self.kind]
        return f"{self.watched:,} of {self.assets:,} {one if self.assets == 1 else several} {verb}"


class CoverageTotals(FrozenModel):
    """Of the whole register."""

    customers: int
    unwatched: int
    """Customers of which no source tells."""
    kinds: tuple[KindTotal, ...]

    @property
    def sentence(self) -> str:
        """`3 customers are watched by nothing`."""
        if not self.unwatched:
            return "every customer is watched by something"
        verb = "customer is" if self.unwatched == 1 else "customers are"
        return f"{self.unwatched:,} {verb} watched by nothing"


@dataclass(frozen=True)
class CoveragePage:
    """Rows of a page of customers, who may have several."""

    page: Page[str]
    rows: Sequence[CoverageRow]


def read_totals(uow: UnitOfWork, now: datetime) -> CoverageTotals:
    """Count the register's assets, and those that are watched."""
    since = compute_since(now)
    customers, unwatched = uow.coverage.count_customers(since)
    return CoverageTotals(
        customers=customers,
        unwatched=unwatched,
        kinds=sum_kinds(uow.coverage.count_services(since, now)),
    )


def sum_kinds(services: Iterable[ServiceCoverage]) -> tuple[KindTotal, ...]:
    """Sum to one total for each kind of asset, in the order of the kinds."""
    totals: dict[AssetKind, KindTotal] = {}
    for service in services:
        known = totals.get(service.kind, KindTotal(kind=service.kind, assets=0, watched=0))
        totals[service.kind] = KindTotal(
            kind=service.kind,
            assets=known.assets + service.assets,
            watched=known.watched + service.watched,
        )
    return tuple(totals[kind] for kind in AssetKind if kind in totals)


def read_page(
    uow: UnitOfWork,
    request: PageRequest,
    now: datetime,
    gap: CoverageGap | None = None,
    words: str | None = None,
) -> CoveragePage:
    """Read a page of customers with the services of each."""
    since = compute_since(now)
    page = uow.coverage.list_customers_page(request, since, now, gap, words)
    bindings: dict[str, list[Binding]] = {}
    for binding in uow.customers.list_bindings_of(page.rows):
        if binding.valid_to is None or binding.valid_to > now:
            bindings.setdefault(binding.customer_id, []).append(binding)
    sightings: dict[str, list[SourceSighting]] = {}
    for sighting in uow.watch.list_sightings(page.rows):
        sightings.setdefault(sighting.customer, []).append(sighting)
    silent = {a.source for a in uow.watch.list_open() if a.kind is OperationsKind.SILENT}
    names = uow.customers.get_names(page.rows)
    rows = [
        row
        for customer in page.rows
        for row in build_rows(
            customer,
            names.get(customer, customer),
            bindings.get(customer, ()),
            sightings.get(customer, ()),
            silent,
            since,
        )
    ]
    return CoveragePage(page, rows)


def build_rows(
    customer: str,
    name: str,
    bindings: Sequence[Binding],
    sightings: Sequence[SourceSighting],
    silent: Iterable[str],
    since: int,
) -> Sequence[CoverageRow]:
    """Build a row for each kind of service, by name; one for a customer without assets, too."""
    silent = set(silent)
    by_asset: dict[str, list[SourceSighting]] = {}
    for sighting in sightings:
        by_asset.setdefault(sighting.asset, []).append(sighting)
    services: dict[str, list[Binding]] = {}
    for binding in bindings:
        services.setdefault(binding.service or binding.kind.value, []).append(binding)
    rows = []
    for service, several in sorted(services.items()):
        seen = {b.asset: by_asset.get(b.asset, []) for b in several}
        sources = _list_sources((s for each in seen.values() for s in each), silent)
        watched = sum(any(s.hour >= since for s in each) for each in seen.values())
        rows.append(
            CoverageRow(
                customer=customer,
                name=name,
                service=service,
                kinds=tuple(sorted({b.kind for b in several})),
                assets=len(seen),
                watched=watched,
                state=_decide_state(len(seen), watched, sources),
                sources=sources,
            )
        )
    if rows:
        return rows
    sources = _list_sources(sightings, silent)
    is_seen = any(s.hour >= since for s in sightings)
    state = WatchState.PARTLY if is_seen else WatchState.UNWATCHED
    return [
        CoverageRow(
            customer=customer,
            name=name,
            service="no asset in the register",
            kinds=(),
            assets=0,
            watched=0,
            state=state,
            sources=sources,
        )
    ]


def _list_sources(
    sightings: Iterable[SourceSighting], silent: set[str]
) -> tuple[WatchingSource, ...]:
    newest: dict[str, int] = {}
    for sighting in sightings:
        newest[sighting.source] = max(sighting.hour, newest.get(sighting.source, 0))
    return tuple(
        WatchingSource(
            name=name,
            last_seen=datetime.fromtimestamp(hour * 3600, UTC),
            is_silent=name in silent,
        )
        for name, hour in sorted(newest.items())
    )


def _decide_state(assets: int, watched: int, sources: Sequence[WatchingSource]) -> WatchState:
    if not watched:
        return WatchState.UNWATCHED
    if watched < assets or all(source.is_silent for source in sources):
        return WatchState.PARTLY
    return WatchState.WATCHED


def compute_since(now: datetime) -> int:
    """Compute the hour from which on a sighting counts."""
    return int(now.timestamp() // 3600) - WATCHED_DAYS * 24


COLUMNS = ("customer", "name", "service", "assets", "watched", "state", "sources", "last_seen")


def describe_row(row: CoverageRow) -> Mapping[str, object]:
    """Describe a row for the table and CSV: sources as `name (silent)`."""
    return {
        **row.model_dump(include={"customer", "name", "service", "assets", "watched"}),
        "state": row.state.value,
        "sources": "; ".join(
            f"{source.name} (silent)" if source.is_silent else source.name for source in row.sources
        ),
        "last_seen": row.last_seen.isoformat() if row.last_seen else "",
    }


def export_csv(rows: Iterable[CoverageRow]) -> str:
    """Write the rows as CSV; no field begins as a formula of a spreadsheet does."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        fields = describe_row(row)
        writer.writerow([_quote_formula(str(fields[name])) for name in COLUMNS])
    return text.getvalue()


def _quote_formula(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
