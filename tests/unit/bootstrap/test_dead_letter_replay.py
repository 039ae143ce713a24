"""Dead letters are replayed without doubling, whatever ended a replay and however often it runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breachdesk.bootstrap import data_paths, upkeep
from breachdesk.bootstrap.container import Container
from schemas.pipeline.event import RecordPosition
from schemas.pipeline.plugin import Parser
from schemas.pipeline.source import IncomingRecord
from schemas.settings import Settings, SourceSettings
from streams.event_logs.sqlite import SqliteEventLog
from streams.normalise.recognise import FormatRecogniser
from streams.normalise.record_readers import InProcessReader
from streams.parser_loading import load_parsers

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
SOURCE = "servers"
READABLE = [
    f"Nov 30 11:{minute:02}:00 web01 sshd[{minute}]: Failed password for root from"
    f" 203.0.113.{minute} port 4022 ssh2"
    for minute in range(12)
]
UNREADABLE = [f"zork unit={number} spoke to nobody" for number in range(5)]
SSHD = load_parsers(())["linux_sshd"]


class TestedContainer(Container):
    """Reads in this process: a process for each step of a test takes a second."""

    __test__ = False
    parsers: Mapping[str, Parser] = MappingProxyType({})

    def open_reader(self, meter: Any = None) -> Any:
        return InProcessReader(self.settings, FormatRecogniser(self.parsers))

    def learn(self) -> None:
        self.parsers = {SSHD.id: SSHD}


Opened = TypeVar("Opened", bound=TestedContainer)


def open_container(folder: Path, kind: type[Opened]) -> Opened:
    minutes = iter(range(10_000))
    return kind(
        Settings(data_dir=folder, sources=(SourceSettings(name=SOURCE, zone="UTC"),)),
        lambda: NOON + timedelta(minutes=next(minutes)),
    )


@pytest.fixture
def container(tmp_path: Path) -> Iterator[TestedContainer]:
    with open_container(tmp_path, TestedContainer) as opened:
        ingest(opened)
        yield opened


def ingest(container: TestedContainer) -> None:
    lines = [*READABLE[:6], *UNREADABLE, *READABLE[6:]]
    container.log.append([IncomingRecord(SOURCE, line.encode(), container.now()) for line in lines])
    container.build_worker().process_all()


def count(container: TestedContainer) -> dict[str, int]:
    (view,) = container.store.read(lambda uow: uow.sources.list())
    return {
        "received": view.received,
        "parsed": view.parsed,
        "refused": view.dead_letters + view.not_understood,
    }


def waiting(container: TestedContainer) -> Counter[bytes]:
    letters = container.store.read(lambda uow: uow.sources.list_dead_letters())
    records = [container.log.get(letter.position) for letter in letters]
    return Counter(record.raw for record in records if record is not None)


def interrupt(container: TestedContainer, batches: int) -> None:
    """Begin a replay, and end before anything that it appended is processed."""
    repeated = upkeep._waiting_letters(container)
    bytes_of = upkeep.RetainedBytes(container)
    for _, some in zip(range(batches), repeated, strict=False):
        container.log.append([copy for each in some if (copy := bytes_of.copy_letter(each))])


ALL = len(READABLE) + len(UNREADABLE)


def test_a_replay_that_changes_nothing_doubles_nothing(container: TestedContainer) -> None:
    before = (count(container), waiting(container))

    assert upkeep.replay_dead_letters(container) == (ALL, 0)
    assert upkeep.replay_dead_letters(container) == (ALL, 0)

    assert (count(container), waiting(container)) == before
    assert before[0] == {"received": ALL, "parsed": 0, "refused": ALL}


def test_a_parser_that_learnt_a_format_makes_each_record_an_event_once(
    container: TestedContainer,
) -> None:
    container.learn()

    assert upkeep.replay_dead_letters(container) == (ALL, len(READABLE))
    assert upkeep.replay_dead_letters(container) == (len(UNREADABLE), 0)

    assert waiting(container) == Counter(line.encode() for line in UNREADABLE)
    assert count(container)["received"] == ALL
    assert count(container)["parsed"] == len(READABLE)


def test_a_replay_goes_on_where_a_killed_one_ended(
    container: TestedContainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "REPEATED_AT_ONCE", 4)
    interrupt(container, batches=2)
    container.learn()

    assert upkeep.replay_dead_letters(container) == (ALL - 8 + 2, len(READABLE) - 6)

    assert waiting(container) == Counter(line.encode() for line in UNREADABLE)
    assert count(container)["received"] == ALL
    assert count(container)["parsed"] == len(READABLE)


class BusyJournal(SqliteEventLog):
    """Lets a worker process what is appended at once, as those on Kafka may."""

    container: TestedContainer | None = None

    def append(self, records: Sequence[IncomingRecord]) -> Sequence[RecordPosition]:
        positions = super().append(records)
        if self.container is not None:
            self.container.build_worker().process_all()
        assert positions[-1].offset < 5 * ALL, "letters are fed again and again"
        return positions


class BusyContainer(TestedContainer):
    @cached_property
    def journal(self) -> BusyJournal:
        return BusyJournal(data_paths.get_journal_dir(self.settings), self.now)


def test_letters_that_fail_again_while_others_are_fed_are_fed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "REPEATED_AT_ONCE", 4)
    with open_container(tmp_path, BusyContainer) as container:
        ingest(container)
        container.journal.container = container

        assert upkeep.feed_dead_letters(container) == (ALL, ALL)
        assert count(container)["received"] == ALL


STEPS = st.one_of(
    st.just("replay"),
    st.just("feed"),
    st.just("process"),
    st.just("learn"),
    st.integers(1, 5),
)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(STEPS, max_size=6))
def test_no_order_of_replays_and_kills_doubles_or_loses_a_record(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str | int]
) -> None:
    """`feed` is a replay whose copies wait, as with Kafka; a number, one that was killed."""
    with (
        pytest.MonkeyPatch.context() as patch,
        open_container(tmp_path_factory.mktemp("data"), TestedContainer) as container,
    ):
        patch.setattr(upkeep, "REPEATED_AT_ONCE", 4)
        ingest(container)
        for step in steps:
            if step == "replay":
                upkeep.replay_dead_letters(container)
            elif step == "feed":
                upkeep.feed_dead_letters(container)
            elif step == "process":
                container.build_worker().process_all()
            elif step == "learn":
                container.learn()
            else:
                interrupt(container, int(step))
        container.learn()
        upkeep.replay_dead_letters(container)

        assert waiting(container) == Counter(line.encode() for line in UNREADABLE)
        assert count(container)["received"] == ALL
        assert count(container)["parsed"] == len(READABLE)
