"""Syslog over TCP against senders that are many, idle or endless: real sockets on loopback."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schemas.settings import IntakeSettings
from streams.event_logs.sqlite import SqliteEventLog
from streams.intake.networks import get_network
from streams.intake.syslog import connection_losses, tcp_connections
from streams.intake.syslog.connection_losses import ConnectionLosses
from streams.intake.syslog.listener import SyslogListener

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
STRANGER, KNOWN = "127.0.0.2", "127.0.0.3"


class Clock:
    """Goes on by a second whenever it is asked: intervals end."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        self.time += timedelta(seconds=0.1)
        return self.time


class CountingMeter:
    def __init__(self) -> None:
        self.open = 0
        self.gone: list[str] = []

    def set_connections(self, open_now: int) -> None:
        self.open = open_now

    def record_closed(self, reason: str) -> None:
        self.gone.append(reason)


class Receiver:
    """A listener, its log and its meter."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.log = SqliteEventLog(folder, lambda: NOON)
        self.meter = CountingMeter()
        intake = IntakeSettings.model_validate({"host": "127.0.0.1", **settings})
        self.listener = SyslogListener(self.log, intake, Clock(), tcp_port=0, meter=self.meter)
        self.listener.start()

    def connect(self, sender: str, sent: bytes = b"") -> socket.socket:
        assert self.listener.tcp_port
        connection = socket.create_connection(
            ("127.0.0.1", self.listener.tcp_port), timeout=30, source_address=(sender, 0)
        )
        connection.sendall(sent)
        return connection

    def raws(self) -> list[bytes]:
        return [record.raw for record in self.log.read(None, 100_000)]

    def close(self) -> None:
        self.listener.stop()
        self.log.close()


@contextmanager
def receiving(folder: Path, **settings: object) -> Iterator[Receiver]:
    receiver = Receiver(folder / "journal", **settings)
    try:
        yield receiver
    finally:
        receiver.close()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline, "it did not happen in two minutes"
        time.sleep(0.01)


def is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def test_a_strangers_idle_connections_do_not_keep_out_a_sender_and_leave_a_gap(
    tmp_path: Path,
) -> None:
    limits = {"syslog_connections": 100, "syslog_connections_per_sender": 50}
    with receiving(tmp_path, **limits) as receiver, ExitStack() as stack:
        idle = [stack.enter_context(receiver.connect(STRANGER)) for _ in range(150)]
        stack.enter_context(receiver.connect(KNOWN, b"<13>from the sender\n"))
        until(lambda: receiver.raws() == [b"<13>from the sender"])
        until(lambda: sum(is_open(each) for each in idle) == 50)
        until(lambda: bool(receiver.log.list_gaps()))
        result = list(receiver.meter.gone)

    gaps = receiver.log.list_gaps()
    assert {gap.source for gap in gaps} == {f"syslog-{STRANGER}"}
    assert sum(int(gap.reason.split()[0]) for gap in gaps) == 100
    assert result == ["limit"] * 100


def test_when_all_places_are_taken_the_longest_idle_stranger_goes(tmp_path: Path) -> None:
    limits = {"syslog_connections": 10, "syslog_connections_per_sender": 10}
    with receiving(tmp_path, **limits) as receiver, ExitStack() as stack:
        first = stack.enter_context(receiver.connect(STRANGER))
        until(lambda: receiver.meter.open == 1)
        idle = [stack.enter_context(receiver.connect(STRANGER)) for _ in range(9)]
        until(lambda: receiver.meter.open == 10)
        stack.enter_context(receiver.connect(KNOWN, b"<13>line\n"))
        until(lambda: receiver.raws() == [b"<13>line"])

        assert not is_open(first)
        assert all(is_open(each) for each in idle)


def test_a_busy_address_gives_one_place_to_a_newcomer_of_another_and_no_more(
    tmp_path: Path,
) -> None:
    limits = {"syslog_connections": 3, "syslog_connections_per_sender": 3}
    with receiving(tmp_path, **limits) as receiver, ExitStack() as stack:
        busy = [stack.enter_context(receiver.connect(STRANGER, b"<13>a\n")) for _ in range(3)]
        until(lambda: len(receiver.raws()) == 3)
        stack.enter_context(receiver.connect(KNOWN, b"<13>b\n"))
        until(lambda: b"<13>b" in receiver.raws())
        second = stack.enter_context(receiver.connect(KNOWN))
        until(lambda: not is_open(second))
        until(lambda: len(receiver.log.list_gaps()) == 2)

        assert sum(is_open(each) for each in busy) == 2
        assert {gap.source for gap in receiver.log.list_gaps()} == {
            f"syslog-{STRANGER}",
            f"syslog-{KNOWN}",
        }


def test_who_sends_is_not_closed_for_a_newcomer_of_its_own_address(tmp_path: Path) -> None:
    with receiving(tmp_path, syslog_connections_per_sender=5) as receiver, ExitStack() as stack:
        busy = [stack.enter_context(receiver.connect(KNOWN, b"<13>one\n")) for _ in range(5)]
        until(lambda: len(receiver.raws()) == 5)
        newcomer = stack.enter_context(receiver.connect(KNOWN))
        until(lambda: not is_open(newcomer))
        for each in busy:
            each.sendall(b"<13>two\n")
        until(lambda: len(receiver.raws()) == 10)
        until(lambda: bool(receiver.log.list_gaps()))

        assert [gap.source for gap in receiver.log.list_gaps()] == [f"syslog-{KNOWN}"]


def test_a_sender_that_the_settings_name_is_let_in_though_strangers_hold_every_place(
    tmp_path: Path,
) -> None:
    limits = {"syslog_connections": 10, "senders": {KNOWN: "firewall"}}
    with receiving(tmp_path, **limits) as receiver, ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(receiver.connect(STRANGER, b"<13>chaff\n"))
        until(lambda: len(receiver.raws()) == 10)
        stack.enter_context(receiver.connect(KNOWN, b"<13>line\n"))
        until(lambda: b"<13>line" in receiver.raws())


def test_a_connection_that_never_sends_a_record_is_closed_and_what_came_is_kept(
    tmp_path: Path,
) -> None:
    with receiving(tmp_path, syslog_idle_seconds=0.3) as receiver, ExitStack() as stack:
        silent = stack.enter_context(receiver.connect(STRANGER))
        half = stack.enter_context(receiver.connect(STRANGER, b"<13>half a line"))
        whole = stack.enter_context(receiver.connect(STRANGER, b"<13>a line\n"))
        until(lambda: not is_open(silent) and not is_open(half))
        until(lambda: sorted(receiver.raws()) == [b"<13>a line", b"<13>half a line"])

        assert is_open(whole)
        assert receiver.log.list_gaps() == []
    assert receiver.meter.gone == ["idle", "idle"]


def test_endless_lines_of_many_senders_take_bounded_memory_and_lose_no_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp_connections, "MOST_BUFFERED_BYTES", 1_000_000)
    with receiving(tmp_path) as receiver, ExitStack() as stack:
        connections = [stack.enter_context(receiver.connect(STRANGER)) for _ in range(20)]
        for connection in connections:
            connection.sendall(b"<13>" + b"x" * 199_996)
        until(lambda: sum(len(raw) for raw in receiver.raws()) >= 3_000_000)
        for connection in connections:
            connection.close()
        until(lambda: sum(len(raw) for raw in receiver.raws()) == 20 * 200_000)

    assert all(record.piece for record in _read(tmp_path) if len(record.raw) < 200_000)


def _read(folder: Path) -> list[object]:
    log = SqliteEventLog(folder / "journal", lambda: NOON)
    try:
        return list(log.read(None, 100_000))
    finally:
        log.close()


def test_a_sender_that_never_pauses_does_not_keep_the_listener_from_stopping(
    tmp_path: Path,
) -> None:
    ended = threading.Event()
    with receiving(tmp_path) as receiver:
        connection = receiver.connect(STRANGER)

        def send() -> None:
            try:
                while not ended.is_set():
                    connection.sendall(b"<13>again\n" * 50)
            except OSError:
                pass

        sender = threading.Thread(target=send)
        sender.start()
        until(lambda: len(receiver.log.read(None, 10)) == 10)
        began = time.monotonic()
        receiver.listener.stop()
        took = time.monotonic() - began
        ended.set()
        connection.close()
        sender.join(60)

    assert took < 30


def test_losses_that_go_on_are_told_ever_more_rarely_and_none_is_left_out(tmp_path: Path) -> None:
    log = SqliteEventLog(tmp_path / "journal", lambda: NOON)
    losses = ConnectionLosses(log)
    for second in range(24 * 3600 // 5):
        losses.add_closed("fw", NOON + timedelta(seconds=5 * second))
        losses.note(NOON + timedelta(seconds=5 * second + 1))
    losses.note(NOON + timedelta(days=2), final=True)

    gaps = log.list_gaps()
    log.close()
    assert sum(int(gap.reason.split()[0]) for gap in gaps) == 24 * 3600 // 5
    assert gaps[0].end == NOON
    assert len(gaps) < 40


def test_losses_of_very_many_sources_are_told_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_losses, "MOST_SOURCES", 20)
    log = SqliteEventLog(tmp_path / "journal", lambda: NOON)
    losses = ConnectionLosses(log)
    for number in range(120):
        losses.add_closed(f"syslog-{number}", NOON)
    losses.note(NOON, final=True)

    gaps = {gap.source: gap for gap in log.list_gaps()}
    log.close()
    assert len(gaps) == 21
    assert gaps["syslog-tcp"].reason.startswith("100 ")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_the_addresses_of_one_ipv6_network_are_counted_as_one(address: str, network: str) -> None:
    assert get_network(address) == network
