"""Wire the application: one object that owns the adapters of a data folder and closes them."""

from __future__ import annotations

import fcntl
import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from breachdesk.bootstrap import data_paths
from breachdesk.bootstrap.source_troubles import SourceTroubles
from breachdesk.casework.delivery import mail_hold
from breachdesk.casework.delivery.installation import SendingInstallation
from breachdesk.gdpr.law import read_law
from breachdesk.jurisdictions import list_jurisdictions
from breachdesk.ports import Now
from breachdesk.stores.attempt_files import AttemptFiles
from breachdesk.stores.open_store import open_store
from breachdesk.stores.ports import PipelineStore
from breachdesk.stores.register.replay_queue import SqlReplayQueue
from breachdesk.stores.sql.file_lock import FileLock
from notifiers.letters.render import JinjaRenderer
from schemas import private_files
from schemas.customer import PROVIDER
from schemas.errors import ConfigurationError, NotAllowed, RetryableError
from schemas.law import LawBook
from schemas.pipeline.rule import RuleInfo
from schemas.settings import SenderSettings, Settings
from streams.event_logs.sqlite import SqliteEventLog
from streams.parser_process.adapter import ParserProcess
from streams.ports import BatchSink, EventLog, RecordReader
from streams.ports.metrics import NullMetrics, NullParserMetrics, ParserMetrics, WorkerMetrics
from streams.process.pipeline import RecordPipeline
from streams.process.worker import StreamWorker, WorkerLimits
from streams.sigma.load import RuleBook, load_rules
from streams.worker_app.binding_replays import BindingReplayer
from streams.worker_app.embedded import PARTITION, EmbeddedWorker

if TYPE_CHECKING:
    from streams.event_logs.kafka import KafkaEventLog

BROKER_SECONDS = 15.0
"""How long a listener or a page waits for a broker that does not answer."""


def read_system_clock() -> datetime:
    """Read the machine's clock; nothing else does."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class RuleExplainer:
    """breachdesk.ports.Explainer over the loaded rules."""

    book: RuleBook

    def list_rules(self) -> Sequence[RuleInfo]:
        """List every loaded rule, by id."""
        return self.book.list_infos()


class Container:
    """The adapters of one data folder. Opens them when first asked for; use as a context."""

    def __init__(self, settings: Settings, now: Now = read_system_clock) -> None:
        self.settings = settings
        self.now = now
        self._locks: list[FileLock] = []
        private_files.make_folder(settings.data_dir)
        self._readers: list[ParserProcess] = []
        self.troubles = SourceTroubles()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @cached_property
    def log(self) -> EventLog:
        """Where records are received: Kafka when it is named, else the journal."""
        return self.topics if self.settings.kafka.servers else self.journal

    @cached_property
    def journal(self) -> SqliteEventLog:
        """The data folder's journal. Raises NotAllowed where Kafka carries the records."""
        if self.settings.kafka.servers:
            raise NotAllowed(
                "records are carried by Kafka, not by a journal",
                place="kafka.servers",
                remedy="Kafka's own retention drops them; see docs/howto/deploy-distributed.md.",
            )
        return SqliteEventLog(data_paths.get_journal_dir(self.settings), self.now)

    @cached_property
    def topics(self) -> KafkaEventLog:
        """Raw topics on Kafka."""
        # Only here: the embedded system does not install Kafka's clients.
        from streams.event_logs.kafka import KafkaEventLog

        return KafkaEventLog(self.settings, self.now, wait=BROKER_SECONDS)

    @cached_property
    def store(self) -> PipelineStore:
        """The store, migrated to the newest schema. It exports when Kafka is named. A new one is
        bound to this folder, or to its database server: a copy made later is known as one."""
        settings = self.settings
        store = open_store(
            data_paths.build_store_url(settings),
            now=self.now,
            settings=settings.store,
            exporting=bool(settings.kafka.servers),
            law=self.law,
            source_owners={
                source.name.casefold(): source.owner
                for source in settings.sources
                if source.owner != PROVIDER
            },
        )
        # Whoever only reads is not stopped by a disk that is full: the dispatcher asks again.
        with suppress(RetryableError):
            self._bind_store(store)
        return store

    @cached_property
    def law(self) -> LawBook:
        """The shipped law under the operator's corrections, read once. Raises ConfigurationError
        for a jurisdiction of the settings that nothing describes."""
        unknown = sorted(set(self.settings.jurisdictions) - set(list_jurisdictions()))
        if unknown:
            raise ConfigurationError(
                f"no jurisdiction {', '.join(unknown)}",
                place="jurisdictions",
                remedy=f"Use {', '.join(list_jurisdictions())}.",
            )
        book = read_law(data_paths.get_law_dir(self.settings))
        return book.model_copy(update={"reported_to": self.settings.jurisdictions})

    @cached_property
    def installation(self) -> SendingInstallation:
        """Installation that sends mail with the store in this folder; over a shared store that of
        the folder's first dispatcher, to be read only."""
        return self._build_installation(0)

    def open_installation(self) -> SendingInstallation:
        """Open the installation that this process sends from. Over a shared store several processes
        may use the folder: each has its own files until the container closes."""
        return (
            self._build_installation(self._allocate_number())
            if self._is_shared
            else self.installation
        )

    def _build_installation(self, number: int) -> SendingInstallation:
        return SendingInstallation(
            AttemptFiles(self.settings.data_dir, number), shared=self._is_shared
        )

    @property
    def _is_shared(self) -> bool:
        return self.settings.store.distributed

    def _bind_store(self, store: PipelineStore) -> None:
        now = self.now()
        if not self._is_shared:
            if store.read(self.installation.is_new):
                store.write(lambda uow: self.installation.establish(uow, now))
        elif store.read(mail_hold.is_server_unknown):
            server = store.get_server_identity()
            store.write(lambda uow: mail_hold.note_server(uow, server))

    def _allocate_number(self) -> int:
        """Allocate the first number that no live process has; closing the container releases it."""
        for number in count():
            lock = FileLock(self.settings.data_dir / f"dispatch.{number}.lock")
            if lock.try_hold():
                self._locks.append(lock)
                return number
            lock.close()
        raise AssertionError

    @cached_property
    def templates(self) -> Path:
        """Folder of the templates."""
        return data_paths.get_templates_dir(self.settings)

    @cached_property
    def renderer(self) -> JinjaRenderer:
        """Renderer of letters, scripts and reports."""
        return JinjaRenderer(self.templates, self.settings.profile.zone)

    @cached_property
    def rules(self) -> RuleBook:
        """Compiled rule pack."""
        return load_rules(data_paths.list_rules_dirs(self.settings))

    @cached_property
    def explainer(self) -> RuleExplainer:
        """Explainer of the rule pack."""
        return RuleExplainer(self.rules)

    def open_reader(self, meter: ParserMetrics | None = None) -> ParserProcess:
        """Open a parser in a process of its own, which ends at the latest with `close`."""
        reader = ParserProcess(self.settings, meter or NullParserMetrics())
        self._readers.append(reader)
        return reader

    def build_worker(
        self,
        sink: BatchSink | None = None,
        reader: RecordReader | None = None,
        meter: WorkerMetrics | None = None,
    ) -> EmbeddedWorker:
        """Build a worker over journal, pipeline and store. Only one may run for a data folder: hold
        its lock meanwhile. `sink` wraps the store's; `reader` is one that is watched."""
        tune_gc()
        meter = meter or NullMetrics()
        worker = StreamWorker(
            sink or self.store.make_batch_sink(),
            RecordPipeline(self.rules, reader or self.open_reader(), self.settings),
            self.store.make_asset_register(),
            lambda _records: self.now(),
            meter,
            build_worker_limits(self.settings),
            exporting=False,
        )
        queue = SqlReplayQueue(self.store)
        replayer = BindingReplayer(self.journal, worker, queue, self.now, PARTITION)
        return EmbeddedWorker(self.journal, worker, self.now, meter, replayer)

    def get_sender(self, sender_id: str | None = None) -> SenderSettings:
        """Return the named sender, else the first. Raises ConfigurationError when there is none."""
        for sender in self.settings.senders:
            if sender_id in (None, sender.id):
                return sender
        raise ConfigurationError(
            f"no sender {sender_id or ''}".rstrip(),
            place=str(self.settings.data_dir / "breachdesk.toml"),
            remedy="Add a [[senders]] table; see docs/howto/send-mail.md.",
        )

    def close(self) -> None:
        """Close every opened adapter."""
        while self._readers:
            self._readers.pop().close()
        self.__dict__.pop("log", None)
        for name in ("store", "journal", "topics"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()
        self.__dict__.pop("installation", None)
        while self._locks:
            self._locks.pop().close()


def build_worker_limits(settings: Settings) -> WorkerLimits:
    """Build the worker's limits from the settings."""
    detection = settings.detection
    return WorkerLimits(
        batch_records=settings.kafka.batch_records,
        batch_seconds=detection.batch_milliseconds / 1000,
        state_bytes=detection.disk_mib * 1024 * 1024,
        dead_letters=settings.kafka.dead_letter_limit,
    )


def tune_gc() -> None:
    """Raise the garbage collector's thresholds. The pipeline makes many long-lived objects and no
    cycles: collecting every 700 allocations took a fifth of its time (bench/pipeline.py)."""
    gc.set_threshold(60_000, 5, 1_000)


@contextmanager
def hold_lock(data_dir: Path, duty: str) -> Iterator[bool]:
    """Hold the folder's lock for a duty that only one process may do (`pipeline`, `dispatch`):
    True when this process may, False when another does."""
    private_files.make_folder(data_dir)
    descriptor = os.open(data_dir / f"{duty}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield _lock_file(descriptor)
    finally:
        os.close(descriptor)


def _lock_file(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise RetryableError(
            "the folder's lock cannot be taken", remedy="Check the disk."
        ) from error
    return True
