"""Syslog over real sockets on loopback."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schemas.errors import ConfigurationError, RetryableError
from schemas.pipeline.event import RecordPosition
from schemas.pipeline.source import BlindInterval, IncomingRecord
from schemas.settings import IntakeSettings
from streams.event_logs.sqlite import SqliteEventLog
from streams.intake.syslog import sender_names, udp
from streams.intake.syslog.datagram_losses import DatagramLosses
from streams.intake.syslog.listener import SyslogListener
from streams.intake.syslog.sender_names import SyslogSenders
from streams.intake.syslog.udp import UdpListener

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOST = "127.0.0.1"


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline, "it did not happen in two minutes"
        time.sleep(0.01)


class GatedLog(SqliteEventLog):
    """A log that can be made to wait or to refuse."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, lambda: NOON)
        self.go_on = threading.Event()
        self.go_on.set()
        self.refusals = 0
        self.offered = set[bytes]()

    def append(self, incoming: Sequence[IncomingRecord]) -> Sequence[RecordPosition]:
        self.offered |= {each.raw for each in incoming}
        self.go_on.wait(120)
        if self.refusals:
            self.refusals -= 1
            raise RetryableError("the disk is full")
        return super().append(incoming)

    def raws(self) -> list[bytes]:
        return [record.raw for record in self.read(None, 1_000_000)]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[GatedLog]:
    opened = GatedLog(tmp_path / "journal")
    yield opened
    opened.close()


def listening(log: GatedLog, **more: object) -> SyslogListener:
    settings = IntakeSettings.model_validate({"host": HOST, **more})
    listener = SyslogListener(log, settings, lambda: NOON, udp_port=0, tcp_port=0)
    listener.start()
    return listener


@pytest.fixture
def listener(log: GatedLog) -> Iterator[SyslogListener]:
    running = listening(log)
    yield running
    running.stop()


def connect(listener: SyslogListener) -> socket.socket:
    assert listener.tcp_port
    return socket.create_connection((HOST, listener.tcp_port), timeout=60)


def send(listener: SyslogListener, *datagrams: bytes) -> None:
    assert listener.udp_port
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in datagrams:
            sender.sendto(datagram, (HOST, listener.udp_port))


def test_a_datagram_is_a_record(log: GatedLog, listener: SyslogListener) -> None:
    send(listener, b"<13>one\n", b"", b"<13>two\nlines", b"\xff\xfe\x00")
    until(lambda: len(log.raws()) == 3)

    assert log.raws() == [b"<13>one", b"<13>two\nlines", b"\xff\xfe"]
    record = log.read(None, 1)[0]
    assert (record.source, record.transport, record.sender, record.arrived) == (
        "syslog-127.0.0.1",
        "udp",
        HOST,
        NOON,
    )


def test_a_document_of_several_acts_is_a_record_for_each(
    log: GatedLog, listener: SyslogListener
) -> None:
    document = b'<13>relay okta: {"records":[{"a":1},{"b":2}]}'
    expected = [b'<13>relay okta: {"a":1}', b'<13>relay okta: {"b":2}']
    send(listener, document)
    until(lambda: len(log.raws()) == 2)
    with connect(listener) as connection:
        connection.sendall(document + b"\n")
    until(lambda: len(log.raws()) == 4)

    assert log.raws() == expected * 2


def test_a_burst_that_the_log_keeps_waiting_is_received_whole_or_counted(log: GatedLog) -> None:
    listener = listening(log)
    log.go_on.clear()
    sent = [b"<13>%d %s" % (number, b"x" * 300) for number in range(5000)]
    send(listener, *sent)
    log.go_on.set()

    listener.stop()

    actual = log.raws()
    lost = sum(gap.lost or 0 for gap in log.list_gaps())
    assert len(set(actual)) == len(actual)
    assert set(actual) <= set(sent)
    assert len(actual) + lost == len(sent)


def test_datagrams_the_kernel_drops_become_a_blind_interval_with_their_number(
    tmp_path: Path,
) -> None:
    log = GatedLog(tmp_path / "journal")
    losses = DatagramLosses(log)
    losses.add_sender("fw")
    for seconds, counter in ((0, 0), (2, 7), (2.5, 10), (2.6, 10)):
        losses.update_kernel_count(counter, NOON + timedelta(seconds=seconds))

    losses.note(NOON + timedelta(seconds=3))
    too_early = list(log.list_gaps())
    losses.note(NOON + timedelta(seconds=4))
    losses.note(NOON + timedelta(seconds=9), final=True)

    gaps = log.list_gaps()
    log.close()
    assert too_early == []
    assert [(gap.source, gap.begin, gap.end, gap.lost) for gap in gaps] == [
        ("fw", NOON, NOON + timedelta(seconds=2.5), 10)
    ]


def test_a_loss_that_several_sources_share_makes_each_of_them_blind(tmp_path: Path) -> None:
    log = GatedLog(tmp_path / "journal")
    losses = DatagramLosses(log)
    losses.add_sender("b")
    losses.add_sender("a")
    losses.update_kernel_count(4, NOON)

    losses.note(NOON, final=True)

    gaps = log.list_gaps()
    log.close()
    assert [(gap.source, gap.lost) for gap in gaps] == [("a", None), ("b", None)]
    assert "4 datagrams, shared by 2" in gaps[0].reason


def test_what_the_kernel_really_drops_is_counted(log: GatedLog) -> None:
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    bound.bind((HOST, 0))
    listener = UdpListener(bound, log, IntakeSettings(), lambda: NOON)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(200):
            sender.sendto(b"<13>%d" % number, (HOST, listener.port))

    listener.start()
    listener.stop()

    lost = sum(gap.lost or 0 for gap in log.list_gaps())
    assert lost > 0
    assert len(log.raws()) + lost == 200


def test_the_settings_name_a_senders_source(log: GatedLog) -> None:
    listener = listening(log, senders={HOST: "firewall-hq"})
    send(listener, b"<13>udp")
    with connect(listener) as connection:
        connection.sendall(b"<13>tcp\n")
    until(lambda: len(log.raws()) == 2)
    listener.stop()

    assert {(r.source, r.transport) for r in log.read(None, 9)} == {
        ("firewall-hq", "udp"),
        ("firewall-hq", "tcp"),
    }


def test_a_connection_may_mix_counted_and_line_ended_frames_and_its_tail_is_kept(
    log: GatedLog, listener: SyslogListener
) -> None:
    with connect(listener) as connection:
        for part in (b"<13>on", b"e\n1", b"0 <13>\n", b"count<13>three\r\n<13>the tail"):
            connection.sendall(part)
            time.sleep(0.01)
    until(lambda: len(log.raws()) == 4)

    assert log.raws() == [b"<13>one", b"<13>\ncount", b"<13>three", b"<13>the tail"]


def test_connections_do_not_mix(log: GatedLog, listener: SyslogListener) -> None:
    with connect(listener) as one, connect(listener) as two:
        for number in range(50):
            one.sendall(b"<13>one %d half" % number)
            two.sendall(b"<13>two %d half" % number)
            one.sendall(b" whole\n")
            two.sendall(b" whole\n")
    until(lambda: len(log.raws()) == 100)

    for word in (b"one", b"two"):
        mine = [raw for raw in log.raws() if word in raw]
        assert mine == [b"<13>%s %d half whole" % (word, number) for number in range(50)]


def test_an_over_long_frame_is_kept_in_marked_pieces(log: GatedLog) -> None:
    listener = listening(log, max_line_bytes=10)
    with connect(listener) as connection:
        connection.sendall(b"<13>" + b"x" * 21 + b"\n<13>y\n")
    until(lambda: len(log.raws()) == 4)
    listener.stop()

    assert [(len(r.raw), bool(r.piece)) for r in log.read(None, 9)] == [
        (10, True),
        (10, True),
        (5, True),
        (5, False),
    ]


def test_what_was_read_is_kept_though_the_log_refuses_for_a_while(
    log: GatedLog, listener: SyslogListener
) -> None:
    log.refusals = 2
    with connect(listener) as connection:
        connection.sendall(b"<13>one\n<13>two\n")
    send(listener, b"<13>three")
    until(lambda: len(log.raws()) == 3)

    assert sorted(log.raws()) == [b"<13>one", b"<13>three", b"<13>two"]


def test_stopping_keeps_what_was_sent_before(log: GatedLog) -> None:
    listener = listening(log)
    with connect(listener) as connection:
        connection.sendall(b"<13>line\n<13>tail")
        send(listener, b"<13>datagram")

        listener.stop()

    assert sorted(log.raws()) == [b"<13>datagram", b"<13>line", b"<13>tail"]
    assert (listener.udp_port, listener.tcp_port) == (None, None)


def test_stopping_ends_though_datagrams_never_pause(log: GatedLog) -> None:
    listener = listening(log)
    port = listener.udp_port
    assert port is not None
    over = threading.Event()

    def never_pause() -> None:
        # The listener forgets its port when it stops; the sender must not ask it again.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            while not over.is_set():
                sender.sendto(b"<13>on and on", (HOST, port))
                time.sleep(0.001)

    sending = threading.Thread(target=never_pause, daemon=True)
    sending.start()
    until(lambda: bool(log.raws()))
    stopping = threading.Thread(target=listener.stop, daemon=True)
    stopping.start()
    stopping.join(30)
    ended = not stopping.is_alive()
    over.set()
    sending.join()
    stopping.join()

    assert ended


def test_a_socket_that_takes_no_more_gives_what_it_holds_and_counts_what_comes_later() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        for _ in range(3):
            sender.sendto(b"before", receiver.getsockname())
        closed = udp._drop_further(receiver)
        for _ in range(4):
            sender.sendto(b"after", receiver.getsockname())
        values = [receiver.recv(100) for _ in range(3)]
        with pytest.raises(BlockingIOError):
            receiver.recv(100)

        assert closed
        assert values == [b"before"] * 3
        assert udp._read_drop_count(receiver) == 4


def test_records_that_could_never_be_stored_leave_a_blind_interval(log: GatedLog) -> None:
    listener = listening(log)
    log.refusals = 10**9
    with connect(listener) as connection:
        connection.sendall(b"<13>line\n")
        send(listener, b"<13>datagram", b"<13>datagram")
        until(lambda: log.offered == {b"<13>line", b"<13>datagram"})
        listener.stop()

    assert sorted(gap.lost or 0 for gap in log.list_gaps()) == [0, 2]
    assert {gap.source for gap in log.list_gaps()} == {"syslog-127.0.0.1"}


def test_stopping_ends_though_the_log_takes_neither_records_nor_gaps(
    log: GatedLog, caplog: pytest.LogCaptureFixture
) -> None:
    class FullLog(GatedLog):
        def note_gap(self, gap: BlindInterval) -> None:
            raise RetryableError("the disk is full")

    log.__class__ = FullLog
    log.refusals = 10**9
    listener = listening(log)
    with connect(listener) as connection:
        connection.sendall(b"<13>one\n<13>two\n")
        until(lambda: log.refusals < 10**9)
        listener.stop()

    assert "2 lines were read and could not be stored" in caplog.text


def test_a_port_of_zero_in_the_settings_is_off(log: GatedLog) -> None:
    listener = SyslogListener(log, IntakeSettings(), lambda: NOON)
    listener.start()

    assert (listener.udp_port, listener.tcp_port) == (None, None)
    listener.stop()


def test_a_port_that_is_taken_is_named_with_a_remedy_and_nothing_listens(
    log: GatedLog, listener: SyslogListener
) -> None:
    settings = IntakeSettings(host=HOST)
    second = SyslogListener(log, settings, lambda: NOON, udp_port=0, tcp_port=listener.tcp_port)

    with pytest.raises(
        ConfigurationError, match=rf"TCP {HOST} port {listener.tcp_port}: .*free port"
    ):
        second.start()
    assert second.udp_port is None


def test_addresses_beyond_the_first_without_a_name_are_one_source_and_named_ones_keep_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sender_names, "MOST_UNNAMED", 2)
    senders = SyslogSenders(IntakeSettings(senders={"192.0.2.9": "firewall"}))
    addresses = ["192.0.2.1", "::ffff:192.0.2.2", "192.0.2.3", "192.0.2.9", "192.0.2.1"]

    assert [senders.get_source(address) for address in addresses] == [
        "syslog-192.0.2.1",
        "syslog-192.0.2.2",
        "syslog-others",
        "firewall",
        "syslog-192.0.2.1",
    ]
    assert senders.is_named("::ffff:192.0.2.9")
    assert not senders.is_named("192.0.2.1")
