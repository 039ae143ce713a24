"""`breachdesk console`: screens and HTTP intake over a shared store, as many times as wanted."""

from __future__ import annotations

import threading
from collections.abc import Callable

import uvicorn

from breachdesk.bootstrap.house import Premises
from breachdesk.bootstrap.serve import Server, front_door, listening, refuse_a_taken_port
from streams.intake.syslog import SyslogListener


def serve_console(house: Premises, say: Callable[[str], None]) -> None:
    """Until SIGINT or SIGTERM. Raises Misconfigured when the port is taken."""
    settings = house.settings
    refuse_a_taken_port(settings.console_host, settings.console_port)
    server = Server(
        uvicorn.Config(
            front_door(house),
            host=settings.console_host,
            port=settings.console_port,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
        ),
        threading.Event(),
    )
    for line in listening(house):
        say(line)
    listener = SyslogListener(house.log, settings.intake, house.now)
    listener.start()
    try:
        server.run()
    finally:
        listener.stop()
