"""Records that nobody should send, through a real Kafka: each ends as an event, ignored, or a dead
letter with its position and a reason; the partition goes on, and the counts add up."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet import Fleet, Line, a_fleet, demo_rows, embedded

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.postgres]
MIB = 1024 * 1024


@pytest.fixture
def fleet(tmp_path: Path, kafka_servers: str, postgres_url: str) -> Iterator[Fleet]:
    with a_fleet(tmp_path / "fleet", kafka_servers, postgres_url) as fleet:
        yield fleet


def login() -> dict[str, object]:
    """A record of the demo that is understood."""
    row = next(r for r in demo_rows() if r.raw and b"UserLoginFailed" in r.raw)
    return dict(json.loads(row.raw or b""))


def bad_records() -> list[Line]:
    arrived = demo_rows()[2000].arrived

    def m365(fields: dict[str, object]) -> bytes:
        return json.dumps(fields).encode()

    raws: list[bytes | None] = [
        None,
        b"",
        b"\x00" * 200,
        b"\xff\xfe" + "sign-in failed".encode("utf-16-le"),
        bytes(range(128, 256)) * 4,
        b"x" * MIB,
        b'{"Operation": "' + b"y" * MIB + b'"',
        b"{" * 5000,
        m365(login() | {"Id": "t-1970", "CreationTime": "1970-01-01T00:00:00"}),
        m365(login() | {"Id": "t-2099", "CreationTime": "2099-12-31T23:59:59"}),
        m365(login() | {"Id": "t-0000", "CreationTime": "0000-00-00T00:00:00"}),
        m365(login() | {"Id": "nul", "UserId": "a\x00b@hartwelldental.example"}),
        m365(login() | {"Id": "many"} | {f"field{n}": n for n in range(5000)}),
        m365(login() | {"Id": "mib", "Extra": "z" * MIB}),
    ]
    return [Line(source, raw, arrived) for source in ("m365", "web", "stranger") for raw in raws]


def test_bad_records_among_good_ones_stop_nothing_and_add_up(fleet: Fleet) -> None:
    """Scattered over partitions, batches doubled, order lost."""
    lines = [*demo_rows(), *bad_records(), *bad_records()]
    random.Random(8).shuffle(lines)
    fleet.start(2)
    fleet.produce(lines)
    fleet.drained()
    actual, letters = fleet.outcome(), fleet.dead_letters()
    expected = embedded(lines, fleet.settings)
    ends = fleet.ends()

    assert actual == expected
    assert actual.received == len(lines) == sum(ends.values())
    for name, count in actual.sources.items():
        assert count["received"] == (
            count["parsed"] + count["ignored"] + count["dead_letters"] + count["not_understood"]
        ), name
    assert len(letters) == len({letter.position for letter in letters})
    assert len(letters) == sum(
        count["dead_letters"] + count["not_understood"] for count in actual.sources.values()
    )
    assert all(letter.reason and letter.position.journal for letter in letters)
    assert not any("program" in letter.reason for letter in letters)
    assert all(worker.alive for worker in fleet.workers)


def test_times_of_1970_and_2099_become_those_of_arrival_and_raise_nothing(fleet: Fleet) -> None:
    """One wrong clock must not evict everything, nor be late for ever."""
    odd = [
        row for row in bad_records() if row.raw and (b"t-1970" in row.raw or b"t-2099" in row.raw)
    ]
    rows = demo_rows()
    fleet.start(1)
    fleet.produce([*rows[:2500], *odd, *rows[2500:]])
    fleet.drained()
    actual, plain = fleet.outcome(), embedded(rows, fleet.settings)

    assert actual.alerts == plain.alerts
    assert actual.sources["m365"]["parsed"] == plain.sources["m365"]["parsed"] + 2
    assert actual.sources["m365"]["late"] == plain.sources["m365"]["late"]
