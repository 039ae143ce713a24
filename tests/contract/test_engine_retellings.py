"""Lines that retell an act: whatever order they come in, an attempt is counted and shown once, and
none is lost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from engines import ENGINES, NOON, Engine, fresh_engine, raw

from schemas.pipeline.event import RawRecord

LATER = NOON + timedelta(days=3)
Line = dict[str, Any]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with fresh_engine(request.param, tmp_path, LATER) as opened:
        yield opened


def attempt(at: float, name: str, session: str | None, *, retells: bool = False) -> Line:
    line: Line = {
        "at": at,
        "id": name,
        "event.dataset": "linux.sshd",
        "event.category": ["authentication"],
        "event.outcome": "failure",
        "user.name": "root",
        "source.ip": "203.0.113.66",
        "host.name": "contoso.example",
        "retells": retells,
    }
    return line | ({} if session is None else {"session": session})


def opened(line: Line) -> Line:
    return line | {"event.outcome": "success"}


def sessions(chance: random.Random) -> tuple[list[Line], list[Line]]:
    """Lines of several sessions, and of each act one line, the fullest."""
    lines: list[Line] = []
    acts: list[Line] = []
    for number in range(chance.randint(3, 16)):
        at = chance.choice([0, 200, 500, 3000]) + 2 * number
        session, full = f"h/{number}", chance.choice([0, 0, 1, 1, 3])
        retold = chance.randint(0 if full else 1, 4)
        fuller = [attempt(at, f"f{number}.{i}", session) for i in range(full)]
        again = [attempt(at, f"r{number}.{i}", session, retells=True) for i in range(retold)]
        lines += [*again, *fuller]
        acts += fuller or again[:1]
        if chance.random() < 0.3:
            accepted = opened(attempt(at, f"a{number}", session))
            session_opened = opened(attempt(at, f"s{number}", session, retells=True))
            lines += [accepted, session_opened]
            acts.append(accepted)
    return lines, acts


def reduce(alerts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**alert, "events": len(alert["events"])} for alert in alerts]


@pytest.mark.parametrize("seed", range(6))
def test_an_attempt_is_counted_and_shown_once_in_any_order_with_kills_and_replays(
    engine: Engine, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    lines, acts = sessions(chance)
    with fresh_engine(("sqlite", True), tmp_path / "plain", LATER) as plain:
        plain.feed(*[raw(act | {"retells": False, "session": act["id"]}) for act in acts])
        expected = plain.alerts()
    played: list[RawRecord] = [raw(line) for line in lines]
    chance.shuffle(played)
    engine.feed_in_batches([*played, *chance.sample(played, len(played) // 2)], chance)

    assert engine.alerts() == expected


def test_a_fuller_line_takes_the_place_of_its_retelling_in_an_alert(engine: Engine) -> None:
    refused = [attempt(i, f"r{i}", f"h/{i}", retells=True) for i in range(10)]
    engine.feed(*map(raw, refused))
    before = {alert["rule"]: alert for alert in engine.alerts()}
    engine.feed(*[raw(attempt(i + 1, f"f{i}", f"h/{i}")) for i in range(5)])
    after = {alert["rule"]: alert for alert in engine.alerts()}
    rule = "sign_in_brute_force"

    assert before[rule]["evidence"] == after[rule]["evidence"] == 10
    assert set(after[rule]["events"]) == {f"f{i}" for i in range(5)} | {
        f"r{i}" for i in range(5, 10)
    }


def test_nine_attempts_that_are_retold_are_not_ten(engine: Engine) -> None:
    for i in range(9):
        engine.feed(raw(attempt(i, f"r{i}", f"h/{i}", retells=True)))
        engine.feed(raw(attempt(i + 1, f"f{i}", f"h/{i}")))
        engine.feed(raw(attempt(i + 2, f"c{i}", f"h/{i}", retells=True)))

    assert engine.alerts() == []


def test_retellings_without_a_session_count_by_themselves(engine: Engine) -> None:
    engine.feed(*[raw(attempt(i, f"r{i}", None, retells=True)) for i in range(10)])

    assert [
        alert["evidence"] for alert in engine.alerts() if alert["rule"] == "sign_in_brute_force"
    ]


def test_more_attempts_than_are_kept_are_a_sample_of_acts(engine: Engine) -> None:
    for begin in range(0, 400, 50):
        engine.feed(
            *[
                raw(attempt(i / 4 + k / 10, f"{name}{i}", f"h/{i}", retells=name != "f"))
                for i in range(begin, begin + 50)
                for k, name in enumerate("rfc")
            ]
        )
    (alert,) = [a for a in engine.alerts() if a["rule"] == "sign_in_brute_force"]

    assert alert["evidence"] == 200
    # The first hundred acts end with a retelling: what tells of it lies behind them.
    assert sum(name.startswith("f") for name in alert["events"]) >= 198
    assert len({name[1:] for name in alert["events"]}) == 200


def test_a_fuller_line_that_comes_back_after_the_alert_was_let_go_takes_its_place(
    engine: Engine,
) -> None:
    refused = [attempt(i, f"r{i}", f"h/{i}", retells=True) for i in range(10)]
    engine.feed(*map(raw, refused))
    day = 86_400
    engine.feed(raw(attempt(2 * day, "later", None)))
    engine.sweep()
    fuller = [raw(attempt(i, f"f{i}", f"h/{i}"), backfill=True) for i in range(10)]
    engine.feed(*fuller)
    (alert,) = [a for a in engine.alerts() if a["rule"] == "sign_in_brute_force"]

    assert alert["evidence"] == 10
    assert alert["events"] == [f"f{i}" for i in range(10)]
