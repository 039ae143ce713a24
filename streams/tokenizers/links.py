"""Split links that a record names into the fields of `url.*`."""

from __future__ import annotations

import re

from schemas.pipeline.event import Value

_LINK = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,20})://([^/?#\s]*+)([^?#]*+)(?:\?([^#]*+))?")
_PORT = re.compile(r":[0-9]{1,5}\Z")


def put_link(fields: dict[str, Value], link: str) -> None:
    """Set `url.original` and its parts; without a scheme, the original only."""
    if not link:
        return
    fields["url.original"] = link
    match = _LINK.match(link)
    if match is None:
        return
    scheme, host, path, query = match.groups()
    host = _PORT.sub("", host.rpartition("@")[2]).strip("[]")
    parts: dict[str, Value] = {
        "url.scheme": scheme.casefold(),
        "url.domain": host.casefold(),
        "url.path": path,
        "url.query": query,
    }
    fields.update({name: value for name, value in parts.items() if value})
