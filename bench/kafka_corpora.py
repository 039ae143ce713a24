"""What bench/kafka.py feeds: ECS JSON of a few thousand users, and the demo's raw vendor lines.

ECS: about 450 bytes a line, keyed by user (the peers' windows want that; BreachDesk ignores keys).
One line in ten is a sign-in, of which one in twelve is refused: each sign-in is a signal in two
behaviours. Raw: the demo's mixed lines of six sources, another seed and two days later for every
5,000, so that windows open, close and are let go; about four in five make a signal.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from breachdesk.demo.lines import build_lines
from breachdesk.demo.provider import CLOUD
from breachdesk.demo.setup import list_in_arrival_order

ECS_SOURCE = "ecs"
USERS = 5_000
SIGN_INS = 0.1
FIRST_DAY = date(2026, 1, 1)
AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36"
)
OTHER_ACTS = (
    ("file", "access", "file-opened"),
    ("network", "connection", "connection-accepted"),
    ("process", "start", "process-started"),
)


class CorpusRow(NamedTuple):
    """One record to produce."""

    source: str
    key: bytes
    value: bytes
    arrived: datetime | None
    """Said in a header, and believed in a drill; None: the broker's time is the arrival."""


def generate_ecs_rows(
    count: int,
    *,
    seed: int = 0,
    sign_ins: float = SIGN_INS,
    begin: datetime | None = None,
    per_second: float = 0.0,
) -> Iterator[CorpusRow]:
    """`begin` and `per_second`: time passes as it would at that rate, and arrivals are told.
    Otherwise events happened within the last minute."""
    chance = random.Random(f"ecs/{seed}")
    now = datetime.now(UTC)
    people = [_build_person(number) for number in range(USERS)]
    for number in range(count):
        arrived = begin + timedelta(seconds=number / per_second) if begin else None
        at = (arrived or now) - timedelta(seconds=chance.random() * 60)
        # Few do much: the square skews who acts.
        user, tenant = people[int(USERS * chance.random() ** 2)]
        line = _format_ecs(chance, number, at, user, tenant, sign_in=chance.random() < sign_ins)
        yield CorpusRow(ECS_SOURCE, user.encode(), line.encode(), arrived)


def build_sentinel(number: int, at: datetime) -> CorpusRow:
    """One incident with a group of its own: a rule matches it alone, so it is an alert at once."""
    user = f"sentinel{number}@{CLOUD[0].domain}"
    line = (
        f'{{"@timestamp":"{at.isoformat()}","ecs":{{"version":"9.4.0"}},"event":'
        f'{{"id":"sentinel-{number}-{at.timestamp()}","dataset":"microsoft365.audit",'
        '"category":["email"],"type":["change"],"outcome":"success","action":"New-InboxRule"},'
        f'"user":{{"name":"{user}"}},"cloud":{{"account":{{"id":"{CLOUD[0].tenant}"}}}},'
        '"breach":{"mail":{"forward_external":true}}}'
    )
    return CorpusRow(ECS_SOURCE, user.encode(), line.encode(), None)


def generate_raw_rows(count: int) -> Iterator[CorpusRow]:
    """The demo's lines with what they say of their arrival."""
    count_so_far, seed = 0, 0
    while count_so_far < count:
        demo_lines = build_lines(seed=seed, start=FIRST_DAY + timedelta(days=2 * seed))
        for arrived, source, raw in list_in_arrival_order(demo_lines)[: count - count_so_far]:
            count_so_far += 1
            yield CorpusRow(source, b"", raw, arrived)
        seed += 1


def _build_person(number: int) -> tuple[str, str]:
    firm = CLOUD[number % len(CLOUD)]
    return f"user{number}@{firm.domain}", firm.tenant


def _format_ecs(
    chance: random.Random, number: int, at: datetime, user: str, tenant: str, *, sign_in: bool
) -> str:
    category, kind, action = OTHER_ACTS[number % 3]
    outcome = "success"
    if sign_in:
        refused = chance.random() < 1 / 12
        category, kind, action = "authentication", "start", "logon-failed" if refused else "logon"
        outcome = "failure" if refused else "success"
    net, host = chance.randrange(1, 255), chance.randrange(1, 255)
    return (
        f'{{"@timestamp":"{at.isoformat()}","ecs":{{"version":"9.4.0"}},'
        f'"event":{{"id":"e{number:09}-{at.timestamp():.0f}","dataset":"idp.audit",'
        f'"category":["{category}"],"type":["{kind}"],"outcome":"{outcome}","action":"{action}"}},'
        f'"user":{{"name":"{user}"}},"source":{{"ip":"10.{net}.7.{host}"}},'
        f'"host":{{"name":"pc-{net}"}},"cloud":{{"account":{{"id":"{tenant}"}}}},'
        f'"user_agent":{{"original":"{AGENT}"}}}}'
    )
