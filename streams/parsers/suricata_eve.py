"""Parse Suricata's EVE output: one JSON object an event, `{"timestamp":…,"event_type":"alert",…}`.

Alerts and drops say what a rule did. The other kinds describe connections and requests as the sensor
saw them; of these, sign-ins are read where the protocol shows them in clear (FTP, SMB, Kerberos)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import (
    addresses,
    device_stamps,
    field_tables,
    json_lines,
    numbers,
    web_access,
)

_MARK = re.compile(r'\A\s*+(?:@cee: ?)?\{.*"event_type"\s*:\s*"', re.DOTALL)
_KINDS: dict[str, tuple[list[str], list[str], str]] = {
    "alert": (["network", "intrusion_detection"], ["info"], "intrusion-detected"),
    "drop": (["network"], ["connection", "denied"], "packet-dropped"),
    "anomaly": (["network"], ["info"], "protocol-anomaly"),
    "flow": (["network"], ["connection", "end"], "connection-finished"),
    "netflow": (["network"], ["connection", "info"], "connection-finished"),
    "http": (["network", "web"], ["access", "protocol"], "http-request"),
    "http2": (["network", "web"], ["access", "protocol"], "http-request"),
    "fileinfo": (["network", "file"], ["info"], "file-seen"),
}
_PROTOCOL: tuple[list[str], list[str]] = (["network"], ["connection", "protocol"])
_STATUS = frozenset({"stats", "engine", "metadata", "packetinfo"})
_COUNTS = {
    "source.bytes": "bytes_toserver",
    "destination.bytes": "bytes_toclient",
    "source.packets": "pkts_toserver",
    "destination.packets": "pkts_toclient",
}


def _read(line: SourceLine) -> Mapping[str, Value]:
    """Read the event; empty: it is none of Suricata's."""
    text = line.text
    if '"event_type"' not in text or _MARK.match(text) is None:
        return {}
    try:
        document = json_lines.read_shared_object(text[text.index("{") :])
    except UnparseableRecord:
        return {}
    has_ends = "src_ip" in document and "dest_ip" in document
    if not {"timestamp", "flow_id"} & document.keys() or not (
        has_ends or document.get("event_type") in _STATUS
    ):
        return {}
    return document


def _can_parse(line: SourceLine) -> bool:
    return bool(_read(line))


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    document = _read(line)
    if not document:
        raise UnparseableRecord(
            "no event of Suricata's EVE output",
            place="suricata_eve",
            remedy="Send eve.json, one object a line.",
        )
    kind = json_lines.to_word(document["event_type"]).casefold()
    if kind in _STATUS:
        return IgnoredLine("an intrusion detection system describes its own state")
    category, types, action = _KINDS.get(kind) or (*_PROTOCOL, f"{kind}-seen")
    fields: dict[str, Value] = {
        "event.category": category.copy(),
        "event.type": types.copy(),
        "event.outcome": "failure" if kind == "drop" else "unknown",
        "event.action": action,
        "observer.vendor": "OISF",
        "observer.product": "Suricata",
        "observer.type": "ids",
    }
    _put_ends(fields, document)
    _put_counts(fields, document)
    for put in (_put_request, _put_name_lookup, _put_session, _put_file, _put_sign_in, _put_alert):
        put(fields, document)
    _put_observer(fields, document, line)
    return ParsedEvent(_parse_time(document, line), fields)


def _parse_time(document: Mapping[str, Value], line: SourceLine) -> datetime | None:
    stamp = json_lines.to_word(document.get("timestamp"))
    return device_stamps.parse_stamp(stamp, line.arrived, line.zone) or line.frame.time


def _get_part(document: Mapping[str, Value], name: str) -> Mapping[str, Value]:
    part = document.get(name)
    return part if isinstance(part, dict) else {}


def _put_text(fields: dict[str, Value], name: str, value: Value) -> None:
    text = json_lines.to_word(value)
    if text and text.casefold() not in field_tables.UNSAID:
        fields[name] = text


def _put_number(fields: dict[str, Value], name: str, value: Value) -> None:
    number = json_lines.to_number(value)
    if number is not None and number >= 0:
        fields[name] = number


def _put_ends(fields: dict[str, Value], document: Mapping[str, Value]) -> None:
    for side, name in (("source", "src"), ("destination", "dest")):
        ip = addresses.parse_address(json_lines.to_word(document.get(f"{name}_ip")))
        port = addresses.parse_port(json_lines.to_word(document.get(f"{name}_port")))
        addresses.put_endpoint(fields, side, ip, port)
    field_tables.put_transport(fields, json_lines.to_word(document.get("proto")))
    protocol = json_lines.to_word(document.get("app_proto")).casefold()
    kind = json_lines.to_word(document["event_type"]).casefold()
    if protocol and protocol not in {"failed", "unknown"}:
        fields["network.protocol"] = protocol
    elif kind in document and kind not in {"alert", "drop", "anomaly", "flow", "netflow"}:
        fields["network.protocol"] = kind
    _put_text(fields, "network.community_id", document.get("community_id"))


def _put_counts(fields: dict[str, Value], document: Mapping[str, Value]) -> None:
    """Set what both ends sent; the end that opened the flow is its client."""
    flow = _get_part(document, "flow") or _get_part(document, "netflow")
    opener = addresses.parse_address(json_lines.to_word(flow.get("src_ip")))
    is_turned = opener is not None and opener != fields.get("source.ip")
    for name, key in _COUNTS.items():
        side, _, what = name.partition(".")
        turned = "destination" if side == "source" else "source"
        _put_number(fields, f"{turned}.{what}" if is_turned else name, flow.get(key))
    for what in ("bytes", "packets"):
        sent, received = fields.get(f"source.{what}"), fields.get(f"destination.{what}")
        if isinstance(sent, int) and isinstance(received, int):
            fields[f"network.{what}"] = sent + received
    age = json_lines.to_number(flow.get("age"))
    duration = None if age is None else numbers.check_64_bits(age * 1_000_000_000)
    if duration is not None:
        fields["event.duration"] = duration
    if json_lines.to_word(flow.get("action")) == "drop":
        fields |= {"event.type": ["connection", "denied"], "event.outcome": "failure"}


def _put_request(fields: dict[str, Value], document: Mapping[str, Value]) -> None:
    request = _get_part(document, "http")
    if not request:
        return
    web_access.put_method(fields, json_lines.to_word(request.get("http_method")))
    web_access.put_target(fields, json_lines.to_word(request.get("url")))
    web_access.put_host(fields, json_lines.to_word(request.get("hostname")))
    web_access.put_version(fields, json_lines.to_word(request.get("protocol")))
    web_access.put_agent(fields, json_lines.to_word(request.get("http_user_agent")))
    web_access.put_referrer(fields, json_lines.to_word(request.get("http_refer")))
    _put_number(fields, "http.response.body.bytes", request.get("length"))
    port = addresses.parse_port(json_lines.to_word(request.get("http_port")))
    if port is not None:
        fields["url.port"] = port
    status = json_lines.to_word(request.get("status"))
    if document["event_type"] in {"http", "http2"}:
        web_access.put_status(fields, status)
    else:
        _put_number(fields, "http.response.status_code", status)


def _put_name_lookup(fields: dict[str, Value], document: Mapping[str, Value]) -> None:
    lookup = _get_part(document, "dns")
    queries = json_lines.to_mappings(lookup.get("queries")) or json_lines.to_mappings(
        lookup.get("query")
    )
    question = queries[0] if queries else lookup
    _put_text(fields, "dns.question.name", question.get("rrname"))
    _put_text(fields, "dns.question.type", question.get("rrtype"))
    _put_text(fields, "dns.response_code", lookup.get("rcode"))


def _put_session(fields: dict[str, Value], document: Mapping[str, Value]) -> None:
    """Set what the opening of a session shows: TLS, SSH, mail."""
    tls, mail, ssh = (_get_part(document, name) for name in ("tls", "smtp", "ssh"))
    _put_text(fields, "tls.client.server_name", tls.get("sni"))
    _put_text(fields, "destination.domain", tls.get("sni"))
    _put_text(fields, "tls.server.subject", tls.get("subject"))
    _put_text(fields, "tls.server.issuer", tls.get("issuerdn"))
    sender = json_lines.to_word(mail.get("mail_from")).strip("<>")
    _put_text(fields, "email.from.address", sender)
    recipients = [word.strip("<>") for word in json_lines.to_words(mail.get("rcpt_to"))]
    if recipients:
        fields["email.to.address"] = recipients
    client = ssh.get("client")
    if isinstance(client, dict):
        _put_text(fields, "user_agent.original", client.get("software_version"))


def _put_file(fields: dict[str, Value], document: Mapping[str, Value]) -> None:
    file = _get_part(document, "fileinfo")
    path = json_lines.to_word(file.get("filename"))
    if path:
        fields["file.path"] = path
        fields["file.name"] = path.replace("\\", "/").rpartition("/")[2] or path
    _put_number(fields, "file.size", file.get("size"))
    for name in ("md5", "sha1", "sha256"):
        _put_text(fields, f"file.hash.{name}", file.get(name))


def _put_sign_in(fields: dict[str, Value], document: Mapping[str, Value]) -> None:
    """Set a sign-in that a protocol shows in clear, with its answer."""
    ftp, smb, kerberos = (_get_part(document, name) for name in ("ftp", "smb", "krb5"))
    outcome: str | None = None
    if ftp.get("command") == "PASS":
        codes = json_lines.to_words(ftp.get("completion_code"))
        outcome = "success" if "230" in codes else "failure" if "530" in codes else "unknown"
    elif smb.get("command") == "SMB2_COMMAND_SESSION_SETUP" and "ntlmssp" in smb:
        account = _get_part(smb, "ntlmssp")
        _put_account(fields, account.get("user"), account.get("domain"))
        status = json_lines.to_word(smb.get("status"))
        is_answer = status and status != "STATUS_MORE_PROCESSING_REQUIRED"
        outcome = "success" if status == "STATUS_SUCCESS" else "failure" if is_answer else "unknown"
        fields |= {"event.reason": status} if outcome == "failure" else {}
    elif json_lines.to_word(kerberos.get("msg_type")) in {"KRB_AS_REP", "KRB_ERROR"}:
        _put_account(fields, kerberos.get("cname"), kerberos.get("realm"))
        outcome = "success" if kerberos["msg_type"] == "KRB_AS_REP" else "failure"
        _put_text(fields, "event.reason", kerberos.get("error_code"))
    if outcome is not None and document["event_type"] in {"ftp", "smb", "krb5"}:
        fields |= {
            "event.category": ["network", "authentication"],
            "event.type": ["start"],
            "event.outcome": outcome,
            "event.action": f"{document['event_type']}-login",
            "breach.auth.attempts": 1,
        }


def _put_account(fields: dict[str, Value], name: Value, domain: Value) -> None:
    field_tables.put_account(fields, json_lines.to_word(name))
    if "user.name" in fields:
        _put_text(fields, "user.domain", domain)


def _put_alert(fields: dict[str, Value], document: Mapping[str, Value]) -> None:
    alert = _get_part(document, "alert")
    if not alert:
        return
    _put_text(fields, "rule.id", alert.get("signature_id"))
    _put_text(fields, "rule.name", alert.get("signature"))
    _put_text(fields, "rule.category", alert.get("category"))
    _put_text(fields, "rule.version", alert.get("rev"))
    _put_number(fields, "event.severity", alert.get("severity"))
    if document["event_type"] != "alert":
        return
    fields["event.kind"] = "alert"
    action = json_lines.to_word(alert.get("action")).casefold()
    if action == "blocked":
        fields |= {"event.type": ["denied"], "event.outcome": "failure"}
    elif action == "allowed":
        fields |= {"event.type": ["allowed"], "event.outcome": "success"}


def _put_observer(
    fields: dict[str, Value], document: Mapping[str, Value], line: SourceLine
) -> None:
    _put_text(fields, "observer.ingress.interface.name", document.get("in_iface"))
    host = json_lines.to_word(document.get("host")) or json_lines.to_word(document.get("sensor"))
    host = host or line.frame.host or ""
    if host:
        fields["observer.name"] = fields["host.name"] = host


_ENDS = (
    '"src_ip":"203.0.113.66","src_port":40022,"dest_ip":"192.0.2.10","dest_port":443,"proto":"TCP"'
)
PARSER = Parser(
    id="suricata_eve",
    title="Suricata (eve.json)",
    hints=(b'"event_type"',),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=("https://docs.suricata.io/en/latest/output/eve/eve-json-format.html",),
    examples=(
        ParserExample(
            '{"timestamp":"2026-11-22T01:06:15.820360+0100","flow_id":2,"in_iface":"wan0",'
            f'"event_type":"alert",{_ENDS},"alert":{{"action":"blocked","gid":1,"signature_id":2099001,'
            '"rev":3,"signature":"ET SCAN Probe","category":"Misc Attack","severity":2},"app_proto":'
            '"tls","flow":{"pkts_toserver":4,"pkts_toclient":3,"bytes_toserver":793,"bytes_toclient":343}}',
            {
                "@timestamp": "2026-11-22T00:06:15.820360+00:00",
                "event.kind": "alert",
                "event.category": ["network", "intrusion_detection"],
                "event.type": ["denied"],
                "event.outcome": "failure",
                "rule.id": "2099001",
                "rule.name": "ET SCAN Probe",
                "rule.category": "Misc Attack",
                "event.severity": 2,
                "source.ip": "203.0.113.66",
                "source.port": 40022,
                "destination.port": 443,
                "source.bytes": 793,
                "destination.bytes": 343,
                "network.protocol": "tls",
                "observer.ingress.interface.name": "wan0",
            },
        ),
        ParserExample(
            '<134>Nov 22 01:06:15 gw1 suricata[99]: {"timestamp":"2026-11-22T01:06:15.690014+0000",'
            '"event_type":"alert","src_ip":"192.0.2.10","src_port":443,"dest_ip":"203.0.113.66",'
            '"dest_port":40022,"proto":"TCP","alert":{"action":"allowed","signature_id":7,"signature":"x"},'
            '"flow":{"bytes_toserver":10,"bytes_toclient":20,"src_ip":"203.0.113.66"}}',
            {
                "event.type": ["allowed"],
                "host.name": "gw1",
                "source.bytes": 20,
                "destination.bytes": 10,
            },
        ),
        ParserExample(
            f'{{"timestamp":"2026-11-22T01:06:16.690014+0000","event_type":"http",{_ENDS},"http":'
            '{"hostname":"www.contoso.example","url":"\\/a?b=\\",\\"src_ip\\":\\"192.0.2.1",'
            '"http_method":"GET","protocol":"HTTP\\/1.1","status":404,"length":1155}}',
            {
                "event.category": ["network", "web"],
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
                "url.path": "/a",
                "url.domain": "www.contoso.example",
                "http.response.status_code": 404,
                "http.response.body.bytes": 1155,
            },
        ),
        ParserExample(
            '{"timestamp":"2026-11-22T01:06:17.1+0000","event_type":"flow","src_ip":"2001:0db8:0000:'
            '0000:0000:0000:0000:0007","src_port":546,"dest_ip":"ff02::1:2","dest_port":547,"proto":"UDP",'
            '"app_proto":"failed","flow":{"bytes_toserver":110,"bytes_toclient":0,"age":3,"state":"new"}}',
            {
                "event.type": ["connection", "end"],
                "source.ip": "2001:db8::7",
                "source.bytes": 110,
                "event.duration": 3_000_000_000,
                "network.protocol": None,
            },
        ),
        ParserExample(
            f'{{"timestamp":"2026-11-22T01:06:18.1+0000","event_type":"ftp",{_ENDS},"ftp":{{"command":'
            '"PASS","completion_code":["530"],"reply":["Login incorrect."]}}',
            {
                "event.category": ["network", "authentication"],
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
            },
        ),
        ParserExample(
            f'{{"timestamp":"2026-11-22T01:06:19.1+0000","event_type":"smb",{_ENDS},"smb":{{"command":'
            '"SMB2_COMMAND_SESSION_SETUP","status":"STATUS_LOGON_FAILURE","ntlmssp":{"user":"Jo",'
            '"domain":"CONTOSO","host":"PC1"}}}',
            {
                "event.outcome": "failure",
                "user.name": "jo",
                "user.domain": "CONTOSO",
                "event.reason": "STATUS_LOGON_FAILURE",
            },
        ),
        ParserExample(
            '{"timestamp":"2026-11-22T01:06:20.1+0000","event_type":"stats","stats":{"uptime":5400}}',
            None,
        ),
    ),
)
