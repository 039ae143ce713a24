"""The role matrix: every route of the console, asked by everybody who could ask."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher

from breachdesk.console.app import build_app
from breachdesk.console.dependencies import ConsoleDependencies
from breachdesk.console.screens import load_screens
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import FixedNow, add_confirmed_breach, make_customer, make_store, make_user
from notifiers.letters.render import JinjaRenderer
from schemas.casework.notice import DeliveryStatus, NoticeRow
from schemas.casework.notice_kind import NoticeKind
from schemas.settings import Settings
from schemas.user import Permission
from streams.event_logs.sqlite import SqliteEventLog

TEMPLATES = Path(__file__).parents[3] / "templates"
PASSWORD = "correct horse battery"
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
A, R, P, G = Permission.ANALYST, Permission.RESPONDER, Permission.APPROVER, Permission.REGISTRAR
MATRIX = {
    "/alerts/open-case": {A, R},
    "/alerts/{alert_id}/assign": {A, R},
    "/alerts/{alert_id}/comment": {A, R, P, G},
    "/alerts/{alert_id}/dismiss": {A, R},
    "/alerts/{alert_id}/link": {A, R},
    "/alerts/{alert_id}/open-case": {A, R},
    "/alerts/{alert_id}/reopen": {A, R},
    "/cases/new": {A, R},
    "/cases/{case_id}/affected": {R},
    "/cases/{case_id}/groups": {R},
    "/cases/{case_id}/groups/{group_id}": {R},
    "/cases/{case_id}/groups/{group_id}/people": {R},
    "/cases/{case_id}/groups/{group_id}/told": {R},
    "/cases/{case_id}/groups/{group_id}/not-told": {R},
    "/cases/{case_id}/groups/{group_id}/withdraw": {R},
    "/cases/{case_id}/approval": {P},
    "/cases/{case_id}/awareness": {R, P},
    "/cases/{case_id}/break-glass": {P},
    "/cases/{case_id}/close": {R},
    "/cases/{case_id}/reopen": {R},
    "/cases/{case_id}/duties/waive": {R},
    "/cases/{case_id}/duties/confirm": {P},
    "/cases/{case_id}/duties/undo": {R, P},
    "/cases/{case_id}/cause": {A, R},
    "/cases/{case_id}/doubt": {A, R},
    "/near-misses/new": {A, R},
    "/cases/{case_id}/confirm": {R},
    "/cases/{case_id}/containment": {A, R},
    "/cases/{case_id}/containment/{index}": {A, R},
    "/cases/{case_id}/containment/{index}/concern": {A, R},
    "/cases/{case_id}/decision": {R},
    "/cases/{case_id}/delivery/{row_id}/acknowledge": {A, R},
    "/cases/{case_id}/delivery/{row_id}/bounce": {A, R},
    "/cases/{case_id}/delivery/{row_id}/resolve": {R},
    "/cases/{case_id}/facts": {R},
    "/cases/{case_id}/facts/words": {R},
    "/cases/{case_id}/lead": {A, R},
    "/cases/{case_id}/link": {A, R},
    "/cases/{case_id}/note": {A, R, P, G},
    "/cases/{case_id}/pause": {R, P},
    "/cases/{case_id}/witness": {R, P},
    "/cases/{case_id}/people/supplier": {A, R},
    "/cases/{case_id}/people/supplier-question": {A, R},
    "/cases/{case_id}/people/supplier-question/{question_id}": {A, R},
    "/cases/{case_id}/people/receipt/{row_id}": {A, R},
    "/cases/{case_id}/people/receipt-term": {R},
    "/cases/{case_id}/people/question": {A, R},
    "/cases/{case_id}/people/question/{entry}": {R},
    "/cases/{case_id}/people/body": {A, R},
    "/complaints/new": {A, R},
    "/complaints/{complaint_id}/acknowledge": {A, R},
    "/complaints/{complaint_id}/answer": {R},
    "/complaints/{complaint_id}/erase": {P},
    "/cases/{case_id}/report": {R},
    "/cases/{case_id}/report/submit": {R},
    "/cases/{case_id}/tasks/{task_id:path}": {A, R, P, G},
    "/customers/import": {G},
    "/customers/{customer_id:path}": {G},
    "/binding-proposals/{proposal_id}/{verb}": {G},
    "/held-changes/{held_id}/{verb}": {G},
    "/unattributed": {G},
}
"""Which single permission is enough to send each form."""
ONLY_FOR = {
    "/customers/import": {G},
    "/binding-proposals": {G},
    "/held-changes": {G},
    "/unattributed": {G},
}
"""Pages that not everybody who is signed in may open."""
OWN_ACCOUNT = {
    "/sign-in",
    "/sign-out",
    "/account/sessions",
    "/account/password",
    "/account/second-factor",
}
"""Forms of one's own session: they ask for no permission."""


def routes(method: str) -> list[str]:
    every = (route for screen in load_screens() for route in screen.routes)
    return sorted(route.path for route in every if method in route.methods)


def filled(path: str, case: str) -> str:
    known = {"case_id": case, "row_id": "1", "n": "1", "index": "0", "customer_id": "contoso"}
    return re.sub(r"\{(\w+)(:path)?\}", lambda m: known.get(m[1], "none"), path)


@dataclass
class Console:
    """A store with two confirmed breaches, a letter in each, and one person for each permission."""

    dependencies: ConsoleDependencies
    now: FixedNow
    cases: tuple[str, str]
    letters: tuple[int, int]

    def client(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(build_app(self.dependencies))
        return httpx.AsyncClient(transport=transport, base_url="http://console.example")


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    now = FixedNow()
    log = SqliteEventLog(tmp_path / "journal", now)
    with make_store(now) as store:
        cases, letters = _furnish(store, now)
        settings = Settings(data_dir=tmp_path)
        renderer = JinjaRenderer(TEMPLATES, "Europe/London")
        dependencies = ConsoleDependencies(
            settings, store, renderer, now, _NoRules(), log, TEMPLATES
        )
        yield Console(dependencies, now, cases, letters)
    log.close()


class _NoRules:
    def list_rules(self) -> list[object]:
        return []


def _furnish(store: SqliteStore, now: FixedNow) -> tuple[tuple[str, str], tuple[int, int]]:
    def work(uow):
        uow.customers.save(make_customer())
        for user in (
            *(make_user(permission.value, permission) for permission in Permission),
            make_user("all"),
        ):
            uow.users.save(user.model_copy(update={"password_hash": HASH}))
        idle = make_user("idle").model_copy(
            update={"permissions": frozenset(), "password_hash": HASH}
        )
        uow.users.save(idle)
        breaches = [add_confirmed_breach(uow, now(), actor="responder") for _ in range(2)]
        rows = [uow.notices.enqueue(a_letter(breach.id, now)) for breach in breaches]
        return tuple(b.case_id for b in breaches), tuple(row.id for row in rows)

    return store.write(work)


def a_letter(breach_id: str, now: FixedNow) -> NoticeRow:
    return NoticeRow(
        id=0,
        breach_id=breach_id,
        customer_id="contoso",
        person_id="contoso-holder",
        kind=NoticeKind.ACCOUNT_HOLDER,
        version=1,
        status=DeliveryStatus.UNKNOWN,
        rendered_hash="0" * 64,
        message_id=f"<{breach_id}@provider.example>",
        approval_hash="0" * 64,
        expires_at=now() + timedelta(days=3),
    )


def token_of(page: str) -> str:
    match = re.search(r'name="csrf" value="([^"]+)"', page)
    return match[1] if match else ""


async def sign_in(client: httpx.AsyncClient, user: str) -> str:
    form = token_of((await client.get("/sign-in")).text)
    fields = {"csrf": form, "user": user, "password": PASSWORD, "next": "/"}
    await client.post("/sign-in", data=fields)
    return token_of((await client.get("/")).text)


async def answers(
    console: Console, user: str, method: str, paths: list[str]
) -> dict[str, int | str]:
    """Status by path; `permission` for one that was refused for want of a permission."""
    async with console.client() as client:
        csrf = await sign_in(client, user) if user else ""
        answers_by_user: dict[str, int | str] = {}
        for path in paths:
            url = filled(path, console.cases[0])
            fields = {"data": {"csrf": csrf}} if method == "POST" else {}
            answer = await client.request(method, url, **fields)
            for_permission = (
                answer.status_code == 403 and "<h1>You may not do that.</h1>" in answer.text
            )
            answers_by_user[path] = "permission" if for_permission else answer.status_code
        return answers_by_user


def test_the_matrix_names_every_form_and_no_other() -> None:
    assert set(routes("POST")) - OWN_ACCOUNT == MATRIX.keys()


@pytest.mark.parametrize("permission", [permission.value for permission in Permission])
async def test_each_permission_alone_may_send_its_forms_and_no_other(
    console: Console, permission: str
) -> None:
    sent = await answers(console, permission, "POST", sorted(MATRIX))
    refused = {path for path, code in sent.items() if code == "permission"}

    assert refused == {
        path for path, permissions in MATRIX.items() if permission not in permissions
    }
    assert 500 not in sent.values()


@pytest.mark.parametrize("user", ["idle", ""])
async def test_nobody_without_a_permission_may_send_any_form(console: Console, user: str) -> None:
    before = console.dependencies.store.read(lambda uow: len(uow.audit.list_entries()))
    sent = await answers(console, user, "POST", sorted(MATRIX))
    after = console.dependencies.store.read(lambda uow: len(uow.audit.list_entries()))

    assert set(sent.values()) == {"permission" if user else 303}
    assert after - before == (1 if user else 0), "only the sign-in itself is written down"


async def test_a_disabled_account_may_send_and_open_nothing(console: Console) -> None:
    async with console.client() as client:
        csrf = await sign_in(client, "all")
        disabled = make_user("all").model_copy(update={"disabled": True, "password_hash": HASH})
        console.dependencies.store.write(lambda uow: uow.users.save(disabled))
        codes = [
            (await client.post(filled(path, console.cases[0]), data={"csrf": csrf})).status_code
            for path in sorted(MATRIX)
        ]
        pages = [
            (await client.get(filled(path, console.cases[0]))).status_code
            for path in routes("GET")
            if path != "/sign-in"
        ]

    assert set(codes) == set(pages) == {303}


@pytest.mark.parametrize("user", ["", "idle", *(permission.value for permission in Permission)])
async def test_a_page_opens_only_to_those_who_may_see_it(console: Console, user: str) -> None:
    pages = [path for path in routes("GET") if path != "/sign-in"]
    opened = await answers(console, user, "GET", pages)
    refused = {path for path, code in opened.items() if code == "permission"}

    if user:
        assert refused == {
            path for path, permissions in ONLY_FOR.items() if user not in permissions
        }
    else:
        assert set(opened.values()) == {303}


@pytest.mark.parametrize("permission", [permission.value for permission in Permission])
async def test_the_menu_leaves_out_what_one_may_not_open(console: Console, permission: str) -> None:
    async with console.client() as client:
        await sign_in(client, permission)
        home = (await client.get("/")).text
        customers = (await client.get("/customers")).text

    assert ('href="/unattributed"' in home) is (permission == "registrar")
    assert ('href="/customers/import"' in customers) is (permission == "registrar")


async def test_an_approver_who_sends_a_register_changes_nothing(console: Console) -> None:
    sheet = b"customer id,name,default email\ncontoso,Contoso Ltd,me@elsewhere.example\n"
    async with console.client() as client:
        csrf = await sign_in(client, "approver")
        answer = await client.post(
            "/customers/import",
            data={"csrf": csrf, "what": "customers", "preset": "plain"},
            files={"file": ("customers.csv", sheet, "text/csv")},
        )
    contoso = console.dependencies.store.read(lambda uow: uow.customers.get("contoso"))

    assert answer.status_code == 403
    assert "Only a registrar may do this. You are an approver." in answer.text
    assert contoso.default_email == "accounts@contoso.example"


@pytest.mark.parametrize("act", ["bounce", "resolve", "acknowledge"])
@pytest.mark.parametrize("row", ["other", "0", "-1", "99999999999999999999999999"])
async def test_a_letter_of_another_case_is_not_there(console: Console, act: str, row: str) -> None:
    """Under any address but its own case's."""
    number = str(console.letters[1]) if row == "other" else row
    fields = {
        f"bounce:{number}": "550", f"outcome:{number}": "bounced", f"evidence:{number}": "log",
    }  # fmt: skip
    async with console.client() as client:
        csrf = await sign_in(client, "all")
        url = f"/cases/{console.cases[0]}/delivery/{number}/{act}"
        answer = await client.post(url, data={"csrf": csrf, **fields})
    row_after = console.dependencies.store.read(lambda uow: uow.notices.get(console.letters[1]))

    assert answer.status_code == 404
    assert row_after.status is DeliveryStatus.UNKNOWN


async def test_whatever_is_inside_a_case_or_alert_is_not_there_under_a_made_up_name(
    console: Console,
) -> None:
    nested = [
        (method, path)
        for method in ("GET", "POST")
        for path in routes(method)
        if len(re.findall(r"\{", path)) > 1
    ]
    odd = ("none", "-1", "99999999999999999999999999", "%00", "1e9")
    codes = {}
    async with console.client() as client:
        csrf = await sign_in(client, "all")
        for method, path in nested:
            for name in odd:
                url = re.sub(r"\{case_id\}", console.cases[0], path, count=1)
                url = re.sub(r"\{(\w+)(:path)?\}", name, url)
                data = {"data": {"csrf": csrf}} if method == "POST" else {}
                codes[method, path, name] = (await client.request(method, url, **data)).status_code

    assert len(nested) >= 8
    assert {each for each, code in codes.items() if code not in (404, 405)} == set()
