"""The shapes in which shippers hand on a line: `from shipped import SHAPES`.

Each is what the shipper writes with its usual settings; names, hosts and times are ours."""

from __future__ import annotations

import json
from collections.abc import Callable

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

STAMP = "2026-11-22T11:59:58.123Z"
NANOSECONDS = 1_795_348_798_123_000_000


def by_filebeat(line: str) -> bytes:
    return _write(
        {
            "@timestamp": STAMP,
            "@metadata": {"beat": "filebeat", "type": "_doc", "version": "8.15.0"},
            "log": {"offset": 4096, "file": {"path": "/var/log/device.log", "inode": "77"}},
            "message": line,
            "input": {"type": "filestream"},
            "ecs": {"version": "8.0.0"},
            "host": {"name": "relay01"},
            "agent": {"name": "relay01", "type": "filebeat", "version": "8.15.0", "id": "a-1"},
        }
    )


def by_vector(line: str) -> bytes:
    return _write(
        {
            "file": "/var/log/device.log",
            "host": "relay01",
            "message": line,
            "source_type": "file",
            "timestamp": STAMP,
        }
    )


def by_fluent_bit(line: str) -> bytes:
    return _write({"date": 1795348798.123, "log": line, "filePath": "/var/log/device.log"})


def by_rsyslog(line: str) -> bytes:
    """Write what a list template with jsonf and the raw message."""
    return _write({"timereported": STAMP, "fromhost-ip": "198.51.100.9", "rawmsg": line})


def by_syslog_ng(line: str) -> bytes:
    """$(format-json) of a source with store-raw-message."""
    return _write({"ISODATE": STAMP, "SOURCEIP": "198.51.100.9", "RAWMSG": line})


def by_logstash(line: str) -> bytes:
    return _write(
        {
            "@timestamp": STAMP,
            "@version": "1",
            "host": {"ip": "198.51.100.9"},
            "event": {"original": line},
            "message": line,
        }
    )


def by_otlp(line: str) -> bytes:
    """One log record of a filelog receiver, as JSON."""
    record = {
        "observedTimeUnixNano": str(NANOSECONDS),
        "body": {"stringValue": line},
        "attributes": [{"key": "log.file.name", "value": {"stringValue": "device.log"}}],
    }
    resource = {"attributes": [{"key": "host.name", "value": {"stringValue": "relay01"}}]}
    scopes = [{"scope": {}, "logRecords": [record]}]
    return _write({"resourceLogs": [{"resource": resource, "scopeLogs": scopes}]})


def build_otlp_request(*lines: str) -> ExportLogsServiceRequest:
    """The same in protobuf, of any number of lines."""
    request = ExportLogsServiceRequest()
    of_resource = request.resource_logs.add()
    host = of_resource.resource.attributes.add(key="host.name")
    host.value.string_value = "relay01"
    of_scope = of_resource.scope_logs.add()
    for line in lines:
        record = of_scope.log_records.add(observed_time_unix_nano=NANOSECONDS)
        record.body.string_value = line
        record.attributes.add(key="log.file.name").value.string_value = "device.log"
    return request


def _write(document: dict[str, object]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


SHAPES: dict[str, Callable[[str], bytes]] = {
    "Filebeat": by_filebeat,
    "Vector": by_vector,
    "Fluent Bit": by_fluent_bit,
    "rsyslog": by_rsyslog,
    "syslog-ng": by_syslog_ng,
    "Logstash": by_logstash,
    "OpenTelemetry": by_otlp,
}
