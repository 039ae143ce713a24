"""A notice changes its state only as schemas.casework.notice_states allows: both stores, and the
double."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import product

import pytest
from store_adapters import ADAPTERS, fresh_store
from waiting_letters import LetterRows

from breachdesk.ports import Store
from breachdesk.testing import START, FixedNow, add_confirmed_breach
from notifiers.testing.channels import build_notice_row, build_outgoing
from notifiers.testing.sqlite_outbox import SqliteOutbox
from schemas.casework.notice import DeliveryStatus, NoticeRow
from schemas.casework.notice_states import TRANSITIONS, check_transition
from schemas.errors import NotAllowed

ALLOWED = {(b, a) for step in TRANSITIONS for b in step.before for a in step.after}
ALLOWED |= {(status, status) for status in DeliveryStatus}
Write = Callable[[DeliveryStatus, DeliveryStatus], NoticeRow]
"""Put the notice into the first state, write it in the second, and read it."""


@contextmanager
def over_a_store(adapter: str) -> Iterator[Write]:
    with fresh_store(adapter, FixedNow()) as store:
        yield store_writer(store)


def store_writer(store: Store) -> Write:
    breach = store.write(lambda uow: add_confirmed_breach(uow, START))
    row = store.write(lambda uow: uow.notices.enqueue(build_notice_row(1, breach_id=breach.id)))
    letters = LetterRows(store)

    def write(before: DeliveryStatus, after: DeliveryStatus) -> NoticeRow:
        letters.change(row.id, status=before)
        changed = letters.row(row.id).model_copy(update={"status": after})
        assert store.write(lambda uow: uow.notices.update(changed, expected=[before]))
        return letters.row(row.id)

    return write


@contextmanager
def over_the_double(_adapter: str) -> Iterator[Write]:
    with closing(SqliteOutbox()) as outbox:
        numbers = iter(range(1, 1000))

        def write(before: DeliveryStatus, after: DeliveryStatus) -> NoticeRow:
            row = build_notice_row(next(numbers), status=before)
            outbox.add_row(row, build_outgoing(row.id))
            outbox._write_row(row, status=after)
            return outbox.get_row(row.id)

        yield write


@pytest.fixture(params=[*ADAPTERS, "double"])
def write(request: pytest.FixtureRequest) -> Iterator[Write]:
    opened = over_the_double if request.param == "double" else over_a_store
    with opened(request.param) as writer:
        yield writer


def test_a_notice_is_written_in_a_state_that_the_table_allows(write: Write) -> None:
    for before, after in sorted(ALLOWED):
        assert write(before, after).status is after


def test_a_transition_that_the_table_lacks_is_refused_and_nothing_is_written(write: Write) -> None:
    refused = sorted(set(product(DeliveryStatus, DeliveryStatus)) - ALLOWED)
    assert refused

    for before, after in refused:
        with pytest.raises(NotAllowed, match=f"{before} does not become {after}"):
            write(before, after)


def test_a_refused_transition_leaves_the_stored_notice_unchanged() -> None:
    with fresh_store("sqlite", FixedNow()) as store:
        with pytest.raises(NotAllowed):
            store_writer(store)(DeliveryStatus.BOUNCED, DeliveryStatus.QUEUED)
        (row,) = LetterRows(store).rows()

    assert row.status is DeliveryStatus.BOUNCED


def test_an_unknown_end_never_expires_and_a_bounced_notice_never_leaves_again() -> None:
    for before, after in (
        (DeliveryStatus.UNKNOWN, DeliveryStatus.EXPIRED),
        (DeliveryStatus.BOUNCED, DeliveryStatus.SENDING),
    ):
        with pytest.raises(NotAllowed, match="notice-states"):
            check_transition(before, after, place="notice 1")
