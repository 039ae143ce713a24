"""What the register keeps of a decision, in words that an outsider understands."""

from __future__ import annotations

from datetime import UTC, datetime

from breachdesk.casework.breach.register_decisions import build_decision_fields
from notifiers.testing.channels import DECISION
from schemas.casework.decision import LawEnforcementHold, NotificationBasis

NOW = datetime(2026, 9, 24, 9, 30, tzinfo=UTC)


def test_the_register_says_a_hold_and_a_pecr_exemption_in_words() -> None:
    hold = LawEnforcementHold(
        asked_by="DC Reed", asked_at=NOW, basis="Crime number 1/26",
        review_on=NOW, stops=frozenset({NotificationBasis.ART34, NotificationBasis.OWN_PROMISE}),
    )  # fmt: skip
    decision = DECISION.model_copy(update={"hold": hold, "pecr_unintelligible": "AES, key safe."})
    entry = build_decision_fields([decision])

    assert str(entry["hold"]).endswith("stops what is owed by Art. 34, our own promise")
    assert entry["exemption"] == "PECR regulation 5A, unintelligible data"
    assert entry["exemption_evidence"] == "AES, key safe."
