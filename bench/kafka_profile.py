"""Where one worker's time goes: py-spy's samples, shared out over the stages of the pipeline."""

from __future__ import annotations

from pathlib import Path

from bench.kafka_runs import Corpus, ours
from bench.profiles import table_of_shares


def profile(corpus: Corpus, py_spy: str, folder: Path) -> dict[str, float]:
    """Share of samples that held the interpreter, by the innermost stage they stood in, percent."""
    out = folder / f"{corpus.name}.folded"
    command = [py_spy, "record", "--gil", "--full-filenames", "--rate", "250"]
    ours(corpus, 1, profiler=[*command, "--format", "raw", "--output", str(out)])
    return table_of_shares(out.read_text(encoding="utf-8"))
