"""The executable model of the streaming semantics against the real engine, on every kind of store.

A minute of the model is twelve of the engine, whose horizons are whole hours.
"""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from engines import ENGINES, NOON, fresh_engine, raw

from schemas.pipeline.event import RawRecord
from streams.sigma.load import load_rules

MODEL = Path(__file__).parents[2].parent / "shared" / "reference" / "streaming_model.py"
MINUTE = 720
"""Seconds of the engine that are a minute of the model."""
HORIZON = 3600
STEPS = ("fail", "ok", "read")
BASE = """
title: {name}
name: {name}
logsource: {{product: model}}
detection:
  it: {{event.action: {action}}}
  condition: it
level: low
"""
CORRELATION = """
---
title: {name}
name: {name}
correlation:
  type: {kind}
  rules: [{rules}]
  group-by: [user.name]
  timespan: {timespan}s
{condition}
level: low
breach: {{quiet: {quiet}s}}
"""


def the_model() -> ModuleType:
    if not MODEL.exists():
        pytest.skip("the reference model is not part of this repository")
    loaded = importlib.util.spec_from_file_location("streaming_model", MODEL)
    assert loaded is not None
    assert loaded.loader is not None
    model = importlib.util.module_from_spec(loaded)
    loaded.loader.exec_module(model)
    return model


def rule(name: str, kind: str, bases: Sequence[str], quiet: int, condition: str = "") -> str:
    documents = "---".join(BASE.format(name=base, action=base) for base in bases)
    return documents + CORRELATION.format(
        name=name,
        kind=kind,
        rules=", ".join(bases),
        timespan=MINUTE,
        quiet=quiet,
        condition=f"  condition: {condition}" if condition else "",
    )


def rules_of(corrs: dict[str, Any], folder: Path) -> Path:
    """The model's correlations in Sigma."""
    counted, distinct, ordered = corrs["count"], corrs["distinct"], corrs["ordered"]
    texts = {
        "count": rule("count", "event_count", ["count-it"], counted.Q, f"{{gte: {counted.n}}}"),
        "distinct": rule(
            "distinct",
            "value_count",
            ["distinct-it"],
            distinct.Q,
            f"{{gte: {distinct.n}, field: file.name}}",
        ),
        "ordered": rule(
            "ordered", "temporal_ordered", [f"ordered-{step}" for step in STEPS], ordered.Q
        ),
    }
    folder.mkdir()
    for name, text in texts.items():
        (folder / f"{name}.yml").write_text(text)
    return folder


def line(record: tuple[Any, ...]) -> RawRecord:
    arrived, time, event_id, name, step, group, value = record
    fields = {
        "at": time,
        "id": event_id,
        "event.action": f"ordered-{step}" if name == "ordered" else f"{name}-it",
        "user.name": group,
        "file.name": value,
        "host.name": "contoso.example",
    }
    return raw(fields, arrived=NOON + timedelta(seconds=arrived))


def a_set(model: ModuleType, rng: random.Random) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    def corr(name: str, kind: str, n: int = 0, quiet: int = MINUTE) -> Any:
        return model.Corr(name, kind, n, MINUTE, quiet, HORIZON, STEPS)

    corrs = {
        "count": corr("count", "count", rng.randint(2, 6), rng.choice([MINUTE, 1080])),
        "distinct": corr("distinct", "distinct", rng.randint(2, 4)),
        "ordered": corr("ordered", "ordered"),
    }
    records = []
    for number in range(rng.randint(200, 500)):
        time = rng.randint(0, 4000) // rng.choice([1, 10]) * 12
        late = rng.choice([0, 60, 1200, 3588, 3588, 4800])
        name, step = rng.choice(list(corrs)), rng.choice(STEPS)
        records.append(
            (time + late, time, f"e{number}", name, step, rng.choice("ab"), rng.choice("uvwxyz"))
        )
    return corrs, records


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("seed", range(3))
def test_the_engine_raises_what_the_model_says_of_the_set(
    kind: tuple[str, bool], seed: int, tmp_path: Path
) -> None:
    model, rng = the_model(), random.Random(seed)
    corrs, records = a_set(model, rng)
    book = load_rules([rules_of(corrs, tmp_path / "rules")], behaviours=False)
    begin = NOON.timestamp()
    shifted = [(a + begin, t + begin, *rest) for a, t, *rest in records]
    expected = {
        (rule, group, float(first), float(last)): {x[1] for x in evidence}
        for _, (rule, group), (first, last, _, evidence) in model.oracle(shifted, corrs)
    }
    fed = records + rng.sample(records, len(records) // 2)
    fed.sort(key=lambda record: record[0])  # a log is in the order of arrival
    with fresh_engine(kind, tmp_path, NOON + timedelta(days=3), book, HORIZON / 3600) as engine:
        engine.feed_in_batches([line(record) for record in fed], rng)
        alerts = [alert for alert in engine.alerts() if alert["rule"] in corrs]
    values_by_key = {
        (
            alert["rule"],
            alert["group"][0],
            alert["first"].timestamp() // MINUTE,
            alert["last"].timestamp() // MINUTE - 1,
        ): set(alert["events"])
        for alert in alerts
    }

    assert len(expected) > 2
    assert values_by_key.keys() == expected.keys()
    assert len(values_by_key) == len(alerts)
    # The engine keeps a larger sample of each bucket than the model.
    for span, events in expected.items():
        assert (
            events
            <= values_by_key[span]
            <= {e for _, _, e, name, _, g, _ in records if (name, g) == span[:2]}
        )
