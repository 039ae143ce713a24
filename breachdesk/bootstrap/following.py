"""Follow files: beside the other services of one process, or alone with Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

from prometheus_client import CollectorRegistry

from breachdesk.bootstrap.container import Container, hold_lock
from breachdesk.bootstrap.observability.logs import choose_printer, set_up_logs
from breachdesk.bootstrap.observability.metrics import PrometheusFollowMeter
from breachdesk.bootstrap.observability.operations_endpoints import OperationsServer
from schemas.errors import ConfigurationError, RetryableError
from streams.intake.files.follower import FileFollower

LOCK = "follow"


@contextmanager
def follow_files(
    container: Container, registry: CollectorRegistry, say: Callable[[str], None]
) -> Iterator[None]:
    """Follow the files of the settings while the context is open; do nothing where there are none.

    Raises RetryableError when another process follows files from this folder."""
    settings = container.settings
    if not settings.files:
        yield
        return
    with hold_lock(settings.data_dir, LOCK) as alone:
        if not alone:
            raise RetryableError(
                "another process follows files from this folder",
                place=str(settings.data_dir),
                remedy="Stop it first, or name another --data-dir.",
            )
        follower = FileFollower(
            settings.files,
            container.log,
            container.now,
            folder=settings.data_dir,
            max_line_bytes=settings.intake.max_line_bytes,
            settles=not settings.kafka.servers,
            meter=PrometheusFollowMeter(registry),
            say=say,
        )
        container.troubles.add_reader(follower.list_troubles)
        follower.start()
        try:
            yield
        finally:
            follower.stop()


def run_follower(container: Container, say: Callable[[str], None], stop: Event) -> None:
    """Follow files into Kafka until `stop` is set. Raises ConfigurationError where no file or no
    Kafka is named."""
    settings = container.settings
    if not settings.files or not settings.kafka.servers:
        raise ConfigurationError(
            "no files to follow, or no Kafka, are named",
            place="files, kafka.servers",
            remedy="Without Kafka breachdesk run follows them.",
        )
    set_up_logs(settings.ops)
    say = choose_printer(settings.ops, say)
    registry, ops = CollectorRegistry(), settings.ops
    with (
        OperationsServer(ops.host, ops.port, registry, dict, dict),
        follow_files(container, registry, say),
    ):
        say(f"following files of {len(settings.files)} sources")
        stop.wait()
