"""Parse one text by one parser at the level that it claims: `from parsing import claims, parse`."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, SourceLine
from streams.normalise.frames import find_claimed_level

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def claims(parser: Parser, text: str) -> bool:
    """Whether the parser claims the text, whole or without its frames."""
    return find_claimed_level(parser, SourceLine(text, NOON, UTC)) is not None


def parse(
    parser: Parser,
    text: str,
    arrived: datetime = NOON,
    zone: tzinfo = UTC,
    source: str = "example",
) -> ParsedEvent | IgnoredLine:
    """Parse the text at the level that the parser claims, else whole. Raises UnparseableRecord."""
    line = SourceLine(text, arrived, zone, source)
    return parser.parse(find_claimed_level(parser, line) or line)
