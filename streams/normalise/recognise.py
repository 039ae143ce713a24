"""Choose the parser that reads a record, and name the record's event.

A record is offered whole and without its frames (streams.normalise.frames). No two parsers claim
the same record, so the order of attempts changes the cost and never the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import RawRecord, digest_id
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, SourceLine, load_plugins
from schemas.settings import SourceSettings
from streams.normalise.frames import is_object, open_frames
from streams.ports import Outcome
from streams.tokenizers.identifiers import shorten_identifier
from streams.tokenizers.zones import get_zone

INVALID_UTF8 = "invalid_utf8"
_LINE_ENDS = frozenset({"\r", "\n"})
MOST_SOURCES = 10_000
"""Of which it is remembered who read their lines: whoever may send may invent names."""


class NotUnderstood(UnparseableRecord):
    """No parser claims the line: kept, counted for its source, shown, and replayable."""


class SetAside(UnparseableRecord):
    """Lines like this one took its parser too long: this one was not read, and is replayable."""


class _RecognisedSource:
    """What is known of one source: its settings, and which parsers likely read its next line."""

    __slots__ = ("configured", "depth", "last", "likely", "settings", "zone")

    def __init__(self, settings: SourceSettings, configured: Parser | None) -> None:
        self.settings = settings
        self.zone = get_zone(settings.zone)
        self.configured = configured
        self.last: Parser | None = None
        self.depth = 0
        """Frames around the last line that was read."""
        self.likely: tuple[tuple[Parser, bool], ...] = ()
        """Each with whether it is asked if it claims the line."""
        self._sort_parsers()

    def record_parser(self, parser: Parser, depth: int) -> None:
        """Record that the parser read the source's last line, within so many frames."""
        self.depth = depth
        if parser is not self.last:
            self.last = parser
            self._sort_parsers()

    def _sort_parsers(self) -> None:
        configured, last = self.configured, self.last
        likely = [] if configured is None else [(configured, False)]
        if last is not None and last is not configured:
            likely.append((last, True))
        self.likely = tuple(likely)


class FormatRecogniser:
    """Remembers, per source, which parser read its last line."""

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
        hints = {hint for parser in self._parsers.values() for hint in parser.hints}
        self._hints = [
            (hint, [parser.id for parser in self._parsers.values() if hint in parser.hints])
            for hint in sorted(hints)
        ]
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

    def read_or_refuse(self, record: RawRecord, settings: SourceSettings) -> Outcome:
        """Read like `read`, but return the error: raising one costs more than most lines."""
        source = self._sources.get(record.source)
        if source is None or source.settings is not settings:
            source = self._remember(record.source, settings)
        text, valid = decode(record.raw)
        line = SourceLine(text, record.arrived, source.zone, record.source)
        outcome = self._read(line, record.raw, source)
        if (
            not valid
            and not isinstance(outcome, UnparseableRecord)
            and isinstance(outcome[1], ParsedEvent)
        ):
            fields = outcome[1].fields
            fields["tags"] = [*fields.get("tags", ()), INVALID_UTF8]
        return outcome

    def _remember(self, name: str, settings: SourceSettings) -> _RecognisedSource:
        source = _RecognisedSource(settings, self._parsers.get(settings.parser))
        if len(self._sources) >= MOST_SOURCES:
            self._sources.clear()
        self._sources[name] = source
        return source

    def _read(self, line: SourceLine, raw: bytes, source: _RecognisedSource) -> Outcome:
        refusals: list[UnparseableRecord] = []
        levels = [line] if source.depth == 0 else open_frames(line)
        depth = source.depth
        if depth < len(levels):
            for parser, checks_claim in source.likely:
                parsed = self._try(parser, levels[depth], refusals, checks_claim=checks_claim)
                if parsed is not None:
                    source.record_parser(parser, depth)
                    return parser.id, _complete(parsed, levels[depth])
        return self._read_unlikely(line, raw, source)

    def _read_unlikely(self, line: SourceLine, raw: bytes, source: _RecognisedSource) -> Outcome:
        """Ask only the parsers with a hint that occurs in the line, and the configured one.

        An object is asked for whole first: what is inside it may be words for people. Text is asked
        for without its frames first."""
        hinted = {name for hint, names in self._hints if hint in raw for name in names}
        parsers = [
            parser
            for parser in self._parsers.values()
            if parser.id in hinted or parser is source.configured
        ]
        refusals: list[UnparseableRecord] = []
        if parsers:
            levels = open_frames(line)
            depths = range(len(levels))
            for depth in depths if is_object(line.text) else reversed(depths):
                for parser in parsers:
                    checks_claim = parser is not source.configured
                    parsed = self._try(parser, levels[depth], refusals, checks_claim=checks_claim)
                    if parsed is not None:
                        source.record_parser(parser, depth)
                        return parser.id, _complete(parsed, levels[depth])
        for refusal in refusals:
            if isinstance(refusal, SetAside):
                return refusal
        return refusals[0] if refusals else _build_not_understood()

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
            refusals.append(_build_set_aside(parser.id))
            return None
        if checks_claim and not parser.is_sure and not parser.claims(line):
            return None
        try:
            return parser.parse(line)
        except UnparseableRecord as error:
            if checks_claim and parser.is_sure and not parser.claims(line):
                return None
            error.place = error.place or parser.id
            refusals.append(_remove_traceback(error))
            return None


def _complete(parsed: ParsedEvent | IgnoredLine, line: SourceLine) -> ParsedEvent | IgnoredLine:
    """Complete an event by what only the frames say: its time, and a shipper's facts."""
    if isinstance(parsed, IgnoredLine):
        return parsed
    frame = line.frame
    for name, value in frame.facts.items():
        parsed.fields.setdefault(name, value)
    if parsed.time is not None or frame.time is None:
        return parsed
    return replace(parsed, time=frame.time)


def _remove_traceback(error: UnparseableRecord) -> UnparseableRecord:
    """Remove the traceback, which would keep the frames and the line in memory."""
    error.__traceback__ = error.__cause__ = error.__context__ = None
    return error


def _build_set_aside(parser: str) -> SetAside:
    return SetAside(
        "set aside unread, because lines like it took this parser too long",
        place=parser,
        remedy="It is kept: mend the parser, then replay the dead letters.",
    )


def _build_not_understood() -> NotUnderstood:
    return NotUnderstood(
        "no parser understands this line",
        remedy="It is kept: name the source's parser, or add one, then replay the dead letters.",
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
