"""A Management Activity API with its sign-in service, as Microsoft documents them, with the faults
that tests order. `answer` is the whole of it; `serve` puts it on a real port with TLS."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import trustme

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "66666666-7777-8888-9999-000000000000"
SECRET = "kept-in-a-file-only"
EXCHANGE = "Audit.Exchange"


@dataclass
class Answer:
    status: int
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    """The connection breaks in the middle of the body."""
    wait: float = 0.0
    """Seconds before the answer."""

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Fault:
    part: str
    """Of the address of the requests that it concerns."""
    answer: Answer
    times: int = 1


@dataclass
class StoredContent:
    id: str
    kind: str
    created: datetime
    records: list[dict[str, Any]]
    listed_from: datetime


def refuse(status: int, code: str, **headers: str) -> Answer:
    error = {"error": {"code": code, "message": "about jo@contoso.example"}}
    return Answer(status, error, {name.replace("_", "-"): text for name, text in headers.items()})


def record(number: int, operation: str = "UserLoggedIn") -> dict[str, Any]:
    return {
        "Id": f"00000000-0000-0000-0000-{number:012d}",
        "CreationTime": "2026-11-22T07:30:00",
        "Operation": operation,
        "OrganizationId": TENANT,
        "UserId": "jo@contoso.example",
        "Workload": "AzureActiveDirectory",
        "RecordType": 15,
        "ClientIP": "203.0.113.7",
    }


class AuditService:
    def __init__(self, now: Callable[[], datetime], address: str = "https://api.example") -> None:
        self.now = now
        self.address = address
        self.subscribed: dict[str, set[str]] = {}
        self.contents: list[StoredContent] = []
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.page_size = 3
        self.tokens = 0
        self.ended = threading.Event()
        self._lock = threading.Lock()

    def add(
        self,
        content_id: str,
        numbers: range,
        *,
        kind: str = EXCHANGE,
        age: timedelta = timedelta(hours=1),
        listed_after: timedelta = timedelta(0),
    ) -> None:
        """`listed_after`: from now on; content may be listed long after it was created."""
        self.contents.append(
            StoredContent(
                content_id,
                kind,
                self.now() - age,
                [record(number) for number in numbers],
                self.now() + listed_after,
            )
        )

    def fail(self, part: str, answer: Answer, times: int = 1) -> None:
        self.faults.append(Fault(part, answer, times))

    def count(self, part: str) -> int:
        return sum(part in each for each in self.requests)

    def answer(self, method: str, address: str, token: str, body: str) -> Answer:
        with self._lock:
            self.requests.append(f"{method} {address}")
            for fault in self.faults:
                if fault.part in address and fault.times:
                    fault.times -= 1
                    return fault.answer
            return self._route(method, address, token, body)

    def _route(self, method: str, address: str, token: str, body: str) -> Answer:
        parts = urlsplit(address)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        steps = parts.path.strip("/").split("/")
        if "oauth2" in steps or ".well-known" in steps:
            return self._sign_in(method, steps[0], body)
        if token != f"Bearer token-{self.tokens}":
            return refuse(401, "AF10001")
        tenant, last = steps[2], steps[-1]
        enabled = self.subscribed.setdefault(tenant, set())
        if last == "list":
            rows = [{"contentType": kind, "status": "enabled"} for kind in sorted(enabled)]
            return Answer(200, rows)
        if last == "start":
            return self._start(enabled, query["contentType"])
        return self._list(tenant, query) if last == "content" else self._fetch(last)

    def _start(self, enabled: set[str], kind: str) -> Answer:
        if kind in enabled:
            return refuse(400, "AF20024")
        enabled.add(kind)
        return Answer(200, {"contentType": kind, "status": "enabled"})

    def _sign_in(self, method: str, tenant: str, body: str) -> Answer:
        root = f"{self.address}/{tenant}"
        if method == "GET":
            return Answer(
                200,
                {
                    "issuer": f"{root}/v2.0",
                    "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
                    "token_endpoint": f"{root}/oauth2/v2.0/token",
                },
            )
        form = {name: values[0] for name, values in parse_qs(body).items()}
        if form.get("client_secret") != SECRET and "client_assertion" not in form:
            text = f"AADSTS7000215: Invalid client secret {form.get('client_secret')}"
            return Answer(401, {"error": "invalid_client", "error_description": text})
        self.tokens += 1
        token = {"token_type": "Bearer", "expires_in": 3600, "access_token": f"token-{self.tokens}"}
        return Answer(200, token)

    def _list(self, tenant: str, query: dict[str, str]) -> Answer:
        kind = query["contentType"]
        if kind not in self.subscribed[tenant]:
            return refuse(400, "AF20022")
        begin, end = (_parse(query[name]) for name in ("startTime", "endTime"))
        if end - begin > timedelta(hours=24) or begin < self.now() - timedelta(days=7):
            return refuse(400, "AF20030")
        rows = [
            {
                "contentType": each.kind,
                "contentId": each.id,
                "contentUri": f"{self.address}/api/v1.0/{tenant}/activity/feed/audit/{each.id}",
                "contentCreated": each.created.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                "contentExpiration": (each.created + timedelta(days=7)).strftime(
                    "%Y-%m-%dT%H:%M:%S.000Z"
                ),
            }
            for each in self.contents
            if each.kind == kind and begin <= each.created < end and each.listed_from <= self.now()
        ]
        first = int(query.get("nextPage", "0"))
        headers = {}
        if first + self.page_size < len(rows):
            headers["NextPageUri"] = (
                f"{self.address}/api/v1.0/{tenant}/activity/feed/subscriptions/content"
                f"?contentType={kind}&startTime={query['startTime']}&endTime={query['endTime']}"
                f"&nextPage={first + self.page_size}"
            )
        return Answer(200, rows[first : first + self.page_size], headers)

    def _fetch(self, content_id: str) -> Answer:
        for each in self.contents:
            if each.id == content_id:
                if each.created < self.now() - timedelta(days=7):
                    return refuse(400, "AF20051")
                return Answer(200, each.records)
        return refuse(400, "AF20050")

    def build_client(self) -> httpx.Client:
        """A client whose requests come here without a network."""

        def handle(request: httpx.Request) -> httpx.Response:
            reply = self.answer(
                request.method,
                str(request.url),
                request.headers.get("Authorization", ""),
                request.content.decode(),
            )
            if reply.cut:
                raise httpx.RemoteProtocolError("the connection broke")
            return httpx.Response(reply.status, headers=reply.headers, content=reply.content)

        return httpx.Client(transport=httpx.MockTransport(handle))


def _parse(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: AuditService

    def do_GET(self) -> None:
        self._answer("")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())

    def _answer(self, body: str) -> None:
        address = f"{self.service.address}{self.path}"
        token = self.headers.get("Authorization", "")
        reply = self.service.answer(self.command, address, token, body)
        content = reply.content
        self.service.ended.wait(reply.wait)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if reply.cut:
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
            return
        self.wfile.write(content)

    def log_message(self, *_words: object) -> None: ...


@contextmanager
def serve(service: AuditService, folder: Path) -> Iterator[Path]:
    """Serve on a free port of loopback; yields the file of the authority to trust."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    handler = type("Handler", (_Handler,), {"service": service})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    service.address = f"https://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield ca_file
    finally:
        service.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
