"""Every frame around a message is removed, and what it says is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.plugin import ParsedEvent, SourceLine
from schemas.settings import SourceSettings
from streams.normalise.frames import open_frames, order_levels
from streams.normalise.recognise import TIME_SUSPECT, FormatRecogniser
from streams.normalise.refusals import NotUnderstood

ARRIVED = datetime(2026, 11, 22, 12, tzinfo=UTC)
TIME = datetime(2026, 11, 22, 1, 6, 15, tzinfo=UTC)
FAILED = "Failed password for root from 203.0.113.66 port 22 ssh2"


def levels_of(text: str) -> list[SourceLine]:
    return open_frames(SourceLine(text, ARRIVED, UTC))


CISCO = "%ASA-4-106023: Deny"
HEADERS = (
    "<164>Nov 22 2026 01:06:15: {}",
    "<164>Nov 22 2026 01:06:15 fw1 : {}",
    "<164>Nov 22 2026 01:06:15 fw1: {}",
    "<166>2026-11-22T01:06:15Z fw1 : {}",
    "<166>2026-11-22T01:06:15.000Z fw1 {}",
    "<111>:Nov 22 01:06:15 UTC: {}",
    "Nov 22 01:06:15 fw1: {}",
    "Nov 22 01:06:15 192.0.2.1 {}",
    "Nov 22 01:06:15 192.0.2.1 fw1: {}",
    "<189>12345: *Nov 22 01:06:15.000 UTC: {}",
    "<189>12345: .Nov 22 2026 01:06:15: {}",
    "<189>45: fw1: 000123: Nov 22 01:06:15.000: {}",
    "<189>: 2026 Nov 22 01:06:15 UTC: {}",
    "000123: Nov 22 02:06:15.000 CET: {}",
    "fw1: Nov 22 2026 01:06:15.00: {}",
    "Nov 22 01:06:16 relay fw1: Nov 22 01:06:15.000 UTC: {}",
    "Nov 22 01:06:16 relay 1234: fw1: 000123: Nov 22 01:06:15 UTC: {}",
    "Nov 22 01:06:15 2026 fw1 {}",
    "Sun Nov 22 01:06:15 2026 fw1 {}",
    "95 <164>Nov 22 2026 01:06:15: {}",
    "\ufeff<164>Nov 22 2026 01:06:15: {}",
    "  <164>Nov 22 2026 01:06:15: {}",
    "<164>1 2026-11-22T01:06:15Z fw1 {}",
)


@pytest.mark.parametrize("header", HEADERS)
def test_a_devices_header_is_removed(header: str) -> None:
    inner = levels_of(header.format(CISCO))[-1]

    assert (inner.text, inner.frame.app) == ("Deny", "%ASA-4-106023")
    assert inner.frame.time == TIME


@pytest.mark.parametrize("uptime", ["1w2d", "2y5w", "3d04h", "00:12:34"])
def test_an_uptime_is_no_time(uptime: str) -> None:
    inner = levels_of(f"<189>12345: {uptime}: %SYS-5-CONFIG_I: Configured")[-1]

    assert (inner.text, inner.frame.app, inner.frame.time) == (
        "Configured",
        "%SYS-5-CONFIG_I",
        None,
    )


PROGRAMS = (
    "Nov 22 01:06:15 web01 sshd[12]: {}",
    "<38>Nov 22 01:06:15 web01 sshd[12]: {}",
    "2026-11-22T01:06:15.000000+00:00 web01 sshd[12]: {}",
    "Sun 2026-11-22 01:06:15 UTC web01 sshd[12]: {}",
    "1795309575.000000 web01 sshd[12]: {}",
    "Nov 22 01:06:15 web01 web01 sshd[12]: {}",
    "Nov 22 01:06:15 192.0.2.1 web01 sshd[12]: {}",
    "Nov 22 01:06:16 relay <38>Nov 22 01:06:15 web01 sshd[12]: {}",
    "Nov 22 01:06:15 auth.info web01 sshd[12]: {}",
    "Nov 22 01:06:15 <auth.info> web01 sshd[12]: {}",
    "Sun Nov 22 01:06:15 2026 auth.info sshd[12]: {}",
    "<38>1 2026-11-22T01:06:15Z web01 sshd 12 - - {}",
    "1 2026-11-22T01:06:15Z web01 sshd 12 - - {}",
    '"Nov 22 01:06:15 web01 sshd[12]: {}"',
    "auth-1  | Nov 22 01:06:15 web01 sshd[12]: {}",
    "2026-11-22T01:06:15.000000000Z stdout F Nov 22 01:06:15 web01 sshd[12]: {}",
)


@pytest.mark.parametrize("header", PROGRAMS)
def test_a_programs_header_is_removed(header: str) -> None:
    inner = levels_of(header.format(FAILED))[-1]

    assert (inner.text, inner.frame.app, inner.frame.pid) == (FAILED, "sshd", "12")
    assert inner.frame.time == TIME


RAW = f"Nov 22 01:06:15 web01 sshd[12]: {FAILED}"
SHIPPERS: dict[str, dict[str, Any]] = {
    "Filebeat": {
        "@timestamp": "2026-11-22T01:06:16Z",
        "ecs": {"version": "8.0.0"},
        "host": {"name": "web01"},
        "log": {"file": {"path": "/var/log/auth.log"}, "offset": 7},
        "event": {"dataset": "system.auth"},
        "message": RAW,
    },
    "Vector": {"message": RAW, "host": "web01", "source_type": "file", "file": "/var/log/auth.log"},
    "Vector's syslog": {
        "message": FAILED,
        "appname": "sshd",
        "procid": 12,
        "hostname": "web01",
        "timestamp": "2026-11-22T01:06:15Z",
    },
    "Fluent Bit": {"date": 1795309575.0, "log": RAW},
    "Fluent Bit's syslog": {"time": "Nov 22 01:06:15", "host": "web01", "ident": "sshd", "pid": "12", "message": FAILED},
    "Logstash": {"@version": "1", "@timestamp": "2026-11-22T01:06:16Z", "message": RAW, "path": "/var/log/auth.log"},
    "rsyslog": {"msg": f" {FAILED}", "rawmsg": f"<38>{RAW}", "programname": "sshd", "hostname": "web01"},
    "rsyslog without the raw message": {"message": FAILED, "syslog-tag": "sshd[12]:", "host": "web01", "timereported": "2026-11-22T01:06:15Z"},
    "syslog-ng": {"MESSAGE": FAILED, "PROGRAM": "sshd", "PID": "12", "HOST": "web01", "ISODATE": "2026-11-22T01:06:15+00:00"},
    "NXLog": {"Message": FAILED, "SourceName": "sshd", "ProcessID": "12", "Hostname": "web01", "EventTime": "2026-11-22 01:06:15"},
    "GELF": {"version": "1.1", "host": "web01", "short_message": "Failed", "full_message": RAW, "timestamp": 1795309576.0},
    "docker": {"log": f"{RAW}\n", "stream": "stdout", "time": "2026-11-22T01:06:16Z"},
    "journald": {"MESSAGE": FAILED, "SYSLOG_IDENTIFIER": "sshd", "_PID": "12", "_HOSTNAME": "web01", "__REALTIME_TIMESTAMP": "1795309575000000"},
    "journald with bytes": {"MESSAGE": list(FAILED.encode()), "SYSLOG_IDENTIFIER": "sshd", "_PID": "12", "__REALTIME_TIMESTAMP": "1795309575000000"},
    "CloudWatch": {"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "timestamp": 1795309576000, "message": RAW}]},
    "Splunk's collector": {"time": 1795309576.0, "host": "web01", "source": "/var/log/auth.log", "event": RAW},
    "Elasticsearch": {"_index": "logs", "_source": {"message": RAW, "host": {"name": "web01"}}},
    "docker in Filebeat": {"message": orjson.dumps({"log": RAW, "stream": "stdout"}).decode()},
}  # fmt: skip


@pytest.mark.parametrize("document", SHIPPERS.values(), ids=SHIPPERS)
def test_a_shippers_object_is_opened(document: dict[str, Any]) -> None:
    inner = levels_of(orjson.dumps(document).decode())[-1]

    assert (inner.text, inner.frame.app, inner.frame.pid) == (FAILED, "sshd", "12")
    assert inner.frame.time == TIME


@pytest.mark.parametrize("document", SHIPPERS.values(), ids=SHIPPERS)
def test_the_line_in_an_object_becomes_its_event(document: dict[str, Any]) -> None:
    parser, parsed = read(orjson.dumps(document))

    assert parser == "linux_sshd"
    assert isinstance(parsed, ParsedEvent)
    assert parsed.fields["source.ip"] == "203.0.113.66"


def test_an_entry_of_the_journals_export_is_opened() -> None:
    text = f"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1795309575000000\nSYSLOG_IDENTIFIER=sshd\n_PID=12\nMESSAGE={FAILED}\n"
    inner = levels_of(text)[-1]

    assert (inner.text, inner.frame.app, inner.frame.pid) == (FAILED, "sshd", "12")
    assert inner.frame.time == TIME


CEF = "CEF:0|V|P|1|100|Name|5|src=192.0.2.1"
BEFORE_CEF = (
    "",
    "<13>",
    "Nov 22 01:06:15 unifi ",
    "Nov 22 01:06:15 My Dream Machine ",
    "Nov 22 01:06:15 unifi.example 2026-11-22T01: 06:15.000Z unifi ",
    "Nov 22 01:06:15 unifi unifi ",
    "<13>1 2026-11-22T01:06:15Z unifi ",
    "<13>1 2026-11-22T01:06:15Z unifi - - - - ",
    "Nov 22 01:06:15 192.0.2.9 gateway[7]: ",
)


@pytest.mark.parametrize("before", BEFORE_CEF)
def test_a_broken_header_before_cef_is_removed(before: str) -> None:
    assert levels_of(before + CEF)[-1].text == CEF


@pytest.mark.parametrize(
    "before",
    ["Nov 22 01:06:15 web01 sshd[12]: Invalid user ", 'Nov 22 01:06:15 web01 "GET ', "user="],
)
def test_cef_in_a_message_is_part_of_the_message(before: str) -> None:
    assert all(level.text != CEF for level in levels_of(before + CEF))


def test_text_is_asked_for_inside_first_and_an_object_as_a_whole() -> None:
    levels = levels_of("Nov 22 01:06:15 web01 app[1]: " + orjson.dumps({"message": RAW}).decode())

    assert [levels[at].text[:6] for at in order_levels(levels)] == [
        '{"mess',
        "Nov 22",
        "Failed",
        "Nov 22",
    ]


def read(raw: bytes, settings: SourceSettings | None = None) -> Any:
    record = RawRecord(RecordPosition("j", 0), "s", raw, ARRIVED)
    return FormatRecogniser().read(record, settings or SourceSettings(name="s", zone="UTC"))


def test_repeated_messages_are_as_many_attempts() -> None:
    _, parsed = read(
        f"Nov 22 01:06:15 web01 sshd[12]: message repeated 5 times: [ {FAILED}]".encode()
    )

    assert parsed.fields["breach.auth.attempts"] == 5


def test_a_shippers_object_without_a_known_line_is_not_understood() -> None:
    document = {"@timestamp": "2026-11-22T01:06:16Z", "ecs": {"version": "8"}, "message": "started"}

    with pytest.raises(NotUnderstood):
        read(orjson.dumps(document))


def test_a_stamp_in_the_future_is_suspect() -> None:
    line = f"<38>2026-11-22T14:00:00Z web01 sshd[12]: {FAILED}".encode()
    _, parsed = read(line)

    assert parsed.time == ARRIVED
    assert parsed.fields["event.created"] == "2026-11-22T14:00:00.000Z"
    assert TIME_SUSPECT in parsed.fields["tags"]


def test_a_source_may_be_further_ahead() -> None:
    line = f"<38>2026-11-22T14:00:00Z web01 sshd[12]: {FAILED}".encode()
    _, parsed = read(line, SourceSettings(name="s", zone="UTC", max_future_minutes=180))

    assert parsed.time == ARRIVED + timedelta(hours=2)
    assert "tags" not in parsed.fields


def test_a_clock_that_was_never_set_is_suspect() -> None:
    _, parsed = read(f"<38>1970-01-01T00:00:12Z web01 sshd[12]: {FAILED}".encode())

    assert parsed.time == ARRIVED
    assert TIME_SUSPECT in parsed.fields["tags"]
