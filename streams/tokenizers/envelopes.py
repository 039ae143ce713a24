"""Open the JSON that shippers wrap around a raw line: Filebeat, Winlogbeat, Vector, Fluent Bit, rsyslog,
syslog-ng and journald."""

from __future__ import annotations

from datetime import datetime

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import LineFrame, SourceLine
from streams.tokenizers import json_lines, stamps

_MESSAGES = ("message", "log", "raw", "MESSAGE", "msg", "rawmsg", "@message")
"""Keys of the raw line, the likeliest first."""
_HOSTS = ("hostname", "HOST", "_HOSTNAME", "syslog_hostname")
_STAMPS = ("@timestamp", "timestamp", "time", "date", "ISODATE")


def open_envelope(line: SourceLine) -> SourceLine | None:
    """Return the raw line inside a shipper's object, or None if the object holds none.

    An object in ECS that has its own category is no envelope: it is an event."""
    try:
        document = json_lines.read_object(line.text)
    except UnparseableRecord:
        return None
    raw = _find_raw_line(document)
    if raw is None:
        return None
    frame = LineFrame(
        time=_find_time(document, line),
        host=_find_host(document),
        app=_first_word(document, ("appname", "PROGRAM", "SYSLOG_IDENTIFIER", "program")),
        pid=_first_word(document, ("procid", "PID", "SYSLOG_PID", "_PID")),
        facts=_list_facts(document),
    )
    return SourceLine(raw.rstrip("\r\n"), line.arrived, line.zone, line.source, frame)


def _find_raw_line(document: dict[str, Value]) -> str | None:
    event = document.get("event")
    original = event.get("original") if isinstance(event, dict) else document.get("event.original")
    if isinstance(original, str) and original:
        return original
    return _first_word(document, _MESSAGES)


def _first_word(document: dict[str, Value], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        value = document.get(key)
        if isinstance(value, str) and value:
            return value
    return None


def _find_host(document: dict[str, Value]) -> str | None:
    host = document.get("host")
    if isinstance(host, dict):
        return _first_word(host, ("name", "hostname"))
    if isinstance(host, str) and host:
        return host
    return _first_word(document, _HOSTS)


def _find_time(document: dict[str, Value], line: SourceLine) -> datetime | None:
    stamp = _first_word(document, _STAMPS)
    if stamp is None:
        return None
    try:
        return stamps.parse_iso(stamp, line.zone)
    except UnparseableRecord:
        return None


def _list_facts(document: dict[str, Value]) -> dict[str, Value]:
    log = document.get("log")
    file = log.get("file") if isinstance(log, dict) else None
    path = file.get("path") if isinstance(file, dict) else document.get("log.file.path")
    return {"log.file.path": path} if isinstance(path, str) and path else {}
