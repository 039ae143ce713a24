"""A record of several attempts counts as many in rules and behaviours that count sign-ins, in any
order, with kills and replays, on every store."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from engines import ENGINES, NOON, Engine, fresh_engine, raw

LATER = NOON + timedelta(days=3)
RULE = "sign_in_brute_force"
Line = dict[str, Any]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with fresh_engine(request.param, tmp_path, LATER) as opened:
        yield opened


def refused(at: float, name: str, attempts: int = 1, **more: Any) -> Line:
    return {
        "at": at,
        "id": name,
        "event.dataset": "dovecot.mail",
        "event.category": ["authentication"],
        "event.outcome": "failure",
        "user.name": "jo",
        "source.ip": "203.0.113.66",
        "host.name": "contoso.example",
        "breach.auth.attempts": attempts,
    } | more


def accepted(at: float, name: str, attempts: int = 1) -> Line:
    return refused(at, name, attempts) | {"event.outcome": "success"}


def list_of_rule(engine: Engine, rule: str = RULE) -> list[dict[str, Any]]:
    return [alert for alert in engine.alerts() if alert["rule"] == rule]


def test_three_and_three_and_four_attempts_are_ten(engine: Engine) -> None:
    engine.feed(raw(refused(0, "a", 3)), raw(refused(60, "b", 3)), raw(refused(120, "c", 4)))
    (alert,) = list_of_rule(engine)
    (view,) = [v for v in engine.store.read(lambda uow: uow.alerts.list()) if v.rule == RULE]

    assert alert["events"] == ["a", "b", "c"]
    assert view.explanation.startswith("10 attempts in 3 events between")
    rows = engine.store.read(lambda uow: uow.alerts.list_evidence(view.pk))
    assert [row.summary["breach.auth.attempts"] for row in rows] == [3, 3, 4]


def test_nine_attempts_in_three_records_are_not_ten(engine: Engine) -> None:
    engine.feed(*[raw(refused(60 * n, f"r{n}", 3)) for n in range(3)])

    assert list_of_rule(engine) == []


def test_an_accepted_sign_in_counts_once_whatever_was_tried_before_it(engine: Engine) -> None:
    engine.feed(*[raw(accepted(60 * n, f"r{n}", 12)) for n in range(3)])

    assert engine.alerts() == []


def test_attempts_that_single_lines_describe_are_not_counted_again(engine: Engine) -> None:
    for n in range(3):
        begin, session = 60 * n, {"session": f"h/{n}"}
        lines = [refused(begin + i, f"f{n}.{i}", **session) for i in range(3)]
        again = refused(begin + 3, f"r{n}", 3, retells=True, **session)
        engine.feed(*map(raw, [*lines, again]))

    assert list_of_rule(engine) == []


def test_two_more_failures_of_a_session_are_three_with_the_first(engine: Engine) -> None:
    for n in range(3):
        first = refused(60 * n, f"f{n}", session=f"h/{n}", retells=True)
        more = refused(60 * n + 9, f"m{n}", 2, session=f"h/{n}", retells=True)
        engine.feed(raw(first), raw(more | {"breach.auth.further_attempts": True}))
    assert list_of_rule(engine) == []
    engine.feed(raw(refused(200, "last")))

    assert len(list_of_rule(engine)) == 1


def test_five_attempts_of_one_record_and_a_sign_in_are_an_order(engine: Engine) -> None:
    ssh = {"event.dataset": "linux.sshd", "event.action": "ssh_login", "process.name": "sshd"}
    ssh |= {"network.application": "ssh", "service.name": "sshd"}
    engine.feed(raw(refused(0, "f", 5) | ssh), raw(accepted(60, "s") | ssh))

    (alert,) = list_of_rule(engine, "ssh_brute_force_then_sign_in")
    assert alert["events"] == ["f", "s"]


def test_two_refused_attempts_of_one_record_make_a_sign_in_doubtful(engine: Engine) -> None:
    engine.feed(raw(refused(0, "f", 2)), raw(accepted(60, "s")))
    for n in range(20):
        engine.feed(
            raw(
                {
                    "at": 100 + n,
                    "id": f"d{n}",
                    "event.dataset": "microsoft365.audit",
                    "event.action": "FileDownloaded",
                    "file.path": f"/hr/{n}.docx",
                    "user.name": "jo",
                    "host.name": "contoso.example",
                }
            )
        )

    assert list_of_rule(engine, "login_then_exfiltration")


@pytest.mark.parametrize("seed", range(4))
def test_several_attempts_are_as_many_records_in_any_order_with_kills_and_replays(
    engine: Engine, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    lines = [
        refused(chance.choice([0, 300, 900, 4000]) + 3 * n, f"r{n}", chance.choice([1, 1, 2, 4]))
        for n in range(chance.randint(3, 14))
    ]
    single = [
        line | {"breach.auth.attempts": 1, "id": f"{line['id']}.{n}"}
        for line in lines
        for n in range(line["breach.auth.attempts"])
    ]
    with fresh_engine(("sqlite", True), tmp_path / "plain", LATER) as plain:
        plain.feed(*map(raw, single))
        expected = [
            {**alert, "events": sorted({name.split(".")[0] for name in alert["events"]})}
            for alert in list_of_rule(plain)
        ]
    played = [raw(line) for line in lines]
    chance.shuffle(played)
    engine.feed_in_batches([*played, *chance.sample(played, len(played) // 2)], chance)
    alerts = [{**a, "events": sorted(a["events"])} for a in list_of_rule(engine)]

    assert [{k: v for k, v in a.items() if k != "evidence"} for a in alerts] == [
        {k: v for k, v in e.items() if k != "evidence"} for e in expected
    ]
