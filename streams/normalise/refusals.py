"""Say why a record became no event."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.errors import UnparseableRecord


class NotUnderstood(UnparseableRecord):
    """No parser claims the line: kept, counted for its source, shown, and replayable."""


class SetAside(UnparseableRecord):
    """Lines like this one took its parser too long: this one was not read, and is replayable."""


def remove_traceback(error: UnparseableRecord) -> UnparseableRecord:
    """Remove the traceback, which would keep the frames and the line in memory."""
    error.__traceback__ = error.__cause__ = error.__context__ = None
    return error


def build_set_aside(parser: str) -> SetAside:
    return SetAside(
        "set aside unread, because lines like it took this parser too long",
        place=parser,
        remedy="It is kept: mend the parser, then replay the dead letters.",
    )


def choose_refusal(refusals: Sequence[UnparseableRecord]) -> UnparseableRecord:
    """Choose what a record that no parser read is refused for."""
    for refusal in refusals:
        if isinstance(refusal, SetAside):
            return refusal
    return refusals[0] if refusals else build_not_understood()


def build_not_understood() -> NotUnderstood:
    return NotUnderstood(
        "no parser understands this line",
        remedy="It is kept: name the source's parser, or add one, then replay the dead letters.",
    )
