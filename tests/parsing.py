"""Parse one text by one parser at the level that it claims: `from parsing import claims, parse`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo

from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, SourceLine
from streams.normalise.frames import find_claimed_level

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def claims(parser: Parser, text: str, field_map: Mapping[str, str] | None = None) -> bool:
    """Whether the parser claims the text, whole or without its frames."""
    line = SourceLine(text, NOON, UTC, field_map=field_map or {})
    return find_claimed_level(parser, line) is not None


def parse(
    parser: Parser,
    text: str,
    arrived: datetime = NOON,
    zone: tzinfo = UTC,
    source: str = "example",
    field_map: Mapping[str, str] | None = None,
) -> ParsedEvent | IgnoredLine:
    """Parse the text at the level that the parser claims, else whole. Raises UnparseableRecord."""
    line = SourceLine(text, arrived, zone, source, field_map=field_map or {})
    return parser.parse(find_claimed_level(parser, line) or line)
