"""Letters that were checked before are the letters that would leave now; a page checks few of
many."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from console_harness import HASH, ConsoleHarness, Visitor, change, open_console
from waiting_letters import (
    APPROVER,
    RESPONDER,
    SENDER,
    TEMPLATES,
    LetterRows,
    approve_letters,
    renderer,
    write_letters,
)

from breachdesk.casework.release import approve, notice_facts
from breachdesk.casework.release.letter_headers import compute_bound_hashes, compute_texts_hash
from breachdesk.casework.release.letters import CheckedTextLookup, LetterSet
from breachdesk.console.views.case_view import read_case
from breachdesk.console.web.letter_checks import AT_ONCE, BreachTexts, LetterChecks
from breachdesk.ports import UnitOfWork
from breachdesk.testing import make_customer, make_user
from notifiers.letters.render import JinjaRenderer
from notifiers.testing.channels import FACTS, PROFILE, build_facts
from schemas.casework.approval import Approval, SealedTexts
from schemas.casework.breach import Breach
from schemas.casework.letter import LetterContext
from schemas.casework.notice import DeliveryStatus, RenderedText
from schemas.errors import BadInput, IncompleteDocument


@pytest.mark.parametrize("end", [DeliveryStatus.HANDED_OVER, DeliveryStatus.BOUNCED])
def test_a_letter_whose_forerunner_has_ended_meanwhile_bears_the_number_of_today(
    tmp_path: Path, end: DeliveryStatus
) -> None:
    with open_console(tmp_path, profile=PROFILE, senders=(SENDER,)) as harness:
        now, checks = harness.now(), harness.app.state.shared.letters
        (first,) = approve_letters(harness.store, harness.dependencies.settings, 1, now)
        rows = LetterRows(harness.store)
        rows.change(first.id, status=DeliveryStatus.UNKNOWN)
        facts = FACTS.model_copy(update={"breach_id": first.breach_id})
        harness.store.write(lambda uow: notice_facts.write_facts(uow, RESPONDER, facts, now))

        def read(uow: UnitOfWork) -> tuple[LetterSet, LetterSet]:
            case = uow.breaches.get(first.breach_id).case_id
            dependencies = harness.dependencies
            fresh = notice_facts.render_letters(
                uow, first.breach_id, dependencies.settings, dependencies.renderer
            )
            return checks.read_texts(uow, read_case(uow, case, now), now).letters, fresh

        harness.store.read(read)
        rows.change(first.id, status=end)
        shown, fresh = harness.store.read(read)

    assert shown.contexts == fresh.contexts
    assert [letter.hash for letter in shown.rendered] == [letter.hash for letter in fresh.rendered]
    assert [letter.text for letter in shown.rendered] == [letter.text for letter in fresh.rendered]


MANY = AT_ONCE + 8
SECONDS = 120.0


class CountingRenderer(JinjaRenderer):
    """Counts the texts that it makes."""

    def __init__(self) -> None:
        super().__init__(TEMPLATES)
        self.made: list[str] = []

    def render_letter(self, context: LetterContext) -> RenderedText:
        self.made.append(f"letter {context.recipient.customer_id}")
        return super().render_letter(context)

    def render_telephone_script(self, context: LetterContext) -> RenderedText:
        self.made.append(f"script {context.recipient.customer_id}")
        return super().render_telephone_script(context)


@dataclass
class Console:
    """A console with one breach of many letters that wait for `avery`."""

    harness: ConsoleHarness
    renderer: CountingRenderer
    breach: Breach
    case: str

    def checks(self) -> LetterChecks:
        checks: LetterChecks = self.harness.app.state.shared.letters
        return checks

    def texts(self) -> BreachTexts:
        """As a page reads them now."""
        now = self.harness.now()

        def read(uow: UnitOfWork) -> BreachTexts:
            return self.checks().read_texts(uow, read_case(uow, self.breach.case_id, now), now)

        return self.harness.store.read(read)

    def wait(self) -> BreachTexts:
        """Until every text is checked."""
        until = time.monotonic() + SECONDS
        while not (texts := self.texts()).complete:
            assert time.monotonic() < until, f"{texts.done} of {texts.total}"
            time.sleep(0.05)
        return texts

    def fresh(self) -> LetterSet:
        """Build and check them again."""
        settings = self.harness.dependencies.settings
        return self.harness.store.read(
            lambda uow: notice_facts.render_letters(uow, self.breach.id, settings, renderer())
        )

    def write(self, **changes: object) -> None:
        facts = build_facts(breach_id=self.breach.id, **changes)
        self.harness.store.write(
            lambda uow: notice_facts.write_facts(uow, RESPONDER, facts, self.harness.now())
        )

    async def signed_in(self) -> Visitor:
        change(self.harness.store, "avery", password_hash=HASH)
        visitor = self.harness.visitor()
        assert await visitor.sign_in("avery")
        return visitor


@contextmanager
def a_console(folder: Path) -> Iterator[Console]:
    words = CountingRenderer()
    with open_console(folder, profile=PROFILE, senders=(SENDER,)) as harness:
        harness.dependencies = replace(harness.dependencies, renderer=words)
        breach = write_letters(harness.store, MANY, harness.now())
        yield Console(harness, words, breach, f"/cases/{breach.case_id}")


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    with a_console(tmp_path) as result:
        yield result


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """All of its letters are checked; for tests that change nothing."""
    with a_console(tmp_path_factory.mktemp("checked")) as result:
        result.wait()
        yield result


async def test_a_page_of_many_letters_says_how_many_are_checked_and_offers_no_approval_before_all_are(
    console: Console,
) -> None:
    visitor = await console.signed_in()
    early = (await visitor.client.get(f"{console.case}/approval")).text
    console.wait()
    late = (await visitor.client.get(f"{console.case}/approval")).text

    match = re.search(r"(\d+) of (\d+) letters checked", early)
    assert match is not None
    assert int(match[1]) < int(match[2]) == MANY
    assert "expected_hash" not in early
    assert 'data-refresh="3"' in early
    assert "letters checked" not in late
    assert f"Approve and release {MANY} notices" in late


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/approval", 0), ("/letters/compare", 0), ("/letters?n=7", 1), ("/letters/7/html", 1)],
)
async def test_a_page_of_many_checked_letters_makes_only_the_letter_that_is_opened(
    checked: Console, path: str, expected: int
) -> None:
    visitor = await checked.signed_in()
    checked.wait()
    before = len(checked.renderer.made)
    answer = await visitor.client.get(checked.case + path)

    assert answer.status_code == 200
    assert len(checked.renderer.made) - before == expected
    assert len(answer.content) < 200 * 1024


async def test_no_page_of_many_letters_grows_with_how_many_there_are(checked: Console) -> None:
    visitor = await checked.signed_in()
    checked.wait()
    pages = {
        path: (await visitor.client.get(checked.case + path)).text
        for path in (
            "/letters",
            "/letters?page=2",
            "/approval",
            "/approval?page=2",
            "/letters/compare",
        )
    }

    listed = {path: page.count("/letters?n=") for path, page in pages.items()}
    assert max(listed.values()) < MANY, listed
    assert "&amp;view=text&amp;page=2" in pages["/letters"]
    assert "&amp;page=2" in pages["/approval"]
    first, second = (
        set(re.findall(r"/letters\?n=(\d+)&amp;view", pages[path]))
        for path in ("/letters", "/letters?page=2")
    )
    assert {str(n) for n in range(1, MANY + 1)} <= first | second, "every letter is on some page"


def test_what_was_checked_in_the_background_is_what_would_be_made_now(checked: Console) -> None:
    shown, fresh = checked.wait().letters, checked.fresh()

    assert len(shown.rendered) == MANY
    assert [letter.hash for letter in shown.rendered] == [letter.hash for letter in fresh.rendered]
    assert shown.scripts == fresh.scripts
    assert shown.contexts == fresh.contexts
    assert (shown.problems, shown.missing) == (fresh.problems, fresh.missing)
    assert shown.account == fresh.account
    assert compute_texts_hash(shown, SENDER, 1) == compute_texts_hash(fresh, SENDER, 1)


def test_a_problem_in_the_last_of_many_letters_stops_the_approval(console: Console) -> None:
    last = f"customer-{MANY:03d}"
    own = FACTS.words[1].model_copy(
        update={"customer_id": last, "what_happened": "Look at https://evil.example/x"}
    )
    console.write(words=(*FACTS.words, own))
    letters = console.wait().letters

    assert {customer for p in letters.blocking for customer in p.customers} == {last}
    with pytest.raises(IncompleteDocument, match="letters"):
        console.harness.store.read(
            lambda uow: approve.compute_seal(
                uow, console.breach.id, console.harness.dependencies.settings, console.renderer, SENDER,
                ready=letters,
            )
        )  # fmt: skip


def released(console: Console, checked_texts: CheckedTextLookup | None) -> Approval:
    settings, words = console.harness.dependencies.settings, console.renderer

    def work(uow: UnitOfWork) -> Approval:
        shown = approve.compute_seal(uow, console.breach.id, settings, renderer(), SENDER)
        return approve.approve(
            uow, APPROVER, console.breach.id, count=shown.count, expected_hash=shown.hash,
            settings=settings, renderer=words, sender=SENDER, now=console.harness.now(), checked_texts=checked_texts,
        )  # fmt: skip

    return console.harness.store.write(work)


def test_an_approval_makes_no_text_that_was_checked_and_seals_every_one(console: Console) -> None:
    texts, fresh = console.wait(), console.fresh()
    before = len(console.renderer.made)
    approval = released(console, texts.find)
    rows = console.harness.store.read(lambda uow: uow.notices.list(breach_id=console.breach.id))
    sealed = console.harness.store.read(
        lambda uow: uow.breaches.find_latest(SealedTexts, console.breach.id)
    )

    assert len(console.renderer.made) == before
    assert approval.count == MANY
    assert sorted(row.rendered_hash for row in rows) == sorted(compute_bound_hashes(fresh, SENDER))
    assert sealed is not None
    assert [mail.hash for mail in sealed.mails] == [letter.hash for letter in fresh.rendered]
    assert sealed.scripts == fresh.scripts


def test_an_approval_makes_and_checks_again_what_is_not_what_was_checked(console: Console) -> None:
    texts = console.wait()
    console.write(what_happened="Something else happened to the billing system")
    before = len(console.renderer.made)
    approval = released(console, texts.find)

    assert len(console.renderer.made) - before == 2 * MANY
    assert approval.facts_version == 2


@pytest.mark.parametrize("changed", ["register", "account"])
def test_texts_are_checked_again_for_a_name_that_came_to_the_register_or_the_accounts(
    console: Console, changed: str
) -> None:
    before = console.wait()
    words = before.letters.rendered[0]
    name = "Someone Guessed" if changed == "account" else "Someone guessed a password Ltd"
    assert "Someone guessed a password" in words.text

    def add(uow: UnitOfWork) -> None:
        if changed == "account":
            uow.users.save(make_user("rowan2").model_copy(update={"name": name}))
        else:
            uow.customers.save(make_customer("new").model_copy(update={"name": name}))

    console.harness.store.write(add)
    after = console.wait()

    assert after is not before
    assert (after.letters.problems, after.letters.account) == (
        console.fresh().problems, console.fresh().account,
    )  # fmt: skip
    assert after.letters.account != before.letters.account


def test_texts_that_nobody_asks_for_any_more_are_dropped(console: Console) -> None:
    first = console.wait()
    console.harness.now.advance(minutes=9)
    console.checks().drop_unread(console.harness.now())
    again = console.texts()
    console.harness.now.advance(minutes=11)
    console.checks().drop_unread(console.harness.now())

    assert again is first
    assert console.texts() is not first


def test_a_template_that_changes_has_the_letters_created_again(
    console: Console, tmp_path: Path
) -> None:
    folder = tmp_path / "templates"
    shutil.copytree(TEMPLATES, folder)
    words = JinjaRenderer(folder)
    before = words.get_templates_version()
    subject = folder / "notices/en-GB/account_holder/subject.txt.j2"
    subject.write_text(subject.read_text() + " once more")

    assert words.get_templates_version() != before


def test_a_template_that_makes_no_letter_is_told_to_who_asks_next(
    console: Console, tmp_path: Path
) -> None:
    folder = tmp_path / "templates"
    shutil.copytree(TEMPLATES, folder)
    (folder / "notices/en-GB/account_holder/subject.txt.j2").write_text("{{ nothing.here }}")
    console.harness.dependencies = replace(
        console.harness.dependencies, renderer=JinjaRenderer(folder)
    )

    with pytest.raises(BadInput, match=r"subject\.txt\.j2"):
        console.wait()
