"""Every jurisdiction: dated law with its source, a form in order, its own examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from breachdesk.gdpr.filing import ReportFiling
from breachdesk.gdpr.jurisdiction import Jurisdiction, find_missing
from breachdesk.gdpr.law import load_shipped_law
from breachdesk.jurisdictions import get_jurisdiction, list_jurisdictions
from schemas.casework.breach import Breach
from schemas.casework.case import Case, CaseOrigin
from schemas.casework.report import (
    NotYetKnown,
    NumberPrecision,
    ReportedQuantity,
    ReportFacts,
    ReportPhase,
)
from schemas.customer import DataCategory
from schemas.errors import ConfigurationError, NotFound
from schemas.law import Provision
from schemas.settings import ProviderProfile

LAW = load_shipped_law()
AWARE = datetime(2026, 11, 23, 9, 12, tzinfo=UTC)
ALL = sorted(list_jurisdictions().items())
each = pytest.mark.parametrize("plugin", [p for _, p in ALL], ids=[i for i, _ in ALL])


def filing(
    plugin: Jurisdiction, facts: ReportFacts | None, now: datetime = AWARE + timedelta(hours=4)
) -> ReportFiling:
    breach = Breach(
        id="BR-0001", case_id="CASE-0001", title="t", confirmed_by="rowan", confirmed_at=AWARE,
        reason="r", aware_at=AWARE, detected_at=AWARE - timedelta(hours=2),
    )  # fmt: skip
    case = Case(id="CASE-0001", title="t", origin=CaseOrigin.OWN, opened_by="asha", opened_at=AWARE)
    profile = ProviderProfile(
        legal_name="Provider Ltd", registered_address="1 Quay", ico_registration="ZA000000",
        contact_name="Ada Quist", contact_email="p@provider.example",
    )  # fmt: skip
    return ReportFiling(
        breach=breach, case=case, profile=profile, form=plugin.get_form(LAW, now), facts=facts,
        decision=None, exposures=(), due=AWARE + timedelta(hours=72), now=now,
    )  # fmt: skip


ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "uk_ico": {
        "reason": "meets_threshold", "data_kinds": ("basic_identifiers",),
        "people_kinds": ("customers",), "likelihood": "likely", "high_risk": "yes",
        "impact": "low", "recovery": "complete", "trained": "yes", "reporter_name": "Rowan",
    },
    "uk_pecr": {
        "data_kinds": ("traffic",), "other_providers": "no", "means": ("email",), "abroad": "no",
    },
}  # fmt: skip
"""What only one of the forms asks, or asks with answers of its own."""


def whole(plugin: Jurisdiction, **changes: Any) -> ReportFacts:
    answers: dict[str, Any] = {
        "what_happened": "A stranger signed in.", "how_found": "An alert.", "cyber": "yes",
        "occurred_from": AWARE - timedelta(hours=5), "discovered_at": AWARE,
        "people": ReportedQuantity(value=64, precision=NumberPrecision.APPROXIMATE),
        "records": ReportedQuantity(value=64, precision=NumberPrecision.EXACT), "harmed": ("confidentiality",),
        "consequences": "False invoices.", "measures_before": "Logs.",
        "measures_after": "New passwords.", "people_told": "about_to",
        "not_yet_known": (
            NotYetKnown(what="copies", who="rowan", by=AWARE + timedelta(days=4)),
        ),
    }  # fmt: skip
    return ReportFacts(
        breach_id="BR-0001", version=1, written_by="rowan", written_at=AWARE,
        jurisdiction=plugin.id, **(answers | ANSWERS[plugin.id] | changes),
    )  # fmt: skip


def versions(plugin: Jurisdiction) -> list[Provision]:
    return [p for p in LAW.provisions if p.id == plugin.provision]


@each
def test_every_version_of_the_law_says_where_it_was_read_and_when(plugin: Jurisdiction) -> None:
    assert versions(plugin)
    for provision in versions(plugin):
        assert provision.source.startswith("https://")
        assert provision.article
        assert provision.reviewed_on.year >= 2026


@each
def test_versions_follow_each_other_without_a_hole(plugin: Jurisdiction) -> None:
    held = versions(plugin)

    assert all(a.valid_to == b.valid_from for a, b in pairwise(held))
    assert held[-1].valid_to is None


@each
def test_its_law_its_authority_and_its_form_are_known_today(plugin: Jurisdiction) -> None:
    assert plugin.get_law(LAW, AWARE).period
    assert plugin.get_authority(LAW, AWARE).telephone
    assert plugin.get_form(LAW, AWARE).authority == plugin.authority
    assert LAW.get_provision(plugin.phases, AWARE).article


@each
def test_its_examples_give_their_deadlines(plugin: Jurisdiction) -> None:
    assert plugin.examples
    for example in plugin.examples:
        due = plugin.compute_deadline(LAW, datetime.fromisoformat(example.aware_at)).due

        assert due == datetime.fromisoformat(example.due).astimezone(UTC), example.title


@each
def test_an_operators_hours_move_the_deadline(plugin: Jurisdiction) -> None:
    longer = tuple(
        p.model_copy(update={"hours": 96}) if p.id == plugin.provision else p
        for p in LAW.provisions
    )
    law = LAW.model_copy(update={"provisions": longer})

    assert plugin.compute_deadline(law, AWARE).due == AWARE + timedelta(hours=96)


@each
def test_the_form_has_one_key_a_question_and_no_blank_question(plugin: Jurisdiction) -> None:
    asked = plugin.questions(filing(plugin, whole(plugin)))
    keys = [question.key for question in asked]

    assert len(keys) == len(set(keys)) > 10
    assert all(question.question and question.section for question in asked)


@each
def test_a_whole_report_lacks_nothing_mandatory(plugin: Jurisdiction) -> None:
    assert find_missing(plugin.questions(filing(plugin, whole(plugin)))) == {}


@each
def test_an_empty_report_names_everything_it_lacks(plugin: Jurisdiction) -> None:
    lacking = find_missing(plugin.questions(filing(plugin, None)))

    assert {"consequences", "measures_after"} <= lacking.keys()


@each
def test_reasons_for_a_delay_are_demanded_once_the_limit_is_over(plugin: Jurisdiction) -> None:
    in_time = filing(plugin, whole(plugin), AWARE + timedelta(hours=72))
    late = filing(plugin, whole(plugin), AWARE + timedelta(hours=72, seconds=1))

    assert find_missing(plugin.questions(in_time)) == {}
    assert set(find_missing(plugin.questions(late))) == {"delay_reasons"}


@each
def test_sections_stand_together_in_the_order_of_the_form(plugin: Jurisdiction) -> None:
    sections = [question.section for question in plugin.questions(filing(plugin, whole(plugin)))]
    changes = 1 + sum(a != b for a, b in pairwise(sections))

    assert changes == len(set(sections))


@pytest.mark.parametrize(
    ("aware", "due"),
    [
        ("2025-08-19T23:59:59", "2025-08-20T23:59:59"),
        ("2025-08-20T00:00", "2025-08-23T00:00"),
        ("2025-08-20T00:59", "2025-08-23T00:59"),
    ],
)
def test_pecr_gives_72_hours_from_the_first_hour_of_20_august_2025_in_the_united_kingdom(
    aware: str, due: str
) -> None:
    london = ZoneInfo("Europe/London")
    start = datetime.fromisoformat(aware).replace(tzinfo=london)
    deadline = get_jurisdiction("uk_pecr").compute_deadline(LAW, start)

    assert deadline.due == datetime.fromisoformat(due).replace(tzinfo=london)


def test_law_before_the_first_version_is_not_invented() -> None:
    with pytest.raises(NotFound, match="no version"):
        get_jurisdiction("uk_ico").get_law(LAW, datetime(2017, 1, 1, tzinfo=UTC))


def test_a_provision_without_a_period_gives_no_deadline_by_silence() -> None:
    plugin = replace(get_jurisdiction("uk_ico"), provision="uk_gdpr_art33_2")

    with pytest.raises(ConfigurationError, match="no hours, days or months"):
        plugin.compute_deadline(LAW, AWARE)


def test_an_unknown_jurisdiction_names_those_there_are() -> None:
    with pytest.raises(NotFound, match="uk_ico or uk_pecr"):
        get_jurisdiction("fr_cnil")


@each
def test_every_question_of_the_form_is_put_to_a_whole_report(plugin: Jurisdiction) -> None:
    asked = [q.key for q in plugin.questions(filing(plugin, whole(plugin)))]

    assert asked == [q.key for q in plugin.get_form(LAW, AWARE).questions]


@each
def test_no_choice_is_made_before_a_person_makes_it(plugin: Jurisdiction) -> None:
    form = plugin.get_form(LAW, AWARE)
    blank = {q.key: q.answer for q in plugin.questions(filing(plugin, None))}
    chosen = {q.key: blank[q.key] for q in form.questions if q.choices and q.key in blank}

    assert set(chosen.values()) == {""}


@each
def test_an_answer_that_is_not_yet_known_leaves_the_report_incomplete(plugin: Jurisdiction) -> None:
    facts = whole(plugin, data_kinds=("not_yet_known",), people=ReportedQuantity())
    lacking = find_missing(plugin.questions(filing(plugin, facts)))

    assert set(lacking) == {"data_kinds", "people"}
    assert all(why.endswith(": not yet known") for why in lacking.values())


@each
def test_every_category_of_ours_falls_under_a_kind_of_the_form(plugin: Jurisdiction) -> None:
    kinds = plugin.get_form(LAW, AWARE).get_question("data_kinds").choices

    assert {c for kind in kinds for c in kind.categories} == set(DataCategory)


def test_a_pecr_notification_names_its_phase_and_never_a_second_one() -> None:
    pecr = get_jurisdiction("uk_pecr")
    first = filing(pecr, whole(pecr))
    later = filing(pecr, whole(pecr, stage=ReportPhase.FOLLOW_UP, last=True))
    phases = [
        next(q.answer for q in pecr.questions(one) if q.key == "stage") for one in (first, later)
    ]

    assert phases == [
        "First notification; further information follows in phases",
        "Further information, phase 1; it is the last one",
    ]
