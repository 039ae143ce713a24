"""A telephone task says in fields which letter of which breach it stands for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import update
from store_adapters import fresh_store

from breachdesk.casework.opening.telephone_tasks import build_telephone_task, get_notice
from breachdesk.stores.ports import PipelineStore
from breachdesk.stores.tables.case_tables import cases
from breachdesk.testing import START, FixedNow, add_case
from notifiers.testing.channels import build_recipient
from schemas.casework.case import Case, CaseTask
from schemas.casework.notice_kind import NoticeKind

BREACH = "BR-0007"
PACK = f"call-{BREACH}-controller_pack-acme-v2-ltd-p-1-v3-v2"
CORRECTION = f"call-{BREACH}-account_holder_correction-{BREACH}-account_holder-x-jo-v11"


def landed_task(task_id: str, customer: str | None, person: str | None, kind: str) -> Any:
    """A task as an earlier release stored it, before a task had the fields."""
    return {
        "id": task_id, "kind": kind, "title": "Telephone Acme", "customer_id": customer,
        "person_id": person, "script": "Good day.", "opened_at": "2026-11-02T09:00:00Z",
        "reason": "no mail address", "done_at": None, "done_by": None, "outcome": "",
        "number": "01632 960000", "attempts": [],
    }  # fmt: skip


LANDED = [
    landed_task(PACK, "acme-v2-ltd", "p-1-v3", "telephone"),
    landed_task(CORRECTION, f"{BREACH}-account_holder-x", "jo", "telephone"),
    landed_task("cases-joined-CASE-0003", None, None, "cases_joined"),
    landed_task(f"witness-{BREACH}-v1", None, None, "check"),
]


@pytest.fixture
def store() -> Iterator[PipelineStore]:
    with fresh_store("sqlite", FixedNow()) as opened:
        yield opened


def test_tasks_of_a_landed_case_get_their_notice_when_the_case_is_read(
    store: PipelineStore,
) -> None:
    case = store.write(lambda uow: add_case(uow, START))
    landed = {**json.loads(case.model_dump_json()), "tasks": LANDED}

    def overwrite(uow: Any) -> None:
        uow.cases._connection.execute(update(cases).values(doc=json.dumps(landed)))

    store.write(overwrite)
    read = store.read(lambda uow: uow.cases.get(case.id))

    assert [(t.breach_id, t.notice_kind, t.notice_version) for t in read.tasks] == [
        (BREACH, NoticeKind.CONTROLLER_PACK, 2),
        (BREACH, NoticeKind.ACCOUNT_HOLDER_CORRECTION, 11),
        (None, None, None),
        (None, None, None),
    ]
    assert [task.id for task in read.tasks] == [task["id"] for task in LANDED]


def test_a_landed_case_that_is_saved_again_holds_the_fields(store: PipelineStore) -> None:
    landed = Case.model_validate_json(json.dumps({**EMPTY, "tasks": LANDED}))
    store.write(lambda uow: uow.cases.add(landed))
    read = store.read(lambda uow: uow.cases.get(landed.id))
    stored = json.loads(read.model_dump_json())["tasks"][0]

    assert read == landed
    assert (stored["breach_id"], stored["notice_kind"], stored["notice_version"]) == (
        BREACH,
        "controller_pack",
        2,
    )


EMPTY = {
    "id": "CASE-0004", "title": "A case", "state": "confirmed", "origin": "own",
    "opened_by": "rowan", "opened_at": "2026-11-02T09:00:00Z", "breach_id": BREACH,
}  # fmt: skip


@pytest.mark.parametrize(
    "task_id",
    [
        "call-acme-v2-ltd-p-1-v3-v2",
        f"call-{BREACH}-no_such_kind-acme-v2-ltd-p-1-v3-v2",
        f"call-{BREACH}-controller_pack-acme-v2-ltd-p-1-v3-vx",
        f"called-{BREACH}-controller_pack-acme-v2-ltd-p-1-v3-v2",
    ],
)
def test_another_id_of_a_telephone_task_represents_no_letter(task_id: str) -> None:
    task = CaseTask.model_validate(landed_task(task_id, "acme-v2-ltd", "p-1-v3", "telephone"))

    assert (task.breach_id, task.notice_kind, task.notice_version) == (None, None, None)
    assert get_notice(task, BREACH) is None


def test_a_new_telephone_task_says_its_letter_in_fields_whatever_its_id_is() -> None:
    reader = build_recipient(NoticeKind.CONTROLLER_PACK)
    task = build_telephone_task(BREACH, reader, "Acme", 3, "Good day.", "bounced", START)
    renamed = task.model_copy(update={"id": "another"})

    assert get_notice(renamed, BREACH) == (NoticeKind.CONTROLLER_PACK, 3)
    assert get_notice(renamed, "BR-0008") is None
