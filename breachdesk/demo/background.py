"""Two ordinary days: people work, devices poll, the internet knocks at every door.

Nothing here may look like the incident: refusals stay below what any high rule counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from breachdesk.demo import cloud, routers
from breachdesk.demo.cast import BY_ID, CLOUD, OFFICE, PANEL, SITES, UNIFI_OWNER, VIGOR_OWNER, Firm
from breachdesk.demo.routers import Flow
from breachdesk.demo.scenery import Arrival, Stage

PATHS = ("/", "/about", "/contact", "/news", "/opening-hours", "/css/site.css", "/logo.svg")
PROBES = ("/.env", "/.git/config", "/download.php?f=../../etc/passwd", "/?q=1+union+select+2")
NOBODYS = "shop.oldmillcrafts.example"
"""A site on our web server that the register does not know: whose is it?"""
PORTS = (23, 445, 3389, 5900, 8080, 1433, 22, 2323)
STAFF = ("tfairlie", "gmoss", "backup")
SLOW = 420
"""Seconds between tries of one stranger at least: fewer than eight in half an hour."""
GAP = (timedelta(hours=25, minutes=10), timedelta(hours=28, minutes=20))
"""The router is silent from 01:10 to 04:20 of the second day."""


def m365(stage: Stage) -> Iterator[Arrival]:
    """Sign-ins, a few typing errors, downloads, one policy match taken back."""
    for firm in CLOUD:
        for user in firm.staff:
            yield from _working_day(stage, firm, user)
    firm = BY_ID["birch-optics"]
    at = stage.working_time()
    text = cloud.dlp(
        firm, at, firm.staff[0], "Suppliers", "test.xlsx", cards=1, severity="Low", undo=True
    )
    yield stage.later(at, text)


def _working_day(stage: Stage, firm: Firm, user: str) -> Iterator[Arrival]:
    chance = stage.chance
    for _ in range(chance.choice((1, 2, 2, 3))):
        at = stage.working_time()
        if chance.random() < 0.15:
            early = at - timedelta(seconds=20)
            yield stage.later(early, cloud.sign_in_failed(firm, early, user, firm.office))
        if chance.random() < 0.1:
            early = at - timedelta(seconds=8)
            yield stage.later(early, cloud.sign_in_failed(firm, early, user, firm.office, "50058"))
        yield stage.later(at, cloud.sign_in(firm, at, user, firm.office))
        offsets = stage.apart(chance.randrange(5), 60, 1800)
        for number, offset in enumerate(offsets, 1):
            name = f"{chance.choice(('order', 'rota', 'minutes', 'quote'))}-{number}.docx"
            yield stage.later(
                at + offset,
                cloud.file_downloaded(
                    firm,
                    at + offset,
                    user,
                    firm.office,
                    "Office",
                    name,
                    chance.randrange(9, 900) << 10,
                ),
            )


def sonicwall(stage: Stage) -> Iterator[Arrival]:
    """The provider's own firewall: connections, refusals, one scanner, a mistyped password."""
    for _ in range(960):
        at, inside = stage.any_time(), f"{OFFICE}.{stage.chance.randrange(10, 60)}"
        flow = Flow(inside, stage.chance.randrange(1025, 65000), stage.stranger(), 443)
        volume = f" sent={stage.chance.randrange(300, 9000)} rcvd={stage.chance.randrange(10**5)}"
        yield stage.soon(
            at, routers.sonicwall(at, 537, "Connection Closed", flow, extra=f"{volume} cdur=3016")
        )
    for _ in range(240):
        at = stage.any_time()
        flow = Flow(stage.stranger(), 40001, "198.51.100.2", stage.chance.choice(PORTS))
        yield stage.soon(at, routers.sonicwall(at, 36, "TCP connection dropped", flow))
    yield from _port_sweep(stage)
    yield from _forgetful_technician(stage)


def _port_sweep(stage: Stage) -> Iterator[Arrival]:
    start = stage.any_time()
    for number, offset in enumerate(stage.apart(26, 1, 6)):
        flow = Flow("192.0.2.77", 51000, "198.51.100.2", 20 + number * 7)
        text = routers.sonicwall(start + offset, 36, "TCP connection dropped", flow)
        yield stage.soon(start + offset, text)


def _forgetful_technician(stage: Stage) -> Iterator[Arrival]:
    start = stage.working_time()
    for offset in stage.apart(6, 15, 40):
        flow = Flow(f"{OFFICE}.31", 50000, f"{OFFICE}.1", 443)
        message = "Administrator login denied due to bad credentials"
        text = routers.sonicwall(start + offset, 30, message, flow, extra=' usr="admin"')
        yield stage.soon(start + offset, text)


def draytek(stage: Stage) -> Iterator[Arrival]:
    """A customer's router, with three hours missing in the night of the second day."""
    for at, text in _vigor_lines(stage):
        if not GAP[0] <= at - stage.start < GAP[1]:
            yield stage.soon(at, text)


def _vigor_lines(stage: Stage) -> Iterator[tuple[datetime, str]]:
    office = BY_ID[VIGOR_OWNER].office
    for _ in range(420):
        at, inside = stage.any_time(), f"192.168.1.{stage.chance.randrange(10, 40)}"
        flow = Flow(inside, stage.chance.randrange(1025, 65000), stage.stranger(), 443)
        yield at, routers.vigor_packet(at, "Pass", "2:2", flow)
    for _ in range(260):
        at = stage.any_time()
        flow = Flow(stage.stranger(), 44321, office, stage.chance.choice(PORTS))
        yield at, routers.vigor_packet(at, "Block", "12:1", flow)
    for _ in range(12):
        at = stage.any_time()
        yield at, routers.vigor_portal_failed(at, stage.stranger())
    for _ in range(9):
        at = stage.working_time()
        yield at, routers.vigor_tunnel(at, "edith.marlow", up=True)
        until = at + timedelta(minutes=stage.chance.randrange(10, 120))
        yield until, routers.vigor_tunnel(until, "edith.marlow", up=False)


def unifi(stage: Stage) -> Iterator[Arrival]:
    """A school's gateway."""
    office = BY_ID[UNIFI_OWNER].office
    for _ in range(500):
        at = stage.any_time()
        if stage.chance.random() < 0.4:
            flow = Flow(stage.stranger(), 38451, office, stage.chance.choice(PORTS))
            letter = "D"
        else:
            inside = f"192.168.10.{stage.chance.randrange(20, 99)}"
            flow = Flow(inside, stage.chance.randrange(1025, 65000), stage.stranger(), 443)
            letter = "A"
        yield stage.soon(at, routers.unifi_packet(at, letter, flow))


def mail_gateway(stage: Stage) -> Iterator[Arrival]:
    """OpenSSH: staff and the backup sign in by key; strangers guess slowly."""
    pid = 2000
    for _ in range(60):
        pid += stage.chance.randrange(1, 9)
        at, user = stage.any_time(), stage.chance.choice(STAFF)
        source = f"from {OFFICE}.{stage.chance.randrange(10, 60)} port 50{pid % 1000:03}"
        accepted = f"Accepted publickey for {user} {source} ssh2: RSA SHA256:9kT3"
        yield stage.soon(at, routers.sshd(at, pid, accepted))
        opened = f"pam_unix(sshd:session): session opened for user {user}(uid=1000) by (uid=0)"
        yield stage.soon(at, routers.sshd(at, pid, opened))
    for stranger in range(9):
        address, start = f"192.0.2.{201 + stranger}", stage.any_time() - timedelta(hours=4)
        for offset in stage.apart(16, SLOW, SLOW * 3):
            pid += 1
            yield from _guess(stage, start + offset, pid, address)


def _guess(stage: Stage, at: datetime, pid: int, address: str) -> Iterator[Arrival]:
    if not stage.start <= at < stage.start + timedelta(days=2):
        return
    name = stage.chance.choice(("root", "admin", "test", "oracle", "ubuntu"))
    where = f"from {address} port 4{pid % 10000:04}"
    if name == "root":
        yield stage.soon(at, routers.sshd(at, pid, f"Failed password for root {where} ssh2"))
        return
    yield stage.soon(at, routers.sshd(at, pid, f"Invalid user {name} {where}"))
    failed = f"Failed password for invalid user {name} {where} ssh2"
    yield stage.soon(at, routers.sshd(at, pid, failed))


def web(stage: Stage) -> Iterator[Arrival]:
    """Visitors of customers' sites, probing, and staff in the billing panel."""
    for _ in range(860):
        at, firm = stage.any_time(), stage.chance.choice(SITES)
        status = 404 if stage.chance.random() < 0.06 else 200
        request = f"GET {stage.chance.choice(PATHS)}"
        size = stage.chance.randrange(400, 40000)
        yield stage.soon(at, routers.web(at, firm.site, stage.stranger(), request, status, size))
    for _ in range(24):
        at = stage.any_time()
        request = f"GET {stage.chance.choice(PATHS)}"
        yield stage.soon(at, routers.web(at, NOBODYS, stage.stranger(), request, 200, 9120))
    start = stage.any_time()
    for offset in stage.apart(14, 2, 200):
        site, probe = stage.chance.choice(SITES).site, stage.chance.choice(PROBES)
        text = routers.web(start + offset, site, "192.0.2.180", f"GET {probe}", 404, 153)
        yield stage.soon(start + offset, text)
    yield from _office_in_the_panel(stage)


def _office_in_the_panel(stage: Stage) -> Iterator[Arrival]:
    for _ in range(8):
        at, desk = stage.working_time(), f"{OFFICE}.{stage.chance.randrange(10, 20)}"
        yield stage.soon(at, routers.web(at, PANEL, desk, "POST /admin/dologin.php", 302, 0))
        for offset in stage.apart(stage.chance.randrange(2, 7), 20, 300):
            page = f"GET /admin/clientssummary.php?userid={stage.chance.randrange(1001, 1051)}"
            seen = at + offset + timedelta(seconds=9)
            yield stage.soon(seen, routers.web(seen, PANEL, desk, page, 200, 18211))
