"""The models of rsyslog and syslog-ng (tests/relay_models.py) make of the examples what the real
programs make of them."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest
from relay_models import MODELS
from relays import SECONDS, Relay, run_rsyslog, run_syslog_ng

from schemas.pipeline.plugin import Parser, load_plugins

pytestmark = [pytest.mark.slow, pytest.mark.rsyslog]

PARSERS: dict[str, Parser] = dict(load_plugins("streams.parsers", "PARSER"))
LINES = [
    line if line.startswith("<") else f"<134>{line}"
    for parser in PARSERS.values()
    for line in (example.line for example in parser.examples)
    if line.strip() and "\n" not in line and "\x00" not in line
]
LARGEST_DIFFERENCE = 0.05
"""Of the lines: sequence numbers of Cisco and RFC 5424 without stamps, which the models leave out."""
STAMP = re.compile(
    r"(<[0-9]+>(?:1 )?)(?:[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:\.[0-9]+)?(?:Z|[+-][0-9:]{5})"
    r"|[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8})"
)
JSON = (
    'template(name="json" type="list" option.jsonf="on") {'
    ' property(outname="timereported" name="timereported" dateFormat="rfc3339" format="jsonf")'
    ' property(outname="host" name="hostname" format="jsonf")'
    ' property(outname="syslogtag" name="syslogtag" format="jsonf")'
    ' property(outname="message" name="msg" format="jsonf") }'
)
FORMAT_JSON = 'template("$(format-json --scope rfc5424 --key ISODATE)\\n")'


def run_with_template(name: str, folder: Path, port: int) -> AbstractContextManager[Relay]:
    action = (
        f'action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" template="{name}")'
    )
    return run_rsyslog(folder, action, template=JSON)


def run_with_driver(
    driver: str, more: str, folder: Path, port: int
) -> AbstractContextManager[Relay]:
    return run_syslog_ng(folder, f'{driver}("127.0.0.1" port({port}) transport("tcp") {more});')


REAL: dict[str, Callable[[Path, int], AbstractContextManager[Relay]]] = {
    "rsyslog RFC 5424": lambda folder, port: run_with_template(
        "RSYSLOG_SyslogProtocol23Format", folder, port
    ),
    "rsyslog forward": lambda folder, port: run_with_template(
        "RSYSLOG_ForwardFormat", folder, port
    ),
    "rsyslog JSON": lambda folder, port: run_with_template("json", folder, port),
    "syslog-ng syslog()": lambda folder, port: run_with_driver("syslog", "", folder, port),
    "syslog-ng network()": lambda folder, port: run_with_driver("network", "", folder, port),
    "syslog-ng JSON": lambda folder, port: run_with_driver("network", FORMAT_JSON, folder, port),
}


@pytest.fixture
def sink() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(SECONDS)
        yield server


@pytest.mark.parametrize("name", REAL)
def test_a_model_makes_of_a_line_what_the_program_makes(
    name: str, sink: socket.socket, tmp_path: Path
) -> None:
    with REAL[name](tmp_path, sink.getsockname()[1]) as relay:
        relay.send([line.encode() for line in LINES])
        relayed = receive(sink, len(LINES), counted=name == "syslog-ng syslog()")

    different = [
        (line, real)
        for line, real in zip(LINES, relayed, strict=True)
        if normalise(MODELS[name](line)) != normalise(real) and MODELS[name](line) != line
    ]
    assert len(different) <= LARGEST_DIFFERENCE * len(LINES), different


def receive(sink: socket.socket, count: int, *, counted: bool) -> list[str]:
    connection, _ = sink.accept()
    connection.settimeout(SECONDS)
    data, records = b"", list[bytes]()
    with closing(connection):
        while len(records) < count:
            data += connection.recv(65536)
            if counted:
                data = take_counted(data, records)
            else:
                *whole, data = data.split(b"\n")
                records += whole
    return [each.decode("utf-8", "backslashreplace") for each in records]


def take_counted(data: bytes, records: list[bytes]) -> bytes:
    while True:
        length, blank, rest = data.partition(b" ")
        if not blank or len(rest) < int(length):
            return data
        records.append(rest[: int(length)])
        data = rest[int(length) :]


def normalise(text: str) -> str:
    """Without stamps, and of JSON the parts of the message."""
    if text.startswith("{"):
        document = json.loads(text)
        names = ("host", "syslogtag", "message", "PROGRAM", "PID", "MESSAGE", "HOST")
        return str([document.get(each) for each in names])
    return STAMP.sub(r"\1", text.rstrip("\n"), count=1)
