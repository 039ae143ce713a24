from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from html import escape
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher
from console_pages import PAGES, collapse_whitespace

from breachdesk.casework.affected import affected_list
from breachdesk.casework.breach import report
from breachdesk.casework.decision import decide
from breachdesk.casework.release import notice_facts
from breachdesk.console.app import build_app
from breachdesk.console.dependencies import ConsoleDependencies
from breachdesk.console.screens import load_screens
from breachdesk.console.views import labels
from breachdesk.console.web.cookies import SESSION as COOKIE
from breachdesk.console.web.password_hashing import hash_password, is_matching
from breachdesk.console.web.security_headers import CSP, LETTER_CSP
from breachdesk.console.web.uploads import sanitise_name
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import (
    FixedNow,
    add_alert,
    add_case,
    add_confirmed_breach,
    make_actor,
    make_binding,
    make_customer,
    make_episode,
    make_signal,
    make_store,
    make_user,
)
from notifiers.letters.render import JinjaRenderer
from notifiers.testing.channels import DECISION, PROFILE, build_facts
from schemas.casework.affected import BreachEffect, Certainty, EffectCertainty
from schemas.casework.case import CaseNote, CaseOrigin, CaseState, ContainmentKind, TaskKind
from schemas.casework.notice import DeliveryStatus
from schemas.casework.notice_kind import NoticeKind
from schemas.casework.report import NumberPrecision, ReportFacts, ReportPhase
from schemas.customer import DataCategory, DataRole, PecrStatus, PersonKind
from schemas.errors import ConfigurationError
from schemas.pipeline.alert import AlertState, Severity
from schemas.pipeline.event import AssetTouch
from schemas.pipeline.rule import RuleInfo, RuleKind
from schemas.pipeline.source import IncomingRecord
from schemas.settings import ConsoleSettings, SenderSettings, Settings
from schemas.user import Permission
from streams.event_logs.sqlite import SqliteEventLog

TEMPLATES = Path(__file__).parents[3] / "templates"
PASSWORD = "correct horse battery"
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
"""As cheap as argon2 can be: these tests sign in often."""

FORMS = (
    "/binding-proposals/1/1",
    "/held-changes/1/1",
    "/alerts/open-case",
    "/alerts/{alert}/assign",
    "/alerts/{alert}/comment",
    "/alerts/{alert}/dismiss",
    "/alerts/{alert}/reopen",
    "/alerts/{alert}/open-case",
    "/alerts/{alert}/link",
    "/cases/new",
    "/cases/{open}/note",
    "/cases/{open}/lead",
    "/cases/{open}/link",
    "/cases/{open}/containment",
    "/cases/{open}/containment/0",
    "/cases/{open}/containment/0/concern",
    "/cases/{open}/close",
    "/cases/{open}/reopen",
    "/cases/{open}/duties/waive",
    "/cases/{open}/duties/confirm",
    "/cases/{open}/duties/undo",
    "/cases/{open}/cause",
    "/cases/{open}/doubt",
    "/near-misses/new",
    "/cases/{open}/confirm",
    "/cases/{open}/tasks/T-1",
    "/cases/{breached}/awareness",
    "/cases/{breached}/affected",
    "/cases/{breached}/groups",
    "/cases/{breached}/groups/AFFECTEDGROUP-0001",
    "/cases/{breached}/groups/AFFECTEDGROUP-0001/people",
    "/cases/{breached}/groups/AFFECTEDGROUP-0001/told",
    "/cases/{breached}/groups/AFFECTEDGROUP-0001/not-told",
    "/cases/{breached}/groups/AFFECTEDGROUP-0001/withdraw",
    "/cases/{breached}/decision",
    "/cases/{breached}/facts",
    "/cases/{breached}/facts/words",
    "/cases/{breached}/approval",
    "/cases/{breached}/break-glass",
    "/cases/{breached}/delivery/1/bounce",
    "/cases/{breached}/delivery/1/resolve",
    "/cases/{breached}/delivery/1/acknowledge",
    "/cases/{breached}/pause",
    "/cases/{breached}/witness",
    "/cases/{open}/people/supplier",
    "/cases/{open}/people/supplier-question",
    "/cases/{open}/people/supplier-question/1",
    "/cases/{breached}/people/receipt/1",
    "/cases/{breached}/people/receipt-term",
    "/cases/{breached}/people/question",
    "/cases/{breached}/people/question/1",
    "/cases/{breached}/people/body",
    "/complaints/new",
    "/complaints/1/acknowledge",
    "/complaints/1/answer",
    "/complaints/1/erase",
    "/customers/{customer}",
    "/cases/{breached}/report",
    "/cases/{breached}/report/submit",
    "/customers/import",
    "/unattributed",
    "/account/sessions",
    "/account/password",
    "/account/second-factor",
    "/sign-out",
)


@dataclass(frozen=True)
class Rules:
    """breachdesk.ports.Explainer with one rule."""

    def list_rules(self) -> Sequence[RuleInfo]:
        return [
            RuleInfo(
                id="login_then_exfiltration",
                title="Sign-in, then exfiltration",
                description="An account opens, then files leave.",
                severity=Severity.CRITICAL,
                kind=RuleKind.BEHAVIOUR,
                scope="organization",
                timespan=3600,
                quiet=3600,
                tags=("attack.t1530",),
                origin="here",
                version="1",
            )
        ]


@dataclass
class ConsoleHarness:
    """A console over a filled store, its clock and the ids of what is in it."""

    dependencies: ConsoleDependencies
    now: FixedNow
    store: SqliteStore
    ids: dict[str, str]

    def client(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(build_app(self.dependencies))
        return httpx.AsyncClient(transport=transport, base_url="http://desk.example")


@pytest.fixture
def console(tmp_path: Path) -> Iterator[ConsoleHarness]:
    now = FixedNow()
    store, log = make_store(now), SqliteEventLog(tmp_path / "journal", now)
    log.append([IncomingRecord(source="m365", raw=b'{"a": 1}', arrived=now())])
    dependencies = ConsoleDependencies(
        Settings(data_dir=tmp_path),
        store,
        JinjaRenderer(TEMPLATES, "Europe/London"),
        now,
        Rules(),
        log,
        TEMPLATES,
    )
    yield ConsoleHarness(dependencies, now, store, _seed(store, now))
    store.close()
    log.close()


def _seed(store: SqliteStore, now: FixedNow) -> dict[str, str]:
    alert = add_alert(store)

    def work(uow):
        uow.customers.save(make_customer())
        uow.customers.bind(make_binding(), now())
        for name, duty in (
            ("ana", Permission.ANALYST),
            ("rhea", Permission.RESPONDER),
            ("april", Permission.APPROVER),
            ("reg", Permission.REGISTRAR),
        ):
            uow.users.save(make_user(name, duty).model_copy(update={"password_hash": HASH}))
        uow.users.save(make_user("olive").model_copy(update={"password_hash": HASH}))
        breach = add_confirmed_breach(uow, now(), actor="rhea")
        return {
            "alert": alert.id,
            "open": add_case(uow, now(), actor="ana").id,
            "breached": breach.case_id,
            "customer": "contoso",
        }

    return store.write(work)


def csrf_of(page: str) -> str:
    match = re.search(r'name="csrf" value="([^"]+)"', page)
    assert match is not None
    return match[1]


async def sign_in(client: httpx.AsyncClient, user: str = "rhea", password: str = PASSWORD) -> str:
    """The CSRF token of the new session; empty when it was refused."""
    form = csrf_of((await client.get("/sign-in")).text)
    answer = await client.post(
        "/sign-in", data={"csrf": form, "user": user, "password": password, "next": "/"}
    )
    if answer.status_code != 303:
        return ""
    return csrf_of((await client.get("/")).text)


async def test_every_page_answers_those_who_are_signed_in(console: ConsoleHarness) -> None:
    async with console.client() as client:
        await sign_in(client, "olive")
        answers = {path: await client.get(path.format(**console.ids)) for path in PAGES}
    pages = [a.text for a in answers.values() if "html" in a.headers["content-type"]]

    assert {path: a.status_code for path, a in answers.items()} == dict.fromkeys(PAGES, 200)
    assert len(pages) == len(PAGES) - 6
    for page in pages:
        assert page.count("<h1>") == 1
        assert "style=" not in page
        assert page.count("<script") == page.count('<script src="/static/') == 1


async def test_every_page_sends_strangers_to_the_sign_in(console: ConsoleHarness) -> None:
    async with console.client() as client:
        answers = {path: await client.get(path.format(**console.ids)) for path in PAGES}

    assert {path: a.status_code for path, a in answers.items()} == dict.fromkeys(PAGES, 303)
    assert all(a.headers["location"].startswith("/sign-in?next=") for a in answers.values())


@pytest.mark.parametrize("fields", [{"x": "y"}, {"csrf": "guess"}])
async def test_a_form_without_its_token_changes_nothing(
    console: ConsoleHarness, fields: dict[str, str]
) -> None:
    async with console.client() as client:
        await sign_in(client)
        before = console.store.read(lambda uow: uow.audit.list_entries())
        codes = {
            path: (await client.post(path.format(**console.ids), data=fields)).status_code
            for path in FORMS
        }
        after = console.store.read(lambda uow: uow.audit.list_entries())

    assert codes == dict.fromkeys(FORMS, 403)
    assert after == before


def test_every_form_on_every_page_is_known_to_these_tests() -> None:
    known = {re.sub(r"\{\w+\}|\d+|T-\d+|AFFECTEDGROUP-\d+", "*", form) for form in FORMS}
    routes = {
        re.sub(r"\{[\w:]+\}", "*", route.path)
        for screen in load_screens()
        for route in screen.routes
        if "POST" in route.methods
    }

    assert routes - known == {"/sign-in"}


@pytest.mark.parametrize("path", ["/", "/sign-in", "/nowhere", "/cases/CASE-9999"])
async def test_every_answer_carries_the_headers(console: ConsoleHarness, path: str) -> None:
    async with console.client() as client:
        await sign_in(client)
        headers = (await client.get(path)).headers

    assert headers["content-security-policy"] == CSP
    assert "unsafe" not in CSP
    assert "frame-ancestors 'none'" in CSP
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "same-origin"
    assert "sandbox" in LETTER_CSP
    assert "script-src" not in LETTER_CSP


async def test_the_style_sheet_and_script_are_ours_and_may_be_kept(console: ConsoleHarness) -> None:
    async with console.client() as client:
        for name in ("console.css", "console.js", "shield.svg"):
            answer = await client.get(f"/static/{name}")

            assert answer.status_code == 200
            assert "immutable" in answer.headers["cache-control"]
            assert "//cdn" not in answer.text


async def test_the_session_cookie_cannot_be_read_or_sent_by_other_sites(
    console: ConsoleHarness,
) -> None:
    async with console.client() as client:
        form = csrf_of((await client.get("/sign-in")).text)
        answer = await client.post(
            "/sign-in", data={"csrf": form, "user": "rhea", "password": PASSWORD, "next": "/cases"}
        )
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith(COOKIE))

    assert answer.headers["location"] == "/cases"
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


@pytest.mark.parametrize(
    "next_path", ["https://evil.example/", "//evil.example", "/\\evil.example"]
)
async def test_signing_in_never_leads_to_another_site(
    console: ConsoleHarness, next_path: str
) -> None:
    async with console.client() as client:
        form = csrf_of((await client.get("/sign-in")).text)
        answer = await client.post(
            "/sign-in", data={"csrf": form, "user": "rhea", "password": PASSWORD, "next": next_path}
        )

    assert answer.headers["location"] == "/"


async def test_a_form_from_another_site_is_refused(console: ConsoleHarness) -> None:
    async with console.client() as client:
        csrf = await sign_in(client)
        answer = await client.post(
            "/cases/new", data={"csrf": csrf}, headers={"origin": "https://evil.example"}
        )

    assert answer.status_code == 403
    assert "another site" in answer.text


async def test_a_session_slides_while_used_and_ends_when_idle(console: ConsoleHarness) -> None:
    async with console.client() as client:
        await sign_in(client)
        for _ in range(4):
            console.now.advance(minutes=20)
            assert (await client.get("/")).status_code == 200
        console.now.advance(minutes=30)
        ended = await client.get("/")

    assert ended.status_code == 303


async def test_a_page_that_refreshes_itself_does_not_keep_the_session_alive(
    console: ConsoleHarness,
) -> None:
    async with console.client() as client:
        await sign_in(client)
        for _ in range(3):
            console.now.advance(minutes=9)
            assert (await client.get("/", headers={"x-breachdesk-refresh": "1"})).status_code == 200
        console.now.advance(minutes=9)
        ended = await client.get("/", headers={"x-breachdesk-refresh": "1"})

    assert ended.status_code == 303


async def test_twelve_hours_end_a_session_however_busy_it_is(console: ConsoleHarness) -> None:
    async with console.client() as client:
        await sign_in(client)
        codes = []
        for _ in range(36):
            console.now.advance(minutes=20)
            codes.append((await client.get("/")).status_code)

    assert codes[:35] == [200] * 35
    assert codes[35] == 303


async def test_signing_out_ends_the_session_in_the_store_too(console: ConsoleHarness) -> None:
    async with console.client() as client:
        csrf = await sign_in(client)
        token = client.cookies[COOKIE]
        await client.post("/sign-out", data={"csrf": csrf})
        client.cookies.clear()
        again = await client.get("/", headers={"cookie": f"{COOKIE}={token}"})

    assert again.status_code == 303


async def test_a_disabled_account_is_out_at_once(console: ConsoleHarness) -> None:
    async with console.client() as client:
        await sign_in(client)
        user = make_user("rhea", Permission.RESPONDER).model_copy(update={"disabled": True})
        console.store.write(lambda uow: uow.users.save(user))

        assert (await client.get("/")).status_code == 303


@pytest.mark.parametrize(("user", "password"), [("rhea", "wrong"), ("nobody", PASSWORD), ("", "")])
async def test_a_wrong_name_and_a_wrong_password_read_the_same(
    console: ConsoleHarness, user: str, password: str
) -> None:
    async with console.client() as client:
        form = csrf_of((await client.get("/sign-in")).text)
        answer = await client.post(
            "/sign-in", data={"csrf": form, "user": user, "password": password, "next": "/"}
        )

    assert answer.status_code == 401
    assert "Wrong user name, password or code" in answer.text.replace("\n", " ")


async def test_after_five_wrong_passwords_even_the_right_one_waits(console: ConsoleHarness) -> None:
    async with console.client() as client:
        for _ in range(5):
            assert await sign_in(client, password="wrong") == ""
        refused = await sign_in(client)
        console.now.advance(minutes=16)
        admitted = await sign_in(client)
    acts = [e.act for e in console.store.read(lambda uow: uow.audit.list_entries())]

    assert refused == ""
    assert admitted
    assert acts.count("user:session:refused") == 5
    assert acts.count("user:session:opened") == 1


async def test_demo_accounts_are_dead_outside_the_demo(console: ConsoleHarness) -> None:
    user = make_user("demo", Permission.ANALYST).model_copy(
        update={"password_hash": HASH, "demo": True}
    )
    console.store.write(lambda uow: uow.users.save(user))
    demo = replace(
        console,
        dependencies=replace(
            console.dependencies,
            settings=console.dependencies.settings.model_copy(update={"demo": True}),
        ),
    )
    async with console.client() as outside, demo.client() as inside:
        refused, admitted = await sign_in(outside, "demo"), await sign_in(inside, "demo")
        token = inside.cookies[COOKIE]
        carried = await outside.get("/", headers={"cookie": f"{COOKIE}={token}"})
        page = (await inside.get("/")).text

    assert refused == ""
    assert admitted
    assert carried.status_code == 303
    assert "Demo. Invented people" in page


async def test_who_may_not_is_told_why_next_to_the_button_and_by_the_act(
    console: ConsoleHarness,
) -> None:
    path = f"/cases/{console.ids['open']}/confirm"
    async with console.client() as client:
        csrf = await sign_in(client, "ana")
        page = (await client.get(path)).text
        answer = await client.post(
            path, data={"csrf": csrf, "reason": "118 files left", "aware_at": "2026-11-22 08:30"}
        )

    assert "Only a responder may do this. You are an analyst." in page
    assert answer.status_code == 403
    assert "Only a responder may do this. You are an analyst." in answer.text
    assert console.store.read(lambda uow: uow.cases.get(console.ids["open"])).breach_id is None


async def test_a_refused_form_shows_problem_place_and_what_was_typed(
    console: ConsoleHarness,
) -> None:
    path = f"/cases/{console.ids['open']}/confirm"
    async with console.client() as client:
        csrf = await sign_in(client)
        answer = await client.post(
            path, data={"csrf": csrf, "reason": "118 files left", "aware_at": "half past eight"}
        )

    assert answer.status_code == 422
    assert "Aware since: this is not a valid time" in answer.text
    assert "118 files left" in answer.text
    assert "half past eight" in answer.text


async def test_awareness_is_never_filled_in(console: ConsoleHarness) -> None:
    async with console.client() as client:
        await sign_in(client)
        page = (await client.get(f"/cases/{console.ids['open']}/confirm")).text
    field = re.search(r'<input id="f-aware_at"[^>]*>', page)

    assert field is not None
    assert 'value=""' in field[0]
    assert "reasonable certainty" in page


async def test_what_is_not_there_gets_a_page_in_plain_words(console: ConsoleHarness) -> None:
    async with console.client() as client:
        await sign_in(client)
        answers = [
            await client.get(path)
            for path in ("/nowhere", "/cases/CASE-9999", "/alerts/AL-0", "/alerts/x/raw/j/nine")
        ]

    assert {a.status_code for a in answers} == {404}
    assert all("Go to the overview" in a.text for a in answers)


async def test_somebody_elses_change_is_a_conflict_and_keeps_what_was_typed(
    console: ConsoleHarness,
) -> None:
    path = f"/alerts/{console.ids['alert']}"
    async with console.client() as client:
        csrf = await sign_in(client, "ana")
        first = await client.post(f"{path}/assign", data={"csrf": csrf, "version": "1"})
        second = await client.post(
            f"{path}/dismiss",
            data={"csrf": csrf, "version": "1", "fingerprint": "x", "dismiss_reason": "A test"},
        )

    assert first.status_code == 303
    assert second.status_code == 409
    assert "A test" in second.text


async def test_markup_in_what_people_type_stays_text(console: ConsoleHarness) -> None:
    path = f"/cases/{console.ids['open']}"
    async with console.client() as client:
        csrf = await sign_in(client, "ana")
        await client.post(f"{path}/note", data={"csrf": csrf, "note": "<script>alert(1)</script>"})
        page = (await client.get(path)).text

    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page


async def test_the_approval_asks_for_the_password_again(console: ConsoleHarness) -> None:
    path = f"/cases/{console.ids['breached']}/approval"
    async with console.client() as client:
        csrf = await sign_in(client, "april")
        answer = await client.post(
            path, data={"csrf": csrf, "count": "1", "expected_hash": "x", "password": "wrong"}
        )

    assert answer.status_code == 403
    assert "this is not your password" in answer.text


async def test_an_absurdly_large_form_is_refused_before_it_is_read(console: ConsoleHarness) -> None:
    async with console.client() as client:
        csrf = await sign_in(client)
        answer = await client.post(
            "/cases/new", data={"csrf": csrf, "known": "x" * (21 * 1024 * 1024)}
        )

    assert answer.status_code == 413


def test_a_folder_without_the_pages_is_refused_at_the_start(
    console: ConsoleHarness, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match="pages are not there"):
        build_app(replace(console.dependencies, templates_dir=tmp_path))


def test_passwords_are_argon2id_and_a_broken_hash_matches_nothing() -> None:
    assert hash_password(PASSWORD).startswith("$argon2id$")
    assert is_matching(hash_password(PASSWORD), PASSWORD)
    assert not is_matching(HASH, "other")
    assert not is_matching("unusable", PASSWORD)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (labels.SEVERITY, Severity),
        (labels.ALERT_STATE, AlertState),
        (labels.CASE_STATE, CaseState),
        (labels.ORIGIN, CaseOrigin),
        (labels.CONTAINMENT, ContainmentKind),
        (labels.TASK, TaskKind),
        (labels.CERTAINTY, Certainty),
        (labels.ROLE, DataRole),
        (labels.EFFECT, BreachEffect),
        (labels.SURETY, EffectCertainty),
        (labels.PECR, PecrStatus),
        (labels.KIND, NoticeKind),
        (labels.RECIPIENTS, NoticeKind),
        (labels.PERSON, PersonKind),
        (labels.STATUS, DeliveryStatus),
        (labels.STATUS_MEANING, DeliveryStatus),
        (labels.STATUS_TONE, DeliveryStatus),
        (labels.CATEGORY, DataCategory),
        (labels.STAGE_LABELS, ReportPhase),
        (labels.PRECISION, NumberPrecision),
        (labels.RULE_KIND, RuleKind),
    ],
)
def test_every_value_has_its_word(words: dict[str, str], kind: type[StrEnum]) -> None:
    assert set(words) == {value.value for value in kind}


def test_no_template_has_inline_style_or_script() -> None:
    for page in (TEMPLATES / "console").iterdir():
        text = page.read_text()

        assert not re.search(r"\sstyle=|<style|\son\w+=", text), page.name
        assert not re.search(r"<script(?! src=\"/static/)", text), page.name
        assert "http://" not in text.replace("http://www.w3.org", "")
        assert "https://" not in text


def test_a_session_is_idle_for_half_an_hour_and_lives_twelve_hours_by_default() -> None:
    limits = ConsoleSettings()

    assert (limits.idle, limits.longest) == (timedelta(minutes=30), timedelta(hours=12))


async def test_an_imported_file_answers_with_its_report_row_by_row(console: ConsoleHarness) -> None:
    sheet = (
        "customer id,name,default email\nfabrikam,Fabrikam Ltd,office@fabrikam.example\n,Nobody,x\n"
    )
    async with console.client() as client:
        csrf = await sign_in(client, "reg")
        answer = await client.post(
            "/customers/import",
            data={"csrf": csrf, "what": "customers", "preset": "plain"},
            files={"file": ("customers.csv", sheet.encode(), "text/csv")},
        )
        page = (await client.get("/customers/fabrikam")).text
        none = await client.post(
            "/customers/import", data={"csrf": csrf, "what": "customers", "preset": "plain"}
        )

    assert answer.status_code == 200
    assert "2 rows read, one refused." in collapse_whitespace(answer.text)
    assert "office@fabrikam.example" in page
    assert none.status_code == 422
    assert "no file is chosen" in none.text


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("..", "upload.csv"),
        (".", "upload.csv"),
        ("/", "upload.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\exports\\our customers.csv", "our customers.csv"),
        ("x" * 300, "x" * 79 + "…"),
        ("\U0001f480" * 300, "\U0001f480" * 79 + "…"),
        ("a\x00b\x07\u202ec\u200b.csv", "abc.csv"),
        ("\x00\u202e", "upload.csv"),
        ("<b>.csv", "<b>.csv"),
    ],
)
def test_an_upload_is_shown_under_its_name_as_far_as_it_is_one(sent: str, shown: str) -> None:
    assert sanitise_name(sent) == shown


@pytest.mark.parametrize(
    "name", ["..", ".", "/", "x" * 300, "a%00b", "a\u202eb", "a\tb", "CON", "upload.csv"]
)
@pytest.mark.parametrize(
    ("sheet", "status"),
    [("customer id,name,default email\nfab,Fab,o@fab.example\n", 200), ('a,"b\n', 422)],
)
async def test_an_upload_of_any_name_gets_its_report(
    console: ConsoleHarness, name: str, sheet: str, status: int
) -> None:
    async with console.client() as client:
        csrf = await sign_in(client, "reg")
        answer = await client.post(
            "/customers/import",
            data={"csrf": csrf, "what": "customers", "preset": "plain"},
            files={"file": (name, sheet.encode(), "text/csv")},
        )

    assert answer.status_code == status
    assert escape(sanitise_name(name)).casefold() in answer.text.casefold()


@pytest.mark.parametrize("path", ["/sign-in", "/customers/import", "/sign-out", "/nowhere"])
async def test_a_strangers_body_is_not_read(console: ConsoleHarness, path: str) -> None:
    async def body() -> AsyncIterator[bytes]:
        raise AssertionError("it was read")
        yield b""

    async with console.client() as client:
        answers = [
            await client.post(path, content=body(), headers={**form, **size})
            for form in ({}, {"content-type": "application/x-www-form-urlencoded"})
            for size in ({"content-length": "19000000"}, {"content-length": "9" * 5000}, {})
        ]

    assert {answer.status_code for answer in answers} <= {303, 403, 404, 413}


async def test_a_stranger_in_the_logs_is_bound_from_the_page(console: ConsoleHarness) -> None:
    async with console.client() as client:
        csrf = await sign_in(client, "reg")
        answer = await client.post(
            "/unattributed",
            data={
                "csrf": csrf,
                "key": "mailbox:new@contoso.example",
                "customer": "contoso",
                "service": "hosted mailbox",
                "valid_from": "2026-11-01 00:00",
            },
        )
        page = (await client.get("/customers/contoso")).text

    assert answer.status_code == 303
    assert "mailbox:new@contoso.example" in page
    assert "1 Nov 2026" in page


HOSTILE = (
    "\u202eevil\u202c \u2066iso\u2069 z\u200bw a\ufeffb s\u00ady \x1b[31m \x07 \u2028 \u061c"
    " \U000e0041 \u3164 <b>&\"'"
)
"""Overrides, isolates, zero width, escapes, a line separator, tags, a filler, and markup."""
RAW = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069"
    "\ufeff\u3164\U000e0000-\U000e007f]"
)


def hostile_case(console: ConsoleHarness) -> dict[str, str]:
    """Everything that anybody outside or inside may have stored, with hidden characters in it, up
    to the approval's page."""
    now, store = console.now, console.store
    signal = make_signal(
        9, value=HOSTILE, touches=(AssetTouch("contoso", "mailbox:jo@contoso.example", "mail"),)
    )
    seen = dict.fromkeys(("user.name", "event.action", "user_agent.original"), HOSTILE)
    result = replace(signal, key=signal.key._replace(rule="hostile"), summary=signal.summary | seen)
    alert = add_alert(store, make_episode([result], title=f"Sign-in by {HOSTILE}"))
    contoso = make_customer()
    people = tuple(p.model_copy(update={"name": f"{HOSTILE} {p.name}"}) for p in contoso.people)

    def work(uow):
        uow.customers.save(contoso.model_copy(update={"name": f"Cont {HOSTILE}", "people": people}))
        uow.customers.bind(
            make_binding("files@contoso.example").model_copy(update={"service": HOSTILE}), now()
        )
        user = make_user("rhea", *Permission).model_copy(
            update={"password_hash": HASH, "name": HOSTILE}
        )
        uow.users.save(user)
        breach = add_confirmed_breach(uow, now(), alert, actor="ana")
        case = uow.cases.get(breach.case_id)
        note = CaseNote(at=now(), by="ana", text=HOSTILE)
        uow.cases.save(case.model_copy(update={"title": HOSTILE, "notes": (note,)}))
        return uow.breaches.save(breach.model_copy(update={"title": HOSTILE}))

    breach = store.write(work)
    responder = make_actor(Permission.RESPONDER, user_id="ana")
    facts = build_facts(breach_id=breach.id, what_happened=HOSTILE, measures=(HOSTILE,))
    decision = DECISION.model_copy(update={"breach_id": breach.id, "risk": HOSTILE})
    reported = ReportFacts(
        breach_id=breach.id, version=1, written_by="ana", written_at=now(), what_happened=HOSTILE,
        training=HOSTILE,
    )  # fmt: skip

    def write(uow):
        exposures = affected_list.override(
            affected_list.propose(uow, breach.id), "contoso", DataRole.CONTROLLER, Certainty.POSSIBLE,
            HOSTILE, responder,
        )  # fmt: skip
        affected_list.freeze(uow, responder, breach.id, exposures, now())
        decide.record_decision(uow, responder, decision, now=now())
        notice_facts.write_facts(uow, responder, facts, now=now())
        report.write_report(uow, responder, reported, now=now())

    now.advance(minutes=1)
    store.write(write)
    return {"case": f"/cases/{breach.case_id}", "alert": f"/alerts/{alert.id}"}


async def test_no_page_puts_out_a_character_that_hides_or_reorders(console: ConsoleHarness) -> None:
    sender = SenderSettings(channel="maildir", from_name="Penhallow IT", from_email="n@p.example")
    settings = console.dependencies.settings.model_copy(
        update={"profile": PROFILE, "senders": (sender,)}
    )
    console = replace(console, dependencies=replace(console.dependencies, settings=settings))
    here = hostile_case(console)
    parts = (
        "", "/confirm", "/affected", "/affected?anew=true", "/decision", "/decision/memo", "/decision/grounds", "/facts", "/letters",
        "/letters/compare", "/facts/words?role=controller&standing=possible",
        "/letters?view=html", "/letters/1/html", "/approval", "/delivery", "/report",
        "/report/copy", "/report.json",
    )  # fmt: skip
    paths = [*(path.format(**console.ids) for path in PAGES), here["alert"], "/alerts?state=all"]
    paths += [f"{here['case']}{part}" for part in parts]
    async with console.client() as client:
        csrf = await sign_in(client, "rhea")
        answers = {path: await client.get(path) for path in paths}
        answers["import"] = await client.post(
            "/customers/import",
            data={"csrf": csrf, "what": "customers", "preset": HOSTILE},
            files={"file": (f"{HOSTILE[:9]}.csv", f"customer id,{HOSTILE}\n1,2\n".encode())},
        )
        answers["note"] = await client.post(
            f"{here['case']}/close", data={"csrf": csrf, "reason": HOSTILE, "kind": HOSTILE}
        )
        answers["search"] = await client.get("/customers", params={"q": HOSTILE})
    raw = {path: RAW.findall(answer.text) for path, answer in answers.items()}
    marked = [path for path, answer in answers.items() if "[U+202E]" in answer.text]

    assert {path: answer.status_code for path, answer in answers.items() if answer.is_error} == {
        "import": 422,
        "note": 422,
    }
    assert {path: actual for path, actual in raw.items() if actual} == {}
    assert {f"{here['case']}{part}" for part in ("", "/letters", "/approval", "/report")} <= set(
        marked
    )
    assert {"/customers", "/customers/contoso", "/register.csv", here["alert"]} <= set(marked)
    approval = answers[f"{here['case']}/approval"].text
    assert "&lt;<bdi>accounts@contoso.example</bdi>&gt;" in approval
    assert "&lt;b&gt;" in approval


async def test_data_for_a_program_keeps_every_character_as_an_escape(
    console: ConsoleHarness,
) -> None:
    hostile_case(console)
    async with console.client() as client:
        await sign_in(client, "rhea")
        answer = await client.get("/register.json")

    assert RAW.findall(answer.text) == []
    assert HOSTILE in {entry["title"] for entry in answer.json()}
