"""Letters that were checked before are the letters that would leave now; a page checks few of many."""

from __future__ import annotations

from pathlib import Path

import pytest
from console_desk import a_desk
from waiting_letters import RESPONDER, SENDER, LetterRows, approve_letters

from breachdesk.casework import notify
from breachdesk.casework.letters import Letters
from breachdesk.console.case_file import read_case
from breachdesk.ports import UnitOfWork
from notifiers.testing import FACTS, PROFILE
from schemas.notice import Status


@pytest.mark.parametrize("end", [Status.HANDED_OVER, Status.BOUNCED])
def test_a_letter_whose_forerunner_has_ended_meanwhile_bears_the_number_of_today(
    tmp_path: Path, end: Status
) -> None:
    with a_desk(tmp_path, profile=PROFILE, senders=(SENDER,)) as desk:
        now, checks = desk.now(), desk.app.state.hall.letters
        (first,) = approve_letters(desk.store, desk.house.settings, 1, now)
        rows = LetterRows(desk.store)
        rows.change(first.id, status=Status.UNKNOWN)
        facts = FACTS.model_copy(update={"breach_id": first.breach_id})
        desk.store.act(lambda uow: notify.write_facts(uow, RESPONDER, facts, now))

        def read(uow: UnitOfWork) -> tuple[Letters, Letters]:
            case = uow.breaches.get(first.breach_id).case_id
            house = desk.house
            fresh = notify.letters(uow, first.breach_id, house.settings, house.renderer)
            return checks.texts(uow, read_case(uow, case, now), now).letters, fresh

        desk.store.look(read)
        rows.change(first.id, status=end)
        shown, fresh = desk.store.look(read)

    assert shown.contexts == fresh.contexts
    assert [letter.hash for letter in shown.rendered] == [letter.hash for letter in fresh.rendered]
    assert [letter.text for letter in shown.rendered] == [letter.text for letter in fresh.rendered]
