"""Show lines of an ASA and an FTD, and what is read from them."""

from __future__ import annotations

from schemas.pipeline.plugin import ParserExample

EXAMPLES = (
    ParserExample(
        "Nov 22 09:14:07 fw-hq : %ASA-6-308001: Console enable password incorrect for 3 tries (from"
        " ssh (remote 203.0.113.66))",
        {
            "event.category": ["authentication", "network"],
            "event.outcome": "failure",
            "source.ip": "203.0.113.66",
            "breach.auth.attempts": 3,
        },
    ),
    ParserExample(
        "<166>Nov 22 2026 09:14:07 fw-hq : %ASA-6-302013: Built outbound TCP connection 7781 for"
        " outside:203.0.113.80/443 (203.0.113.80/443) to inside:192.0.2.44/50112"
        " (198.51.100.2/41007)(LOCAL\\jo) (jo)",
        {
            "@timestamp": "2026-11-22T09:14:07+00:00",
            "event.code": "302013",
            "event.type": ["connection", "start"],
            "event.outcome": "success",
            "source.ip": "192.0.2.44",
            "source.port": 50112,
            "source.nat.ip": "198.51.100.2",
            "source.nat.port": 41007,
            "destination.ip": "203.0.113.80",
            "destination.port": 443,
            "destination.nat.ip": None,
            "network.transport": "tcp",
            "network.direction": "outbound",
            "observer.ingress.interface.name": "inside",
            "user.name": "jo",
            "host.name": "fw-hq",
        },
    ),
    ParserExample(
        "Nov 22 09:15:31 fw-hq %ASA-6-302014: Teardown TCP connection 7781 for"
        " outside:2001:db8::50/443 to inside:2001:db8:1::44/50112 duration 0:01:24 bytes 48112"
        " TCP FINs from inside",
        {
            "@timestamp": "2026-11-22T09:15:31+00:00",
            "event.type": ["connection", "end"],
            "event.duration": 84_000_000_000,
            "event.reason": "TCP FINs",
            "network.bytes": 48112,
            "source.ip": "2001:db8::50",
            "destination.ip": "2001:db8:1::44",
        },
    ),
    ParserExample(
        "Nov 22 09:16:02 relay1 fw-hq: %ASA-4-106023: Deny udp src dmz:192.0.2.7/5353(CONTOSO\\jo)"
        ' dst outside:198.51.100.9/53 by access-group "dmz_in" [0x1a, 0x0]',
        {
            "event.type": ["connection", "denied"],
            "event.outcome": "failure",
            "source.ip": "192.0.2.7",
            "destination.port": 53,
            "rule.name": "dmz_in",
            "user.name": "jo",
            "user.domain": "CONTOSO",
        },
    ),
    ParserExample(
        "<166>2026-11-22T09:17:00Z fw-hq : %ASA-6-113015: AAA user authentication Rejected : reason ="
        " Invalid password : local database : user = eve : user IP = 192.0.2.1 : user IP ="
        " 203.0.113.66",
        {
            "event.category": ["authentication", "network"],
            "event.outcome": "failure",
            "event.reason": "Invalid password",
            "source.ip": "203.0.113.66",
            "user.name": "eve : user ip = 192.0.2.1",
        },
    ),
    ParserExample(
        "Nov 22 09:18:00 fw-hq : %ASA-4-113019: Group = Staff, Username = jo@contoso.example, IP ="
        " 203.0.113.9, Session disconnected. Session Type: AnyConnect-Parent, Duration: 1h:02m:03s,"
        " Bytes xmt: 904412, Bytes rcv: 11873, Reason: User Requested",
        {
            "event.action": "client-vpn-disconnected",
            "event.duration": 3_723_000_000_000,
            "event.reason": "User Requested",
            "source.ip": "203.0.113.9",
            "source.bytes": 11873,
            "destination.bytes": 904412,
            "user.email": "jo@contoso.example",
        },
    ),
    ParserExample(
        "Nov 22 09:19:00 fw-hq : %ASA-6-605004: Login denied from 203.0.113.66/40112 to outside:"
        '198.51.100.2/ssh for user "root" from 192.0.2.1/1 to x"',
        {
            "event.outcome": "failure",
            "source.ip": "203.0.113.66",
            "source.port": 40112,
            "destination.ip": "198.51.100.2",
            "network.protocol": "ssh",
            "user.name": 'root" from 192.0.2.1/1 to x',
        },
    ),
    ParserExample(
        "Nov 22 09:20:00 fw-hq : %ASA-5-106100: access-list out_in denied tcp"
        " outside/198.51.100.77(51002) -> inside/192.0.2.10(3389) hit-cnt 1 first hit [0xa, 0x0]",
        {
            "event.type": ["connection", "denied"],
            "source.ip": "198.51.100.77",
            "destination.port": 3389,
            "rule.name": "out_in",
            "observer.egress.interface.name": "inside",
        },
    ),
    ParserExample(
        "2026-11-22T09:21:00Z ftd-1 %FTD-1-430003: EventPriority: Low, DeviceUUID: 0a0a0a0a-0000,"
        " AccessControlRuleAction: Block with reset, SrcIP: 192.0.2.20, DstIP: 203.0.113.4, SrcPort:"
        " 46000, DstPort: 80, Protocol: tcp, IngressZone: in, EgressZone: out, ACPolicy: default,"
        " AccessControlRuleName: No-Web, User: CONTOSO\\jo, UserAgent: curl/8, SrcIP: 192.0.2.99,"
        " ConnectionDuration: 2, InitiatorBytes: 503, ResponderBytes: 690, URL:"
        " http://web.example/a",
        {
            "event.outcome": "failure",
            "event.action": "connection-finished",
            "source.ip": "192.0.2.20",
            "source.bytes": 503,
            "destination.bytes": 690,
            "url.original": "http://web.example/a",
            "user.name": "jo",
            "rule.name": "No-Web",
            "observer.product": "ftd",
        },
    ),
    ParserExample(
        "Nov 22 09:22:00 fw-hq : %ASA-3-199999: A message that no list has",
        {"event.code": "199999", "event.outcome": "unknown", "event.severity": 3},
    ),
    ParserExample(
        "<162>Nov 22 09:20:00 pix-hq %PIX-2-106002: udp connection denied by outbound list 30 src"
        " 192.0.2.10 138 dest 203.0.113.5 137",
        {
            "event.type": ["connection", "denied"],
            "source.ip": "192.0.2.10",
            "source.port": 138,
            "destination.ip": "203.0.113.5",
            "destination.port": 137,
            "network.transport": "udp",
            "rule.name": "30",
            "user.name": None,
        },
    ),
)
