"""Many bindings written at once leave what binding one after the other leaves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from breachdesk.stores.sql.time_spans import has_overlap, subtract_span
from breachdesk.testing import FixedNow, make_binding, make_store
from schemas.customer import Binding

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = st.none() | st.integers(0, 6).map(lambda day: BEGIN + timedelta(days=day))
UNKNOWN = {"id", "known_from", "known_to"}


@st.composite
def bindings(draw: st.DrawFn) -> Binding:
    begin, end = draw(DAYS), draw(DAYS)
    if begin is not None and end is not None and end <= begin:
        begin, end = (end, begin) if end < begin else (begin, None)
    value = draw(st.sampled_from(["one@x.example", "two@x.example"]))
    owner = draw(st.sampled_from(["contoso", "fabrikam"]))
    return make_binding(value, owner, valid_from=begin, valid_to=end)


@dataclass(frozen=True)
class Known:
    """A row of the table, as the algorithm of one binding after the other keeps it."""

    id: int
    binding: Binding
    known_from: datetime
    known_to: datetime | None = None


def plain(binding: Binding) -> dict[str, object]:
    return binding.model_dump(exclude=UNKNOWN)


def bound_one_after_another(batches: list[list[Binding]], times: list[datetime]) -> list[Known]:
    rows: list[Known] = []
    numbers = count(1)
    for batch, now in zip(batches, times, strict=True):
        for binding in batch:
            over = [
                row
                for row in rows
                if row.known_to is None
                and row.binding.asset == binding.asset
                and has_overlap(row.binding, binding)
            ]
            if any(plain(row.binding) == plain(binding) for row in over):
                continue
            for old in over:
                rows[rows.index(old)] = replace(old, known_to=now)
                rows += [Known(next(numbers), p, now) for p in subtract_span(old.binding, binding)]
            rows.append(Known(next(numbers), binding, now))
    return rows


@settings(max_examples=120, deadline=None)
@given(st.lists(st.lists(bindings(), min_size=1, max_size=8), min_size=1, max_size=3))
def test_many_bindings_at_once_leave_the_rows_of_one_after_another(
    batches: list[list[Binding]],
) -> None:
    now = FixedNow()
    times = [now.advance(days=1) for _ in batches]
    with make_store(now) as store:
        for batch, at in zip(batches, times, strict=True):
            store.write(lambda uow, b=batch, at=at: uow.customers.bind_all(b, at))
        stored = store.read(lambda uow: uow.customers.list_bindings(current=False))

    assert [(b.id, plain(b), b.known_from, b.known_to) for b in stored] == [
        (row.id, plain(row.binding), row.known_from, row.known_to)
        for row in bound_one_after_another(batches, times)
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(bindings(), min_size=1, max_size=8))
def test_a_binding_changes_something_unless_it_is_bound_exactly_so(some: list[Binding]) -> None:
    now = FixedNow()
    with make_store(now) as one, make_store(now) as other:
        together = one.write(lambda uow: uow.customers.bind_all(some, now()))
        alone = []
        for binding in some:
            before = other.read(lambda uow: uow.customers.get_version())
            other.write(lambda uow, b=binding: uow.customers.bind(b, now()))
            alone.append(other.read(lambda uow: uow.customers.get_version()) != before)

    assert list(together) == alone
