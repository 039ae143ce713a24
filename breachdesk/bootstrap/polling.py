"""Poll Microsoft 365 tenants: beside the other services of one process, or alone with Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.lone_services import hold_folder, run_alone
from breachdesk.bootstrap.observability.metrics import PrometheusPollMeter
from schemas.errors import ConfigurationError

if TYPE_CHECKING:
    from streams.intake.microsoft365.poller import AuditPoller

LOCK = "microsoft365"


@contextmanager
def poll_tenants(
    container: Container, registry: CollectorRegistry, say: Callable[[str], None]
) -> Iterator[None]:
    """Poll all tenants of the settings while the context is open; do nothing where there are none.

    Raises ConfigurationError when the extra is not installed, RetryableError when another process
    polls from this folder."""
    settings = container.settings
    if not settings.microsoft365:
        yield
        return
    with hold_folder(container, LOCK, "polls Microsoft 365"):
        poller = _import_poller()(
            settings.microsoft365,
            container.log,
            container.now,
            folder=settings.data_dir,
            max_line_bytes=settings.intake.max_line_bytes,
            meter=PrometheusPollMeter(registry),
            say=say,
        )
        container.troubles.add_reader(poller.list_troubles)
        poller.start()
        try:
            yield
        finally:
            poller.stop()


def run_poller(container: Container, say: Callable[[str], None], stop: Event) -> None:
    """Poll into Kafka until `stop` is set. Raises ConfigurationError where no tenant or no Kafka is
    named."""
    settings = container.settings
    if not settings.microsoft365 or not settings.kafka.servers:
        raise ConfigurationError(
            "no Microsoft 365 tenant, or no Kafka, is named",
            place="microsoft365, kafka.servers",
            remedy="Without Kafka breachdesk run polls.",
        )
    run_alone(
        container,
        say,
        stop,
        service=partial(poll_tenants, container),
        name="poll",
        greeting=f"polling {len(settings.microsoft365)} tenants of Microsoft 365",
    )


def _import_poller() -> type[AuditPoller]:
    try:
        # Only here: the clients of Microsoft's services are an extra.
        from streams.intake.microsoft365.poller import AuditPoller
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"the Python module {error.name} is not installed",
            place="microsoft365",
            remedy="Install it with: pip install 'breachdesk[microsoft365]', or clear the setting.",
        ) from None
    return AuditPoller
