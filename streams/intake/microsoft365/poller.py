"""Poll many tenants, each in a thread of its own, a few at a time."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from threading import BoundedSemaphore, Event, Thread
from time import monotonic

import httpx

from schemas.errors import ConfigurationError
from schemas.polled_tenant import Microsoft365Settings
from streams.intake.microsoft365.content_poll import PollSurroundings
from streams.intake.microsoft365.management_api import ManagementApi
from streams.intake.microsoft365.poll_memory import PollMemory
from streams.intake.microsoft365.tenant_round import TenantRound
from streams.intake.trouble_reports import TroubleReports
from streams.ports import EventLog
from streams.ports.metrics import PollMetrics

FILE_NAME = "microsoft365.db"
MOST_AT_ONCE = 8
STOP_SECONDS = 5.0
WAIT_AFTER_FAULT = 300.0
TIMEOUT = httpx.Timeout(30.0, read=60.0)
_LOG = logging.getLogger(__name__)


class AuditPoller:
    """Polls from `start` to `stop`. Raises ConfigurationError for a ca_file that cannot be read."""

    def __init__(
        self,
        tenants: Sequence[Microsoft365Settings],
        log: EventLog,
        now: Callable[[], datetime],
        *,
        folder: Path,
        max_line_bytes: int,
        meter: PollMetrics,
        say: Callable[[str], None],
    ) -> None:
        self._stop = Event()
        self._memory = PollMemory(folder / FILE_NAME)
        self._clients: dict[Path | None, httpx.Client] = {}
        self._reports = TroubleReports(say)
        self._slots = BoundedSemaphore(MOST_AT_ONCE)
        around = PollSurroundings(log, self._memory, now, max_line_bytes, meter, self._stop)
        self._rounds = [
            TenantRound(
                each, ManagementApi(each, self._get_client(each), now), around, self._reports
            )
            for each in tenants
        ]
        self._threads = [
            Thread(target=self._run, args=(each,), name=f"poll-{each.tenant.tenant}", daemon=True)
            for each in self._rounds
        ]

    def start(self) -> None:
        """Start a thread for each tenant."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads; a request that still waits is left to end with the process."""
        self._stop.set()
        latest = monotonic() + STOP_SECONDS
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, latest - monotonic()))
        for client in self._clients.values():
            client.close()
        self._memory.close()

    def list_troubles(self) -> list[str]:
        """List what cannot be read at present."""
        return self._reports.list_current()

    def _get_client(self, tenant: Microsoft365Settings) -> httpx.Client:
        if tenant.ca_file not in self._clients:
            self._clients[tenant.ca_file] = httpx.Client(
                verify=_build_tls(tenant),
                timeout=TIMEOUT,
                headers={"User-Agent": "BreachDesk"},
            )
        return self._clients[tenant.ca_file]

    def _run(self, tenant_round: TenantRound) -> None:
        wait = 0.0
        while not self._stop.wait(wait):
            with self._slots:
                wait = self._run_once(tenant_round)

    def _run_once(self, tenant_round: TenantRound) -> float:
        name = tenant_round.tenant.source_name
        try:
            return tenant_round.run()
        except Exception as fault:  # noqa: BLE001 - one tenant's fault must not end its polling
            if not self._stop.is_set():
                _LOG.error("polling a tenant failed", exc_info=fault)
                self._reports.begin(name, f"{name}: polling failed ({type(fault).__name__})")
            return WAIT_AFTER_FAULT


def _build_tls(tenant: Microsoft365Settings) -> ssl.SSLContext:
    context = httpx.create_ssl_context()
    if tenant.ca_file is not None:
        try:
            context.load_verify_locations(tenant.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"the certificates in {tenant.ca_file} cannot be read ({type(error).__name__})",
                place="microsoft365.ca_file",
                remedy="Name a file of PEM certificates that this user may read.",
            ) from None
    return context
