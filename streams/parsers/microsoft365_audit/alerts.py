"""Read alerts: whom they are about, what was seen, and how grave it is.

`UserId` often is the service that raises the alert. The person stands in the alert's data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from schemas.pipeline.event import Value
from streams.tokenizers import addresses, directory_names, links, people
from streams.tokenizers.json_lines import to_mapping, to_mappings, to_number, to_word, to_words

_Fields = dict[str, Value]
_Record = Mapping[str, Value]
OPERATIONS = frozenset(
    {
        *("alerttriggered", "alertentitygenerated", "alertupdated", "airinvestigationdata"),
        *("airmanualinvestigation", "airadminactioninvestigationdata", "atpdetection"),
        *("tiurlclickdata", "timaildata", "mailsubmission", "usersubmission"),
    }
)
_PREFIX = "mcas_alert"
_SERVICES = frozenset({"threatintel", "airinvestigation", "securitycompliancealerts"})
_SEVERITIES = {"informational": 1, "low": 2, "medium": 3, "high": 4}
_PERSONS = ("f3u", "trc", "suid", "uid", "eid", "tsd", "to")
"""Keys of an alert's `Data` that may hold a mail address, the actor's first."""
_MAIL_WORDS = frozenset({"timaildata", "mailsubmission", "usersubmission"})
_DETECTED = frozenset({"atpdetection"})


def is_alert(key: str) -> bool:
    """Whether a case-folded operation raises, extends or closes an alert."""
    return key in OPERATIONS or key.startswith(_PREFIX)


def put_alert(fields: _Fields, record: _Record, key: str) -> None:
    data = to_mapping(record.get("Data"))
    fields |= {
        "event.kind": "alert",
        "event.category": ["intrusion_detection"],
        "event.type": ["info"],
    }
    if key in _MAIL_WORDS:
        fields["event.category"] = ["email", "intrusion_detection"]
    elif key in _DETECTED:
        fields["event.category"] = ["malware", "file"]
    _put_names(fields, record, data)
    _put_person(fields, record, data)
    _put_link(fields, record, data)
    _put_mail(fields, record, data)
    _put_detected_file(fields, to_mapping(record.get("FileData")))
    _put_client(fields, record)


def _put_names(fields: _Fields, record: _Record, data: _Record) -> None:
    texts: dict[str, Value] = {
        "rule.id": record.get("PolicyId") or data.get("AlertType"),
        "rule.name": record.get("Name")
        or record.get("AlertDisplayName")
        or data.get("AlertDisplayName")
        or record.get("InvestigationName"),
        "rule.category": record.get("Category")
        or record.get("AlertCategory")
        or data.get("Category"),
        "event.reason": data.get("ad") or data.get("od") or record.get("DetectionMethod"),
        "event.url": record.get("EventDeepLink")
        or record.get("DeepLinkUrl")
        or record.get("AlertUri"),
    }
    fields.update({name: to_word(text) for name, text in texts.items() if to_word(text)})
    severity = record.get("Severity") or record.get("AlertSeverity") or data.get("Severity")
    number = _SEVERITIES.get(to_word(severity).casefold())
    if number is not None:
        fields["event.severity"] = number


def _put_person(fields: _Fields, record: _Record, data: _Record) -> None:
    if fields.get("user.name", "") not in _SERVICES | {""} and "user.email" in fields:
        return
    person = next(_list_persons(record, data), None)
    if person is None:
        return
    for name in ("user.name", "user.email", "user.domain"):
        fields.pop(name, None)
    directory_names.put_person(fields, person)


def _list_persons(record: _Record, data: _Record) -> Iterator[str]:
    """List the mail addresses of those whom the alert is about, the likeliest first."""
    texts = [to_word(data.get(key)) for key in _PERSONS[:4]]
    texts += [to_word(record.get("AlertEntityId")), to_word(record.get("ObjectId"))]
    texts += [to_word(data.get(key)) for key in _PERSONS[4:]]
    for entity in to_mappings(data.get("Entities")):
        texts += [to_word(entity.get(name)) for name in ("Upn", "MailboxPrimaryAddress")]
    for entity in to_mappings(data.get("Entities")):
        texts.append(to_word(entity.get("Recipient")))
    texts += to_words(record.get("Recipients"))
    for text in texts:
        if "://" in text:
            continue
        person = directory_names.read_person(text.partition(",")[0].partition(";")[0])
        if person is not None and people.is_mail_address(person):
            yield person
        else:
            yield from people.find_mail_addresses(text)[:1]


def _put_link(fields: _Fields, record: _Record, data: _Record) -> None:
    """Set the link that was clicked or found, or the file that was found."""
    for text in _list_links(record, data):
        if "://" in text[:20]:
            links.put_link(fields, text)
            return


def _list_links(record: _Record, data: _Record) -> list[str]:
    file_path = to_mapping(record.get("FileData")).get("FilePath")
    texts = [record.get("Url"), file_path, record.get("AlertEntityId"), record.get("ObjectId")]
    texts += [data.get("eid"), data.get("ourl"), data.get("url")]
    entities = to_mappings(data.get("Entities"))
    texts += [entity.get("Url") for entity in entities]
    for entity in entities:
        texts += to_words(entity.get("Urls"))
    return [to_word(text) for text in texts]


def _put_mail(fields: _Fields, record: _Record, data: _Record) -> None:
    """Set sender, recipients and message, without the subject, which may hold personal data."""
    mail = next((e for e in to_mappings(data.get("Entities")) if "InternetMessageId" in e), {})
    sender = to_word(record.get("P2Sender") or record.get("P1Sender"))
    sender = sender or to_word(mail.get("Sender"))
    sender = sender or to_word(data.get("mfrm")) or to_word(data.get("tsd"))
    several = to_words(record.get("Recipients")) or [to_word(mail.get("Recipient"))]
    recipients = to_word(data.get("to")) or to_word(data.get("trc"))
    several = several if several != [""] else recipients.replace(";", ",").split(",")
    copies = to_word(data.get("cc")).split(",")
    lists = {"from": [sender], "to": several, "cc": copies}
    for name, values in lists.items():
        mail_addresses = [each for value in values for each in people.find_mail_addresses(value)]
        if mail_addresses:
            fields[f"email.{name}.address"] = mail_addresses
    message = to_word(record.get("InternetMessageId")) or to_word(mail.get("InternetMessageId"))
    message = message or to_word(data.get("imsgid"))
    local = to_word(record.get("NetworkMessageId")) or to_word(mail.get("NetworkMessageId"))
    fields |= {"email.message_id": message} if message else {}
    fields |= {"email.local_id": local} if local else {}


def _put_detected_file(fields: _Fields, file: _Record) -> None:
    texts = {
        "file.name": file.get("FileName"),
        "file.path": file.get("FilePath"),
        "file.hash.sha256": file.get("SHA256"),
        "threat.software.name": file.get("MalwareFamily"),
    }
    fields.update({name: to_word(text) for name, text in texts.items() if to_word(text)})
    size = to_number(file.get("FileSize"))
    if size is not None:
        fields["file.size"] = size


def _put_client(fields: _Fields, record: _Record) -> None:
    """Set the address that the alert names, if it is only one."""
    texts = [*to_words(record.get("ClientIPs")), to_word(record.get("SenderIp"))]
    clients = [addresses.parse_address(text) for text in texts]
    known = [ip for ip in clients if ip is not None]
    if len(known) == 1 and "source.ip" not in fields:
        fields["source.ip"] = known[0]
    elif known:
        fields["related.ip"] = known
