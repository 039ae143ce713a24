"""Lines of web servers, application firewalls and gateways say the same inside any shipper's frame."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.plugin import IgnoredLine, Parser, ParserExample, load_plugins
from schemas.settings import SourceSettings
from streams.normalise.recognise import FormatRecogniser

PARSERS: dict[str, Parser] = dict(load_plugins("streams.parsers", "PARSER"))
NAMES = (
    *("nginx_access", "nginx_error", "nginx_proxy_manager", "apache_access", "apache_error"),
    *("lighttpd_error", "iis_access", "iis_error", "haproxy_log", "traefik_access", "caddy_access"),
    *("json_access", "squid_access", "cpanel_access", "aws_elb", "aws_waf", "cloudflare_logpush"),
    *(
        "modsecurity_error",
        "modsecurity_audit",
        "coraza_waf",
        "pfsense_filterlog",
        "pfsense_system",
    ),
    *("mikrotik_routeros", "openvpn_server", "wireguard_peers", "linux_iptables", "ubiquiti_unifi"),
    "draytek_vigor",
)
FRAMES: dict[str, Callable[[str], str]] = {
    "RFC 3164": lambda text: f"<134>Nov 22 12:00:00 relay01 {text}",
    "RFC 5424": lambda text: f"<134>1 2026-11-22T12:00:00Z relay01 - - - - {text}",
    "Filebeat": lambda text: json.dumps(
        {
            "@timestamp": "2026-11-22T12:00:00.000Z",
            "message": text,
            "log": {"offset": 1, "file": {"path": "/var/log/x"}},
            "ecs": {"version": "8.0.0"},
            "host": {"name": "shipper"},
        }
    ),
    "rsyslog": lambda text: json.dumps({"message": text, "hostname": "gw", "facility": "local7"}),
    "Vector": lambda text: json.dumps({"message": text, "host": "gw", "source_type": "syslog"}),
    "Fluent Bit": lambda text: json.dumps({"date": 1795309575.5, "log": text}),
}
CASES = [
    (frame, name, example)
    for name in NAMES
    for example in PARSERS[name].examples
    for frame in FRAMES
    if not (frame.startswith("RFC") and ("\n" in example.line or example.line.startswith("#")))
]


def read(text: str) -> tuple[str, ...] | None:
    """Return who read the line, and what must not change."""
    record = RawRecord(
        RecordPosition("test", 1), "s", text.encode(), datetime(2026, 11, 22, 12, tzinfo=UTC)
    )
    outcome = FormatRecogniser(PARSERS).read_or_refuse(record, SourceSettings(name="s", zone="UTC"))
    if isinstance(outcome, UnparseableRecord):
        return None
    parser, act = outcome
    if isinstance(act, IgnoredLine):
        return (parser,)
    names = ("source.ip", "source.port", "destination.ip", "user.name", "event.outcome", "url.path")
    return (parser, *(str(act.fields.get(name)) for name in names))


@pytest.mark.parametrize(("frame", "name", "example"), CASES)
def test_a_frame_changes_nothing(frame: str, name: str, example: ParserExample) -> None:
    bare = read(example.line)

    assert bare is not None
    assert bare[0] == name
    assert read(FRAMES[frame](example.line)) == bare
