"""Lines whose first words a relay took for host, tag or process."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.plugin import ParsedEvent
from schemas.settings import SourceSettings
from streams.normalise.recognise import FormatRecogniser
from streams.tokenizers.syslog import restore_tag

ARRIVED = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "parser", "field", "value"),
    [
        pytest.param(
            "<189>1 2026-11-22T11:00:00Z localhost date=2026-11-22 - - -  time=09:14:07"
            ' devname="FG1" devid="FGT60E0000000001" logid="0000000013" type="traffic"'
            ' subtype="forward" level="notice" srcip=192.0.2.10 dstip=203.0.113.80 action="deny"',
            "fortinet_fortigate",
            "@timestamp",
            datetime(2026, 11, 22, 9, 14, 7, tzinfo=UTC),
            id="a pair as the tag",
        ),
        pytest.param(
            '<142>1 2026-11-22T09:14:07Z usg-hq src="198.51.100.77 - - - 11031" dst="192.0.2.45:23"'
            ' msg="Match default rule DROP" note="ACCESS BLOCK" user="unknown" devID="a" cat="Security'
            ' Policy Control" class="Access Control" ob="0" proto="others"',
            "zyxel_usg",
            "source.ip",
            "198.51.100.77",
            id="a pair that ends at a colon",
        ),
        pytest.param(
            "<134>1 2026-11-22T11:00:00Z localhost  - - - 1795338847.226844514 MX-HQ flows"
            " src=192.0.2.10 dst=203.0.113.80 mac=24:2F:FA:1E:B7:E6 protocol=tcp sport=50112"
            " dport=23 pattern: deny (dst 0.0.0.0/0)",
            "cisco_meraki",
            "source.ip",
            "192.0.2.10",
            id="an empty tag",
        ),
        pytest.param(
            "<13>1 2026-11-22T01:06:15Z dc1 LEEF - - - 1.0|Portcullis|Gate|2.1|traffic|"
            "src=2001:db8::7#011dst=2001:db8::9#011action=allowed",
            "generic_leef",
            "source.ip",
            "2001:db8::7",
            id="a format's name as the tag, and tabs",
        ),
        pytest.param(
            "<134>1 2026-11-22T11:00:00Z localhost Sun - - - Nov 22 01:06:15 2026 [pid 4211] [Jo]"
            ' FAIL LOGIN: Client "203.0.113.66"',
            "vsftpd_ftp",
            "source.ip",
            "203.0.113.66",
            id="a weekday as the tag",
        ),
        pytest.param(
            "<134>1 2026-11-22T11:00:00Z localhost 1 - - - 2026-11-22T09:14:07Z web01 sshd 7 - -"
            "  Failed password for root from 203.0.113.9 port 40022 ssh2",
            "linux_sshd",
            "source.ip",
            "203.0.113.9",
            id="RFC 5424 taken for a traditional line",
        ),
        pytest.param(
            '{"PROGRAM":"1","HOST":"localhost","MESSAGE":"2026-11-22T09:14:07Z web01 sshd 7 - -'
            ' Failed password for root from 203.0.113.9 port 40022 ssh2"}',
            "linux_sshd",
            "source.ip",
            "203.0.113.9",
            id="the same in JSON",
        ),
        pytest.param(
            "<22>1 2026-11-22T09:14:07Z mail1 postfix 812 - -  warning: unknown[203.0.113.9]: SASL"
            " LOGIN authentication failed: authentication failure",
            "postfix_mail",
            "source.ip",
            "203.0.113.9",
            id="a tag without its second part",
        ),
    ],
)
def test_a_line_that_a_relay_took_apart_is_read(
    line: str, parser: str, field: str, value: object
) -> None:
    record = RawRecord(RecordPosition("j", 1), "s", line.encode(), ARRIVED)
    name, event = FormatRecogniser().read(record, SourceSettings(name="s", zone="UTC"))

    assert isinstance(event, ParsedEvent)
    assert (name, {**event.fields, "@timestamp": event.time}[field]) == (parser, value)


@pytest.mark.parametrize(
    ("app", "message", "expected"),
    [
        ("sshd", " Failed", ("sshd", "Failed")),
        (None, "text", (None, "text")),
        ("a=b", "", ("a=b", "")),
        ("date=2026-11-22", " time=1", (None, "date=2026-11-22 time=1")),
        ("date=2026-11-22,time=09", "14:07,x", (None, "date=2026-11-22,time=09:14:07,x")),
        ('t="2026-11-22T09', '14:07" x', (None, 't="2026-11-22T09:14:07" x')),
    ],
)
def test_a_pair_is_no_tag(app: str | None, message: str, expected: tuple[str | None, str]) -> None:
    assert restore_tag(app, message) == expected
