"""Whose words a reader is told, what groups of readers do not have in common, and how the facts of
an earlier release open."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from breachdesk.casework.release.reader_facts import build_groups, select_facts
from notifiers.testing.channels import ACCOUNT, ACCOUNT_WORDS, FACTS, PACK_WORDS, STORED
from schemas.casework.affected import ActSummary, Certainty, Exposure
from schemas.casework.letter_facts import NoticeFacts, ReaderStanding
from schemas.customer import DataRole
from schemas.errors import NotAllowed

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OLDER = {
    "breach_id": "BR-0001",
    "version": 3,
    "written_by": "rosa",
    "written_at": NOON,
    "what_happened": "Someone signed in.",
    "found_at": NOON,
    "consequences": ["False invoices."],
    "not_involved": "",
    "not_involved_evidence": "",
    "measures": ["On 22 November 2026 we shut them out."],
    "steps": ["one", "two", "three"],
    "nature": "Confidentiality.",
    "encryption": "",
    "people_and_records": "118 files.",
    "deleted_but_in_backups": "",
    "controller_steps": ["Look at the list."],
    "sub_processors": "",
    "log_extracts": "",
    "contained": True,
}
"""As version 0.1 stored it."""


def test_facts_of_an_earlier_release_open_as_the_words_of_those_reached_alone() -> None:
    facts = NoticeFacts.model_validate(OLDER)
    values_by_key = {(w.role, w.standing): w for w in facts.words}

    assert set(values_by_key) == {
        (DataRole.CONTROLLER, ReaderStanding.REACHED), (DataRole.PROCESSOR, ReaderStanding.REACHED),
    }  # fmt: skip
    holders, packs = (values_by_key[role, ReaderStanding.REACHED] for role in DataRole)
    assert (holders.steps, packs.steps) == (("one", "two", "three"), ("Look at the list.",))
    assert (packs.nature, packs.sub_processors, holders.nature) == ("Confidentiality.", None, None)
    assert NoticeFacts.model_validate_json(facts.model_dump_json()) == facts


def test_a_reader_has_its_own_words_else_its_groups_else_none() -> None:
    mine = ACCOUNT_WORDS.model_copy(update={"customer_id": "c-017", "what_happened": "Mine."})
    facts = FACTS.model_copy(update={"words": (ACCOUNT_WORDS, PACK_WORDS, mine)})
    other = ACCOUNT.model_copy(update={"customer_id": "c-018"})
    unsure = other.model_copy(update={"certainty": Certainty.POSSIBLE})

    assert select_facts(facts, ACCOUNT).own == mine
    assert select_facts(facts, other).own == ACCOUNT_WORDS
    assert not select_facts(facts, unsure).written
    assert select_facts(facts, unsure).own.consequences == ()
    with pytest.raises(NotAllowed):
        select_facts(facts, ACCOUNT.model_copy(update={"certainty": Certainty.EXCLUDED}))


def reader(customer: str, *acts: ActSummary) -> tuple[Exposure, ReaderStanding]:
    exposure = STORED.model_copy(update={"customer_id": customer, "acts": acts})
    return exposure, ReaderStanding.REACHED


def test_a_group_whose_evidence_differs_says_in_what() -> None:
    sign_in, download = STORED.acts
    alike = build_groups(FACTS, (reader("a", sign_in), reader("b", sign_in)))
    unlike = build_groups(FACTS, (reader("a", sign_in), reader("b", sign_in, download)))

    assert [(g.customers, g.differences) for g in alike] == [(("a", "b"), ())]
    assert [g.differences for g in unlike] == [("their records show different acts",)]


def test_a_customer_with_words_of_its_own_is_in_no_group() -> None:
    own = PACK_WORDS.model_copy(update={"customer_id": "a"})
    facts = FACTS.model_copy(update={"words": (*FACTS.words, own)})
    sign_in, _ = STORED.acts
    groups = build_groups(facts, (reader("a", sign_in), reader("b", sign_in)))

    assert [g.customers for g in groups] == [("b",)]
