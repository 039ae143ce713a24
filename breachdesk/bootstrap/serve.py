"""The embedded system: listeners, worker, console and dispatcher as threads of one process."""

from __future__ import annotations

import asyncio
import signal
import threading
import uuid
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from breachdesk.bootstrap.house import Premises
from breachdesk.casework.outbox import StoreOutbox
from breachdesk.console.app import console_app
from breachdesk.console.house import House
from notifiers.channels import channel_for
from notifiers.dispatch import Dispatcher
from streams.intake.http import intake_app
from streams.intake.syslog import SyslogListener

Say = Callable[[str], None]


class FrontDoor:
    """ASGI: `/intake/…` goes to the listener, everything else to the console."""

    def __init__(self, intake: ASGIApp, console: ASGIApp) -> None:
        self._intake = intake
        self._console = console

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        to_intake = scope["type"] == "http" and scope["path"].startswith("/intake/")
        await (self._intake if to_intake else self._console)(scope, receive, send)


def console_house(house: Premises) -> House:
    """What the console may use of the premises."""
    return House(
        settings=house.settings,
        store=house.store,
        renderer=house.renderer,
        now=house.now,
        explainer=house.explainer,
        log=house.log,
        templates=house.templates,
    )


def front_door(house: Premises) -> FrontDoor:
    """The one HTTP port: intake and console."""
    intake = intake_app(house.log, house.settings.intake, house.now)
    return FrontDoor(intake, console_app(console_house(house)))


def dispatcher(house: Premises, boot_id: str) -> Dispatcher:
    """The outbox's loop over the first sender's channel."""
    outbox = StoreOutbox(house.store, house.settings, house.renderer)
    channel = channel_for(house.sender())
    return Dispatcher(outbox, channel, house.now, house.settings.notices, boot_id)


def serve(house: Premises, say: Say, *, ready: threading.Event | None = None) -> None:
    """Serve until SIGINT or SIGTERM. Raises Misconfigured when a port is taken."""
    stop = threading.Event()
    threads = [_thread("worker", lambda: house.worker().run(stop))]
    if house.settings.senders:
        threads.append(_thread("dispatch", lambda: asyncio.run(_dispatch(house, stop))))
    listener = SyslogListener(house.log, house.settings.intake, house.now)
    listener.start()
    for thread in threads:
        thread.start()
    try:
        _serve_http(house, say, ready)
    finally:
        stop.set()
        listener.stop()
        for thread in threads:
            thread.join(timeout=30)


def _thread(name: str, work: Callable[[], None]) -> threading.Thread:
    return threading.Thread(name=f"breachdesk-{name}", target=work, daemon=True)


async def _dispatch(house: Premises, stop: threading.Event) -> None:
    """The dispatcher lives in its own loop; the threads' stop is waited for in a thread."""
    ending = asyncio.Event()
    running = asyncio.create_task(dispatcher(house, uuid.uuid4().hex).run(ending))
    await asyncio.to_thread(stop.wait)
    ending.set()
    await running


def _serve_http(house: Premises, say: Say, ready: threading.Event | None) -> None:
    settings = house.settings
    server = uvicorn.Server(
        uvicorn.Config(
            front_door(house),
            host=settings.console_host,
            port=settings.console_port,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
        )
    )
    say(f"console on http://{settings.console_host}:{settings.console_port}")
    for number in (signal.SIGINT, signal.SIGTERM):
        if threading.current_thread() is threading.main_thread():
            signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    if ready:
        ready.set()
    server.run()
