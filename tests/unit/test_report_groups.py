"""People who are no customers count in our own report to the ICO."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from store_adapters import fresh_store

from breachdesk.casework import groups
from breachdesk.casework.filings import filing_of, not_this_form
from breachdesk.casework.report_prefill import proposals
from breachdesk.gdpr.told_words import told_words
from breachdesk.jurisdictions import jurisdiction
from breachdesk.stores.any_store import AnyStore
from breachdesk.testing import START, FixedNow, a_confirmed_breach, an_actor
from notifiers.testing import PROFILE
from schemas.affected import Certainty, Effect, Surety
from schemas.affected_group import (
    AffectedGroup,
    GroupKind,
    GroupReach,
    GroupTelling,
    TellingMeans,
)
from schemas.breach import Breach
from schemas.customer import DataCategory
from schemas.report import Precision, Quantity
from schemas.settings import Settings

ACTOR = an_actor(user_id="rhea")


@pytest.fixture
def now() -> FixedNow:
    return FixedNow()


@pytest.fixture
def store(now: FixedNow) -> Iterator[AnyStore]:
    with fresh_store("sqlite", now) as opened:
        yield opened


@pytest.fixture
def breach(store: AnyStore, now: FixedNow) -> Breach:
    """Applicants and staff; some of them told in person, some by a notice on the door."""
    breach = store.act(lambda uow: a_confirmed_breach(uow, now(), actor="rhea"))
    for kind, count in ((GroupKind.STAFF, 5), (GroupKind.APPLICANT, 12)):
        group = AffectedGroup(
            id="", recorded_by="", recorded_at=START, kind=kind, certainty=Certainty.CONFIRMED,
            reason="The folder was open.", people=Quantity(value=count, precision=Precision.EXACT),
            data_categories=(DataCategory.IDENTITY,), effects={Effect.LOST: Surety.HAPPENED},
            reach=GroupReach.OTHER_MEANS, reach_reason="They are here.",
        )  # fmt: skip
        store.act(lambda uow, g=group: groups.add_group(uow, ACTOR, breach.case_id, g, now()))
    return breach


def told(store: AnyStore, breach: Breach, now: FixedNow, means: TellingMeans, people: int) -> None:
    telling = GroupTelling(
        told_at=START, recorded_by="", recorded_at=START, means=means, people=people, text="It.",
        proof="Minutes.", everybody=False,
    )  # fmt: skip
    store.act(
        lambda uow: groups.record_telling(
            uow, ACTOR, breach.case_id, "AFFECTEDGROUP-0001", telling, now()
        )
    )


def test_their_number_kind_data_and_harm_are_proposed(
    store: AnyStore, breach: Breach, now: FixedNow, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path, profile=PROFILE)
    found = store.look(lambda uow: proposals(uow, breach.id, "uk_ico", settings, now())).answers

    assert found["people"] == Quantity(value=17, precision=Precision.APPROXIMATE)
    assert found["people_kinds"] == ("employees", "other")
    assert found["people_other"] == "Job applicants"
    assert found["harmed"] == ("availability",)
    assert found["data_kinds"]


def test_who_of_them_was_told_is_counted_by_how_it_was_done(
    store: AnyStore, breach: Breach, now: FixedNow, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path, profile=PROFILE)
    told(store, breach, now, TellingMeans.IN_PERSON, 2)
    told(store, breach, now, TellingMeans.PUBLIC_NOTICE, 1)
    ico, pecr = (
        store.look(
            lambda uow, form=form: filing_of(uow, breach.id, jurisdiction(form), settings, now())
        )
        for form in ("uk_ico", "uk_pecr")
    )

    assert told_words(ico.told) == (
        "3 of 17 people told: 2 in person; 1 by other means, each with its proof; 14 to whom "
        "nothing was sent yet."
    )
    assert not_this_form(ico, jurisdiction("uk_ico")) is None
    assert (pecr.groups, pecr.told.people) == ((), 0)
