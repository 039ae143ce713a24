"""Maintenance between journal and store: gaps, dead letters, retention."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from functools import cached_property, partial

from breachdesk.bootstrap.anchoring import HeadRecorder
from breachdesk.bootstrap.container import Container
from breachdesk.casework.imports.binding_proposals import refresh_proposals
from breachdesk.casework.watching.watcher import SourceWatcher
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.errors import RetryableError
from schemas.pipeline.event import RecordPosition
from schemas.pipeline.source import DeadLetter, IncomingRecord
from streams.process.exports import DEAD_LETTERS, extract_raw
from streams.worker_app.embedded import PARTITION

PINNED_AT_ONCE = 500
REPEATED_AT_ONCE = 500
OPERATOR = "operator:cli"
PROPOSE_EVERY_SECONDS = 60.0


def store_gaps(container: Container) -> int:
    """Store blind intervals noted by listeners: they widen `possible`. Idempotent."""
    noted = container.log.list_gaps()
    fresh = (
        container.store.read(lambda uow: uow.sources.filter_unknown_gaps(noted)) if noted else ()
    )

    def add_gaps(uow: UnitOfWork) -> None:
        for gap in fresh:
            uow.sources.add_gap(gap)

    if fresh:
        container.store.write(add_gaps)
    return len(fresh)


class ProposalRefresher:
    """Proposes bindings anew when the register or the names that nobody owns have changed."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._signature: object = None
        self._due = 0.0

    def refresh_if_due(self) -> None:
        """Refresh at most once a minute."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + PROPOSE_EVERY_SECONDS
        # A store that refuses for now is asked again at the next look.
        with suppress(RetryableError):
            signature = self._container.store.read(_compute_signature)
            if signature != self._signature:
                now = self._container.now()
                self._container.store.write(lambda uow: refresh_proposals(uow, now))
                self._signature = signature


def _compute_signature(uow: UnitOfWork) -> object:
    names = uow.customers.list_unattributed()
    sizes = frozenset((name.key, name.events.bit_length()) for name in names)
    return uow.customers.get_version(), sizes


def watch_sources(
    container: Container, watcher: SourceWatcher, journals: Sequence[str] | None = None
) -> int:
    """Open and close operations alerts; returns how many changed. `journals`: the partitions that
    exist, where Kafka carries the records. Idempotent."""
    now, troubles = container.now(), container.troubles.list_current()
    findings = container.store.read(lambda uow: watcher.look(uow, now, journals, troubles))
    container.store.write(lambda uow: watcher.save(uow, findings))
    return len(findings.changes)


def run_chores(
    container: Container,
    anchoring: HeadRecorder,
    watcher: SourceWatcher,
    proposals: ProposalRefresher,
) -> None:
    """Run the workers' leader's tasks of each minute: store blind intervals, watch the sources,
    record the audit chain's head in its anchor file, propose bindings, and pin raw bytes of evidence
    beyond Kafka's retention. Idempotent."""
    store_gaps(container)
    anchoring.record_if_due()
    journals = container.topics.list_journals()
    watch_sources(container, watcher, journals)
    proposals.refresh_if_due()
    positions = sorted(container.store.read(lambda uow: uow.alerts.list_unpinned(journals)))
    for begin in range(0, len(positions), PINNED_AT_ONCE):
        records = container.topics.get_many(positions[begin : begin + PINNED_AT_ONCE])
        raw = {position: record.raw for position, record in records.items()}
        container.store.write(partial(_save_pinned, raw))


def _save_pinned(raw: Mapping[RecordPosition, bytes], uow: UnitOfWork) -> None:
    uow.alerts.save_pinned(raw)


def check_tail(container: Container) -> None:
    """Raise CorruptData when the journal has lost what the store has processed. Call it before the
    first append: new records would hide the loss."""
    container.journal.read(get_processed_position(container), 1)


def get_processed_position(container: Container) -> RecordPosition | None:
    """Return the position up to which the store has processed the journal."""
    return container.store.make_batch_sink().load_positions([PARTITION])[PARTITION].position


def replay_dead_letters(container: Container) -> tuple[int, int]:
    """Read them all again with today's parsers: (tried, became events). What an interrupted replay
    appended is processed first, so that it is not appended again."""
    worker = container.build_worker()
    worker.process_all()
    letters, positions = repeat_dead_letters(container)
    if not letters:
        return 0, 0
    worker.process_all()
    dead_again = container.store.make_batch_sink().find_dead_letters(positions)
    mended = len(positions) - len(dead_again)
    _record_replay(container, letters, mended)
    return letters, mended


def feed_dead_letters(container: Container) -> tuple[int, int]:
    """Feed all dead letters to the workers again, which record the result. Returns (letters,
    fed)."""
    letters, positions = repeat_dead_letters(container)
    _record_replay(container, letters, len(positions))
    return letters, len(positions)


def repeat_dead_letters(container: Container) -> tuple[int, Sequence[RecordPosition]]:
    """Append the records of all dead letters to the log again. Returns how many letters there are,
    and the positions of those whose bytes still exist."""
    bytes_of = RetainedBytes(container)
    positions: list[RecordPosition] = []
    letters = 0
    # All are listed first: a worker may fail on the first ones again while the last are read.
    for some in list(_waiting_letters(container)):
        letters += len(some)
        copies = [copy for letter in some if (copy := bytes_of.copy_letter(letter)) is not None]
        positions += container.log.append(copies)
    return letters, positions


def _waiting_letters(container: Container) -> Iterator[Sequence[DeadLetter]]:
    """Iterate over waiting letters in batches, in the order of the log."""
    after: RecordPosition | None = None
    while some := container.store.read(
        partial(_letters_after, position=after, limit=REPEATED_AT_ONCE)
    ):
        yield some
        after = some[-1].position


def _letters_after(
    uow: UnitOfWork, position: RecordPosition | None, limit: int
) -> Sequence[DeadLetter]:
    return uow.sources.list_dead_letters_after(position, limit=limit)


class RetainedBytes:
    """The bytes of dead letters: from the log, or, where Kafka carries the records and its raw
    topic has dropped them, from the topic of dead letters."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def copy_letter(self, letter: DeadLetter) -> IncomingRecord | None:
        """Copy the letter's record for appending again. None: its bytes no longer exist."""
        record = self._container.log.get(letter.position)
        if record is None:
            raw = self._exported.get(f"{letter.position.journal}:{letter.position.offset}")
            return None if raw is None else self._build_incoming(letter, extract_raw(raw))
        return replace(
            self._build_incoming(letter, record.raw),
            transport=record.transport,
            sender=record.sender,
            backfill=record.backfill,
            piece=record.piece,
        )

    def _build_incoming(self, letter: DeadLetter, raw: bytes) -> IncomingRecord:
        now = self._container.now()
        return IncomingRecord(
            letter.source, raw, now, transport="replay", replay_of=letter.position
        )

    @cached_property
    def _exported(self) -> Mapping[str, bytes]:
        if not self._container.settings.kafka.servers:
            return {}
        return self._container.topics.read_export_topic(DEAD_LETTERS)


def _record_replay(container: Container, tried: int, mended: int) -> None:
    if not tried:
        return
    container.store.write(
        lambda uow: uow.audit.record(
            at=container.now(),
            actor=OPERATOR,
            action=AuditAction.SOURCES_DEAD_LETTERS_REPLAYED,
            subject="dead-letters",
            facts={"tried": tried, "mended": mended},
        )
    )


def drop_expired_days(container: Container, days: int, *, dry_run: bool) -> list[str]:
    """Drop the journal's days older than that, all processed ones; their ISO dates.

    Raw lines that are evidence of an alert are pinned in the store first. Raises NotAllowed for a
    day that is not fully processed.
    """
    oldest = (container.now() - timedelta(days=days)).date()
    over = [day for day in container.journal.list_days() if day < oldest]
    if not dry_run:
        position = get_processed_position(container)
        for day in over:
            save_evidence(container, day)
            container.journal.drop_day(day, processed=position)
        _record_dropped_days(container, [day.isoformat() for day in over])
    return [day.isoformat() for day in over]


def save_evidence(container: Container, day: date) -> int:
    """Copy the raw bytes of that day's evidence from the journal into the store; how many."""
    journals = container.journal.list_journals(day)

    def save_raw_evidence(uow: UnitOfWork) -> int:
        raw_records = [(p, container.log.get(p)) for p in uow.alerts.list_unpinned(journals)]
        uow.alerts.save_pinned(
            {position: record.raw for position, record in raw_records if record is not None}
        )
        return len(raw_records)

    return container.store.write(save_raw_evidence)


def _record_dropped_days(container: Container, dropped: list[str]) -> None:
    if dropped:
        container.store.write(
            lambda uow: uow.audit.record(
                at=container.now(),
                actor=OPERATOR,
                action=AuditAction.JOURNAL_DAYS_DROPPED,
                subject="journal",
                facts={"days": dropped},
            )
        )
