"""Where one worker's time goes: py-spy's samples, shared out over the stages of the pipeline."""

from __future__ import annotations

from pathlib import Path

from bench.kafka_runs import LoadedCorpus, run_ours
from bench.profiles import compute_shares


def profile_worker(corpus: LoadedCorpus, py_spy: str, folder: Path) -> dict[str, float]:
    """Share of samples that held the interpreter, by the innermost stage, percent."""
    out = folder / f"{corpus.name}.folded"
    command = [py_spy, "record", "--gil", "--full-filenames", "--rate", "250"]
    run_ours(corpus, 1, profiler=[*command, "--format", "raw", "--output", str(out)])
    return compute_shares(out.read_text(encoding="utf-8"))
