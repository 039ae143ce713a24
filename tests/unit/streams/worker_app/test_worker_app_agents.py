"""An order is followed, waits while the store refuses, or goes to the dead letters: nothing
else."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

pytest.importorskip("faust")

from schemas.errors import BadInput, RetryableError
from schemas.settings import KafkaSettings, Settings
from streams.worker_app.agents import _follow_order


@dataclass
class App:
    """As much of a Faust app as an agent uses: acknowledged sends, sleep, the end."""

    sent: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    naps: int = 0
    stops_after: int = 100
    """Naps."""
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("test.app"))
    refusals: int = 0
    """Of the broker, still to come."""

    @property
    def should_stop(self) -> bool:
        return self.naps >= self.stops_after

    def topic(self, *_: Any, **__: Any) -> App:
        return self

    async def send(self, key: bytes, value: bytes | None) -> Any:
        async def acknowledged() -> None:
            if self.refusals:
                self.refusals -= 1
                raise ConnectionError
            self.sent.append((key, value))

        return acknowledged()

    async def sleep(self, _seconds: float) -> None:
        self.naps += 1


@dataclass
class Orders:
    problems: list[Exception]
    followed: int = 0

    def follow(self, _order: bytes, _place: str) -> None:
        if self.problems:
            raise self.problems.pop(0)
        self.followed += 1


def follow(*problems: Exception, app: App | None = None) -> tuple[App, Orders]:
    app, orders = app or App(), Orders(list(problems))
    settings = Settings(data_dir=Path("unused"), kafka=KafkaSettings(servers="x:1"))
    message = SimpleNamespace(topic="commands", partition=0, offset=7)
    event = SimpleNamespace(message=message, value=b"{}")
    parts = SimpleNamespace(orders=orders, settings=settings)
    result = asyncio.run(_follow_order(app, parts, event))  # type: ignore[arg-type]
    assert result is (orders.followed + len(app.sent) == 1)
    return app, orders


def test_an_order_waits_while_the_store_refuses() -> None:
    app, orders = follow(RetryableError("away"), RetryableError("still away"))

    assert (orders.followed, app.naps, app.sent) == (1, 2, [])


def test_an_order_that_still_waits_when_the_app_stops_is_not_done() -> None:
    app, orders = follow(*[RetryableError("away")] * 9, app=App(stops_after=3))

    assert (orders.followed, app.naps, app.sent) == (0, 3, [])


def test_a_refused_order_waits_while_the_broker_does_not_take_it() -> None:
    refusal = BadInput("not an order")
    app, _ = follow(refusal, refusal, refusal, app=App(refusals=2))

    assert (app.naps, len(app.sent)) == (2, 1)


def test_a_refused_order_is_a_dead_letter_with_its_place() -> None:
    app, _ = follow(BadInput("not an order"))

    ((key, value),) = app.sent
    assert key == b"commands/0:7"
    assert "not an order" in orjson.loads(value or b"")["reason"]


def test_a_fault_of_the_program_stops_no_order_behind_it_and_quotes_nothing() -> None:
    app, _ = follow(ZeroDivisionError("kim@contoso.example"))

    ((_, value),) = app.sent
    assert "ZeroDivisionError" in orjson.loads(value or b"")["reason"]
    assert b"kim" not in (value or b"")
