"""No page of the console asks the store more often as more is stored."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from console_harness import HASH, ConsoleHarness, open_console
from console_pages import PAGES
from sqlalchemy import Engine, event

from breachdesk.testing import (
    START,
    add_alert,
    add_case,
    add_confirmed_breach,
    make_binding,
    make_customer,
    make_episode,
    make_signal,
    make_user,
)
from schemas.binding_proposal import BindingProposal, EvidenceKind, ProposalEvidence
from schemas.pipeline.alert import GroupKey
from schemas.pipeline.source import BlindInterval
from schemas.register_import import ChangeKind, HeldChange, HoldReason, ImportSourceState

MOST = 25
LARGER = {
    "/": 31,
    "/cases/{breached}/affected": 29,
    "/audit?verify=true": 39,
}
"""Pages that ask more often today. A number here only ever falls."""
FEW = 2
"""What is asked only where there is something, such as the names of customers."""


@contextmanager
def statements() -> Iterator[list[str]]:
    """What any store's connection runs meanwhile."""
    ran: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_more: object) -> None:
        ran.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield ran
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture
def console(tmp_path: Path) -> Iterator[ConsoleHarness]:
    with open_console(tmp_path) as opened:
        yield opened


def store_some(console: ConsoleHarness) -> dict[str, str]:
    """One of everything that a page shows; the ids that stand in the addresses."""
    alert = add_alert(console.store)

    def work(uow):
        uow.users.save(make_user("olive").model_copy(update={"password_hash": HASH}))
        uow.customers.save(make_customer())
        uow.customers.bind(make_binding(), console.now())
        breach = add_confirmed_breach(uow, console.now(), alert, actor="rhea")
        return {
            "alert": alert.id,
            "open": add_case(uow, console.now(), actor="ana").id,
            "breached": breach.case_id,
            "customer": "contoso",
        }

    return console.store.write(work)


def store_more(console: ConsoleHarness) -> None:
    """Several of everything that a page lists, and more rows of what the pages' own subjects
    hold."""
    now = console.now

    def work(uow):
        for number in range(6):
            name = f"firm-{number}"
            uow.customers.save(make_customer(name))
            uow.customers.bind(make_binding(f"post@{name}.example", customer_id=name), now())
            add_confirmed_breach(uow, now(), actor="rhea")
            add_case(uow, now(), actor="ana")
            gap = BlindInterval(
                source=f"router-{number}", begin=START, end=None, reason="it was off"
            )
            uow.sources.add_gap(gap)

    console.store.write(work)
    console.store.write(lambda uow: hold_and_propose(uow, now()))
    for number in range(12):
        key = GroupKey("login_then_exfiltration", "contoso", (f"user-{number}",))
        add_alert(console.store, make_episode([make_signal(n, key=key) for n in range(1, 5)]))
    add_alert(console.store, make_episode([make_signal(n) for n in range(1, 40)]))


def hold_and_propose(uow, at) -> None:
    """Changes that wait and proposals, two of each asset."""
    names = [f"firm-{number}" for number in range(6)]
    uow.imports.save_source(ImportSourceState(name="psa", members=tuple(names)))
    uow.imports.replace_waiting(
        "psa",
        [
            HeldChange(
                source="psa",
                kind=ChangeKind.GONE,
                customer_id=name,
                reasons=(HoldReason.MISSING,),
                before=uow.customers.get(name),
                digest=name,
                found_at=at,
            )
            for name in names
        ],
    )
    uow.proposals.replace_waiting(
        [
            BindingProposal(
                asset=f"host:srv-{number // 2}",
                customer_id=name,
                score=35,
                evidence=(ProposalEvidence(kind=EvidenceKind.NAME, value=name),),
                digest=name,
                rivals=1,
                events=3,
                first=at,
                last=at,
                found_at=at,
            )
            for number, name in enumerate(names)
        ]
    )


async def asked(console: ConsoleHarness, path: str) -> list[str]:
    """What the page asks the store when it remembers nothing of the page before it."""
    visitor = console.visitor()
    assert await visitor.sign_in("olive")
    console.now.advance(minutes=1)
    with statements() as ran:
        answer = await visitor.client.get(path)
    assert answer.status_code == 200
    return [statement for statement in ran if not statement.startswith("BEGIN")]


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_asks_the_store_seldom_and_no_more_often_when_it_holds_more(
    console: ConsoleHarness, path: str
) -> None:
    address = path.format(**store_some(console))
    few = await asked(console, address)
    store_more(console)
    many = await asked(console, address)

    assert len(many) <= LARGER.get(path, MOST), repeated(many)
    assert len(many) <= len(few) + FEW, repeated(many)


def repeated(ran: list[str]) -> dict[str, int]:
    """Statements that ran more than once, by their beginning: what to look at when it fails."""
    counts: dict[str, int] = {}
    for statement in ran:
        tables = " ".join(re.findall(r"FROM (\w+)", statement))
        text = f"{statement[:30]}… {tables}"
        counts[text] = counts.get(text, 0) + 1
    return {text: count for text, count in counts.items() if count > 1}
