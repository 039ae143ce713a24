"""Work between journal and store that neither knows of: gaps, dead letters, retention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from breachdesk.bootstrap.anchoring import Anchoring
from breachdesk.bootstrap.house import Premises
from breachdesk.ports import UnitOfWork
from schemas.event import Position, RawRecord
from streams.process.exports import DEAD_LETTERS, raw_of
from streams.worker import PARTITION

PINNED_AT_ONCE = 200
ALL_LETTERS = 1_000_000
OPERATOR = "operator:cli"


def carry_gaps(house: Premises) -> int:
    """Blind intervals noted by listeners, into the store: they widen `possible`. Idempotent."""
    noted = house.log.gaps()
    known = set(house.store.look(lambda uow: uow.sources.gaps())) if noted else set()
    fresh = [gap for gap in noted if gap not in known]

    def work(uow: UnitOfWork) -> None:
        for gap in fresh:
            uow.sources.add_gap(gap)

    if fresh:
        house.store.act(work)
    return len(fresh)


def chores(house: Premises, anchoring: Anchoring) -> None:
    """What the leader of the workers does once a minute: blind intervals into the store, the audit
    chain's head into its anchor file, and raw bytes of evidence beyond the reach of Kafka's
    retention. Idempotent."""
    carry_gaps(house)
    anchoring.keep_up()
    positions = house.store.look(lambda uow: uow.alerts.unpinned(house.topics.journals()))
    for begin in range(0, len(positions), PINNED_AT_ONCE):
        some = positions[begin : begin + PINNED_AT_ONCE]
        _pin(house, [(place, house.topics.get(place)) for place in some])


def _pin(house: Premises, found: Sequence[tuple[Position, RawRecord | None]]) -> None:
    def work(uow: UnitOfWork) -> None:
        for position, record in found:
            if record is not None:
                uow.alerts.pin(position, record.raw)

    house.store.act(work)


def check_tail(house: Premises) -> None:
    """Raises Corrupt when the journal has lost what the store has processed; ask before the first
    append, for afterwards new records hide the loss."""
    house.journal.read(house.store.legacy_sink().resume(PARTITION).position, 1)


def replay_dead_letters(house: Premises) -> tuple[int, int]:
    """Read them all again with today's parsers: (tried, became events)."""
    letters = house.store.look(lambda uow: uow.sources.dead_letters(limit=ALL_LETTERS))
    if not letters:
        return 0, 0
    outcome = house.worker().replay(letters)

    def work(uow: UnitOfWork) -> None:
        for position in outcome.replayed:
            uow.sources.replayed(position)

    house.store.act(work)
    _say_replayed(house, len(letters), len(outcome.replayed))
    return len(letters), len(outcome.replayed)


def _say_replayed(house: Premises, tried: int, mended: int) -> None:
    house.store.act(
        lambda uow: uow.audit.record(
            at=house.now(),
            actor=OPERATOR,
            act="sources:dead_letters:replayed",
            subject="dead-letters",
            facts={"tried": tried, "mended": mended},
        )
    )


def repeat_dead_letters(house: Premises) -> tuple[int, int]:
    """Feed them all to Kafka again; the workers tell what becomes of them: (letters, fed). Bytes
    that the raw topic has dropped come from the topic of dead letters."""
    letters = house.store.look(lambda uow: uow.sources.dead_letters(limit=ALL_LETTERS))
    kept: Mapping[str, bytes] | None = None
    fed = 0
    for letter in sorted(letters, key=lambda letter: letter.position):
        record = house.topics.get(letter.position)
        raw = None if record is None else record.raw
        if raw is None:
            kept = house.topics.exported(DEAD_LETTERS) if kept is None else kept
            exported = kept.get(f"{letter.position.journal}:{letter.position.offset}")
            raw = None if exported is None else raw_of(exported)
        if raw is not None:
            house.topics.repeat(letter, raw)
            fed += 1
    _say_replayed(house, len(letters), fed)
    return len(letters), fed


def retention(house: Premises, days: int, *, dry_run: bool) -> list[str]:
    """Drop the journal's days older than that, all processed ones; their ISO dates.

    Raw lines that are evidence of an alert are pinned in the store first. Raises NotAllowed for a
    day that is not fully processed.
    """
    oldest = (house.now() - timedelta(days=days)).date()
    over = [day for day in house.journal.days() if day < oldest]
    if not dry_run:
        position = house.store.legacy_sink().resume(PARTITION).position
        for day in over:
            pin_evidence(house, day)
            house.journal.drop_day(day, processed=position)
        _record(house, [day.isoformat() for day in over])
    return [day.isoformat() for day in over]


def pin_evidence(house: Premises, day: date) -> int:
    """Copy the raw bytes of that day's evidence from the journal into the store; how many."""
    journals = house.journal.journals(day)

    def work(uow: UnitOfWork) -> int:
        found = [(p, house.log.get(p)) for p in uow.alerts.unpinned(journals)]
        for position, record in found:
            if record is not None:
                uow.alerts.pin(position, record.raw)
        return len(found)

    return house.store.act(work)


def _record(house: Premises, dropped: list[str]) -> None:
    if dropped:
        house.store.act(
            lambda uow: uow.audit.record(
                at=house.now(),
                actor=OPERATOR,
                act="journal:days:dropped",
                subject="journal",
                facts={"days": dropped},
            )
        )
