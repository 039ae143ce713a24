"""Lines of SonicWall's firewalls and gateways, and what must come of each."""

from __future__ import annotations

from schemas.pipeline.plugin import ParserExample

EXAMPLES = (
    ParserExample(
        'Nov 22 13:45:36 192.0.2.5 id=firewall sn=18B169000001 time="2026-11-22 14:48:07"'
        ' fw=192.0.2.9 pri=1 c=32 m=30 msg="Administrator login denied due to bad credentials"'
        " n=7 src=203.0.113.66:36701:WAN dst=192.0.2.9:50000:WAN",
        {
            "@timestamp": "2026-11-22T13:48:07+00:00",
            "event.category": ["authentication"],
            "event.outcome": "failure",
            "event.code": "30",
            "event.severity": 1,
            "source.ip": "203.0.113.66",
            "source.port": 36701,
            "observer.ip": "192.0.2.9",
            "observer.serial_number": "18B169000001",
        },
        zone="Europe/Berlin",
    ),
    ParserExample(
        '<134>  id=NSA3600 sn=18B169000001 time="2026-11-22 16:10:06 UTC" fw=192.0.2.9 pri=6'
        ' c=1024 gcat=6 m=537 msg="Connection Closed" msg="twice" src=192.0.2.28:56783:X4-V10'
        " srcZone=TEST  natSrc=198.51.100.1:56783 dst=198.51.100.12:53:X6:DC01 dstZone=Trusted"
        ' usr="Unknown (SSO failed)" proto=udp/dns sent=63 rcvd=115 spkt=1 rpkt=1 cdur=30016'
        " appName='General DNS' note=\"Source: 198.51.100.1, 63130, Destination: 198.51.100.12, 53\"",
        {
            "@timestamp": "2026-11-22T16:10:06+00:00",
            "event.type": ["connection", "end"],
            "event.duration": 30_016_000_000,
            "user.name": None,
            "source.bytes": 63,
            "network.bytes": 178,
            "network.transport": "udp",
            "network.protocol": "dns",
            "network.application": "general dns",
            "source.nat.ip": "198.51.100.1",
            "source.nat.port": 63130,
            "destination.domain": "DC01",
            "observer.product": "NSA3600",
            "message": "Connection Closed; twice",
        },
    ),
    ParserExample(
        'id=firewall website-category="Games" sn=18B169000001 time="2026-11-22 10:39:35" note='
        ' fw=192.0.2.9 pri=5 c=64 m=36 msg="TCP connection dropped" n=2686 src=:4507:WAN srcV6=2001:DB8::7'
        " dst=192.0.2.9:445:LAN rule=0",
        {
            "event.type": ["connection", "denied"],
            "event.outcome": "failure",
            "rule.category": "Games",
            "source.ip": "2001:db8::7",
            "source.port": 4507,
            "destination.port": 445,
        },
    ),
    ParserExample(
        'id=sslvpn sn=18B169000002 time="2026-11-22 07:43:15" vp_time="2026-11-22 05:43:15 UTC"'
        ' fw=192.0.2.6 pri=5 m=1 c=1 src=203.0.113.66 dst="vpn.contoso.example"'
        ' user="JO@Contoso.example" usr="JO@Contoso.example" msg="User login successful"'
        ' portal="contoso" domain="contoso" agent="NetExtender for Windows 10.2"',
        {
            "@timestamp": "2026-11-22T05:43:15+00:00",
            "event.category": ["authentication"],
            "event.outcome": "success",
            "user.name": "jo@contoso.example",
            "user.email": "jo@contoso.example",
            "destination.domain": "vpn.contoso.example",
            "observer.type": "vpn",
        },
    ),
    ParserExample(
        "Nov 22 13:45:36 fw-hq CEF:0|SonicWall|TZ 370|7.1.1-7058|97|Syslog Website Accessed|4|"
        "cat=1024 smac=02:00:00:00:00:01 src=192.0.2.28 spt= 60000 deviceInboundInterface=X0"
        " cs1Label=198.51.100.1 snpt=12345 dst=203.0.113.80 dpt=443 deviceOutboundInterface=X1"
        ' susr="jo" proto=tcp/https out=1234 in=4567 cs1="LAN -> WAN" request=www.contoso.example/a'
        ' reason=22 Category-"Games" fw_action="drop" dpi=1',
        {
            "event.outcome": "failure",
            "source.port": 60000,
            "source.bytes": 1234,
            "source.nat.ip": "198.51.100.1",
            "source.mac": "02-00-00-00-00-01",
            "destination.bytes": 4567,
            "url.domain": "www.contoso.example",
            "user.name": "jo",
            "rule.name": "LAN -> WAN",
        },
    ),
    ParserExample(
        'id=firewall sn=18B169000001 time="2026-11-22 14:48:07" fw=192.0.2.9 pri=1 c=16 m=236'
        ' msg="WAN zone administrator login denied due to bad credentials" n=7 usr="admin"'
        " src=203.0.113.66:36701:X1 dst=192.0.2.9:443:X1",
        {
            "event.category": ["authentication"],
            "event.outcome": "failure",
            "event.action": "admin-login",
            "event.reason": "WAN zone administrator login denied due to bad credentials",
            "user.name": "admin",
        },
    ),
    ParserExample(
        'id=firewall sn=18B169000001 time="2026-11-22 14:48:07" fw=192.0.2.9 pri=6 c=16 m=246'
        ' msg="User login from VPN zone allowed" n=7 usr="jo" src=203.0.113.66:36701:X1'
        " dst=192.0.2.9:443:X1",
        {"event.outcome": "success", "event.action": "user-login", "event.reason": None},
    ),
)
