"""POST /intake/{source}."""

from __future__ import annotations

import asyncio
import gzip
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from schemas.errors import Retryable
from schemas.event import Position
from schemas.settings import IntakeSettings
from schemas.source import Incoming
from streams.event_logs.sqlite import SqliteEventLog
from streams.intake import http
from streams.intake.http import intake_app
from streams.ports import EventLog

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SETTINGS = IntakeSettings(
    http_tokens={"m365": SecretStr("own-token"), "*": SecretStr("any-token")}, max_line_bytes=1000
)
OWN = {"Authorization": "Bearer own-token"}
ANY = {"Authorization": "Bearer any-token"}


def client_of(log: EventLog, settings: IntakeSettings = SETTINGS) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=intake_app(log, settings, lambda: NOON))
    return httpx.AsyncClient(transport=transport, base_url="http://intake.example")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteEventLog]:
    opened = SqliteEventLog(tmp_path / "journal", lambda: NOON)
    yield opened
    opened.close()


@pytest.fixture
async def client(log: SqliteEventLog) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(log) as opened:
        yield opened


def raws(log: SqliteEventLog) -> list[bytes]:
    return [record.raw for record in log.read(None, 1000)]


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (b"one\ntwo\r\n", "text/plain; charset=utf-8", [b"one", b"two"]),
        (b'{"a":1}\n{"b":2}\n', "application/x-ndjson", [b'{"a":1}', b'{"b":2}']),
        (b'[{"a": 1}, {"b":2}]', "application/json", [b'{"a": 1}', b'{"b":2}']),
        (b"caf\xe9", "", [b"caf\xe9"]),
    ],
)
async def test_records_are_accepted_once_they_are_durable(
    client: httpx.AsyncClient,
    log: SqliteEventLog,
    body: bytes,
    kind: str,
    expected: list[bytes],
) -> None:
    answer = await client.post("/intake/m365", content=body, headers={**OWN, "Content-Type": kind})

    end = log.end()
    assert end
    assert answer.status_code == 202
    assert answer.json() == {
        "received": len(expected),
        "journal": end.journal,
        "last offset": end.offset,
    }
    assert raws(log) == expected
    record = log.read(None, 1)[0]
    assert (record.source, record.arrived, record.transport) == ("m365", NOON, "http")


async def test_a_packed_body_is_unpacked(client: httpx.AsyncClient, log: SqliteEventLog) -> None:
    body = gzip.compress(b"one\n") + gzip.compress(b"two\n")

    answer = await client.post(
        "/intake/m365", content=body, headers={**OWN, "Content-Encoding": "gzip"}
    )

    assert answer.status_code == 202
    assert raws(log) == [b"one", b"two"]


async def test_an_over_long_record_is_kept_in_marked_pieces(
    client: httpx.AsyncClient, log: SqliteEventLog
) -> None:
    answer = await client.post("/intake/m365", content=b"x" * 1500 + b"\ny", headers=OWN)

    assert answer.json()["received"] == 3
    assert [bool(r.piece) for r in log.read(None, 9)] == [True, True, False]


async def test_an_empty_array_is_nothing_to_tell_and_an_empty_body_a_mistake(
    client: httpx.AsyncClient,
) -> None:
    nothing = await client.post("/intake/m365", content=b"[]", headers=OWN)
    mistake = await client.post("/intake/m365", content=b" \n", headers=OWN)

    assert nothing.json() == {"received": 0, "journal": None, "last offset": None}
    assert (mistake.status_code, mistake.json()["problem"]) == (400, "the body holds no record.")


@pytest.mark.parametrize(
    ("source", "headers", "status"),
    [
        ("m365", OWN, 202),
        ("m365", ANY, 401),
        ("unknown", ANY, 202),
        ("unknown", OWN, 401),
        ("m365", {}, 401),
        ("m365", {"Authorization": "Basic own-token"}, 401),
        ("m365", {"Authorization": "Bearer "}, 401),
        ("m365", {"Authorization": "Bearer own-tokenx"}, 401),
        ("m365", {"Authorization": b"Bearer \xe9"}, 401),
    ],
)
async def test_a_source_needs_its_own_token_or_the_one_for_all_others(
    client: httpx.AsyncClient,
    log: SqliteEventLog,
    source: str,
    headers: dict[str, str],
    status: int,
) -> None:
    answer = await client.post(f"/intake/{source}", content=b"line", headers=headers)

    assert answer.status_code == status
    assert bool(raws(log)) == (status == 202)
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert set(answer.json()) == {"problem", "remedy"}


async def test_without_tokens_in_the_settings_nothing_is_open(log: SqliteEventLog) -> None:
    async with client_of(log, IntakeSettings()) as client:
        answer = await client.post(
            "/intake/any", content=b"x", headers={"Authorization": "Bearer "}
        )

    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("path", "content", "headers", "status"),
    [
        ("/intake/m365", b"x", {"Content-Encoding": "br"}, 415),
        ("/intake/m365", b"x", {"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ("/intake/m365", b"no gzip", {"Content-Encoding": "gzip"}, 400),
        ("/intake/m365", gzip.compress(b"one\n", mtime=0)[:-5], {"Content-Encoding": "gzip"}, 400),
        ("/intake/-odd", b"x", ANY, 400),
        ("/intake", b"x", {}, 404),
    ],
)
async def test_what_cannot_be_taken_is_refused_with_problem_and_remedy(
    client: httpx.AsyncClient,
    log: SqliteEventLog,
    path: str,
    content: bytes,
    headers: dict[str, str],
    status: int,
) -> None:
    answer = await client.post(path, content=content, headers={**OWN, **headers})

    assert answer.status_code == status
    assert answer.json()["problem"]
    assert answer.json()["remedy"]
    assert raws(log) == []


async def test_a_body_or_a_gzip_bomb_beyond_the_limit_is_refused(
    client: httpx.AsyncClient, log: SqliteEventLog
) -> None:
    bomb = gzip.compress(bytes(http.MOST_PLAIN_BYTES + 1), 9)
    large = b"x" * (http.MOST_BODY_BYTES + 1)

    answers = [
        await client.post(
            "/intake/m365", content=bomb, headers={**OWN, "Content-Encoding": "gzip"}
        ),
        await client.post("/intake/m365", content=large, headers=OWN),
    ]

    assert [answer.status_code for answer in answers] == [413, 413]
    assert all(answer.json()["remedy"] for answer in answers)
    assert raws(log) == []


class ScriptedLog(SqliteEventLog):
    """A log whose append waits, or refuses."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, lambda: NOON)
        self.go_on = threading.Event()
        self.refuses = False

    def append(self, incoming: Sequence[Incoming]) -> Sequence[Position]:
        if self.refuses:
            raise Retryable("the disk is full")
        self.go_on.wait(5)
        return super().append(incoming)


async def test_a_disk_that_refuses_is_answered_503_and_nothing_counts_as_received(
    tmp_path: Path,
) -> None:
    log = ScriptedLog(tmp_path / "journal")
    log.refuses = True
    async with client_of(log) as client:
        answer = await client.post("/intake/m365", content=b"x", headers=OWN)

    log.close()
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "again" in answer.json()["remedy"]


async def test_a_slow_commit_does_not_block_others(tmp_path: Path) -> None:
    log = ScriptedLog(tmp_path / "journal")
    async with client_of(log) as client:
        slow = asyncio.create_task(client.post("/intake/m365", content=b"x", headers=OWN))
        quick = await asyncio.wait_for(client.post("/intake/m365", content=b"x"), 2)
        unanswered = not slow.done()
        log.go_on.set()
        answer = await slow

    log.close()
    assert unanswered
    assert quick.status_code == 401
    assert answer.status_code == 202


async def test_what_curl_calls_a_form_is_taken_as_lines(
    client: httpx.AsyncClient, log: SqliteEventLog
) -> None:
    answer = await client.post(
        "/intake/m365",
        content=b"one\ntwo\n",
        headers={**OWN, "Content-Type": "application/x-www-form-urlencoded"},
    )

    assert answer.status_code == 202
    assert raws(log) == [b"one", b"two"]
