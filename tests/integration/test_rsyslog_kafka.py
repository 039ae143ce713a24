"""The rsyslog of docs/howto/shippers, run as it stands there: what is sent arrives, byte for byte.

Only addresses, ports and folders are put in place of the page's. The broker asks for TLS and a
password, as the page assumes.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from kafka import KafkaConsumer, TopicPartition
from servers import KafkaServer
from servers.ports import find_free_port
from services import cannot_be_had, private_kafka

from schemas.settings import KafkaSettings, Settings, SourceSettings
from streams.kafka.topics import create_topics

pytestmark = [pytest.mark.kafka, pytest.mark.rsyslog, pytest.mark.slow]

PAGE = Path(__file__).resolve().parents[2] / "docs/howto/shippers/rsyslog.conf"
MODULE = "omkafka.so"
SECRET = "battery-staple"
PLAIN = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_shipper="{SECRET}";'
PARTITIONS = 2
SECONDS = 300.0
IN_MEMORY = 1000
"""queue.buffering.max.messages on the page."""
CHECKPOINT = 1
"""queue.checkpointInterval on the page."""

ODD = [
    b'<134>Nov 22 10:00:00 fw-1 id=firewall sn=0017C5 msg="plain"',
    b"<134>1 2026-11-22T10:00:00Z fw-1 app - - - \xef\xbb\xbfwith a mark \xc2\xa320",
    b"latin-1: caf\xe9 \xa320, no priority",
    b"tabs\tand\x01\x1b[31mcontrol\x7f bytes",
    b"17 lines begin with a number, and this is no length",
    b'{"json": "too", "n": 1}',
    b"  spaces before and after  ",
    b"%rawmsg% %msg% $ORIGIN \\n is text",
    b"L" * (1024 * 1024),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rsyslog")


@pytest.fixture(scope="module")
def broker(folder: Path) -> Iterator[KafkaServer]:
    certificates(folder)
    with private_kafka(properties(folder)) as kafka:
        create_topics(
            Settings(
                data_dir=folder,
                kafka=KafkaSettings(servers=kafka.internal, partitions=PARTITIONS),
                sources=(SourceSettings(name="firewalls"), SourceSettings(name="servers")),
            )
        )
        yield kafka


def certificates(folder: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "kafka-ca.pem")
    own = authority.issue_cert("localhost")
    key = load_pem_private_key(own.private_key_pem.bytes(), None)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # Java's only one
    chain = b"".join(part.bytes() for part in own.cert_chain_pems)
    (folder / "broker.pem").write_bytes(pem + chain)


def properties(folder: Path) -> dict[str, str]:
    return {
        # librdkafka 2.0 compares a certificate with names, not with addresses.
        "advertised.listeners": "CLIENT://localhost:{port},INTERNAL://127.0.0.1:{internal}",
        "listener.security.protocol.map": "CLIENT:SASL_SSL,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "broker.pem"),
        "listener.name.client.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.client.plain.sasl.jaas.config": PLAIN,
    }


class Rsyslog:
    """rsyslogd as an ordinary process, with its own configuration, pid file and work folder."""

    def __init__(self, folder: Path, broker: KafkaServer) -> None:
        self.folder = folder
        self.work = folder / "spool"
        self.work.mkdir()
        self.file = folder / "access.log"
        self.file.touch()
        self.port = find_free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.configuration = folder / "rsyslog.conf"
        self.configuration.write_text(self._placed(broker), encoding="utf-8")

    def _placed(self, broker: KafkaServer) -> str:
        text = PAGE.read_text(encoding="utf-8")
        for there, here in (
            ('["kafka-1.example:9093", "kafka-2.example:9093"]', f'["localhost:{broker.port}"]'),
            ("/var/log/rsyslog-own.log", str(self.folder / "own.log")),
            ('"0.0.0.0"', '"127.0.0.1"'),
            ('port="514"', f'port="{self.port}"'),
            ("/var/log/nginx/access.log", str(self.file)),
            ("/var/spool/rsyslog", str(self.work)),
            ("/etc/rsyslog.d/kafka-ca.pem", str(broker_ca(broker))),
        ):
            assert there in text, there
            text = text.replace(there, here)
        return text

    def start(self) -> None:
        pid = self.folder / "pid"
        pid.unlink(missing_ok=True)
        command = [program(), "-n", "-i", str(pid), "-f", str(self.configuration)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "KAFKA_PASSWORD": SECRET},
            )
        within(SECONDS, self.listens)

    def listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(timeout=SECONDS)
            self.process = None

    def by_tcp(self, lines: list[bytes]) -> None:
        with socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS) as line:
            line.sendall(b"".join(each + b"\n" for each in lines))

    def by_udp(self, lines: list[bytes]) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            for each in lines:
                line.sendto(each, ("127.0.0.1", self.port))

    def by_file(self, lines: list[bytes]) -> None:
        with self.file.open("ab") as file:
            file.write(b"".join(each + b"\n" for each in lines))


def broker_ca(broker: KafkaServer) -> Path:
    return Path(broker.properties["ssl.keystore.location"]).with_name("kafka-ca.pem")


def program() -> str:
    path = shutil.which("rsyslogd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    modules = [*Path("/usr/lib").glob(f"*/rsyslog/{MODULE}"), *Path("/usr/lib").glob("rsyslog/*")]
    if path is None or not any(each.name == MODULE for each in modules):
        cannot_be_had("rsyslogd with omkafka is not here: apt-get install rsyslog rsyslog-kafka")
    return str(path)


@pytest.fixture
def rsyslog(tmp_path: Path, broker: KafkaServer) -> Iterator[Rsyslog]:
    """Started; a broker that a test stopped is started again afterwards."""
    with ExitStack() as afterwards:
        daemon = Rsyslog(tmp_path, broker)
        afterwards.callback(broker.start)
        afterwards.callback(daemon.end, signal.SIGKILL)
        daemon.start()
        yield daemon


class Arrivals:
    """What comes into a topic from now on."""

    def __init__(self, broker: KafkaServer, source: str) -> None:
        self.values: list[bytes] = []
        self._consumer = KafkaConsumer(bootstrap_servers=broker.internal, client_id="arrivals")
        parts = [TopicPartition(f"breachdesk.raw.{source}", n) for n in range(PARTITIONS)]
        self._consumer.assign(parts)
        for part, end in self._consumer.end_offsets(parts).items():
            self._consumer.seek(part, end)

    def has(self, lines: list[bytes]) -> bool:
        for rows in self._consumer.poll(timeout_ms=500).values():
            self.values += [row.value for row in rows]
        return not set(lines) - set(self.values)

    def close(self) -> None:
        self._consumer.close()


@pytest.fixture
def arrivals(broker: KafkaServer) -> Iterator[Callable[[str], Arrivals]]:
    with ExitStack() as opened:

        def of(source: str) -> Arrivals:
            actual = Arrivals(broker, source)
            opened.callback(actual.close)
            return actual

        yield of


def within(seconds: float, happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def numbered(count: int, mark: str) -> list[bytes]:
    return [
        f"<134>Nov 22 10:00:00 fw-1 {mark} n={n:06d} src=203.0.113.9".encode() for n in range(count)
    ]


def test_every_byte_of_a_line_arrives_by_tcp_udp_and_from_a_file(
    rsyslog: Rsyslog, arrivals: Callable[[str], Arrivals]
) -> None:
    firewalls, servers = arrivals("firewalls"), arrivals("servers")
    datagrams = [line.replace(b"fw-1", b"fw-2") + b" by datagram" for line in ODD[:-1]]
    rsyslog.by_tcp(ODD)
    rsyslog.by_udp(datagrams)
    rsyslog.by_file(ODD)
    within(SECONDS, lambda: firewalls.has(ODD + datagrams) and servers.has(ODD))

    assert sorted(firewalls.values) == sorted(ODD + datagrams)
    assert sorted(servers.values) == sorted(ODD)


def test_lines_wait_on_disk_while_kafka_is_away_and_none_is_lost(
    rsyslog: Rsyslog, broker: KafkaServer, arrivals: Callable[[str], Arrivals]
) -> None:
    firewalls, servers = arrivals("firewalls"), arrivals("servers")
    before, during, after = (numbered(n, m) for n, m in ((50, "a"), (20_000, "b"), (50, "c")))
    rsyslog.by_tcp(before)
    within(SECONDS, lambda: firewalls.has(before))
    broker.kill()
    rsyslog.by_tcp(during)
    rsyslog.by_file(during[:5000])
    within(SECONDS, lambda: spooled(rsyslog.work) > 1_000_000)
    rsyslog.by_tcp(after)
    broker.start()
    within(SECONDS, lambda: firewalls.has(before + during + after) and servers.has(during[:5000]))

    assert set(firewalls.values) == {*before, *during, *after}
    assert set(servers.values) == set(during[:5000])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_an_end_while_kafka_is_away_costs_at_most_what_the_page_says(
    rsyslog: Rsyslog, broker: KafkaServer, arrivals: Callable[[str], Arrivals], how: signal.Signals
) -> None:
    firewalls = arrivals("firewalls")
    during, after = numbered(20_000, f"d{how}"), numbered(50, f"e{how}")
    broker.kill()
    rsyslog.by_tcp(during)
    within(SECONDS, lambda: spooled(rsyslog.work) > 1_000_000)
    settled(rsyslog.work)
    rsyslog.end(how)
    rsyslog.start()
    rsyslog.by_tcp(after)
    broker.start()
    within(SECONDS, lambda: firewalls.has(during[-1:] + after))
    quiet(firewalls)

    assert set(firewalls.values) <= {*during, *after}
    assert len(set(during) - set(firewalls.values)) <= IN_MEMORY + CHECKPOINT


def spooled(folder: Path) -> int:
    """Bytes on disk; rsyslog renames its files meanwhile."""
    sizes = [0]
    for file in folder.iterdir():
        with suppress(FileNotFoundError):
            sizes.append(file.stat().st_size)
    return sum(sizes)


def settled(folder: Path) -> None:
    """Everything that was sent has been read and stored."""
    sizes = [-1]

    def same() -> bool:
        sizes.append(spooled(folder))
        time.sleep(1)
        return len(set(sizes[-4:])) == 1

    within(SECONDS, same)


def quiet(arrivals: Arrivals) -> None:
    """Nothing has come for three seconds."""
    seen = -1
    while seen != len(arrivals.values):
        seen = len(arrivals.values)
        for _ in range(6):
            arrivals.has([])
