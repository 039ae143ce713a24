"""The demo's lines by real rsyslog, real Kafka, two workers and PostgreSQL: the same live alerts,
counts and affected customers as one embedded owner makes of them.

Arrival is the broker's time here, so the sources take records of any age in both runs.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fleet
import pytest
from fleet import Line
from servers.ports import find_free_port
from services import cannot_be_had

from breachdesk.casework.affected import affected_list
from breachdesk.casework.breach import confirm
from breachdesk.casework.opening import triage
from breachdesk.demo.drill import split_alerts
from breachdesk.demo.feed import get_actor
from breachdesk.stores.ports import PipelineStore
from schemas.settings import Settings
from streams.kafka import topics

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.rsyslog, pytest.mark.slow]

ANY_AGE_HOURS = 24.0 * 365 * 30
WAIT = 60.0
RULESET = """
input(type="imptcp" address="127.0.0.1" port="{port}" ruleset="{name}" supportOctetCountedFraming="off")
ruleset(name="{name}") {{ action(type="omkafka" broker=["{broker}"] topic="{topic}"
  template="asReceived" partitions.auto="on" confParam=["enable.idempotence=true",
  "message.max.bytes=4259840"] topicConfParam=["request.required.acks=all"]
  resubmitOnFailure="on" action.resumeRetryCount="-1") }}
"""
HEAD = """
global(workDirectory="{work}" parser.escapeControlCharactersOnReceive="off" maxMessageSize="4m"
  oversizemsg.input.mode="accept")
main_queue(queue.type="Direct")
module(load="imptcp")
module(load="omkafka")
template(name="asReceived" type="string" string="%rawmsg%")
"""


def by_source(rows: Sequence[Line]) -> dict[str, list[bytes]]:
    fields: dict[str, list[bytes]] = {}
    for row in rows:
        fields.setdefault(row.source, []).append(row.raw or b"")
    return fields


@contextmanager
def rsyslog(folder: Path, settings: Settings, sources: Sequence[str]) -> Iterator[dict[str, int]]:
    """A daemon with a TCP port for each source, each with its topic."""
    program = shutil.which("rsyslogd", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None or not list(Path("/usr/lib").glob("*/rsyslog/omkafka.so")):
        cannot_be_had("rsyslogd with omkafka is not here: apt-get install rsyslog rsyslog-kafka")
    work = folder / "rsyslog"
    work.mkdir()
    ports = {source: find_free_port() for source in sources}
    text = HEAD.format(work=work) + "".join(
        RULESET.format(
            port=port,
            name=source,
            broker=settings.kafka.servers,
            topic=topics.build_source_topic(settings.kafka, source),
        )
        for source, port in ports.items()
    )
    (work / "conf").write_text(text)
    with (work / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(program), "-n", "-i", str(work / "pid"), "-f", str(work / "conf")],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        for port in ports.values():
            fleet.until(lambda port=port: listens(port), fleet.WAIT_SECONDS)  # type: ignore[misc]
        yield ports
    finally:
        process.terminate()
        process.wait(timeout=30)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def ship(port: int, lines: Sequence[bytes]) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT) as wire:
        wire.sendall(b"".join(line + b"\n" for line in lines))


def exposures(store: PipelineStore, now: datetime) -> list[tuple[Any, ...]]:
    """Who is affected, and why, once a person has confirmed the grave alerts' case."""

    def work(uow: Any) -> list[tuple[Any, ...]]:
        responder = get_actor("responder")
        story, _ = split_alerts(uow.alerts.list())
        case = triage.open_case(uow, responder, [a.pk for a in story], "An incident", now)
        breach = confirm.confirm_breach(
            uow,
            responder,
            case.id,
            reason="what the records show",
            aware_at=now,
            occurred_from=datetime(2026, 11, 22, 3, 7, tzinfo=UTC),
            occurred_to=datetime(2026, 11, 22, 3, 52, tzinfo=UTC),
            now=now,
        )
        return sorted(
            (e.customer_id, e.role.value, e.certainty.value, e.reason, sorted(map(str, e.assets)))
            for e in affected_list.propose(uow, breach.id)
        )

    return list(store.write(work))


def test_rsyslog_kafka_two_workers_and_postgresql_make_what_one_machine_makes(
    tmp_path: Path, kafka_servers: str, postgres_url: str
) -> None:
    begun = time.monotonic()
    lines = by_source(fleet.demo_rows())
    with fleet.a_fleet(tmp_path / "fleet", kafka_servers, postgres_url) as ships:
        old = tuple(
            source.model_copy(update={"horizon_hours": ANY_AGE_HOURS})
            for source in ships.settings.sources
        )
        ships.settings = ships.settings.model_copy(update={"sources": old})
        fleet.write_settings(ships.settings)
        ships.start(2)
        with rsyslog(tmp_path, ships.settings, list(lines)) as ports:
            for source, port in ports.items():
                ship(port, lines[source])
            count = sum(map(len, lines.values()))
            fleet.until(lambda: sum(ships.ends().values()) >= count, WAIT, ships.tell)
        ships.drained()
        ships.stop_all()
        now = datetime.now(UTC) + timedelta(seconds=5)
        arrived = [
            Line(source, raw, now) for source, of_source in lines.items() for raw in of_source
        ]
        there, shared = ships.outcome(), exposures(ships.store, now)
        here, alone = embedded(arrived, ships.settings, now)
    print(  # noqa: T201 - the run's summary
        f"{count} lines by rsyslog, Kafka, two workers and PostgreSQL in"
        f" {time.monotonic() - begun:.1f} s: {len(there.alerts)} alerts, {len(shared)} exposures"
    )

    assert there.alerts == here.alerts
    assert there.sources == here.sources
    assert there.unattributed == here.unattributed
    assert shared == alone
    assert len(there.alerts) >= 9


def embedded(
    lines: Sequence[Line], settings: Settings, now: datetime
) -> tuple[fleet.Outcome, list[tuple[Any, ...]]]:
    """The same lines in one pipeline over a store in a file."""
    with fleet.embedded_store(lines, settings, now) as store:
        return fleet.outcome(store), exposures(store, now)
