"""Compute stamps of cases, which show what has to be recomputed.

A stamp consists of counts that only rise: versions, numbers of documents, writes of notices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.engine import Connection

from breachdesk.stores.sql import counters
from breachdesk.stores.sql.bulk_rows import match_any
from breachdesk.stores.tables.case_tables import (
    breaches,
    case_keys,
    case_records,
    cases,
    documents,
    notices,
)

REGISTER = "register"


def compute_stamps(connection: Connection, case_ids: Sequence[str]) -> Mapping[str, str]:
    """Compute the stamp of each of these cases that exists."""
    parts: dict[str, list[object]] = defaultdict(list)
    register = counters.get_current(connection, REGISTER)
    for query in _iterate_queries(connection, case_ids):
        for case_id, *counts in connection.execute(query):
            parts[case_id] += [*counts, ";"]
    return {case_id: ",".join(map(str, [register, *counts])) for case_id, counts in parts.items()}


def _iterate_queries(connection: Connection, case_ids: Sequence[str]) -> Iterator[Select[Any]]:
    """Yield queries with the case in the first column. A query without rows for a case adds nothing
    to its stamp, so the first row changes it."""
    these = match_any(connection, breaches.c.case_id, case_ids)
    yield select(cases.c.id, cases.c.version).where(match_any(connection, cases.c.id, case_ids))
    yield select(breaches.c.case_id, breaches.c.version, breaches.c.paused).where(these)
    yield (
        select(breaches.c.case_id, func.count(), func.max(documents.c.id))
        .join(documents, documents.c.breach_id == breaches.c.id)
        .where(these)
        .group_by(breaches.c.case_id)
    )
    yield (
        select(breaches.c.case_id, func.count(), func.sum(func.coalesce(notices.c.writes, 0)))
        .join(notices, notices.c.breach_id == breaches.c.id)
        .where(these)
        .group_by(breaches.c.case_id)
    )
    yield (
        select(case_records.c.scope, func.count(), func.sum(case_records.c.version))
        .where(match_any(connection, case_records.c.scope, case_ids))
        .group_by(case_records.c.scope)
    )
    yield select(case_keys.c.case_id, case_keys.c.erased_at).where(
        match_any(connection, case_keys.c.case_id, case_ids), case_keys.c.erased_at.is_not(None)
    )
