from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from contextlib import ExitStack

import httpx
import pytest
from prometheus_client import CollectorRegistry
from servers.ports import find_free_port

from breachdesk.bootstrap.observability import operations_endpoints
from breachdesk.bootstrap.observability.metrics import PrometheusMeter
from breachdesk.bootstrap.observability.operations_endpoints import OperationsServer
from schemas.errors import ConfigurationError, RetryableError


def well() -> Mapping[str, str]:
    return {}


def get(port: int, path: str, method: str = "GET") -> httpx.Response:
    return httpx.request(method, f"http://127.0.0.1:{port}{path}", timeout=60)


def test_metrics_are_scraped_as_text() -> None:
    registry, port = CollectorRegistry(), find_free_port()
    PrometheusMeter(registry).record_conflict()

    with OperationsServer("127.0.0.1", port, registry, well, well):
        answer = get(port, "/metrics?name=ignored")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "breachdesk_conflicts_total 1.0" in answer.text


def test_health_and_readiness_follow_their_parts_and_name_what_failed() -> None:
    failed: dict[str, str] = {}
    port = find_free_port()

    with OperationsServer("127.0.0.1", port, CollectorRegistry(), well, lambda: failed):
        before = get(port, "/readyz")
        failed["database"] = "it does not answer"
        after, alive = get(port, "/readyz"), get(port, "/healthz")

    assert (before.status_code, before.json()) == (200, {"ready": True, "failed": {}})
    assert after.status_code == 503
    assert after.json() == {"ready": False, "failed": {"database": "it does not answer"}}
    assert (alive.status_code, alive.json()) == (200, {"alive": True, "failed": {}})


def test_a_check_that_is_refused_is_not_ready() -> None:
    def refused() -> Mapping[str, str]:
        raise RetryableError("the database is away", place="store")

    port = find_free_port()
    with OperationsServer("127.0.0.1", port, CollectorRegistry(), well, refused):
        answer = get(port, "/readyz")

    assert answer.status_code == 503
    assert answer.json()["failed"] == {"check": "store: the database is away."}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_nothing_but_get_is_answered(method: str) -> None:
    port = find_free_port()

    with OperationsServer("127.0.0.1", port, CollectorRegistry(), well, well):
        answer = get(port, "/healthz", method)

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"


def test_other_paths_are_not_there_and_the_request_is_not_repeated() -> None:
    port = find_free_port()

    with OperationsServer("127.0.0.1", port, CollectorRegistry(), well, well):
        answer = get(port, "/sam@contoso.example")

    assert answer.status_code == 404
    assert "contoso" not in answer.text
    assert "Python" not in answer.headers["server"]


def test_a_broken_request_is_refused_and_the_server_lives_on() -> None:
    port = find_free_port()

    with OperationsServer("127.0.0.1", port, CollectorRegistry(), well, well):
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            client.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
            text = client.recv(1000)
        answer = get(port, "/healthz")

    assert text
    assert b"nonsense" not in text
    assert answer.status_code == 200


def test_a_taken_port_is_refused_before_anything_starts() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        server = OperationsServer("127.0.0.1", port, CollectorRegistry(), well, well)

        with pytest.raises(ConfigurationError, match=r"ops\.port") as refused:
            server.__enter__()

    assert str(port) in str(refused.value)
    assert refused.value.exit_code == 2


def test_a_host_that_is_not_ours_is_refused() -> None:
    server = OperationsServer("192.0.2.1", find_free_port(), CollectorRegistry(), well, well)

    with pytest.raises(ConfigurationError, match=r"ops\.port"):
        server.__enter__()


def test_port_nought_listens_nowhere_and_an_ended_server_lets_go_of_its_port() -> None:
    port = find_free_port()
    with OperationsServer("127.0.0.1", 0, CollectorRegistry(), well, well):
        pass
    with OperationsServer("127.0.0.1", port, CollectorRegistry(), well, well):
        pass

    with pytest.raises(httpx.ConnectError):
        get(port, "/healthz")


def test_answers_are_json_on_one_line() -> None:
    port = find_free_port()

    with OperationsServer("127.0.0.1", port, CollectorRegistry(), well, well):
        text = get(port, "/healthz").text

    assert json.loads(text)
    assert text.count("\n") == 1


def test_clients_that_ask_nothing_do_not_keep_a_scraper_out() -> None:
    port = find_free_port()

    with OperationsServer("127.0.0.1", port, CollectorRegistry(), well, well), ExitStack() as stack:
        idle = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
            for _ in range(3 * operations_endpoints.MOST_CLIENTS)
        ]
        answer = get(port, "/healthz")
        closed = [each for each in idle[: operations_endpoints.MOST_CLIENTS] if each.recv(1) == b""]

    assert answer.status_code == 200
    assert len(closed) == operations_endpoints.MOST_CLIENTS


def test_a_client_that_sends_byte_by_byte_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations_endpoints, "ANSWERED_SECONDS", 0.2)
    port = find_free_port()

    with (
        OperationsServer("127.0.0.1", port, CollectorRegistry(), well, well),
        socket.create_connection(("127.0.0.1", port), timeout=30) as client,
    ):
        sent = bytes_until_cut_off(client)

    assert 0 < sent < 6000


def bytes_until_cut_off(client: socket.socket) -> int:
    for sent in range(6000):
        try:
            client.sendall(b"G")
        except OSError:
            return sent
        time.sleep(0.01)
    return 6000
