"""Debian's nginx with ModSecurity 3 and the OWASP Core Rule Set: each request is one access, and each
attack one event of the application firewall, whatever logs it is told by.

nginx runs from a folder of its own on a loopback port. Absent, the test is skipped by name, or fails
when BREACHDESK_REQUIRE_SERVICES=1."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from servers.ports import find_free_port

from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent
from schemas.settings import SourceSettings
from streams.normalise.recognise import FormatRecogniser

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
MODULE = Path("/usr/lib/nginx/modules/ngx_http_modsecurity_module.so")
RULES = Path("/usr/share/modsecurity-crs/rules")
SETUP = Path("/etc/modsecurity/crs/crs-setup.conf")
MAPPING = Path("/etc/nginx/unicode.mapping")
SERVER = """\
load_module {module};
daemon off;
master_process off;
pid {home}/nginx.pid;
error_log {home}/error.log info;
events {{}}
http {{
  access_log {home}/access.log combined;
  client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  server {{
    listen 127.0.0.1:{port};
    server_name www.contoso.example;
    modsecurity on;
    modsecurity_rules_file {home}/main.conf;
    location / {{ root {home}/www; }}
    location /secret {{ auth_basic "inside"; auth_basic_user_file {home}/users; root {home}/www; }}
  }}
}}
"""
MAIN = """\
SecRuleEngine On
SecRequestBodyAccess On
SecAuditEngine RelevantOnly
SecAuditLogFormat JSON
SecAuditLogParts ABHIZ
SecAuditLogType Serial
SecAuditLog {home}/audit.log
SecUnicodeMapFile {mapping} 20127
Include {setup}
Include {rules}/*.conf
"""
HARMLESS = ("/", "/index.html", "/missing.html")
ATTACKS = {
    "/?q=1%27%20OR%20%271%27=%271%27%20--": "sqli",
    "/?q=%3Cscript%3Ealert(1)%3C/script%3E": "xss",
    "/?file=../../../../etc/passwd": "lfi",
    "/?cmd=;cat%20/etc/passwd": None,
}
"""Target and attack class; None: more than one class is right."""
SECRET = "jo@contoso.example"
"""What a body holds, and no event may."""


@dataclass(frozen=True)
class ServerLogs:
    folder: Path

    def read(self, name: str) -> list[ParsedEvent]:
        """Read the events of one log, each line on its own as `breachdesk parse` reads it."""
        reader, settings = FormatRecogniser(), SourceSettings(name=name, zone="UTC")
        lines = (self.folder / name).read_bytes().splitlines()
        now = datetime.now(UTC)
        outcomes = [
            reader.read(RawRecord(RecordPosition("test", number), name, raw, now), settings)[1]
            for number, raw in enumerate(lines)
            if raw.strip()
        ]
        return [act for act in outcomes if not isinstance(act, IgnoredLine)]


def count_once(events: list[ParsedEvent]) -> list[dict[str, Any]]:
    """Count each id once, and of a session its fuller line, else the first that retells it."""
    fuller = {event.session for event in events if not event.is_retelling}
    counted: dict[object, ParsedEvent] = {}
    for number, event in enumerate(events):
        if event.is_retelling and event.session in fuller:
            continue
        key = ("id", event.id) if event.id else ("session", event.session or number)
        counted.setdefault(key, event)
    return [event.fields for event in counted.values()]


def why_absent() -> str:
    if NGINX is None:
        return "nginx is not installed (apt-get install nginx)"
    absent = [path for path in (MODULE, RULES, SETUP, MAPPING) if not path.exists()]
    if absent:
        return (
            f"{absent[0]} is absent (apt-get install libnginx-mod-http-modsecurity modsecurity-crs)"
        )
    return ""


def write_configuration(home: Path, port: int) -> None:
    (home / "www" / "secret").mkdir(parents=True)
    (home / "www" / "index.html").write_text("hello")
    (home / "users").write_text("jo:{PLAIN}right\n")
    (home / "nginx.conf").write_text(SERVER.format(home=home, port=port, module=MODULE))
    (home / "main.conf").write_text(
        MAIN.format(home=home, rules=RULES, setup=SETUP, mapping=MAPPING)
    )
    for path in (home, *home.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def send(port: int, method: str, target: str, body: str = "", **headers: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        all_headers = {"Host": "www.contoso.example", "User-Agent": "Mozilla/5.0", **headers}
        connection.request(method, target, body=body or None, headers=all_headers)
        return connection.getresponse().status
    finally:
        connection.close()


def wait_until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        if process.poll() is not None:
            pytest.fail(f"nginx ended with {process.returncode}")
        try:
            HTTPConnection("127.0.0.1", port, timeout=1).connect()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("nginx did not open its port")


@pytest.fixture(scope="module")
def logs() -> Iterator[ServerLogs]:
    """All requests sent, and the logs that nginx wrote of them."""
    reason = why_absent()
    if reason and os.environ.get("BREACHDESK_REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    if reason or NGINX is None:
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="nginx-") as folder:
        home, port = Path(folder), find_free_port()
        write_configuration(home, port)
        process = subprocess.Popen([NGINX, "-p", str(home), "-c", str(home / "nginx.conf")])
        try:
            wait_until_open(port, process)
            for target in HARMLESS:
                send(port, "GET", target)
            for target in ATTACKS:
                assert send(port, "GET", target) == 403, target
            form = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"who={SECRET}"}
            attack = f"user={SECRET}&q=1%27%20UNION%20SELECT%20password%20FROM%20users--"
            assert send(port, "POST", "/form", attack, **form) == 403
            send(port, "GET", "/secret/", Authorization="Basic am86d3Jvbmc=")
        finally:
            process.terminate()
            process.wait(20)
        yield ServerLogs(home)


REQUESTS = len(HARMLESS) + len(ATTACKS) + 2


@pytest.mark.slow
def test_each_request_is_one_access(logs: ServerLogs) -> None:
    events = logs.read("access.log")

    assert len(events) == REQUESTS
    assert {event.fields["source.ip"] for event in events} == {"127.0.0.1"}
    statuses = [event.fields["http.response.status_code"] for event in events]
    assert statuses.count(403) == len(ATTACKS) + 1
    assert statuses.count(401) == 1


@pytest.mark.slow
def test_each_attack_is_one_block_with_its_class(logs: ServerLogs) -> None:
    firewall = [e for e in logs.read("audit.log") if e.fields["observer.type"] == "waf"]
    blocks = [fields for fields in count_once(firewall) if fields["event.outcome"] == "failure"]
    denied = [fields for fields in blocks if "denied" in fields["event.type"]]

    assert len(denied) == len(ATTACKS) + 1
    by_target = {fields["url.original"]: fields for fields in denied}
    for target, attack in ATTACKS.items():
        assert by_target[target]["breach.waf.attack"] == attack or attack is None
        assert by_target[target]["breach.waf.anomaly_score"] >= 5


@pytest.mark.slow
def test_the_error_log_tells_each_block_once_and_with_the_audit_log_no_second_time(
    logs: ServerLogs,
) -> None:
    error = [e for e in logs.read("error.log") if e.fields.get("observer.type") == "waf"]
    alone = [f for f in count_once(error) if "denied" in f["event.type"]]
    both = count_once([*error, *logs.read("audit.log")])

    detected = {f.get("breach.waf.attack") for f in count_once(error)}

    assert len(alone) == len(ATTACKS) + 1
    assert detected >= {"sqli", "xss", "lfi"}
    assert {fields["source.ip"] for fields in alone} == {"127.0.0.1"}
    assert len([f for f in both if "denied" in f["event.type"]]) == len(ATTACKS) + 1


@pytest.mark.slow
def test_the_wrong_password_is_one_refused_sign_in(logs: ServerLogs) -> None:
    events = [e.fields for e in logs.read("error.log") if "user.name" in e.fields]

    assert [(f["user.name"], f["event.outcome"]) for f in events] == [("jo", "failure")]


@pytest.mark.slow
def test_no_event_holds_what_a_body_or_a_cookie_held(logs: ServerLogs) -> None:
    events = [
        event for name in ("access.log", "error.log", "audit.log") for event in logs.read(name)
    ]

    assert SECRET in (logs.folder / "audit.log").read_text()
    assert [event for event in events if SECRET in str(event.fields)] == []
