"""Choose the parser that reads a record, and name the record's event.

A record is offered whole and without its frames (streams.normalise.frames). No two parsers claim
the same record, so the order of attempts changes the cost and never the result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import RawRecord, digest_id
from schemas.pipeline.plugin import (
    NO_FRAME,
    IgnoredLine,
    ParsedEvent,
    Parser,
    SourceLine,
    load_plugins,
)
from schemas.settings import SourceSettings
from streams.normalise.frames import (
    is_object,
    open_frames,
    order_levels,
    order_outer_levels,
    put_frame,
)
from streams.normalise.hint_scan import MOST_SAMPLED, GroupedLine, HintNumbers, HintScan
from streams.normalise.refusals import (
    NotUnderstood,
    build_not_understood,
    build_set_aside,
    choose_refusal,
    remove_traceback,
)
from streams.normalise.relayed import list_restored
from streams.ports import Outcome
from streams.tokenizers.identifiers import shorten_identifier
from streams.tokenizers.stamps import format_zulu
from streams.tokenizers.zones import get_zone

INVALID_UTF8 = "invalid_utf8"
TIME_SUSPECT = "time_suspect"
"""Tag of an event whose stamp no clock can have: it got the time of its arrival."""
FIRST_YEAR = 1990
"""Earlier stamps come from a device that was never told the time."""
MOST_READERS = 10_000
"""Sets of hints and tags of which it is remembered who read the last such line."""
_LINE_ENDS = frozenset({"\r", "\n"})
MOST_SOURCES = 10_000
"""Of which it is remembered who read their lines: whoever may send may invent names."""


_ReaderKey = tuple[HintNumbers, str | None]
"""The hints of a line, and its tag."""


class AttemptResult(StrEnum):
    """What a parser made of a line at one level."""

    NO_HINT = "no_hint"
    NOT_CLAIMED = "not_claimed"
    REFUSED = "refused"
    IGNORED = "ignored"
    READ = "read"


class ParserAttempt(NamedTuple):
    """One parser at one level of a record."""

    level: SourceLine
    parser: Parser
    result: AttemptResult
    error: UnparseableRecord | None


class _RecognisedSource:
    """What is known of one source: its settings, and which parsers likely read its next line."""

    __slots__ = (
        "configured",
        "field_map",
        "is_mixed",
        "is_varied",
        "last",
        "max_future",
        "settings",
        "zone",
    )

    def __init__(self, settings: SourceSettings, configured: Parser | None) -> None:
        self.settings = settings
        self.zone = get_zone(settings.zone)
        self.max_future = timedelta(minutes=settings.max_future_minutes)
        self.field_map = settings.fields
        self.configured = configured
        self.last: Parser | None = None
        """The parser that read the last line; never one of a shared format."""

        self.is_mixed = False
        """Whether another parser read the line before: then the last one is not asked first."""

        self.is_varied = True
        """Whether more than one parser read its lines since they were last grouped, or may have."""

    def record_parser(self, parser: Parser) -> None:
        """Record that the parser read the source's last line."""
        self.is_mixed = self.last is not None and parser is not self.last
        self.is_varied = self.is_varied or self.is_mixed
        if not parser.is_fallback and (self.configured is None or parser is self.configured):
            self.last = parser


class FormatRecogniser:
    """Remembers, per source, which parsers read its last lines."""

    def __init__(
        self,
        parsers: Mapping[str, Parser] | None = None,
        may_try: Callable[[str], bool] | None = None,
    ) -> None:
        """Create the reader. `may_try` is called before a parser sees the present record; False
        sets the record aside."""
        available = load_plugins("streams.parsers", "PARSER") if parsers is None else parsers
        self._parsers: dict[str, Parser] = dict(available)
        self._may_try = may_try
        self._sources: dict[str, _RecognisedSource] = {}
        self._scan = HintScan(self._parsers)
        self._readers: dict[_ReaderKey, Parser] = {}
        self._likely: dict[HintNumbers, str] = {}
        self.trying = ""
        """Id of the parser that sees the record in hand."""

    def read(
        self, record: RawRecord, settings: SourceSettings
    ) -> tuple[str, ParsedEvent | IgnoredLine]:
        """Return the parser's id, and what the record contains.

        Raises NotUnderstood, SetAside, or UnparseableRecord with a `place` that begins with the
        parser that failed."""
        outcome = self.read_or_refuse(record, settings)
        if isinstance(outcome, UnparseableRecord):
            raise outcome
        return outcome

    def group_lines(
        self, records: Sequence[RawRecord], settings: Sequence[SourceSettings]
    ) -> Sequence[GroupedLine]:
        """Put together the records that one parser likely reads.

        Lines that the same code reads one after another cost half of lines that alternate among
        eighty parsers: the processor's caches hold one parser at a time."""
        groups: dict[str | HintNumbers, list[GroupedLine]] = {}
        varied: dict[str, bool] = {}
        for number, record in enumerate(records):
            is_varied = varied.get(record.source)
            if is_varied is None:
                source = self._get_source(record.source, settings[number])
                is_varied = source.is_varied
                if source.last is None:
                    sample = records[number : number + MOST_SAMPLED]
                    raws = [each.raw for each in sample if each.source == record.source]
                    is_varied = not self._scan.have_parser(raws)
                varied[record.source] = is_varied
                source.is_varied = False
            hints: HintNumbers | None = None
            likely: str | HintNumbers = record.source
            if is_varied:
                hints = self._scan.find(record.raw)
                likely = self._likely.get(hints, hints)
            group = groups.get(likely)
            if group is None:
                group = groups[likely] = []
            group.append((number, hints))
        return [line for group in groups.values() for line in group]

    def read_or_refuse(
        self, record: RawRecord, settings: SourceSettings, hints: HintNumbers | None = None
    ) -> Outcome:
        """Read like `read`, but return the error: raising one costs more than most lines. `hints`:
        those of the record, if they are known."""
        source = self._get_source(record.source, settings)
        text, valid = decode(record.raw)
        line = _build_line(text, record, source)
        outcome = self._read(line, record.raw, source, hints)
        if isinstance(outcome, NotUnderstood):
            outcome = self._read_restored(line, source, outcome)
        if (
            not valid
            and not isinstance(outcome, UnparseableRecord)
            and isinstance(outcome[1], ParsedEvent)
        ):
            fields = outcome[1].fields
            fields["tags"] = [*fields.get("tags", ()), INVALID_UTF8]
        return outcome

    def list_attempts(self, record: RawRecord, settings: SourceSettings) -> list[ParserAttempt]:
        """List what every parser makes of the record at every level, the outermost first."""
        source = self._remember(record.source, settings)
        line = _build_line(decode(record.raw)[0], record, source)
        levels = open_frames(line)
        hints = self._scan.find(record.raw)
        hinted = [*self._scan.get_parsers(hints), source.configured]
        attempts: list[ParserAttempt] = []
        for level in levels:
            for parser in self._parsers.values():
                if parser not in hinted:
                    attempts.append(ParserAttempt(level, parser, AttemptResult.NO_HINT, None))
                elif not parser.claims(level):
                    attempts.append(ParserAttempt(level, parser, AttemptResult.NOT_CLAIMED, None))
                else:
                    attempts.append(_attempt(parser, level))
        return attempts

    def _get_source(self, name: str, settings: SourceSettings) -> _RecognisedSource:
        source = self._sources.get(name)
        if source is None or source.settings is not settings:
            source = self._remember(name, settings)
        return source

    def _remember(self, name: str, settings: SourceSettings) -> _RecognisedSource:
        source = _RecognisedSource(settings, self._parsers.get(settings.parser))
        if len(self._sources) >= MOST_SOURCES:
            self._sources.clear()
        self._sources[name] = source
        return source

    def _read(
        self, line: SourceLine, raw: bytes, source: _RecognisedSource, hints: HintNumbers | None
    ) -> Outcome:
        """Ask the parser that read the source's last line. Of an object only the whole: what is
        inside it may be words for people."""
        parser = source.last
        if parser is None or source.is_mixed or hints is not None:
            return self._read_unlikely(line, raw, source, None, hints)
        whole = is_object(line.text)
        levels = [line] if whole else open_frames(line)
        for depth in order_outer_levels(levels):
            parsed = self._try(parser, levels[depth], [], checks_claim=True)
            if parsed is not None:
                return parser.id, _complete(parsed, levels[depth])
        return self._read_unlikely(line, raw, source, None if whole else levels, None)

    def _read_unlikely(
        self,
        line: SourceLine,
        raw: bytes,
        source: _RecognisedSource,
        levels: list[SourceLine] | None,
        hints: HintNumbers | None,
    ) -> Outcome:
        """Ask only the parsers with a hint that occurs in the line, and the configured one: first
        who read the last line with the same hints and the same tag."""
        if hints is None:
            hints = self._scan.find(raw)
        configured, parsers = source.configured, self._scan.get_parsers(hints)
        if configured is not None:
            parsers = [configured, *(each for each in parsers if each is not configured)]
        if not parsers:
            return build_not_understood()
        refusals: list[UnparseableRecord] = []
        levels = open_frames(line) if levels is None else levels
        key = None if configured is not None else (hints, levels[-1].frame.app)
        reader = None if key is None else self._readers.get(key)
        outcome = None if reader is None else self._ask_again(reader, levels, source)
        if outcome is not None:
            return outcome
        for parser, depth in _order_attempts(parsers, levels, configured):
            checks_claim = parser is not configured
            parsed = self._try(parser, levels[depth], refusals, checks_claim=checks_claim)
            if parsed is not None:
                source.record_parser(parser)
                self._record_reader(key, parser)
                return parser.id, _complete(parsed, levels[depth])
        return choose_refusal(refusals)

    def _read_restored(
        self, line: SourceLine, source: _RecognisedSource, outcome: NotUnderstood
    ) -> Outcome:
        for restored in list_restored(open_frames(line)):
            raw = restored.text.encode("utf-8", "surrogatepass")
            again = self._read_unlikely(restored, raw, source, None, None)
            if not isinstance(again, UnparseableRecord):
                return again
        return outcome

    def _ask_again(
        self, parser: Parser, levels: Sequence[SourceLine], source: _RecognisedSource
    ) -> Outcome | None:
        """Ask the parser that read a similar line; None: it does not read this one."""
        for depth in order_outer_levels(levels):
            parsed = self._try(parser, levels[depth], [], checks_claim=True)
            if parsed is not None:
                source.record_parser(parser)
                return parser.id, _complete(parsed, levels[depth])
        return None

    def _record_reader(self, key: _ReaderKey | None, parser: Parser) -> None:
        if key is None or parser.is_fallback:
            return
        if len(self._readers) >= MOST_READERS:
            self._readers.clear()
            self._likely.clear()
        self._readers[key] = parser
        self._likely[key[0]] = parser.id

    def _try(
        self,
        parser: Parser,
        line: SourceLine,
        refusals: list[UnparseableRecord],
        *,
        checks_claim: bool,
    ) -> ParsedEvent | IgnoredLine | None:
        """Return what the line contains, or None if it is not for this parser, or if `refusals` got
        the reason."""
        self.trying = parser.id
        if self._may_try is not None and not self._may_try(parser.id):
            refusals.append(build_set_aside(parser.id))
            return None
        if checks_claim and not parser.is_sure and not parser.claims(line):
            return None
        try:
            return parser.parse(line)
        except UnparseableRecord as error:
            if checks_claim and parser.is_sure and not parser.claims(line):
                return None
            error.place = error.place or parser.id
            refusals.append(remove_traceback(error))
            return None


def _order_attempts(
    parsers: Sequence[Parser], levels: Sequence[SourceLine], configured: Parser | None
) -> Iterator[tuple[Parser, int]]:
    """Yield parsers and levels in the order in which they are asked, those of shared formats after
    all others."""
    order = order_levels(levels)
    own = [each for each in parsers if not each.is_fallback or each is configured]
    for several in (own, parsers[len(own) :]):
        for depth in order if several else ():
            for parser in several:
                yield parser, depth


def _attempt(parser: Parser, level: SourceLine) -> ParserAttempt:
    """Ask a parser that claims the level."""
    try:
        parsed = parser.parse(level)
    except UnparseableRecord as error:
        return ParserAttempt(level, parser, AttemptResult.REFUSED, error)
    ignored = isinstance(parsed, IgnoredLine)
    return ParserAttempt(
        level, parser, AttemptResult.IGNORED if ignored else AttemptResult.READ, None
    )


def _build_line(text: str, record: RawRecord, source: _RecognisedSource) -> SourceLine:
    return SourceLine(
        text,
        record.arrived,
        source.zone,
        record.source,
        NO_FRAME,
        source.max_future,
        source.field_map,
    )


def _complete(parsed: ParsedEvent | IgnoredLine, line: SourceLine) -> ParsedEvent | IgnoredLine:
    """Complete an event by what only the frames say, and check its time."""
    if isinstance(parsed, IgnoredLine):
        return parsed
    frame, time = line.frame, parsed.time
    if frame is not NO_FRAME:
        put_frame(parsed.fields, frame)
        time = time or frame.time
    if time is not None and (time > line.arrived + line.max_future or time.year < FIRST_YEAR):
        fields = parsed.fields
        if time.year >= FIRST_YEAR:
            fields.setdefault("event.created", format_zulu(time))
        fields["tags"] = [*fields.get("tags", ()), TIME_SUSPECT]
        time = line.arrived
    if time is parsed.time:
        return parsed
    # dataclasses.replace costs three times as much.
    return ParsedEvent(
        time, parsed.fields, parsed.id, parsed.session, is_retelling=parsed.is_retelling
    )


def decode(raw: bytes) -> tuple[str, bool]:
    r"""Decode the record without byte order mark and line end, and return whether it was valid
    UTF-8; other bytes appear as \\xNN."""
    try:
        text, valid = raw.decode(), True
    except UnicodeDecodeError:
        text, valid = raw.decode("utf-8", "backslashreplace"), False
    if text[-1:] in _LINE_ENDS:
        text = text.rstrip("\r\n")
    return text.removeprefix("\ufeff"), valid


def compute_event_id(source: str, raw: bytes, vendor_id: str | None) -> str:
    """Return the vendor's id of the act (a very long one's hash), else a digest of source and
    bytes."""
    return digest_id(source, raw) if vendor_id is None else shorten_identifier(vendor_id)


def get_dataset(parser: str, act: ParsedEvent) -> str:
    """Convert `linux_sshd` to `linux.sshd`; an event that came in ECS keeps its dataset."""
    named = act.fields.get("event.dataset")
    if isinstance(named, str) and named:
        return shorten_identifier(named)
    return _format_dataset(parser)


@cache
def _format_dataset(parser: str) -> str:
    return parser.replace("_", ".", 1)
