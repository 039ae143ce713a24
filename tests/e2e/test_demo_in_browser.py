"""The demo as a person uses it: the real lines, the real accounts, a real browser, every step.

With BREACHDESK_SCREENSHOTS=FOLDER each screen is kept there as a picture, light and dark, wide and
at 400 pixels.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from facts_in_browser import write_facts
from playwright.sync_api import Browser, Page, expect, sync_playwright

from breachdesk.demo import words
from breachdesk.demo.feed import PASSWORD

TELEPHONED = 1
"""Of those who are told: the mail domain of Marlow & Finch is in the evidence."""

CHROMIUM = Path("/usr/bin/chromium")
SHAPES = [(1440, "light"), (1440, "dark"), (400, "light"), (400, "dark")]

pytestmark = [pytest.mark.chromium, pytest.mark.slow]


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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "data"


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    demo = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "breachdesk.cli.main",
            "demo",
            "--port",
            str(port),
            "--data-dir",
            str(folder),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    url = f"http://127.0.0.1:{port}"
    wait_for(url, demo)
    yield url
    demo.send_signal(signal.SIGTERM)
    out, _ = demo.communicate(timeout=120)
    assert demo.returncode == 0, out


def wait_for(url: str, process: subprocess.Popen[str]) -> None:
    for _ in range(300):
        assert process.poll() is None, process.stdout and process.stdout.read()
        try:
            urllib.request.urlopen(f"{url}/sign-in", timeout=10).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    pytest.fail("the console did not answer within a minute")


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


def sign_in(page: Page, user: str) -> None:
    page.context.clear_cookies()
    page.goto("/sign-in")
    page.fill("#user", user)
    page.fill("#password", PASSWORD)
    page.click("text=Sign in >> nth=-1")
    expect(page.locator("nav")).to_be_visible()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).first.click()


def said(page: Page, text: str) -> None:
    expect(page.locator(".said")).to_contain_text(text)


def keep_picture(page: Page, name: str) -> None:
    """The page in four shapes; also: no page is wider than its window."""
    folder = os.environ.get("BREACHDESK_SCREENSHOTS")
    for width, scheme in SHAPES:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # light | dark
        over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if folder:
            page.screenshot(path=Path(folder) / f"{name}-{width}-{scheme}.png", full_page=True)
        assert over <= 0, f"{name} at {width}: {over} pixels too wide"
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme="light")


def visit(page: Page, path: str, name: str) -> None:
    answer = page.goto(path)
    assert answer is not None
    assert answer.ok, f"{path}: {answer.status}"
    keep_picture(page, name)


def test_the_console_opens_with_what_waits(page: Page) -> None:
    page.goto("/sign-in")
    keep_picture(page, "01-sign-in")
    sign_in(page, "analyst")
    visit(page, "/", "02-overview")

    expect(page.locator("h1")).to_contain_text("alerts")
    for number, path in enumerate(
        ("alerts", "customers", "customers/hartwell-dental", "unattributed", "sources", "rules")
    ):
        visit(page, f"/{path}", f"03-{number}-{path.replace('/', '-')}")


def test_the_analyst_triages_and_opens_a_case(page: Page) -> None:
    sign_in(page, "analyst")
    page.goto("/alerts")
    page.click("text=One address tries many ports")
    page.fill("#f-dismiss_reason", words.NOISE)
    press(page, "Dismiss")
    said(page, "Dismissed")
    page.goto("/alerts")
    page.click("text=Doubtful sign-in, then data leaves")
    keep_picture(page, "04-alert")
    page.fill("#f-comment", words.FIRST_LOOK)
    press(page, "Save the comment")
    said(page, "Comment saved")
    press(page, "Open a case")
    said(page, "Case opened")
    page.goto("/alerts")
    page.click("text=Billing panel entered from outside")
    keep_picture(page, "05-alert-panel")
    link_to_case(page)
    page.goto("/alerts")
    page.click("text=Password spraying from one address")
    link_to_case(page)


def link_to_case(page: Page) -> None:
    page.select_option("#f-case", "CASE-0001")
    press(page, "Link")
    said(page, "ink")


def test_the_responder_confirms_freezes_decides_and_writes(page: Page) -> None:
    sign_in(page, "responder")
    visit(page, "/cases/CASE-0001", "06-case")
    press(page, "Take the lead")
    page.click("text=Add a step")
    page.select_option("#f-kind", "remove_rules")
    page.select_option("#f-concern", "customers_data")
    page.fill("#f-containment", "removed the mailbox rule that copied mail outside")
    page.fill("#f-done_at", "2026-11-23 08:40")
    press(page, "Add")
    expect(page.locator("main")).to_contain_text("removed the mailbox rule")
    visit(page, "/cases/CASE-0001/confirm", "07-confirm")
    page.fill("#f-reason", words.REASON)
    page.fill("#f-aware_at", "2026-11-23 08:40")
    page.select_option("#f-cause", "stolen_credentials")
    press(page, "Confirm the breach")
    said(page, "Breach confirmed")
    keep_picture(page, "08-affected-proposal")
    page.select_option("#f-reached_certainty", "excluded")
    page.fill("#f-reached_why", words.PANEL_LOG)
    press(page, "Freeze the list")
    expect(page.locator("h1")).to_contain_text("will be notified")
    press(page, "Freeze the list")
    said(page, "List frozen")
    keep_picture(page, "09-affected-frozen")
    decide(page)
    write(page)


def decide(page: Page) -> None:
    page.goto("/cases/CASE-0001/decision")
    expect(page.locator('input[name="report_uk_pecr"]')).to_have_count(0)
    for name in ("report_uk_ico", "tell_people", "own_promise_binds"):
        page.check(f'input[name="{name}"][value="yes"]')
        page.fill(f"#f-{name}_reasons", "Bank details of customers were opened by a stranger.")
    page.fill("#f-risk", "Invoice fraud with real details is likely.")
    page.fill("#f-high_risk", "High for those whose bank details were on the pages.")
    page.fill("#f-likely_harm", "Money can be lost to a false invoice.")
    page.fill("#f-safeguards_before", "Separate accounts for staff; no second factor.")
    page.fill("#f-safeguards_after", "Sessions ended, passwords changed, a second factor set.")
    page.select_option("#f-edpb_case", "7")
    page.fill("#f-edpb_comparison", "Accounts opened with a guessed password, as there.")
    page.select_option("#f-identification", "1")
    page.select_option("#f-confidentiality", "full")
    page.select_option("#f-integrity", "nothing")
    page.select_option("#f-malicious", "yes")
    press(page, "Show the score")
    expect(page.locator("#severity")).to_contain_text("Not scored: availability")
    page.select_option("#f-availability", "nothing")
    press(page, "Seal the decision")
    expect(page.locator("#against")).to_contain_text("lies within 0.25 of the boundary at 4")
    page.fill("#f-departure_score_near_boundary", "One step lower would be high all the same.")
    keep_picture(page, "10-decision")
    press(page, "Seal the decision")
    said(page, "Decision written")


def write(page: Page) -> None:
    write_facts(
        page,
        "/cases/CASE-0001",
        "Someone who was not you used a stolen password to sign in to a system that we look after.",
    )
    keep_picture(page, "11-facts")
    page.goto("/cases/CASE-0001/letters")
    keep_picture(page, "12-letters")


def test_the_approver_releases_and_the_mails_leave(page: Page, folder: Path) -> None:
    sign_in(page, "approver")
    visit(page, "/cases/CASE-0001/approval", "13-approval")
    button = page.get_by_role("button", name="Approve and release").inner_text()
    count = next(word for word in button.split() if word.isdigit())
    page.fill("#n", count)
    page.fill("#p", PASSWORD)
    press(page, "Approve and release")
    said(page, "Approved")
    for _ in range(600):
        page.goto("/cases/CASE-0001/delivery")
        if "not settled" not in page.locator("h1").inner_text():
            break
        time.sleep(0.3)
    keep_picture(page, "14-delivery")

    assert len(list((folder / "mails" / "new").iterdir())) == int(count) - TELEPHONED


def test_the_responder_reports_and_the_register_holds_it(page: Page) -> None:
    sign_in(page, "responder")
    visit(page, "/tasks", "15-tasks")
    visit(page, "/cases/CASE-0001/report", "16-report")
    answers = {
        "what_happened": "A password was guessed; customers' account pages were opened.",
        "how_found": "By our own monitoring.",
        "people": "2",
        "records": "2",
        "consequences": "Invoice fraud.",
        "actual_harm": "None known.",
        "training": "Yes, in March 2026.",
        "measures_before": "Monitoring of sign-ins.",
        "measures_after": "A second factor for everybody by 30 November 2026.",
        "reporter_name": "Rhea Quill",
        "discovered_at": "2026-11-23 08:40",
    }
    for name, text in answers.items():
        page.fill(f"#f-{name}", text)
    page.select_option("#f-people_precision", "exact")
    page.select_option("#f-records_precision", "exact")
    page.select_option("#f-cyber", "yes")
    page.select_option("#f-high_risk", "yes")
    page.select_option("#f-likelihood", "likely")
    for name, choice in {
        "reason": "meets_threshold", "impact": "low", "recovery": "complete", "trained": "yes",
        "told_bodies": "no",
    }.items():  # fmt: skip
        page.select_option(f"#f-{name}", choice)
    for name, choice in (("harmed", "confidentiality"), ("people_kinds", "customers")):
        page.check(f"input[name={name}][value={choice}]")
    press(page, "Save the answers")
    said(page, "Report answers saved")
    visit(page, "/cases/CASE-0001/report/copy", "17-report-copy")
    page.goto("/cases/CASE-0001/report")
    page.fill("#f-submitted_at", "2026-11-23 08:40")
    page.fill("#f-channel", "online form (drill)")
    page.fill("#f-reference", "DRILL-1")
    press(page, "Record the submission")
    said(page, "Submission recorded")
    visit(page, "/cases/CASE-0001", "18-case-told")
    visit(page, "/register", "19-register")
    visit(page, "/audit?verify=true", "20-audit")
    expect(page.locator("h1")).to_contain_text("The audit chain is valid")
    visit(page, "/first-run", "21-first-run")


CASE_PAGES = (
    "duties", "people", "groups", "file", "sent/1", "facts", "letters/compare", "decision/grounds",
    "decision/memo", "facts/words?role=controller&standing=reached",
    "facts/words?role=processor&standing=reached",
)  # fmt: skip


def test_every_other_page_fits_its_window_under_one_headline(page: Page) -> None:
    sign_in(page, "responder")
    paths = [f"cases/CASE-0001/{name}" for name in CASE_PAGES]
    paths += ["figures", "complaints", "law", "near-misses/new", "cases/new", "tasks", "account"]
    for path in paths:
        visit(page, f"/{path}", f"22-{path.partition('?')[0].replace('/', '-')}")
        assert page.locator("h1").count() == 1, path
