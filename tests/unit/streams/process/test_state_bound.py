from __future__ import annotations

import pytest

from schemas.errors import RetryableError
from streams.process.state_bound import ASK_SECONDS, MIB, StateBound


class Store:
    """How much is stored, how often that was asked, and what time it is."""

    def __init__(self, used: int) -> None:
        self.used, self.asked, self.at = used, 0, 0.0

    def size(self) -> int:
        self.asked += 1
        return self.used

    def clock(self) -> float:
        return self.at


def bound_of(store: Store) -> StateBound:
    return StateBound(store.size, 100 * MIB, store.clock)


def test_the_size_is_asked_once_a_minute_however_many_batches_come() -> None:
    store = Store(0)
    bound = bound_of(store)
    for second in range(int(ASK_SECONDS) * 2):
        store.at = float(second)
        for _ in range(50):
            bound.check()

    assert store.asked == 2


@pytest.mark.parametrize(("mib", "warns"), [(0, False), (79, False), (80, True), (99, True)])
def test_from_four_fifths_on_it_warns_and_nothing_stops(mib: int, warns: bool) -> None:
    bound = bound_of(Store(mib * MIB))
    bound.check()

    assert bound.trouble is None
    assert (bound.warning is not None) is warns
    if bound.warning:
        assert f"{mib} of 100 MiB" in bound.warning
        assert "detection.disk_mib" in bound.warning


def test_at_the_bound_it_refuses_until_there_is_space_again() -> None:
    store = Store(100 * MIB)
    bound = bound_of(store)
    for _ in range(3):
        with pytest.raises(RetryableError, match="none is lost") as refusal:
            bound.check()
    assert refusal.value.place == "detection.disk_mib"
    assert refusal.value.remedy
    assert "none is lost" in str(bound.trouble)
    assert bound.warning is None
    store.used, store.at = 50 * MIB, ASK_SECONDS

    bound.check()
    assert bound.trouble is None
