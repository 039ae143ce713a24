"""POST /intake/{source}."""

from __future__ import annotations

import asyncio
import gzip
import resource
import threading
import tracemalloc
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from schemas.errors import RetryableError
from schemas.pipeline.event import RecordPosition
from schemas.pipeline.source import IncomingRecord
from schemas.settings import IntakeSettings
from streams.event_logs.sqlite import SqliteEventLog
from streams.intake.http import request_body, slots
from streams.intake.http.listener import create_intake_app
from streams.intake.http.tokens import IntakeTokens
from streams.ports import EventLog

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SETTINGS = IntakeSettings(
    http_tokens={"m365": SecretStr("own-token"), "*": SecretStr("any-token")}, max_line_bytes=1000
)
OWN = {"Authorization": "Bearer own-token"}
ANY = {"Authorization": "Bearer any-token"}


def client_of(log: EventLog, settings: IntakeSettings = SETTINGS) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=create_intake_app(log, settings, lambda: NOON))
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

    end = log.find_end()
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
        assert set(answer.json()) == {"problem", "remedy", "received"}


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
    bomb = gzip.compress(bytes(request_body.MOST_PLAIN_BYTES + 1), 9)
    large = b"x" * (request_body.MOST_BODY_BYTES + 1)

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

    def append(self, incoming: Sequence[IncomingRecord]) -> Sequence[RecordPosition]:
        if self.refuses:
            raise RetryableError("the disk is full")
        self.go_on.wait(120)
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
    assert answer.json()["received"] == 0


async def test_a_slow_commit_does_not_block_others(tmp_path: Path) -> None:
    log = ScriptedLog(tmp_path / "journal")
    async with client_of(log) as client:
        slow = asyncio.create_task(client.post("/intake/m365", content=b"x", headers=OWN))
        quick = await asyncio.wait_for(client.post("/intake/m365", content=b"x"), 60)
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


def few_records(records: int) -> IntakeSettings:
    return SETTINGS.model_copy(update={"http_records": records})


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"a\n" * 11, "text/plain"),
        (b"[" + b"{}," * 10 + b"{}]", "application/json"),
        (b"x" * 10_001, "text/plain"),
        (b"CreationDate,AuditData\n" + b"2026-11-22T09:15:02,{}\n" * 10, "text/csv"),
    ],
)
async def test_more_records_than_the_settings_allow_are_refused_whole(
    log: SqliteEventLog, body: bytes, kind: str
) -> None:
    async with client_of(log, few_records(10)) as client:
        answer = await client.post(
            "/intake/m365", content=body, headers={**OWN, "Content-Type": kind}
        )

    assert answer.status_code == 413
    assert "more than 10 records" in answer.json()["problem"]
    assert answer.json()["received"] == 0
    assert raws(log) == []


async def test_as_many_records_as_the_settings_allow_are_received(log: SqliteEventLog) -> None:
    async with client_of(log, few_records(10)) as client:
        answer = await client.post("/intake/m365", content=b"a\n" * 10 + b"\n" * 99, headers=OWN)

    assert answer.json()["received"] == 10


async def test_a_small_gzip_of_millions_of_lines_is_refused_at_a_small_cost(
    client: httpx.AsyncClient, log: SqliteEventLog
) -> None:
    body = gzip.compress(b"a\n" * 31_000_000, 9)

    tracemalloc.start()
    try:
        answer = await client.post(
            "/intake/m365", content=body, headers={**OWN, "Content-Encoding": "gzip"}
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(body) < 70_000
    assert answer.status_code == 413
    assert peak < 32 * 1024 * 1024
    assert raws(log) == []


async def test_a_body_of_many_slices_arrives_whole_and_in_order(
    client: httpx.AsyncClient, log: SqliteEventLog
) -> None:
    lines = [b"line %d" % number for number in range(2 * request_body.SLICE_RECORDS + 7)]
    lines[3] = b"x" * 2500

    answer = await client.post("/intake/m365", content=b"\n".join(lines), headers=OWN)

    actual = log.read(None, 100_000)
    assert answer.json()["received"] == len(actual) == len(lines) + 2
    assert [record.raw for record in actual if not record.piece] == [
        x for x in lines if len(x) < 99
    ]
    assert len({record.arrived for record in actual}) == 1


class FillingLog(SqliteEventLog):
    """A log whose disk is full after so many appends."""

    def __init__(self, folder: Path, appends: int) -> None:
        super().__init__(folder, lambda: NOON)
        self.appends = appends

    def append(self, incoming: Sequence[IncomingRecord]) -> Sequence[RecordPosition]:
        if not self.appends:
            raise RetryableError("the disk is full")
        self.appends -= 1
        return super().append(incoming)


async def test_a_disk_that_fills_within_a_request_is_answered_with_how_many_records_are_stored(
    tmp_path: Path,
) -> None:
    log = FillingLog(tmp_path / "journal", appends=1)
    lines = [b"line %d" % number for number in range(2 * request_body.SLICE_RECORDS)]
    lines[3] = b"x" * 2500
    async with client_of(log) as client:
        refused = await client.post("/intake/m365", content=b"\n".join(lines), headers=OWN)
        stored = refused.json()["received"]
        values = [record.raw for record in log.read(None, 100_000)]
        log.appends = 9
        again = await client.post("/intake/m365", content=b"\n".join(lines[stored:]), headers=OWN)

    records = [record for record in log.read(None, 100_000) if not record.piece]
    log.close()
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "5"
    assert 0 < stored < len(lines)
    assert values[-1] == lines[stored - 1]
    assert str(stored) in refused.json()["problem"]
    assert again.status_code == 202
    assert [record.raw for record in records] == [line for line in lines if len(line) < 99]


async def test_a_body_that_is_broken_at_its_end_leaves_nothing(
    client: httpx.AsyncClient, log: SqliteEventLog
) -> None:
    body = gzip.compress(b"a line\n" * 3 * request_body.SLICE_RECORDS)[:-3]

    answer = await client.post(
        "/intake/m365", content=body, headers={**OWN, "Content-Encoding": "gzip"}
    )

    assert answer.status_code == 400
    assert raws(log) == []


async def test_stopping_ends_the_work_between_two_slices(tmp_path: Path) -> None:
    stopping = threading.Event()

    class StoppedLog(SqliteEventLog):
        def append(self, incoming: Sequence[IncomingRecord]) -> Sequence[RecordPosition]:
            stopping.set()
            return super().append(incoming)

    log = StoppedLog(tmp_path / "journal", lambda: NOON)
    app = create_intake_app(log, SETTINGS, lambda: NOON, stopping=stopping)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://intake.example") as client:
        body = b"a line\n" * 4 * request_body.SLICE_RECORDS
        within = await client.post("/intake/m365", content=body, headers=OWN)
        after = await client.post("/intake/m365", content=b"x", headers=OWN)

    count = len(log.read(None, 100_000))
    log.close()
    assert (within.status_code, after.status_code) == (503, 503)
    assert within.json()["received"] == count
    assert 0 < count < 4 * request_body.SLICE_RECORDS
    assert after.json()["received"] == 0


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {**OWN, "Content-Encoding": "br"}]
)
async def test_a_body_is_not_read_before_its_token_is_right(
    log: SqliteEventLog, headers: dict[str, str]
) -> None:
    read = 0
    messages: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def send(message: dict[str, object]) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/intake/m365",
        "raw_path": b"/intake/m365",
        "query_string": b"",
        "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
    }
    await create_intake_app(log, SETTINGS, lambda: NOON)(scope, receive, send)  # type: ignore[arg-type]

    assert messages[0]["status"] in (401, 415)
    assert read == 0


async def test_a_body_that_says_it_is_too_large_is_refused_unread(
    client: httpx.AsyncClient, log: SqliteEventLog
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"x"
        raise AssertionError("it was read")

    answer = await client.post(
        "/intake/m365",
        content=body(),
        headers={**OWN, "Content-Length": str(request_body.MOST_BODY_BYTES + 1)},
    )

    assert answer.status_code == 413


async def test_slow_bodies_of_one_token_do_not_hold_up_another(log: SqliteEventLog) -> None:
    go_on = asyncio.Event()
    begun: asyncio.Queue[None] = asyncio.Queue()

    async def slow() -> AsyncIterator[bytes]:
        begun.put_nowait(None)
        yield b"half "
        await go_on.wait()
        yield b"whole\n"

    app = create_intake_app(log, SETTINGS, lambda: NOON, patience=0.2)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://intake.example") as client:
        slow_ones = [
            asyncio.create_task(client.post("/intake/other", content=slow(), headers=ANY))
            for _ in range(slots.READ_AT_ONCE)
        ]
        for _ in slow_ones:
            await asyncio.wait_for(begun.get(), 30)
        other = await asyncio.wait_for(client.post("/intake/m365", content=b"x", headers=OWN), 30)
        own = await asyncio.wait_for(client.post("/intake/third", content=b"x", headers=ANY), 30)
        go_on.set()
        answers = await asyncio.gather(*slow_ones)

    assert other.status_code == 202
    assert (own.status_code, own.headers["retry-after"]) == (429, "5")
    assert {answer.status_code for answer in answers} == {202}


@pytest.mark.parametrize(
    ("tokens", "source", "sent", "holder"),
    [
        ({"a": "one", "*": "two"}, "a", "one", "a"),
        ({"a": "one", "*": "two"}, "a", "two", None),
        ({"a": "one", "*": "two"}, "b", "two", "*"),
        ({"a": "one", "*": "two"}, "*", "two", "*"),
        ({"a": "one"}, "b", "one", None),
        ({"a": "one"}, "b", "", None),
        ({"a": "", "*": "two"}, "a", "", None),
        ({"a": "", "*": "two"}, "a", "two", "*"),
        ({"a": "caf\xe9"}, "a", "caf\xe9".encode().decode("latin-1"), "a"),
        ({}, "a", "", None),
    ],
)
def test_a_token_belongs_to_its_source_or_to_all_that_have_none(
    tokens: dict[str, str], source: str, sent: str, holder: str | None
) -> None:
    intake_tokens = IntakeTokens({name: SecretStr(token) for name, token in tokens.items()})

    assert intake_tokens.find_holder(source, f"Bearer {sent}") == holder
    assert intake_tokens.find_holder(source, f"Basic {sent}") is None


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """Writing on fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("beyond", [1, 100, 5000, 1_000_000])
def test_a_body_that_the_disk_does_not_hold_is_answered_503(tmp_path: Path, beyond: int) -> None:
    size = 300 * 1024

    def read() -> None:
        with request_body.RequestBody(tmp_path) as body:
            for part in (b"x" * size, *(b"y" * 50 for _ in range(beyond // 50)), b"z"):
                body.add(part)
            list(body.iterate_chunks())

    with files_no_larger_than(size), pytest.raises(request_body.IntakeRefusal) as refused:
        read()

    assert refused.value.status == 503
    assert refused.value.received == 0
