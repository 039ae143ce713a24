"""Show logs of PAN-OS in each shape, and what is read from them."""

from __future__ import annotations

from schemas.pipeline.plugin import ParserExample

_FLOW = (
    "192.0.2.10,203.0.113.80,198.51.100.2,203.0.113.80,out-web,contoso\\jo,,web-browsing,vsys1,trust,"
    "untrust,ethernet1/2,ethernet1/1,fwd,2026/11/22 09:11:57,25149,1,50112,80,41007,80,0x200000,tcp"
)
EXAMPLES = (
    ParserExample(
        f"Nov 22 09:11:58 1,2026/11/22 09:11:58,0011C100001,TRAFFIC,end,2561,2026/11/22 09:11:56,{_FLOW},"
        "allow,1500,500,1000,12,2026/11/22 09:11:26,30,any,0,77,0x0,192.0.2.0-192.0.2.255,"
        "United States,0,5,7,tcp-fin,0,0,0,0,,PA-HQ,from-policy",
        {
            "@timestamp": "2026-11-22T09:11:56+00:00",
            "event.type": ["connection", "end", "allowed"],
            "event.outcome": "success",
            "event.duration": 30_000_000_000,
            "event.reason": "tcp-fin",
            "source.ip": "192.0.2.10",
            "source.bytes": 500,
            "source.nat.port": 41007,
            "destination.bytes": 1000,
            "destination.packets": 7,
            "network.bytes": 1500,
            "rule.name": "out-web",
            "user.name": "jo",
            "user.domain": "contoso",
            "host.name": "PA-HQ",
        },
    ),
    ParserExample(
        "<14>1 2026-11-22T09:12:01Z PA-HQ - - - - 1,2026/11/22 09:12:01,0011C100001,THREAT,url,2561,"
        f'2026/11/22 09:12:00,{_FLOW},block-url,"bad.example/a?x=1,2",(9999),malware,informational,'
        "client-to-server,78,0x0,192.0.2.0-192.0.2.255,United States,0,text/html,0,,,1,"
        '"curl/8, 192.0.2.99",,,,,,,0,0,0,0,0,,PA-HQ,,,,get',
        {
            "event.category": ["network", "web"],
            "event.type": ["denied"],
            "event.outcome": "failure",
            "url.original": "bad.example/a?x=1,2",
            "url.domain": "bad.example",
            "rule.category": "malware",
            "user_agent.original": "curl/8, 192.0.2.99",
            "http.request.method": "GET",
        },
    ),
    ParserExample(
        "1,2026/11/22 09:13:04,0011C100001,SYSTEM,auth,2561,2026/11/22 09:13:04,,auth-fail,corp,0,0,"
        "general,medium,\"failed authentication for user 'eve'. Reason: Invalid username/password."
        " auth profile 'corp', vsys 'vsys1', server profile 's', server address '192.0.2.53', auth"
        " protocol 'PAP', From: 2001:db8::66.\",79,0x0,0,0,0,0,,PA-HQ,0,0,"
        "2026-11-22T10:13:04.851+01:00",
        {
            "@timestamp": "2026-11-22T09:13:04.851000+00:00",
            "event.category": ["authentication"],
            "event.outcome": "failure",
            "event.reason": "Invalid username/password",
            "source.ip": "2001:db8::66",
            "destination.ip": "192.0.2.53",
            "user.name": "eve",
        },
    ),
    ParserExample(
        "1,2026/11/22 09:14:42,0011C100001,GLOBALPROTECT,0,2561,2026/11/22 09:14:42,vsys1,gateway-auth,"
        "login,LDAP,,contoso\\eve,GB,PC-7,203.0.113.66,0.0.0.0,0.0.0.0,0.0.0.0,id,SN,6.2.1,Windows,"
        '"Windows 11 Pro, 64-bit",1,,Invalid password,,failure,,0,user-logon,0,GP-GW,80,0x0',
        {
            "event.category": ["authentication", "session"],
            "event.outcome": "failure",
            "event.reason": "Invalid password",
            "source.ip": "203.0.113.66",
            "user.name": "eve",
        },
    ),
    ParserExample(
        "Nov 22 09:15:00 PA-HQ CEF:0|Palo Alto Networks|PAN-OS|11.1.0|drop|TRAFFIC|1|rt=Nov 22 2026"
        " 09:15:00 GMT deviceExternalId=0011C100001 src=198.51.100.77 dst=192.0.2.10"
        " sourceTranslatedAddress=0.0.0.0 cs1Label=Rule cs1=deny-all suser= app=not-applicable"
        " cs4Label=Source Zone cs4=untrust cs5Label=Destination Zone cs5=trust spt=40112 dpt=3389"
        " proto=tcp act=deny in=60 out=0 dvchost=PA-HQ",
        {
            "event.type": ["connection", "denied"],
            "event.outcome": "failure",
            "source.ip": "198.51.100.77",
            "source.bytes": 60,
            "destination.port": 3389,
            "rule.name": "deny-all",
            "observer.ingress.zone": "untrust",
        },
    ),
    ParserExample(
        '{"LogType": "GLOBALPROTECT", "Subtype": "globalprotect", "EventIDValue": "portal-auth",'
        ' "Stage": "login", "EventStatus": "success", "SourceUserName": "jo@contoso.example",'
        ' "PublicIPv4": "203.0.113.9", "PublicIPv6": "", "AuthMethod": "SAML", "DeviceName": "PA-HQ",'
        ' "TimeGenerated": "2026-11-22T09:16:00.000000Z"}',
        {
            "@timestamp": "2026-11-22T09:16:00+00:00",
            "event.category": ["authentication", "session"],
            "event.outcome": "success",
            "source.ip": "203.0.113.9",
            "user.email": "jo@contoso.example",
        },
    ),
    ParserExample(
        "1,2026/11/22 09:17:39,0011C100001,CONFIG,0,2561,2026/11/22 09:17:39,192.0.2.5,,set,jo,Web,"
        "Succeeded, config shared users,81,0x0,0,0,0,0,,PA-HQ",
        {
            "event.category": ["configuration"],
            "event.action": "set",
            "event.outcome": "success",
            "source.ip": "192.0.2.5",
            "user.name": "jo",
        },
    ),
    ParserExample(
        "1,2026/11/22 09:18:00,0011C100001,AUTH,Unknown,2817,2026/11/22 09:18:00,vsys1,203.0.113.66,"
        ",eve,Portal,Portal,1,81,,Forward,,No answer,Authentication Portal,Authentication Timeout,1",
        {
            "event.category": ["authentication"],
            "event.outcome": "failure",
            "source.ip": "203.0.113.66",
            "user.name": "eve",
        },
    ),
    ParserExample(
        "1,2026/11/22 09:19:00,0011C100001,TRAFFIC,end,2305,2026/11/22 09:19:00,192.0.2.10,"
        "203.0.113.80,0.0.0.0,0.0.0.0,Out,contoso\\jo,web-browsing,vsys1,LAN,WAN,ae1,ae2,Forward,"
        "2026/11/22 09:19:00,81,1,51413,443,0,0,0x40,tcp,allow,2346,1974,372,9",
        {
            "event.type": ["connection", "end", "allowed"],
            "source.port": 51413,
            "source.bytes": 1974,
            "destination.port": 443,
            "network.application": "web-browsing",
            "network.transport": "tcp",
            "user.name": "jo",
        },
    ),
    ParserExample(
        "1,2026/11/22 09:20:00,0011C100001,GLOBALPROTECT,0,2562,2026/11/22 09:20:00,vsys1,"
        "gateway-connected,connected,,SSLVPN,jo,NL,pc-jo,203.0.113.9,0.0.0.0,10.0.0.9,0.0.0.0,h1,s1,"
        '6.0.4,Windows,\\"Microsoft Windows 10 , 64-bit\\",1,,,,success,,0,,0,GW,1,0x0',
        {"event.outcome": "success", "source.ip": "203.0.113.9", "user.name": "jo"},
    ),
)
