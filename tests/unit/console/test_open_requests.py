"""Work in the background makes way for requests."""

from __future__ import annotations

import time

import pytest
from starlette.types import Message, Receive, Scope, Send

from breachdesk.console.web.open_requests import OpenRequests, RequestCounter


def measure_wait(requests: OpenRequests) -> float:
    begun = time.monotonic()
    requests.wait_until_idle(0.2)
    return time.monotonic() - begun


def test_waiting_ends_at_once_without_requests_and_in_time_with_one() -> None:
    requests = OpenRequests()
    assert measure_wait(requests) < 0.1

    requests.begin()
    requests.begin()
    requests.end()
    assert measure_wait(requests) >= 0.19

    requests.end()
    assert measure_wait(requests) < 0.1


async def test_a_request_that_fails_is_no_longer_counted() -> None:
    requests = OpenRequests()
    seen: list[bool] = []

    async def fail(_scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(measure_wait(requests) >= 0.19)
        raise ValueError("test")

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(_message: Message) -> None: ...

    with pytest.raises(ValueError, match="test"):
        await RequestCounter(fail, requests)({"type": "http"}, receive, send)

    assert seen == [True]
    assert measure_wait(requests) < 0.1
