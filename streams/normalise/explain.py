"""Explain what was tried on a record: its levels, the parsers that were asked at each, what each
expected, and at which byte it stopped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from schemas.pipeline.event import RawRecord
from schemas.pipeline.plugin import NO_FRAME, LineFrame, Parser, SourceLine
from schemas.settings import SourceSettings
from streams.normalise.frames import find_claimed_level, open_frames
from streams.normalise.recognise import AttemptResult, FormatRecogniser, ParserAttempt
from streams.tokenizers.zones import get_zone

NEAREST = 3
"""Parsers without a hint in the line that are shown, the likest first."""
_TOKEN = re.compile(r"[0-9]++|[A-Za-z]++|\s++|.", re.DOTALL)
_LONGEST = 2_000
"""Characters of a line that are compared with examples."""
_SHOWN = 40
_ARRIVED = datetime.fromisoformat("2026-11-22T12:00:00+00:00")


class Mismatch(NamedTuple):
    """Where a text stops being like the likest example of a parser."""

    at: int
    """Byte within the level's text."""
    expected: str
    """What the example has there; empty: the example ends."""


class RecordExplainer:
    """Explains records; remembers the tokens of the parsers' examples."""

    def __init__(self, recogniser: FormatRecogniser) -> None:
        self._recogniser = recogniser
        self._examples: dict[str, Sequence[Sequence[str]]] = {}

    def explain(self, record: RawRecord, settings: SourceSettings) -> Iterator[str]:
        """Yield the explanation as lines of text."""
        attempts = self._recogniser.list_attempts(record, settings)
        number = -1
        for _, several in groupby(attempts, key=lambda attempt: id(attempt.level)):
            number += 1
            at_level = list(several)
            yield f"  level {number}: {_describe_level(record.raw, at_level[0].level)}"
            attempted = [each for each in at_level if each.result is not AttemptResult.NO_HINT]
            for attempt in attempted:
                yield f"    {attempt.parser.id}: {self._describe_attempt(attempt)}"
            unasked = [each for each in at_level if each.result is AttemptResult.NO_HINT]
            if unasked:
                yield from self._describe_likest(unasked, shows_likest=not attempted)

    def _describe_attempt(self, attempt: ParserAttempt) -> str:
        if attempt.result is AttemptResult.READ:
            return "reads it"
        if attempt.result is AttemptResult.IGNORED:
            return "understands it, and it describes no act"
        if attempt.error is not None:
            return f"claims it and cannot read it: {attempt.error.problem}"
        mismatch = self.find_mismatch(attempt.parser, attempt.level)
        return f"does not claim it; {_describe_mismatch(mismatch)}"

    def _describe_likest(
        self, unasked: Sequence[ParserAttempt], *, shows_likest: bool
    ) -> Iterator[str]:
        yield f"    {len(unasked)} parsers are not asked: none of their literals occurs in the line"
        if not shows_likest:
            return
        ranked = [(self.find_mismatch(each.parser, each.level), each.parser) for each in unasked]
        ranked.sort(key=lambda each: (-each[0].at, each[1].id))
        for mismatch, parser in ranked[:NEAREST]:
            hints = " or ".join(repr(hint.decode("latin-1")) for hint in parser.hints[:4])
            yield f"      {parser.id}: {_describe_mismatch(mismatch)}; needs {hints}"

    def find_mismatch(self, parser: Parser, level: SourceLine) -> Mismatch:
        """Find where the level's text stops being like the parser's likest example: the same words
        and signs, and any numbers."""
        if parser.id not in self._examples:
            self._examples[parser.id] = _list_example_tokens(parser)
        tokens = _TOKEN.findall(level.text[:_LONGEST])
        best, best_count = Mismatch(0, ""), -1
        for example in self._examples[parser.id]:
            count = _count_equal(tokens, example)
            if count > best_count:
                at = len("".join(tokens[:count]).encode("utf-8", "replace"))
                best, best_count = Mismatch(at, "".join(example[count:])[:_SHOWN]), count
        return best


def _count_equal(tokens: Sequence[str], example: Sequence[str]) -> int:
    count = 0
    for token, expected in zip(tokens, example, strict=False):
        if token != expected and not (token[0].isdigit() and expected[0].isdigit()):
            break
        count += 1
    return count


def _describe_level(raw: bytes, level: SourceLine) -> str:
    text = level.text.encode("utf-8", "surrogateescape")
    at = raw.rfind(text) if text else -1
    begin = f"from byte {at}" if at >= 0 else "unpacked"
    frame = level.frame
    if frame is NO_FRAME:
        return f"the whole line, {len(text)} bytes"
    return f"{begin}, {len(text)} bytes, without {_describe_frame(frame)}"


def _describe_frame(frame: LineFrame) -> str:
    says = (
        ("time", frame.time and frame.time.isoformat()),
        ("host", frame.host),
        ("app", frame.app),
        ("pid", frame.pid),
        ("priority", frame.priority),
    )
    facts = ", ".join(f"{name} {value}" for name, value in says if value is not None)
    return f"a frame ({facts})" if facts else "a frame"


def _describe_mismatch(mismatch: Mismatch) -> str:
    expected = f"expected `{mismatch.expected}`" if mismatch.expected else "expected the end"
    return f"{expected} at byte {mismatch.at}"


def _list_example_tokens(parser: Parser) -> Sequence[Sequence[str]]:
    """List the tokens of each example at the level that the parser claims."""
    tokens: list[Sequence[str]] = []
    for example in parser.examples:
        zone = get_zone(example.zone)
        line = SourceLine(example.line, _ARRIVED, zone, field_map=example.field_map)
        claimed = find_claimed_level(parser, line)
        level = claimed if claimed is not None else open_frames(line)[-1]
        tokens.append(_TOKEN.findall(level.text[:_LONGEST]))
    return tokens
