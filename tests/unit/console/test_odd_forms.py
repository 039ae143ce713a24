"""Forms that no browser sends, and forms that take longer to come than their session lives."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import pytest
from console_harness import (
    HASH,
    PASSWORD,
    ConsoleHarness,
    Visitor,
    csrf_of,
    open_console,
    secret_of,
)
from store_adapters import ADAPTERS, fresh_store

from breachdesk.casework.accounts import accounts
from breachdesk.casework.authority import LONGEST_TEXT
from breachdesk.console.web.request_context import LONGEST_FIELD
from breachdesk.ports import UnitOfWork
from breachdesk.testing import FixedNow, add_case, make_actor, make_customer, make_user
from schemas.user import Permission

OPERATOR = make_actor(user_id="operator:cli")
SHEET = "customer id,name,default email\nzed,Zed Ltd,zed@zed.example\n"


@pytest.fixture(params=ADAPTERS)
def console(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ConsoleHarness]:
    with fresh_store(request.param, FixedNow()) as store, open_console(tmp_path, store) as opened:
        yield opened


@dataclass(frozen=True)
class Body:
    """Of a form that names its own charset."""

    content: bytes
    charset: str = "utf-8"

    @property
    def headers(self) -> dict[str, str]:
        kind = f"multipart/form-data; charset={self.charset}; boundary=B"
        return {"content-type": kind, "content-length": str(len(self.content))}


def body_of(fields: Mapping[str, str], *, charset: str = "utf-8", sheet: str = "") -> Body:
    parts = [(f'name="{name}"', value) for name, value in fields.items()]
    parts += [('name="file"; filename="c.csv"', sheet)] if sheet else []
    text = "".join(
        f"--B\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n" for head, value in parts
    )
    return Body(f"{text}--B--\r\n".encode(), charset)


async def send(visitor: Visitor, path: str, body: Body) -> int:
    answer = await visitor.client.post(path, content=body.content, headers=body.headers)
    return answer.status_code


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("undefined", "x"),
        ("punycode", "x_y"),
        ("unicode_escape", r"\ud800"),
        ("utf-7", "+2AA-"),
        ("utf-8", "a\x00b"),
    ],
)
async def test_a_form_of_characters_that_are_none_is_refused_signed_in_or_not(
    console: ConsoleHarness, charset: str, text: str
) -> None:
    stranger, ana = console.visitor(), console.visitor()
    token = csrf_of((await stranger.client.get("/sign-in")).text)
    await ana.sign_in("ana")
    case = console.store.write(lambda uow: add_case(uow, console.now(), actor="ana")).id
    fields = {"csrf": token, "user": text, "password": text}
    note = body_of({"csrf": ana.csrf, "note": text}, charset=charset)

    assert await send(stranger, "/sign-in", body_of(fields, charset=charset)) == 400
    assert await send(ana, f"/cases/{case}/note", note) == 400
    assert console.store.read(lambda uow: uow.cases.get(case)).notes == ()


@pytest.mark.parametrize("path", ["/alerts/%00", "/cases/a%00b", "/customers/%00", "/audit?q=%00"])
async def test_an_address_with_a_nul_is_no_page(console: ConsoleHarness, path: str) -> None:
    visitor = console.visitor()
    await visitor.sign_in("ana")

    assert (await visitor.client.get(path)).status_code == 404


@pytest.mark.parametrize("secret", ["!", "A" * 31, "a" * 32, "A" * 5000, "１" * 32])
async def test_a_secret_that_is_none_gets_a_new_one(console: ConsoleHarness, secret: str) -> None:
    visitor = console.visitor()
    await visitor.sign_in("ana")
    answer = await visitor.post(
        "/account/second-factor", secret=secret, app_code="123456", password=PASSWORD
    )

    assert answer.status_code == 200
    assert secret_of(answer.text) != secret


async def test_a_text_that_every_page_would_carry_for_ever_is_refused(
    console: ConsoleHarness,
) -> None:
    visitor = console.visitor()
    await visitor.sign_in("ana")
    case = console.store.write(lambda uow: add_case(uow, console.now(), actor="ana")).id
    codes = [
        (await visitor.post(f"/cases/{case}/note", note="x" * size)).status_code
        for size in (LONGEST_TEXT, LONGEST_TEXT + 1, LONGEST_FIELD + 1)
    ]

    assert codes == [303, 422, 413]
    assert len(console.store.read(lambda uow: uow.cases.get(case)).notes) == 1


@pytest.mark.parametrize("customer", ["INV/2026/17", "a#b", "a%2Fb"])
async def test_the_page_of_a_customer_is_found_under_every_id_that_is_one(
    console: ConsoleHarness, customer: str
) -> None:
    console.store.write(lambda uow: uow.customers.save(make_customer(customer)))
    visitor = console.visitor()
    await visitor.sign_in("ana")
    links = re.findall(r'href="(/customers/[^"]+)"', (await visitor.client.get("/customers")).text)
    answers = [await visitor.client.get(link) for link in links]

    assert [a.status_code for a in answers if customer in unescape(a.text)] == [200]


def end_sessions(uow: UnitOfWork, user: str, console: ConsoleHarness) -> None:
    accounts.close_sessions(uow, OPERATOR, user, console.now())


def disable(uow: UnitOfWork, user: str, console: ConsoleHarness) -> None:
    accounts.disable(uow, OPERATOR, user, console.now())


def take_duties(uow: UnitOfWork, user: str, console: ConsoleHarness) -> None:
    accounts.set_permissions(uow, OPERATOR, user, [Permission.ANALYST], console.now())


async def send_slowly(
    visitor: Visitor, path: str, body: Body, meanwhile: Callable[[], object]
) -> int:
    """Something happens between the first half of the form and the second."""

    async def halves() -> AsyncIterator[bytes]:
        half = len(body.content) // 2
        yield body.content[:half]
        meanwhile()
        yield body.content[half:]

    answer = await visitor.client.post(path, content=halves(), headers=body.headers)
    return answer.status_code


@pytest.mark.parametrize("ending", [end_sessions, disable, take_duties])
@pytest.mark.parametrize("path", ["/cases/{case}/note", "/customers/import"])
async def test_a_form_that_comes_in_after_its_session_ended_changes_nothing(
    console: ConsoleHarness, path: str, ending: Callable[[UnitOfWork, str, ConsoleHarness], None]
) -> None:
    ren = make_user("ren", Permission.REGISTRAR, Permission.RESPONDER).model_copy(
        update={"password_hash": HASH}
    )
    console.store.write(lambda uow: uow.users.save(ren))
    case = console.store.write(lambda uow: add_case(uow, console.now(), actor="ana")).id
    visitor = console.visitor()
    await visitor.sign_in("ren")
    fields = {"csrf": visitor.csrf, "note": "too late", "what": "customers"}
    status = await send_slowly(
        visitor,
        path.format(case=case),
        body_of(fields, sheet=SHEET),
        lambda: console.store.write(lambda uow: ending(uow, "ren", console)),
    )

    assert status == 303
    assert console.store.read(lambda uow: uow.cases.get(case)).notes == ()
    assert not console.store.read(lambda uow: uow.customers.list())
