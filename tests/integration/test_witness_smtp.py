"""A break-glass release over a real SMTP server: what leaves, and what waits while the witness's
bounces."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from release_scenario import ReleaseScenario, release_scenario
from smtp_server import smtp_server
from waiting_letters import smtp_sender

from breachdesk.casework.release import witness
from breachdesk.testing import make_user
from notifiers.channels import open_channel
from notifiers.delivery.dispatch import NoticeDispatcher
from schemas.casework.notice import DeliveryStatus
from schemas.user import Permission


class Sink:
    """Refuses whoever is nobody for good; logs the recipients of what it took."""

    def __init__(self) -> None:
        self.refused: list[str] = []
        self.taken: list[str] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address.startswith("nobody@"):
            self.refused.append(address)
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any
    ) -> str:
        self.taken += envelope.rcpt_tos
        return "250 2.0.0 queued"


@pytest.fixture
def scenario(tmp_path: Path) -> Iterator[ReleaseScenario]:
    with release_scenario("sqlite", tmp_path) as opened:
        for user in ("avery", "blake"):
            off = make_user(user).model_copy(update={"disabled": True})
            opened.store.write(lambda uow, off=off: uow.users.save(off))
        opened.write_all()
        yield opened


def nominate(scenario: ReleaseScenario, address: str) -> None:
    profile = scenario.settings.profile.model_copy(update={"witness_email": address})
    scenario.settings = scenario.settings.model_copy(update={"profile": profile})


async def dispatch(scenario: ReleaseScenario) -> None:
    """One round of the real loop over the real channel."""
    channel = open_channel(scenario.sender)
    loop = NoticeDispatcher(
        scenario.outbox, channel, scenario.now, scenario.settings.notices, "boot-1"
    )
    await loop.run_once(limit=99)
    await loop.close()


async def rounds(scenario: ReleaseScenario, minutes: int) -> None:
    """A round every two minutes: a longer silence holds all mail."""
    for _ in range(minutes // 2):
        scenario.now.advance(minutes=2)
        await dispatch(scenario)


async def test_no_letter_leaves_while_the_witnesss_message_bounces_and_all_do_after_another(
    scenario: ReleaseScenario,
) -> None:
    sink = Sink()
    with smtp_server(sink) as port:
        scenario.send_through(smtp_sender(port))
        nominate(scenario, "nobody@outside.example")
        scenario.break_glass("rowan")
        await rounds(scenario, minutes=60)
        bounced = (list(sink.refused), list(sink.taken))
        nominate(scenario, "trustee@outside.example")
        who = scenario.as_actor("rowan", Permission.APPROVER)
        scenario.store.write(
            lambda uow: witness.tell_witness_again(
                uow, who, scenario.breach.id, scenario.settings, scenario.now()
            )
        )
        await dispatch(scenario)
        result = list(sink.taken)
        await rounds(scenario, minutes=14)
        early = list(sink.taken)
        await rounds(scenario, minutes=2)

    assert bounced == (["nobody@outside.example"], [])
    assert result == early == ["trustee@outside.example"]
    assert sorted(sink.taken[1:]) == ["accounts@contoso.example", "accounts@fabrikam.example"]
    assert [row.status for row in scenario.rows() if row.person_id == "witness"] == [
        DeliveryStatus.BOUNCED
    ]
