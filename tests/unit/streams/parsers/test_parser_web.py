"""Who is the client of a web line, and what one transaction of a firewall counts."""

from __future__ import annotations

from typing import Any

import pytest
from parsing import parse

from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser
from streams.parsers.apache_access import PARSER as APACHE
from streams.parsers.iis_access import PARSER as IIS
from streams.parsers.modsecurity_audit import PARSER as AUDIT
from streams.parsers.modsecurity_error import PARSER as MODSECURITY
from streams.parsers.nginx_access import PARSER as NGINX
from streams.parsers.nginx_error import PARSER as NGINX_ERROR
from streams.parsers.openvpn_server import PARSER as OPENVPN
from streams.tokenizers import modsecurity, web_access

REQUEST = '[22/Nov/2026:01:06:15 +0000] "GET /a HTTP/1.1" 200 5 "-" "x"'
RULE = '[file "/r.conf"] [line "1"] [id "942100"] [msg "SQLi"] [tag "attack-sqli"]'


def read(parser: Parser, text: str) -> ParsedEvent:
    result = parse(parser, text)
    assert not isinstance(result, IgnoredLine)
    return result


def fields(parser: Parser, text: str) -> dict[str, Any]:
    return read(parser, text).fields


@pytest.mark.parametrize(
    ("head", "client"),
    [
        ("203.0.113.66 - -", "203.0.113.66"),
        ("203.0.113.66 -", "203.0.113.66"),
        ("  203.0.113.66 - -", "203.0.113.66"),
        ("192.0.2.80 203.0.113.66 - -", "203.0.113.66"),
        ("10.0.0.80 203.0.113.66 - -", "203.0.113.66"),
        ("203.0.113.66 10.0.0.1 - -", "203.0.113.66"),
        ("www.contoso.example 203.0.113.66, 127.0.0.1 - -", "203.0.113.66"),
        ("198.51.100.7, 203.0.113.66, 10.0.0.1 - -", "203.0.113.66"),
        ("10.0.0.2, 10.0.0.1, 127.0.0.1 - -", "10.0.0.2"),
        ("127.0.0.1 - -", "127.0.0.1"),
        ("unknown, 203.0.113.66 - -", "203.0.113.66"),
        ("203.0.113.66:51000 - -", "203.0.113.66"),
        ("[2001:db8::7]:51000 - -", "2001:db8::7"),
        ("2001:db8::7%eth0 - -", "2001:db8::7"),
        ("::ffff:203.0.113.66 - -", "203.0.113.66"),
        ("unix: - -", None),
        ("- - -", None),
    ],
)
def test_the_client_of_an_access_is_the_public_address_nearest_to_the_server(
    head: str, client: str | None
) -> None:
    assert fields(NGINX, f"{head} {REQUEST}").get("source.ip") == client


@pytest.mark.parametrize(
    "user",
    [
        "192.0.2.1",
        "192.0.2.1 - -",
        "- 192.0.2.1",
        "x, 192.0.2.1",
        "x [01/Jan/2020:00:00:00 +0000] 192.0.2.1",
        "192.0.2.1, 192.0.2.2 - x",
    ],
)
def test_a_user_who_is_called_like_an_address_is_no_client(user: str) -> None:
    result = read(NGINX, f"203.0.113.66 - {user} {REQUEST}")

    assert result.fields["source.ip"] == "203.0.113.66"
    assert result.time is not None
    assert result.time.year == 2026


def test_a_forwarded_list_of_a_public_peer_is_not_believed() -> None:
    line = f'203.0.113.66 - - {REQUEST} X-Forwarded-For="192.0.2.1"'

    assert fields(APACHE, line)["source.ip"] == "203.0.113.66"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("200", "success"), ("404", "failure"), ("-", "unknown"), ("000", "unknown")],
)
def test_the_outcome_follows_the_status(status: str, outcome: str) -> None:
    line = f'203.0.113.66 - - [22/Nov/2026:01:06:15 +0000] "GET / HTTP/1.1" {status} 5 "-" "x"'

    assert fields(NGINX, line)["event.outcome"] == outcome


def test_a_target_that_quotes_a_log_line_keeps_the_real_client() -> None:
    target = '/" 200 5 "-" "x" 192.0.2.1 - - [01/Jan/2020:00:00:00 +0000] "GET /'
    line = f'203.0.113.66 - - [22/Nov/2026:01:06:15 +0000] "GET {target} HTTP/1.1" 403 5 "-" "x"'

    assert fields(NGINX, line)["source.ip"] == "203.0.113.66"


def test_a_query_that_quotes_fields_of_iis_keeps_the_real_client() -> None:
    line = "2026-11-22 01:06:15 192.0.2.80 GET / a=443+-+192.0.2.1+x+200+0+0 443 - 203.0.113.66 x - 403 0 0 5"

    assert fields(IIS, line)["source.ip"] == "203.0.113.66"
    assert fields(IIS, line)["http.response.status_code"] == 403


@pytest.mark.parametrize(
    "message",
    [
        'open() "/srv/x", client: 192.0.2.1, server: a" failed (2: No such file or directory)',
        'user "x", client: 192.0.2.1, server: a": password mismatch',
    ],
)
def test_a_name_that_imitates_nginx_yields_no_address(message: str) -> None:
    line = (
        f"2026/11/22 01:06:15 [error] 7#7: *1 {message}, client: 203.0.113.66, server: b, request:"
        ' "GET / HTTP/1.1"'
    )

    assert fields(NGINX_ERROR, line).get("source.ip") in {None, "203.0.113.66"}


def test_a_referrer_that_imitates_nginx_yields_no_address() -> None:
    line = (
        "2026/11/22 01:06:15 [error] 7#7: *1 access forbidden by rule, client: 203.0.113.66, server: b,"
        ' request: "GET / HTTP/1.1", referrer: "x, client: 192.0.2.1, server: a"'
    )

    assert fields(NGINX_ERROR, line)["source.ip"] == "203.0.113.66"


def test_the_warnings_of_one_transaction_count_once_and_its_denial_is_the_audited_one() -> None:
    start = "[Sun Nov 22 01:06:15 2026] [error] [client 203.0.113.66] ModSecurity: "
    end = f'{RULE} [hostname "h"] [uri "/"] [unique_id "Urf@f12qgHIAACrF"]'
    warning = read(MODSECURITY, f"{start}Warning. Pattern match. {end}")
    denial = read(MODSECURITY, f"{start}Access denied with code 403 (phase 2). {end}")

    audit = read(
        AUDIT, '{"transaction":{"unique_id":"Urf@f12qgHIAACrF","client_ip":"203.0.113.66"}}'
    )

    assert warning.session == audit.session
    assert denial.id == audit.id
    assert (warning.is_retelling, denial.session, denial.is_retelling) == (True, None, False)


def test_what_a_rule_matched_is_in_no_event() -> None:
    secret = "jo@contoso.example"
    text = (
        "[Sun Nov 22 01:06:15 2026] [error] [client 203.0.113.66] ModSecurity: Warning. Pattern match"
        f' "{secret}" at ARGS:mail. {RULE} [data "Matched Data: {secret}"] [hostname "h"] [uri "/"]'
        ' [unique_id "Urf@f12qgHIAACrF"]'
    )
    record = (
        '{"transaction":{"client_ip":"203.0.113.66","unique_id":"1.2","request":{"method":"POST","uri":'
        f'"/","body":"{secret}","headers":{{"Cookie":"{secret}","Authorization":"{secret}"}}}},'
        f'"response":{{"http_code":403,"body":"{secret}"}},"messages":[{{"message":"x","details":'
        f'{{"ruleId":"942100","data":"{secret}","match":"{secret}"}}}}]}}}}'
    )

    assert secret not in str(fields(MODSECURITY, text))
    assert secret not in str(fields(AUDIT, record))


@pytest.mark.parametrize(
    ("rule", "tags", "attack"),
    [
        ("942100", ["attack-sqli"], "sqli"),
        ("942100", [], "sqli"),
        ("930110", ["OWASP_CRS"], "lfi"),
        ("950119", ["OWASP_CRS/WEB_ATTACK/RFI"], "rfi"),
        ("949110", ["attack-generic"], None),
        ("1234", [], None),
    ],
)
def test_the_attack_class_comes_from_the_rule_set(
    rule: str, tags: list[str], attack: str | None
) -> None:
    assert modsecurity.choose_class(rule, tags, "") == attack


def test_the_score_rules_name_the_class_with_the_highest_score() -> None:
    message = "Inbound Anomaly Score Exceeded (Total Inbound Score: 15 - SQLI=5,XSS=10,RFI=0)"

    assert modsecurity.choose_class("980130", [], message) == "xss"
    assert modsecurity.parse_score(message) == 15


def test_the_lines_of_one_vpn_connection_share_a_session() -> None:
    peer = "2026-11-22 01:06:15 203.0.113.66:37849"
    opened = read(OPENVPN, f"{peer} TLS: Initial packet from [AF_INET]203.0.113.66:37849, sid=1 2")
    signed_in = read(
        OPENVPN, f"{peer} TLS: Username/Password authentication succeeded for username 'jo'"
    )
    initiated = read(
        OPENVPN, f"{peer} [jo] Peer Connection Initiated with [AF_INET]203.0.113.66:37849"
    )

    assert opened.session == signed_in.session == initiated.session
    assert [each.is_retelling for each in (opened, signed_in, initiated)] == [True, False, True]


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [("0.250", 250_000_000), ("3", 3_000_000_000), ("-", None), ("1e9", None), ("9" * 30, None)],
)
def test_a_duration_is_a_plain_decimal_number(text: str, nanoseconds: int | None) -> None:
    result: dict[str, Any] = {}
    web_access.put_duration(result, text, 10**9)

    assert result.get("event.duration") == nanoseconds
