"""Follow files: beside the other services of one process, or alone with Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event

from prometheus_client import CollectorRegistry

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.lone_services import hold_folder, run_alone
from breachdesk.bootstrap.observability.metrics import PrometheusFollowMeter
from schemas.errors import ConfigurationError
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
    with hold_folder(container, LOCK, "follows files"):
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
    run_alone(
        container,
        say,
        stop,
        service=partial(follow_files, container),
        name="follow",
        greeting=f"following files of {len(settings.files)} sources",
    )
