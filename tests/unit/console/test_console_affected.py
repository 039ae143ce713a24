"""The affected list's screen: a responder corrects what happened, and says an act in own words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from console_harness import ConsoleHarness, open_console

from breachdesk.console.views.affected_details import list_by_effects
from breachdesk.testing import (
    add_confirmed_breach,
    make_binding,
    make_customer,
    make_episode,
    make_signal,
    raise_alerts,
)
from schemas.casework.affected import BreachEffect, Certainty, EffectCertainty, Exposure, Manifest
from schemas.customer import DataCategory, DataRole
from schemas.pipeline.alert import Signal

KEY = "contoso:processor"
WHY = "The account opened one mail and deleted the only backup."


@pytest.fixture
def console(tmp_path: Path) -> Iterator[ConsoleHarness]:
    with open_console(tmp_path) as opened:
        signal = make_signal(1, step="UserLoggedIn")
        summary = {
            "event.outcome": "success", "event.action": "UserLoggedIn",
            "user.name": "jo@contoso.example",
        }  # fmt: skip
        fields = {n: getattr(signal, n) for n in signal.__slots__ if n != "summary"}
        alerts = raise_alerts(opened.store, make_episode([Signal(**fields, summary=summary)]))

        def furnish(uow):  # type: ignore[no-untyped-def]  # a unit of work
            uow.customers.save(make_customer())
            uow.customers.bind(make_binding(), opened.now())
            return add_confirmed_breach(uow, opened.now(), *alerts)

        opened.store.write(furnish)
        yield opened


async def frozen(console: ConsoleHarness, **fields: str) -> tuple[int, Exposure | None]:
    visitor = console.visitor()
    assert await visitor.sign_in("rhea")
    page = (await visitor.client.get("/cases/CASE-0001/affected")).text
    proposal = re.search(r'name="proposal" value="(\w+)"', page)
    assert proposal is not None
    answer = await visitor.post(
        "/cases/CASE-0001/affected", proposal=proposal[1], confirmed="1", **fields
    )
    manifest = console.store.read(lambda uow: uow.breaches.find_latest(Manifest, "BR-0001"))
    exposures = manifest.exposures if manifest else ()
    return answer.status_code, next((e for e in exposures if e.role is DataRole.PROCESSOR), None)


CORRECTED = {
    f"details:{KEY}": "1",
    f"effect:{KEY}:mail:seen": "happened",
    f"add:{KEY}": "backup:lost:happened",
    f"said:{KEY}:0": "On Sunday someone signed in to the mailbox of Jo.",
}


async def test_a_responder_corrects_effects_and_says_an_act_in_own_words(
    console: ConsoleHarness,
) -> None:
    status, exposure = await frozen(console, **CORRECTED, **{f"why:{KEY}": WHY})

    assert status == 303
    assert exposure is not None
    assert exposure.effects == {
        DataCategory.MAIL: {BreachEffect.SEEN: EffectCertainty.HAPPENED},
        DataCategory.BACKUP: {BreachEffect.LOST: EffectCertainty.HAPPENED},
    }
    assert exposure.acts[0].said == "On Sunday someone signed in to the mailbox of Jo."
    assert (exposure.decided_by, exposure.reason) == ("rhea", WHY)


async def test_a_correction_without_a_reason_is_refused(console: ConsoleHarness) -> None:
    status, exposure = await frozen(console, **CORRECTED)

    assert (status, exposure) == (422, None)


async def test_an_untouched_form_freezes_what_the_records_show(console: ConsoleHarness) -> None:
    same = {f"details:{KEY}": "1", f"effect:{KEY}:mail:seen": "possible"}
    status, exposure = await frozen(console, **same)

    assert status == 303
    assert exposure is not None
    assert exposure.certainty is Certainty.CONFIRMED
    assert exposure.decided_by is None
    assert exposure.effects == {DataCategory.MAIL: {BreachEffect.SEEN: EffectCertainty.POSSIBLE}}


def test_kinds_of_data_to_which_the_same_happened_are_listed_together() -> None:
    seen = {BreachEffect.SEEN: EffectCertainty.POSSIBLE}
    copied = seen | {BreachEffect.COPIED: EffectCertainty.HAPPENED}
    exposure = Exposure(
        customer_id="contoso",
        role=DataRole.PROCESSOR,
        certainty=Certainty.CONFIRMED,
        reason="read and taken",
        effects={
            DataCategory.CONTACT: seen,
            DataCategory.FILES: copied,
            DataCategory.MAIL: dict(seen),
        },
    )

    assert list_by_effects(exposure) == [
        ([DataCategory.CONTACT, DataCategory.MAIL], seen),
        ([DataCategory.FILES], copied),
    ]


async def test_before_the_list_is_frozen_the_page_says_how_many_people_will_be_told(
    console: ConsoleHarness,
) -> None:
    visitor = console.visitor()
    assert await visitor.sign_in("rhea")
    page = (await visitor.client.get("/cases/CASE-0001/affected")).text
    typed = {**CORRECTED, f"why:{KEY}": WHY, "proposal": proposal_of(page)}
    answer = await visitor.client.post(
        "/cases/CASE-0001/affected", data={"csrf": visitor.csrf, **typed}
    )

    assert answer.status_code == 200
    assert "One person will be notified." in answer.text
    assert console.store.read(lambda uow: uow.breaches.find_latest(Manifest, "BR-0001")) is None
    again = {**fields_of(answer.text), "confirmed": "1"}
    assert (await visitor.post("/cases/CASE-0001/affected", **again)).status_code == 303
    manifest = console.store.read(lambda uow: uow.breaches.find_latest(Manifest, "BR-0001"))
    assert manifest is not None
    exposure = next(e for e in manifest.exposures if e.role is DataRole.PROCESSOR)
    assert (exposure.decided_by, exposure.reason) == ("rhea", WHY)
    assert exposure.effects[DataCategory.BACKUP] == {BreachEffect.LOST: EffectCertainty.HAPPENED}


@pytest.fixture
def many(console: ConsoleHarness) -> ConsoleHarness:
    """A hundred customers more, none of them in the evidence."""
    some = [make_customer(f"c{n:03d}") for n in range(100)]
    console.store.write(lambda uow: uow.customers.save_all(some))
    return console


async def test_of_a_long_list_only_the_group_that_is_opened_shows_its_rows(
    many: ConsoleHarness,
) -> None:
    visitor = many.visitor()
    assert await visitor.sign_in("rhea")
    page = (await visitor.client.get("/cases/CASE-0001/affected")).text

    assert 'name="certainty:c007:controller"' not in page
    assert f'name="certainty:{KEY}"' in page
    (group,) = set(re.findall(r'name="group:(\w+)"', page))
    fields = {
        "csrf": visitor.csrf, "proposal": proposal_of(page),
        f"certainty:{KEY}": "likely", f"why:{KEY}": WHY,
    }  # fmt: skip
    first = await visitor.client.post(
        "/cases/CASE-0001/affected", data={**fields, "open": f"{group}:1"}
    )
    second = await visitor.client.post(
        "/cases/CASE-0001/affected", data={**fields, "open": f"{group}:2"}
    )
    assert first.text.count('name="certainty:c') == 50 + 1
    assert 'name="certainty:c007:controller"' in first.text
    assert 'name="certainty:c007:controller"' not in second.text
    assert WHY in first.text


async def test_a_change_of_a_row_that_is_no_longer_shown_goes_on(many: ConsoleHarness) -> None:
    visitor = many.visitor()
    assert await visitor.sign_in("rhea")
    page = (await visitor.client.get("/cases/CASE-0001/affected")).text
    typed = {
        "csrf": visitor.csrf, "proposal": proposal_of(page), "find": "1", "words": "c042",
        "certainty:c007:controller": "possible", "why:c007:controller": "They rang us.",
    }  # fmt: skip
    searched = await visitor.client.post("/cases/CASE-0001/affected", data=typed)

    assert 'name="certainty:c042:controller"' in searched.text
    on = without_rows(fields_of(searched.text))
    assert on["why:c007:controller"] == "They rang us."
    await visitor.post("/cases/CASE-0001/affected", **{**on, "confirmed": "1"})
    assert exposure_of(many, "c007").certainty is Certainty.POSSIBLE
    assert exposure_of(many, "c008").certainty is Certainty.EXCLUDED


async def test_all_of_a_group_are_changed_at_once_and_a_row_keeps_its_own_change(
    many: ConsoleHarness,
) -> None:
    visitor = many.visitor()
    assert await visitor.sign_in("rhea")
    page = (await visitor.client.get("/cases/CASE-0001/affected")).text
    (group,) = set(re.findall(r'name="group:(\w+)"', page))
    fields = {
        "proposal": proposal_of(page), "confirmed": "1",
        f"group:{group}": "possible", f"group-why:{group}": "The backup held all of them.",
        "certainty:c007:controller": "likely", "why:c007:controller": "They rang us.",
    }  # fmt: skip
    assert (await visitor.post("/cases/CASE-0001/affected", **fields)).status_code == 303

    assert exposure_of(many, "c007").reason == "They rang us."
    assert exposure_of(many, "c008").reason == "The backup held all of them."
    frozen = (await visitor.client.get("/cases/CASE-0001/affected")).text
    assert "c099" not in frozen
    text = (await visitor.client.get("/cases/CASE-0001/affected?q=c099")).text
    assert "/customers/c099" in text


async def test_a_new_version_begins_with_what_the_one_before_decided(many: ConsoleHarness) -> None:
    visitor = many.visitor()
    assert await visitor.sign_in("rhea")
    page = (await visitor.client.get("/cases/CASE-0001/affected")).text
    typed = {"certainty:c007:controller": "likely", "why:c007:controller": "They rang us."}
    fields = {**typed, "proposal": proposal_of(page), "confirmed": "1"}
    await visitor.post("/cases/CASE-0001/affected", **fields)
    page = (await visitor.client.get("/cases/CASE-0001/affected?anew=true")).text
    anew = without_rows(fields_of(page))
    await visitor.post("/cases/CASE-0001/affected", **{**anew, "confirmed": "1"})

    manifest = many.store.read(lambda uow: uow.breaches.find_latest(Manifest, "BR-0001"))
    assert manifest is not None
    assert manifest.version == 2
    assert exposure_of(many, "c007").reason == "They rang us."


def exposure_of(console: ConsoleHarness, customer: str) -> Exposure:
    manifest = console.store.read(lambda uow: uow.breaches.find_latest(Manifest, "BR-0001"))
    assert manifest is not None
    return next(e for e in manifest.exposures if e.customer_id == customer)


def proposal_of(page: str) -> str:
    match = re.search(r'name="proposal" value="(\w+)"', page)
    assert match is not None
    return match[1]


def fields_of(page: str) -> dict[str, str]:
    """Hidden fields of the page, as a browser sends them."""
    hidden = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: unescape(value) for name, value in hidden if name != "csrf"}


def without_rows(fields: dict[str, str]) -> dict[str, str]:
    """Of a page with rows: their selects are not sent here, so neither is what announces them."""
    return {name: value for name, value in fields.items() if not name.startswith("details:")}
