"""A Kafka 4.1 broker: KRaft, broker and controller in one process."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from servers.daemon import NotReady, ProgramMissing, ServerProcess, build_environment
from servers.ports import find_free_port

VERSION = "4.1.0"
POM = Path(__file__).resolve().parents[1] / "kafka-pom.xml"
PACKAGE_JAVA = "apt-get install default-jre-headless"
# Clients use CLIENT, which a test may turn into SASL or TLS; the readiness check and any
# administration that must work without secrets use INTERNAL.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=CLIENT://127.0.0.1:{port},INTERNAL://127.0.0.1:{internal},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=CLIENT://127.0.0.1:{port},INTERNAL://127.0.0.1:{internal}
listener.security.protocol.map=CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=INTERNAL
log.dirs={folder}/data
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.min.session.timeout.ms=1000
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
message.max.bytes=8388608
replica.fetch.max.bytes=8388608
log.retention.check.interval.ms=1000
log.segment.delete.delay.ms=1000
log.cleaner.backoff.ms=1000
"""


class KafkaServer(ServerProcess):
    """`properties` are added to the broker's, or replace them; `{port}`, `{internal}`,
    `{controller}` and `{folder}` in their values are filled in."""

    name = "Kafka"

    def __init__(self, folder: Path, properties: Mapping[str, str] | None = None) -> None:
        super().__init__(folder)
        self.properties = dict(properties or {})

    def require(self) -> None:
        find_java()
        get_jars()

    def prepare(self) -> None:
        self.state |= {"internal": find_free_port(), "controller": find_free_port()}
        self.configure()
        # An id that begins with "-" would be taken for an option: the first byte is 0.
        cluster = base64.urlsafe_b64encode(b"\0" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
        subprocess.run(
            [*build_java_command(), "kafka.tools.StorageTool", "format",
             f"--cluster-id={cluster}", f"--config={self.configuration}"],
            check=True, capture_output=True, timeout=120, env=build_environment(),
        )  # fmt: skip

    def configure(self) -> None:
        settings = dict(line.split("=", 1) for line in PROPERTIES.splitlines())
        text = "".join(f"{key}={value}\n" for key, value in (settings | self.properties).items())
        for place in ("port", "internal", "controller"):
            text = text.replace(f"{{{place}}}", str(self.state[place]))
        text = text.replace("{folder}", str(self.folder))
        self.configuration.write_text(text, encoding="utf-8")

    @property
    def configuration(self) -> Path:
        return self.folder / "server.properties"

    @property
    def internal(self) -> str:
        """host:port of the listener that is always plain text."""
        return f"127.0.0.1:{self.state['internal']}"

    def build_command(self) -> list[str]:
        return [*build_java_command("-Xmx768m"), "kafka.Kafka", str(self.configuration)]

    def is_answering(self) -> bool:
        try:
            return count_brokers(self.state["internal"]) > 0 and is_listening(self.port)
        except (OSError, struct.error):
            return False

    def build_exports(self) -> dict[str, str]:
        return {"BREACHDESK_TEST_KAFKA": self.address, "BREACHDESK_KAFKA__SERVERS": self.address}


def count_brokers(port: int) -> int:
    """How many brokers a Metadata request (version 1, no topics) names."""
    client = b"breachdesk"
    body = struct.pack(">hhih", 3, 1, 1, len(client)) + client + struct.pack(">i", 0)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        line.sendall(struct.pack(">i", len(body)) + body)
        with line.makefile("rb") as answer:
            (length,) = struct.unpack(">i", answer.read(4))
            (_, count) = struct.unpack(">ii", answer.read(length)[:8])
    return int(count)


def is_listening(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        return True


def find_java() -> str:
    home = os.environ.get("JAVA_HOME")
    path = shutil.which("java", path=f"{home}/bin" if home else None) or shutil.which("java")
    if path is None:
        raise ProgramMissing(f"Kafka: no java ({PACKAGE_JAVA})")
    return path


def build_java_command(*options: str) -> list[str]:
    return [find_java(), *options, "-cp", f"{get_jars()}/*"]


def get_jars() -> Path:
    """The cached folder of jars; filled by Maven the first time. Raises Missing, NotReady."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser()
    folder = cache / f"breachdesk/kafka-{VERSION}"
    if not folder.exists():
        fetch_jars(folder)
    return folder


def fetch_jars(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise ProgramMissing("Kafka: no mvn to fetch it with (apt-get install maven)")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Filled under another name and renamed: a cache is there as a whole or not at all.
    filling = Path(tempfile.mkdtemp(prefix="kafka-filling-", dir=folder.parent))
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={filling}"]
    command = [maven, "-q", "-B", "-f", str(POM), *goal]
    completed = subprocess.run(command, capture_output=True, text=True, check=False)
    if completed.returncode == 0:
        filling.chmod(0o755)
        with suppress(OSError):  # somebody else was quicker
            filling.rename(folder)
    shutil.rmtree(filling, ignore_errors=True)
    if not folder.exists():
        raise NotReady(
            f"Kafka: Maven could not fetch it: {(completed.stdout + completed.stderr)[-1500:]}"
        )
