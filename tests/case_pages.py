"""For tests of a case's pages: the console over a release scenario, read as text by anybody."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import httpx
from argon2 import PasswordHasher
from release_scenario import ReleaseScenario
from waiting_letters import renderer

from breachdesk.console.app import build_app
from breachdesk.console.dependencies import ConsoleDependencies
from breachdesk.testing import make_user
from schemas.user import Permission
from streams.event_logs.sqlite import SqliteEventLog

TEMPLATES = Path(__file__).parents[1] / "templates"
PASSWORD = "correct horse battery"
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@dataclass
class Pages:
    """The console over a release."""

    scenario: ReleaseScenario
    log: SqliteEventLog

    @asynccontextmanager
    async def signed_in(self, user: str) -> AsyncIterator[Visitor]:
        scenario = self.scenario
        # Outside the demo an approver needs a second factor, which these tests are not about.
        settings = scenario.settings.model_copy(update={"demo": True})
        dependencies = ConsoleDependencies(
            settings, scenario.store, renderer(), scenario.now, _NoRules(), self.log, TEMPLATES
        )
        transport = httpx.ASGITransport(build_app(dependencies))
        async with httpx.AsyncClient(transport=transport, base_url="http://c.example") as client:
            form = token_of((await client.get("/sign-in")).text)
            fields = {"csrf": form, "user": user, "password": PASSWORD, "next": "/"}
            await client.post("/sign-in", data=fields)
            yield Visitor(client, f"/cases/{scenario.breach.case_id}")


@dataclass
class Visitor:
    client: httpx.AsyncClient
    case: str

    async def read(self, page: str) -> str:
        """The page's text, tags left out."""
        html = (await self.client.get(page)).text
        return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))

    async def send(self, page: str, **fields: str) -> httpx.Response:
        csrf = token_of((await self.client.get("/")).text)
        return await self.client.post(page, data={"csrf": csrf, **fields})


class _NoRules:
    def list_rules(self) -> list[object]:
        return []


def token_of(page: str) -> str:
    match = re.search(r'name="csrf" value="([^"]+)"', page)
    assert match is not None
    return match[1]


@contextmanager
def case_pages(
    scenario: ReleaseScenario, folder: Path, accounts: Mapping[str, tuple[Permission, ...]]
) -> Iterator[Pages]:
    """Everybody of `accounts` may sign in."""
    log = SqliteEventLog(folder / "journal", scenario.now)
    for user, permissions in accounts.items():
        account = make_user(user, *permissions).model_copy(update={"password_hash": HASH})
        scenario.store.write(lambda uow, account=account: uow.users.save(account))
    yield Pages(scenario, log)
    log.close()
