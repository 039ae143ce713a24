"""Every jurisdiction: dated law with its source, a form in order, its own examples."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from form_examples import AWARE, LAW, build_filing, build_whole_facts

from breachdesk.gdpr.jurisdiction import Jurisdiction, find_missing
from breachdesk.jurisdictions import get_jurisdiction, list_jurisdictions
from schemas.casework.report import (
    ReportedQuantity,
)
from schemas.customer import DataCategory
from schemas.errors import ConfigurationError, NotFound
from schemas.law import Provision

ALL = sorted(list_jurisdictions().items())
each = pytest.mark.parametrize("plugin", [p for _, p in ALL], ids=[i for i, _ in ALL])


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
    result = versions(plugin)

    assert all(a.valid_to == b.valid_from for a, b in pairwise(result))
    assert result[-1].valid_to is None


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
        p.model_copy(update={"hours": 96, "days": None, "months": None})
        if p.id == plugin.provision
        else p
        for p in LAW.provisions
    )
    law = LAW.model_copy(update={"provisions": longer})

    assert plugin.compute_deadline(law, AWARE).due == AWARE + timedelta(hours=96)


@each
def test_the_form_has_one_key_a_question_and_no_blank_question(plugin: Jurisdiction) -> None:
    questions = plugin.questions(build_filing(plugin, build_whole_facts(plugin)))
    keys = [question.key for question in questions]

    assert len(keys) == len(set(keys)) > 0
    assert all(question.question and question.section for question in questions)


@each
def test_a_whole_report_lacks_nothing_mandatory(plugin: Jurisdiction) -> None:
    assert find_missing(plugin.questions(build_filing(plugin, build_whole_facts(plugin)))) == {}


@each
def test_an_empty_report_names_everything_it_lacks(plugin: Jurisdiction) -> None:
    lacking = find_missing(plugin.questions(build_filing(plugin, None)))

    assert set(lacking) == plugin.report_example.lacking


@each
def test_reasons_for_a_delay_are_demanded_once_the_limit_is_over(plugin: Jurisdiction) -> None:
    due = plugin.compute_deadline(LAW, AWARE).due
    in_time = build_filing(plugin, build_whole_facts(plugin), due)
    late = build_filing(plugin, build_whole_facts(plugin), due + timedelta(seconds=1))
    keys = {q.key for q in plugin.questions(late)}

    assert find_missing(plugin.questions(in_time)) == {}
    assert set(find_missing(plugin.questions(late))) == {"delay_reasons"} & keys


@each
def test_sections_are_together_in_the_order_of_the_form(plugin: Jurisdiction) -> None:
    sections = [
        question.section
        for question in plugin.questions(build_filing(plugin, build_whole_facts(plugin)))
    ]
    changes = 1 + sum(a != b for a, b in pairwise(sections))

    assert changes == len(set(sections))


@each
def test_law_before_the_first_version_is_not_invented(plugin: Jurisdiction) -> None:
    first = versions(plugin)[0].valid_from

    with pytest.raises(NotFound, match="no version"):
        plugin.get_law(LAW, datetime(first.year - 1, 1, 1, tzinfo=UTC))


@each
def test_a_provision_without_a_period_gives_no_deadline_by_silence(plugin: Jurisdiction) -> None:
    silent = replace(plugin, provision="uk_gdpr_art33_2")

    with pytest.raises(ConfigurationError, match="no hours, days or months"):
        silent.compute_deadline(LAW, AWARE)


def test_an_unknown_jurisdiction_names_those_there_are() -> None:
    with pytest.raises(NotFound, match=" or ".join(list_jurisdictions())):
        get_jurisdiction("nowhere")


@each
def test_every_question_of_the_form_is_put_to_a_whole_report(plugin: Jurisdiction) -> None:
    keys = [q.key for q in plugin.questions(build_filing(plugin, build_whole_facts(plugin)))]

    assert keys == [q.key for q in plugin.get_form(LAW, AWARE).questions]


@each
def test_no_choice_is_made_before_a_person_makes_it(plugin: Jurisdiction) -> None:
    form = plugin.get_form(LAW, AWARE)
    blank = {q.key: q.answer for q in plugin.questions(build_filing(plugin, None))}
    chosen = {q.key: blank[q.key] for q in form.questions if q.choices and q.key in blank}

    assert set(chosen.values()) <= {""}


@each
def test_an_answer_that_is_not_yet_known_leaves_the_report_incomplete(plugin: Jurisdiction) -> None:
    answers = plugin.report_example.answers
    unknown: dict[str, Any] = {"people": ReportedQuantity()}
    for question in plugin.get_form(LAW, AWARE).questions:
        choice = next((c.key for c in question.choices if c.unknown), None)
        if choice is not None and question.key in answers:
            several = isinstance(answers[question.key], tuple)
            unknown[question.key] = (choice,) if several else choice
    questions = plugin.questions(build_filing(plugin, build_whole_facts(plugin, **unknown)))
    lacking = find_missing(questions)

    assert set(lacking) == {q.key for q in questions if q.mandatory and q.key in unknown}
    assert all(why.endswith(": not yet known") for why in lacking.values())


@each
def test_every_category_of_ours_falls_under_a_kind_of_the_form(plugin: Jurisdiction) -> None:
    kinds = plugin.get_form(LAW, AWARE).list_choices("data_kinds")

    assert not kinds or {c for kind in kinds for c in kind.categories} == set(DataCategory)
