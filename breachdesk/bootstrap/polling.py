"""Poll Microsoft 365 tenants: beside the other services of one process, or alone with Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from breachdesk.bootstrap.container import Container, hold_lock
from breachdesk.bootstrap.observability.logs import choose_printer, set_up_logs
from breachdesk.bootstrap.observability.metrics import PrometheusPollMeter
from breachdesk.bootstrap.observability.operations_endpoints import OperationsServer
from schemas.errors import ConfigurationError, RetryableError

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
    with hold_lock(settings.data_dir, LOCK) as alone:
        if not alone:
            raise RetryableError(
                "another process polls Microsoft 365 from this folder",
                place=str(settings.data_dir),
                remedy="Stop it first, or name another --data-dir.",
            )
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
    set_up_logs(settings.ops)
    say = choose_printer(settings.ops, say)
    registry, ops = CollectorRegistry(), settings.ops
    with (
        OperationsServer(ops.host, ops.port, registry, dict, dict),
        poll_tenants(container, registry, say),
    ):
        say(f"polling {len(settings.microsoft365)} tenants of Microsoft 365")
        stop.wait()


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
