"""One file of all sources: each line's result is that of the line alone, in the order of the
lines."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from schemas.pipeline.plugin import Parser, ParserExample, load_plugins
from schemas.settings import Settings, SourceSettings
from streams.intake.splitting.record_splitter import split_records
from streams.normalise.parse_lines import parse_lines
from streams.normalise.recognise import decode
from streams.normalise.record_readers import InProcessReader

PARSERS: dict[str, Parser] = dict(load_plugins("streams.parsers", "PARSER"))
SOURCE = "mixed"
ARRIVED = datetime(2026, 11, 22, 12, tzinfo=UTC)
READER = InProcessReader(
    Settings(data_dir=Path("unused"), sources=(SourceSettings(name=SOURCE, zone="UTC"),))
)
FRAMES = (
    "<134>Nov 22 11:59:58 relay01 {}",
    "<134>1 2026-11-22T11:59:58.123Z relay01 - - - - {}",
    "Nov 22 11:59:58 relay01 {}",
)


def is_own(example: ParserExample) -> bool:
    """Whether the example is one line that needs no setting of its source."""
    return (
        not example.field_map
        and "\n" not in example.line
        and example.line.strip() != ""
        and example.line.isprintable()
    )


IN_TURN = [
    (parser, example)
    for row in zip_longest(
        *([(p, e) for e in p.examples if is_own(e)] for p in PARSERS.values()), fillvalue=None
    )
    for cell in row
    if cell is not None
    for parser, example in (cell,)
]


def parse_text(lines: Sequence[str]) -> list[dict[str, Any]]:
    content = "".join(f"{line}\n" for line in lines).encode()
    # The first line is no line of any format: it keeps a file from counting as one document.
    records = list(split_records(b"first line of the file\n" + content))
    return list(parse_lines(records, reader=READER, source=SOURCE, arrived=ARRIVED))[1:]


def parse_alone(line: str) -> dict[str, Any]:
    (document,) = parse_text([line])
    return document


def assert_each_alone(lines: Sequence[str]) -> None:
    together = parse_text(lines)

    assert len(together) == len(lines)
    for line, document in zip(lines, together, strict=True):
        if "folded" in document:
            assert document["event"]["original"] == decode(line.encode())[0]
        else:
            assert document == parse_alone(line)


def test_each_line_of_a_mixed_file_is_read_as_if_it_were_alone() -> None:
    assert_each_alone([example.line for _, example in IN_TURN])


@pytest.mark.parametrize("frame", FRAMES)
def test_each_framed_line_of_a_mixed_file_is_read_as_if_it_were_alone(frame: str) -> None:
    assert_each_alone([frame.format(example.line) for _, example in IN_TURN])


def test_the_order_of_a_mixed_file_does_not_matter() -> None:
    lines = [example.line for _, example in IN_TURN]
    lines += [FRAMES[number % 3].format(line) for number, line in enumerate(lines)]
    random.Random(12).shuffle(lines)

    assert_each_alone(lines)


def test_each_line_of_a_mixed_file_has_the_dataset_of_its_parser() -> None:
    documents = parse_text([example.line for _, example in IN_TURN])

    wrong = [
        (parser.id, example.line, document)
        for (parser, example), document in zip(IN_TURN, documents, strict=True)
        if not has_dataset(parser, example, document)
    ]
    assert wrong == []


def has_dataset(parser: Parser, example: ParserExample, document: dict[str, Any]) -> bool:
    if example.expected is None:
        return "ignored" in document
    if "folded" in document:
        return True
    expected = example.expected.get("event.dataset", parser.id.replace("_", ".", 1))
    return bool(document.get("event", {}).get("dataset") == expected)
