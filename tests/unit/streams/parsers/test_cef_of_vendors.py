"""CEF and LEEF as vendors write it besides the specification."""

from __future__ import annotations

import pytest
from parsing import parse

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent
from streams.parsers import generic_cef, generic_leef

HEAD = "CEF:0|Portcullis|Gate|2.1|"


def read(text: str) -> dict[str, Value]:
    parser = generic_leef.PARSER if text.startswith("LEEF") else generic_cef.PARSER
    event = parse(parser, text)
    assert isinstance(event, ParsedEvent)
    return event.fields


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            HEAD + "7|Authentication|3|duser=jo src=203.0.113.66 cs4=REJECT cs4Label=Login Status",
            {"event.outcome": "failure", "user.name": "jo"},
        ),
        (
            HEAD + "7|User sign-in|3|cs1Label=src cs1=203.0.113.66 cs5Label=username cs5=Jo",
            {"source.ip": "203.0.113.66", "user.name": "jo"},
        ),
        (
            HEAD + "7|User sign-in|3|username=jo src=203.0.113.66",
            {"user.name": "jo", "user.target.name": None},
        ),
        (
            HEAD + "7|host is compliant|1|duser=jo dntdom=contoso.example dst=192.0.2.9",
            {"user.name": "jo", "user.domain": "contoso.example"},
        ),
        (
            (
                HEAD
                + "7|Web|3|act=Blocked outcome=403 request=https://shop.example/a src=203.0.113.66"
            ),
            {"http.response.status_code": 403, "event.outcome": "failure"},
        ),
        (
            (
                HEAD
                + "7|Web|3|act=Isolate request=https://shop.example/a cn2=200 cn2Label=Status Code"
            ),
            {"http.response.status_code": 200, "event.category": ["web"]},
        ),
        (
            (
                HEAD
                + "7|Upload|8|fileSize=1834 fname=list.csv cs1Label=Policy cs1=PII cs2Label=Action"
                " cs2=Blocked"
            ),
            {"file.size": 1834, "rule.ruleset": "PII", "event.outcome": "failure"},
        ),
        (
            (
                HEAD
                + "x.quarantined|Manual Scanning event|4|act=quarantined cs2=W32/Test cs2Label=Malware"
            ),
            {"event.category": ["malware"], "event.outcome": "failure"},
        ),
        (
            HEAD + "7|Login Failed|5|src=203.0.113.66 dst=192.0.2.9",
            {"event.category": ["authentication"], "event.outcome": "failure"},
        ),
        (
            HEAD + "7|update_rule|1|duser=jo fileName=a.gif fileHash=" + "a" * 64,
            {
                "event.category": ["configuration"],
                "file.name": "a.gif",
                "file.hash.sha256": "a" * 64,
            },
        ),
        (
            (
                "LEEF:1.0|Portcullis|Gate|2.1|authFail|src=203.0.113.66\tspt=40022\tdpt=443\tuser=jo"
                "\tseverity=8"
            ),
            {
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "user.name": "jo",
                "source.port": 40022,
                "destination.port": 443,
                "event.severity": 8,
            },
        ),
        (
            HEAD + "SSO|SSO|0|duid=Jo src=203.0.113.66 msg=success",
            {
                "event.category": ["authentication"],
                "event.outcome": "success",
                "user.name": "jo",
            },
        ),
        (HEAD + "7|Visit|0|duid=S-1-5-21-7 src=203.0.113.66", {"user.name": None}),
        (
            HEAD + "1|authentication|4|login=Jo result=success",
            {"event.outcome": "success", "user.name": "jo"},
        ),
        (HEAD + "ACCEPT|User Login|3|suser=jo", {"event.outcome": "success"}),
        (
            (
                "CEF:0|sophos|sophos central|1.0|Event::Endpoint::Threat::Detected|ML/PE-A|8|"
                "source_info_ip=192.0.2.9 dhost=pc7 suser=CONTOSO\\\\Jo"
            ),
            {"event.category": ["malware"], "source.ip": "192.0.2.9", "host.name": "pc7"},
        ),
        (
            "CEF:0|Fortinet|Other|7|x|Blocked Web Page|6|src=192.0.2.9 request=/a act=blocked",
            {"event.category": ["web"], "event.outcome": "failure"},
        ),
        (
            "CEF:0|Zscaler|NSSWeblog|5.0|Allowed|x|3|act=Allowed src=192.0.2.9 in=20 out=5000",
            {"source.bytes": 5000, "destination.bytes": 20},
        ),
        (
            (
                "LEEF:1.0|Portcullis|Gate|2.1|visit|src=203.0.113.66\tdbUser=jo\tmethod=post"
                "\turl=https://files.example/a\tpolicyName=Staff\tproxyStatus-code=403"
            ),
            {
                "event.category": ["web"],
                "user.name": "jo",
                "http.request.method": "POST",
                "http.response.status_code": 403,
                "rule.name": "Staff",
            },
        ),
    ],
)
def test_what_a_vendor_writes_in_its_own_way_is_read(text: str, expected: dict[str, Value]) -> None:
    fields = read(text)
    assert {name: fields.get(name) for name in expected} == expected
