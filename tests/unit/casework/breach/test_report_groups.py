"""People who are not customers count in our own report to the ICO."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from store_adapters import fresh_store

from breachdesk.casework.affected import group_records
from breachdesk.casework.breach.form_facts import build_filing, explain_other_form
from breachdesk.casework.breach.report_prefill import build_proposals
from breachdesk.gdpr.told_words import describe_notified
from breachdesk.jurisdictions import get_jurisdiction
from breachdesk.stores.ports import PipelineStore
from breachdesk.testing import START, FixedNow, add_confirmed_breach, make_actor
from notifiers.testing.channels import PROFILE
from schemas.casework.affected import BreachEffect, Certainty, EffectCertainty
from schemas.casework.affected_group import (
    AffectedGroup,
    GroupKind,
    GroupNotification,
    GroupReach,
    NotificationMeans,
)
from schemas.casework.breach import Breach
from schemas.casework.report import NumberPrecision, ReportedQuantity
from schemas.customer import DataCategory
from schemas.settings import Settings

ACTOR = make_actor(user_id="rhea")


@pytest.fixture
def now() -> FixedNow:
    return FixedNow()


@pytest.fixture
def store(now: FixedNow) -> Iterator[PipelineStore]:
    with fresh_store("sqlite", now) as opened:
        yield opened


@pytest.fixture
def breach(store: PipelineStore, now: FixedNow) -> Breach:
    """Applicants and staff; some of them told in person, some by a notice on the door."""
    breach = store.write(lambda uow: add_confirmed_breach(uow, now(), actor="rhea"))
    for kind, count in ((GroupKind.STAFF, 5), (GroupKind.APPLICANT, 12)):
        group = AffectedGroup(
            id="", recorded_by="", recorded_at=START, kind=kind, certainty=Certainty.CONFIRMED,
            reason="The folder was open.", people=ReportedQuantity(value=count, precision=NumberPrecision.EXACT),
            data_categories=(DataCategory.IDENTITY,), effects={BreachEffect.LOST: EffectCertainty.HAPPENED},
            reach=GroupReach.OTHER_MEANS, reach_reason="They are here.",
        )  # fmt: skip
        store.write(
            lambda uow, g=group: group_records.add_group(uow, ACTOR, breach.case_id, g, now())
        )
    return breach


def told(
    store: PipelineStore, breach: Breach, now: FixedNow, means: NotificationMeans, people: int
) -> None:
    telling = GroupNotification(
        told_at=START, recorded_by="", recorded_at=START, means=means, people=people, text="It.",
        proof="Minutes.", everybody=False,
    )  # fmt: skip
    store.write(
        lambda uow: group_records.record_group_telling(
            uow, ACTOR, breach.case_id, "AFFECTEDGROUP-0001", telling, now()
        )
    )


def test_their_number_kind_data_and_harm_are_proposed(
    store: PipelineStore, breach: Breach, now: FixedNow, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path, profile=PROFILE)
    answers = store.read(
        lambda uow: build_proposals(uow, breach.id, "uk_ico", settings, now())
    ).answers

    assert answers["people"] == ReportedQuantity(value=17, precision=NumberPrecision.APPROXIMATE)
    assert answers["people_kinds"] == ("employees", "other")
    assert answers["people_other"] == "Job applicants"
    assert answers["harmed"] == ("availability",)
    assert answers["data_kinds"]


def test_who_of_them_was_told_is_counted_by_how_it_was_done(
    store: PipelineStore, breach: Breach, now: FixedNow, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path, profile=PROFILE)
    told(store, breach, now, NotificationMeans.IN_PERSON, 2)
    told(store, breach, now, NotificationMeans.PUBLIC_NOTICE, 1)
    ico, pecr = (
        store.read(
            lambda uow, form=form: build_filing(
                uow, breach.id, get_jurisdiction(form), settings, now()
            )
        )
        for form in ("uk_ico", "uk_pecr")
    )

    assert describe_notified(ico.notified) == (
        "3 of 17 people told: 2 in person; 1 by other means, each with its proof; 14 to whom "
        "nothing was sent yet."
    )
    assert explain_other_form(ico, get_jurisdiction("uk_ico")) is None
    assert (pecr.groups, pecr.notified.people) == ((), 0)
