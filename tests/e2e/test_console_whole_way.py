"""The whole way in a real browser, as the three people who work there."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
import uvicorn
from argon2 import PasswordHasher
from facts_in_browser import write_facts
from playwright.sync_api import Browser, Page, expect, sync_playwright
from waiting_letters import place

from breachdesk.casework.outbox import StoreOutbox
from breachdesk.console.app import console_app
from breachdesk.console.house import House
from breachdesk.stores.sql_store import SqlStore
from breachdesk.testing import (
    FixedNow,
    a_binding,
    a_customer,
    a_signal,
    a_user,
    an_episode,
    memory_store,
    raise_alerts,
)
from notifiers.channels.maildir import CHANNEL
from notifiers.dispatch import Dispatcher
from notifiers.render import JinjaRenderer
from schemas.alert import GroupKey, Severity
from schemas.customer import DataCategory, Role
from schemas.event import Touch
from schemas.rule import RuleInfo
from schemas.settings import ProviderProfile, SenderSettings, Settings
from schemas.source import Incoming
from schemas.user import Duty
from streams.event_logs.sqlite import SqliteEventLog

TEMPLATES = Path(__file__).parents[2] / "templates"
CHROMIUM = Path("/usr/bin/chromium")
PASSWORD = "correct horse battery"
START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
REFRESHED = 180_000
"""Milliseconds. A page refreshes its parts every 20 seconds."""
PEOPLE = {"ana": Duty.ANALYST, "rhea": Duty.RESPONDER, "april": Duty.APPROVER}
CUSTOMERS = ("contoso", "hartwell", "orchard")

pytestmark = [pytest.mark.chromium, pytest.mark.slow]


@dataclass(frozen=True)
class NoRules:
    """breachdesk.ports.Explainer of an empty rule book."""

    def rules(self) -> Sequence[RuleInfo]:
        return []


@dataclass
class Desk:
    """A console that listens, its clock and its store."""

    url: str
    house: House
    store: SqlStore
    now: FixedNow

    def dispatch(self) -> int:
        """Send what is due, once."""
        settings = self.house.settings
        outbox = StoreOutbox(self.store, settings, self.house.renderer, place(self.store))
        channel = CHANNEL.open(settings.senders[0])
        dispatcher = Dispatcher(outbox, channel, self.now, settings.notices, "boot-1")
        with ThreadPoolExecutor(1) as aside:  # the browser's loop runs in this thread
            return aside.submit(lambda: asyncio.run(dispatcher.run_once())).result()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        missing = f"{CHROMIUM} is not there: the browser tests have nothing to drive"
        if os.environ.get("BREACHDESK_REQUIRE_SERVICES") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield chromium
        chromium.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    now = FixedNow(START + timedelta(hours=7))
    store, log = memory_store(now), SqliteEventLog(tmp_path / "journal", now)
    log.append([Incoming(source="m365", raw=b'{"Operation": "UserLoggedIn"}', arrived=START)])
    renderer = JinjaRenderer(TEMPLATES, "Europe/London")
    house = House(_settings(tmp_path), store, renderer, now, NoRules(), log, TEMPLATES)
    place(store)
    _seed(store, now)
    server = uvicorn.Server(uvicorn.Config(console_app(house), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Desk(f"http://127.0.0.1:{port}", house, store, now)
    server.should_exit = True
    thread.join()
    store.close()
    log.close()


def _settings(folder: Path) -> Settings:
    profile = ProviderProfile(
        legal_name="Northgate IT Ltd",
        trading_name="Northgate IT",
        company_number="01234567",
        registered_address="1 Mill Lane, Leeds LS1 1AA",
        ico_registration="ZA000001",
        contact_name="Rowan Hale",
        contact_email="help@northgate.example",
        contact_phone="01632 960100",
        contact_hours="9 to 17 on working days",
        complaints="Write to Rowan Hale at the address below.",
        promise="we will tell you as soon as feasible when an incident may have exposed your data",
        promise_source="privacy policy",
        invoices_before=date(2026, 11, 1),
        witness_email="witness@outside.example",
    )
    sender = SenderSettings(
        channel="maildir",
        from_name="Northgate IT",
        from_email="notices@northgate.example",
        envelope_from="bounces@northgate.example",
        maildir=folder / "mails",
    )
    return Settings(data_dir=folder, profile=profile, senders=(sender,), drill=True)


def _seed(store: SqlStore, now: FixedNow) -> None:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)

    def work(uow):
        for name, duty in PEOPLE.items():
            uow.users.save(a_user(name, duty).model_copy(update={"password_hash": cheap}))
        for customer in CUSTOMERS:
            uow.customers.save(a_customer(customer))
            uow.customers.bind(a_binding(f"jo@{customer}.example", customer), now())
        uow.customers.bind(
            a_binding(
                "crm.hartwell.example",
                "hartwell",
                role=Role.CONTROLLER,
                categories=(DataCategory.CONTACT,),
            ),
            now(),
        )

    store.act(work)
    touches = {
        "contoso": Touch("contoso", "mailbox:jo@contoso.example", "mail"),
        "hartwell": Touch("hartwell", "mailbox:crm.hartwell.example", "contact"),
    }
    signals = [
        a_signal(
            n,
            time=START,
            step="failed" if n < 41 else "opened" if n == 41 else "exfiltrated",
            touches=tuple(touches.values()) if n > 40 else (),
        )
        for n in range(1, 80)
    ]
    other = GroupKey("ssh_bruteforce", "orchard", ("203.0.113.9",))
    noise = [a_signal(n, time=START, key=other, touches=()) for n in range(200, 205)]
    raise_alerts(
        store,
        an_episode(signals, severity=Severity.CRITICAL, title="Sign-in, then bulk download"),
        an_episode(noise, severity=Severity.LOW, title="SSH guessing on web1"),
    )


@pytest.fixture
def page(browser: Browser, desk: Desk) -> Iterator[Page]:
    context = browser.new_context(base_url=desk.url)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console", lambda m: complaints.append(m.text) if "Content Security" in m.text else None
    )
    yield page
    context.close()
    assert complaints == []


def sign_in(page: Page, user: str, *, password: str = PASSWORD, code: str = "") -> None:
    page.context.clear_cookies()
    page.goto("/sign-in")
    page.fill("#user", user)
    page.fill("#password", password)
    page.fill("#code", code)
    page.click("text=Sign in >> nth=-1")
    expect(page.locator("nav")).to_be_visible()


def enrolled(page: Page, desk: Desk, user: str) -> pyotp.TOTP:
    """The first sign-in of an approver leads to the second factor; back with its app."""
    sign_in(page, user)
    expect(page.locator("h1")).to_contain_text("Set yours up now")
    press(page, "Show the picture to scan")
    keep_picture(page, "second-factor")
    app = pyotp.TOTP(page.locator("input[name=secret]").input_value())
    page.fill("#app", "000000")
    page.fill("#now", PASSWORD)
    press(page, "Take it into use")
    expect(page.get_by_role("alert")).to_contain_text("not the app's present code")
    page.fill("#app", app.at(desk.now()))
    page.fill("#now", PASSWORD)
    press(page, "Take it into use")
    expect(page.locator(".codes li")).to_have_count(10)
    keep_picture(page, "recovery-codes")
    page.click("text=I have kept them")
    desk.now.advance(seconds=30)
    return app


def keep_picture(page: Page, name: str) -> None:
    """With BREACHDESK_SCREENSHOTS=FOLDER: wide and narrow, light and dark."""
    kept = os.environ.get("BREACHDESK_SCREENSHOTS")
    for width, scheme in [(1440, "light"), (400, "light"), (1440, "dark")]:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # light | dark
        over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if kept:
            page.screenshot(path=Path(kept) / f"{name}-{width}-{scheme}.png", full_page=True)
        assert over <= 0, f"{name} at {width}: {over} pixels too wide"
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme="light")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).first.click()


def said(page: Page, text: str) -> None:
    expect(page.locator(".said")).to_contain_text(text)


def triaged(page: Page) -> None:
    """The analyst looks, comments, dismisses one, opens a case of the other."""
    sign_in(page, "ana")
    page.click("text=SSH guessing on web1")
    page.fill("#f-comment", "The usual noise of a Saturday.")
    press(page, "Keep the comment")
    said(page, "Comment kept")
    page.fill("#f-dismiss_reason", "Every try was refused.")
    press(page, "Dismiss")
    said(page, "Dismissed")
    page.fill("#f-reopen_reason", "One more look.")
    press(page, "Reopen")
    said(page, "Open again")
    page.goto("/alerts")
    page.click("text=Sign-in, then bulk download")
    expect(page.get_by_role("img")).to_have_count(1)
    press(page, "Assign to me")
    said(page, "Assigned")
    press(page, "Open a case")
    said(page, "Case opened")


def contained_and_confirmed(page: Page) -> None:
    """The responder leads, contains, and declares awareness by hand."""
    sign_in(page, "rhea")
    page.goto("/cases/CASE-0001")
    press(page, "Take the lead")
    page.click("text=Add a step")
    page.select_option("#f-kind", "preserve_evidence")
    page.select_option("#f-concern", "everything")
    page.fill("#f-containment", "exported the sign-in logs")
    page.fill("#f-done_at", "2026-11-22 09:30")
    press(page, "Add")
    page.click("text=Add a step")
    page.select_option("#f-kind", "remove_rules")
    page.select_option("#f-concern", "customers_data")
    page.fill("#f-containment", "removed the mailbox rule")
    press(page, "Add")
    press(page, "Done now")
    page.fill("#f-note", "Nobody at the customer was working that night.")
    press(page, "Keep the note")
    said(page, "Note kept")
    page.goto("/cases/CASE-0001/confirm")
    page.fill(
        "#f-reason", "An account opened and 38 files left; the customer says it was not them."
    )
    press(page, "Confirm the breach")
    expect(page.get_by_role("alert")).to_contain_text("no time is given")
    expect(page.locator("#f-reason")).to_have_value(
        "An account opened and 38 files left; the customer says it was not them."
    )
    page.fill("#f-aware_at", "2026-11-22 10:00")
    page.select_option("#f-cause", "stolen_credentials")
    press(page, "Confirm the breach")
    said(page, "Breach confirmed")


def affected_and_decided(page: Page) -> None:
    """The responder changes one customer by hand, freezes, and answers what the list raises."""
    page.get_by_label("Certainty of contoso:processor").select_option("confirmed")
    why = page.get_by_label("Reason for changing contoso:processor")
    why.fill("The customer named the files that left.")
    press(page, "Freeze the list")
    said(page, "List frozen")
    expect(page.locator("main")).to_contain_text("The customer named the files that left.")
    page.goto("/cases/CASE-0001/decision")
    for name, answer in (
        ("report_to_ico", "yes"),
        ("tell_people", "no"),
        ("own_promise_binds", "yes"),
    ):
        page.check(f'input[name="{name}"][value="{answer}"]')
        page.fill(f"#f-{name}_reasons", f"Because the facts say so about {name}.")
    page.fill("#f-risk", "Phishing that knows real details is likely.")
    page.fill("#f-high_risk", "Not high: no health or payment data was seen.")
    for name in ("likely_harm", "safeguards_before", "safeguards_after"):
        page.fill(f"#f-{name}", f"What there is to say about {name}.")
    page.select_option("#f-edpb_case", "none")
    page.fill("#f-edpb_comparison", "No example is of contact data read by a stranger.")
    for field in page.locator('select[name^="data_"]').all():
        field.select_option("2")
    page.select_option("#f-identification", "0.5")
    page.select_option("#f-confidentiality", "full")
    page.select_option("#f-integrity", "nothing")
    page.select_option("#f-availability", "nothing")
    page.select_option("#f-malicious", "no")
    press(page, "Seal the decision")
    said(page, "Decision written")
    expect(page.locator(".figure")).to_contain_text("1.50")
    expect(page.locator("aside")).to_contain_text("Low. People are not affected")


def written(page: Page) -> None:
    """The responder writes the facts and reads the letters in all three ways."""
    write_facts(
        page,
        "/cases/CASE-0001",
        "Early on Sunday 22 November somebody who was not you signed in.",
        next_update="",  # a promised update would keep the case open until it is sent
    )
    page.goto("/cases/CASE-0001/letters")
    expect(page.locator(".mail .body")).to_contain_text("22 November")
    page.click("text=Phone width")
    letter = page.frame_locator("iframe").locator("body")
    expect(letter).to_contain_text("22 November")


def approved(page: Page, desk: Desk) -> None:
    """The writer may not; the approver types the number, the password and a code."""
    page.goto("/cases/CASE-0001/approval")
    expect(page.get_by_role("button", name="Approve and release")).to_be_disabled()
    app = enrolled(page, desk, "april")
    sign_in(page, "april", code=app.at(desk.now()))
    page.goto("/cases/CASE-0001/approval")
    keep_picture(page, "approval")
    assert page.locator(".button.grave").count() == 1
    button = page.get_by_role("button", name="Approve and release").inner_text()
    count = next(word for word in button.split() if word.isdigit())
    for number, shift in ((count, 30), ("77", 0)):
        page.fill("#n", number)
        page.fill("#p", PASSWORD)
        page.fill("#p-code", app.at(desk.now()))
        press(page, "Approve and release")
        expect(page.get_by_role("alert")).to_be_visible()
        assert desk.store.look(lambda uow: uow.notices.list()) == []
        desk.now.advance(seconds=shift)
    page.fill("#n", count)
    page.fill("#p", PASSWORD)
    page.fill("#p-code", app.at(desk.now()))
    press(page, "Approve and release")
    said(page, "Approved")
    assert len(desk.store.look(lambda uow: uow.notices.list())) == int(count)


def delivered(page: Page, desk: Desk) -> None:
    """Stopped, let go, sent; one comes back and is telephoned."""
    press(page, "Stop sending")
    said(page, "Sending stopped")
    assert desk.dispatch() == 0
    press(page, "Send on")
    expect(page.locator("h1")).to_contain_text("not settled")
    sent = desk.dispatch()
    # The page follows by itself: headline, steps and counts, not the table alone.
    expect(page.locator("h1")).not_to_contain_text("not settled", timeout=REFRESHED)
    expect(page.locator("#steps")).not_to_contain_text("not settled")
    expect(page.locator(".said")).to_have_count(0)
    assert sent == len(desk.store.look(lambda uow: uow.notices.list()))
    sign_in(page, "rhea")
    page.goto("/cases/CASE-0001/delivery")
    expect(page.locator("h1")).to_contain_text("handed over")
    page.click("text=It came back, or was confirmed >> nth=0")
    page.fill('input[name^="bounce:"] >> nth=0', "550 5.1.1 no such mailbox")
    press(page, "Record the bounce")
    said(page, "Bounce recorded")
    while page.goto("/tasks") and page.locator("tr[data-row] a[href*='/tasks/']").count():
        before = page.locator("h1").inner_text()
        if before.startswith("No task"):
            break
        page.locator("tr[data-row] a[href*='/tasks/']").first.click()
        if page.locator("#f-call_outcome").count():
            called(page)
        else:
            page.fill("#f-outcome", "Compared with the contract: the number is right.")
            press(page, "Close the task")
        said(page, "Task closed")


def called(page: Page) -> None:
    """A call that reaches nobody leaves the task open; the next one tells its reader."""
    address = page.url
    page.select_option("#f-call_outcome", "nobody")
    page.fill("#f-number", "01632 960111")
    press(page, "Keep this")
    said(page, "nobody was told")
    page.goto(address)
    page.select_option("#f-call_outcome", "reached_and_told")
    page.fill("#f-number", "01632 960111")
    page.fill("#f-spoken_to", "Jo Mason")
    page.fill("#f-said", "Will change the password today.")
    press(page, "Keep this")


def reported(page: Page) -> None:
    """The missing answers are given, the files come, the submission stops the clock."""
    page.goto("/cases/CASE-0001/report")
    expect(page.locator("main")).to_contain_text("Missing")
    answers = {
        "how_found": "By our own monitoring.",
        "people": "40",
        "records": "38",
        "consequences": "Phishing that knows real details.",
        "actual_harm": "None known.",
        "training": "Yes, in March 2026.",
        "measures_before": "Second factor for administrators.",
        "measures_after": "Second factor for everybody by 30 November 2026.",
        "reporter_name": "Rhea Quill",
    }
    for name, text in answers.items():
        page.fill(f"#f-{name}", text)
    page.select_option("#f-people_precision", "approximate")
    page.select_option("#f-records_precision", "exact")
    page.select_option("#f-cyber", "yes")
    page.select_option("#f-high_risk", "no")
    page.select_option("#f-likelihood", "unlikely")
    for name, choice in {
        "reason": "meets_threshold", "impact": "low", "recovery": "complete", "trained": "yes",
        "told_bodies": "no",
    }.items():  # fmt: skip
        page.select_option(f"#f-{name}", choice)
    for name, choice in (("harmed", "confidentiality"), ("people_kinds", "customers")):
        page.check(f"input[name={name}][value={choice}]")
    press(page, "Keep the answers")
    said(page, "Report facts kept")
    for kind in ("pdf", "json"):
        answer = page.request.get(f"/cases/CASE-0001/report.{kind}")
        assert answer.ok
        assert len(answer.body()) > 500
    page.goto("/cases/CASE-0001/report/copy")
    expect(page.locator("pre")).to_contain_text("Phishing that knows real details.")
    page.goto("/cases/CASE-0001/report")
    page.fill("#f-submitted_at", "2026-11-22 10:00")
    page.fill("#f-channel", "online form")
    page.fill("#f-reference", "IC-123456")
    press(page, "Record the submission")
    said(page, "Submission recorded")
    expect(page.locator("h1")).to_contain_text("Reported to")


def closed(page: Page) -> None:
    """Closed with a reason, in the register, the chain holds."""
    page.goto("/cases/CASE-0001")
    page.fill("#f-close_reason", "Everybody is told and the ICO has its report.")
    press(page, "Close the case")
    said(page, "Case closed")
    page.goto("/register")
    expect(page.locator("main")).to_contain_text("BR-0001")
    page.goto("/audit?verify=true")
    expect(page.locator("h1")).to_contain_text("The chain holds")


def test_the_whole_way_can_be_gone_in_the_browser(page: Page, desk: Desk) -> None:
    triaged(page)
    contained_and_confirmed(page)
    affected_and_decided(page)
    written(page)
    approved(page, desk)
    delivered(page, desk)
    reported(page)
    closed(page)


def test_a_page_whose_session_ended_says_that_it_no_longer_refreshes(page: Page) -> None:
    sign_in(page, "ana")
    page.goto("/")
    page.context.clear_cookies()
    expect(page.locator("#stale")).to_contain_text("You are signed out", timeout=REFRESHED)


def test_an_account_is_looked_after_in_the_browser(page: Page, desk: Desk) -> None:
    new = "violet ladder 47 teapot"
    sign_in(page, "rhea")
    sign_in(page, "rhea")
    page.click("text=Your account")
    expect(page.locator("h1")).to_contain_text("two sessions")
    keep_picture(page, "account")
    press(page, "End the others")
    said(page, "Your other sessions have ended")
    page.click("text=Change the password")
    for password in ("password1234", new):
        page.fill("#old", PASSWORD)
        page.fill("#new", password)
        page.fill("#again", password)
        press(page, "Change the password")
        if password != new:
            expect(page.get_by_role("alert")).to_contain_text("too easy to guess")
            keep_picture(page, "password")
    said(page, "Password changed")
    press(page, "End all my sessions")
    expect(page.locator(".said")).to_contain_text("All your sessions have ended")
    keep_picture(page, "sign-in")
    sign_in(page, "rhea", password=new)
    assert len(desk.store.look(lambda uow: uow.users.sessions("rhea", desk.now()))) == 1


def test_a_case_that_no_alert_began_is_opened_and_ends_as_a_near_miss(page: Page) -> None:
    sign_in(page, "rhea")
    page.goto("/cases")
    page.keyboard.press("n")
    page.fill("#f-title", "Laptop left on a train")
    page.select_option("#f-origin", "processor")
    page.fill("#f-third_party", "Trainline lost property")
    page.fill("#f-supplier_told_at", "2026-11-22 08:00")
    page.fill("#f-known", "Found by the guard, still locked.")
    page.fill("#f-assets", "host:laptop-7")
    press(page, "Open the case")
    said(page, "Case opened")
    page.click("text=Close this case")
    page.fill("#f-close_reason", "It was never out of the guard’s hands and is encrypted.")
    page.check('input[name="near_miss"]')
    page.select_option("#f-cause", "lost_or_stolen")
    press(page, "Close the case")

    said(page, "Case closed")
    page.goto("/register")
    expect(page.locator("main")).to_contain_text("Laptop left on a train")


@pytest.mark.parametrize("width", [400, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_its_window(
    browser: Browser, desk: Desk, width: int, scheme: str
) -> None:
    context = browser.new_context(
        base_url=desk.url, viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    page = context.new_page()
    sign_in(page, "ana")
    wide = {}
    for path in ("/", "/alerts", "/cases", "/customers", "/sources", "/rules", "/audit"):
        page.goto(path)
        wide[path] = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    context.close()

    assert {path: over for path, over in wide.items() if over > 0} == {}


def test_it_works_without_script(browser: Browser, desk: Desk) -> None:
    context = browser.new_context(base_url=desk.url, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, "ana")
    page.click("text=Sign-in, then bulk download")
    press(page, "Open a case")

    said(page, "Case opened")
    context.close()


def test_the_keyboard_reaches_the_page_and_walks_the_alerts(page: Page) -> None:
    sign_in(page, "ana")
    page.goto("/alerts")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("j")
    page.keyboard.press("j")

    assert "SSH guessing" in page.evaluate("document.activeElement.textContent")
