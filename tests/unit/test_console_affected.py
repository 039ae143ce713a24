"""The affected list's screen: a responder corrects what happened, and says an act in own words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from console_desk import Desk, a_desk

from breachdesk.console.affected_details import alike
from breachdesk.testing import (
    a_binding,
    a_confirmed_breach,
    a_customer,
    a_signal,
    an_episode,
    raise_alerts,
)
from schemas.affected import Certainty, Effect, Exposure, Manifest, Surety
from schemas.alert import Signal
from schemas.customer import DataCategory, Role

KEY = "contoso:processor"
WHY = "The account opened one mail and deleted the only backup."


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with a_desk(tmp_path) as opened:
        made = a_signal(1, step="UserLoggedIn")
        summary = {
            "event.outcome": "success", "event.action": "UserLoggedIn",
            "user.name": "jo@contoso.example",
        }  # fmt: skip
        fields = {n: getattr(made, n) for n in made.__slots__ if n != "summary"}
        alerts = raise_alerts(opened.store, an_episode([Signal(**fields, summary=summary)]))

        def furnish(uow):  # type: ignore[no-untyped-def]  # a unit of work
            uow.customers.save(a_customer())
            uow.customers.bind(a_binding(), opened.now())
            return a_confirmed_breach(uow, opened.now(), *alerts)

        opened.store.act(furnish)
        yield opened


async def frozen(desk: Desk, **fields: str) -> tuple[int, Exposure | None]:
    visitor = desk.visitor()
    assert await visitor.sign_in("rhea")
    page = (await visitor.client.get("/cases/CASE-0001/affected")).text
    proposal = re.search(r'name="proposal" value="(\w+)"', page)
    assert proposal is not None
    answer = await visitor.post("/cases/CASE-0001/affected", proposal=proposal[1], **fields)
    manifest = desk.store.look(lambda uow: uow.breaches.latest(Manifest, "BR-0001"))
    exposures = manifest.exposures if manifest else ()
    return answer.status_code, next((e for e in exposures if e.role is Role.PROCESSOR), None)


CORRECTED = {
    f"details:{KEY}": "1",
    f"effect:{KEY}:mail:seen": "happened",
    f"add:{KEY}": "backup:lost:happened",
    f"said:{KEY}:0": "On Sunday someone signed in to the mailbox of Jo.",
}


async def test_a_responder_corrects_effects_and_says_an_act_in_own_words(desk: Desk) -> None:
    status, exposure = await frozen(desk, **CORRECTED, **{f"why:{KEY}": WHY})

    assert status == 303
    assert exposure is not None
    assert exposure.effects == {
        DataCategory.MAIL: {Effect.SEEN: Surety.HAPPENED},
        DataCategory.BACKUP: {Effect.LOST: Surety.HAPPENED},
    }
    assert exposure.acts[0].said == "On Sunday someone signed in to the mailbox of Jo."
    assert (exposure.decided_by, exposure.reason) == ("rhea", WHY)


async def test_a_correction_without_a_reason_is_refused(desk: Desk) -> None:
    status, exposure = await frozen(desk, **CORRECTED)

    assert (status, exposure) == (422, None)


async def test_an_untouched_form_freezes_what_the_records_show(desk: Desk) -> None:
    same = {f"details:{KEY}": "1", f"effect:{KEY}:mail:seen": "possible"}
    status, exposure = await frozen(desk, **same)

    assert status == 303
    assert exposure is not None
    assert exposure.certainty is Certainty.CONFIRMED
    assert exposure.decided_by is None
    assert exposure.effects == {DataCategory.MAIL: {Effect.SEEN: Surety.POSSIBLE}}


def test_kinds_of_data_to_which_the_same_happened_stand_together() -> None:
    seen = {Effect.SEEN: Surety.POSSIBLE}
    copied = seen | {Effect.COPIED: Surety.HAPPENED}
    exposure = Exposure(
        customer_id="contoso",
        role=Role.PROCESSOR,
        certainty=Certainty.CONFIRMED,
        reason="read and taken",
        effects={
            DataCategory.CONTACT: seen,
            DataCategory.FILES: copied,
            DataCategory.MAIL: dict(seen),
        },
    )

    assert alike(exposure) == [
        ([DataCategory.CONTACT, DataCategory.MAIL], seen),
        ([DataCategory.FILES], copied),
    ]
