"""Parse what a DHCP server says of a lease: `DHCPACK on 192.0.2.60 to 04:7b:cb:00:00:01 (pc-jo) via eth1`."""

from __future__ import annotations

import re

from schemas.pipeline.event import Value
from streams.tokenizers import addresses, field_tables

_LEASE = re.compile(
    r"DHCP(?P<what>[A-Z]{3,12}) (?:(?:on|for|of|from) (?P<ip>[0-9A-Fa-f.:]{2,45}) )?"
    r"(?:\([0-9.]{7,15}\) )?(?:to|from) (?P<mac>[0-9A-Fa-f:]{17})(?=[\s:,]|\Z)"
    r"(?: \((?P<name>[^()]{1,253})\))?(?: via (?P<interface>[\w.-]{1,32}))?"
)
_OUTCOMES = {"ACK": "success", "NAK": "failure"}


def put_lease(fields: dict[str, Value], text: str) -> bool:
    """Set the client and the step of its lease; return whether the text tells of one."""
    match = _LEASE.match(text)
    if match is None:
        return False
    fields["event.action"] = f"dhcp-{match['what'].lower()}"
    fields["event.outcome"] = _OUTCOMES.get(match["what"], "unknown")
    addresses.put_endpoint(fields, "source", addresses.parse_address(match["ip"] or ""), None)
    field_tables.put_mac(fields, "source", match["mac"])
    if match["name"] is not None:
        fields["source.domain"] = match["name"]
    if match["interface"] is not None:
        fields["observer.ingress.interface.name"] = match["interface"]
    return True
