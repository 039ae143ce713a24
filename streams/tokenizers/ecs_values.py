"""Put texts of generic formats under their ECS names, as numbers, addresses and names."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.pipeline.event import Value
from streams.tokenizers import addresses, numbers, people

_NUMBER_ENDS = (
    *(".bytes", ".packets", ".size", ".status_code", ".severity", ".pid", ".duration"),
    *(".iana_number", ".attempts"),
)
_DIGESTS = {32: "md5", 40: "sha1", 64: "sha256"}
_LIST_NAMES = frozenset({"event.category", "event.type", "tags"})
_LOWER_CASE = frozenset(
    {"network.protocol", "network.application", "network.direction", "user.target.name"}
)
_UNSAID = frozenset({"", "-", "N/A", "n/a", "null", "none", "None", "(null)", "unknown", "Unknown"})
_TRANSPORTS = {"1": "icmp", "6": "tcp", "17": "udp", "47": "gre", "50": "esp", "58": "ipv6-icmp"}


def put_value(fields: dict[str, Value], name: str, text: str) -> None:
    """Set one field, if the text says something and has the field's type; the first text stays."""
    text = text.strip()
    if text in _UNSAID or name in fields or _is_placeholder(text):
        return
    if name in {"user.name", "user.email"}:
        _put_account(fields, text)
    elif name.endswith(".ip"):
        ip, port = addresses.parse_endpoint(text)
        if ip is not None:
            fields[name] = ip
        if ip is not None and port is not None:
            fields.setdefault(f"{name[:-2]}port", port)
    elif (value := _convert(name, text)) is not None:
        fields[name] = value


def _is_placeholder(text: str) -> bool:
    """Whether the device has not replaced a variable of its template: `${Alert.username}`."""
    return text.startswith("${") and text.endswith("}")


def _put_account(fields: dict[str, Value], text: str) -> None:
    """Set the user; of a domain, a backslash and a name both parts."""
    domain, _, account = text.replace("\\\\", "\\").partition("\\")
    if not domain or not account or "\\" in account:
        people.put_user(fields, text)
        return
    people.put_user(fields, account)
    if "user.name" in fields:
        fields["user.domain"] = domain.casefold()


def put_addresses_of_names(fields: dict[str, Value]) -> None:
    """Set the address of an end whose name is an address."""
    for end in ("source", "destination"):
        name = fields.get(f"{end}.domain")
        if not isinstance(name, str) or f"{end}.ip" in fields:
            continue
        ip, _ = addresses.parse_endpoint(name)
        if ip is not None:
            fields[f"{end}.ip"] = ip
            del fields[f"{end}.domain"]


def _convert(name: str, text: str) -> Value:
    """Convert to the type of the field; None: the text is not of that type."""
    if name.endswith(_NUMBER_ENDS):
        return numbers.parse_whole(text)
    if name == "network.transport":
        return _TRANSPORTS.get(text, text.lower())
    if name in _LIST_NAMES:
        return [text.lower()]
    kind = name.rpartition(".")[2]
    if kind == "port":
        return addresses.parse_port(text)
    if kind == "mac":
        return text.upper().replace(":", "-")
    return text.lower() if name in _LOWER_CASE else text


def put_values(
    fields: dict[str, Value], texts: Mapping[str, str], names: Mapping[str, str]
) -> None:
    """Set the fields whose names `names` gives by key."""
    for key, name in names.items():
        if key in texts:
            put_value(fields, name, texts[key])


def put_total_bytes(fields: dict[str, Value]) -> None:
    """Set `network.bytes` to the sum of both ways, if both are known."""
    if "source.bytes" in fields and "destination.bytes" in fields:
        fields["network.bytes"] = fields["source.bytes"] + fields["destination.bytes"]


def put_digest(fields: dict[str, Value], text: str) -> None:
    """Set the digest of a file, whose length says how it was made."""
    text = text.strip().casefold()
    name = _DIGESTS.get(len(text))
    if name is not None and not text.strip("0123456789abcdef"):
        fields.setdefault(f"file.hash.{name}", text)


_METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"}
)


def put_method(fields: dict[str, Value], text: str) -> None:
    """Set the method of a request, if it is one that HTTP has."""
    if text.upper() in _METHODS:
        fields.setdefault("http.request.method", text.upper())
