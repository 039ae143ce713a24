"""Which parser reads a record, and what the record's event is called.

No two parsers claim the same line, so what is tried first changes the cost and never the result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping

from schemas.errors import Unparseable
from schemas.event import RawRecord
from schemas.plugin import Act, Folded, Line, Parser, load_plugins
from schemas.settings import SourceSettings
from streams.tokenizers.identifiers import shorten_identifier
from streams.tokenizers.zones import zone_named

INVALID_UTF8 = "invalid_utf8"


class NotUnderstood(Unparseable):
    """No parser claims the line: kept, counted for its source, shown, and replayable."""


class SetAside(Unparseable):
    """Lines like this one took its parser too long: this one was not read, and is replayable."""


class Recogniser:
    """Remembers, per source, which parser read its last line."""

    def __init__(
        self,
        parsers: Mapping[str, Parser] | None = None,
        may_try: Callable[[str], bool] = lambda _parser: True,
    ) -> None:
        """`may_try`: is asked before a parser sees the record in hand; False sets it aside."""
        given = load_plugins("streams.parsers", "PARSER") if parsers is None else parsers
        self._parsers: dict[str, Parser] = dict(given)
        self._may_try = may_try
        self._last: dict[str, Parser] = {}
        self.trying = ""
        """Id of the parser that sees the record in hand."""

    def read(self, record: RawRecord, source: SourceSettings) -> tuple[str, Act | Folded]:
        """Parser id, and what the record tells.

        Raises NotUnderstood, SetAside, or Unparseable whose `place` begins with the parser that
        failed.
        """
        text, valid = decode(record.raw)
        line = Line(text, record.arrived, zone_named(source.zone), record.source)
        parser, told = self._read(line, record.raw, source)
        if not valid and isinstance(told, Act):
            told.fields["tags"] = [*told.fields.get("tags", ()), INVALID_UTF8]
        return parser.id, told

    def _read(self, line: Line, raw: bytes, source: SourceSettings) -> tuple[Parser, Act | Folded]:
        failure: Unparseable | None = None
        aside: SetAside | None = None
        for parser, is_asked in self._candidates(line, raw, source):
            self.trying = parser.id
            if not self._may_try(parser.id):
                aside = aside or _set_aside(parser.id)
                continue
            if is_asked and not parser.claims(line.text):
                continue
            try:
                told = parser.parse(line)
            except Unparseable as error:
                error.place = error.place or parser.id
                failure = failure or error
                continue
            self._last[line.source] = parser
            return parser, told
        raise aside or failure or _nobody()

    def _candidates(
        self, line: Line, raw: bytes, source: SourceSettings
    ) -> Iterator[tuple[Parser, bool]]:
        """Parsers, likely ones first, and whether each is asked if it claims the line: all but the
        configured one."""
        configured = self._parsers.get(source.parser)
        if configured is not None:
            yield configured, False
        last = self._last.get(line.source)
        if last is not None and last is not configured:
            yield last, True
        for parser in self._parsers.values():
            if parser is configured or parser is last:
                continue
            if any(hint in raw for hint in parser.hints):
                yield parser, True


def _set_aside(parser: str) -> SetAside:
    return SetAside(
        "set aside unread, because lines like it took this parser too long",
        place=parser,
        remedy="It is kept: mend the parser, then replay the dead letters.",
    )


def _nobody() -> NotUnderstood:
    return NotUnderstood(
        "no parser understands this line",
        remedy="It is kept: name the source's parser, or add one, then replay the dead letters.",
    )


def decode(raw: bytes) -> tuple[str, bool]:
    r"""The record's text without byte order mark and line end, and whether it was valid UTF-8;
    bytes that are not appear as \\xNN."""
    try:
        text, valid = raw.decode("utf-8"), True
    except UnicodeDecodeError:
        text, valid = raw.decode("utf-8", "backslashreplace"), False
    return text.removeprefix("\ufeff").rstrip("\r\n"), valid


def event_id(source: str, raw: bytes, act: Act) -> str:
    """The vendor's id of the act (a very long one's hash), else 32 hex digits of SHA-256 over source name and raw bytes:
    an exact copy of a record is the same event."""
    if act.id is not None:
        return shorten_identifier(act.id)
    return hashlib.sha256(source.encode() + b"\0" + raw).hexdigest()[:32]


def dataset(parser: str, act: Act) -> str:
    """`linux_sshd` → `linux.sshd`; an event that came in ECS keeps the dataset it names."""
    named = act.fields.get("event.dataset")
    return (
        shorten_identifier(named)
        if isinstance(named, str) and named
        else parser.replace("_", ".", 1)
    )
