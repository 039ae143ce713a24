"""People affected who are no customers: recorded, named, counted, told, and erased with the
case."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from console_harness import ConsoleHarness, open_console
from console_pages import collapse_whitespace
from store_adapters import everything_stored, fresh_store

from breachdesk.casework.affected import affected_list, group_records
from breachdesk.casework.affected.group_records import list_affected, list_named_people, list_untold
from breachdesk.casework.breach import register
from breachdesk.casework.closing.closing_blockers import closing_blockers
from breachdesk.casework.decision import decide
from breachdesk.casework.imports.group_sheets import read_people
from breachdesk.casework.obligations import list_obligations
from breachdesk.casework.opening import cases
from breachdesk.ports import UnitOfWork
from breachdesk.stores.ports import PipelineStore
from breachdesk.testing import START, FixedNow, add_confirmed_breach, make_actor
from notifiers.testing.channels import DECISION
from schemas.casework.affected import BreachEffect, Certainty, EffectCertainty, Manifest
from schemas.casework.affected_group import (
    AffectedGroup,
    GroupKind,
    GroupNotification,
    GroupPerson,
    GroupReach,
    NotificationMeans,
)
from schemas.casework.breach import Breach
from schemas.casework.case import CaseOrigin
from schemas.casework.decision import DecisionAnswer
from schemas.casework.obligation import Obligation, ObligationKind
from schemas.casework.report import NumberPrecision, ReportedQuantity
from schemas.customer import DataCategory
from schemas.errors import BadInput, EditConflict, NotAllowed, NotFound
from schemas.user import Permission

RESPONDER = make_actor(Permission.RESPONDER, user_id="rhea")
ANALYST = make_actor(Permission.ANALYST, user_id="ana")
PERSONS = (
    GroupPerson(name="Zinnia Quartermain", email="zinnia@post.example"),
    GroupPerson(name="Oswin Blackthorn", address="4 Mill Lane, Otley"),
)


def a_group(**changes: object) -> AffectedGroup:
    fields: dict[str, object] = {
        "id": "", "recorded_by": "", "recorded_at": START, "kind": GroupKind.APPLICANT,
        "kind_words": "engineer, 2026", "certainty": Certainty.CONFIRMED,
        "reason": "The folder with their CVs lay on the lost laptop.",
        "people": ReportedQuantity(value=2, precision=NumberPrecision.EXACT),
        "data_categories": (DataCategory.IDENTITY, DataCategory.CONTACT),
        "effects": {BreachEffect.LOST: EffectCertainty.HAPPENED, BreachEffect.SEEN: EffectCertainty.POSSIBLE},
        "reach": GroupReach.BY_NAME,
    }  # fmt: skip
    return AffectedGroup.model_validate(fields | changes)


def a_telling(**changes: object) -> GroupNotification:
    fields: dict[str, object] = {
        "told_at": START, "recorded_by": "", "recorded_at": START, "means": NotificationMeans.POST,
        "people": 2, "text": "Your CV was on a laptop that we lost.",
        "proof": "Certificates of posting, binder 4.", "everybody": True,
    }  # fmt: skip
    return GroupNotification.model_validate(fields | changes)


@pytest.fixture
def now() -> FixedNow:
    return FixedNow()


@pytest.fixture
def store(now: FixedNow) -> Iterator[PipelineStore]:
    with fresh_store("sqlite", now) as opened:
        yield opened


@pytest.fixture
def breach(store: PipelineStore, now: FixedNow) -> Breach:
    return store.write(lambda uow: add_confirmed_breach(uow, now(), actor="rhea"))


def added(store: PipelineStore, breach: Breach, now: FixedNow, **changes: object) -> AffectedGroup:
    return store.write(
        lambda uow: group_records.add_group(
            uow, RESPONDER, breach.case_id, a_group(**changes), now()
        )
    )


def told(
    store: PipelineStore, breach: Breach, group: AffectedGroup, now: FixedNow, **changes: object
) -> AffectedGroup:
    return store.write(
        lambda uow: group_records.record_group_telling(
            uow, RESPONDER, breach.case_id, group.id, a_telling(**changes), now()
        )
    )


def test_a_group_is_in_the_register_with_its_number_and_data_and_no_name(
    store: PipelineStore, breach: Breach, now: FixedNow
) -> None:
    group = added(store, breach, now)
    store.write(
        lambda uow: group_records.set_group_people(
            uow, RESPONDER, breach.case_id, group.id, PERSONS, now()
        )
    )
    (entry,) = store.read(lambda uow: register.list_entries(uow, now()))

    assert entry.groups == ("Job applicants (engineer, 2026): exactly 2; 0 told so far",)
    assert entry.categories == ("contact", "identity")
    assert entry.roles == ("controller",)
    assert "Quartermain" not in register.export_register([entry], "json")


def test_the_names_are_stored_sealed_and_go_with_the_key(
    store: PipelineStore, breach: Breach, now: FixedNow
) -> None:
    group = added(store, breach, now)
    store.write(
        lambda uow: group_records.set_group_people(
            uow, RESPONDER, breach.case_id, group.id, PERSONS, now()
        )
    )
    named = store.read(lambda uow: list_named_people(uow, breach.case_id))
    store.write(lambda uow: uow.audit.erase(breach.case_id, at=now(), actor="april", reason="over"))

    assert [person.name for person in named] == ["Zinnia Quartermain", "Oswin Blackthorn"]
    assert b"Quartermain" not in everything_stored(store)
    assert store.read(lambda uow: list_affected(uow, breach.case_id)) == ()


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"data_categories": ()}, "data"),
        ({"certainty": Certainty.EXCLUDED}, "certainty"),
        ({"reason": " "}, "what shows it"),
        ({"kind": GroupKind.OTHER, "kind_words": None}, "who they are"),
        ({"reach": GroupReach.PUBLIC}, "why not by name"),
        ({"people": ReportedQuantity(value=2)}, "people"),
    ],
)
def test_a_group_that_lacks_an_answer_is_refused(
    store: PipelineStore, breach: Breach, now: FixedNow, changes: dict[str, object], place: str
) -> None:
    with pytest.raises(BadInput) as refused:
        added(store, breach, now, **changes)

    assert refused.value.place == place


def test_everybody_is_told_only_once_as_many_as_there_are_were_told(
    store: PipelineStore, breach: Breach, now: FixedNow
) -> None:
    group = added(store, breach, now)

    with pytest.raises(BadInput, match="1 were told, and there are 2"):
        told(store, breach, group, now, people=1)
    part = told(store, breach, group, now, people=1, everybody=False)
    untold = store.read(lambda uow: list_untold(list_affected(uow, breach.case_id)))
    whole = told(store, breach, group, now, people=1)

    assert (part.told_at, [g.id for g in untold]) == (None, [group.id])
    assert (whole.told_at, whole.told) == (START, 2)
    assert store.read(lambda uow: list_untold(list_affected(uow, breach.case_id))) == ()


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"told_at": START + timedelta(hours=1)}, "told at"),
        ({"people": 0}, "how many"),
        ({"text": ""}, "what they were told"),
        ({"proof": ""}, "proof"),
    ],
)
def test_a_telling_without_time_number_words_or_proof_is_refused(
    store: PipelineStore, breach: Breach, now: FixedNow, changes: dict[str, object], place: str
) -> None:
    group = added(store, breach, now)

    with pytest.raises(BadInput) as refused:
        told(store, breach, group, now, **changes)
    assert refused.value.place == place


def test_whoever_was_told_is_neither_left_untold_nor_withdrawn(
    store: PipelineStore, breach: Breach, now: FixedNow
) -> None:
    group = told(store, breach, added(store, breach, now), now, people=1, everybody=False)

    for act in (group_records.record_not_telling, group_records.withdraw_group):
        with pytest.raises(NotAllowed, match="were told"):
            store.write(
                lambda uow, act=act: act(uow, RESPONDER, breach.case_id, group.id, "no", now())
            )


def test_a_withdrawn_group_is_counted_no_more_and_its_record_stays(
    store: PipelineStore, breach: Breach, now: FixedNow
) -> None:
    group = added(store, breach, now)
    store.write(
        lambda uow: group_records.withdraw_group(
            uow, RESPONDER, breach.case_id, group.id, "Their folder was on the server.", now()
        )
    )
    (entry,) = store.read(lambda uow: register.list_entries(uow, now()))

    assert entry.groups == ()
    assert store.read(lambda uow: uow.records.list_of_case(AffectedGroup, breach.case_id))


def test_a_correction_keeps_people_and_tellings_and_two_at_once_conflict(
    store: PipelineStore, breach: Breach, now: FixedNow
) -> None:
    group = added(store, breach, now)
    named = store.write(
        lambda uow: group_records.set_group_people(
            uow, RESPONDER, breach.case_id, group.id, PERSONS, now()
        )
    )
    more = a_group(
        id=group.id, version=named.version, people=ReportedQuantity(value=5, precision="exact")
    )
    changed = store.write(
        lambda uow: group_records.change_group(uow, RESPONDER, breach.case_id, more, now())
    )

    assert (changed.people.value, changed.persons) == (5, PERSONS)
    with pytest.raises(EditConflict):
        store.write(
            lambda uow: group_records.change_group(uow, RESPONDER, breach.case_id, more, now())
        )


def test_a_group_of_another_case_is_not_changed(
    store: PipelineStore, breach: Breach, now: FixedNow
) -> None:
    group = added(store, breach, now)
    other = store.write(
        lambda uow: cases.open_by_hand(
            uow, ANALYST, title="Other", origin=CaseOrigin.OWN, known="A call.", now=now()
        )
    )

    with pytest.raises(NotFound, match="in this case"):
        store.write(
            lambda uow: group_records.withdraw_group(
                uow, RESPONDER, other.id, group.id, "no", now()
            )
        )


def test_a_sheet_gives_people_and_a_fault_names_its_line(tmp_path: Path) -> None:
    sheet = tmp_path / "people.csv"
    sheet.write_text("Full name,E-mail,Telephone\nAda Stone,ada@a.example,\nBo Reed,,01632 960\n")
    people = read_people(sheet)
    sheet.write_text("name,email\nAda Stone,ada at a.example\n")

    assert [(p.name, p.email, p.phone) for p in people] == [
        ("Ada Stone", "ada@a.example", None),
        ("Bo Reed", None, "01632 960"),
    ]
    with pytest.raises(BadInput) as refused:
        read_people(sheet)
    assert refused.value.place == "people.csv, line 2"


@pytest.mark.parametrize(
    "persons",
    [
        (GroupPerson(name="Ada Stone"),),
        (PERSONS[0], PERSONS[0]),
        (*PERSONS, GroupPerson(name="Third", email="third@a.example")),
    ],
)
def test_people_without_an_address_twice_or_too_many_are_refused(
    store: PipelineStore, breach: Breach, now: FixedNow, persons: tuple[GroupPerson, ...]
) -> None:
    group = added(store, breach, now)

    with pytest.raises(BadInput):
        store.write(
            lambda uow: group_records.set_group_people(
                uow, RESPONDER, breach.case_id, group.id, persons, now()
            )
        )


def duty_of(store: PipelineStore, breach: Breach, now: FixedNow) -> Obligation | None:
    obligations = store.read(lambda uow: list_obligations(uow, breach.id, now()))
    return next((o for o in obligations if o.kind == ObligationKind.ART34_GROUP), None)


def decided(store: PipelineStore, breach: Breach, now: FixedNow, *, tell: bool) -> None:
    decision = DECISION.model_copy(
        update={"breach_id": breach.id, "tell_people": DecisionAnswer(yes=tell, reasons="the CVs")}
    )

    def work(uow: UnitOfWork) -> None:
        if uow.breaches.find_latest(Manifest, breach.id) is None:
            exposures = affected_list.propose(uow, breach.id)
            affected_list.freeze(uow, RESPONDER, breach.id, exposures, now())
        decide.record_decision(uow, RESPONDER, decision, now())

    store.write(work)


def test_a_group_is_owed_it_until_everybody_was_told_and_the_case_stays_open(
    store: PipelineStore, breach: Breach, now: FixedNow
) -> None:
    group = added(store, breach, now)
    before = duty_of(store, breach, now)
    decided(store, breach, now, tell=True)
    case = store.read(lambda uow: uow.cases.get(breach.case_id))
    remaining = store.read(lambda uow: [str(o) for o in closing_blockers(uow, case, now())])
    told(store, breach, group, now, people=1, everybody=False)
    part = duty_of(store, breach, now)
    told(store, breach, group, now, people=1)
    after = duty_of(store, breach, now)

    assert before is not None
    assert before.running
    assert any("tell people who are no customers: Job applicants" in text for text in remaining)
    assert part is not None
    assert part.running
    assert after is not None
    assert (after.ended_at, after.running) == (START, False)


def test_a_group_is_owed_nothing_once_people_are_not_told_or_it_has_its_own_reason(
    store: PipelineStore, breach: Breach, now: FixedNow
) -> None:
    group = added(store, breach, now)
    decided(store, breach, now, tell=True)
    store.write(
        lambda uow: group_records.record_not_telling(
            uow, RESPONDER, breach.case_id, group.id, "Their files were encrypted.", now()
        )
    )
    excused = duty_of(store, breach, now)
    decided(store, breach, now, tell=False)

    assert excused is not None
    assert excused.ended_by == "not told, as rhea decided with reasons"
    assert duty_of(store, breach, now) is None


FORM = {
    "kind": "staff", "kind_words": "", "people": "14", "people_precision": "approximate",
    "category": "financial", "effect_seen": "happened", "certainty": "confirmed",
    "reason": "The payroll file was opened.", "reach": "by_name", "reach_reason": "",
}  # fmt: skip


def add_confirmed_case(console: ConsoleHarness) -> str:
    return console.store.write(
        lambda uow: add_confirmed_breach(uow, console.now(), actor="rhea")
    ).case_id


async def test_the_page_adds_names_and_records_a_telling(tmp_path: Path) -> None:
    with open_console(tmp_path) as console:
        path = f"/cases/{add_confirmed_case(console)}/groups"
        visitor = console.visitor()
        assert await visitor.sign_in("rhea")
        refused = await visitor.post(path, **(FORM | {"reason": ""}))
        actual = await visitor.post(path, **FORM)
        group = f"{path}/AFFECTEDGROUP-0001"
        answer = await visitor.client.post(
            f"{group}/people",
            data={"csrf": visitor.csrf},
            files={"file": ("staff.csv", "name,email\nAda Stone,ada@a.example\n", "text/csv")},
        )
        telling = {
            "told_at": "2026-11-22 08:00", "means": "in_person", "told_people": "14",
            "told_text": "Your pay was seen.", "proof": "Minutes.", "everybody": "yes",
        }  # fmt: skip
        recorded = await visitor.post(f"{group}/told", **telling)
        page = (await visitor.client.get(path)).text
        affected_list = (await visitor.client.get(path.replace("groups", "affected"))).text

    assert refused.status_code == 422
    assert "The payroll file" not in refused.text
    assert 'value="financial" checked' in collapse_whitespace(refused.text)
    assert [a.status_code for a in (actual, answer, recorded)] == [303, 303, 303]
    assert "Ada Stone" in page
    assert "All told" in collapse_whitespace(page)
    assert "about 14, all told" in collapse_whitespace(affected_list)
