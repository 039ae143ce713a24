"""Read rows of Defender's advanced hunting tables, as the streaming API writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from schemas.pipeline.event import Value
from streams.tokenizers import addresses, directory_names, entra_codes, links
from streams.tokenizers.json_lines import to_number, to_word

_Fields = dict[str, Value]
_Record = Mapping[str, Value]


class TableKind(NamedTuple):
    """What rows of a table tell."""

    category: str
    type: str


_TABLES = {
    "devicelogonevents": TableKind("authentication", "start"),
    "identitylogonevents": TableKind("authentication", "start"),
    "aadsignineventsbeta": TableKind("authentication", "start"),
    "aadspnsignineventsbeta": TableKind("authentication", "start"),
    "entraidsigninevents": TableKind("authentication", "start"),
    "identitydirectoryevents": TableKind("iam", "change"),
    "identityqueryevents": TableKind("iam", "info"),
    "identityinfo": TableKind("iam", "info"),
    "devicenetworkevents": TableKind("network", "connection"),
    "devicefileevents": TableKind("file", "change"),
    "deviceprocessevents": TableKind("process", "start"),
    "deviceregistryevents": TableKind("registry", "change"),
    "deviceimageloadevents": TableKind("library", "start"),
    "emailevents": TableKind("email", "info"),
    "emailattachmentinfo": TableKind("email", "info"),
    "emailurlinfo": TableKind("email", "info"),
    "emailpostdeliveryevents": TableKind("email", "change"),
    "urlclickevents": TableKind("web", "access"),
    "cloudappevents": TableKind("api", "info"),
    "alertinfo": TableKind("intrusion_detection", "info"),
    "alertevidence": TableKind("intrusion_detection", "info"),
}
_HOST = TableKind("host", "info")
_ALERTS = frozenset({"alertinfo", "alertevidence"})
_WORDS = (
    ("fail", "failure"),
    ("denied", "failure"),
    ("block", "failure"),
    ("quarantin", "failure"),
    ("success", "success"),
    ("accepted", "success"),
    ("allowed", "success"),
    ("delivered", "success"),
    ("created", "success"),
    ("modified", "success"),
    ("deleted", "success"),
    ("renamed", "success"),
)
"""What a case-folded action says of its outcome, the first that matches."""
_FILE_TYPES = (("created", "creation"), ("deleted", "deletion"), ("accessed", "access"))
_TEXTS = (
    ("host.name", ("DeviceName",)),
    ("host.id", ("DeviceId",)),
    ("user.id", ("AccountObjectId", "AccountSid")),
    ("file.name", ("FileName", "AttachmentFileName")),
    ("file.path", ("FolderPath",)),
    ("file.hash.sha1", ("SHA1",)),
    ("file.hash.sha256", ("SHA256",)),
    ("file.hash.md5", ("MD5",)),
    ("process.command_line", ("ProcessCommandLine",)),
    ("process.parent.name", ("InitiatingProcessFileName",)),
    ("network.protocol", ("Protocol",)),
    ("network.application", ("Application",)),
    ("destination.domain", ("DestinationDeviceName", "RemoteUrl")),
    ("user_agent.original", ("UserAgent",)),
    ("email.message_id", ("InternetMessageId",)),
    ("email.local_id", ("NetworkMessageId",)),
    ("rule.name", ("Title",)),
    ("rule.category", ("Category",)),
    ("event.reason", ("FailureReason", "DeliveryLocation")),
    ("source.geo.country_iso_code", ("CountryCode",)),
)
_SEVERITIES = {"informational": 1, "low": 2, "medium": 3, "high": 4}


def put_row(fields: _Fields, table: str, row: _Record) -> None:
    """Set what the row says. `table`: its case-folded name."""
    kind = _TABLES.get(table, _HOST)
    action = to_word(row.get("ActionType")) or to_word(row.get("Title")) or table
    fields |= {
        "event.category": [kind.category],
        "event.type": [kind.type],
        "event.action": action,
        "event.outcome": _get_outcome(table, action, row),
    }
    if table in _ALERTS:
        fields["event.kind"] = "alert"
    if severity := _SEVERITIES.get(to_word(row.get("Severity")).casefold()):
        fields["event.severity"] = severity
    if kind.category == "file":
        lowered = action.casefold()
        types = [each for word, each in _FILE_TYPES if word in lowered]
        fields["event.type"] = types or ["change"]
    for name, keys in _TEXTS:
        text = next((t for t in (to_word(row.get(key)) for key in keys) if t), "")
        if text:
            fields[name] = text.casefold() if name == "network.protocol" else text
    if (size := to_number(row.get("FileSize"))) is not None:
        fields["file.size"] = size
    if method := to_word(row.get("LogonType")):
        fields["breach.auth.method"] = method.casefold()
    _put_person(fields, row)
    _put_ends(fields, kind, action, row)
    links.put_link(fields, to_word(row.get("Url")) or to_word(row.get("FileOriginUrl")))
    _put_mail(fields, row)


_DIRECTIONS = {"inbound": "inbound", "outbound": "outbound", "intra-org": "internal"}


def _get_outcome(table: str, action: str, row: _Record) -> str:
    if "signin" in table:
        return entra_codes.get_outcome(to_word(row.get("ErrorCode")))
    lowered = (to_word(row.get("DeliveryAction")) or action).casefold()
    return next((outcome for word, outcome in _WORDS if word in lowered), "unknown")


def _put_person(fields: _Fields, row: _Record) -> None:
    for begin in ("Account", "InitiatingProcessAccount", "RequestAccount"):
        upn, name = to_word(row.get(f"{begin}Upn")), to_word(row.get(f"{begin}Name"))
        directory_names.put_person(fields, upn or name)
        if "user.name" in fields:
            domain = to_word(row.get(f"{begin}Domain"))
            if domain and not upn:
                fields["user.domain"] = domain.casefold()
            return
    for key in ("AccountDisplayName", "AccountId"):
        directory_names.put_person(fields, to_word(row.get(key)))
        if "user.name" in fields:
            return


def _put_ends(fields: _Fields, kind: TableKind, action: str, row: _Record) -> None:
    remote = _parse_end(row, "RemoteIP", "RemotePort")
    if kind.category == "network" and "inbound" not in action.casefold():
        local = _parse_end(row, "LocalIP", "LocalPort")
        addresses.put_endpoint(fields, "source", *local)
        addresses.put_endpoint(fields, "destination", *remote)
        return
    address = _parse_end(row, "IPAddress", "Port")
    sender = _parse_end(row, "SenderIPv4", "")
    for end in (remote, address, sender, _parse_end(row, "SenderIPv6", "")):
        if end[0] is not None:
            addresses.put_endpoint(fields, "source", *end)
            break
    local = _parse_end(row, "DestinationIPAddress", "DestinationPort")
    if kind.category == "network":
        local = _parse_end(row, "LocalIP", "LocalPort")
    if local[0] is not None:
        addresses.put_endpoint(fields, "destination", *local)


def _parse_end(row: _Record, ip: str, port: str) -> tuple[str | None, int | None]:
    end = addresses.parse_endpoint(to_word(row.get(ip)))
    number = addresses.parse_port(to_word(row.get(port))) if port else None
    return end.ip, (end.port or number or None) if end.ip is not None else None


def _put_mail(fields: _Fields, row: _Record) -> None:
    for name, keys in (
        ("email.from.address", ("SenderFromAddress", "SenderMailFromAddress")),
        ("email.to.address", ("RecipientEmailAddress",)),
    ):
        address = next((a for a in (to_word(row.get(key)) for key in keys) if "@" in a), "")
        if address:
            fields[name] = [address.casefold()]
    if direction := _DIRECTIONS.get(to_word(row.get("EmailDirection")).casefold()):
        fields["email.direction"] = direction
