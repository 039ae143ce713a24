from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from breachdesk.bootstrap.observability.metrics import PrometheusMeter
from breachdesk.bootstrap.observability.operations_endpoints import OperationsAnswers
from breachdesk.bootstrap.observability.operations_http import (
    OperationsApp,
    RequestIds,
    is_loopback,
)
from breachdesk.bootstrap.observability.readiness import STILL_SECONDS, LoopPulse, check_database
from breachdesk.bootstrap.observability.trace_ids import get_trace_ids
from breachdesk.bootstrap.serve import PortRouter
from breachdesk.testing import FixedNow, make_store
from notifiers.testing.channels import NOON
from schemas.errors import RetryableError


def unready() -> Mapping[str, str]:
    return {"database": "no answer from db.internal:5432"}


@asynccontextmanager
async def asking(app: Any, asker: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=(asker, 40000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        yield client


def pages(host: str = "127.0.0.1") -> OperationsApp:
    registry = CollectorRegistry()
    PrometheusMeter(registry).record_conflict()
    return OperationsApp(OperationsAnswers(registry, dict, unready), host)


async def test_this_machine_is_told_everything() -> None:
    async with asking(pages(), "127.0.0.1") as client:
        metrics, alive, ready = [
            await client.get(path) for path in ("/metrics", "/healthz", "/readyz")
        ]

    assert "breachdesk_conflicts_total 1.0" in metrics.text
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert alive.status_code == 200
    assert ready.status_code == 503
    assert ready.json()["failed"]["database"].endswith("5432")


async def test_callers_from_elsewhere_get_a_status_and_nothing_more() -> None:
    async with asking(pages(), "203.0.113.9") as client:
        metrics, ready = await client.get("/metrics"), await client.get("/readyz")

    assert metrics.status_code == 403
    assert "breachdesk_" not in metrics.text
    assert ready.status_code == 503
    assert ready.json() == {"ready": False, "failed": {}}


@pytest.mark.parametrize(
    "header",
    [
        {"host": "evil.example"},
        {"host": "203.0.113.9"},
        {"x-forwarded-for": "203.0.113.9"},
        {"x-forwarded-for": "127.0.0.1"},
        {"forwarded": "for=127.0.0.1"},
        {"via": "1.1 proxy"},
    ],
)
async def test_a_request_through_a_proxy_or_for_another_host_is_told_no_more_than_a_stranger(
    header: dict[str, str],
) -> None:
    async with asking(pages(), "127.0.0.1") as client:
        metrics = await client.get("/metrics", headers=header)
        ready = await client.get("/readyz", headers=header)

    assert metrics.status_code == 403
    assert ready.json() == {"ready": False, "failed": {}}


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:8080"])
async def test_this_machine_may_be_called_by_any_of_its_own_names(host: str) -> None:
    async with asking(pages(), "127.0.0.1") as client:
        metrics = await client.get("/metrics", headers={"host": host})

    assert metrics.status_code == 200


async def test_an_ops_host_beyond_loopback_opens_them() -> None:
    async with asking(pages("0.0.0.0"), "203.0.113.9") as client:
        metrics = await client.get("/metrics")

    assert metrics.status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD"])
async def test_nothing_but_get_is_answered_on_the_console(method: str) -> None:
    async with asking(pages(), "127.0.0.1") as client:
        answer = await client.request(method, "/healthz")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("desk.example", False),
        ("", False),
    ],
)
def test_loopback_is_told_from_the_rest(host: str, ours: bool) -> None:
    assert is_loopback(host) is ours


async def test_the_port_router_sends_each_path_to_its_application() -> None:
    def endpoint(name: str) -> Any:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": name.encode()})

        return app

    router = PortRouter(endpoint("intake"), endpoint("console"), endpoint("ops"))
    async with asking(router, "127.0.0.1") as client:
        paths = ("/", "/intake/mail", "/metrics", "/healthz", "/readyz", "/metrics/x")
        texts = [(await client.get(path)).text for path in paths]

    assert texts == ["console", "intake", "ops", "ops", "ops", "console"]


async def test_each_request_has_an_id_of_its_own_for_its_log_lines() -> None:
    seen: list[dict[str, str]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(get_trace_ids())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with asking(RequestIds(app), "127.0.0.1") as client:
        await client.get("/")
        await client.get("/")

    assert [list(each) for each in seen] == [["request_id"], ["request_id"]]
    assert seen[0] != seen[1]
    assert get_trace_ids() == {}


async def test_a_loop_that_turns_is_alive_and_one_that_hangs_is_not() -> None:
    clock = [0.0]
    pulse = LoopPulse("dispatch", monotonic=lambda: clock[0])
    beating = asyncio.create_task(pulse.run_pulse())
    await asyncio.sleep(0)
    alive = pulse.check_live()
    clock[0] += STILL_SECONDS + 1
    hanging = pulse.check_live()
    beating.cancel()

    assert alive == {}
    assert hanging == {"dispatch": "its loop hangs for 61 s"}


class Away:
    def read(self, work: Any) -> Any:
        raise RetryableError("the server does not answer", place="store")


def test_a_store_that_answers_is_ready_and_one_that_refuses_says_why() -> None:
    away: Any = Away()

    assert check_database(make_store(FixedNow(NOON))) == {}
    assert check_database(away) == {"database": "store: the server does not answer."}
