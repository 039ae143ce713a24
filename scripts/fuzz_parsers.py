"""Feed the reader of records with inputs that a coverage-guided fuzzer invents, until a time is over.

    make fuzz MINUTES=60

The corpus begins with the parsers' examples and grows in build/fuzz. Each input is read twice: as
`breachdesk parse` reads it, with detection, and by one parser alone, whichever its bytes choose. An
exception, an event that is no JSON or has no aware time, and a read that takes more processor time
than its length allows end the run, and the input stays in build/fuzz as `crash-…`. A run needs
`atheris` (requirements/fuzz.txt), a fuzzer of Google's for Python on libFuzzer."""

from __future__ import annotations

import argparse
import sys
import zlib
from datetime import UTC, datetime
from pathlib import Path
from time import thread_time

import atheris

with atheris.instrument_imports(
    include=["streams.normalise", "streams.parsers", "streams.tokenizers"]
):
    from schemas.errors import UnparseableRecord
    from schemas.pipeline.event import RawRecord, RecordPosition
    from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, SourceLine
    from schemas.settings import SourceSettings
    from streams.normalise.frames import find_claimed_level
    from streams.normalise.parse_lines import render_json
    from streams.normalise.recognise import FormatRecogniser, decode
    from streams.parser_loading import load_parsers

    PARSERS: list[Parser] = list(load_parsers(()).values())
    """Loaded here, so that their modules are instrumented."""

ARRIVED = datetime(2026, 11, 22, 12, tzinfo=UTC)
FOLDER = Path(__file__).resolve().parents[1] / "build" / "fuzz"
LONGEST = 16 * 1024
ALLOWED = 0.05
ALLOWED_PER_BYTE = 0.0002
"""Processor seconds of one read of instrumented code; an ordinary one takes a hundredth."""
READS = 1_000
"""Of one recogniser, which remembers what sources sent."""


class SlowRead(Exception):
    """An input took more processor time than its length allows, three times."""


class ParserFuzz:
    """Reads each input as the product does, and checks what comes out."""

    def __init__(self) -> None:
        self._settings = SourceSettings(name="fuzz")
        self._recogniser = FormatRecogniser()
        self._reads = 0

    def write_corpus(self, folder: Path) -> None:
        """Write each example of each parser as a file."""
        folder.mkdir(parents=True, exist_ok=True)
        for parser in PARSERS:
            for number, example in enumerate(parser.examples):
                (folder / f"{parser.id}-{number}").write_bytes(example.line.encode())

    def read(self, data: bytes) -> None:
        """Read one input. Raises SlowRead, and whatever a parser must not raise."""
        limit = ALLOWED + ALLOWED_PER_BYTE * len(data)
        costs: list[float] = []
        while not costs or (costs[-1] > limit and len(costs) < 3):
            start = thread_time()
            self._read_detected(data)
            self._read_alone(data)
            costs.append(thread_time() - start)
        if min(costs) > limit:
            raise SlowRead(f"{min(costs):.3f} s for {len(data)} bytes")

    def _read_detected(self, data: bytes) -> None:
        self._reads += 1
        if self._reads % READS == 0:
            self._recogniser = FormatRecogniser()
        record = RawRecord(RecordPosition("fuzz", self._reads), "fuzz", data, ARRIVED)
        outcome = self._recogniser.read_or_refuse(record, self._settings)
        if not isinstance(outcome, UnparseableRecord):
            _check(outcome[1])

    def _read_alone(self, data: bytes) -> None:
        parser = PARSERS[zlib.crc32(data) % len(PARSERS)]
        line = SourceLine(decode(data)[0], ARRIVED, UTC, "fuzz")
        try:
            result = parser.parse(find_claimed_level(parser, line) or line)
        except UnparseableRecord:
            return
        _check(result)


def _check(result: ParsedEvent | IgnoredLine) -> None:
    if isinstance(result, IgnoredLine):
        assert result.reason
        return
    assert result.fields.get("event.category"), "an event without a category"
    assert result.fields.get("event.action"), "an event without an action"
    assert result.time is None or result.time.utcoffset() is not None, "a time without a zone"
    render_json(result.fields)


def run_fuzz(minutes: float, seed: int) -> None:
    """Run until the time is over; the process ends with an input that fails."""
    fuzz = ParserFuzz()
    fuzz.write_corpus(FOLDER / "corpus")
    options = [
        f"-max_total_time={round(minutes * 60)}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={FOLDER}/",
        f"-seed={seed}",
        "-timeout=60",
        "-rss_limit_mb=4096",
        "-print_final_stats=1",
        str(FOLDER / "corpus"),
    ]
    atheris.Setup([sys.argv[0], *options], fuzz.read)
    atheris.Fuzz()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--minutes", type=float, default=60.0)
    arguments.add_argument("--seed", type=int, default=1)
    chosen = arguments.parse_args()
    run_fuzz(chosen.minutes, chosen.seed)
