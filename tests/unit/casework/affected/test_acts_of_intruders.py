"""Events whose free texts an intruder chose: they name no mailbox, no customer, and fill no
letter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from breachdesk.casework.affected.bindings import BindingIndex
from breachdesk.casework.affected.evidence import AssetSighting
from breachdesk.casework.affected.recorded_acts import collect_acts
from breachdesk.testing import make_binding
from schemas.pipeline.alert import EvidenceView

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
BEN, ANN = "ben@contoso.example", "ann@contoso.example"


def sighting(number: int, **summary: object) -> AssetSighting:
    event = EvidenceView(
        event_id=f"e-{number}",
        time=START + timedelta(minutes=number),
        step="rule",
        source="m365",
        journal="j",
        offset=number,
        sha256="0" * 64,
        summary={"event.outcome": "success", "user.name": BEN}
        | {name.replace("__", "."): value for name, value in summary.items()},
        touches=(("contoso", f"mailbox:{BEN}", "mail"),),
    )
    return AssetSighting(event, "contoso", f"mailbox:{BEN}", ("mail",))


@pytest.mark.parametrize(
    "field", ["rule__name", "file__name", "file__path", "user_agent__original", "email__subject"]
)
def test_a_mailbox_that_only_a_chosen_text_names_was_not_acted_in(field: str) -> None:
    bindings = BindingIndex([make_binding(value) for value in (BEN, ANN)])
    event = sighting(1, event__action="New-InboxRule", **{field: f"/x/for {ANN}"})
    (act,) = collect_acts([event], bindings)

    assert act.assets == (f"mailbox:{BEN}",)


@pytest.mark.parametrize(("rules", "acts"), [(8, 8), (9, 1), (400, 1)])
def test_rules_by_the_hundred_are_counted_and_not_told_one_by_one(rules: int, acts: int) -> None:
    result = collect_acts(
        [sighting(n, event__action="New-InboxRule", rule__name=f"r{n}") for n in range(rules)],
        BindingIndex(()),
    )

    assert len(result) == acts
    assert sum(act.count for act in result) == rules
    assert all("rule" not in act.details for act in result) is (acts == 1)
