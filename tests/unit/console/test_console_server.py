"""The console's port as it is served: whose word on addresses is taken, and what a fault says."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from console_harness import ConsoleHarness, open_console
from prometheus_client import CollectorRegistry
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.http.connections import PortConfig
from breachdesk.bootstrap.http.port import HttpServer, build_http_config, is_shared_peer
from breachdesk.bootstrap.observability.operations_endpoints import OperationsAnswers
from breachdesk.bootstrap.observability.operations_http import PlainFaultHandler
from breachdesk.bootstrap.observability.traces import build_tracer
from breachdesk.bootstrap.serve import build_port_router
from breachdesk.console.web.security_headers import CSP, SecurityHeaders
from schemas.settings import ConsoleSettings, Settings


async def who_asks(scope: Scope, receive: Receive, send: Send) -> None:
    """What the console would take the asker for."""
    request = Request(scope, receive)
    seen = {"client": request.client and request.client.host, "scheme": request.url.scheme}
    await JSONResponse(seen)(scope, receive, send)


@contextmanager
def served(config: PortConfig) -> Iterator[str]:
    server = HttpServer(config, threading.Event())
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@contextmanager
def asking(folder: Path, *proxies: str) -> Iterator[httpx.Client]:
    """Real uvicorn with our settings, asked from 127.0.0.1."""
    console = ConsoleSettings(trusted_proxies=proxies)
    settings = Settings(data_dir=folder, console_port=0, console=console)
    with (
        served(build_http_config(settings, who_asks)) as url,
        httpx.Client(base_url=url) as client,
    ):
        yield client


SPOOFED = {
    "x-forwarded-for": "203.0.113.66",
    "x-forwarded-proto": "https",
    "forwarded": "for=203.0.113.66;proto=https",
    "x-real-ip": "203.0.113.66",
    "x-forwarded-host": "evil.example",
}


def test_nobodys_word_on_addresses_is_taken_by_default(tmp_path: Path) -> None:
    with asking(tmp_path) as client:
        seen = client.get("/", headers=SPOOFED).json()

    assert seen == {"client": "127.0.0.1", "scheme": "http"}


def test_an_environment_variable_of_the_server_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    with asking(tmp_path) as client:
        seen = client.get("/", headers=SPOOFED).json()

    assert seen["client"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("203.0.113.66, 198.51.100.7", "198.51.100.7"),
        ("203.0.113.66, 198.51.100.7, 10.0.0.3", "198.51.100.7"),
        ("127.0.0.1, 198.51.100.7", "198.51.100.7"),
    ],
)
@pytest.mark.parametrize("proxies", [("127.0.0.1", "10.0.0.0/8"), ("127.0.0.0/8", "10.0.0.3")])
def test_a_configured_proxy_is_believed_as_far_as_the_right_most_stranger(
    tmp_path: Path, forwarded: str, client: str, proxies: tuple[str, ...]
) -> None:
    with asking(tmp_path, *proxies) as asker:
        headers = {"x-forwarded-for": forwarded, "x-forwarded-proto": "https"}
        seen = asker.get("/", headers=headers).json()

    assert seen == {"client": client, "scheme": "https"}


def test_another_machine_is_not_believed_when_a_proxy_is_configured(tmp_path: Path) -> None:
    with asking(tmp_path, "192.0.2.1") as client:
        seen = client.get("/", headers=SPOOFED).json()

    assert seen == {"client": "127.0.0.1", "scheme": "http"}


@pytest.mark.parametrize("proxy", ["*", "", "proxy.example", "0.0.0.0/0", "::/0", "10.0.0.1/8"])
def test_a_proxy_is_an_address_or_a_network_and_not_every_address(proxy: str) -> None:
    with pytest.raises(ValidationError):
        ConsoleSettings(trusted_proxies=(proxy,))


@pytest.mark.parametrize(
    ("peer", "many"),
    [("127.0.0.1", True), ("10.1.2.3", True), ("192.0.2.9", False), ("", False), ("unix:", False)],
)
def test_a_configured_proxy_may_hold_as_many_connections_as_its_visitors_need(
    peer: str, many: bool
) -> None:
    assert is_shared_peer(peer, ["10.0.0.0/8", "2001:db8::1"]) is many


@pytest.fixture
def console(tmp_path: Path) -> Iterator[ConsoleHarness]:
    with open_console(tmp_path) as opened:
        yield opened


async def test_a_fault_gets_our_page_with_every_header_and_says_nothing_of_itself(
    console: ConsoleHarness,
) -> None:
    @console.app.get("/broken")
    def broken() -> None:
        raise RuntimeError("jo@contoso.example")

    answer = await console.visitor().client.get("/broken")

    assert answer.status_code == 500
    assert answer.headers["content-security-policy"] == CSP
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "This page failed." in answer.text
    assert "contoso" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("PUT", "/sign-in", 405),
        ("DELETE", "/", 405),
        ("GET", "/customers?page=x", 303),
        ("GET", "/static/nothing.css", 404),
        ("POST", "/sign-in", 403),
        ("TRACE", "/", 405),
        ("PUT", "/intake/x", 405),
        ("POST", "/intake/x", 401),
        ("GET", "/intake/", 404),
        ("POST", "/metrics", 405),
        ("GET", "/metrics", 403),
    ],
)
async def test_every_layer_answers_with_the_headers(
    console: ConsoleHarness, method: str, path: str, status: int
) -> None:
    with Container(console.dependencies.settings) as container:
        router = build_port_router(
            container,
            OperationsAnswers(CollectorRegistry(), dict, dict),
            build_tracer(container.settings, "test"),
            threading.Event(),
        )
        transport = httpx.ASGITransport(router, client=("203.0.113.9", 40000))
        async with httpx.AsyncClient(transport=transport, base_url="http://desk.example") as client:
            answer = await client.request(method, path)

    assert answer.status_code == status
    assert answer.headers["content-security-policy"] == CSP
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"


async def test_a_fault_outside_the_console_is_a_plain_answer_with_the_headers() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("jo@contoso.example")

    transport = httpx.ASGITransport(
        SecurityHeaders(PlainFaultHandler(broken)), raise_app_exceptions=False
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.example") as client:
        answer = await client.get("/intake/x")

    assert answer.status_code == 500
    assert "contoso" not in answer.text
    assert answer.headers["content-security-policy"] == CSP
