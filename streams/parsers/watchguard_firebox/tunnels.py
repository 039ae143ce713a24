"""Read the sentences of a WatchGuard Firebox about negotiations of IPsec tunnels."""

from __future__ import annotations

import re

from schemas.pipeline.event import Value
from streams.tokenizers import addresses

_V4 = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
_SOURCE = rf"(?P<source>{_V4})(?::(?P<source_port>[0-9]{{1,5}}))?"
_DESTINATION = rf"(?P<destination>{_V4})(?::(?P<destination_port>[0-9]{{1,5}}))?"
_REFUSED = (
    re.compile(
        rf"(?:IKE phase-[12]|XAuth|IKEv[12]\b.{{0,40}}?) negotiation from {_SOURCE}(?: to {_DESTINATION})? failed\b"
    ),
    re.compile(
        rf"(?:Rejected|Dropped) (?:(?!from |').){{1,120}}from (?:the )?(?:peer )?{_SOURCE}(?=[\s.,]|\Z)"
    ),
)
_XAUTH_FAILED = re.compile(rf"Received XAuth failed notification from {_SOURCE}")
_COMPLETION = re.compile(
    r"(?:BOVPN|MUVPN|Mobile VPN)?.{0,40}?phase-[12] .{0,40}?completed successfully as (?P<role>initiator|responder)"
    rf" for '.{{1,128}}?' gateway endpoint\. localgw:{_DESTINATION} remotegw:{_SOURCE} "
)
_REASON = re.compile(
    r"(?:Reason=|because |, (?=expecting )|failed (?=due to ))(?P<reason>.{1,254}?)\s*\Z"
)


def put_negotiation(fields: dict[str, Value], body: str) -> bool:
    """Set what a sentence about a negotiation says; return whether it is one."""
    completion = _COMPLETION.match(body)
    if completion is not None:
        fields |= {"event.category": ["network"], "event.type": ["connection", "start"]}
        fields |= {"event.outcome": "success", "event.action": "ike-negotiation"}
        local, remote = ("source", "destination")[:: 1 if completion["role"] == "initiator" else -1]
        _put_end(fields, local, completion["destination"], completion["destination_port"])
        _put_end(fields, remote, completion["source"], completion["source_port"])
        return True
    failed = _XAUTH_FAILED.match(body)
    refused = next((match for each in _REFUSED if (match := each.match(body))), failed)
    if refused is None:
        return False
    is_sign_in = failed is not None
    fields["event.category"] = ["authentication"] if is_sign_in else ["network"]
    fields["event.type"] = ["start"] if is_sign_in else ["connection", "denied"]
    fields["event.outcome"] = "failure"
    fields["event.action"] = "login" if is_sign_in else "ike-negotiation"
    for side in ("source", "destination"):
        groups = refused.groupdict()
        _put_end(fields, side, groups.get(side), groups.get(f"{side}_port"))
    reason = _REASON.search(body[:1000])
    fields |= {} if reason is None else {"event.reason": reason["reason"]}
    return True


def _put_end(fields: dict[str, Value], side: str, ip: str | None, port: str | None) -> None:
    parsed = addresses.parse_address(ip or "")
    addresses.put_endpoint(fields, side, parsed, addresses.parse_port(port or ""))
