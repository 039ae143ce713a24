"""POST /v1/logs: OTLP logs in protobuf and JSON."""

from __future__ import annotations

import gzip
import json
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
from google.rpc.status_pb2 import Status
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from pydantic import SecretStr
from shipped import NANOSECONDS, build_otlp_request, by_otlp

from schemas.errors import RetryableError
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.plugin import ParsedEvent, load_plugins
from schemas.pipeline.source import IncomingRecord
from schemas.settings import IntakeSettings, SourceSettings
from streams.event_logs.sqlite import SqliteEventLog
from streams.intake.http import request_body
from streams.intake.http.listener import create_intake_app
from streams.intake.http.otlp_records import BrokenRequest, OtlpRecords
from streams.normalise.recognise import FormatRecogniser
from streams.ports import EventLog

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SETTINGS = IntakeSettings(
    http_tokens={
        "web": SecretStr("web-token"),
        "mail": SecretStr("shared-token"),
        "files": SecretStr("shared-token"),
        "*": SecretStr("any-token"),
    },
    max_line_bytes=3000,
)
PROTOBUF, JSON = "application/x-protobuf", "application/json"
SSHD = "Nov 21 11:59:01 web01 sshd[7]: Failed password for root from 203.0.113.9 port 40022 ssh2"


def headers(kind: str = PROTOBUF, token: str = "web-token", **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": kind, **more}


def client_of(log: EventLog, **options: Any) -> httpx.AsyncClient:
    app = create_intake_app(log, SETTINGS, lambda: NOON, **options)
    transport = httpx.ASGITransport(app=app)
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


def stored(log: SqliteEventLog) -> list[RawRecord]:
    return list(log.read(None, 10_000))


def record_of(raw: bytes) -> dict[str, Any]:
    (of_resource,) = json.loads(raw)["resourceLogs"]
    (of_scope,) = of_resource["scopeLogs"]
    (record,) = of_scope["logRecords"]
    return dict(record)


async def test_each_log_record_is_one_durable_record_with_its_resource(
    client: httpx.AsyncClient, log: SqliteEventLog
) -> None:
    body = build_otlp_request(SSHD, "two").SerializeToString()

    answer = await client.post("/v1/logs", content=body, headers=headers())

    assert answer.status_code == 200
    assert answer.headers["content-type"] == PROTOBUF
    assert not ExportLogsServiceResponse.FromString(answer.content).HasField("partial_success")
    one, two = stored(log)
    assert (one.source, one.transport, one.arrived) == ("web", "otlp", NOON)
    assert json.loads(one.raw) == json.loads(by_otlp(SSHD))
    assert json.loads(two.raw) == json.loads(by_otlp("two"))


async def test_json_is_answered_in_json(client: httpx.AsyncClient, log: SqliteEventLog) -> None:
    answer = await client.post(
        "/v1/logs", content=by_otlp(SSHD), headers=headers(f"{JSON}; charset=utf-8")
    )

    assert (answer.status_code, answer.json()) == (200, {})
    assert answer.headers["content-type"] == JSON
    assert [json.loads(each.raw) for each in stored(log)] == [json.loads(by_otlp(SSHD))]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (PROTOBUF, b""),
        (PROTOBUF, b"\x0a\x00"),
        (JSON, b"{}"),
        (JSON, b'{"resourceLogs":[{"scopeLogs":[{}]}],"unknown":1}'),
    ],
)
async def test_a_request_without_records_is_a_success(
    client: httpx.AsyncClient, log: SqliteEventLog, kind: str, body: bytes
) -> None:
    answer = await client.post("/v1/logs", content=body, headers=headers(kind))

    assert answer.status_code == 200
    assert stored(log) == []


@pytest.mark.parametrize(
    ("path", "more", "source"),
    [
        ("/v1/logs", headers(), "web"),
        ("/v1/logs", headers(token="any-token"), "otlp"),
        ("/v1/logs", headers(token="any-token", **{"X-BreachDesk-Source": "edge"}), "edge"),
        ("/v1/logs", headers(token="shared-token", **{"X-BreachDesk-Source": "mail"}), "mail"),
        ("/intake/files/v1/logs", headers(token="shared-token"), "files"),
    ],
)
async def test_the_source_is_named_by_path_header_or_token(
    client: httpx.AsyncClient, log: SqliteEventLog, path: str, more: dict[str, str], source: str
) -> None:
    body = build_otlp_request("one").SerializeToString()

    assert (await client.post(path, content=body, headers=more)).status_code == 200
    assert [each.source for each in stored(log)] == [source]


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {"intValue": "1"}
    for _ in range(depth):
        value = {"arrayValue": {"values": [value]}}
    return value


def message(number: int, content: bytes) -> bytes:
    """A field with a length, as protobuf writes it."""
    length, encoded = len(content), b""
    while length > 0x7F:
        encoded += bytes([length & 0x7F | 0x80])
        length >>= 7
    return bytes([number << 3 | 2]) + encoded + bytes([length]) + content


def with_bad_record() -> bytes:
    """A good record, one that nests too deeply, one that is broken, and another good one."""
    value = b""
    for _ in range(300):
        value = message(5, message(1, value))
    deep = message(5, value)
    good = [each.SerializeToString() for each in records_of(build_otlp_request("one", "two"))]
    return message(
        1, message(2, b"".join(message(2, each) for each in (good[0], deep, b"\x2a\x05x", good[1])))
    )


def records_of(request: ExportLogsServiceRequest) -> Sequence[Any]:
    return list(request.resource_logs[0].scope_logs[0].log_records)


async def test_records_that_cannot_be_read_are_a_partial_success(
    client: httpx.AsyncClient, log: SqliteEventLog
) -> None:
    answer = await client.post("/v1/logs", content=with_bad_record(), headers=headers())

    partial = ExportLogsServiceResponse.FromString(answer.content).partial_success
    assert answer.status_code == 200
    assert partial.rejected_log_records == 2
    assert partial.error_message.startswith("2 log records could not be read")
    assert [record_of(each.raw)["body"] for each in stored(log)] == [
        {"stringValue": "one"},
        {"stringValue": "two"},
    ]


async def test_a_partial_success_in_json_counts_in_text(client: httpx.AsyncClient) -> None:
    document = json.loads(by_otlp("one"))
    records = document["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    records += [7, {"body": nested(120)}]

    answer = await client.post("/v1/logs", content=json.dumps(document), headers=headers(JSON))

    assert answer.json()["partialSuccess"]["rejectedLogRecords"] == "2"


@pytest.mark.parametrize(
    ("status", "code", "content", "more"),
    [
        (400, 3, b"\xff\xff", {}),
        (400, 3, b"\x0a\x05abc", {}),
        (400, 3, b"\x0b\x0c", {}),
        (400, 3, b"\x08" + b"\xff" * 11, {}),
        (400, 3, b"not gzip", {"Content-Encoding": "gzip"}),
        (400, 3, gzip.compress(b"\x0a\x00" * 99, mtime=0)[:-9], {"Content-Encoding": "gzip"}),
        (401, 16, b"", {"Authorization": "Bearer wrong"}),
        (400, 3, b"", {"Authorization": "Bearer shared-token"}),
        (400, 3, b"", {"X-BreachDesk-Source": "no source", "Authorization": "Bearer any-token"}),
        (413, 8, b"", {"Content-Length": str(2**40)}),
        (415, 3, b"", {"Content-Encoding": "br"}),
    ],
)
async def test_a_refusal_is_a_status_in_protobuf(
    client: httpx.AsyncClient,
    log: SqliteEventLog,
    status: int,
    code: int,
    content: bytes,
    more: dict[str, str],
) -> None:
    answer = await client.post("/v1/logs", content=content, headers={**headers(), **more})

    decoded = Status.FromString(answer.content)
    assert (answer.status_code, decoded.code) == (status, code)
    assert answer.headers["content-type"] == PROTOBUF
    assert decoded.message.endswith(".")
    assert stored(log) == []


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", JSON, 400),
        (b"[]", JSON, 400),
        (b'{"resourceLogs":7}', JSON, 400),
        (b'{"resourceLogs":[{"scopeLogs":[7]}]}', JSON, 400),
        (b"[" * 100_000, JSON, 400),
        (b'{"a":[' + b"[]," * 1_500_000 + b"[]]}", JSON, 413),
        (b"x", "text/plain", 415),
        (b"x", "", 415),
    ],
)
async def test_a_refusal_of_anything_else_is_a_status_in_json(
    client: httpx.AsyncClient, content: bytes, kind: str, status: int
) -> None:
    answer = await client.post("/v1/logs", content=content, headers=headers(kind))

    assert answer.status_code == status
    assert set(answer.json()) == {"code", "message"}


async def test_the_other_signals_and_methods_are_refused(client: httpx.AsyncClient) -> None:
    traces = await client.post("/v1/traces", content=b"", headers=headers())
    read = await client.get("/v1/logs", headers=headers())

    assert (traces.status_code, read.status_code) == (404, 405)


class RefusingLog(SqliteEventLog):
    def append(self, incoming: Sequence[IncomingRecord]) -> Sequence[RecordPosition]:
        raise RetryableError("the disk is full")


async def test_what_cannot_be_stored_is_to_be_sent_again(tmp_path: Path) -> None:
    log = RefusingLog(tmp_path / "journal", lambda: NOON)
    async with client_of(log) as client:
        body = build_otlp_request("one").SerializeToString()
        answer = await client.post("/v1/logs", content=body, headers=headers())
    log.close()

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert Status.FromString(answer.content).code == 14


async def test_nothing_is_stored_while_the_process_ends(log: SqliteEventLog) -> None:
    stopping = Event()
    stopping.set()
    async with client_of(log, stopping=stopping) as client:
        body = build_otlp_request("one").SerializeToString()
        answer = await client.post("/v1/logs", content=body, headers=headers())

    assert answer.status_code == 503
    assert stored(log) == []


async def test_a_large_packed_body_is_stored_in_slices(
    client: httpx.AsyncClient, log: SqliteEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_body, "SLICE_RECORDS", 700)
    lines = [f"line {number:05d} {'x' * 300}" for number in range(2000)]
    body = gzip.compress(build_otlp_request(*lines).SerializeToString())

    answer = await client.post(
        "/v1/logs", content=body, headers=headers(**{"Content-Encoding": "gzip"})
    )

    assert answer.status_code == 200
    bodies = [record_of(each.raw)["body"]["stringValue"] for each in stored(log)]
    assert bodies == lines


async def test_more_records_than_allowed_are_refused_whole(log: SqliteEventLog) -> None:
    few = SETTINGS.model_copy(update={"http_records": 3})
    transport = httpx.ASGITransport(app=create_intake_app(log, few, lambda: NOON))
    async with httpx.AsyncClient(transport=transport, base_url="http://i.example") as client:
        body = build_otlp_request("1", "2", "3", "4").SerializeToString()
        answer = await client.post("/v1/logs", content=body, headers=headers())

    assert answer.status_code == 413
    assert stored(log) == []


async def test_a_record_that_is_too_long_is_kept_in_pieces(
    client: httpx.AsyncClient, log: SqliteEventLog
) -> None:
    body = build_otlp_request("x" * 2990, "y" * 7000).SerializeToString()

    answer = await client.post("/v1/logs", content=body, headers=headers())

    assert answer.status_code == 200
    assert all(each.piece for each in stored(log))
    assert b"x" * 2800 in b"".join(each.raw for each in stored(log))


async def test_text_that_is_not_utf_8_stays_readable(
    client: httpx.AsyncClient, log: SqliteEventLog
) -> None:
    body = build_otlp_request("user @@@@ failed").SerializeToString()

    answer = await client.post(
        "/v1/logs", content=body.replace(b"@@@@", b"caf\xe9"), headers=headers()
    )

    assert answer.status_code == 200
    assert record_of(stored(log)[0].raw)["body"] == {"stringValue": r"user caf\xe9 failed"}


def values_of_every_kind() -> ExportLogsServiceRequest:
    request = build_otlp_request("")
    record = records_of(request)[0]
    record.event_name, record.severity_number, record.severity_text = "e", 9, "INFO"
    record.time_unix_nano, record.trace_id, record.span_id = NANOSECONDS, b"\1" * 16, b"\2" * 8
    pairs = record.body.kvlist_value
    pairs.values.add(key="n").value.int_value = -(2**63)
    pairs.values.add(key="d").value.double_value = 0.5
    pairs.values.add(key="inf").value.double_value = float("inf")
    pairs.values.add(key="b").value.bool_value = False
    pairs.values.add(key="raw").value.bytes_value = b"\0\xff"
    pairs.values.add(key="none")
    pairs.values.add(key="list").value.array_value.values.add(string_value="é")
    return request


async def test_values_of_every_kind_are_those_of_otlp_json(
    client: httpx.AsyncClient, log: SqliteEventLog
) -> None:
    body = values_of_every_kind().SerializeToString()

    await client.post("/v1/logs", content=body, headers=headers())

    record = record_of(stored(log)[0].raw)
    assert record["traceId"] == "01" * 16
    assert (record["eventName"], record["severityNumber"]) == ("e", 9)
    values = {each["key"]: each["value"] for each in record["body"]["kvlistValue"]["values"]}
    assert values == {
        "n": {"intValue": "-9223372036854775808"},
        "d": {"doubleValue": 0.5},
        "inf": {"doubleValue": "Infinity"},
        "b": {"boolValue": False},
        "raw": {"bytesValue": "AP8="},
        "none": {},
        "list": {"arrayValue": {"values": [{"stringValue": "é"}]}},
    }


def read_all(body: bytes, limit: int = 4 * 1024 * 1024, *, is_json: bool = False) -> OtlpRecords:
    records = OtlpRecords(memoryview(body), limit, is_json=is_json)
    for _ in records.iterate(lambda: None):
        pass
    return records


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(message(1, message(2, message(2, b"\x32\x00" * 1_000_000))), id="attributes"),
        pytest.param(
            message(1, message(2, message(2, message(5, message(5, b"\x0a\x00" * 900_000))))),
            id="elements",
        ),
    ],
)
def test_the_shortest_values_by_the_million_are_one_rejected_record(body: bytes) -> None:
    tracemalloc.start()
    began = time.thread_time()
    try:
        assert read_all(body).rejected == 1
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()
    assert time.thread_time() - began < 10


def test_a_resource_of_a_million_attributes_is_refused() -> None:
    with pytest.raises(BrokenRequest):
        read_all(message(1, message(1, b"\x0a\x00" * 1_000_000) + message(2, message(2, b""))))


class CheckedTooOften(Exception):
    pass


def test_a_request_of_millions_of_empty_messages_can_be_ended() -> None:
    def refuse() -> None:
        raise CheckedTooOften

    for body in (b"\x0a\x00" * 5000, message(1, b"\x12\x00" * 5000), b"\x08\x01" * 5000):
        with pytest.raises(CheckedTooOften):
            list(OtlpRecords(memoryview(body), 1000, is_json=False).iterate(refuse))


@settings(max_examples=300, deadline=None)
@given(body=st.binary(max_size=300), position=st.integers(0, 200), cut=st.integers(0, 200))
def test_no_bytes_raise_anything_but_a_broken_request(body: bytes, position: int, cut: int) -> None:
    good = values_of_every_kind().SerializeToString()
    for tried in (body, good[:position] + body + good[position:], good[:cut]):
        for is_json in (False, True):
            try:
                read_all(tried, 100, is_json=is_json)
            except BrokenRequest:
                continue


def test_a_line_in_otlp_gives_the_values_of_the_bare_line() -> None:
    recogniser = FormatRecogniser()
    lines = [
        example.line
        for parser in load_plugins("streams.parsers", "PARSER").values()
        for example in parser.examples
        if example.expected is not None and not example.field_map
    ]
    framed = [
        raw
        for several in OtlpRecords(
            memoryview(build_otlp_request(*lines).SerializeToString()), 10**6, is_json=False
        ).iterate(lambda: None)
        for raw, _ in several
    ]

    def read(raw: bytes) -> str:
        record = RawRecord(RecordPosition("j", 1), "s", raw, NOON + timedelta(days=1))
        return recogniser.read(record, SourceSettings(name="s"))[0]

    assert [read(raw) for raw in framed] == [read(line.encode()) for line in lines]


def parsed_by(document: bytes) -> tuple[str, ParsedEvent]:
    record = RawRecord(RecordPosition("j", 1), "s", document, NOON + timedelta(days=1))
    parser, event = FormatRecogniser().read(record, SourceSettings(name="s", zone="UTC"))
    assert isinstance(event, ParsedEvent)
    return parser, event


def test_attributes_of_file_host_service_and_sender_are_facts_of_the_line() -> None:
    document = json.loads(by_otlp("sshd: Accepted publickey for jo from 203.0.113.9 port 1 ssh2"))
    (of_resource,) = document["resourceLogs"]
    (record,) = of_resource["scopeLogs"][0]["logRecords"]
    for key, value in (
        ("log.file.path", "/var/log/auth.log"),
        ("log.iostream", "stdout"),
        ("net.peer.ip", "2001:db8::9"),
        ("net.peer.port", "514"),
        ("k8s.namespace.name", "edge"),
    ):
        record["attributes"].append({"key": key, "value": {"stringValue": value}})
    of_resource["resource"]["attributes"].append(
        {"key": "service.name", "value": {"stringValue": "unknown_service:otelcol"}}
    )

    parser, event = parsed_by(json.dumps(document).encode())

    assert parser == "linux_sshd"
    assert event.fields["log.file.path"] == "/var/log/auth.log"
    assert event.fields["log.file.name"] == "device.log"
    assert event.fields["log.iostream"] == "stdout"
    assert event.fields["log.source.address"] == "[2001:db8::9]:514"
    assert event.fields["orchestrator.namespace"] == "edge"
    assert event.fields.get("service.name") != "unknown_service:otelcol"
    assert event.fields["source.ip"] == "203.0.113.9"
    assert event.time == datetime(2026, 11, 22, 11, 59, 58, 123_000, tzinfo=UTC)


def test_a_structured_body_is_read_as_the_object_that_it_is() -> None:
    request = build_otlp_request("")
    (record,) = records_of(request)
    for key, text in (
        ("SYSLOG_IDENTIFIER", "sshd"),
        ("_PID", "7"),
        ("MESSAGE", "Failed password for root from 203.0.113.9 port 40022 ssh2"),
    ):
        record.body.kvlist_value.values.add(key=key).value.string_value = text
    body = memoryview(request.SerializeToString())
    ((framed,),) = OtlpRecords(body, 10**6, is_json=False).iterate(lambda: None)

    parser, event = parsed_by(framed.raw)

    assert parser == "linux_sshd"
    assert event.fields["event.outcome"] == "failure"
    assert event.fields["source.ip"] == "203.0.113.9"
