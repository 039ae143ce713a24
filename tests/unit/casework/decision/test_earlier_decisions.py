"""Decisions and approvals that were stored before answers were kept by jurisdiction."""

from __future__ import annotations

import json
from typing import Any

import pytest

from breachdesk.casework.digests import compute_digest as digest
from breachdesk.casework.digests import has_hash
from notifiers.testing.channels import DECISION
from schemas.casework.approval import Approval
from schemas.casework.decision import Decision

YES = {"yes": True, "reasons": "Bank details were opened.", "asked": True}
NO = {"yes": False, "reasons": "No telecoms service is involved.", "asked": True}


def stored_then() -> dict[str, Any]:
    """A decision as an earlier release sealed it, with every field of that release."""
    fields = DECISION.model_dump(mode="json", exclude={"hash", "report"})
    fields |= {"report_to_ico": YES, "pecr": NO}
    return fields | {"hash": digest(fields)}


def read_decision(fields: dict[str, Any]) -> Decision:
    return Decision.model_validate_json(json.dumps(fields))


def test_an_earlier_decision_is_read_with_its_answers_by_jurisdiction() -> None:
    decision = read_decision(stored_then())

    assert {id_: answer.yes for id_, answer in decision.report.items()} == {
        "uk_ico": True,
        "uk_pecr": False,
    }
    assert decision.report["uk_ico"].reasons == "Bank details were opened."


def test_the_seal_of_an_earlier_decision_is_verified_after_it_is_stored_again() -> None:
    sealed = stored_then()
    again = Decision.model_validate_json(read_decision(sealed).model_dump_json())

    assert has_hash(read_decision(sealed), sealed["hash"])
    assert has_hash(again, sealed["hash"])


@pytest.mark.parametrize(
    "changes",
    [{"pecr": YES}, {"report_to_ico": NO}, {"risk": "Another."}, {"tell_people": NO}],
)
def test_a_changed_earlier_decision_does_not_have_its_seal(changes: dict[str, Any]) -> None:
    sealed = stored_then()

    assert not has_hash(read_decision(sealed | changes), sealed["hash"])


def test_an_earlier_approval_keeps_that_a_report_was_recorded() -> None:
    fields = dict.fromkeys(
        ("breach_id", "approved_by", "manifest_hash", "texts_hash", "decision_hash", "sender_hash"),
        "x",
    )
    stored = fields | {
        "version": 1, "kind": "second_person", "approved_at": "2026-11-23T09:12:00Z",
        "hash": "x", "count": 2, "ico_told": True,
    }  # fmt: skip

    assert Approval.model_validate_json(json.dumps(stored)).report_recorded
