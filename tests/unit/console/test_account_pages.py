"""One's own account over HTTP: second factor, sessions, password; and what an approval asks for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from console_harness import (
    HASH,
    PASSWORD,
    ConsoleHarness,
    Visitor,
    change,
    codes_of,
    open_console,
    secret_of,
)
from waiting_letters import SENDER, write_letters

from breachdesk.casework.accounts import accounts
from breachdesk.console.web.attempt_throttle import OF_SESSION
from breachdesk.console.web.cookies import SESSION
from breachdesk.console.web.password_hashing import is_matching
from breachdesk.testing import make_actor
from notifiers.testing.channels import PROFILE
from schemas.user import Permission

NEW = "violet ladder 47 teapot"


@pytest.fixture
def console(tmp_path: Path) -> Iterator[ConsoleHarness]:
    with open_console(tmp_path) as opened:
        yield opened


async def signed_in(console: ConsoleHarness, user: str = "april") -> Visitor:
    visitor = console.visitor()
    assert await visitor.sign_in(user)
    return visitor


def code(app: pyotp.TOTP, console: ConsoleHarness, steps: int = 0) -> str:
    return app.generate_otp(int(console.now().timestamp()) // 30 + steps)


async def test_an_approver_without_a_second_factor_is_led_to_set_one_up(
    console: ConsoleHarness,
) -> None:
    approver = await console.visitor().ask("april")
    responder = await console.visitor().ask("rhea")

    assert approver.headers["location"] == "/account/second-factor?next=/"
    assert responder.headers["location"] == "/"


async def test_a_second_factor_is_set_up_with_a_picture_a_code_and_ten_recovery_codes(
    console: ConsoleHarness,
) -> None:
    visitor = await signed_in(console)
    page = (await visitor.post("/account/second-factor", next="/cases")).text
    secret = secret_of(page)
    answer = await visitor.post(
        "/account/second-factor",
        secret=secret,
        app_code=pyotp.TOTP(secret).at(console.now()),
        password=PASSWORD,
        next="/cases",
    )
    again = await visitor.client.get("/account/second-factor")

    assert "<svg" in page
    assert "style=" not in page
    assert " ".join(secret[at : at + 4] for at in range(0, 32, 4)) in page
    assert len(set(codes_of(answer.text))) == 10
    assert 'href="/cases"' in answer.text
    assert codes_of(again.text) == []
    assert secret not in again.text
    assert len(console.audited("user:second_factor:enrolled")) == 1


@pytest.mark.parametrize(
    ("password", "shift", "message"),
    [("wrong", 0, "this is not your password"), (PASSWORD, 9, "not the app’s present code")],
)
async def test_a_second_factor_needs_the_password_and_a_code_of_the_app(
    console: ConsoleHarness, password: str, shift: int, message: str
) -> None:
    visitor = await signed_in(console)
    secret = secret_of((await visitor.post("/account/second-factor")).text)
    answer = await visitor.post(
        "/account/second-factor",
        secret=secret,
        app_code=code(pyotp.TOTP(secret), console, shift),
        password=password,
    )

    assert message in answer.text.replace("&#39;", "’")
    assert secret_of(answer.text) == secret
    assert console.store.read(lambda uow: uow.second_factors.list_confirmed()) == frozenset()


async def test_a_secret_that_the_console_did_not_show_last_is_not_taken(
    console: ConsoleHarness,
) -> None:
    visitor = await signed_in(console)
    seen_by_a_thief = secret_of((await visitor.post("/account/second-factor")).text)
    own = secret_of((await visitor.post("/account/second-factor")).text)
    answer = await visitor.post(
        "/account/second-factor",
        secret=seen_by_a_thief,
        app_code=pyotp.TOTP(seen_by_a_thief).at(console.now()),
        password=PASSWORD,
    )

    assert own != seen_by_a_thief
    assert answer.status_code == 409


async def test_with_a_second_factor_the_password_alone_opens_nothing(
    console: ConsoleHarness,
) -> None:
    app, _ = await (await signed_in(console)).enrol()
    console.now.advance(seconds=30)

    assert not await console.visitor().sign_in("april")
    assert not await console.visitor().sign_in("april", code="000000")
    assert await console.visitor().sign_in("april", code=code(app, console))


@pytest.mark.parametrize(
    ("steps", "opens"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
async def test_a_clock_may_be_off_by_one_step(
    console: ConsoleHarness, steps: int, opens: bool
) -> None:
    app, _ = await (await signed_in(console)).enrol()
    console.now.advance(minutes=5)

    assert await console.visitor().sign_in("april", code=code(app, console, steps)) is opens


async def test_a_code_is_taken_once_and_no_earlier_one_after_it(console: ConsoleHarness) -> None:
    app, _ = await (await signed_in(console)).enrol()
    console.now.advance(minutes=5)
    now, before = code(app, console), code(app, console, -1)
    first = await console.visitor().sign_in("april", code=now)
    again = await console.visitor().sign_in("april", code=now)
    earlier = await console.visitor().sign_in("april", code=before)
    console.now.advance(seconds=30)

    assert (first, again, earlier) == (True, False, False)
    assert await console.visitor().sign_in("april", code=code(app, console))


async def test_the_code_that_proved_the_app_cannot_be_used_to_sign_in(
    console: ConsoleHarness,
) -> None:
    app, _ = await (await signed_in(console)).enrol()

    assert not await console.visitor().sign_in("april", code=code(app, console))


async def test_codes_are_guessed_no_more_often_than_passwords(console: ConsoleHarness) -> None:
    app, _ = await (await signed_in(console)).enrol()
    console.now.advance(minutes=1)
    thief = console.visitor("203.0.113.9")
    answers = [(await thief.ask("april", code=f"{n:06}")).status_code for n in range(7)]
    late = await thief.ask("april", code=code(app, console))

    assert answers == [401] * 5 + [429] * 2
    assert late.status_code == 429


@pytest.mark.parametrize(
    "typed", [str, str.lower, lambda c: c.replace("-", " "), lambda c: f" {c}"]
)
async def test_a_recovery_code_opens_the_account_once(console: ConsoleHarness, typed) -> None:
    _, codes = await (await signed_in(console)).enrol()

    assert await console.visitor().sign_in("april", code=typed(codes[3]))
    assert not await console.visitor().sign_in("april", code=typed(codes[3]))
    assert await console.visitor().sign_in("april", code=codes[4])
    assert [e.facts["left"] for e in console.audited("user:recovery_code:used")] == [9, 8]


async def test_a_recovery_code_with_a_wrong_password_is_not_used_up(
    console: ConsoleHarness,
) -> None:
    _, codes = await (await signed_in(console)).enrol()
    refused = await console.visitor().sign_in("april", "wrong", codes[0])

    assert not refused
    assert await console.visitor().sign_in("april", code=codes[0])


async def test_recovery_codes_are_stored_as_hashes(console: ConsoleHarness) -> None:
    _, codes = await (await signed_in(console)).enrol()
    stored = (
        console.store.path.read_bytes() + console.store.path.with_name("store.db-wal").read_bytes()
    )

    for each in codes:
        assert each.encode() not in stored
        assert each.replace("-", "").encode() not in stored


async def test_a_lost_telephone_is_replaced_with_recovery_codes(console: ConsoleHarness) -> None:
    old, codes = await (await signed_in(console)).enrol()
    visitor = console.visitor()
    await visitor.sign_in("april", code=codes[0])
    new = pyotp.TOTP(secret_of((await visitor.post("/account/second-factor")).text))
    fields = {"secret": new.secret, "app_code": code(new, console), "password": PASSWORD}
    without = await visitor.post("/account/second-factor", **fields)
    answer = await visitor.post("/account/second-factor", **fields, code=codes[1])
    console.now.advance(minutes=1)

    assert without.status_code == 403
    assert len(codes_of(answer.text)) == 10
    assert not await console.visitor().sign_in("april", code=code(old, console))
    assert not await console.visitor().sign_in("april", code=codes[2])
    assert await console.visitor().sign_in("april", code=code(new, console))


async def test_setting_up_a_second_factor_ends_other_sessions_and_renews_this_one(
    console: ConsoleHarness,
) -> None:
    other, visitor = await signed_in(console), await signed_in(console)
    before = visitor.client.cookies[SESSION]
    await visitor.enrol()
    carried = await console.visitor().client.get("/", headers={"cookie": f"{SESSION}={before}"})

    assert not await other.signed_in()
    assert carried.status_code == 303
    assert await visitor.signed_in()
    assert (await visitor.post("/sign-out")).status_code == 303


async def test_the_sessions_page_lists_ones_own_and_ends_the_others_or_all(
    console: ConsoleHarness,
) -> None:
    first, second = await signed_in(console, "rhea"), await signed_in(console, "rhea")
    colleague = await signed_in(console, "ana")
    page = (await first.client.get("/account")).text
    await first.post("/account/sessions", which="others")
    values = [await v.signed_in() for v in (first, second, colleague)]
    answer = await first.post("/account/sessions", which="all")

    assert page.count("192.0.2.0/24") == 2
    assert "192.0.2.7" not in page
    assert page.count("This one") == 1
    assert values == [True, False, True]
    assert answer.headers["location"].startswith("/sign-in")
    assert not await first.signed_in()
    assert await colleague.signed_in()
    assert len(console.audited("user:sessions:ended")) == 2


async def test_a_changed_password_ends_the_other_sessions_and_renews_this_one(
    console: ConsoleHarness,
) -> None:
    other, visitor = await signed_in(console, "rhea"), await signed_in(console, "rhea")
    before = visitor.client.cookies[SESSION]
    answer = await visitor.post(
        "/account/password", password=PASSWORD, new_password=NEW, once_more=NEW
    )
    carried = await console.visitor().client.get("/", headers={"cookie": f"{SESSION}={before}"})

    assert answer.headers["location"].startswith("/account?done=password")
    assert await visitor.signed_in()
    assert not await other.signed_in()
    assert carried.status_code == 303
    assert not await console.visitor().sign_in("rhea")
    assert await console.visitor().sign_in("rhea", NEW)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"password": "wrong"}, "this is not your password"),
        ({"once_more": "violet ladder 47 teapots"}, "the two passwords differ"),
        ({"new_password": PASSWORD, "once_more": PASSWORD}, "this is the current password"),
        ({"new_password": "short", "once_more": "short"}, "shorter than 12"),
        ({"new_password": "password1234", "once_more": "password1234"}, "too easy to guess"),
        ({"new_password": "rhea rhea rhea", "once_more": "rhea rhea rhea"}, "too easy to guess"),
    ],
)
async def test_a_password_is_not_changed_to_anything_or_by_anybody(
    console: ConsoleHarness, fields: dict[str, str], message: str
) -> None:
    visitor = await signed_in(console, "rhea")
    answer = await visitor.post(
        "/account/password",
        **{"password": PASSWORD, "new_password": NEW, "once_more": NEW, **fields},
    )

    assert message in answer.text
    assert NEW not in answer.text
    assert await console.visitor().sign_in("rhea")


async def test_changing_the_password_of_an_account_with_a_second_factor_asks_for_a_code(
    console: ConsoleHarness,
) -> None:
    visitor = await signed_in(console)
    app, _ = await visitor.enrol()
    console.now.advance(seconds=30)
    fields = {"password": PASSWORD, "new_password": NEW, "once_more": NEW}
    without = await visitor.post("/account/password", **fields)
    answer = await visitor.post("/account/password", **fields, code=code(app, console))
    digest = console.store.read(lambda uow: uow.users.get("april")).password_hash

    assert without.status_code == 403
    assert answer.status_code == 303
    assert is_matching(digest, NEW)


async def test_a_stolen_session_guesses_the_password_five_times_and_holds_up_no_other(
    console: ConsoleHarness,
) -> None:
    thief, owner = await signed_in(console, "rhea"), await signed_in(console, "rhea")
    fields = {"new_password": NEW, "once_more": NEW}
    texts = [
        (await thief.post("/account/password", password=f"wrong {n}", **fields)).text
        for n in range(OF_SESSION + 1)
    ]
    late = await thief.post("/account/password", password=PASSWORD, **fields)
    own = await owner.post("/account/password", password=PASSWORD, **fields)

    assert ["too many" in text for text in texts] == [False] * OF_SESSION + [True]
    assert late.status_code == 403
    assert own.status_code == 303
    assert len(console.audited("user:proof:refused")) == OF_SESSION


# Approvals


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[ConsoleHarness]:
    """Three letters of a breach wait for an approver."""
    with open_console(tmp_path, profile=PROFILE, senders=(SENDER,)) as console:
        write_letters(console.store, 3, console.now())
        for user in ("rowan", "avery"):
            change(console.store, user, password_hash=HASH)
        yield console


async def approval(visitor: Visitor, console: ConsoleHarness, **fields: str) -> str:
    """The fields of a right approval, as its page gives them."""
    case = console.store.read(lambda uow: uow.cases.list())[0].id
    path = f"/cases/{case}/approval"
    page = (await visitor.client.get(path)).text
    match = re.search(r'name="expected_hash" value="([^"]+)"', page)
    assert match is not None, page
    count = re.search(r"Approve and release (\d+)", page)
    assert count is not None
    values = {"expected_hash": match[1], "count": count[1], "password": PASSWORD, **fields}
    return (await visitor.post(path, **values)).text or "released"


def notices(console: ConsoleHarness) -> int:
    return len(console.store.read(lambda uow: uow.notices.list()))


async def test_an_approver_without_a_second_factor_releases_nothing_also_by_break_glass(
    ready: ConsoleHarness,
) -> None:
    visitor = await signed_in(ready, "avery")
    case = ready.store.read(lambda uow: uow.cases.list())[0].id
    page = (await visitor.client.get(f"/cases/{case}/approval")).text
    text = await approval(visitor, ready)
    answer = await visitor.post(
        f"/cases/{case}/break-glass", password=PASSWORD, count="3", glass_reason="alone"
    )

    assert "Set it up now" in page
    assert re.search(r"<button[^>]* disabled[^>]*>\s*Approve and release", page)
    assert "your account has no second factor" in text
    assert "your account has no second factor" in answer.text
    assert notices(ready) == 0


async def test_an_approval_takes_password_and_a_code_that_was_not_used_before(
    ready: ConsoleHarness,
) -> None:
    visitor = await signed_in(ready, "avery")
    app, _ = await visitor.enrol()
    ready.now.advance(minutes=5)
    await visitor.sign_in("avery", code=code(app, ready))
    replayed = await approval(visitor, ready, code=code(app, ready))
    missing = await approval(visitor, ready)
    ready.now.advance(seconds=30)
    wrong_password = await approval(visitor, ready, code=code(app, ready), password="wrong")
    before = notices(ready)
    released = await approval(visitor, ready, code=code(app, ready))

    assert "this code was used already" in replayed
    assert "Wait until your authenticator app shows the next one" in replayed
    assert "this is no code of this account" in missing
    assert "this is not your password" in wrong_password
    assert before == 0
    assert released == "released"
    assert notices(ready) == 3


async def test_an_approval_that_is_refused_for_its_count_has_not_used_the_code_or_a_try(
    ready: ConsoleHarness,
) -> None:
    visitor = await signed_in(ready, "avery")
    app, _ = await visitor.enrol()
    ready.now.advance(seconds=30)
    values = [await approval(visitor, ready, code=code(app, ready), count="77") for _ in range(8)]
    released = await approval(visitor, ready, code=code(app, ready))

    assert not any("too many" in text for text in values)
    assert released == "released"


async def test_strangers_at_the_sign_in_do_not_hold_up_an_approver_who_is_signed_in(
    ready: ConsoleHarness,
) -> None:
    visitor = await signed_in(ready, "avery")
    app, _ = await visitor.enrol()
    ready.now.advance(seconds=30)
    for number in range(40):
        await ready.visitor(f"203.0.113.{number}").ask("avery", "wrong")
    colleague = await signed_in(ready, "april")
    for number in range(8):
        await colleague.post(
            "/account/password", password=f"{number}", new_password=NEW, once_more=NEW
        )

    assert await approval(visitor, ready, code=code(app, ready)) == "released"


async def test_a_session_that_ended_while_its_password_was_checked_releases_nothing(
    ready: ConsoleHarness,
) -> None:
    visitor = await signed_in(ready, "avery")
    app, _ = await visitor.enrol()
    ready.now.advance(seconds=30)
    checks = ready.app.state.shared.checks
    slot = checks._signed_in
    slot.acquire()
    waiting = asyncio.create_task(approval(visitor, ready, code=code(app, ready)))
    while not checks._waiting:  # noqa: ASYNC110 - a thread counts
        await asyncio.sleep(0.01)
    ready.store.write(
        lambda uow: accounts.disable(uow, make_actor(user_id="operator:cli"), "avery", ready.now())
    )
    slot.release()
    await waiting

    assert notices(ready) == 0


async def test_in_the_demo_nobody_needs_a_second_factor(tmp_path: Path) -> None:
    with open_console(tmp_path, demo=True) as console:
        answer = await console.visitor().ask("april")

    assert answer.headers["location"] == "/"


async def test_new_duties_end_the_sessions_of_the_account(console: ConsoleHarness) -> None:
    visitor = await signed_in(console, "rhea")
    console.store.write(
        lambda uow: accounts.set_permissions(
            uow, make_actor(user_id="operator:cli"), "rhea", [Permission.APPROVER], console.now()
        )
    )

    assert not await visitor.signed_in()
