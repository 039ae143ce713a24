"""Work between journal and store that neither knows of: gaps, dead letters, retention."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cached_property, partial

from breachdesk.bootstrap.anchoring import Anchoring
from breachdesk.bootstrap.house import Premises
from breachdesk.ports import UnitOfWork
from schemas.event import Position
from schemas.source import DeadLetter, Incoming
from streams.process.exports import DEAD_LETTERS, raw_of
from streams.worker_app.embedded import PARTITION

PINNED_AT_ONCE = 500
REPEATED_AT_ONCE = 500
OPERATOR = "operator:cli"


def carry_gaps(house: Premises) -> int:
    """Blind intervals noted by listeners, into the store: they widen `possible`. Idempotent."""
    noted = house.log.gaps()
    fresh = house.store.look(lambda uow: uow.sources.unknown_gaps(noted)) if noted else ()

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
    journals = house.topics.journals()
    positions = sorted(house.store.look(lambda uow: uow.alerts.unpinned(journals)))
    for begin in range(0, len(positions), PINNED_AT_ONCE):
        records = house.topics.get_many(positions[begin : begin + PINNED_AT_ONCE])
        raw = {position: record.raw for position, record in records.items()}
        house.store.act(partial(_pin, raw))


def _pin(raw: Mapping[Position, bytes], uow: UnitOfWork) -> None:
    uow.alerts.pin(raw)


def check_tail(house: Premises) -> None:
    """Raises Corrupt when the journal has lost what the store has processed; ask before the first
    append, for afterwards new records hide the loss."""
    house.journal.read(processed(house), 1)


def processed(house: Premises) -> Position | None:
    """Up to where the store has processed the journal."""
    return house.store.batch_sink().positions([PARTITION])[PARTITION].position


def replay_dead_letters(house: Premises) -> tuple[int, int]:
    """Read them all again with today's parsers: (tried, became events)."""
    letters, positions = repeat_dead_letters(house)
    if not letters:
        return 0, 0
    house.worker().drain()
    dead_again = house.store.batch_sink().dead(positions)
    mended = len(positions) - len(dead_again)
    _record_replay(house, letters, mended)
    return letters, mended


def feed_dead_letters(house: Premises) -> tuple[int, int]:
    """Have the workers read them all again; they tell what becomes of them: (letters, fed)."""
    letters, positions = repeat_dead_letters(house)
    _record_replay(house, letters, len(positions))
    return letters, len(positions)


def repeat_dead_letters(house: Premises) -> tuple[int, Sequence[Position]]:
    """Append the records of all dead letters to the log again: how many letters there are, and
    where those stand whose bytes are still kept."""
    bytes_of = KeptBytes(house)
    positions: list[Position] = []
    letters = 0
    for some in _waiting_letters(house):
        letters += len(some)
        copies = [copy for letter in some if (copy := bytes_of.copy(letter)) is not None]
        positions += house.log.append(copies)
    return letters, positions


def _waiting_letters(house: Premises) -> Iterator[Sequence[DeadLetter]]:
    """Some at a time, in the order of the log. What dies again meanwhile stands after the last."""
    after: Position | None = None
    while some := house.store.look(partial(_letters_after, position=after, limit=REPEATED_AT_ONCE)):
        yield some
        after = some[-1].position


def _letters_after(uow: UnitOfWork, position: Position | None, limit: int) -> Sequence[DeadLetter]:
    return uow.sources.letters_after(position, limit=limit)


class KeptBytes:
    """The bytes of dead letters: from the log, or, where Kafka carries the records and its raw topic
    has dropped them, from the topic of dead letters."""

    def __init__(self, house: Premises) -> None:
        self._house = house

    def copy(self, letter: DeadLetter) -> Incoming | None:
        """The letter's record, to be appended again; None: nothing holds its bytes any more."""
        record = self._house.log.get(letter.position)
        if record is None:
            raw = self._exported.get(f"{letter.position.journal}:{letter.position.offset}")
            return None if raw is None else self._incoming(letter, raw_of(raw))
        return replace(
            self._incoming(letter, record.raw),
            transport=record.transport,
            sender=record.sender,
            backfill=record.backfill,
            piece=record.piece,
        )

    def _incoming(self, letter: DeadLetter, raw: bytes) -> Incoming:
        now = self._house.now()
        return Incoming(letter.source, raw, now, transport="replay", replay_of=letter.position)

    @cached_property
    def _exported(self) -> Mapping[str, bytes]:
        if not self._house.settings.kafka.servers:
            return {}
        return self._house.topics.exported(DEAD_LETTERS)


def _record_replay(house: Premises, tried: int, mended: int) -> None:
    if not tried:
        return
    house.store.act(
        lambda uow: uow.audit.record(
            at=house.now(),
            actor=OPERATOR,
            act="sources:dead_letters:replayed",
            subject="dead-letters",
            facts={"tried": tried, "mended": mended},
        )
    )


def retention(house: Premises, days: int, *, dry_run: bool) -> list[str]:
    """Drop the journal's days older than that, all processed ones; their ISO dates.

    Raw lines that are evidence of an alert are pinned in the store first. Raises NotAllowed for a
    day that is not fully processed.
    """
    oldest = (house.now() - timedelta(days=days)).date()
    over = [day for day in house.journal.days() if day < oldest]
    if not dry_run:
        position = processed(house)
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
        uow.alerts.pin({position: record.raw for position, record in found if record is not None})
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
