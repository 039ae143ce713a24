"""Records are read in groups, and the outcomes are those of reading each alone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.settings import Settings, SourceSettings
from streams.normalise.recognise import FormatRecogniser
from streams.normalise.record_readers import InProcessReader
from streams.parser_loading import load_parsers
from streams.ports import Outcome

ARRIVED = datetime(2026, 11, 22, 12, tzinfo=UTC)
PARSERS = load_parsers()
LINES = [
    *(example.line.encode() for parser in PARSERS.values() for example in parser.examples[:2]),
    *(b"", b"{", b"Nov 22 01:06:15 web01 nobody[1]: reads this", b"\xff\xfe"),
]
SOURCES = (
    SourceSettings(name="mixed", zone="UTC"),
    SourceSettings(name="sshd", parser="linux_sshd", zone="UTC"),
)
READER = InProcessReader(Settings(data_dir=Path("unused"), sources=SOURCES))
ALONE = FormatRecogniser(PARSERS)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(SOURCES), st.sampled_from(LINES)), min_size=1, max_size=60
    )
)
def test_a_batch_gives_each_record_the_outcome_that_it_has_alone(
    rows: list[tuple[SourceSettings, bytes]],
) -> None:
    records = [
        RawRecord(RecordPosition("j", number), source.name, raw, ARRIVED)
        for number, (source, raw) in enumerate(rows)
    ]

    outcomes = list(READER.read(records))

    alone = [
        ALONE.read_or_refuse(record, source)
        for record, (source, _) in zip(records, rows, strict=True)
    ]
    assert list(map(_describe, outcomes)) == list(map(_describe, alone))


def test_lines_that_one_parser_reads_are_read_one_after_another() -> None:
    sshd = b"Nov 22 01:06:15 web01 sshd[1]: Failed password for jo from 192.0.2.9 port 4022 ssh2"
    postfix = (
        b"Nov 22 01:06:15 mx1 postfix/smtpd[1]: warning: a.example.com[192.0.2.9]:"
        b" SASL LOGIN authentication failed: x"
    )
    records = [
        RawRecord(RecordPosition("j", number), "mixed", raw, ARRIVED)
        for number, raw in enumerate([sshd, postfix] * 3)
    ]

    grouped = FormatRecogniser(PARSERS).group_lines(records, [SOURCES[0]] * len(records))

    assert [number for number, _ in grouped] == [0, 2, 4, 1, 3, 5]


def _describe(outcome: Outcome) -> object:
    if isinstance(outcome, UnparseableRecord):
        return type(outcome), outcome.problem, outcome.place
    return outcome
