"""Read CEF of vendors without a parser of their own by the keys of the specification, and by the
source's field map for custom ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import act_words, cef, device_stamps, ecs_values

_NAMES = {
    "src": "source.ip",
    "c6a2": "source.ip",
    "spt": "source.port",
    "smac": "source.mac",
    "shost": "source.domain",
    "in": "source.bytes",
    "sourceTranslatedAddress": "source.nat.ip",
    "sourceTranslatedPort": "source.nat.port",
    "dst": "destination.ip",
    "c6a3": "destination.ip",
    "dpt": "destination.port",
    "dmac": "destination.mac",
    "dhost": "destination.domain",
    "out": "destination.bytes",
    "destinationTranslatedAddress": "destination.nat.ip",
    "destinationTranslatedPort": "destination.nat.port",
    "suser": "user.name",
    "suid": "user.id",
    "sntdom": "user.domain",
    "proto": "network.transport",
    "app": "network.protocol",
    "request": "url.original",
    "requestMethod": "http.request.method",
    "requestContext": "http.request.referrer",
    "requestClientApplication": "user_agent.original",
    "fname": "file.name",
    "fileName": "file.name",
    "filePath": "file.path",
    "fsize": "file.size",
    "fileSize": "file.size",
    "destinationServiceName": "service.name",
    "fileType": "file.mime_type",
    "dvc": "observer.ip",
    "dvchost": "observer.name",
    "deviceExternalId": "observer.serial_number",
    "deviceInboundInterface": "observer.ingress.interface.name",
    "deviceOutboundInterface": "observer.egress.interface.name",
    "deviceProcessName": "process.name",
    "dvcpid": "process.pid",
    "reason": "event.reason",
    "msg": "message",
}
_OF_STRANGERS = frozenset({"src", "dst", "suser", "duser", "shost", "dhost", "spt", "dpt"})
"""With two values, one of them may be typed by a stranger."""
_TIMES = ("rt", "end", "start", "deviceReceiptTime", "art")
_LABELS = {
    "ruleid": "rule.id",
    "policyid": "rule.id",
    "policy": "rule.ruleset",
    "policyname": "rule.ruleset",
    "filename": "file.name",
    "filepath": "file.path",
    "username": "user.name",
    "user": "user.name",
    "src": "source.ip",
    "sourceip": "source.ip",
    "clientip": "source.ip",
    "clientaddress": "source.ip",
    "dst": "destination.ip",
    "destinationip": "destination.ip",
    "httpstatus": "http.response.status_code",
    "httpstatuscode": "http.response.status_code",
    "responsestatuscode": "http.response.status_code",
    "statuscode": "http.response.status_code",
}
"""Fields by the label of a custom field, case-folded and without blanks."""
_LABELLED_VERDICTS = ("action", "actiontaken", "disposition", "verdict")
_LABELLED_OUTCOMES = ("loginstatus", "outcome", "result", "status", "eventoutcome")
_LABELLED_MALWARE = ("malware", "malwarename", "virusname", "virus", "threatname", "infectedobject")
_OTHER_USERS = ("username", "user", "usrName", "login")
"""Keys of devices that leave out those of the specification."""
_OF_VENDORS = {
    "MCAS": {"dvc": "source.ip"},
    "Zscaler": {"in": "destination.bytes", "out": "source.bytes"},
    "sophos": {"source_info_ip": "source.ip", "dhost": "host.name"},
}
"""Keys that a vendor documents with another meaning than the specification: Defender for Cloud Apps
writes the address of the client's device, Zscaler the size of the response as `in`, Sophos Central's script the computer."""
_THREATS = re.compile(r"Event::Endpoint::(?:Core|Threat|Hmpa)", re.IGNORECASE)
_NAME = re.compile(r"(?=[^\W\d_])(?!(?i:[0-9a-f]{12,}|s-1-)|None\Z)[\w.-]{1,64}(?:@[\w.-]{1,190})?")
_STATUS = re.compile(r"[1-5][0-9]{2}")
_DIRECTIONS = {"0": "inbound", "1": "outbound"}


def _can_parse(line: SourceLine) -> bool:
    return cef.read_header(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent:
    record = cef.read(line.text)
    if record is None:
        raise UnparseableRecord(
            "no header of CEF",
            place="generic_cef",
            remedy="Check which parser the source names.",
        )
    doubtful = cef.list_contradictory(record.pairs) & _OF_STRANGERS
    texts = {key: value for key, value in record.fields.items() if key not in doubtful}
    fields: dict[str, Value] = {}
    labelled = cef.list_labelled(texts)
    ecs_values.put_values(fields, {**labelled, **texts}, line.field_map)
    by_label = {re.sub(r"[\s_-]", "", key).casefold(): text for key, text in labelled.items()}
    _put_device(fields, record.header)
    if ":" not in texts.get("c6a2", ":"):
        texts.pop("c6a2")
    special = _OF_VENDORS.get(record.header.vendor, {})
    ecs_values.put_values(fields, texts, special)
    names = {key: name for key, name in _NAMES.items() if key not in special} if special else _NAMES
    ecs_values.put_values(fields, texts, names)
    _put_user(fields, texts)
    ecs_values.put_values(fields, by_label, _LABELS)
    ecs_values.put_addresses_of_names(fields)
    ecs_values.put_method(fields, texts.get("method", ""))
    direction = _DIRECTIONS.get(texts.get("deviceDirection", ""))
    if direction is not None:
        fields.setdefault("network.direction", direction)
    ecs_values.put_total_bytes(fields)
    ecs_values.put_digest(fields, texts.get("fileHash", ""))
    outcome = texts.get("outcome", "") or texts.get("categoryOutcome", "")
    outcome = outcome or texts.get("result", "") or texts.get("status", "")
    if not outcome and texts.get("msg", "").casefold() in act_words.OUTCOMES:
        outcome = texts["msg"]
    if _STATUS.fullmatch(outcome) is not None:
        fields.setdefault("http.response.status_code", int(outcome))
    kind = act_words.choose_kind(
        fields,
        texts.get("act", "") or _find(by_label, _LABELLED_VERDICTS),
        outcome or _find(by_label, _LABELLED_OUTCOMES),
        (record.header.name, texts.get("cat", "")),
        texts.get("reason", ""),
        (record.header.code,),
    )
    is_threat = record.header.vendor == "sophos" and _THREATS.match(record.header.code) is not None
    if is_threat or (kind.category == ["host"] and _find(by_label, _LABELLED_MALWARE)):
        kind = kind._replace(category=["malware"])
    act_words.put_kind(fields, kind)
    return ParsedEvent(_find_time(texts, line), fields)


def _put_device(fields: dict[str, Value], header: cef.CefHeader) -> None:
    for name, text in (
        ("observer.vendor", header.vendor),
        ("observer.product", header.product),
        ("observer.version", header.version),
        ("event.code", header.code),
        ("rule.name", header.name),
    ):
        ecs_values.put_value(fields, name, text)
    severity = cef.parse_severity(header.severity)
    if severity is not None:
        fields.setdefault("event.severity", severity)


def _find(texts: dict[str, str], keys: Sequence[str]) -> str:
    return next((text for key in keys if (text := texts.get(key, "")) not in {"", "-"}), "")


def _put_user(fields: dict[str, Value], texts: dict[str, str]) -> None:
    """A destination user is the one who signs in, unless a source user acts on him."""
    role = "user.target" if "user.name" in fields else "user"
    ecs_values.put_value(fields, f"{role}.name", texts.get("duser", ""))
    if f"{role}.name" in fields:
        ecs_values.put_value(fields, f"{role}.domain", texts.get("dntdom", ""))
    if "user.name" not in fields:
        ecs_values.put_value(fields, "user.name", _find(texts, _OTHER_USERS))
    if "user.name" not in fields and _NAME.fullmatch(texts.get("duid", "")) is not None:
        ecs_values.put_value(fields, "user.name", texts["duid"])  # PingFederate: the subject's name


def _find_time(texts: dict[str, str], line: SourceLine) -> datetime | None:
    stamps = (
        device_stamps.parse_stamp(texts[key], line.arrived, line.zone)
        for key in _TIMES
        if texts.get(key)
    )
    return next((time for time in stamps if time is not None), None)


PARSER = Parser(
    id="generic_cef",
    title="Common Event Format (CEF) of any vendor",
    hints=(b"CEF:", b"CEF ", b"cef:", b"0|", b"1|"),
    claims=_can_parse,
    parse=_parse,
    is_fallback=True,
    references=(
        "https://docs.trellix.com/bundle/common-event-format-cef/page/cef.html",
        "https://www.microfocus.com/documentation/arcsight/arcsight-smartconnectors/pdfdoc/common-event-format-v25/common-event-format-v25.pdf",
    ),
    examples=(
        ParserExample(
            "<134>Nov 22 01:06:15 gw1 CEF:0|Portcullis|Gate|2.1|100|User login failed|7|"
            "rt=Nov 22 2026 01:06:14 UTC src=203.0.113.66 spt=40022 dst=192.0.2.9 dpt=443"
            " duser=Jo@contoso.example outcome=failure reason=bad password dvchost=gw1",
            {
                "@timestamp": "2026-11-22T01:06:14+00:00",
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "event.reason": "bad password",
                "event.code": "100",
                "event.severity": 7,
                "source.ip": "203.0.113.66",
                "source.port": 40022,
                "destination.ip": "192.0.2.9",
                "user.name": "jo@contoso.example",
                "observer.vendor": "Portcullis",
                "observer.name": "gw1",
            },
        ),
        ParserExample(
            "CEF:0|Portcullis|Gate|2.1|101|User login succeeded|3|src=2001:db8::7 suser=jo act=login",
            {
                "event.category": ["authentication"],
                "event.outcome": "success",
                "source.ip": "2001:db8::7",
                "user.name": "jo",
            },
        ),
        ParserExample(
            "CEF: 0|Portcullis|Gate|2.1|200|Connection blocked|Low|act=blocked src=203.0.113.66"
            " spt=40022 dst=192.0.2.9 dpt=22 proto=6 in=60 out=0",
            {
                "event.category": ["network"],
                "event.type": ["connection", "denied"],
                "event.outcome": "failure",
                "network.transport": "tcp",
                "source.bytes": 60,
                "destination.bytes": 0,
                "network.bytes": 60,
            },
        ),
        ParserExample(
            '<5>Nov 22 01:06:15 vault1 CEF:0|Portcullis|Vault|2.1|309|Logon|7|act="Logon"'
            ' suser=CONTOSO\\Jo shost=203.0.113.66 dhost= duser=${target} reason="Authentication failure"',
            {
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
                "source.domain": None,
                "user.name": "jo",
                "user.domain": "contoso",
                "user.target.name": None,
            },
        ),
        ParserExample(
            "1 2026-11-22T01:06:14.5+00:00 centre gate 4688 SignIn CEF:0|Portcullis|Gate|2.1|600|"
            "User Signed In|3|src=2001:db8::7 suser=jo",
            {
                "event.outcome": "success",
                "source.ip": "2001:db8::7",
                "user.name": "jo",
            },
        ),
        ParserExample(
            "CEF:0|Portcullis|WAF|2.1|APPFW|Blocked paths|6|src=203.0.113.66 method=GET"
            " request=https://shop.example/admin act=not blocked cs1Label=RuleID cs1=2100.2",
            {
                "event.type": ["access", "allowed"],
                "event.outcome": "success",
                "http.request.method": "GET",
                "rule.id": "2100.2",
            },
        ),
        ParserExample(
            "CEF:0|MCAS|SIEM_Agent|0.1|EVENT_CATEGORY_LOGIN|Log on|0|start=1795309575000"
            " suser=jo@contoso.example dvc=203.0.113.66",
            {"source.ip": "203.0.113.66", "observer.ip": None, "user.email": "jo@contoso.example"},
        ),
        ParserExample(
            "CEF:0|Portcullis|Gate|2.1|100|User login failed|7|duser=jo src=198.51.100.9 x"
            " src=203.0.113.66 outcome=failure",
            {"source.ip": None, "user.name": "jo", "event.outcome": "failure"},
        ),
    ),
)
