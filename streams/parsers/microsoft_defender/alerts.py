"""Read security alerts and incidents of Graph (first and second version) and of Defender for
Endpoint's own interface: title, severity, and whom, which device and which address they are about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from schemas.pipeline.event import Value
from streams.tokenizers import addresses, directory_names, links
from streams.tokenizers.json_lines import to_mapping, to_mappings, to_number, to_word, to_words

_Fields = dict[str, Value]
_Record = Mapping[str, Value]
_SEVERITIES = {"informational": 1, "low": 2, "medium": 3, "high": 4}
_PERSONS = ("userPrincipalName", "accountName", "aadUserPrincipalName")


def is_alert(record: _Record) -> bool:
    """Whether it is an alert or an incident of one of these interfaces."""
    if "severity" not in record:
        return False
    if to_mapping(record.get("vendorInformation")).get("provider"):
        return "title" in record and "eventDateTime" in record
    if "serviceSource" in record and "evidence" in record:
        return "title" in record
    if "incidentWebUrl" in record and "displayName" in record:
        return True
    return "incidentId" in record and "machineId" in record and "title" in record


def put_alert(fields: _Fields, record: _Record) -> None:
    title = to_word(record.get("title")) or to_word(record.get("displayName"))
    fields |= {
        "event.kind": "alert",
        "event.category": ["intrusion_detection"],
        "event.type": ["info"],
        "event.action": to_word(record.get("detectionSource")) or "alert",
        "event.outcome": "unknown",
    }
    texts: dict[str, Value] = {
        "rule.name": title,
        "rule.id": record.get("detectorId"),
        "rule.category": record.get("category"),
        "message": record.get("description"),
        "event.url": record.get("alertWebUrl")
        or record.get("incidentWebUrl")
        or next(iter(to_words(record.get("sourceMaterials"))), None),
        "cloud.account.id": record.get("tenantId") or record.get("azureTenantId"),
        "event.provider": record.get("serviceSource")
        or to_mapping(record.get("vendorInformation")).get("provider")
        or record.get("detectionSource"),
        "threat.software.name": record.get("threatFamilyName"),
    }
    fields.update({name: to_word(text) for name, text in texts.items() if to_word(text)})
    severity = _SEVERITIES.get(to_word(record.get("severity")).casefold())
    if severity is not None:
        fields["event.severity"] = severity
    for part in _list_parts(record):
        _put_part(fields, part)


def _list_parts(record: _Record) -> Iterator[_Record]:
    """List what the alert names, flattened to mappings with Graph's names."""
    yield {"deviceDnsName": record.get("computerDnsName")}
    yield to_mapping(record.get("relatedUser"))
    for name in ("userStates", "hostStates", "networkConnections", "fileStates", "evidence"):
        yield from to_mappings(record.get(name))
    for alert in to_mappings(record.get("alerts")):
        yield from to_mappings(alert.get("evidence"))


def _put_part(fields: _Fields, part: _Record) -> None:
    account = (
        to_mapping(part.get("userAccount")) or to_mapping(part.get("primaryUserAccount")) or part
    )
    if "user.name" not in fields:
        name = next((n for n in (to_word(account.get(key)) for key in _PERSONS) if n), "")
        directory_names.put_person(fields, name or to_word(account.get("userName")))
        domain = to_word(account.get("domainName"))
        if "user.name" in fields and domain and "user.domain" not in fields:
            fields["user.domain"] = domain.casefold()
        sid = to_word(account.get("azureAdUserId")) or to_word(account.get("userSid"))
        if "user.name" in fields and sid:
            fields["user.id"] = sid
    _put_device(fields, part)
    ip = to_word(part.get("ipAddress")) or to_word(part.get("logonIp"))
    ip = ip or to_word(part.get("sourceAddress"))
    end = addresses.parse_endpoint(ip)
    if end.ip is not None and "source.ip" not in fields:
        addresses.put_endpoint(fields, "source", end.ip, end.port)
    if "url.original" not in fields:
        links.put_link(fields, to_word(part.get("url")) or to_word(part.get("destinationUrl")))
    _put_file(fields, part)
    _put_process(fields, part)


def _put_process(fields: _Fields, part: _Record) -> None:
    command, number = to_word(part.get("processCommandLine")), to_number(part.get("processId"))
    if command and "process.command_line" not in fields:
        fields["process.command_line"] = command
        fields |= {} if number is None else {"process.pid": number}


def _put_device(fields: _Fields, part: _Record) -> None:
    if "host.name" in fields:
        return
    for key in ("deviceDnsName", "fqdn", "netBiosName", "hostName"):
        if name := to_word(part.get(key)):
            fields["host.name"] = name
            several = [*to_words(part.get("ipInterfaces")), to_word(part.get("lastIpAddress"))]
            known = [ip for ip in map(addresses.parse_address, several) if ip is not None]
            fields |= {"host.ip": known} if known else {}
            return


def _put_file(fields: _Fields, part: _Record) -> None:
    details: _Record = to_mapping(part.get("fileDetails")) or to_mapping(part.get("imageFile"))
    details = details or (part if "sha256" in part or "fileName" in part else {})
    name = to_word(details.get("fileName")) or to_word(details.get("name"))
    if not name or "file.name" in fields:
        return
    fields["file.name"] = name
    texts = (("file.path", "filePath"), ("file.hash.sha1", "sha1"), ("file.hash.sha256", "sha256"))
    for field, key in texts:
        if text := to_word(details.get(key)):
            fields[field] = text
    if (size := to_number(details.get("fileSize"))) is not None:
        fields["file.size"] = size
