"""Parse AWS WAF's full logs: one JSON object a request, with the rule that ended it."""

from __future__ import annotations

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, device_stamps, json_lines, web_access

_ATTACKS = {"SQL_INJECTION": "sqli", "XSS": "xss"}
_DENIED = frozenset({"BLOCK", "CAPTCHA", "CHALLENGE"})


def _can_parse(line: SourceLine) -> bool:
    text = line.text
    return (
        json_lines.is_object_start(text)
        and '"terminatingRuleId"' in text
        and '"httpRequest"' in text
        and '"webaclId"' in text
    )


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    document = json_lines.read_object(line.text)
    request = json_lines.to_mapping(document.get("httpRequest"))
    action = json_lines.to_word(document.get("action"))
    if not request or not action:
        raise web_access.build_unreadable("aws_waf")
    fields = _build_verdict(document, action)
    get = {key: json_lines.to_word(value) for key, value in request.items()}.get
    web_access.put_method(fields, get("httpMethod", ""))
    query = get("args", "")
    web_access.put_target(fields, get("uri", "") + (f"?{query}" if query else ""))
    web_access.put_version(fields, get("httpVersion", ""))
    _put_headers(fields, json_lines.to_mappings(request.get("headers")))
    addresses.put_endpoint(fields, "source", addresses.parse_address(get("clientIp", "")), None)
    stamp = json_lines.to_word(document.get("timestamp"))
    time = device_stamps.parse_stamp(stamp, line.arrived, line.zone)
    return ParsedEvent(time, fields, id=get("requestId") or None)


def _build_verdict(document: dict[str, Value], action: str) -> dict[str, Value]:
    is_denied = action in _DENIED
    fields: dict[str, Value] = {
        "event.kind": "alert" if is_denied else "event",
        "event.category": ["web", "intrusion_detection"] if is_denied else ["web"],
        "event.type": ["access", "denied" if is_denied else "allowed"],
        "event.outcome": "failure" if is_denied else "success",
        "event.action": action.lower(),
        "observer.vendor": "AWS",
        "observer.product": "WAF",
        "observer.type": "waf",
    }
    web_access.put_text(fields, "rule.id", json_lines.to_word(document.get("terminatingRuleId")))
    web_access.put_text(fields, "rule.ruleset", json_lines.to_word(document.get("webaclId")))
    web_access.put_status(fields, json_lines.to_word(document.get("responseCodeSent")))
    details = json_lines.to_mappings(document.get("terminatingRuleMatchDetails"))
    kinds = [json_lines.to_word(detail.get("conditionType")) for detail in details]
    attack = next((_ATTACKS[kind] for kind in kinds if kind in _ATTACKS), None)
    if attack is not None:
        fields["breach.waf.attack"] = attack
    return fields


def _put_headers(fields: dict[str, Value], headers: list[dict[str, Value]]) -> None:
    several = {
        json_lines.to_word(header.get("name")).casefold(): json_lines.to_word(header.get("value"))
        for header in headers
    }
    web_access.put_host(fields, several.get("host", ""))
    web_access.put_agent(fields, several.get("user-agent", ""))
    web_access.put_referrer(fields, several.get("referer", ""))


PARSER = Parser(
    id="aws_waf",
    title="AWS WAF (full logs)",
    hints=(b"terminatingRuleId",),
    claims=_can_parse,
    parse=_parse,
    references=("https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html",),
    examples=(
        ParserExample(
            '{"timestamp":1795309575500,"formatVersion":1,"webaclId":"arn:aws:wafv2:eu-west-2:1:acl",'
            '"terminatingRuleId":"STMTest_SQLi","terminatingRuleType":"REGULAR","action":"BLOCK",'
            '"terminatingRuleMatchDetails":[{"conditionType":"SQL_INJECTION","location":"HEADER",'
            '"matchedData":["10","AND","1"]}],"httpSourceName":"ALB","httpRequest":{"clientIp":'
            '"203.0.113.66","country":"GB","headers":[{"name":"Host","value":"www.contoso.example"},'
            '{"name":"user-agent","value":"curl/8.5.0"},{"name":"cookie","value":"SID=1"}],"uri":"/a",'
            '"args":"b=c","httpVersion":"HTTP/1.1","httpMethod":"GET","requestId":"rid-1"}}',
            {
                "@timestamp": "2026-11-22T01:06:15.500000+00:00",
                "event.kind": "alert",
                "event.outcome": "failure",
                "event.type": ["access", "denied"],
                "source.ip": "203.0.113.66",
                "rule.id": "STMTest_SQLi",
                "breach.waf.attack": "sqli",
                "url.path": "/a",
                "url.query": "b=c",
                "url.domain": "www.contoso.example",
                "user_agent.original": "curl/8.5.0",
            },
        ),
        ParserExample(
            '{"timestamp":1795309575500,"webaclId":"acl","terminatingRuleId":"Default_Action",'
            '"action":"ALLOW","httpRequest":{"clientIp":"2001:db8::7","uri":"/","httpMethod":"GET"}}',
            {"event.outcome": "success", "source.ip": "2001:db8::7", "event.category": ["web"]},
        ),
    ),
)
