"""A batch is read one source after another; what becomes of its records does not depend on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from breachdesk.stores.register.register_view import RegisterSnapshot
from schemas.pipeline.event import Event, RawRecord, RecordPosition
from schemas.pipeline.source import DeadLetter
from schemas.settings import Settings, SourceSettings
from streams.normalise.normaliser import EventNormaliser
from streams.normalise.record_readers import InProcessReader
from streams.parser_loading import load_parsers
from streams.ports import SourceCount, UnattributedCount

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SETTINGS = Settings(
    data_dir=Path("unused"),
    sources=[
        SourceSettings(name="hq", parser="sonicwall_firewall"),
        SourceSettings(name="branch", parser="sonicwall_firewall"),
        SourceSettings(name="web", parser="nginx_access"),
    ],
)
LINES = [example.line for parser in load_parsers(()).values() for example in parser.examples] + [
    "nobody understands this",
    "",
]
Result = tuple[
    list[str],
    list[DeadLetter],
    Sequence[SourceCount],
    Sequence[UnattributedCount],
    list[RecordPosition],
]


def told(event: Event) -> str:
    facts = (event.id, event.time, event.organization, event.unattributed, event.in_time)
    return repr((event.source, event.position, facts, sorted(event.fields.items(), key=repr)))


def normalised(records: Sequence[RawRecord]) -> Result:
    events: list[str] = []
    order: list[RecordPosition] = []

    def take(event: Event, record: RawRecord) -> None:
        assert event.position == record.position
        events.append(told(event))
        order.append(record.position)

    counter = EventNormaliser(InProcessReader(SETTINGS), SETTINGS).normalise(
        records, RegisterSnapshot([], 1), take
    )
    letters = sorted(counter.dead_letters, key=lambda letter: letter.position)
    return sorted(events), letters, counter.list_sources(), counter.list_unattributed(), order


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["hq", "web", "branch", "m365", "x"]), st.sampled_from(LINES)),
        max_size=12,
    )
)
def test_a_batch_of_many_sources_becomes_what_its_records_become_alone(
    rows: list[tuple[str, str]],
) -> None:
    records = [
        RawRecord(RecordPosition("j", number), source, line.encode(), NOON)
        for number, (source, line) in enumerate(rows, 1)
    ]
    alone = [normalised([record]) for record in records]

    events, letters, sources, _, order = normalised(records)

    assert events == sorted(text for each in alone for text in each[0])
    assert letters == [letter for each in alone for letter in each[1]]
    assert sum(count.received for count in sources) == len(records)
    source_of = {record.position: record.source for record in records}
    for source in set(source_of.values()):
        own = [position for position in order if source_of[position] == source]
        assert own == sorted(own)


def test_sources_of_one_format_are_read_concurrently() -> None:
    line = next(text for text in LINES if text.startswith("id=firewall"))
    page = next(text for text in LINES if "GET /portal" in text)
    names = ["hq", "web", "branch", "web", "hq"]
    records = [
        RawRecord(
            RecordPosition("j", number), name, (page if name == "web" else line).encode(), NOON
        )
        for number, name in enumerate(names, 1)
    ]

    order = normalised(records)[4]

    assert [position.offset for position in order] == [2, 4, 3, 1, 5]
