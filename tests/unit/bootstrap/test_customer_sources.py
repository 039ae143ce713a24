"""Registers read from folders and addresses: whatever a server does, nobody is lost."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.customer_sources.reading import import_source, plan_source
from breachdesk.bootstrap.customer_sources.schedule import import_due
from breachdesk.casework.imports.delivery_import import IMPORTER
from breachdesk.testing import FixedNow
from schemas.customer_source import CustomerSourceSettings
from schemas.errors import BadInput, RetryableError
from schemas.settings import Settings

Answer = tuple[int, dict[str, str], bytes]
Answers = Callable[[str, dict[str, str]], Answer]


def clients(*ids: int, **envelope: Any) -> bytes:
    rows = [{"id": i, "companyname": f"C{i}", "email": f"a@c{i}.example"} for i in ids]
    return json.dumps({**envelope, "clients": {"client": rows}}).encode()


class Web:
    """A server on loopback that answers as it is told."""

    def __init__(self) -> None:
        self.answers: Answers = lambda path, headers: (200, {}, clients(1, 2))
        self.asked: list[tuple[str, dict[str, str]]] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                headers = dict(self.headers.items())
                web.asked.append((self.path, headers))
                status, extra, body = web.answers(self.path, headers)
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | extra).items():
                    self.send_header(name, value)
                # A client that has given up is no fault of the server.
                with suppress(OSError):
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def web() -> Iterator[Web]:
    server = Web()
    yield server
    server.close()


@pytest.fixture
def now() -> FixedNow:
    return FixedNow()


@pytest.fixture
def container(tmp_path: Path, now: FixedNow) -> Iterator[Container]:
    with Container(Settings(data_dir=tmp_path / "data"), now) as opened:
        yield opened


def source(**settings: Any) -> CustomerSourceSettings:
    return CustomerSourceSettings.model_validate({"name": "panel", **settings})


def ids(container: Container) -> set[str]:
    return set(container.store.read(lambda uow: uow.customers.list_ids()))


def trouble(container: Container) -> str:
    return container.store.read(lambda uow: uow.imports.get_source("panel")).trouble


def test_an_address_is_imported_and_asked_only_for_changes_afterwards(
    container: Container, web: Web
) -> None:
    web.answers = lambda path, headers: (
        (304, {}, b"")
        if headers.get("If-None-Match") == '"v1"'
        else (200, {"ETag": '"v1"', "Last-Modified": "Mon, 30 Nov 2026 10:00:00 GMT"}, clients(1))
    )
    place = source(addresses=[f"{web.url}/clients"])
    first = import_source(container, place, IMPORTER)
    second = import_source(container, place, IMPORTER)

    assert first is not None
    assert second is None
    assert ids(container) == {"1"}
    assert web.asked[1][1]["If-Modified-Since"] == "Mon, 30 Nov 2026 10:00:00 GMT"


def test_the_same_bytes_without_a_tag_are_planned_once(container: Container, web: Web) -> None:
    place = source(addresses=[web.url])

    assert import_source(container, place, IMPORTER) is not None
    assert import_source(container, place, IMPORTER) is None


def test_every_page_is_fetched(container: Container, web: Web) -> None:
    def answer(path: str, _headers: dict[str, str]) -> Answer:
        start = int(path.partition("limitstart=")[2] or 0)
        return 200, {}, clients(*range(start + 1, min(start + 3, 6)), totalresults=5)

    web.answers = answer
    import_source(container, source(addresses=[f"{web.url}/api?action=GetClients"]), IMPORTER)

    assert ids(container) == {"1", "2", "3", "4", "5"}
    assert [path.rpartition("=")[2] for path, _ in web.asked] == ["GetClients", "2", "4"]


def test_links_to_the_next_page_are_followed_on_the_same_host_only(
    container: Container, web: Web
) -> None:
    row = {"id": 1, "companyName": "C1", "phone": "01632960001"}
    page = {"items": [row], "pageDetails": {"nextPageUrl": "http://127.0.0.9/next"}}
    web.answers = lambda path, headers: (200, {}, json.dumps(page).encode())

    with pytest.raises(BadInput, match="another host"):
        import_source(container, source(addresses=[web.url]), IMPORTER)
    assert ids(container) == set()


def test_a_redirect_to_another_host_is_refused_and_sees_no_token(
    container: Container, web: Web, tmp_path: Path
) -> None:
    other = Web()
    (tmp_path / "token").write_text("not-a-real-token\n")
    web.answers = lambda path, headers: (302, {"Location": f"{other.url}/clients"}, b"")
    place = source(addresses=[web.url], header_file=tmp_path / "token")
    with pytest.raises(BadInput, match="another host"):
        import_source(container, place, IMPORTER)
    other.close()

    assert other.asked == []
    assert web.asked[0][1]["Authorization"] == "Bearer not-a-real-token"


def test_a_redirect_on_the_same_host_is_followed(container: Container, web: Web) -> None:
    web.answers = lambda path, headers: (
        (302, {"Location": "/new"}, b"") if path == "/old" else (200, {}, clients(1))
    )
    import_source(container, source(addresses=[f"{web.url}/old"]), IMPORTER)

    assert ids(container) == {"1"}


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ((500, {}, b"Jo Mason"), "answers 500"),
        ((401, {}, b""), "answers 401"),
        ((304, {}, b""), "answers 304"),
        ((302, {}, b""), "answers 302"),
        ((200, {}, b""), "empty"),
        ((200, {}, clients(1)[:-20]), "cut off"),
        ((200, {"Content-Length": "9999"}, clients(1)), "does not answer"),
        ((200, {}, b"<html>Sign in</html>"), "header"),
        ((200, {}, b"[" * 100_000), "cut off"),
        ((200, {}, clients(*range(30_000))), "too large"),
    ],
)
def test_what_a_server_does_wrong_changes_nobody_and_is_told(
    container: Container, web: Web, answer: Answer, problem: str
) -> None:
    place = source(addresses=[web.url], most_mib=1.0)
    import_source(container, place, IMPORTER)
    web.answers = lambda path, headers: answer
    with pytest.raises((BadInput, RetryableError), match=problem):
        import_source(container, place, IMPORTER)
    trouble_text = trouble(container)
    web.answers = lambda path, headers: (200, {}, clients(1, 2))
    import_source(container, place, IMPORTER)

    assert ids(container) == {"1", "2"}
    assert problem in trouble_text
    assert "Mason" not in trouble_text
    assert container.store.read(lambda uow: uow.imports.count_held()) == 0
    assert trouble(container) == ""


def test_a_slow_server_is_given_up(container: Container, web: Web) -> None:
    stop = threading.Event()

    def answer(_path: str, _headers: dict[str, str]) -> Answer:
        stop.wait(30)
        return 200, {}, clients(1)

    web.answers = answer
    with pytest.raises(RetryableError, match="does not answer"):
        import_source(container, source(addresses=[web.url], seconds=0.3), IMPORTER)
    stop.set()


@pytest.mark.parametrize(
    "address",
    ["http://psa.example/api", "ftp://psa.example", "https://me:secret@psa.example", "psa.example"],
)
def test_an_address_that_is_not_https_is_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        source(addresses=[address])


def test_a_source_is_a_folder_or_addresses() -> None:
    for settings in ({}, {"folder": "in", "addresses": ["https://psa.example"]}):
        with pytest.raises(ValidationError):
            source(**settings)


def test_a_folder_is_one_delivery(container: Container, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    place = source(folder=folder)
    with pytest.raises(BadInput, match="no file"):
        import_source(container, place, IMPORTER)
    (folder / "page1.json").write_bytes(clients(1, totalresults=2))
    (folder / ".partial.json").write_bytes(b"{")
    with pytest.raises(BadInput, match="only 1 of 2"):
        import_source(container, place, IMPORTER)
    (folder / "page2.json").write_bytes(clients(2, totalresults=2))
    import_source(container, place, IMPORTER)

    assert ids(container) == {"1", "2"}


def test_a_folder_that_is_gone_removes_nobody(container: Container, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "clients.json").write_bytes(clients(1))
    place = source(folder=folder)
    import_source(container, place, IMPORTER)
    (folder / "clients.json").unlink()
    folder.rmdir()
    with pytest.raises(RetryableError, match="cannot be read"):
        import_source(container, place, IMPORTER)

    assert ids(container) == {"1"}
    assert container.store.read(lambda uow: uow.imports.count_held()) == 0


def test_a_plan_changes_nothing(container: Container, tmp_path: Path) -> None:
    (tmp_path / "clients.json").write_bytes(clients(1))
    plan = plan_source(container, source(folder=tmp_path / "clients.json"))

    assert [change.customer_id for change in plan.safe] == ["1"]
    assert ids(container) == set()
    assert container.store.read(lambda uow: uow.imports.list_sources()) == []


def test_a_schedule_imports_what_is_due_and_tells_a_trouble_once(
    tmp_path: Path, now: FixedNow
) -> None:
    folder = tmp_path / "in"
    settings = Settings(
        data_dir=tmp_path / "data", customers=(source(folder=folder, every_minutes=10),)
    )
    lines: list[str] = []
    troubles: dict[str, str] = {}
    with Container(settings, now) as container:
        counts = [import_due(container, lines.append, troubles)]
        counts.append(import_due(container, lines.append, troubles))
        now.advance(minutes=11)
        counts.append(import_due(container, lines.append, troubles))
        folder.mkdir()
        (folder / "clients.json").write_bytes(clients(1))
        now.advance(minutes=11)
        counts.append(import_due(container, lines.append, troubles))

        assert ids(container) == {"1"}
    assert counts == [1, 0, 1, 1]
    assert len(lines) == 2
