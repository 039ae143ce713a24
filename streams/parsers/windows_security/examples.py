"""Lines as shippers of Windows events write them, and the fields that must come of each."""

from __future__ import annotations

import orjson

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParserExample

_PROVIDER = "Microsoft-Windows-Security-Auditing"
_DATA = {
    "SubjectUserSid": "S-1-0-0",
    "SubjectUserName": "-",
    "SubjectDomainName": "-",
    "TargetUserSid": "S-1-0-0",
    "TargetUserName": "Jo",
    "TargetDomainName": "CONTOSO",
    "Status": "0xc000006d",
    "FailureReason": "%%2313",
    "SubStatus": "0xc000006a",
    "LogonType": "3",
    "WorkstationName": "PC-7",
    "IpAddress": "::ffff:198.51.100.7",
    "IpPort": "49152",
}
_FAILED: dict[str, Value] = {
    "event.category": ["authentication"],
    "event.type": ["start"],
    "event.action": "logon-failed",
    "event.code": "4625",
    "event.outcome": "failure",
    "event.reason": "wrong password",
    "user.name": "jo",
    "user.domain": "contoso",
    "source.ip": "198.51.100.7",
    "source.port": 49152,
    "source.domain": "PC-7",
    "breach.auth.method": "network",
    "host.name": "dc1.contoso.example",
}
_TIMED = _FAILED | {"@timestamp": "2026-11-22T01:06:15+00:00"}


def _build_winlogbeat(code: int, data: dict[str, str], **more: Value) -> str:
    return orjson.dumps(
        {
            "@timestamp": "2026-11-22T01:06:15Z",
            "winlog": {
                "event_id": code,
                "event_data": data,
                "computer_name": "dc1.contoso.example",
                "channel": "Security",
                "provider_name": _PROVIDER,
                **more,
            },
            "event": {"code": code, "kind": "event"},
        }
    ).decode()


_NXLOG = orjson.dumps(
    {
        "EventTime": "2026-11-22 01:06:15",
        "Hostname": "dc1.contoso.example",
        "EventType": "AUDIT_FAILURE",
        "EventID": 4625,
        "SourceName": _PROVIDER,
        "Channel": "Security",
        **_DATA,
    }
).decode()
_XML = (
    '<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System>'
    f"<Provider Name='{_PROVIDER}' Guid='{{54849625-5478-4994-a5ba-3e3b0328c30d}}'/>"
    "<EventID>4625</EventID><Keywords>0x8010000000000000</Keywords>"
    "<TimeCreated SystemTime='2026-11-22T01:06:15.0000000Z'/><Channel>Security</Channel>"
    "<Computer>dc1.contoso.example</Computer></System><EventData>"
    + "".join(f"<Data Name='{name}'>{value}</Data>" for name, value in _DATA.items())
    + "</EventData></Event>"
)
_MESSAGE = (
    "An account failed to log on.\r\n\r\nSubject:\r\n\tSecurity ID:\t\tS-1-0-0\r\n\tAccount Name:\t\t-\r\n"
    "\tAccount Domain:\t\t-\r\n\r\nLogon Type:\t\t\t3\r\n\r\nAccount For Which Logon Failed:\r\n"
    "\tSecurity ID:\t\tS-1-0-0\r\n\tAccount Name:\t\tJo\r\n\tAccount Domain:\t\tCONTOSO\r\n\r\n"
    "Failure Information:\r\n\tFailure Reason:\t\tUnknown user name or bad password.\r\n"
    "\tStatus:\t\t\t0xC000006D\r\n\tSub Status:\t\t0xC000006A\r\n\r\nNetwork Information:\r\n"
    "\tWorkstation Name:\tPC-7\r\n\tSource Network Address:\t198.51.100.7\r\n\tSource Port:\t\t49152\r\n"
)
_FLAT = " ".join(_MESSAGE.split())
_GET_WINEVENT = orjson.dumps(
    {
        "Id": 4625,
        "ProviderName": _PROVIDER,
        "LogName": "Security",
        "MachineName": "dc1.contoso.example",
        "TimeCreated": "/Date(1795309575000)/",
        "KeywordsDisplayNames": ["Audit Failure"],
        "Message": _MESSAGE,
    }
).decode()

EXAMPLES = (
    ParserExample(_build_winlogbeat(4625, _DATA), _TIMED),
    ParserExample(_NXLOG, _TIMED),
    ParserExample(_XML, _TIMED),
    ParserExample(_GET_WINEVENT, _TIMED),
    ParserExample(
        "<13>Nov 22 01:06:15 dc1.contoso.example MSWinEventLog\t1\tSecurity\t77\tSun Nov 22 01:06:15 2026\t4625\t"
        f"{_PROVIDER}\tCONTOSO\\Jo\tN/A\tFailure Audit\tdc1.contoso.example\tLogon\t\t{_FLAT}\t12",
        _TIMED,
    ),
    ParserExample(
        "dc1.contoso.example\tMSWinEventLog\t1\tSecurity\t77\tSun Nov 22 01:06:15.250\t4625\t"
        f"{_PROVIDER}\tN/A\tN/A\tAUDIT_FAILURE\tdc1.contoso.example\tLogon\t\t{_FLAT}\t12",
        _FAILED,
    ),
    ParserExample(
        "<13>Nov 22 09:00:00 192.0.2.5 AgentDevice=WindowsLog AgentLogFile=Security"
        f" Source={_PROVIDER} Computer=dc1.contoso.example OriginatingComputer=192.0.2.5 User= Domain="
        " EventID=4625 EventIDCode=4625 EventType=16 TimeGenerated=1795309575 TimeWritten=1795309575"
        f" Keywords=Audit Failure Opcode=Info Message={_FLAT}",
        _TIMED | {"host.name": "dc1.contoso.example"},
    ),
    ParserExample(
        '{"TimeCreated":"2026-11-22T01:06:15Z","EventID":4625,"IpAddress":"203.0.113.66","Computer":"dc1"}',
        {"event.outcome": "failure", "source.ip": "203.0.113.66", "host.name": "dc1"},
    ),
    ParserExample(
        f"Nov 22 01:06:15 dc1.contoso.example {_PROVIDER}: 4625: AUDIT_FAILURE {_FLAT}", _FAILED
    ),
    ParserExample(
        f"2026 Nov 22 01:06:15 WinEvtLog: Security: AUDIT_FAILURE(4625): {_PROVIDER}: (no user): no domain: "
        f"dc1.contoso.example: {_FLAT}",
        _FAILED,
    ),
    ParserExample(
        _build_winlogbeat(
            4625,
            _DATA | {"TargetUserName": "x Source Network Address: 192.0.2.66", "IpAddress": "-"},
        ),
        {"user.name": "x source network address: 192.0.2.66", "source.ip": None},
    ),
    ParserExample(
        _build_winlogbeat(
            4624,
            _DATA | {"LogonType": "10", "IpAddress": "2001:db8::7", "TargetUserSid": "S-1-5-21-7"},
        ),
        {
            "event.outcome": "success",
            "event.action": "logged-in",
            "source.ip": "2001:db8::7",
            "user.id": "S-1-5-21-7",
            "breach.auth.method": "remoteinteractive",
        },
    ),
    ParserExample(
        _build_winlogbeat(
            4771, {"TargetUserName": "Jo", "Status": "0x18", "IpAddress": "::1", "IpPort": "0"}
        ),
        {
            "event.outcome": "failure",
            "event.reason": "wrong password",
            "source.ip": "::1",
            "source.port": None,
        },
    ),
    ParserExample(
        _build_winlogbeat(
            4776, {"TargetUserName": "Jo", "Workstation": "PC-7", "Status": "0xc0000234"}
        ),
        {
            "event.outcome": "failure",
            "event.reason": "account locked out",
            "user.name": "jo",
            "source.domain": "PC-7",
        },
    ),
    ParserExample(
        _build_winlogbeat(
            4740,
            {
                "TargetUserName": "Jo",
                "TargetDomainName": "PC-7",
                "SubjectUserName": "DC1$",
                "SubjectDomainName": "CONTOSO",
            },
            keywords=["Audit Success"],
        ),
        {
            "event.category": ["iam"],
            "event.outcome": "success",
            "user.name": "dc1$",
            "user.target.name": "jo",
            "source.domain": "PC-7",
        },
    ),
    ParserExample(
        '{"channel":"Security","computer":"DC1.contoso.example","event_id":{"id":4625,"qualifiers":0},'
        '"system_time":"2026-11-22T01:06:14.1234567Z","record_id":7,"level":"Information",'
        '"provider":{"guid":"{5}","name":"Microsoft-Windows-Security-Auditing"},'
        '"keywords":["Audit Failure"],"event_data":{"data":[{"TargetUserName":"Jo"},'
        '{"TargetDomainName":"CONTOSO"},{"Status":"0xc000006d"},{"SubStatus":"0xc000006a"},'
        '{"LogonType":"3"},{"IpAddress":"2001:db8::7"},{"IpPort":"40022"}]}}',
        {
            "@timestamp": "2026-11-22T01:06:14.123456+00:00",
            "event.outcome": "failure",
            "user.name": "jo",
            "source.ip": "2001:db8::7",
            "source.port": 40022,
            "host.name": "DC1.contoso.example",
        },
    ),
)
