"""A process told to stop ends soon, whatever has become of its servers."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest
from fleet import Worker, a_fleet, demo_rows, environment, until
from servers import ServerProcess
from servers.ports import find_free_port
from services import private_kafka, private_postgres

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.postgres]
AWAY_SECONDS = 15.0
LIMIT_SECONDS = 60.0
"""The worker's own deadline is 25 seconds; the machine may be slow."""


@pytest.mark.parametrize("loss", ["kill", "pause"])
def test_a_worker_whose_servers_are_gone_for_good_ends_soon_when_told_to_stop(
    tmp_path: Path, loss: str
) -> None:
    """Killed servers refuse connections; paused ones accept them and never answer."""
    with (
        private_kafka() as kafka,
        private_postgres() as postgres,
        a_fleet(
            tmp_path / "fleet",
            kafka.address,
            postgres.url,
            clear_schema=False,
            clear_topics=False,
            batch_records=20,
        ) as fleet,
    ):
        workers = fleet.start(2)
        for worker in workers:
            worker.ready()
        fleet.produce(demo_rows()[:1000])
        fleet.reached(100)
        servers: tuple[ServerProcess, ...] = (kafka, postgres)
        for server in servers:
            getattr(server, loss)()
        time.sleep(AWAY_SECONDS)
        for worker in workers:
            worker.send(signal.SIGTERM)
        codes = [worker.process.wait(LIMIT_SECONDS) for worker in workers]

        assert codes == [0, 0], "\n".join(worker.said[-2000:] for worker in workers)


def test_a_dispatcher_whose_database_answers_nothing_ends_soon_when_told_to_stop(
    tmp_path: Path, kafka_servers: str
) -> None:
    with (
        private_postgres() as postgres,
        a_fleet(tmp_path / "fleet", kafka_servers, postgres.url, clear_schema=False) as fleet,
    ):
        port = find_free_port()
        log = tmp_path / "dispatch.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                fleet.command("dispatch"),
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment() | {"BREACHDESK_OPS__PORT": str(port)},
            )
        dispatcher = Worker(process, log, port)
        fleet.everyone.append(dispatcher)
        dispatcher.ready()
        postgres.pause()
        until(lambda: dispatcher.asked("/readyz")[0] != 200, LIMIT_SECONDS)
        dispatcher.send(signal.SIGTERM)

        assert process.wait(2 * LIMIT_SECONDS) == 0, dispatcher.said
