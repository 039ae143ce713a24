"""Read one record of any content: the outcome holds plain values only, and an error inside a parser
affects that record only."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import RawRecord
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent
from schemas.settings import Settings, SourceSettings
from streams.normalise.hint_scan import HintNumbers
from streams.normalise.recognise import FormatRecogniser
from streams.parser_loading import load_parsers
from streams.ports import Outcome

MOST_TOGETHER = 4_000
"""Records that are grouped by what likely reads them."""
MOST_LEVELS = 100
"""Of lists and mappings within each other in a value."""
REPLAY_REMEDY = "It is kept: mend the parser, then replay the dead letters."

_NAMES = frozenset({str})
_OPTIONAL_NAMES = frozenset({str, type(None)})
_PLAIN = frozenset({str, int, float, bool, type(None)})
_NESTED = frozenset({dict, list, tuple})


class ParserFailed(UnparseableRecord):
    """The parser raised what it must not raise, or gave what no event can hold."""


class InProcessReader:
    """streams.ports.RecordReader for libraries and tests: cannot end a record that takes too
    long."""

    def __init__(self, settings: Settings, recogniser: FormatRecogniser | None = None) -> None:
        """Loads the parsers of the settings, unless a recogniser brings its own."""
        self._settings = settings
        self._recogniser = recogniser or FormatRecogniser(load_parsers(settings.reading.parsers))
        self._sources: dict[str, SourceSettings] = {}

    def read(self, records: Sequence[RawRecord]) -> Generator[Outcome, None, None]:
        for begin in range(0, len(records), MOST_TOGETHER):
            yield from self._read_together(records[begin : begin + MOST_TOGETHER])

    def _read_together(self, records: Sequence[RawRecord]) -> Sequence[Outcome]:
        sources = [self._get_source(record.source) for record in records]
        outcomes: dict[int, Outcome] = {}
        recogniser = self._recogniser
        for number, hints in recogniser.group_lines(records, sources):
            outcomes[number] = read_one(recogniser, records[number], sources[number], hints)
        return [outcomes[number] for number in range(len(records))]

    def _get_source(self, name: str) -> SourceSettings:
        source = self._sources.get(name)
        if source is None:
            source = self._sources[name] = self._settings.get_source(name)
        return source


def read_one(
    recogniser: FormatRecogniser,
    record: RawRecord,
    source: SourceSettings,
    hints: HintNumbers | None = None,
) -> Outcome:
    """Raises MemoryError; every other exception of a parser becomes this record's outcome."""
    try:
        outcome = recogniser.read_or_refuse(record, source, hints)
    except UnparseableRecord as problem:
        return problem
    except MemoryError:
        raise
    except Exception as problem:  # noqa: BLE001 - the record becomes a dead letter
        return _build_failure(
            recogniser.trying, f"failed on this record ({type(problem).__name__})"
        )
    return outcome if isinstance(outcome, UnparseableRecord) else _check_outcome(outcome)


def _check_outcome(outcome: tuple[str, ParsedEvent | IgnoredLine]) -> Outcome:
    """Return the outcome if it has plain values only, else ParserFailed."""
    parser, parsed = outcome
    if (
        type(parsed) is ParsedEvent
        and type(parsed.id) in _OPTIONAL_NAMES
        and type(parsed.session) in _OPTIONAL_NAMES
        and type(parsed.is_retelling) is bool
        and _has_plain_values(parsed.fields)
    ):
        time = parsed.time
        if time is None or (type(time) is datetime and time.tzinfo is UTC):
            return outcome
        return _convert_to_utc(parser, parsed)
    if type(parsed) is IgnoredLine and type(parsed.reason) is str:
        return parser, parsed
    return _build_failure(parser, "gave a value that no event can hold")


def _convert_to_utc(parser: str, act: ParsedEvent) -> Outcome:
    if not isinstance(act.time, datetime) or act.time.utcoffset() is None:
        return _build_failure(parser, "gave a time without a zone")
    return parser, replace(act, time=act.time.astimezone(UTC))


def _has_plain_values(fields: object) -> bool:
    """Whether the names are texts and the values plain. Most values that are not plain themselves
    are lists of texts."""
    if type(fields) is not dict or not _NAMES.issuperset(map(type, fields)):
        return False
    for value in fields.values():
        kind = type(value)
        if kind in _PLAIN or (kind is list and _PLAIN.issuperset(map(type, value))):
            continue
        if not _is_plain(value, MOST_LEVELS - 1):
            return False
    return True


def _is_plain(value: Any, levels: int) -> bool:
    """Whether the value is plain. Written as plain loops, because this runs for every field of
    every line."""
    kind = type(value)
    if levels == 0 or kind not in _NESTED:
        return kind in _PLAIN
    if kind is dict:
        for key in value:
            if type(key) is not str:
                return False
        value = value.values()
    for each in value:  # noqa: SIM110 - a generator costs twice as much
        if type(each) not in _PLAIN and not _is_plain(each, levels - 1):
            return False
    return True


def _build_failure(parser: str, problem: str) -> ParserFailed:
    return ParserFailed(problem, place=parser, remedy=REPLAY_REMEDY)
