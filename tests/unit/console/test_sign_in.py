"""Signing in under attack: what is counted, whom it holds back, and what cookies may say."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from console_harness import (
    HASH,
    PASSWORD,
    ConsoleHarness,
    change,
    cookies_of,
    open_console,
)

from breachdesk.console.app import build_app
from breachdesk.console.web.attempt_throttle import (
    OF_ADDRESS,
    OF_STRANGERS,
    compute_network,
    shorten_address,
)
from breachdesk.console.web.cookies import DEVICE, FORM, SESSION
from breachdesk.console.web.password_checks import MOST_WAITING, PasswordChecks
from breachdesk.console.web.password_hashing import hash_of_nobody
from breachdesk.testing import make_user


@pytest.fixture
def console(tmp_path: Path) -> Iterator[ConsoleHarness]:
    with open_console(tmp_path) as opened:
        yield opened


async def fail(
    console: ConsoleHarness, user: str, times: int, address: Callable[[int], str] | str
) -> list[int]:
    """A stranger's wrong passwords, each from a browser of its own."""
    codes = []
    for number in range(times):
        where = address if isinstance(address, str) else address(number)
        codes.append((await console.visitor(where).ask(user, "wrong")).status_code)
    return codes


async def test_of_thirty_guesses_at_once_five_are_evaluated_and_the_right_one_behind_them_is_not(
    console: ConsoleHarness,
) -> None:
    visitors = [console.visitor(f"203.0.113.{n}") for n in range(30)]
    for visitor in visitors:
        await visitor.client.get("/sign-in")
    *strangers, late = visitors
    answers = await asyncio.gather(*(v.ask("rhea", f"wrong {n}") for n, v in enumerate(strangers)))
    codes = [answer.status_code for answer in answers]

    assert codes.count(401) == OF_STRANGERS
    assert set(codes) <= {401, 429, 503}
    assert (await late.ask("rhea", PASSWORD)).status_code == 429
    assert len(console.audited("user:session:refused")) == OF_STRANGERS


async def test_the_limit_holds_over_every_console_of_a_store_and_over_a_restart(
    console: ConsoleHarness,
) -> None:
    codes = []
    for number in range(2 * OF_STRANGERS):
        app = build_app(console.dependencies)
        visitor = console.visitor(f"203.0.113.{number}", app=app)
        codes.append((await visitor.ask("rhea", "wrong")).status_code)

    assert codes == [401] * OF_STRANGERS + [429] * OF_STRANGERS


async def test_strangers_lock_out_nobody_whose_browser_signed_in_before(
    console: ConsoleHarness,
) -> None:
    owner = console.visitor()
    assert await owner.sign_in("rhea")
    await owner.post("/sign-out")
    await fail(console, "rhea", 20, lambda n: f"203.0.113.{n}")
    stranger = await console.visitor("203.0.113.99").ask("rhea", PASSWORD)
    owner.client._transport = console.visitor("198.51.100.4").client._transport
    elsewhere = await owner.sign_in("rhea")

    assert stranger.status_code == 429
    assert elsewhere


async def test_strangers_lock_out_nobody_at_an_address_that_signed_in_before(
    console: ConsoleHarness,
) -> None:
    assert await console.visitor().sign_in("rhea")
    await fail(console, "rhea", 20, lambda n: f"203.0.113.{n}")

    assert await console.visitor().sign_in("rhea")


async def test_a_known_browser_has_five_tries_too_and_no_more(console: ConsoleHarness) -> None:
    owner = console.visitor()
    await owner.sign_in("rhea")
    codes = [(await owner.ask("rhea", "wrong")).status_code for _ in range(7)]

    assert codes == [401] * 5 + [429] * 2


async def test_a_browser_known_to_one_account_is_a_stranger_to_another(
    console: ConsoleHarness,
) -> None:
    insider = console.visitor()
    await insider.sign_in("ana")
    await fail(console, "rhea", OF_STRANGERS, lambda n: f"203.0.113.{n}")

    assert (await insider.ask("rhea")).status_code == 429


async def test_a_token_that_a_stranger_made_up_is_replaced_not_remembered(
    console: ConsoleHarness,
) -> None:
    planted = console.visitor()
    planted.client.cookies.set(DEVICE, "planted", domain="desk.example")
    await planted.sign_in("rhea")
    await fail(console, "rhea", OF_STRANGERS, lambda n: f"203.0.113.{n}")
    thief = console.visitor("203.0.113.77")
    thief.client.cookies.set(DEVICE, "planted", domain="desk.example")

    assert planted.client.cookies[DEVICE] != "planted"
    assert (await thief.ask("rhea")).status_code == 429


async def test_one_address_may_fail_at_thirty_accounts_and_then_waits(
    console: ConsoleHarness,
) -> None:
    codes = []
    for number in range(OF_ADDRESS + 3):
        codes += await fail(console, f"nobody{number}", 1, "203.0.113.9")
    elsewhere = await console.visitor("203.0.113.10").ask("nobody0", "wrong")

    assert codes == [401] * OF_ADDRESS + [429] * 3
    assert elsewhere.status_code == 401


async def test_addresses_of_one_ipv6_network_are_one_address(console: ConsoleHarness) -> None:
    codes = []
    for number in range(OF_ADDRESS + 1):
        codes += await fail(console, f"nobody{number}", 1, f"2001:db8:1:2:{number:x}::1")

    assert codes[-1] == 429


async def test_waiting_a_quarter_of_an_hour_gives_new_tries(console: ConsoleHarness) -> None:
    await fail(console, "rhea", OF_STRANGERS, "203.0.113.9")
    refused = await console.visitor("203.0.113.9").ask("rhea")
    console.now.advance(minutes=15)

    assert refused.status_code == 429
    assert "Too many attempts. You can try again at" in refused.text
    assert await console.visitor("203.0.113.9").sign_in("rhea")


async def test_the_right_password_does_not_count(console: ConsoleHarness) -> None:
    for _ in range(3 * OF_STRANGERS):
        assert await console.visitor("203.0.113.9").sign_in("rhea")


async def test_who_is_refused_for_too_many_tries_makes_the_store_write_nothing(
    console: ConsoleHarness,
) -> None:
    await fail(console, "rhea", OF_STRANGERS, "203.0.113.9")
    before = console.store.read(lambda uow: uow.audit.list_entries())
    await fail(console, "rhea", 5, "203.0.113.9")

    assert console.store.read(lambda uow: uow.audit.list_entries()) == before


async def test_a_refused_right_password_is_told_apart_in_the_audit_and_nowhere_else(
    console: ConsoleHarness,
) -> None:
    change(console.store, "rhea", disabled=True)
    right = await console.visitor().ask("rhea", PASSWORD)
    wrong = await console.visitor().ask("rhea", "wrong")

    assert right.status_code == wrong.status_code == 401
    assert "Wrong user name, password or code" in right.text
    facts = [entry.facts["password_right"] for entry in console.audited("user:session:refused")]
    assert facts == [True, False]


@pytest.mark.parametrize("name", ["Rhea", "RHEA", " rhea "])
async def test_a_name_is_known_however_it_is_capitalised(
    console: ConsoleHarness, name: str
) -> None:
    assert await console.visitor().sign_in(name)


@pytest.mark.parametrize("name", ["x" * 5_000, "%s", "' or 1=1 --", "ſ"])
async def test_what_is_no_id_is_a_wrong_name(console: ConsoleHarness, name: str) -> None:
    assert (await console.visitor().ask(name)).status_code == 401


async def test_blanks_at_the_ends_of_a_password_count(console: ConsoleHarness) -> None:
    assert (await console.visitor().ask("rhea", f" {PASSWORD}")).status_code == 401
    assert (await console.visitor().ask("rhea", f"{PASSWORD} ")).status_code == 401


def test_an_unknown_name_costs_what_the_accounts_hashes_cost() -> None:
    assert hash_of_nobody(HASH).startswith(HASH.rpartition("$")[0].rpartition("$")[0])
    assert hash_of_nobody(None).startswith("$argon2id$v=19$m=65536,")
    assert hash_of_nobody("unusable").startswith("$argon2id$v=19$m=65536,")


async def test_a_flood_of_sign_ins_is_sent_away_and_people_who_are_known_are_not(
    console: ConsoleHarness,
) -> None:
    owner = console.visitor()
    await owner.sign_in("rhea")
    await owner.post("/sign-out")
    checks = console.app.state.shared.checks
    go_on = threading.Event()
    stuck = [asyncio.create_task(checks.strangers.run(go_on.wait)) for _ in range(1 + MOST_WAITING)]
    await asyncio.sleep(0)
    stranger = await console.visitor("203.0.113.9").ask("rhea")
    known = await owner.sign_in("rhea")
    pages = await owner.signed_in()
    go_on.set()
    await asyncio.gather(*stuck)
    afterwards = await console.visitor("203.0.113.9").ask("rhea")

    assert stranger.status_code == 503
    assert stranger.headers["retry-after"] == "60"
    assert "Try again in a minute" in stranger.text
    assert known
    assert pages
    assert afterwards.status_code == 303


def test_signed_in_people_have_their_own_slot(console: ConsoleHarness) -> None:
    checks = PasswordChecks(console.store)
    user = make_user().model_copy(update={"password_hash": HASH})

    assert checks.is_password_of_signed_in(user, PASSWORD)
    assert not checks.is_password_of_signed_in(user, "wrong")
    assert not checks.is_password_of(None, "nobody")


@pytest.mark.parametrize(
    "value",
    [
        "x.999999999999",
        "x.253402300800",
        "x.-1",
        "x." + "9" * 5000,
        "x" * 50_000,
        '"',
        "a=b=c",
        "",
        ".",
        "x.1e9",
    ],
)
@pytest.mark.parametrize("name", [SESSION, FORM, DEVICE])
@pytest.mark.parametrize("path", ["/", "/sign-in", "/account"])
async def test_an_odd_cookie_is_no_session_and_no_fault(
    console: ConsoleHarness, name: str, value: str, path: str
) -> None:
    answer = await console.visitor().client.get(path, headers={"cookie": f"{name}={value}"})

    assert answer.status_code == (200 if path == "/sign-in" else 303)
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize("raw", [b"\xff\xfe", "ü".encode(), b"x; x=y; ", b"\xc3\x28"])
async def test_cookies_that_are_no_text_or_are_there_twice_are_no_fault(
    console: ConsoleHarness, raw: bytes
) -> None:
    client = console.visitor().client
    header = SESSION.encode() + b"=" + raw + b"; " + SESSION.encode() + b"=second"
    actual = await client.get("/", headers=[(b"cookie", header)])
    posted = await client.post(
        "/sign-in", headers=[(b"cookie", FORM.encode() + b"=" + raw)], data={"csrf": "other"}
    )

    assert actual.status_code == 303
    assert posted.status_code == 403


async def test_over_tls_every_cookie_is_secure_and_bound_to_this_host(
    console: ConsoleHarness,
) -> None:
    visitor = console.visitor(scheme="https")
    form = await visitor.client.get("/sign-in")
    answer = await visitor.ask("rhea")
    cookies = dict(cookies_of(form)) | dict(cookies_of(answer))
    csrf_page = await visitor.client.get("/account")

    assert set(cookies) == {f"__Host-{name}" for name in (SESSION, FORM, DEVICE)}
    for line in cookies.values():
        assert "HttpOnly" in line
        assert "Path=/" in line
        assert "SameSite=strict" in line
        assert "Secure" in line
        assert "Domain" not in line
    assert csrf_page.status_code == 200


async def test_over_tls_a_cookie_without_the_prefix_is_not_looked_at(
    console: ConsoleHarness,
) -> None:
    plain = console.visitor()
    await plain.sign_in("rhea")
    over_tls = console.visitor(scheme="https")
    token = plain.client.cookies[SESSION]
    answer = await over_tls.client.get("/account", headers={"cookie": f"{SESSION}={token}"})

    assert answer.status_code == 303


async def test_signing_in_again_ends_the_session_that_the_browser_had(
    console: ConsoleHarness,
) -> None:
    visitor = console.visitor()
    await visitor.sign_in("rhea")
    old = visitor.client.cookies[SESSION]
    await visitor.sign_in("ana")
    carried = await console.visitor().client.get("/", headers={"cookie": f"{SESSION}={old}"})

    assert visitor.client.cookies[SESSION] != old
    assert carried.status_code == 303


async def test_signing_out_makes_the_browser_forget_session_and_form(
    console: ConsoleHarness,
) -> None:
    visitor = console.visitor()
    await visitor.sign_in("rhea")
    answer = await visitor.client.post("/sign-out", data={"csrf": visitor.csrf})
    cookies = cookies_of(answer)

    for name in (SESSION, FORM):
        assert "Max-Age=0" in cookies[name]
    assert SESSION not in visitor.client.cookies


async def test_a_page_that_was_under_way_at_sign_out_does_not_revive_the_session(
    console: ConsoleHarness,
) -> None:
    visitor = console.visitor()
    await visitor.sign_in("rhea")
    token = visitor.client.cookies[SESSION]
    sessions = console.app.state.shared.sessions
    session = sessions.find_session(token, console.now(), stretch=False)
    assert session is not None
    sessions.close_session(session, console.now())
    console.now.advance(minutes=10)
    sessions._extend_session(session.view, console.now())

    assert sessions.find_session(token, console.now()) is None


@pytest.mark.parametrize(
    ("address", "network", "about"),
    [
        ("192.0.2.7", "192.0.2.7", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("127.0.0.1", "127.0.0.1", "this machine"),
        ("", "unknown", "unknown"),
        ("garbage, 1.2.3.4", "unknown", "unknown"),
    ],
)
def test_addresses_are_counted_by_network_and_kept_roughly(
    address: str, network: str, about: str
) -> None:
    assert compute_network(address) == network
    assert shorten_address(address) == about
