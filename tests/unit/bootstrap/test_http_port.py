"""The HTTP port against clients that are slow, many or rude: a real server, real sockets."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse

from breachdesk.bootstrap.http.bodies import PacedBodies
from breachdesk.bootstrap.http.connections import (
    STALLED_SECONDS,
    AnswerStall,
    OpenConnections,
    PortConfig,
)
from breachdesk.bootstrap.http.port import HttpServer
from schemas.settings import HttpSettings

HOST = "127.0.0.1"
PATIENT = HttpSettings()


class Port:
    """A server in a thread, and what its application saw."""

    def __init__(self, limits: HttpSettings, exempt: Callable[[str], bool] | None = None) -> None:
        self.go_on = threading.Event()
        self.waiting = 0
        self.read: list[int] = []
        self.came = 0
        """Bytes of bodies, of those too that are not complete."""
        connections = (
            OpenConnections(limits) if exempt is None else OpenConnections(limits, exempt=exempt)
        )
        self.stopping = threading.Event()
        config = PortConfig(
            PacedBodies(self._app(), limits),
            connections,
            host=HOST,
            port=0,
            log_config=None,
            log_level="critical",
            lifespan="off",
            timeout_graceful_shutdown=5,
        )
        self.server = HttpServer(config, threading.Event(), self.stopping)
        self.thread = threading.Thread(target=self.server.run)

    def _app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/")
        async def plain() -> PlainTextResponse:
            return PlainTextResponse("here")

        @app.post("/read")
        async def read(request: Request) -> PlainTextResponse:
            whole = 0
            async for part in request.stream():
                whole += len(part)
                self.came += len(part)
            self.read.append(whole)
            return PlainTextResponse("read")

        @app.post("/refuse")
        async def refuse() -> PlainTextResponse:
            raise HTTPException(403, "not yours")

        @app.get("/slow")
        async def slow() -> PlainTextResponse:
            self.waiting += 1
            while not self.go_on.is_set():  # noqa: ASYNC110 - another thread sets it
                await asyncio.sleep(0.01)
            return PlainTextResponse("done")

        return app

    @property
    def port(self) -> int:
        return int(self.server.servers[0].sockets[0].getsockname()[1])

    def connect(self, sent: bytes = b"") -> socket.socket:
        connection = socket.create_connection((HOST, self.port), timeout=30)
        connection.sendall(sent)
        return connection

    def get(self, path: str = "/") -> httpx.Response:
        return httpx.get(f"http://{HOST}:{self.port}{path}", timeout=30)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline, "it did not happen in two minutes"
        time.sleep(0.01)


@contextmanager
def serving(
    limits: HttpSettings = PATIENT, exempt: Callable[[str], bool] | None = None
) -> Iterator[Port]:
    port = Port(limits, exempt)
    port.thread.start()
    try:
        until(lambda: port.server.started)
        yield port
    finally:
        port.go_on.set()
        port.server.should_exit = True
        port.thread.join(60)
        assert not port.thread.is_alive()


def everything(connection: socket.socket) -> bytes:
    """What comes until the other side closes, in whatever way."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


def is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


POST = b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
QUICK = HttpSettings(
    header_seconds=0.3, body_grace_seconds=0.3, body_bytes_per_second=1000, body_seconds=60
)


@pytest.mark.parametrize("sent", [b"G", b"GET / HTTP/1.1\r\nHost: x\r\nX-More: "])
def test_a_head_that_does_not_come_in_time_is_answered_408(sent: bytes) -> None:
    with serving(QUICK) as port, port.connect(sent) as connection:
        answer = everything(connection)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"remedy"' in answer


def test_the_second_head_of_a_connection_has_no_more_time_than_the_first() -> None:
    sent = b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HT"
    with serving(QUICK) as port, port.connect(sent) as connection:
        answer = everything(connection)

    assert answer.count(b"here") == 1
    assert b"HTTP/1.1 408 " in answer


def test_a_connection_that_asks_nothing_is_closed_without_a_word() -> None:
    with serving(QUICK) as port, port.connect() as connection:
        assert everything(connection) == b""


def test_a_body_that_comes_too_slowly_is_answered_408_and_not_kept() -> None:
    with serving(QUICK) as port:
        with port.connect(POST + b"x") as connection:
            answer = everything(connection)
        read = list(port.read)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert read == []


def test_a_body_that_takes_too_long_is_refused_though_it_keeps_the_pace() -> None:
    limits = QUICK.model_copy(update={"body_bytes_per_second": 1, "body_seconds": 0.5})
    with serving(limits) as port, port.connect(POST + b"x" * 900) as connection:
        assert everything(connection).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_comes_in_parts_is_read_whole() -> None:
    with serving() as port:
        with port.connect(POST) as connection:
            for _ in range(10):
                connection.sendall(b"x" * 100)
                time.sleep(0.02)
            connection.shutdown(socket.SHUT_WR)
            answer = everything(connection)
        read = list(port.read)

    assert answer.endswith(b"read")
    assert read == [1000]


def test_a_body_that_is_refused_is_not_read_and_its_sender_gets_the_answer() -> None:
    size = 64 * 1024 * 1024
    head = b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size
    with serving() as port, port.connect(head) as connection:
        sent = 0
        try:
            while sent < size:
                sent += connection.send(b"x" * 65536)
        except OSError:
            pass
        answer = everything(connection)

    assert sent < size // 2
    assert answer == b"" or answer.startswith(b"HTTP/1.1 403 ")


def test_who_waits_for_the_answer_before_the_body_reads_it_and_sees_the_end() -> None:
    head = b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n"
    with serving() as port, port.connect(head + b"x" * 50_000) as connection:
        answer = everything(connection)

    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"connection: close" in answer.lower()


def test_connections_that_ask_nothing_give_way_when_there_are_too_many() -> None:
    limits = HttpSettings(connections=20, header_seconds=60)
    with serving(limits) as port, ExitStack() as stack:
        idle = [stack.enter_context(port.connect(b"GET / HT")) for _ in range(70)]
        answers = [port.get() for _ in range(5)]
        until(lambda: sum(is_open(each) for each in idle) <= 20)

    assert [answer.text for answer in answers] == ["here"] * 5


def test_a_request_that_is_being_answered_never_gives_way() -> None:
    limits = HttpSettings(connections=20, header_seconds=60)
    ask = b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with serving(limits) as port, ExitStack() as stack:
        values = [stack.enter_context(port.connect(ask)) for _ in range(5)]
        until(lambda: port.waiting == 5)
        for _ in range(60):
            stack.enter_context(port.connect())
        port.go_on.set()
        answers = [everything(each) for each in values]

    assert [answer.endswith(b"done") for answer in answers] == [True] * 5


def test_a_slow_body_gives_way_and_a_quick_one_does_not() -> None:
    limits = HttpSettings(connections=10, header_seconds=60, body_grace_seconds=60)
    head = b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\nConnection: close\r\n\r\n"
    with serving(limits) as port, ExitStack() as stack:
        slow = [stack.enter_context(port.connect(head + b"x")) for _ in range(9)]
        with port.connect(head + b"x" * 4_500_000) as quick:
            until(lambda: port.came == len(slow) + 4_500_000)
            more = [stack.enter_context(port.connect(head + b"x")) for _ in range(30)]
            quick.sendall(b"x" * 4_500_000)
            answer = everything(quick)
        until(lambda: sum(is_open(each) for each in slow + more) <= 10)

    assert answer.endswith(b"read")


def test_one_address_cannot_take_what_is_meant_for_all() -> None:
    limits = HttpSettings(connections=50, connections_per_address=10, header_seconds=60)
    with serving(limits, exempt=lambda _address: False) as port, ExitStack() as stack:
        idle = [stack.enter_context(port.connect()) for _ in range(30)]
        until(lambda: sum(is_open(each) for each in idle) <= 10)
        answer = port.get()

    assert answer.text == "here"


def test_a_body_in_chunks_of_one_byte_is_refused() -> None:
    head = b"POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with serving() as port:
        with port.connect(head) as connection:
            try:
                for _ in range(200):
                    connection.sendall(b"1\r\nx\r\n" * 1000)
            except OSError:
                pass
            answer = everything(connection)
        read = list(port.read)

    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
    assert read == []


TWO_LENGTHS = (
    b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n0\r\n\r\n"
)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", b"200"),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", b"200"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 30_000 + b"\r\n", b"400"),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (
            b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
            b"400",
        ),
        (b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"400"),
        (TWO_LENGTHS, b"400"),
        (b"\x16\x03\x01\x02\x00", b"400"),
    ],
)
def test_an_odd_request_gets_an_answer(sent: bytes, status: bytes) -> None:
    limits = HttpSettings(header_seconds=2)
    with serving(limits) as port, port.connect(sent) as connection:
        answer = everything(connection)

    assert answer.startswith((b"HTTP/1.1 " + status, b"HTTP/1.0 " + status))


def test_pipelined_requests_are_all_answered_in_order() -> None:
    sent = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 50
    with serving() as port, port.connect(sent) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = everything(connection)

    assert answer.count(b"here") == 51


def test_a_server_that_stops_does_not_wait_for_slow_clients() -> None:
    an_hour = HttpSettings(header_seconds=3600, body_grace_seconds=3600, body_seconds=3600)
    with serving(an_hour) as port, ExitStack() as stack:
        for sent in (b"", b"GET / HT", POST, POST + b"x"):
            stack.enter_context(port.connect(sent))
        port.get()
        port.server.should_exit = True
        port.thread.join(120)

        assert not port.thread.is_alive()
        assert port.stopping.is_set()


def test_an_answer_that_is_not_taken_is_given_up_and_a_slow_one_is_not() -> None:
    nobody, slowly, quickly = AnswerStall(), AnswerStall(), AnswerStall()

    assert not nobody.is_over(0, 100_000)
    assert not nobody.is_over(STALLED_SECONDS - 1, 100_000)
    assert nobody.is_over(STALLED_SECONDS, 99_000)
    assert not slowly.is_over(0, 100_000)
    assert not slowly.is_over(STALLED_SECONDS, 60_000)
    assert not slowly.is_over(2 * STALLED_SECONDS, 20_000)
    assert not quickly.is_over(0, 100_000)
    assert not quickly.is_over(STALLED_SECONDS, 0)
