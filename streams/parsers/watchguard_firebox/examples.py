"""Lines of a WatchGuard Firebox, and what must come of each."""

from __future__ import annotations

from schemas.pipeline.plugin import ParserExample

EXAMPLES = (
    ParserExample(
        "2026-11-22T09:14:07+00:00 fb-a FVE6035FD3AE3 fb-cluster firewall:"
        ' msg_id="3000-0148" Deny WAN - Main Firebox 40 tcp 20 239 203.0.113.66 192.0.2.1 41277 591'
        ' offset 5 S 1497867397 win 4  geo_src="BGR" sent_bytes="40" rcvd_bytes="0"  (Unhandled'
        " External Packet-00)",
        {
            "event.outcome": "failure",
            "source.ip": "203.0.113.66",
            "destination.port": 591,
            "source.bytes": 40,
            "observer.serial_number": "FVE6035FD3AE3",
        },
    ),
    ParserExample(
        "<142>Nov 22 09:14:07 fb-hq FVE6035FD3AE3 (2026-11-22T09:14:05) firewall[10]:"
        ' msg_id="3000-0148" Deny 0-External Firebox 52 tcp 20 127 198.51.100.77 192.0.2.1'
        " 62443 3389 offset 8 S 832026162 win 8192 blocked sites (Internal Policy)",
        {
            "@timestamp": "2026-11-22T09:14:05+00:00",
            "event.type": ["connection", "denied"],
            "event.outcome": "failure",
            "event.reason": "blocked sites",
            "source.ip": "198.51.100.77",
            "destination.port": 3389,
            "observer.ingress.interface.name": "0-External",
            "rule.name": "Internal Policy",
            "host.name": "fb-hq",
        },
    ),
    ParserExample(
        'Nov 22 09:15:00 fb-hq (2026-11-22T09:15:00) http-proxy[4]: msg_id="1AFF-0024" Allow'
        ' 1-Trusted 0-External tcp 2001:db8::10 2001:db8:1::80 64425 80 msg="HTTP request"'
        ' proxy_act="HTTP-Client.1" op="GET" dstname="web.example" arg="/a?b=1"'
        ' sent_bytes="339" rcvd_bytes="2000" elapsed_time="5.037750 sec(s)"'
        ' src_user="CONTOSO\\jo" (HTTP-proxy-00)',
        {
            "event.type": ["connection", "allowed"],
            "event.duration": 5_037_750_000,
            "source.ip": "2001:db8::10",
            "source.bytes": 339,
            "url.domain": "web.example",
            "url.path": "/a",
            "user.name": "jo",
            "user.domain": "CONTOSO",
        },
    ),
    ParserExample(
        'Nov 22 09:16:00 fb-hq FVE6035FD3AE3 (2026-11-22T09:16:00) admd[2]: msg_id="1100-0005"'
        " Authentication of Firewall user [eve@Firebox-DB] from 203.0.113.66 was rejected, user"
        " doesn't exist",
        {
            "event.category": ["authentication"],
            "event.outcome": "failure",
            "source.ip": "203.0.113.66",
            "user.name": "eve",
            "user.domain": "Firebox-DB",
        },
    ),
    ParserExample(
        "Nov 22 09:17:00 fb-hq FVE6035FD3AE3 (2026-11-22T09:17:00) sessiond[2]:"
        ' msg_id="3E00-0002" Management user admin@Firebox-DB from 192.0.2.5 logged in',
        {"event.outcome": "success", "event.action": "login", "user.name": "admin"},
    ),
    ParserExample(
        'Nov 22 09:18:00 fb-hq FVE6035FD3AE3 (2026-11-22T09:18:00) firewall: msg_id="3000-0153"'
        " SYN flood attack against 192.0.2.1 from 198.51.100.77 detected. 500 SYN packets"
        " dropped since last alarm. (IPS)",
        {
            "event.category": ["network", "intrusion_detection"],
            "source.ip": "198.51.100.77",
            "destination.ip": "192.0.2.1",
        },
    ),
    ParserExample(
        "Nov 22 09:19:00 192.0.2.1 LEEF:1.0|WatchGuard|XTM|12.8.2.B666661|30000151|"
        "host_name=fb-hq\tserial=X1\tpolicy=Outgoing-00\tdisp=Allow\tin_if=LAN\tout_if=WAN\t"
        "src=192.0.2.10\tsrcPort=31232\tsrcPostNAT=198.51.100.1\tdst=203.0.113.80\tdstPort=443\t"
        "proto=tcp\tsrc_user=jo@Firebox-DB\tduration=42 seconds\tsent_bytes=218\trcvd_bytes=204\t",
        {
            "event.type": ["connection", "allowed"],
            "event.duration": 42_000_000_000,
            "source.port": 31232,
            "source.bytes": 218,
            "source.nat.ip": "198.51.100.1",
            "rule.name": "Outgoing-00",
            "host.name": "fb-hq",
        },
    ),
    ParserExample(
        "<140>Nov 22 09:20:00 192.0.2.1 1.0|WatchGuard|XTM|12.10.2.B692269|11000005|host_name=fb-hq"
        "#011serial=X1#011msg=Authentication of SSLVPN user [jo@contoso.example@radius] from"
        " 203.0.113.66 was rejected, Recv timeout",
        {
            "event.category": ["authentication"],
            "event.outcome": "failure",
            "source.ip": "203.0.113.66",
            "user.email": "jo@contoso.example",
        },
    ),
    ParserExample(
        "Nov 22 09:21:00 192.0.2.1 LEEF:1.0|WatchGuard|XTM|12.8.2.B666661|1AFF0021|sys_name=fb-hq"
        " devTime=Nov 22 2026 10:20:59 +0100 policy=Web Out-00 disp=Deny in_if=LAN 1 out_if=WAN"
        " src=192.0.2.10 srcPort=54803 dst=203.0.113.80 dstPort=443 proto=tcp op=GET"
        " dstname=games.example arg=/a msg=ProxyDeny: HTTP Request categories",
        {
            "@timestamp": "2026-11-22T09:20:59+00:00",
            "event.type": ["connection", "denied"],
            "event.reason": "ProxyDeny: HTTP Request categories",
            "source.port": 54803,
            "observer.ingress.interface.name": "LAN 1",
            "rule.ruleset": "Web Out-00",
            "url.domain": "games.example",
            "host.name": "fb-hq",
        },
    ),
    ParserExample(
        'Nov 22 09:22:00 fb-hq FVE6035FD3AE3 (2026-11-22T09:22:00) admd[2]: msg_id="1100-000D"'
        " Authentication of user [jo@contoso.example] failed. Both servers are unavailable.",
        {
            "event.category": ["authentication"],
            "event.outcome": "failure",
            "event.reason": "Both servers are unavailable",
            "user.email": "jo@contoso.example",
        },
    ),
    ParserExample(
        'Nov 22 09:23:00 fb-hq FVE6035FD3AE3 (2026-11-22T09:23:00) admd[2]: msg_id="1100-0007"'
        " User eve is locked out briefly after 3 login failures",
        {"event.category": ["iam"], "event.action": "user-locked", "user.name": "eve"},
    ),
)
