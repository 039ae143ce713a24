"""A console over a real store for tests: `from console_harness import ADDRESS, ConsoleHarness,
Visitor, open_console`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import httpx
import pyotp
from argon2 import PasswordHasher
from fastapi import FastAPI

from breachdesk.console.app import build_app
from breachdesk.console.dependencies import ConsoleDependencies
from breachdesk.ports import Store, UnitOfWork
from breachdesk.testing import FixedNow, make_store, make_user
from notifiers.letters.render import JinjaRenderer
from schemas.audit import AuditEntry
from schemas.pipeline.rule import RuleInfo
from schemas.settings import Settings
from schemas.user import Permission
from streams.event_logs.sqlite import SqliteEventLog

TEMPLATES = Path(__file__).parents[1] / "templates"
PASSWORD = "correct horse battery"
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
"""As cheap as argon2 can be: these tests sign in often."""
ADDRESS = "192.0.2.7"
PEOPLE = {"ana": Permission.ANALYST, "rhea": Permission.RESPONDER, "april": Permission.APPROVER}


@dataclass(frozen=True)
class NoRules:
    """breachdesk.ports.Explainer of an empty rule book."""

    def list_rules(self) -> Sequence[RuleInfo]:
        return []


@dataclass
class Visitor:
    """One browser at one address."""

    client: httpx.AsyncClient
    now: FixedNow
    csrf: str = ""

    async def ask(self, user: str, password: str = PASSWORD, code: str = "") -> httpx.Response:
        """Post the sign-in form."""
        form = csrf_of((await self.client.get("/sign-in")).text)
        fields = {"csrf": form, "user": user, "password": password, "code": code, "next": "/"}
        return await self.client.post("/sign-in", data=fields)

    async def sign_in(self, user: str, password: str = PASSWORD, code: str = "") -> bool:
        """Did it open a session?"""
        answer = await self.ask(user, password, code)
        if answer.status_code != 303:
            return False
        self.csrf = csrf_of((await self.client.get("/account")).text)
        return True

    async def signed_in(self) -> bool:
        return (await self.client.get("/account")).status_code == 200

    async def post(self, path: str, **fields: str) -> httpx.Response:
        answer = await self.client.post(path, data={"csrf": self.csrf, **fields})
        if answer.status_code == 303:
            page = await self.client.get("/account")
            self.csrf = csrf_of(page.text) if page.status_code == 200 else ""
        return answer

    async def enrol(self, password: str = PASSWORD) -> tuple[pyotp.TOTP, list[str]]:
        """Set up a second factor: the app, and the recovery codes."""
        page = (await self.post("/account/second-factor")).text
        app = pyotp.TOTP(secret_of(page))
        answer = await self.post(
            "/account/second-factor",
            secret=app.secret,
            app_code=app.at(self.now()),
            password=password,
        )
        assert answer.status_code == 200, answer.text
        self.csrf = csrf_of(answer.text)
        return app, codes_of(answer.text)


@dataclass
class ConsoleHarness:
    """A console, its clock and its store."""

    dependencies: ConsoleDependencies
    now: FixedNow
    store: Store
    visitors: list[Visitor] = field(default_factory=list)

    @cached_property
    def app(self) -> FastAPI:
        return build_app(self.dependencies)

    def visitor(
        self, address: str = ADDRESS, *, app: FastAPI | None = None, scheme: str = "http"
    ) -> Visitor:
        """A browser of its own; `app`: another console of the same store."""
        transport = httpx.ASGITransport(
            app or self.app, client=(address, 40000), raise_app_exceptions=False
        )
        client = httpx.AsyncClient(transport=transport, base_url=f"{scheme}://desk.example")
        return Visitor(client, self.now)

    def audited(self, act: str) -> list[AuditEntry]:
        entries = self.store.read(lambda uow: uow.audit.list_entries())
        return [entry for entry in entries if entry.act == act]


@contextmanager
def open_console(
    folder: Path, store: Store | None = None, templates_dir: Path = TEMPLATES, **settings: object
) -> Iterator[ConsoleHarness]:
    """With an analyst, a responder and an approver."""
    now = FixedNow()
    own = make_store(now) if store is None else None
    log = SqliteEventLog(folder / "journal", now)
    dependencies = ConsoleDependencies(
        Settings(data_dir=folder, **settings),
        store or own,
        JinjaRenderer(TEMPLATES, "Europe/London"),
        now,
        NoRules(),
        log,
        templates_dir,
    )
    dependencies.store.write(add_people)
    yield ConsoleHarness(dependencies, now, dependencies.store)
    if own is not None:
        own.close()
    log.close()


def add_people(uow: UnitOfWork) -> None:
    for name, permission in PEOPLE.items():
        uow.users.save(make_user(name, permission).model_copy(update={"password_hash": HASH}))


def change(store: Store, user_id: str, **changes: object) -> None:
    """Change an account past every act."""

    def work(uow: UnitOfWork) -> None:
        user = uow.users.get(user_id)
        assert user is not None
        uow.users.save(user.model_copy(update=changes))

    store.write(work)


def csrf_of(page: str) -> str:
    match = re.search(r'name="csrf" value="([^"]+)"', page)
    assert match is not None
    return match[1]


def secret_of(page: str) -> str:
    match = re.search(r'name="secret" value="([A-Z2-7]{32})"', page)
    assert match is not None
    return match[1]


def codes_of(page: str) -> list[str]:
    return re.findall(r">([A-Z2-7]{4}(?:-[A-Z2-7]{4}){3})<", page)


def cookies_of(answer: httpx.Response) -> Mapping[str, str]:
    """What it sets, by name."""
    return {line.partition("=")[0]: line for line in answer.headers.get_list("set-cookie")}
