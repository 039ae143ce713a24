"""Real rsyslog and syslog-ng hand known lines on to a real `breachdesk run`: none is lost, none comes
twice, and each gives the values of the bare line."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import trustme
from engines import BOOK, TwoCustomers
from relays import Relay, run_rsyslog, run_syslog_ng
from run_process import RunProcess, run_breachdesk, until
from servers.ports import find_free_port

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.plugin import ParsedEvent
from schemas.settings import Settings, SourceSettings
from streams.correlate.in_memory import InMemoryWindows
from streams.normalise.recognise import FormatRecogniser
from streams.normalise.record_readers import InProcessReader
from streams.process.pipeline import RecordPipeline

pytestmark = [pytest.mark.slow, pytest.mark.rsyslog]

RECOGNISER = FormatRecogniser()
ATTEMPTS = 12
WHEN = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)
STAMP, ISO = f"{WHEN:%b} {WHEN.day:2d} {WHEN:%H:%M:%S}", f"{WHEN:%Y-%m-%dT%H:%M:%SZ}"
LINES = [
    *(
        f"<38>{STAMP} web01 sshd[{700 + number}]: Failed password for root from 203.0.113.9"
        f" port {40000 + number} ssh2"
        for number in range(ATTEMPTS)
    ),
    f"<38>{STAMP} web01 sshd[799]: Accepted publickey for jo from 2001:db8::7 port 50022 ssh2",
    (
        f"<38>{STAMP} web01 sshd[801]: Failed password for invalid user x from 192.0.2.1 port 1 ssh2 from"
        " 198.51.100.8 port 40999 ssh2"
    ),
    (
        f"<190>{STAMP} web01 nginx: 203.0.113.9 - jo [{WHEN:%d/%b/%Y:%H:%M:%S} +0000]"
        ' "GET /a%20b?x=%221%22 HTTP/1.1" 403 128 "-" "Mozilla/5.0 (X11; \\x22q\\x22)"'
    ),
    (
        f'<134>id=firewall sn=0017C5000001 time="{WHEN:%Y-%m-%d %H:%M:%S} UTC" fw=198.51.100.2 pri=6'
        ' c=1024 m=97 msg="Web site hit" n=7 src=192.0.2.10:50000:X0 dst=203.0.113.80:443:X1'
        " proto=tcp/https sent=512 rcvd=2048"
    ),
    (
        f"<134>{STAMP} hq id=firewall sn=0017C5000001 fw=198.51.100.2 pri=1 c=16 m=30 n=3"
        ' msg="Administrator login denied due to bad credentials" usr="admin" src=203.0.113.9:0:X1'
        " dst=198.51.100.2:443:X1"
    ),
    (
        f"<164>{WHEN:%b %d %Y %H:%M:%S} fw1 : %ASA-4-106023: Deny tcp src outside:203.0.113.9/40000 dst"
        ' inside:192.0.2.10/3389 by access-group "outside_in" [0x0, 0x0]'
    ),
    (
        f"<166>{STAMP} fw1 %ASA-6-113005: AAA user authentication Rejected : reason = Invalid password :"
        " server = 192.0.2.5 : user = jo : user IP = 203.0.113.9"
    ),
    (
        f'<189>date={WHEN:%Y-%m-%d} time={WHEN:%H:%M:%S} devname="FG1" devid="FGT60E0000000001" tz="+0000"'
        ' logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" srcip=192.0.2.10'
        ' srcport=50001 dstip=203.0.113.80 dstport=443 proto=6 action="deny" policyid=7 sentbyte=0'
    ),
    (
        f"<4>{STAMP} gw1 kernel: [WAN_LOCAL-4000-D]IN=eth8 OUT= MAC=02:00:00:00:00:01 SRC=203.0.113.9"
        " DST=198.51.100.2 LEN=60 TOS=0x00 TTL=52 ID=1 DF PROTO=TCP SPT=40000 DPT=22 WINDOW=64240 SYN"
    ),
    (
        f"<22>{STAMP} mail1 dovecot: imap-login: Disconnected (auth failed, 1 attempts in 2 secs):"
        " user=<jo@contoso.example>, method=PLAIN, rip=203.0.113.9, lip=198.51.100.3, TLS, session=<a1>"
    ),
    (
        f"<20>{STAMP} mail1 postfix/smtpd[812]: warning: unknown[203.0.113.9]: SASL LOGIN authentication"
        " failed: authentication failure, sasl_username=jo@contoso.example"
    ),
    (
        f"<134>{STAMP} pf1 filterlog[4242]: 5,,,1000000103,igb0,match,block,in,4,0x0,,64,1,0,DF,6,tcp,60,"
        "203.0.113.9,198.51.100.2,40000,22,0,S,123456,,64240,,mss"
    ),
    (
        f"<86>{STAMP} web01 sudo: pam_unix(sudo:auth): authentication failure; logname=jo uid=1000 euid=0"
        " tty=/dev/pts/0 ruser=jo rhost=  user=jo"
    ),
    (
        f'<134>1 {ISO} gw-hq CheckPoint 1930 - [action:"Drop"; ifdir:"inbound"; loguid:"{{0x1,0x0}}";'
        ' origin:"192.0.2.1"; product:"VPN-1 & FireWall-1"; src:"203.0.113.9"; dst:"198.51.100.2";'
        ' proto:"6"; s_port:"40000"; service:"3389"]'
    ),
]


@dataclass
class Receiver:
    """The process, and the files of two authorities."""

    run: RunProcess
    folder: Path
    udp: int
    tcp: int
    tls: int


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    folder = tmp_path_factory.mktemp("relays")
    for name, host in (("ours", "localhost"), ("theirs", "relay.example")):
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / f"{name}-ca.pem")
        issued = authority.issue_cert(host)
        issued.private_key_pem.write_to_path(folder / f"{name}.key")
        (folder / f"{name}.pem").write_bytes(b"".join(p.bytes() for p in issued.cert_chain_pems))
    udp, tcp, tls = find_free_port(), find_free_port(), find_free_port()
    settings = f"""
[intake]
syslog_udp = {udp}
syslog_tcp = {tcp}
[intake.senders]
"127.0.0.1" = "relay"
[intake.syslog_tls]
port = {tls}
cert_file = "{folder}/ours.pem"
key_file = "{folder}/ours.key"
ca_file = "{folder}/theirs-ca.pem"
client_certificates = "listed"
[intake.syslog_tls.senders]
"relay.example" = "relay-tls"
[[sources]]
name = "relay"
zone = "UTC"
[[sources]]
name = "relay-tls"
zone = "UTC"
"""
    with run_breachdesk(folder / "data", settings) as run:
        yield Receiver(run, folder, udp, tcp, tls)
        run.stop()


def forward(port: str, transport: str, more: str) -> Callable[[Receiver], str]:
    """An action of rsyslog; `port` is the name of one of the receiver's."""

    def build(receiver: Receiver) -> str:
        number = getattr(receiver, port)
        return (
            f'action(type="omfwd" target="localhost" port="{number}" protocol="{transport}" {more})'
        ).replace("FOLDER", str(receiver.folder))

    return build


def secure(driver: str) -> str:
    return (
        f'streamDriver="{driver}" streamDriverMode="1" streamDriverAuthMode="x509/name"'
        ' streamDriverPermittedPeers="localhost" streamDriver.CAFile="FOLDER/ours-ca.pem"'
        ' streamDriver.CertFile="FOLDER/theirs.pem" streamDriver.KeyFile="FOLDER/theirs.key"'
        ' tcp_framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format"'
    )


JSON = (
    'template(name="json" type="list" option.jsonf="on") {'
    ' property(outname="timereported" name="timereported" dateFormat="rfc3339" format="jsonf")'
    ' property(outname="host" name="hostname" format="jsonf")'
    ' property(outname="syslogtag" name="syslogtag" format="jsonf")'
    ' property(outname="message" name="msg" format="jsonf") }'
)
RAW = 'template(name="raw" type="string" string="%rawmsg%\\n")'
Program = Callable[[Path, str], AbstractContextManager[Relay]]
RSYSLOG: dict[str, tuple[Program, Callable[[Receiver], str]]] = {
    "traditional by UDP": (
        run_rsyslog,
        forward("udp", "udp", 'template="RSYSLOG_TraditionalForwardFormat"'),
    ),
    "RFC 3339 stamps by TCP": (run_rsyslog, forward("tcp", "tcp", "")),
    "traditional by TCP, counted": (
        run_rsyslog,
        forward(
            "tcp",
            "tcp",
            'tcp_framing="octet-counted" template="RSYSLOG_TraditionalForwardFormat"',
        ),
    ),
    "RFC 5424 by UDP": (
        run_rsyslog,
        forward("udp", "udp", 'template="RSYSLOG_SyslogProtocol23Format"'),
    ),
    "RFC 5424 by TCP, counted": (
        run_rsyslog,
        forward(
            "tcp", "tcp", 'tcp_framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format"'
        ),
    ),
    "raw message by TCP": (
        partial(run_rsyslog, template=RAW),
        forward("tcp", "tcp", 'template="raw"'),
    ),
    "JSON by TCP": (
        partial(run_rsyslog, template=JSON),
        forward("tcp", "tcp", 'template="json"'),
    ),
    "RFC 5424 by TLS of OpenSSL": (
        partial(run_rsyslog, modules=["lmnsd_ossl"]),
        forward("tls", "tcp", secure("ossl")),
    ),
    "RFC 5424 by TLS of GnuTLS": (
        partial(run_rsyslog, modules=["lmnsd_gtls"]),
        forward("tls", "tcp", secure("gtls")),
    ),
}


def deliver(driver: str, port: str, more: str) -> Callable[[Receiver], str]:
    """A destination of syslog-ng."""

    def build(receiver: Receiver) -> str:
        number = getattr(receiver, port)
        return f'{driver}("127.0.0.1" port({number}) {more});'.replace(
            "FOLDER", str(receiver.folder)
        )

    return build


OF_TLS = (
    'transport("tls") tls(ca-file("FOLDER/ours-ca.pem") cert-file("FOLDER/theirs.pem")'
    ' key-file("FOLDER/theirs.key") peer-verify(required-untrusted))'
)
SYSLOG_NG: dict[str, tuple[Program, Callable[[Receiver], str]]] = {
    "BSD by UDP": (run_syslog_ng, deliver("network", "udp", 'transport("udp")')),
    "BSD by TCP": (run_syslog_ng, deliver("network", "tcp", 'transport("tcp")')),
    "BSD by TCP, ISO stamps": (
        run_syslog_ng,
        deliver("network", "tcp", 'transport("tcp") ts-format(iso)'),
    ),
    "RFC 5424 by TCP, counted": (run_syslog_ng, deliver("syslog", "tcp", 'transport("tcp")')),
    "RFC 5424 by TLS": (run_syslog_ng, deliver("syslog", "tls", OF_TLS)),
    "BSD by TLS": (run_syslog_ng, deliver("network", "tls", OF_TLS)),
    "raw message by TCP": (
        run_syslog_ng,
        deliver("network", "tcp", 'transport("tcp") template("${RAWMSG}\\n")'),
    ),
    "JSON by TCP": (
        run_syslog_ng,
        deliver(
            "network",
            "tcp",
            'transport("tcp") template("$(format-json --scope rfc5424 --key ISODATE)\\n")',
        ),
    ),
}
CASES = {
    **{f"rsyslog: {name}": case for name, case in RSYSLOG.items()},
    **{f"syslog-ng: {name}": case for name, case in SYSLOG_NG.items()},
}


WITHOUT_STRUCTURED_DATA = {
    "rsyslog: traditional by UDP",
    "rsyslog: RFC 3339 stamps by TCP",
    "rsyslog: traditional by TCP, counted",
    "rsyslog: JSON by TCP",
}
"""Templates that leave structured data out, which in the last line is all that there is."""


def read(raw: bytes, arrived: datetime) -> dict[str, object]:
    record = RawRecord(RecordPosition("j", 1), "relay", raw, arrived)
    outcome = RECOGNISER.read_or_refuse(record, SourceSettings(name="relay", zone="UTC"))
    assert not isinstance(outcome, UnparseableRecord), raw
    event = outcome[1]
    assert isinstance(event, ParsedEvent), raw
    return {**event.fields, "@timestamp": event.time}


def differ(bare: dict[str, object], relayed: dict[str, object]) -> dict[str, object]:
    """Values of the bare line that the relayed one does not give; what headers say may be put
    otherwise."""
    return {
        name: (value, relayed.get(name))
        for name, value in bare.items()
        if not name.startswith("log.syslog.")
        and relayed.get(name) != value
        and not (name == "@timestamp" and value is None)
    }


def count_attempts(records: list[RawRecord], folder: Path) -> int:
    """Members of the alert on the account that is attacked, in shuffled batches."""
    config = Settings(data_dir=folder, sources=(SourceSettings(name="relay", zone="UTC"),))
    pipeline = RecordPipeline(BOOK, InProcessReader(config, FormatRecogniser()), config)
    windows = InMemoryWindows(BOOK.specs)
    random.Random(7).shuffle(records)
    for begin in range(0, len(records), 5):
        outcome = pipeline.evaluate(records[begin : begin + 5], TwoCustomers())
        windows.absorb(s.signal for several in outcome.signals.values() for s in several)
    for episode in windows.list_episodes():
        if episode.key.rule == "sign_in_brute_force" and episode.key.group == ("root",):
            return len(episode.members)
    return 0


@pytest.mark.parametrize("case", CASES)
def test_each_line_arrives_once_and_gives_the_values_of_the_bare_line(
    receiver: Receiver, tmp_path: Path, case: str
) -> None:
    program, destination = CASES[case]
    lines = LINES[:-1] if case in WITHOUT_STRUCTURED_DATA else LINES
    before = len(receiver.run.list_records())
    with program(tmp_path, destination(receiver)) as relay:
        relay.send([line.encode() for line in lines])
        until(lambda: len(receiver.run.list_records()) >= before + len(lines))
    records = receiver.run.list_records()[before:]
    arrived = records[0].arrived
    assert len(records) == len(lines)
    assert {record.source for record in records} <= {"relay", "relay-tls"}
    for line, record in zip(lines, records, strict=True):
        bare, relayed = read(line.encode(), arrived), read(record.raw, arrived)
        assert differ(bare, relayed) == {}, record.raw
    assert count_attempts(records, tmp_path) == ATTEMPTS
