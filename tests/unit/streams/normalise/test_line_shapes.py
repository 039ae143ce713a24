"""Lines of one format have one shape, and no shape says anything of a person."""

from __future__ import annotations

from datetime import UTC, datetime

from schemas.pipeline.event import RecordPosition
from schemas.pipeline.source import DeadLetter
from streams.normalise.line_shapes import (
    LONGEST,
    build_vocabulary,
    compute_shape,
    group_letters,
)
from streams.parser_loading import load_parsers

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
VOCABULARY = build_vocabulary(load_parsers())
LINES = (
    b"Nov 22 01:06:15 web01 gate[7]: refused Ruprecht from 192.0.2.1 port 22",
    b"Nov 23 11:16:25 web02 gate[99]: refused Adalbert from 198.51.100.7 port 4022",
)


def test_lines_of_one_format_have_one_shape() -> None:
    assert len({compute_shape(line, VOCABULARY) for line in LINES}) == 1


def test_a_shape_holds_no_personal_data() -> None:
    shape = compute_shape(
        b'{"who":"Ruprecht Knecht","mail":"ruprecht@contoso.example","at":"2001:db8::7"}',
        VOCABULARY,
    )

    hidden = [w for w in ("ruprecht", "knecht", "contoso", "2001") if w in shape.casefold()]
    assert hidden == []
    assert "<mail>" in shape


def test_a_shape_is_short_whatever_the_line() -> None:
    assert len(compute_shape(b"a1 \xff\x00" * 100_000, VOCABULARY)) <= LONGEST + 1


def test_letters_are_grouped_by_reason_and_shape() -> None:
    letters = [
        DeadLetter(RecordPosition("j", number), f"s{number % 2}", NOON, "", "nobody", "")
        for number in range(5)
    ]
    lines = {RecordPosition("j", number): LINES[number % 2] for number in range(4)}
    groups = group_letters(letters, lines.get, VOCABULARY)

    assert [(group.letters, bool(group.shape)) for group in groups] == [(4, True), (1, False)]
    assert groups[0].sources == ["s0", "s1"]
    assert groups[0].sample == RecordPosition("j", 0)
