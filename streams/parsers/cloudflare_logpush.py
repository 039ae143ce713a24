"""Parse Cloudflare's Logpush: HTTP requests and firewall events, one JSON object a record."""

from __future__ import annotations

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, device_stamps, json_lines, web_access

_DENIED = frozenset(
    {
        "block",
        "drop",
        "challenge",
        "jschallenge",
        "managed_challenge",
        "managedchallenge",
        "connection_close",
        "connectionclose",
    }
)
_STAMPS = ("Datetime", "EdgeStartTimestamp", "EdgeEndTimestamp")


def _can_parse(line: SourceLine) -> bool:
    text = line.text
    return (
        json_lines.is_object_start(text)
        and '"ClientIP"' in text
        and '"ClientRequestMethod"' in text
        and ('"RayID"' in text or '"EdgeStartTimestamp"' in text)
    )


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    document = json_lines.read_object(line.text)
    get = {key: json_lines.to_word(value) for key, value in document.items()}.get
    if "ClientIP" not in document:
        raise web_access.build_unreadable("cloudflare_logpush")
    fields = web_access.build_fields("cloudflare")
    web_access.put_status(fields, get("EdgeResponseStatus", ""))
    _put_verdict(fields, _choose_action(document), is_firewall="Datetime" in document)
    query = get("ClientRequestQuery", "")
    uri = get("ClientRequestURI", "") or get("ClientRequestPath", "") + query
    web_access.put_target(fields, uri)
    web_access.put_method(fields, get("ClientRequestMethod", ""))
    web_access.put_version(fields, get("ClientRequestProtocol", ""))
    web_access.put_host(fields, get("ClientRequestHost", ""))
    web_access.put_text(fields, "url.scheme", get("ClientRequestScheme", ""))
    web_access.put_agent(fields, get("ClientRequestUserAgent", ""))
    web_access.put_referrer(fields, get("ClientRequestReferer", "") or get("ClientRefererHost", ""))
    web_access.put_number(fields, "http.response.bytes", get("EdgeResponseBytes", ""))
    web_access.put_number(fields, "http.request.bytes", get("ClientRequestBytes", ""))
    web_access.put_text(
        fields, "rule.id", get("RuleID", "") or get("SecurityRuleID", "") or get("WAFRuleID", "")
    )
    web_access.put_text(
        fields,
        "rule.name",
        get("Description", "") or get("SecurityRuleDescription", "") or get("WAFRuleMessage", ""),
    )
    web_access.put_text(fields, "rule.ruleset", get("Source", ""))
    port = addresses.parse_port(get("ClientSrcPort", ""))
    addresses.put_endpoint(fields, "source", addresses.parse_address(get("ClientIP", "")), port)
    origin = addresses.parse_address(get("OriginIP", ""))
    addresses.put_endpoint(fields, "destination", origin, None)
    stamp = next((value for name in _STAMPS if (value := get(name, ""))), "")
    return ParsedEvent(device_stamps.parse_stamp(stamp, line.arrived, line.zone), fields)


def _choose_action(document: dict[str, Value]) -> str:
    """Choose the firewall's action: former logs have a list of them, or the WAF's own."""
    for key in ("Action", "SecurityAction", "WAFAction"):
        action = json_lines.to_word(document.get(key))
        if action and action != "unknown":
            return action
    return next(iter(json_lines.to_words(document.get("FirewallMatchesActions"))), "")


def _put_verdict(fields: dict[str, Value], action: str, *, is_firewall: bool) -> None:
    fields |= {"observer.vendor": "Cloudflare", "observer.type": "waf"}
    if not action or action in {"unknown", "allow"}:
        return
    is_denied = action.casefold() in _DENIED
    fields["event.action"] = action.casefold()
    if is_denied or is_firewall:
        fields["event.kind"] = "alert"
        fields["event.category"] = ["web", "intrusion_detection"]
        fields["event.type"] = ["access", "denied" if is_denied else "info"]
    if is_denied:
        fields["event.outcome"] = "failure"


PARSER = Parser(
    id="cloudflare_logpush",
    title="Cloudflare Logpush (HTTP requests, firewall events)",
    hints=(b"ClientRequestMethod",),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://developers.cloudflare.com/logs/reference/log-fields/zone/http_requests/",
        "https://developers.cloudflare.com/logs/reference/log-fields/zone/firewall_events/",
    ),
    examples=(
        ParserExample(
            '{"Action":"block","ClientIP":"203.0.113.66","ClientRequestHost":"www.contoso.example",'
            '"ClientRequestMethod":"GET","ClientRequestPath":"/wp-login.php","ClientRequestQuery":'
            '"?a=b","ClientRequestUserAgent":"curl/8.5.0","Datetime":"2026-11-22T01:06:15Z",'
            '"EdgeResponseStatus":403,"Kind":"firewall","RayID":"5ec5","RuleID":"100173","Source":'
            '"firewallManaged","Description":"SQLi"}',
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.kind": "alert",
                "event.outcome": "failure",
                "event.action": "block",
                "source.ip": "203.0.113.66",
                "url.path": "/wp-login.php",
                "url.query": "a=b",
                "rule.id": "100173",
            },
        ),
        ParserExample(
            '{"ClientIP":"2001:db8::7","ClientRequestHost":"www.contoso.example",'
            '"ClientRequestMethod":"POST","ClientRequestURI":"/a","ClientSrcPort":5000,'
            '"EdgeStartTimestamp":1795309575500000000,"EdgeResponseStatus":200,'
            '"EdgeResponseBytes":512,"RayID":"5ec6"}',
            {
                "@timestamp": "2026-11-22T01:06:15.500000+00:00",
                "event.category": ["web"],
                "event.outcome": "success",
                "source.ip": "2001:db8::7",
                "source.port": 5000,
                "http.response.bytes": 512,
            },
        ),
    ),
)
