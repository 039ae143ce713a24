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
from playwright.sync_api import Browser, Page, expect, sync_playwright
from waiting_letters import place

from breachdesk.casework.delivery.outbox import StoreOutbox
from breachdesk.console.app import build_app
from breachdesk.console.dependencies import ConsoleDependencies
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import (
    FixedNow,
    make_binding,
    make_customer,
    make_episode,
    make_signal,
    make_store,
    make_user,
    raise_alerts,
)
from notifiers.channels.maildir import CHANNEL
from notifiers.delivery.dispatch import NoticeDispatcher
from notifiers.letters.render import JinjaRenderer
from schemas.customer import AssetKind, Customer, DataCategory, DataRole
from schemas.pipeline.alert import GroupKey, Severity
from schemas.pipeline.event import AssetTouch
from schemas.pipeline.rule import RuleInfo
from schemas.pipeline.source import IncomingRecord
from schemas.settings import ProviderProfile, SenderSettings, Settings
from schemas.user import Permission
from streams.event_logs.sqlite import SqliteEventLog

TEMPLATES = Path(__file__).parents[2] / "templates"
CHROMIUM = Path("/usr/bin/chromium")
PASSWORD = "correct horse battery"
START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
REFRESHED = 180_000
"""Milliseconds. A page refreshes its parts every 20 seconds."""
PEOPLE = {"ana": Permission.ANALYST, "rhea": Permission.RESPONDER, "april": Permission.APPROVER}
CUSTOMERS = ("contoso", "hartwell", "orchard")
BY_TELEPHONE = "willow"
"""A customer without a mail address."""
RECORDS = ("hartwell", "orchard", BY_TELEPHONE)
"""Whose account records were opened; Contoso's mailbox was."""

pytestmark = [pytest.mark.chromium, pytest.mark.slow]


@dataclass(frozen=True)
class NoRules:
    """breachdesk.ports.Explainer of an empty rule book."""

    def list_rules(self) -> Sequence[RuleInfo]:
        return []


@dataclass
class ConsoleHarness:
    """A console that listens, its clock and its store."""

    url: str
    dependencies: ConsoleDependencies
    store: SqliteStore
    now: FixedNow

    def dispatch(self) -> int:
        """Send what is due, once."""
        settings = self.dependencies.settings
        outbox = StoreOutbox(self.store, settings, self.dependencies.renderer, place(self.store))
        channel = CHANNEL.open(settings.senders[0])
        dispatcher = NoticeDispatcher(outbox, channel, self.now, settings.notices, "boot-1")
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
def console(tmp_path: Path) -> Iterator[ConsoleHarness]:
    now = FixedNow(START + timedelta(hours=7))
    store, log = make_store(now), SqliteEventLog(tmp_path / "journal", now)
    log.append([IncomingRecord(source="m365", raw=b'{"Operation": "UserLoggedIn"}', arrived=START)])
    renderer = JinjaRenderer(TEMPLATES, "Europe/London")
    dependencies = ConsoleDependencies(
        _settings(tmp_path), store, renderer, now, NoRules(), log, TEMPLATES
    )
    place(store)
    _seed(store, now)
    server = uvicorn.Server(uvicorn.Config(build_app(dependencies), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield ConsoleHarness(f"http://127.0.0.1:{port}", dependencies, store, now)
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


def _seed(store: SqliteStore, now: FixedNow) -> None:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)

    def work(uow):
        for name, duty in PEOPLE.items():
            uow.users.save(make_user(name, duty).model_copy(update={"password_hash": cheap}))
        for customer in CUSTOMERS:
            uow.customers.save(make_customer(customer))
            uow.customers.bind(make_binding(f"jo@{customer}.example", customer), now())
        uow.customers.save(_without_address(make_customer(BY_TELEPHONE)))
        for customer in RECORDS:
            uow.customers.bind(
                make_binding(
                    f"billing-{customer}",
                    customer,
                    kind=AssetKind.SERVICE,
                    role=DataRole.CONTROLLER,
                    categories=(DataCategory.CONTACT,),
                ),
                now(),
            )

    store.write(work)
    touches = [AssetTouch("contoso", "mailbox:jo@contoso.example", "mail")]
    touches += [AssetTouch(c, f"service:billing-{c}", "contact") for c in RECORDS]
    signals = [
        make_signal(
            n,
            time=START,
            step="failed" if n < 41 else "opened" if n == 41 else "exfiltrated",
            touches=tuple(touches) if n > 40 else (),
        )
        for n in range(1, 80)
    ]
    other = GroupKey("ssh_bruteforce", "orchard", ("203.0.113.9",))
    noise = [make_signal(n, time=START, key=other, touches=()) for n in range(200, 205)]
    raise_alerts(
        store,
        make_episode(signals, severity=Severity.CRITICAL, title="Sign-in, then bulk download"),
        make_episode(noise, severity=Severity.LOW, title="SSH guessing on web1"),
    )


def _without_address(customer: Customer) -> Customer:
    people = tuple(p.model_copy(update={"email": ""}) for p in customer.people)
    return customer.model_copy(update={"default_email": "", "people": people})


@pytest.fixture
def page(browser: Browser, console: ConsoleHarness) -> Iterator[Page]:
    context = browser.new_context(base_url=console.url)
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


def enrolled(page: Page, console: ConsoleHarness, user: str) -> pyotp.TOTP:
    """The first sign-in of an approver leads to the second factor; back with its app."""
    sign_in(page, user)
    expect(page.locator("h1")).to_contain_text("Set yours up now")
    press(page, "Show the QR code")
    keep_picture(page, "second-factor")
    app = pyotp.TOTP(page.locator("input[name=secret]").input_value())
    page.fill("#app", "000000")
    page.fill("#now", PASSWORD)
    press(page, "Activate")
    expect(page.get_by_role("alert")).to_contain_text("not the app's present code")
    page.fill("#app", app.at(console.now()))
    page.fill("#now", PASSWORD)
    press(page, "Activate")
    expect(page.locator(".codes li")).to_have_count(10)
    keep_picture(page, "recovery-codes")
    page.click("text=I have saved them")
    console.now.advance(seconds=30)
    return app


def keep_picture(page: Page, name: str) -> None:
    """With BREACHDESK_SCREENSHOTS=FOLDER: wide and narrow, light and dark."""
    folder = os.environ.get("BREACHDESK_SCREENSHOTS")
    for width, scheme in [(1440, "light"), (400, "light"), (1440, "dark")]:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # light | dark
        over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if folder:
            page.screenshot(path=Path(folder) / f"{name}-{width}-{scheme}.png", full_page=True)
        assert over <= 0, f"{name} at {width}: {over} pixels too wide"
    assert page.locator("h1").count() == 1, name
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
    press(page, "Save the comment")
    said(page, "Comment saved")
    page.fill("#f-dismiss_reason", "Every try was refused.")
    press(page, "Dismiss")
    said(page, "Dismissed")
    page.fill("#f-reopen_reason", "One more look.")
    press(page, "Reopen")
    said(page, "Reopened")
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
    said(page, "You lead this case")
    page.click("text=Add a step")
    page.select_option("#f-kind", "preserve_evidence")
    page.select_option("#f-concern", "everything")
    page.fill("#f-containment", "exported the sign-in logs")
    page.fill("#f-done_at", "2026-11-22 09:30")
    press(page, "Add")
    expect(page.locator("#containment li")).to_have_count(1)
    page.click("text=Add a step")
    page.select_option("#f-kind", "remove_rules")
    page.select_option("#f-concern", "customers_data")
    page.fill("#f-containment", "removed the mailbox rule")
    press(page, "Add")
    press(page, "Mark as done")
    expect(page.locator("#containment li.done")).to_have_count(2)
    page.fill("#f-note", "Nobody at the customer was working that night.")
    press(page, "Save the note")
    said(page, "Note saved")
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
    press(page, "Confirm the breach")
    expect(page.get_by_role("alert")).to_contain_text("nothing is chosen")
    page.select_option("#f-cause", "not_yet_known")
    press(page, "Confirm the breach")
    said(page, "Breach confirmed")


def affected_and_decided(page: Page) -> None:
    """The responder changes one customer by hand, freezes, and answers what the list raises."""
    row = page.locator("tr", has_text="Contoso Ltd").filter(has_text="Processor")
    row.locator("select").first.select_option("confirmed")
    row.locator('input[name^="why:"]').fill("The customer named the files that left.")
    keep_picture(page, "affected")
    press(page, "Freeze the list")
    expect(page.locator("h1")).to_contain_text("will be notified")
    press(page, "Freeze the list")
    said(page, "List frozen")
    expect(page.locator("main")).to_contain_text("The customer named the files that left.")
    page.goto("/cases/CASE-0001/decision")
    assert page.locator('input[name="report_uk_pecr"]').count() == 0, "nothing raises PECR"
    for name, answer in (
        ("report_uk_ico", "yes"),
        ("tell_people", "no"),
        ("own_promise_binds", "yes"),
    ):
        page.check(f'input[name="{name}"][value="{answer}"]')
        page.fill(f"#f-{name}_reasons", f"Because the facts say so about {name}.")
    page.fill("#f-risk", "Phishing that knows real details is likely.")
    page.fill("#f-high_risk", "Not high: no health or payment data was seen.")
    page.fill("#f-likely_harm", "Somebody pays a false invoice.")
    page.fill("#f-safeguards_before", "Separate accounts for staff; they did not help.")
    page.fill("#f-safeguards_after", "The stolen sign-in no longer works.")
    page.select_option("#f-edpb_case", "7")
    page.fill("#f-edpb_comparison", "A guessed password, as there; no bank details, unlike there.")
    press(page, "Seal the decision")
    expect(page.get_by_role("alert")).to_contain_text("In case 7")
    expect(page.get_by_role("alert")).not_to_contain_text("edpb")  # an id of ours
    for name, value in (
        ("data_contact", "1"),
        ("identification", "0.75"),
        ("confidentiality", "full"),
        ("integrity", "nothing"),
        ("availability", "nothing"),
        ("malicious", "yes"),
    ):
        page.select_option(f"#f-{name}", value)
    press(page, "Show the score and the contradictions")
    expect(page.locator("#severity .figure")).to_contain_text("1.75")
    keep_picture(page, "decision-against")
    against = page.locator("#against textarea")
    assert against.count() == 2
    for n in range(2):
        against.nth(n).fill("Only names and addresses were on the pages that were opened.")
    press(page, "Seal the decision")
    said(page, "Decision written")
    expect(page.locator(".figure")).to_contain_text("1.75")
    keep_picture(page, "decision")


HOLDERS = {
    "what_happened": "The page of your account with your name and address was opened.",
    "consequences": "Somebody may write to you and know real details of your invoices.",
    "measures": "On 22 November 2026 we closed the sessions.",
    "steps": "Change your password through your usual bookmark.\nCheck changed bank details by "
    "a number you already have.\nTell us of anything odd.",
}
CONTROLLERS = {
    "what_happened": "With a guessed password somebody opened one mailbox of yours and took files.",
    "consequences": "Those whose letters were in the mailbox may be written to by a stranger.",
    "measures": "On 22 November 2026 we removed the mailbox rule.",
    "steps": "Look through the files that left.\nDecide whether you must report this.",
    "nature": "Confidentiality: a password was guessed.",
    "encryption": "The files were not encrypted against this account.",
    "people_and_records": "Not yet counted; the list of files is in our logs.",
    "deleted_but_in_backups": "Mail is kept in backups for two months.",
    "log_extracts": "We hold the sign-in lines for 90 days.",
}
NOT_OPENED = "The log of our panel shows that your page was not opened."
ORCHARD = "Your page also showed the telephone number of your office."


def written(page: Page) -> None:
    """The responder writes what all are told, the words of two groups and of one customer alone,
    and reads the texts side by side and in all three ways."""
    page.goto("/cases/CASE-0001/facts")
    page.fill("#f-what_happened", "Early on Sunday 22 November somebody who was not you signed in.")
    page.fill("#f-next_update", "2026-11-27 17:00")
    press(page, "Save the facts for everybody")
    said(page, "saved")
    expect(page.locator("#readers .tag.critical")).to_have_count(2)
    keep_picture(page, "facts")
    for readers, fields in (("controller", HOLDERS), ("processor", CONTROLLERS)):
        page.goto(f"/cases/CASE-0001/facts/words?role={readers}&standing=reached")
        for name, text in fields.items():
            page.fill(f"#f-{name}", text)
        page.check('input[name="contained"]')
        if readers == "processor":
            page.check('input[name="no_sub_processors"]')
        keep_picture(page, f"words-{readers}")
        press(page, "Save this text")
        said(page, "saved")
    page.click("text=Different text for one customer")
    page.get_by_role("link", name="Orchard Ltd").first.click()
    expect(page.locator("#f-steps")).to_have_value(HOLDERS["steps"])
    page.fill("#f-what_happened", ORCHARD)
    press(page, "Save this text")
    expect(page.locator("#readers .tag.critical")).to_have_count(0)
    page.click("text=Compare all readers")
    keep_picture(page, "side-by-side")
    cards = page.locator(".beside section")
    expect(cards).to_have_count(4)
    expect(cards.filter(has_text="Orchard Ltd")).to_contain_text(ORCHARD)
    expect(cards.filter(has_text="Hartwell Ltd")).not_to_contain_text(ORCHARD)
    expect(cards.filter(has_text="Willow Ltd")).to_contain_text("by telephone")
    page.goto("/cases/CASE-0001/letters")
    expect(page.locator(".mail .body")).to_contain_text("22 November")
    keep_picture(page, "letters")
    page.click("text=Phone width")
    letter = page.frame_locator("iframe").locator("body")
    expect(letter).to_contain_text("22 November")


def approved(page: Page, console: ConsoleHarness, app: pyotp.TOTP) -> None:
    """The writer may not; the approver types the number, the password and a code."""
    sign_in(page, "rhea")
    page.goto("/cases/CASE-0001/approval")
    expect(page.get_by_role("button", name="Approve and release")).to_be_disabled()
    sign_in(page, "april", code=app.at(console.now()))
    page.goto("/cases/CASE-0001/approval")
    keep_picture(page, "approval")
    assert page.locator(".button.grave").count() == 1
    expect(page.locator("#calls")).to_contain_text("Willow Ltd")
    expect(page.locator("#calls")).to_contain_text(HOLDERS["what_happened"])
    for number, shift in (("4", 30), ("77", 0)):
        page.fill("#n", number)
        page.fill("#p", PASSWORD)
        page.fill("#p-code", app.at(console.now()))
        press(page, "Approve and release")
        expect(page.get_by_role("alert")).to_be_visible()
        assert console.store.read(lambda uow: uow.notices.list()) == []
        console.now.advance(seconds=shift)
    release(page, console, app, "4")
    assert len(console.store.read(lambda uow: uow.notices.list())) == 3


def release(page: Page, console: ConsoleHarness, app: pyotp.TOTP, number: str) -> None:
    page.fill("#n", number)
    page.fill("#p", PASSWORD)
    page.fill("#p-code", app.at(console.now()))
    press(page, "Approve and release")
    said(page, "Approved")


def delivered(page: Page, console: ConsoleHarness) -> None:
    """Stopped, let go, sent, read as it was sealed; one comes back, one is confirmed."""
    press(page, "Stop sending")
    said(page, "Sending stopped")
    assert console.dispatch() == 0
    press(page, "Resume sending")
    expect(page.locator("h1")).to_contain_text("not settled")
    sent = console.dispatch()
    # The page follows by itself: headline, steps and counts, not the table alone.
    expect(page.locator("h1")).not_to_contain_text("not settled", timeout=REFRESHED)
    expect(page.locator("#steps")).not_to_contain_text("not settled")
    expect(page.locator(".said")).to_have_count(0)
    assert sent == len(console.store.read(lambda uow: uow.notices.list()))
    sign_in(page, "rhea")
    page.goto("/cases/CASE-0001/delivery")
    expect(page.locator("h1")).to_contain_text("handed over")
    row = page.locator("#rows tr", has_text="Hartwell Ltd")
    row.locator("summary").click()
    row.locator('input[name^="bounce:"]').fill("550 5.1.1 no such mailbox")
    row.get_by_role("button", name="Record the bounce").click()
    said(page, "Bounce recorded")
    expect(row).not_to_contain_text("250")  # the reply of the server that took it before
    keep_picture(page, "delivery")
    orchard = page.locator("#rows tr", has_text="Orchard Ltd")
    orchard.locator("a[href*='/sent/']").first.click()
    expect(page.locator(".mail .body")).to_contain_text(ORCHARD)
    keep_picture(page, "sent")
    receipt_recorded(page)
    keep_picture(page, "people")


def receipt_recorded(page: Page) -> None:
    page.goto("/cases/CASE-0001/people")
    page.click("text=Record the receipt")
    page.fill('input[name^="confirmed_by:"]', "Kit Reed")
    page.select_option('select[name^="route:"]', "telephone")
    press(page, "Save the receipt")
    said(page, "Receipt recorded")
    expect(page.locator("#receipts")).to_contain_text("by Kit Reed")


def called(page: Page) -> None:
    """A message tells nobody and keeps the task open; the next try tells its reader. The customer
    whose letter came back is called too, with the whole text."""
    for customer in ("Willow Ltd", "Hartwell Ltd"):
        call(page, customer, "message_left")
        said(page, "nobody was told")
        call(page, customer, "reached_and_told")
        said(page, "Task closed")
    page.goto("/tasks")
    expect(page.locator("h1")).to_contain_text("No open tasks")


def call(page: Page, customer: str, outcome: str) -> None:
    page.goto("/tasks")
    page.locator("tr[data-row]", has_text=customer).first.locator("a").first.click()
    expect(page.locator("main")).to_contain_text(HOLDERS["what_happened"])
    page.select_option("#f-call_outcome", outcome)
    page.fill("#f-number", "01632 960111")
    if outcome == "reached_and_told":
        page.fill("#f-spoken_to", "Jo Mason")
        page.fill("#f-said", "Will change the password today.")
    keep_picture(page, f"call-{customer.split(maxsplit=1)[0].lower()}-{outcome}")
    press(page, "Save")


def reported(page: Page) -> None:
    """What is known stands in the form already; the rest is given, the files come, the submission
    stops the clock."""
    page.goto("/cases/CASE-0001/report")
    expect(page.locator("main")).to_contain_text("Still missing")
    expect(page.locator("#f-consequences")).to_have_value("Somebody pays a false invoice.")
    expect(page.locator("#f-people")).to_have_value("3")
    keep_picture(page, "report")
    answers = {
        "how_found": "By our own monitoring.",
        "people": "40",
        "records": "38",
        "actual_harm": "None known.",
        "training": "Every year, the last time in March 2026.",
        "step_what_1": "A second factor for everybody",
        "step_on_1": "2026-11-30",
        "discovered_at": "2026-11-22 09:40",
    }
    for name, text in answers.items():
        page.fill(f"#f-{name}", text)
    choices = {
        "people_precision": "approximate",
        "records_precision": "exact",
        "cyber": "yes",
        "likelihood": "unlikely",
        "impact": "low",
        "recovery": "complete",
        "trained": "yes",
        "told_bodies": "no",
    }
    for name, value in choices.items():
        page.select_option(f"#f-{name}", value)
    press(page, "Save the answers")
    said(page, "Report answers saved")
    expect(page.locator("#missing")).to_have_count(0)
    for kind in ("pdf", "json"):
        answer = page.request.get(f"/cases/CASE-0001/report.{kind}")
        assert answer.ok
        assert len(answer.body()) > 500
    page.goto("/cases/CASE-0001/report/copy")
    expect(page.locator("pre")).to_contain_text("Somebody pays a false invoice.")
    page.goto("/cases/CASE-0001/report")
    page.fill("#f-submitted_at", "2026-11-22 10:00")
    page.fill("#f-channel", "online form")
    page.fill("#f-reference", "IC-123456")
    press(page, "Record the submission")
    said(page, "Submission recorded")
    expect(page.locator("h1")).to_contain_text("Reported to")


def closed(page: Page) -> None:
    """Refused while the promised update is owed; waived with a reason, it is closed with a cause,
    stands in the register, and the chain holds."""
    page.goto("/cases/CASE-0001")
    press_close(page, "Everybody is told and the ICO has its report.", cause="stolen_credentials")
    expect(page.get_by_role("alert")).to_contain_text("update")
    page.goto("/cases/CASE-0001/duties")
    keep_picture(page, "duties")
    expect(page.locator("#running tr[data-row]")).to_have_count(1)
    page.locator("#waive summary", has_text="next update").click()
    page.locator("#waive textarea").first.fill(
        "Nothing new was found since the letters, and each reader was told so by telephone."
    )
    press(page, "Waive")
    said(page, "aived")
    expect(page.locator("#running")).to_contain_text("No duties are running")
    page.goto("/cases/CASE-0001")
    press_close(page, "Everybody is told and the ICO has its report.", cause="stolen_credentials")
    said(page, "Case closed")
    page.goto("/register")
    expect(page.locator("main")).to_contain_text("BR-0001")
    page.goto("/audit?verify=true")
    expect(page.locator("h1")).to_contain_text("The audit chain is valid")


def press_close(page: Page, reason: str, *, cause: str = "") -> None:
    if not page.locator("#f-close_reason").is_visible():
        page.click("text=Close this case")
    page.fill("#f-close_reason", reason)
    if cause:
        page.select_option("#f-cause", cause)
    press(page, "Close the case")


def excluded(page: Page) -> None:
    """A customer who was told by letter was not reached after all: the case is open again, and a
    correction is owed."""
    sign_in(page, "rhea")
    page.goto("/cases/CASE-0001")
    page.click("text=Reopen")
    page.fill("#f-reopen", "The panel's own log is whole: Orchard's page was not opened.")
    press(page, "Reopen")
    page.goto("/cases/CASE-0001/affected?anew=true")
    row = page.locator("tr", has_text="Orchard Ltd").filter(has_text="Controller")
    row.locator("select").first.select_option("excluded")
    row.locator('input[name^="why:"]').fill("The panel's log shows each page that was opened.")
    press(page, "Freeze the list")
    expect(page.locator("h1")).to_contain_text("will be notified")
    press(page, "Freeze the list")
    said(page, "List frozen")
    page.goto("/cases/CASE-0001/duties")
    expect(page.locator("#running")).to_contain_text("Tell those who were told wrongly")
    keep_picture(page, "duties-correction")


def corrected(page: Page, console: ConsoleHarness, app: pyotp.TOTP) -> None:
    """It reads that its page was not opened; when that has left, the case is closed again."""
    page.goto("/cases/CASE-0001/facts")
    page.fill("#f-next_update", "")
    press(page, "Save the facts for everybody")
    page.goto("/cases/CASE-0001/facts/words?role=controller&standing=corrected")
    expect(page.locator("#f-measures")).to_have_value("")
    page.fill("#f-what_happened", NOT_OPENED)
    page.fill("#f-steps", "You need not change your password because of this.")
    keep_picture(page, "words-corrected")
    press(page, "Save this text")
    expect(page.locator("#readers .tag.critical")).to_have_count(0)
    console.now.advance(seconds=30)
    sign_in(page, "april", code=app.at(console.now()))
    page.goto("/cases/CASE-0001/letters/compare")
    keep_picture(page, "side-by-side-correction")
    page.goto("/cases/CASE-0001/approval")
    keep_picture(page, "approval-correction")
    expect(page.locator("main")).to_contain_text("1 to account holders who were told wrongly")
    console.now.advance(seconds=30)
    button = page.get_by_role("button", name="Approve and release").inner_text()
    release(page, console, app, next(word for word in button.split() if word.isdigit()))
    console.dispatch()
    sign_in(page, "rhea")
    page.goto("/cases/CASE-0001/duties")
    keep_picture(page, "duties-after-correction")
    expect(page.locator("#running")).not_to_contain_text("Tell those who were told wrongly")
    expect(page.locator("#running")).not_to_contain_text("next update")
    page.goto("/cases/CASE-0001/delivery")
    letter = page.locator("#rows tr", has_text="Orchard Ltd").filter(has_text="correction")
    letter.locator("a[href*='/sent/']").click()
    expect(page.locator(".mail .body")).to_contain_text(NOT_OPENED)
    receipt_recorded(page)
    call(page, "Willow Ltd", "reached_and_told")
    said(page, "Task closed")
    page.goto("/cases/CASE-0001")
    press_close(page, "Orchard knows that its page was not opened.")
    said(page, "Case closed")


def test_the_whole_way_can_be_gone_in_the_browser(page: Page, console: ConsoleHarness) -> None:
    triaged(page)
    contained_and_confirmed(page)
    affected_and_decided(page)
    written(page)
    app = enrolled(page, console, "april")
    approved(page, console, app)
    delivered(page, console)
    called(page)
    reported(page)
    closed(page)
    excluded(page)
    corrected(page, console, app)


def test_a_page_whose_session_ended_says_that_it_no_longer_refreshes(page: Page) -> None:
    sign_in(page, "ana")
    page.goto("/")
    page.context.clear_cookies()
    expect(page.locator("#stale")).to_contain_text("You are signed out", timeout=REFRESHED)


def test_an_account_is_looked_after_in_the_browser(page: Page, console: ConsoleHarness) -> None:
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
    assert len(console.store.read(lambda uow: uow.users.list_sessions("rhea", console.now()))) == 1


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
    browser: Browser, console: ConsoleHarness, width: int, scheme: str
) -> None:
    context = browser.new_context(
        base_url=console.url, viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    page = context.new_page()
    sign_in(page, "ana")
    wide = {}
    for path in (
        "/", "/alerts", "/cases", "/cases/new", "/near-misses/new", "/tasks", "/customers",
        "/complaints", "/register", "/figures", "/sources", "/rules", "/law", "/audit",
    ):  # fmt: skip
        page.goto(path)
        wide[path] = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    context.close()

    assert {path: over for path, over in wide.items() if over > 0} == {}


def test_it_works_without_script(browser: Browser, console: ConsoleHarness) -> None:
    context = browser.new_context(base_url=console.url, java_script_enabled=False)
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
