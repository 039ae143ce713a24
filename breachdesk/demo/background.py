"""Generate two ordinary days: users, devices and scanners from the internet.

Nothing here may look like the incident: refusals stay below what any high rule counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from breachdesk.demo import cloud, routers
from breachdesk.demo.provider import (
    BY_ID,
    CLOUD,
    OFFICE,
    PANEL,
    SITES,
    UNIFI_OWNER,
    VIGOR_OWNER,
    DemoFirm,
)
from breachdesk.demo.routers import PacketFlow
from breachdesk.demo.timeline import LineArrival, RandomTimeline

PATHS = ("/", "/about", "/contact", "/news", "/opening-hours", "/css/site.css", "/logo.svg")
PROBES = ("/.env", "/.git/config", "/download.php?f=../../etc/passwd", "/?q=1+union+select+2")
NOBODYS = "shop.oldmillcrafts.example"
"""A site on our web server that the register does not know, so that its owner is unattributed."""
PORTS = (23, 445, 3389, 5900, 8080, 1433, 22, 2323)
STAFF = ("tfairlie", "gmoss", "backup")
SLOW = 420
"""Seconds between tries of one stranger at least: fewer than eight in half an hour."""
GAP = (timedelta(hours=25, minutes=10), timedelta(hours=28, minutes=20))
"""The router is silent from 01:10 to 04:20 of the second day."""


def generate_m365(timeline: RandomTimeline) -> Iterator[LineArrival]:
    """Generate sign-ins, a few typing errors, downloads, and one policy match that is undone."""
    for firm in CLOUD:
        for user in firm.staff:
            yield from _generate_working_day(timeline, firm, user)
    firm = BY_ID["birch-optics"]
    at = timeline.choose_working_time()
    text = cloud.format_dlp_match(
        firm, at, firm.staff[0], "Suppliers", "test.xlsx", cards=1, severity="Low", undo=True
    )
    yield timeline.build_late_arrival(at, text)


def _generate_working_day(
    timeline: RandomTimeline, firm: DemoFirm, user: str
) -> Iterator[LineArrival]:
    chance = timeline.chance
    for _ in range(chance.choice((1, 2, 2, 3))):
        at = timeline.choose_working_time()
        if chance.random() < 0.15:
            early = at - timedelta(seconds=20)
            yield timeline.build_late_arrival(
                early, cloud.format_failed_sign_in(firm, early, user, firm.office)
            )
        if chance.random() < 0.1:
            early = at - timedelta(seconds=8)
            yield timeline.build_late_arrival(
                early, cloud.format_failed_sign_in(firm, early, user, firm.office, "50058")
            )
        yield timeline.build_late_arrival(at, cloud.format_sign_in(firm, at, user, firm.office))
        offsets = timeline.generate_offsets(chance.randrange(5), 60, 1800)
        for number, offset in enumerate(offsets, 1):
            name = f"{chance.choice(('order', 'rota', 'minutes', 'quote'))}-{number}.docx"
            yield timeline.build_late_arrival(
                at + offset,
                cloud.format_download(
                    firm,
                    at + offset,
                    user,
                    firm.office,
                    "Office",
                    name,
                    chance.randrange(9, 900) << 10,
                ),
            )


def generate_sonicwall(timeline: RandomTimeline) -> Iterator[LineArrival]:
    """Generate the provider's own firewall: connections, refusals, one scanner, a mistyped
    password."""
    for _ in range(960):
        at, inside = timeline.choose_time(), f"{OFFICE}.{timeline.chance.randrange(10, 60)}"
        flow = PacketFlow(
            inside, timeline.chance.randrange(1025, 65000), timeline.choose_stranger(), 443
        )
        volume = (
            f" sent={timeline.chance.randrange(300, 9000)} rcvd={timeline.chance.randrange(10**5)}"
        )
        yield timeline.build_prompt_arrival(
            at,
            routers.format_sonicwall(
                at, 537, "Connection Closed", flow, extra=f"{volume} cdur=3016"
            ),
        )
    for _ in range(240):
        at = timeline.choose_time()
        flow = PacketFlow(
            timeline.choose_stranger(), 40001, "198.51.100.2", timeline.chance.choice(PORTS)
        )
        yield timeline.build_prompt_arrival(
            at, routers.format_sonicwall(at, 36, "TCP connection dropped", flow)
        )
    yield from _generate_port_sweep(timeline)
    yield from _generate_mistyped_passwords(timeline)


def _generate_port_sweep(timeline: RandomTimeline) -> Iterator[LineArrival]:
    start = timeline.choose_time()
    for number, offset in enumerate(timeline.generate_offsets(26, 1, 6)):
        flow = PacketFlow("192.0.2.77", 51000, "198.51.100.2", 20 + number * 7)
        text = routers.format_sonicwall(start + offset, 36, "TCP connection dropped", flow)
        yield timeline.build_prompt_arrival(start + offset, text)


def _generate_mistyped_passwords(timeline: RandomTimeline) -> Iterator[LineArrival]:
    start = timeline.choose_working_time()
    for offset in timeline.generate_offsets(6, 15, 40):
        flow = PacketFlow(f"{OFFICE}.31", 50000, f"{OFFICE}.1", 443)
        message = "Administrator login denied due to bad credentials"
        text = routers.format_sonicwall(start + offset, 30, message, flow, extra=' usr="admin"')
        yield timeline.build_prompt_arrival(start + offset, text)


def generate_draytek(timeline: RandomTimeline) -> Iterator[LineArrival]:
    """Generate a customer's router, with three hours missing in the night of the second day."""
    for at, text in _generate_vigor_lines(timeline):
        if not GAP[0] <= at - timeline.start < GAP[1]:
            yield timeline.build_prompt_arrival(at, text)


def _generate_vigor_lines(timeline: RandomTimeline) -> Iterator[tuple[datetime, str]]:
    office = BY_ID[VIGOR_OWNER].office
    for _ in range(420):
        at, inside = timeline.choose_time(), f"192.168.1.{timeline.chance.randrange(10, 40)}"
        flow = PacketFlow(
            inside, timeline.chance.randrange(1025, 65000), timeline.choose_stranger(), 443
        )
        yield at, routers.format_vigor_packet(at, "Pass", "2:2", flow)
    for _ in range(260):
        at = timeline.choose_time()
        flow = PacketFlow(timeline.choose_stranger(), 44321, office, timeline.chance.choice(PORTS))
        yield at, routers.format_vigor_packet(at, "Block", "12:1", flow)
    for _ in range(12):
        at = timeline.choose_time()
        yield at, routers.format_vigor_refusal(at, timeline.choose_stranger())
    for _ in range(9):
        at = timeline.choose_working_time()
        yield at, routers.format_vigor_tunnel(at, "edith.marlow", up=True)
        until = at + timedelta(minutes=timeline.chance.randrange(10, 120))
        yield until, routers.format_vigor_tunnel(until, "edith.marlow", up=False)


def generate_unifi(timeline: RandomTimeline) -> Iterator[LineArrival]:
    """Generate a school's gateway."""
    office = BY_ID[UNIFI_OWNER].office
    for _ in range(500):
        at = timeline.choose_time()
        if timeline.chance.random() < 0.4:
            flow = PacketFlow(
                timeline.choose_stranger(), 38451, office, timeline.chance.choice(PORTS)
            )
            letter = "D"
        else:
            inside = f"192.168.10.{timeline.chance.randrange(20, 99)}"
            flow = PacketFlow(
                inside, timeline.chance.randrange(1025, 65000), timeline.choose_stranger(), 443
            )
            letter = "A"
        yield timeline.build_prompt_arrival(at, routers.format_unifi_packet(at, letter, flow))


def generate_mail_gateway(timeline: RandomTimeline) -> Iterator[LineArrival]:
    """Generate OpenSSH: staff and the backup sign in by key; strangers guess slowly."""
    pid = 2000
    for _ in range(60):
        pid += timeline.chance.randrange(1, 9)
        at, user = timeline.choose_time(), timeline.chance.choice(STAFF)
        source = f"from {OFFICE}.{timeline.chance.randrange(10, 60)} port 50{pid % 1000:03}"
        accepted = f"Accepted publickey for {user} {source} ssh2: RSA SHA256:9kT3"
        yield timeline.build_prompt_arrival(at, routers.format_sshd(at, pid, accepted))
        opened = f"pam_unix(sshd:session): session opened for user {user}(uid=1000) by (uid=0)"
        yield timeline.build_prompt_arrival(at, routers.format_sshd(at, pid, opened))
    for stranger in range(9):
        address, start = f"192.0.2.{201 + stranger}", timeline.choose_time() - timedelta(hours=4)
        for offset in timeline.generate_offsets(16, SLOW, SLOW * 3):
            pid += 1
            yield from _generate_guess(timeline, start + offset, pid, address)


def _generate_guess(
    timeline: RandomTimeline, at: datetime, pid: int, address: str
) -> Iterator[LineArrival]:
    if not timeline.start <= at < timeline.start + timedelta(days=2):
        return
    name = timeline.chance.choice(("root", "admin", "test", "oracle", "ubuntu"))
    where = f"from {address} port 4{pid % 10000:04}"
    if name == "root":
        yield timeline.build_prompt_arrival(
            at, routers.format_sshd(at, pid, f"Failed password for root {where} ssh2")
        )
        return
    yield timeline.build_prompt_arrival(
        at, routers.format_sshd(at, pid, f"Invalid user {name} {where}")
    )
    failed = f"Failed password for invalid user {name} {where} ssh2"
    yield timeline.build_prompt_arrival(at, routers.format_sshd(at, pid, failed))


def generate_web(timeline: RandomTimeline) -> Iterator[LineArrival]:
    """Generate visitors of customers' sites, probing, and staff in the billing panel."""
    for _ in range(860):
        at, firm = timeline.choose_time(), timeline.chance.choice(SITES)
        status = 404 if timeline.chance.random() < 0.06 else 200
        request = f"GET {timeline.chance.choice(PATHS)}"
        size = timeline.chance.randrange(400, 40000)
        yield timeline.build_prompt_arrival(
            at, routers.format_web(at, firm.site, timeline.choose_stranger(), request, status, size)
        )
    for _ in range(24):
        at = timeline.choose_time()
        request = f"GET {timeline.chance.choice(PATHS)}"
        yield timeline.build_prompt_arrival(
            at, routers.format_web(at, NOBODYS, timeline.choose_stranger(), request, 200, 9120)
        )
    start = timeline.choose_time()
    for offset in timeline.generate_offsets(14, 2, 200):
        site, probe = timeline.chance.choice(SITES).site, timeline.chance.choice(PROBES)
        text = routers.format_web(start + offset, site, "192.0.2.180", f"GET {probe}", 404, 153)
        yield timeline.build_prompt_arrival(start + offset, text)
    yield from _generate_panel_visits(timeline)


def _generate_panel_visits(timeline: RandomTimeline) -> Iterator[LineArrival]:
    for _ in range(8):
        at, address = (
            timeline.choose_working_time(),
            f"{OFFICE}.{timeline.chance.randrange(10, 20)}",
        )
        yield timeline.build_prompt_arrival(
            at, routers.format_web(at, PANEL, address, "POST /admin/dologin.php", 302, 0)
        )
        for offset in timeline.generate_offsets(timeline.chance.randrange(2, 7), 20, 300):
            page = f"GET /admin/clientssummary.php?userid={timeline.chance.randrange(1001, 1051)}"
            seen = at + offset + timedelta(seconds=9)
            yield timeline.build_prompt_arrival(
                seen, routers.format_web(seen, PANEL, address, page, 200, 18211)
            )
