"""Long lists on the screens: their pages, their totals, the way to a customer by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from console_harness import HASH, ConsoleHarness, Visitor, open_console
from console_pages import collapse_whitespace

from breachdesk.casework.opening import cases
from breachdesk.console.screens.alerts.alert import CASES
from breachdesk.testing import (
    START,
    add_alert,
    make_actor,
    make_customer,
    make_episode,
    make_signal,
    make_user,
)
from schemas.casework.case import CaseOrigin
from schemas.pipeline.alert import AlertState, GroupKey
from schemas.pipeline.event import AssetTouch
from schemas.user import Permission

ALERTS = 70
HREF = re.compile(r'<tr data-row>.*?<a href="/alerts/([^"/?]+)"', re.DOTALL)
KEY = "mailbox:new@somewhere.example"


@pytest.fixture
def console(tmp_path: Path) -> Iterator[ConsoleHarness]:
    with open_console(tmp_path) as opened:
        registrar = make_user("reg", Permission.REGISTRAR).model_copy(
            update={"password_hash": HASH}
        )
        opened.store.write(lambda uow: uow.users.save(registrar))
        yield opened


def many_alerts(console: ConsoleHarness, count: int = ALERTS) -> None:
    for number in range(count):
        key = GroupKey("r", "contoso", (f"user-{number}",))
        time = START - timedelta(hours=number % 7)
        signals = [make_signal(n, key=key, time=time) for n in (1, 2)]
        add_alert(console.store, make_episode(signals))


async def signed_in(console: ConsoleHarness, user: str = "ana") -> Visitor:
    visitor = console.visitor()
    assert await visitor.sign_in(user)
    return visitor


async def page_of(visitor: Visitor, path: str) -> str:
    answer = await visitor.client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def link(page: str, word: str) -> str:
    match = re.search(rf'<a href="([^"]+)">{word}</a>', page)
    assert match is not None
    return match[1].replace("&amp;", "&")


async def test_a_long_list_of_alerts_is_walked_forward_and_back_under_its_filter(
    console: ConsoleHarness,
) -> None:
    many_alerts(console)
    visitor = await signed_in(console)
    first = await page_of(visitor, "/alerts?state=new")
    second = await page_of(visitor, link(first, "Next"))
    back = await page_of(visitor, link(second, "Previous"))

    assert len(HREF.findall(first)) == 50
    assert len(HREF.findall(second)) == ALERTS - 50
    assert set(HREF.findall(first)) & set(HREF.findall(second)) == set()
    assert HREF.findall(back) == HREF.findall(first)
    assert "70 new alerts." in first
    assert "70 new alerts." in second
    assert "20 of 70" in second
    assert "state=new&" in link(first, "Next")


@pytest.mark.parametrize(
    "path", ["/alerts?page=999", "/alerts?state=new&page=-1", "/alerts?page=x", "/alerts?state=?"]
)
async def test_an_address_of_former_pages_shows_the_list_that_its_heading_names(
    console: ConsoleHarness, path: str
) -> None:
    many_alerts(console, 3)
    page = await page_of(await signed_in(console), path)

    assert "Three new alerts touching one customer." in page
    assert len(HREF.findall(page)) == 3
    assert "No new alerts" not in page


async def test_an_address_that_names_no_place_in_a_list_says_so(console: ConsoleHarness) -> None:
    many_alerts(console, 3)
    visitor = await signed_in(console)
    for path in ("/alerts?after=999", "/audit?before=x", "/sources?letters-after=%00"):
        answer = await visitor.client.get(path)
        assert answer.status_code in (404, 422)
        assert answer.text.count("<h1>") == 1


async def test_the_last_page_is_shown_when_what_came_behind_it_was_dismissed(
    console: ConsoleHarness,
) -> None:
    many_alerts(console, 51)
    visitor = await signed_in(console)
    behind = link(await page_of(visitor, "/alerts"), "Next")
    (last,) = HREF.findall(await page_of(visitor, behind))

    def dismiss(uow):
        alert = uow.alerts.get(last)
        uow.alerts.update(alert.pk, alert.version, state=AlertState.DISMISSED.value)

    console.store.write(dismiss)
    page = await page_of(visitor, behind)

    assert len(HREF.findall(page)) == 50
    assert "50 new alerts" in page


async def test_evidence_comes_in_pages_and_an_alert_of_many_customers_names_some(
    console: ConsoleHarness,
) -> None:
    touches = tuple(
        AssetTouch(f"firm-{n:02}", f"mailbox:a@firm-{n:02}.example", "mail") for n in range(30)
    )
    signals = [make_signal(n, touches=touches) for n in range(1, 41)]
    alert = add_alert(console.store, make_episode(signals))
    visitor = await signed_in(console)
    first = await page_of(visitor, f"/alerts/{alert.id}")
    second = await page_of(visitor, link(first, "Next"))

    assert "40 events kept" in collapse_whitespace(first)
    assert first.count("<tr data-row>") == 25
    assert second.count("<tr data-row>") == 15
    assert "and 10 more customers" in collapse_whitespace(first)
    assert "40 failed" in collapse_whitespace(first)


async def bound(console: ConsoleHarness, customer: str) -> str:
    """What the page says after somebody typed that."""
    visitor = await signed_in(console, "reg")
    answer = await visitor.post(
        "/unattributed", key=KEY, customer=customer, service="hosted mailbox", valid_from=""
    )
    if answer.status_code == 303:
        owners = {
            b.asset: b.customer_id
            for b in console.store.read(lambda u: u.customers.list_bindings())
        }
        return owners[KEY]
    assert answer.status_code == 422
    return answer.text


def two_customers(console: ConsoleHarness) -> None:
    named = {"o-connor": "O'Connor & Sons", "o-connor-2": "O'Connor Motors", "marlow": "Marlow Ltd"}

    def work(uow):
        for customer_id, name in named.items():
            uow.customers.save(make_customer(customer_id).model_copy(update={"name": name}))

    console.store.write(work)


@pytest.mark.parametrize(
    ("typed", "owner"),
    [
        ("marlow", "marlow"),
        ("Marlow Ltd", "marlow"),
        ("arlow", "marlow"),
        ("o-connor", "o-connor"),
        ("o'connor motors", "o-connor-2"),
        ("ourselves", "provider"),
    ],
)
async def test_a_name_in_the_logs_is_bound_to_a_customer_by_id_name_or_a_part_of_it(
    console: ConsoleHarness, typed: str, owner: str
) -> None:
    two_customers(console)

    assert await bound(console, typed) == owner


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("O'Connor", "several customers have this name"),
        ("Nobody Ltd", "no customer is called Nobody Ltd"),
        ("", "no customer is chosen"),
    ],
)
async def test_a_customer_who_is_not_known_by_what_was_typed_is_asked_for_again(
    console: ConsoleHarness, typed: str, message: str
) -> None:
    two_customers(console)

    assert message in await bound(console, typed)


async def test_an_alert_is_linked_to_an_open_case_that_is_too_old_to_be_offered(
    console: ConsoleHarness,
) -> None:
    many_alerts(console, 1)
    responder = make_actor()
    opened = [
        console.store.write(
            lambda uow, n=number: cases.open_by_hand(
                uow,
                responder,
                title=f"Case {n}",
                origin=CaseOrigin.OWN,
                known="Seen.",
                now=START + timedelta(minutes=n),
            )
        ).id
        for number in range(CASES + 1)
    ]
    visitor = await signed_in(console)
    alert = HREF.findall(await page_of(visitor, "/alerts?state=new"))[0]
    page = await page_of(visitor, f"/alerts/{alert}")
    refused = await visitor.post(f"/alerts/{alert}/link", case="CASE-999999")
    linked = await visitor.post(f"/alerts/{alert}/link", case=f" {opened[0].lower()} ")

    assert f'<option value="{opened[-1]}">' in page
    assert f'"{opened[0]}"' not in page
    assert '<input id="f-case" name="case"' in page
    assert refused.status_code == 404
    assert linked.headers["location"].startswith(f"/cases/{opened[0]}")
