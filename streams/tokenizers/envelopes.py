"""Open the JSON that shippers wrap around a raw line: rsyslog, syslog-ng, Filebeat, Winlogbeat, Vector,
Fluent Bit, Fluentd, Logstash, NXLog, GELF, docker, journald, Splunk's collector, OpenTelemetry and
cloud log services."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import LineFrame, SourceLine
from streams.tokenizers import device_stamps, json_lines, numbers, otlp_logs, syslog

_RAW_LINES = (
    *("event.original", "rawmsg", "RAWMSG", "raw_event", "_raw", "full_log", "raw", "raw_message"),
    *("full_message", "message", "log", "MESSAGE", "msg", "@message", "Message", "SyslogMessage"),
    *("textPayload", "line", "short_message", "event", "payload"),
)
"""Keys of the raw line: those that keep its header first."""
_INNER_OBJECTS = ("_source", "result", "jsonPayload", "event", "payload")
"""Keys of an object that holds the raw line, or is an event of its own."""
_HOSTS = (
    *("host.name", "host.hostname", "host", "hostname", "HOST", "_HOSTNAME", "Hostname"),
    *("HostName", "Computer", "syslog_hostname", "logsource", "agent.name", "_host"),
)
_APPS = (
    *("appname", "app-name", "PROGRAM", "SYSLOG_IDENTIFIER", "programname", "program", "ident"),
    *("process.name", "ProcessName", "SourceName", "_COMM", "_tag", "syslog-tag", "syslogtag"),
)
_PROCESSES = (
    *("procid", "PID", "SYSLOG_PID", "_PID", "pid", "process.pid", "ProcessID", "proc_id"),
)
_STAMPS = (
    *("_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP", "@timestamp", "timestamp", "time"),
    *("timereported", "ISODATE", "EventTime", "_time", "TimeGenerated", "date", "DATE"),
)
_PRIORITIES = ("pri", "syslog.priority", "log.syslog.priority")
_PATHS = (
    *("log.file.path", "file", "path", "log_file_path", "filename", "_file", "source", "location"),
    *("attributes.log.file.path",),
)
_FACTS = (
    ("container.name", ("container.name", "container_name", "kubernetes.container_name",
                        "kubernetes.container.name", "CONTAINER_NAME", "_container_name")),
    ("container.id", ("container.id", "container_id", "docker.container_id", "kubernetes.docker_id",
                      "CONTAINER_ID_FULL", "_container_id")),
    ("orchestrator.resource.name", ("kubernetes.pod_name", "kubernetes.pod.name")),
    ("orchestrator.namespace", ("kubernetes.namespace_name", "kubernetes.namespace")),
)  # fmt: skip
"""ECS names, and where shippers put them."""
_RAW_LINE_KEYS = frozenset(_RAW_LINES) | {name.partition(".")[0] for name in _RAW_LINES}
"""Of which every object has one that holds a raw line."""
_OPENING_KEYS = _RAW_LINE_KEYS | {"logEvents", *_INNER_OBJECTS}
"""Of which every object has one that holds a raw line or an inner object."""
_PARTS_OF_ECS = frozenset({"kind", "category", "module", "dataset", "provider", "action", "type"})
_TAG = re.compile(r"([^\s:\[\]]{1,64})(?:\[([^\]\s]{0,32})\])?:?\s*\Z")
_EXPORTED = re.compile(r"([A-Z_][A-Z0-9_]{0,63})=(.*)")
_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_BYTES = 256


def open_envelope(line: SourceLine) -> SourceLine | None:
    """Return the raw line or the object inside a shipper's object, or None if it holds none."""
    try:
        document = json_lines.read_shared_object(line.text)
    except UnparseableRecord:
        return None
    if "resourceLogs" in document:
        return _open_otlp(document, line)
    return _open_document(document, line)


def _open_otlp(document: Mapping[str, Value], line: SourceLine) -> SourceLine | None:
    """Return the body of OTLP's only log record: a line, or a structured body as JSON."""
    log = otlp_logs.read_log(document)
    if log is None or not log.body:
        return None
    text = log.body if isinstance(log.body, str) else orjson.dumps(log.body).decode()
    return replace(line, text=text.rstrip("\r\n"), frame=otlp_logs.build_frame(log, line.frame))


def open_journal_export(line: SourceLine) -> SourceLine | None:
    """Return the message of one entry in the export format of systemd's journal."""
    document: dict[str, Value] = {}
    for text in line.text.split("\n"):
        match = _EXPORTED.match(text)
        if match is not None:
            document.setdefault(match[1], match[2])
    return _open_document(document, line)


def open_pair(line: SourceLine) -> SourceLine | None:
    """Return the record of Fluent Bit's `[stamp, {…}]`."""
    try:
        document = orjson.loads(line.text)
    except ValueError:
        return None
    if not isinstance(document, list) or len(document) != 2 or not isinstance(document[1], dict):
        return None
    return replace(line, text=orjson.dumps(document[1]).decode())


def _open_document(document: Mapping[str, Value], line: SourceLine) -> SourceLine | None:
    if _OPENING_KEYS.isdisjoint(document):
        return None
    raw = _find_raw_line(document)
    if raw is None:
        inner = _find_inner_object(document)
        if inner is None:
            return None
        raw = orjson.dumps(inner, default=str).decode()
    frame, text = _build_frame(document, line), raw.rstrip("\r\n")
    if frame.app is not None and not text.startswith("<"):
        app, text = syslog.restore_tag(frame.app, text)
        frame = frame if app is not None else replace(frame, app=None)
    # dataclasses.replace costs four times as much.
    return SourceLine(
        text,
        line.arrived,
        line.zone,
        line.source,
        frame,
        line.max_future,
        line.field_map,
    )


def _build_frame(document: Mapping[str, Value], line: SourceLine) -> LineFrame:
    app, pid = _find_word(document, _APPS), _find_word(document, _PROCESSES)
    if app is not None and (tag := _TAG.match(app)) is not None:
        app, pid = tag[1], pid or tag[2]
    priority = _find_word(document, _PRIORITIES)
    return LineFrame(
        time=_find_time(document, line) or line.frame.time,
        host=_find_word(document, _HOSTS) or line.frame.host,
        app=app,
        pid=pid,
        priority=line.frame.priority if priority is None else numbers.parse_whole(priority),
        structured=line.frame.structured,
        facts={**line.frame.facts, **_list_facts(document)},
    )


def _find_raw_line(document: Mapping[str, Value]) -> str | None:
    for name in _list_raw_line_names(_RAW_LINE_KEYS.intersection(document)):
        value = json_lines.get_nested(document, name)
        if isinstance(value, str) and value.strip():
            return value.lstrip(" ") if name == "msg" else value
        if name == "MESSAGE" and isinstance(value, list) and all(map(_is_byte, value)):
            return bytes(value).decode("utf-8", "backslashreplace")
    return None


@lru_cache(maxsize=1024)
def _list_raw_line_names(keys: frozenset[str]) -> Sequence[str]:
    """List the names under which an object with these keys may hold a raw line, in their order."""
    return [name for name in _RAW_LINES if name in keys or name.partition(".")[0] in keys]


def _is_byte(value: Value) -> bool:
    return isinstance(value, int) and 0 <= value < _MOST_BYTES


def _find_inner_object(document: Mapping[str, Value]) -> dict[str, Value] | None:
    several = document.get("logEvents")
    if isinstance(several, list) and len(several) == 1 and isinstance(several[0], dict):
        return several[0]
    objects = map(document.get, _INNER_OBJECTS)
    return next((each for each in objects if isinstance(each, dict) and _is_record(each)), None)


def _is_record(document: dict[str, Value]) -> bool:
    """Whether an inner object is a record, and not a part of ECS such as `event.action`."""
    if _find_raw_line(document) is not None:
        return True
    return len(document) > 3 and _PARTS_OF_ECS.isdisjoint(document)


def _find_word(document: Mapping[str, Value], names: Iterable[str]) -> str | None:
    for name in names:
        value = json_lines.get_nested(document, name)
        if isinstance(value, str) and value and value != "-":
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return None


def _find_time(document: Mapping[str, Value], line: SourceLine) -> datetime | None:
    for name in _STAMPS:
        value = document.get(name)
        if isinstance(value, float) and 0 < value < 1e11:
            return _BEGIN + timedelta(seconds=value)
        if isinstance(value, int | str) and not isinstance(value, bool):
            time = device_stamps.parse_stamp(str(value), line.arrived, line.zone)
            if time is not None:
                return time
    return None


def _list_facts(document: Mapping[str, Value]) -> dict[str, Value]:
    facts: dict[str, Value] = {}
    for name in _PATHS:
        path = json_lines.get_nested(document, name)
        if isinstance(path, str) and (path.startswith("/") or path[1:3] == ":\\"):
            facts["log.file.path"] = path
            break
    for fact, names in _FACTS:
        word = _find_word(document, names)
        if word is not None:
            facts[fact] = word
    return facts
