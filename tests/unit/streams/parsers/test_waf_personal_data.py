"""What a web application firewall writes of bodies, cookies and matches reaches no event and no error."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.settings import SourceSettings
from streams.normalise.recognise import FormatRecogniser

PERSON = "jo.secret@contoso.example"
CARD = "4111111111111111"
MATCH = (
    'Warning. Pattern match "x" at ARGS:email. [file "/x"] [line "1"] [id "942100"]'
    f' [msg "SQL Injection"] [data "Matched Data: {CARD} found within ARGS:email: {PERSON}"]'
    ' [severity "CRITICAL"] [tag "attack-sqli"]'
)
THIRD = json.dumps(
    {
        "transaction": {
            "client_ip": "203.0.113.66",
            "time_stamp": "Sun Nov 22 01:06:15 2026",
            "unique_id": "1234567890.1",
            "request": {
                "method": "POST",
                "uri": "/form",
                "body": f"email={PERSON}&card={CARD}",
                "headers": {"Host": "www.contoso.example", "Cookie": PERSON, "Authorization": CARD},
            },
            "response": {"body": PERSON, "http_code": 403, "headers": {"Set-Cookie": PERSON}},
            "messages": [
                {
                    "message": "SQL Injection Attack Detected via libinjection",
                    "details": {"match": PERSON, "ruleId": "942100", "data": CARD},
                }
            ],
        }
    }
)
SECOND = json.dumps(
    {
        "transaction": {
            "time": "22/Nov/2026:01:06:15 +0000",
            "transaction_id": "Yospoq1AV2oonr8Z9ZoDTgAAAEU",
            "remote_address": "203.0.113.66",
        },
        "request": {
            "request_line": "POST /form HTTP/1.1",
            "headers": {"Cookie": PERSON},
            "body": [f"email={PERSON}"],
        },
        "response": {"status": 403, "body": PERSON},
        "audit_data": {
            "messages": [MATCH],
            "action": {"intercepted": True, "phase": 2, "message": f"Pattern match {PERSON}"},
        },
    }
)
NATIVE = (
    "--a1b2c3d4-A--\n[22/Nov/2026:01:06:15 +0000] Yospoq1AV2oonr8Z9ZoDTgAAAEU 203.0.113.66 1"
    " 192.0.2.4 80\n--a1b2c3d4-B--\nPOST /form HTTP/1.1\nHost: h\n"
    f"Cookie: {PERSON}\n\n--a1b2c3d4-C--\nemail={PERSON}\n--a1b2c3d4-F--\nHTTP/1.1 403 Forbidden\n\n"
    f"--a1b2c3d4-E--\n{PERSON}\n--a1b2c3d4-H--\nMessage: {MATCH}\nAction: Intercepted (phase 2)\n"
    "--a1b2c3d4-Z--\n"
)
APACHE = (
    "[Sun Nov 22 01:06:15.1 2026] [:error] [pid 1] [client 203.0.113.66] ModSecurity: "
    f'{MATCH} [hostname "h"] [uri "/form"] [unique_id "Yospoq1AV2oonr8Z9ZoDTgAAAEU"]'
)
NGINX = (
    "2026/11/22 01:06:15 [error] 7#7: *3 [client 203.0.113.66] ModSecurity: Access denied with code"
    ' 403 (phase 2). Matched "Operator" with parameter "5" against variable "TX:x" (Value:'
    f' `{PERSON}\' ) [file "/x"] [line "1"] [id "949110"] [msg "Inbound Anomaly Score Exceeded"]'
    f' [data "{CARD}"] [hostname "h"] [uri "/form"] [unique_id "1234567890.1"] [ref ""], client:'
    ' 203.0.113.66, server: h, request: "POST /form HTTP/1.1", host: "h"'
)
AWS = json.dumps(
    {
        "timestamp": 1795309575771,
        "formatVersion": 1,
        "webaclId": "arn:aws:wafv2:eu-west-2:1:regional/webacl/a/1",
        "terminatingRuleId": "sqli",
        "terminatingRuleType": "REGULAR",
        "action": "BLOCK",
        "terminatingRuleMatchDetails": [
            {"conditionType": "SQL_INJECTION", "location": "BODY", "matchedData": [PERSON, CARD]}
        ],
        "httpRequest": {
            "clientIp": "203.0.113.66",
            "headers": [
                {"name": "Cookie", "value": PERSON},
                {"name": "Authorization", "value": CARD},
            ],
            "uri": "/form",
            "args": "",
            "httpVersion": "HTTP/1.1",
            "httpMethod": "POST",
        },
    }
)
BIG_IP = (
    'ASM:unit_hostname="waf",violations="Attack signature detected",request_status="blocked",'
    'ip_client="203.0.113.66",method="POST",sig_ids="200002147",attack_type="SQL-Injection",'
    f'uri="/form",request="POST /form HTTP/1.1\\r\\nCookie: {CARD}\\r\\n\\r\\nemail={PERSON}"'
)
RECORDS = {
    "third": THIRD, "second": SECOND, "native": NATIVE, "apache": APACHE, "nginx": NGINX, "aws": AWS,
    "big-ip": BIG_IP,
}  # fmt: skip
SOURCE = SourceSettings(name="waf", zone="UTC")


def read(text: str) -> object:
    """An event, or the error."""
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    record = RawRecord(RecordPosition("j", 1), "waf", text.encode(), now)
    return FormatRecogniser().read_or_refuse(record, SOURCE)


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_keeps_its_rule_and_loses_the_person(name: str) -> None:
    outcome = read(RECORDS[name])

    assert isinstance(outcome, tuple), outcome
    _, parsed = outcome
    assert parsed.fields["source.ip"] == "203.0.113.66"
    assert parsed.fields["rule.id"]
    assert PERSON not in str(parsed)
    assert CARD not in str(parsed)


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_that_was_cut_names_no_person(name: str) -> None:
    record = RECORDS[name]

    for end in range(20, len(record), 29):
        outcome = str(read(record[:end]))
        assert PERSON not in outcome
        assert CARD not in outcome
