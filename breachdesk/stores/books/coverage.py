"""Store which assets of the register are watched: bindings beside sightings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.engine import Connection

from breachdesk.stores.sql.keyset import KeysetPager, SortKey, count_rows
from breachdesk.stores.sql.listed_columns import fold_text
from breachdesk.stores.tables.case_tables import bindings, customers
from breachdesk.stores.tables.watch_tables import sightings
from breachdesk.watch_port import CoverageGap, ServiceCoverage
from schemas.customer import PROVIDER, AssetKind
from schemas.paging import Page, PageRequest

BY_ID = KeysetPager(SortKey(customers.c.id))


class SqlCoverageBook:
    """breachdesk.ports.CoverageBook."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def count_services(self, since: int, at: datetime) -> Sequence[ServiceCoverage]:
        """Count by kind and service; an asset that is bound twice at a time counts once."""
        asset = bindings.c
        is_watched = func.max(_select_newest_hour()) >= since
        assets = (
            select(asset.kind, asset.service, is_watched.label("is_watched"))
            .where(_is_current(at), asset.customer_id != PROVIDER)
            .group_by(asset.kind, asset.value, asset.service, asset.customer_id)
            .subquery()
        )
        query = (
            select(
                assets.c.kind,
                assets.c.service,
                func.count().label("assets"),
                func.count().filter(assets.c.is_watched).label("watched"),
            )
            .group_by(assets.c.kind, assets.c.service)
            .order_by(assets.c.kind, assets.c.service)
        )
        return [
            ServiceCoverage(AssetKind(row.kind), row.service, row.assets, row.watched)
            for row in self._connection.execute(query)
        ]

    def count_customers(self, since: int) -> tuple[int, int]:
        """Count all, and those without a sighting since then."""
        unwatched = select(customers.c.id).where(~_is_seen(since))
        return (
            count_rows(self._connection, select(customers.c.id)),
            count_rows(self._connection, unwatched),
        )

    def list_customers_page(
        self,
        request: PageRequest,
        since: int,
        at: datetime,
        gap: CoverageGap | None = None,
        words: str | None = None,
    ) -> Page[str]:
        """Return a page of ids, in their order."""
        query = select(customers.c.id)
        if words is not None:
            query = query.where(customers.c.words.contains(fold_text(words), autoescape=True))
        if gap is CoverageGap.NOTHING:
            query = query.where(~_is_seen(since))
        elif gap is CoverageGap.SOME:
            hour = func.coalesce(_select_newest_hour(), 0)
            unwatched = exists().where(
                bindings.c.customer_id == customers.c.id, _is_current(at), hour < since
            )
            query = query.where(or_(unwatched, ~_is_seen(since)))
        return BY_ID.read_page(self._connection, query, request, lambda row: str(row.id))


def _is_current(at: datetime) -> ColumnElement[bool]:
    columns = bindings.c
    return and_(columns.known_to.is_(None), or_(columns.valid_to.is_(None), columns.valid_to > at))


def _select_newest_hour() -> ColumnElement[int]:
    """Select the newest hour in which any source told of the binding's asset."""
    asset = bindings.c.kind + ":" + bindings.c.value
    return (
        select(func.max(sightings.c.hour))
        .where(sightings.c.customer == bindings.c.customer_id, sightings.c.asset == asset)
        .correlate(bindings)
        .scalar_subquery()
    )


def _is_seen(since: int) -> ColumnElement[bool]:
    return exists().where(sightings.c.customer == customers.c.id, sightings.c.hour >= since)
