"""Sections of a native audit log are joined to transactions, whatever a body holds and wherever
the log is cut."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.pipeline.plugin import SourceLine
from streams.intake.splitting.record_splitter import RecordSplitter, split_records
from streams.parsers.modsecurity_audit import PARSER


def section(identity: str, letter: str, content: str = "") -> str:
    return f"--{identity}-{letter}--\n{content}"


def begin(identity: str, address: str = "203.0.113.66") -> str:
    head = f"[22/Nov/2026:01:06:15 +0000] V6BE{identity} {address} 43077 192.0.2.80 80\n"
    request = "POST /login HTTP/1.1\nHost: www.contoso.example\n\n"
    return section(identity, "A", head) + section(identity, "B", request)


def end(identity: str) -> str:
    message = 'Message: Warning. Pattern match "x" at ARGS. [id "942100"] [msg "SQL"]\n\n'
    return section(identity, "F", "HTTP/1.1 200 OK\n\n") + section(identity, "H", message)


def transaction(identity: str, body: str = "user=jo", address: str = "203.0.113.66") -> str:
    return (
        begin(identity, address)
        + section(identity, "C", f"{body}\n")
        + end(identity)
        + section(identity, "Z", "\n")
    )


def split(text: str) -> list[str]:
    return [raw.decode() for raw in split_records(text.encode())]


def parse(text: str):
    from datetime import UTC, datetime

    return PARSER.parse(SourceLine(text, datetime(2026, 11, 22, 2, tzinfo=UTC), UTC))


def list_clients(text: str) -> list[str]:
    return [parse(record).fields["source.ip"] for record in split(text)]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("shape", ["{}", "-{}--"])
def test_a_transaction_is_a_record(newline: str, shape: str) -> None:
    ids = [shape.format(f"{n:08x}") for n in range(3)]
    text = "".join(map(transaction, ids)).replace("\n", newline)
    records = split(text)

    assert "".join(records).replace(newline, "") == text.replace(newline, "")
    assert [record.partition("-A--")[0] for record in records] == [f"--{each}" for each in ids]
    assert list_clients(text) == ["203.0.113.66"] * 3


def test_sections_of_transactions_may_stand_between_one_another() -> None:
    one, two = "0000000a", "0000000b"
    text = (
        begin(one)
        + begin(two, "198.51.100.7")
        + section(one, "C", "a\n")
        + section(two, "C", "b\n")
        + end(one)
        + end(two)
        + section(two, "Z", "\n")
        + section(one, "Z", "\n")
    )

    assert list_clients(text) == ["198.51.100.7", "203.0.113.66"]
    assert all(record.count("-C--") == 1 for record in split(text))


@pytest.mark.parametrize(
    "body",
    [
        transaction("deadbeef", address="192.0.2.66"),
        section("deadbeef", "Z"),
        section(
            "deadbeef", "A", "[22/Nov/2026:01:06:15 +0000] V6BEdeadbeef 192.0.2.66 1 192.0.2.80 80"
        ),
        "--deadbeef-H--\nMessage: Access denied with code 403 (phase 2). x\n--deadbeef-F--\nHTTP/1.1 500 x",
        "--0000000a-Z-- \x0b",
    ],
)
def test_a_body_forges_no_transaction(body: str) -> None:
    text = transaction("0000000a", body) + transaction("0000000b", address="198.51.100.7")
    events = [parse(record) for record in split(text)]

    assert [event.fields["source.ip"] for event in events] == ["203.0.113.66", "198.51.100.7"]
    assert events[0].fields["http.response.status_code"] == 200
    assert events[0].fields["event.outcome"] == "success"
    assert "deadbeef" not in str(events[0].fields)


def test_a_log_that_is_cut_in_a_body_loses_no_later_transaction() -> None:
    text = begin("0000000a") + section("0000000a", "C", "half\n") + transaction("0000000b")
    records = split(text)

    assert len(records) == 2
    assert records[0].endswith("half")
    assert list_clients(text) == ["203.0.113.66"] * 2


def test_a_log_that_begins_in_a_transaction_is_read_from_the_next() -> None:
    text = (
        "of a body\n" + end("0000000a") + section("0000000a", "Z", "\n") + transaction("0000000b")
    )
    records = split(text)

    assert records[0] == "of a body"
    assert records[1].startswith("--0000000a-F--")
    assert parse(records[2]).fields["source.ip"] == "203.0.113.66"
    assert len(records) == 3


def test_a_cut_transaction_in_a_living_log_ends_at_the_limit() -> None:
    splitter = RecordSplitter(4_000)
    text = begin("0000000a") + section("0000000a", "C", "half\n")
    others = [transaction(f"{n:08x}", "x" * 200) for n in range(16, 40)]
    records = [record.raw for record in splitter.feed((text + "".join(others)).encode())]

    assert records[0].endswith(b"half")
    assert len(records) > 20


def test_a_transaction_longer_than_the_limit_comes_in_pieces() -> None:
    splitter = RecordSplitter(1_000)
    text = transaction("0000000a", "\n".join("y" * 100 for _ in range(50)))
    records = splitter.feed((text + transaction("0000000b")).encode())

    assert all(record.piece for record in records[:-1])
    assert "".join(record.raw.decode() for record in records[:-1]).replace(
        "\n", ""
    ) == text.replace("\n", "")
    assert records[-1].raw.startswith(b"--0000000b-A--")


@pytest.mark.parametrize("limit", [0, 200_000])
def test_many_beginnings_in_a_cut_body_cost_no_more_than_their_length(limit: int) -> None:
    def measure(count: int) -> float:
        data = (begin("0000000a") + section("0000000a", "C")).encode() + b"".join(
            b"--%08x-A--\n--%08x-C--\n" % (n, n) for n in range(16, 16 + count)
        )
        splitter = RecordSplitter(limit)
        began = time.thread_time()
        records = splitter.feed(data) + splitter.finish()
        assert len(records) > count * 0.9
        return time.thread_time() - began

    assert measure(16_000) < 40 * measure(2_000)


def test_a_body_behind_a_cut_transaction_forges_none_either() -> None:
    cut = begin("0000000a") + section("0000000a", "C", "half\n")
    hostile = transaction("0000000b", transaction("deadbeef", address="192.0.2.66"))

    assert list_clients(cut + hostile + transaction("0000000c")) == ["203.0.113.66"] * 3


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000))
def test_any_cut_and_any_restart_give_the_same_records(seed: int) -> None:
    chance = random.Random(seed)
    bodies = ["a=b", transaction("deadbeef"), section("deadbeef", "Z"), "--x-A--", "\n\n", "{"]
    text = "".join(
        transaction(f"{n:08x}", chance.choice(bodies)) for n in range(chance.randint(1, 5))
    )
    if chance.random() < 0.5:
        text = text[: chance.randint(1, len(text))]
    data = text.encode()
    whole = RecordSplitter(0)
    expected = [record.raw for record in whole.feed(data) + whole.finish()]
    splitter, records, at = RecordSplitter(0), [], 0
    while at < len(data):
        step = data[at : at + chance.randint(1, 90)]
        records += [record.raw for record in splitter.feed(step)]
        at += len(step)
        if chance.random() < 0.2:
            point = splitter.restart_point
            start = 0 if point.back is None else at - point.back
            splitter = RecordSplitter(0, start, lines=point.is_lines)
            again = [record.raw for record in splitter.feed(data[start:at])]
            assert len(again) == point.skip
    records += [record.raw for record in splitter.finish()]

    assert records == expected


@settings(deadline=None, max_examples=60)
@given(data=st.binary(max_size=300))
def test_no_bytes_raise(data: bytes) -> None:
    split_records(transaction("0000000a").encode() + data)
    list(split_records(begin("0000000a").encode() + section("0000000a", "C").encode() + data))
