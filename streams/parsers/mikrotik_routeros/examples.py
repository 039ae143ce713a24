"""Lines of a MikroTik RouterOS, and what must come of each."""

from __future__ import annotations

from schemas.pipeline.plugin import ParserExample

EXAMPLES = (
    ParserExample(
        "<30>Nov 22 01:06:14 gw01 login failure for user eve via x from 203.0.113.66 via winbox",
        {
            "@timestamp": "2026-11-22T01:06:14+00:00",
            "event.outcome": "failure",
            "user.name": "eve via x",
            "source.ip": "203.0.113.66",
            "host.name": "gw01",
        },
    ),
    ParserExample(
        "<30>1 2026-11-22T01:06:14+01:00 gw01 - - - - DROP input: in:ether1 out:(unknown 0),"
        " connection-state:new proto UDP, 203.0.113.66:53072->192.0.2.1:53, len 60",
        {"event.outcome": "failure", "source.ip": "203.0.113.66", "destination.port": 53},
    ),
    ParserExample(
        "Nov 22 01:06:15 192.0.2.1 dhcp,info lan deassigned 10.0.0.9 for 00:53:00:AA:BB:CC host9",
        {
            "event.action": "dhcp-deassigned",
            "source.ip": "10.0.0.9",
            "source.mac": "00-53-00-AA-BB-CC",
            "source.domain": "host9",
        },
    ),
    ParserExample(
        "<30>Nov 22 01:06:15 gw01 system,error,critical login failure for user Admin from"
        " 203.0.113.66 via ssh",
        {
            "@timestamp": "2026-11-22T01:06:15+00:00",
            "event.category": ["authentication"],
            "event.outcome": "failure",
            "user.name": "admin",
            "source.ip": "203.0.113.66",
            "network.application": "ssh",
            "host.name": "gw01",
        },
    ),
    ParserExample(
        "system,info,account user jo from 192.0.2.1 via web logged in from 2001:db8::7 via winbox",
        {
            "event.outcome": "success",
            "user.name": "jo from 192.0.2.1 via web",
            "source.ip": "2001:db8::7",
        },
    ),
    ParserExample(
        "Nov 22 01:06:15 gw01 firewall,info: DROP-WAN input: in:ether1 out:(unknown 0),"
        " connection-state:new src-mac 00:53:00:aa:bb:cc, proto TCP (SYN),"
        " 203.0.113.66:53072->192.0.2.1:22, len 60",
        {
            "event.type": ["connection", "denied"],
            "event.outcome": "failure",
            "source.ip": "203.0.113.66",
            "source.port": 53072,
            "source.mac": "00-53-00-AA-BB-CC",
            "destination.port": 22,
            "network.transport": "tcp",
            "network.bytes": 60,
            "observer.ingress.interface.name": "ether1",
            "observer.egress.interface.name": None,
            "rule.name": "DROP-WAN",
            "rule.ruleset": "input",
        },
    ),
    ParserExample(
        "firewall,info srcnat: in:bridge out:ether1, connection-state:new proto UDP,"
        " 10.0.0.5:5000->198.51.100.1:53, NAT (10.0.0.5:5000->203.0.113.9:5000)->198.51.100.1:53,"
        " len 72",
        {
            "event.outcome": "unknown",
            "source.ip": "10.0.0.5",
            "source.nat.ip": "203.0.113.9",
            "source.nat.port": 5000,
        },
    ),
    ParserExample(
        "l2tp,ppp,info,account JSmith logged out, 3600 1234 5678 10 12 from 203.0.113.66",
        {
            "event.type": ["end"],
            "user.name": "jsmith",
            "source.ip": "203.0.113.66",
            "source.bytes": 1234,
            "destination.bytes": 5678,
            "event.duration": 3600000000000,
        },
    ),
    ParserExample(
        "ppp,error <0005>: user jo authentication failed",
        {"event.outcome": "failure", "user.name": "jo"},
    ),
    ParserExample(
        "2026-11-22 01:06:16 system,error,critical login failure for user eve from 203.0.113.66 via api",
        {
            "@timestamp": "2026-11-22T01:06:16+00:00",
            "event.outcome": "failure",
            "user.name": "eve",
            "source.ip": "203.0.113.66",
            "host.name": None,
        },
    ),
    ParserExample(
        "nov/21/2026 23:02:50 system,info,account user jo logged in from 192.0.2.5 via winbox",
        {
            "@timestamp": "2026-11-21T23:02:50+00:00",
            "event.outcome": "success",
            "user.name": "jo",
        },
    ),
    ParserExample(
        "01:06:17 firewall,info DENY input: in:ether1 out:(none), proto 47, 203.0.113.66->192.0.2.1,"
        " len 54",
        {
            "event.outcome": "failure",
            "source.ip": "203.0.113.66",
            "destination.ip": "192.0.2.1",
        },
    ),
    ParserExample(
        "login failure for user eve from 192.0.2.9 via ssh from 2001:db8::66 via ssh",
        {
            "event.outcome": "failure",
            "user.name": "eve from 192.0.2.9 via ssh",
            "source.ip": "2001:db8::66",
        },
    ),
    ParserExample(
        "system,info filter rule added by admin",
        {"event.category": ["configuration"], "user.name": "admin"},
    ),
    ParserExample(
        "CEF:0|MikroTik|RB5009|7.18|50|system,error,critical|Very-High|dvchost=gw01 msg=login"
        " failure for user root from 203.0.113.66 via telnet",
        {"event.outcome": "failure", "user.name": "root", "source.ip": "203.0.113.66"},
    ),
)
