"""streams.ports.RecordReader: both adapters give the same outcomes for the same records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import slow_parsers

from breachdesk.demo.lines import build_lines
from breachdesk.demo.setup import list_in_arrival_order
from schemas.errors import ConfigurationError, UnparseableRecord
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent
from schemas.settings import ReadingSettings, Settings, SourceSettings
from streams.normalise.record_readers import InProcessReader, ParserFailed
from streams.normalise.refusals import NotUnderstood
from streams.parser_process.adapter import MOST_RECORDS, ParserProcess
from streams.ports import Outcome, RecordReader
from streams.ports.metrics import NullParserMetrics

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SSH = b"Nov 22 01:06:15 web01 sshd[7]: Failed password for root from 192.0.2.1 port 1 ssh2"
WEB = b'192.0.2.1 - - [22/Nov/2026:01:06:15 +0000] "GET / HTTP/1.1" 200 1 "-" "x"'

Make = Callable[..., Any]


def in_process(settings: Settings) -> RecordReader:
    return InProcessReader(settings)


def in_a_child(settings: Settings) -> RecordReader:
    return ParserProcess(settings, NullParserMetrics())


@pytest.fixture(params=[in_process, in_a_child])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    record_readers: list[RecordReader] = []

    def reader(**settings: Any) -> RecordReader:
        settings.setdefault("reading", ReadingSettings(parsers=(slow_parsers.NAME,)))
        record_readers.append(request.param(Settings(data_dir=tmp_path, **settings)))
        return record_readers[-1]

    yield reader
    for each in record_readers:
        if isinstance(each, ParserProcess):
            each.close()


def records(*raws: bytes, source: str = "s", arrived: datetime = NOON) -> list[RawRecord]:
    return [RawRecord(RecordPosition("j", n), source, raw, arrived) for n, raw in enumerate(raws)]


@dataclass(frozen=True)
class Problem:
    """An UnparseableRecord as something that can be compared."""

    kind: type[UnparseableRecord]
    problem: str
    place: str
    remedy: str


def compared(outcome: Outcome) -> Any:
    if isinstance(outcome, UnparseableRecord):
        return Problem(type(outcome), outcome.problem, outcome.place, outcome.remedy)
    return outcome


def read(reader: RecordReader, raw_records: Sequence[RawRecord]) -> list[Any]:
    return [compared(each) for each in reader.read(raw_records)]


def test_records_are_read_in_order_each_by_the_parser_that_claims_it(make: Make) -> None:
    outcomes = read(make(), records(SSH, WEB, b"SLOW quick", WEB))

    assert [each[0] for each in outcomes] == [
        "linux_sshd",
        "nginx_access",
        "slow_test",
        "nginx_access",
    ]
    assert outcomes[0][1].fields["user.name"] == "root"


def test_lines_of_formats_in_turn_come_back_in_their_order(make: Make) -> None:
    odd = [b"SLOW quick", b"some secret words", b"SLOW fold"]
    lines = [SSH, WEB, *odd] * (MOST_RECORDS // 2)
    reader = make()
    alone = [read(reader, records(line))[0] for line in lines[:5]]

    assert read(reader, records(*lines)) == alone * (MOST_RECORDS // 2)


def test_no_records_give_no_outcomes(make: Make) -> None:
    assert read(make(), []) == []


def test_every_kind_of_plain_value_arrives_as_it_was(make: Make) -> None:
    ((parser, result),) = read(make(), records(b"SLOW rich"))

    assert parser == "slow_test"
    assert result == slow_parsers.rich(None)  # type: ignore[arg-type]
    assert [type(each) for each in result.fields.values()] == [
        type(each)
        for each in slow_parsers.rich(None).fields.values()  # type: ignore[arg-type]
    ]


def test_a_folded_line_tells_its_key_and_reason(make: Make) -> None:
    assert read(make(), records(b"SLOW fold")) == [("slow_test", IgnoredLine("retold"))]


def test_what_nobody_claims_is_not_understood_and_is_not_quoted(make: Make) -> None:
    (problem,) = read(make(), records(b"some secret words"))

    assert problem.kind is NotUnderstood
    assert problem.remedy
    assert "secret" not in str(problem)


def test_a_refusal_keeps_place_and_remedy(make: Make) -> None:
    (problem,) = read(make(), records(b"SLOW refuse"))

    assert problem == Problem(UnparseableRecord, "no act in it", "slow_test: field 3", "Replay it.")


def test_a_parser_that_raises_costs_its_own_record_only_and_quotes_nothing(make: Make) -> None:
    first, failed, last = read(make(), records(SSH, b"SLOW fail secret", WEB))

    assert first[0] == "linux_sshd"
    assert (failed.kind, failed.place) == (ParserFailed, "slow_test")
    assert "KeyError" in failed.problem
    assert "secret" not in str(failed)
    assert last[0] == "nginx_access"


@pytest.mark.parametrize("word", ["odd", "deep"])
def test_a_value_that_no_event_can_hold_costs_its_own_record_only(make: Make, word: str) -> None:
    failed, after = read(make(), records(b"SLOW " + word.encode(), WEB))

    assert (failed.kind, failed.place) == (ParserFailed, "slow_test")
    assert after[0] == "nginx_access"


def test_the_settings_of_a_source_name_its_parser_and_zone(make: Make) -> None:
    sources = (SourceSettings(name="berlin", parser="apache_access", zone="Europe/Berlin"),)
    reader = make(sources=sources)
    web, ssh = read(reader, records(WEB, SSH, source="berlin"))

    assert web[0] == "apache_access"
    assert ssh[1].time == datetime(2026, 11, 22, 0, 6, 15, tzinfo=UTC)


def test_bytes_that_are_no_utf8_are_read_and_tagged(make: Make) -> None:
    ((_, result),) = read(make(), records(SSH.replace(b"root", b"caf\xe9")))

    assert result.fields["user.name"] == "caf\\xe9"
    assert result.fields["tags"] == ["invalid_utf8"]


def test_an_arrival_in_another_zone_is_the_same_moment(make: Make) -> None:
    west = timezone(timedelta(hours=-5))
    ((_, result),) = read(make(), records(b"SLOW quick", arrived=NOON.astimezone(west)))

    assert result.time == NOON
    assert result.time.tzinfo is UTC


def test_reading_that_stops_early_leaves_nothing_to_the_next(make: Make) -> None:
    reader = make()
    many = records(*[SSH] * (3 * MOST_RECORDS))
    with closing(reader.read(many)) as outcomes:
        next(outcomes)

    assert [each[0] for each in read(reader, records(WEB, SSH))] == ["nginx_access", "linux_sshd"]


def test_long_records_and_many_records_come_back_whole(make: Make) -> None:
    values = records(*[b"SLOW quick " + bytes([65 + n % 26]) * (n * 997) for n in range(600)])
    outcomes = read(make(), values)

    assert [len(each[1].fields["message"]) for each in outcomes] == [len(r.raw) for r in values]


@pytest.mark.parametrize(
    "name", ["no_such_module:PARSER", "slow_parsers:NOTHING", "slow_parsers:NAME", "", "a b:c"]
)
def test_a_parser_that_is_not_there_is_named(make: Make, name: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(make(reading=ReadingSettings(parsers=(name,))), records(SSH))

    assert "reading.parsers" in str(refused.value)


def test_both_adapters_read_the_demo_alike(tmp_path: Path) -> None:
    """All of its lines, in the order of their arrival."""
    settings = Settings(data_dir=tmp_path)
    rows = list_in_arrival_order(build_lines())
    values = [
        RawRecord(RecordPosition("j", number), source, raw, arrived)
        for number, (arrived, source, raw) in enumerate(rows)
    ]
    with closing(ParserProcess(settings, NullParserMetrics())) as child:
        outcomes = read(child, values)

    assert outcomes == read(InProcessReader(settings), values)
    assert (
        sum(isinstance(each, tuple) and isinstance(each[1], ParsedEvent) for each in outcomes)
        > 4_000
    )
