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
from breachdesk.demo.cast import ATTACKER, BY_ID, PANEL, SPRAYED, STOLEN, VICTIM, VIEWED, Firm
from breachdesk.demo.scenery import Arrival, Stage

OUTSIDE = "collect.7781@freemail.example"
FILES = 180
FOLDERS = ("Recalls", "Referrals", "Invoices", "Staff")
KINDS = ("letter", "x-ray", "plan", "invoice")
MATCHED = (38, 91, 140)
"""Which of the downloads hold card numbers."""


def m365(stage: Stage) -> Iterator[Arrival]:
    """What the customers' tenants recorded."""
    victim = BY_ID[VICTIM]
    yield from _spray(stage)
    opened = stage.night(3, 7, 21)
    yield stage.later(opened, cloud.sign_in(victim, opened, STOLEN, ATTACKER, factors=1))
    ruled = stage.night(3, 13, 4)
    yield stage.later(ruled, cloud.inbox_rule(victim, ruled, STOLEN, ATTACKER, OUTSIDE))
    yield from _downloads(stage, victim)


def _spray(stage: Stage) -> Iterator[Arrival]:
    accounts = [(BY_ID[name], user) for name in SPRAYED for user in BY_ID[name].staff[:10]]
    twice = [account for account in accounts if stage.chance.random() < 0.4]
    tries = [*accounts, *(account for account in twice if account[1] != STOLEN)]
    stage.chance.shuffle(tries)
    tries.append((BY_ID[VICTIM], STOLEN))
    least = timedelta(minutes=16) / len(tries)
    for number, (firm, user) in enumerate(tries):
        at = stage.night(2, 51, 8) + number * least
        at = at.replace(microsecond=0)
        yield stage.later(at, cloud.sign_in_failed(firm, at, user, ATTACKER))


def _downloads(stage: Stage, victim: Firm) -> Iterator[Arrival]:
    start = stage.night(3, 20, 2)
    for number, offset in enumerate(stage.apart(FILES, 2.5, 4.6), 1):
        at, folder = start + offset, FOLDERS[number % 4]
        name = f"{KINDS[number % 4]}-{number:03}.pdf"
        size = stage.chance.randrange(40, 4000) << 10
        text = cloud.file_downloaded(victim, at, STOLEN, ATTACKER, folder, name, size)
        yield stage.later(at, text)
        if number in MATCHED:
            yield _matched(stage, victim, at + timedelta(seconds=40), folder, name)


def _matched(stage: Stage, victim: Firm, at: datetime, folder: str, name: str) -> Arrival:
    cards = stage.chance.randrange(12, 90)
    return stage.later(at, cloud.dlp(victim, at, STOLEN, folder, name, cards=cards))


def web(stage: Stage) -> Iterator[Arrival]:
    """What the billing panel's web server recorded."""
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
    start = stage.night(3, 40, 12)
    for (request, status, size), offset in zip(steps, stage.apart(len(steps), 9, 70), strict=True):
        at = start + offset
        yield stage.soon(at, routers.web(at, PANEL, ATTACKER, request, status, size))
