"""The incident, in the night of the second day (UTC).

02:51  one address tries some forty Microsoft 365 accounts of four customers, each once or twice
03:07  one account opens, without a second factor
03:13  a mailbox rule named `.` forwards its mail outside
03:20  about 180 files are downloaded within eleven minutes; the tenant's policy matches in three
03:40  the same address signs in to the provider's billing panel and opens two customers' pages
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from breachdesk.demo import cloud, routers
from breachdesk.demo.provider import (
    ATTACKER,
    BY_ID,
    PANEL,
    SPRAYED,
    STOLEN,
    VICTIM,
    VIEWED,
    DemoFirm,
)
from breachdesk.demo.timeline import LineArrival, RandomTimeline

OUTSIDE = "collect.7781@freemail.example"
FILES = 180
FOLDERS = ("Recalls", "Referrals", "Invoices", "Staff")
KINDS = ("letter", "x-ray", "plan", "invoice")
MATCHED = (38, 91, 140)
"""Which of the downloads hold card numbers."""


def generate_m365(timeline: RandomTimeline) -> Iterator[LineArrival]:
    """Generate what the customers' tenants recorded."""
    victim = BY_ID[VICTIM]
    yield from _generate_spray(timeline)
    opened = timeline.get_night_time(3, 7, 21)
    yield timeline.build_late_arrival(
        opened, cloud.format_sign_in(victim, opened, STOLEN, ATTACKER, factors=1)
    )
    ruled = timeline.get_night_time(3, 13, 4)
    yield timeline.build_late_arrival(
        ruled, cloud.format_inbox_rule(victim, ruled, STOLEN, ATTACKER, OUTSIDE)
    )
    yield from _generate_downloads(timeline, victim)


def _generate_spray(timeline: RandomTimeline) -> Iterator[LineArrival]:
    accounts = [(BY_ID[name], user) for name in SPRAYED for user in BY_ID[name].staff[:10]]
    twice = [account for account in accounts if timeline.chance.random() < 0.4]
    tries = [*accounts, *(account for account in twice if account[1] != STOLEN)]
    timeline.chance.shuffle(tries)
    tries.append((BY_ID[VICTIM], STOLEN))
    least = timedelta(minutes=16) / len(tries)
    for number, (firm, user) in enumerate(tries):
        at = timeline.get_night_time(2, 51, 8) + number * least
        at = at.replace(microsecond=0)
        yield timeline.build_late_arrival(at, cloud.format_failed_sign_in(firm, at, user, ATTACKER))


def _generate_downloads(timeline: RandomTimeline, victim: DemoFirm) -> Iterator[LineArrival]:
    start = timeline.get_night_time(3, 20, 2)
    for number, offset in enumerate(timeline.generate_offsets(FILES, 2.5, 4.6), 1):
        at, folder = start + offset, FOLDERS[number % 4]
        name = f"{KINDS[number % 4]}-{number:03}.pdf"
        size = timeline.chance.randrange(40, 4000) << 10
        text = cloud.format_download(victim, at, STOLEN, ATTACKER, folder, name, size)
        yield timeline.build_late_arrival(at, text)
        if number in MATCHED:
            yield _build_dlp_match(timeline, victim, at + timedelta(seconds=40), folder, name)


def _build_dlp_match(
    timeline: RandomTimeline, victim: DemoFirm, at: datetime, folder: str, name: str
) -> LineArrival:
    cards = timeline.chance.randrange(12, 90)
    return timeline.build_late_arrival(
        at, cloud.format_dlp_match(victim, at, STOLEN, folder, name, cards=cards)
    )


def generate_web(timeline: RandomTimeline) -> Iterator[LineArrival]:
    """Generate what the billing panel's web server recorded."""
    steps = [
        ("GET /admin/login.php", 200, 5120),
        ("POST /admin/dologin.php", 302, 0),
        ("GET /admin/index.php", 200, 24110),
    ]
    for customer in VIEWED:
        userid = BY_ID[customer].userid
        steps.append((f"GET /admin/clientssummary.php?userid={userid}", 200, 18422))
        steps.append((f"GET /admin/clientsprofile.php?userid={userid}", 200, 22904))
        steps.append((f"GET /admin/clientsinvoices.php?userid={userid}", 200, 15108))
    start = timeline.get_night_time(3, 40, 12)
    for (request, status, size), offset in zip(
        steps, timeline.generate_offsets(len(steps), 9, 70), strict=True
    ):
        at = start + offset
        yield timeline.build_prompt_arrival(
            at, routers.format_web(at, PANEL, ATTACKER, request, status, size)
        )
