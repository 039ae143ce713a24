"""A process that cannot end in order ends all the same."""

from __future__ import annotations

import threading

from streams.stop_deadline import StopDeadline

LIMIT_SECONDS = 30.0


def test_an_overdue_stop_is_ended_once_however_often_it_was_asked_for() -> None:
    ends: list[str] = []
    overdue = threading.Event()

    def end() -> None:
        ends.append("ended")
        overdue.set()

    deadline = StopDeadline(end, seconds=0.01)
    for _ in range(3):
        deadline.start()

    assert overdue.wait(LIMIT_SECONDS)
    assert ends == ["ended"]


def test_a_stop_in_order_cancels_the_deadline() -> None:
    overdue = threading.Event()
    deadline = StopDeadline(overdue.set, seconds=LIMIT_SECONDS)

    deadline.start()
    deadline.cancel()

    assert not overdue.is_set()
    deadline._timer.join(LIMIT_SECONDS)
    assert not deadline._timer.is_alive()
