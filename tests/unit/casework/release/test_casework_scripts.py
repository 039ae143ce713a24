from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from release_scenario import ReleaseScenario, release_scenario
from waiting_letters import renderer

from breachdesk.casework.release import notice_facts
from notifiers.testing.channels import ACCOUNT_WORDS
from schemas.casework.affected import ContactChannel
from schemas.casework.approval import SealedTexts
from schemas.casework.notice import SendOutcome, SendResult
from schemas.errors import IncompleteDocument
from schemas.user import Permission

BOUNCED = SendResult(outcome=SendOutcome.BOUNCED, reply="550 5.1.1")
BY_TELEPHONE = "fabrikam,Fabrikam Ltd,,01632 960002,Kit Reed,en-GB\n"


@pytest.fixture
def scenario(tmp_path: Path) -> Iterator[ReleaseScenario]:
    """Contoso is mailed; Fabrikam, whose address nobody knows, is telephoned."""
    with release_scenario("sqlite", tmp_path) as opened:
        opened.imports(BY_TELEPHONE, by="operator:cli")
        opened.write_all()
        yield opened


def calls(scenario: ReleaseScenario) -> dict[str, Any]:
    return {t.customer_id: t for t in scenario.tasks().values() if t.kind == "telephone"}


def letters(scenario: ReleaseScenario) -> Any:
    return scenario.store.read(
        lambda uow: notice_facts.render_letters(
            uow, scenario.breach.id, scenario.settings, renderer()
        )
    )


def test_a_script_is_linted_like_a_mail_and_stops_approval(scenario: ReleaseScenario) -> None:
    scenario.write(measures=("On 24 September 2026 we closed 203.0.113.9, the intruder.",))
    values = [p for p in letters(scenario).blocking if p.where.startswith("script")]

    assert any("IP address" in p.problem for p in values)


def test_a_script_that_names_another_customer_stops_approval_where_nobody_is_mailed(
    scenario: ReleaseScenario,
) -> None:
    nobody = "contoso,Contoso Ltd,,01632 960001,Jo Mason,en-GB\n"
    scenario.imports(nobody, by="operator:cli")
    scenario.freeze()
    scenario.write(consequences=("Tailspin and Fabrikam Ltd were attacked first.",))

    assert letters(scenario).rendered == ()
    with pytest.raises(IncompleteDocument, match="customer"):
        scenario.seal()


def test_scripts_are_in_the_seal_and_in_the_count(scenario: ReleaseScenario) -> None:
    before = scenario.seal()
    scenario.imports(BY_TELEPHONE.replace("960002", "960003"), by="operator:cli")
    scenario.freeze()
    after = scenario.seal()

    assert (before.count, before.calls) == (2, 1)
    assert before.texts_hash != after.texts_hash


def test_a_call_says_exactly_what_was_sealed(scenario: ReleaseScenario) -> None:
    script = next(s for s in letters(scenario).scripts if s.customer_id == "fabrikam")
    scenario.approve()

    assert script.channel is ContactChannel.TELEPHONE
    assert calls(scenario)["fabrikam"].script == script.text
    assert script.text.count("Number: 01632 960002") == 1


@pytest.mark.parametrize("drill", [True, False])
def test_a_bounce_recorded_by_hand_opens_a_call_with_the_whole_approved_script(
    scenario: ReleaseScenario, drill: bool
) -> None:
    scenario.settings = scenario.settings.model_copy(update={"drill": drill})
    scenario.approve()
    row = scenario.rows()[0]
    scenario.send(row)
    analyst = scenario.as_actor("asha", Permission.ANALYST)
    scenario.store.write(
        lambda uow: notice_facts.record_bounce(
            uow, analyst, row.id, "550 no such user", scenario.now()
        )
    )
    text = " ".join(calls(scenario)["contoso"].script.split())
    profile = scenario.settings.profile

    for needed in (
        profile.trading_name, profile.legal_name, profile.contact_phone, "complain",
        "email addresses", ACCOUNT_WORDS.steps[0], "Number: 01632 960001",
    ):  # fmt: skip
        assert needed in text
    assert ("This is a drill." in text) is drill


def test_a_bounce_says_what_was_approved_though_the_facts_changed_meanwhile(
    scenario: ReleaseScenario,
) -> None:
    scenario.approve()
    row = scenario.rows()[0]
    sealed = scenario.store.read(
        lambda uow: uow.breaches.find_latest(SealedTexts, scenario.breach.id)
    )
    scenario.write(measures=("On 24 September 2026 we did something else.",))
    begun = scenario.store.write(lambda uow: uow.notices.get(row.id))
    scenario.store.write(
        lambda uow: notice_facts.open_call(uow, begun, "the mail came back", scenario.now())
    )

    assert sealed is not None
    assert calls(scenario)["contoso"].script == next(
        s.text for s in sealed.scripts if s.customer_id == "contoso"
    )
    assert "something else" not in calls(scenario)["contoso"].script


def test_sealed_scripts_do_not_lie_open_on_the_disk(
    scenario: ReleaseScenario, tmp_path: Path
) -> None:
    scenario.approve()
    stored = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())

    assert ACCOUNT_WORDS.steps[2].encode() not in stored
