"""Remove the frames around a message: syslog headers of the sender and of its relays, and the JSON of
shippers.

No frame is removed for good: a record is offered to parsers at every level, because what looks like
a header may be the beginning of the message (an Exim line begins with its own stamp)."""

from __future__ import annotations

import re

from schemas.pipeline.plugin import NO_FRAME, LineFrame, Parser, SourceLine
from streams.tokenizers import envelopes, syslog

MOST_FRAMES = 4
"""Frames that are removed from one record; no relay chain seen has more than three."""
_HEADER = re.compile(rf"\s*(?:{syslog.PRI}|(?:{syslog.BSD}|{syslog.ISO})(?=[: ]))")


def open_frames(line: SourceLine) -> list[SourceLine]:
    """Return the line at every level, the whole first."""
    levels = [line]
    while len(levels) <= MOST_FRAMES:
        inner = _open_frame(levels[-1], is_whole=len(levels) == 1)
        if inner is None:
            break
        levels.append(inner)
    return levels


def is_object(text: str) -> bool:
    """Whether the text begins like a JSON object."""
    return text.startswith("{") or text.lstrip().startswith("{")


def _open_frame(line: SourceLine, *, is_whole: bool) -> SourceLine | None:
    """Return the content of the outermost frame, or None if there is none.

    Within a frame only a priority or a stamp begins another one: a word before a colon is part of
    the message there."""
    if is_object(line.text):
        return envelopes.open_envelope(line)
    if not is_whole and _HEADER.match(line.text) is None:
        return None
    frame, message = syslog.read(line.text, line.arrived, line.zone)
    if len(message) == len(line.text):
        return None
    return SourceLine(
        message, line.arrived, line.zone, line.source, _merge_frames(frame, line.frame)
    )


def _merge_frames(inner: LineFrame, outer: LineFrame) -> LineFrame:
    """Merge what two frames say; the tag and its process belong together."""
    if outer is NO_FRAME:
        return inner
    tagged = outer if inner.app is None else inner
    return LineFrame(
        time=inner.time or outer.time,
        host=inner.host or outer.host,
        app=tagged.app,
        pid=tagged.pid,
        priority=outer.priority if inner.priority is None else inner.priority,
        structured=inner.structured or outer.structured,
        facts=outer.facts,
    )


def find_claimed_level(parser: Parser, line: SourceLine) -> SourceLine | None:
    """Return the line at the level that the parser claims, or None if it claims none."""
    return next((level for level in open_frames(line) if parser.claims(level)), None)
