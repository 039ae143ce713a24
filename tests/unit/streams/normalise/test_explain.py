"""The explanation of a line names its levels, the parsers asked, and where each stopped."""

from __future__ import annotations

from datetime import UTC, datetime

from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.settings import SourceSettings
from streams.normalise.explain import RecordExplainer
from streams.normalise.recognise import FormatRecogniser
from streams.parser_loading import load_parsers

ARRIVED = datetime(2026, 11, 22, 12, tzinfo=UTC)
EXPLAINER = RecordExplainer(FormatRecogniser(load_parsers()))


def explain(line: str) -> str:
    record = RawRecord(RecordPosition("j", 0), "s", line.encode(), ARRIVED)
    return "\n".join(EXPLAINER.explain(record, SourceSettings(name="s")))


def test_a_line_that_is_read_names_its_parser_and_level() -> None:
    text = explain(
        "Nov 22 01:06:15 web01 sshd[12]: Failed password for root from 192.0.2.1 port 22 ssh2"
    )

    assert "level 0: the whole line" in text
    assert "level 1: from byte 32" in text
    assert "host web01, app sshd, pid 12" in text
    assert "linux_sshd: reads it" in text


def test_a_line_that_nobody_reads_says_what_was_expected_where() -> None:
    text = explain("Failed pass")

    assert "parsers are not asked" in text
    assert "expected `" in text
    assert "at byte " in text
