"""Run a service of which one process may use a data folder: beside others, or alone with Kafka."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from threading import Event

from prometheus_client import CollectorRegistry

from breachdesk.bootstrap.container import Container, hold_lock
from breachdesk.bootstrap.observability.logs import choose_printer, set_up_logs
from breachdesk.bootstrap.observability.operations_endpoints import OperationsServer
from breachdesk.casework.watching.reader_troubles import report_troubles
from schemas.errors import BreachDeskError, RetryableError

REPORT_SECONDS = 30.0


@contextmanager
def hold_folder(container: Container, lock: str, act: str) -> Iterator[None]:
    """Hold the folder's lock while the context is open. Raises RetryableError when another process
    holds it. `act`: what that one does, for the error."""
    folder = container.settings.data_dir
    with hold_lock(folder, lock) as alone:
        if not alone:
            raise RetryableError(
                f"another process {act} from this folder",
                place=str(folder),
                remedy="Stop it first, or name another --data-dir.",
            )
        yield


def run_alone(
    container: Container,
    say: Callable[[str], None],
    stop: Event,
    *,
    service: Callable[[CollectorRegistry, Callable[[str], None]], AbstractContextManager[None]],
    name: str,
    greeting: str,
) -> None:
    """Run the service, with its metrics, until `stop` is set. What it cannot read is reported in
    the store, if the settings name one. `name`: of the service; on one machine there is one."""
    ops = container.settings.ops
    set_up_logs(ops)
    say = choose_printer(ops, say)
    registry = CollectorRegistry()
    with OperationsServer(ops.host, ops.port, registry, dict, dict), service(registry, say):
        say(greeting)
        while not stop.wait(REPORT_SECONDS):
            if container.settings.store.url:
                report_once(container, name)


def report_once(container: Container, name: str) -> None:
    """Report in the store what this process cannot read at present."""
    troubles, now = container.troubles.list_current(), container.now()
    process = f"{name}@{socket.gethostname()}"
    # A store that refuses for now is told at the next turn: reading needs none.
    with suppress(BreachDeskError):
        container.store.write(lambda uow: report_troubles(uow, process, troubles, now))
