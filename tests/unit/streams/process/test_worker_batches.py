"""How large the next batch is, by what the last one waited for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from engines import ENGINES, NOON, fresh_engine, raw

from streams.process import worker
from streams.process.batch_size import FIRST

SLOW = 0.6
"""Seconds that the store takes for a batch: more than a batch may compute, and less than four times
as much."""


@pytest.mark.parametrize("kind", ENGINES)
def test_only_what_a_sole_owner_waits_for_its_store_makes_the_next_batch_smaller(
    kind: tuple[str, bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(worker, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(worker, "thread_time", lambda: 0.0)
    with fresh_engine(kind, tmp_path, NOON) as engine:
        commit = engine.sink.commit

        def commit_slowly(*arguments: Any) -> Any:
            clock[0] += SLOW
            return commit(*arguments)

        monkeypatch.setattr(engine.sink, "commit", commit_slowly)
        engine.feed(*(raw({"at": number, "id": f"e{number}"}) for number in range(FIRST)))

        sole_owner = kind[1]
        assert (engine.worker.batch_records < FIRST) == sole_owner
