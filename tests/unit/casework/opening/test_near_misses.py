"""Near misses in one act, causes of breaches and near misses, and both in the register."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from console_harness import open_console
from console_pages import collapse_whitespace
from store_adapters import fresh_store
from typer.testing import CliRunner

from breachdesk.casework.breach import confirm, register
from breachdesk.casework.closing import erasure
from breachdesk.casework.closing.close_case import close_case
from breachdesk.casework.opening import cases, causes, near_misses
from breachdesk.cli.main import app
from breachdesk.gdpr.causes import describe_cause, load_cause_list
from breachdesk.stores.ports import PipelineStore
from breachdesk.testing import START, FixedNow, add_confirmed_breach, make_actor, make_customer
from schemas.casework.case import Case, CaseOrigin, CaseState
from schemas.casework.cause import BreachCause
from schemas.casework.report import NumberPrecision, ReportedQuantity
from schemas.customer import DataCategory
from schemas.errors import BadInput, NotAllowed
from schemas.settings import RetentionSettings, Settings
from schemas.user import Permission

ANALYST = make_actor(Permission.ANALYST, user_id="ana")
APPROVER = make_actor(Permission.APPROVER, user_id="april")
RESPONDER = make_actor(Permission.RESPONDER, user_id="rhea")
NOTICED = START - timedelta(hours=3)
WHAT = "Payslips nearly went to the wrong list.\nThe sender saw it in the preview."


def an_account(**changes: object) -> near_misses.NearMissForm:
    fields: dict[str, object] = {
        "what": WHAT,
        "noticed_at": NOTICED,
        "cause": BreachCause.MIS_SENT,
        "categories": (DataCategory.FINANCIAL,),
        "people": ReportedQuantity(value=14, precision=NumberPrecision.EXACT),
        "why_no_breach": "The mail was never sent; the outgoing log shows it.",
        "done": "The list has another name now.",
    }
    return near_misses.NearMissForm(**(fields | changes))  # type: ignore[arg-type]


@pytest.fixture
def now() -> FixedNow:
    return FixedNow()


@pytest.fixture
def store(now: FixedNow) -> Iterator[PipelineStore]:
    with fresh_store("sqlite", now) as opened:
        yield opened


def recorded(store: PipelineStore, now: FixedNow, **changes: object) -> Case:
    return store.write(
        lambda uow: near_misses.record_near_miss(uow, ANALYST, an_account(**changes), now())
    )


def test_a_near_miss_is_one_act_and_is_in_the_register_with_its_cause(
    store: PipelineStore, now: FixedNow
) -> None:
    case = recorded(store, now)
    (entry,) = store.read(lambda uow: register.list_entries(uow, now()))
    row = next(csv.DictReader(io.StringIO(register.export_register([entry], "csv"))))

    assert (case.state, case.near_miss) == (CaseState.CLOSED, True)
    assert case.title == "Payslips nearly went to the wrong list."
    assert entry.cause == describe_cause(BreachCause.MIS_SENT)
    assert entry.discovered_at == entry.noticed_at == NOTICED
    assert entry.people == ReportedQuantity(value=14, precision=NumberPrecision.EXACT)
    assert entry.categories == ("financial",)
    assert "never sent" in entry.effects
    assert entry.remedial_action == ("The list has another name now.",)
    assert row["cause"] == entry.cause


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"why_no_breach": " "}, "why it was no breach"),
        ({"what": ""}, "what happened"),
        ({"noticed_at": START + timedelta(minutes=1)}, "noticed at"),
        ({"cause": BreachCause.NOT_YET_KNOWN}, "cause"),
        ({"cause": BreachCause.OTHER}, "cause in words"),
        ({"people": ReportedQuantity(value=3)}, "people"),
    ],
)
def test_a_near_miss_that_lacks_an_answer_is_refused(
    store: PipelineStore, now: FixedNow, changes: dict[str, object], place: str
) -> None:
    with pytest.raises(BadInput) as refused:
        recorded(store, now, **changes)

    assert refused.value.place == place
    assert store.read(lambda uow: uow.cases.list()) == []


def test_who_is_not_sure_opens_a_case_with_what_was_typed(
    store: PipelineStore, now: FixedNow
) -> None:
    account = an_account(why_no_breach="", cause=BreachCause.NOT_YET_KNOWN)
    case = store.write(lambda uow: near_misses.open_case_instead(uow, ANALYST, account, now()))

    assert (case.state, case.near_miss, case.known) == (CaseState.OPEN, False, WHAT)
    assert case.cause is BreachCause.NOT_YET_KNOWN
    assert store.read(lambda uow: register.list_entries(uow, now())) == ()


def test_a_doubted_near_miss_is_an_open_case_and_its_breach_was_discovered_when_noticed(
    store: PipelineStore, now: FixedNow
) -> None:
    case = recorded(store, now)
    now.advance(hours=5)
    again = store.write(
        lambda uow: near_misses.reopen_as_doubtful(uow, ANALYST, case.id, "It left.", now())
    )
    breach = store.write(
        lambda uow: confirm.confirm_breach(
            uow, RESPONDER, case.id, reason="The log shows it.", aware_at=now(), now=now()
        )
    )
    (entry,) = store.read(lambda uow: register.list_entries(uow, now()))

    assert (again.state, again.near_miss, again.close_reason) == (CaseState.OPEN, False, "")
    assert [note.text for note in again.notes] == [
        f"Recorded as a near miss, because: {case.close_reason}",
        "It left.",
    ]
    assert breach.discovered_at == NOTICED
    assert (entry.id, entry.near_miss, entry.cause) == (breach.id, False, entry.cause)
    assert entry.cause == describe_cause(BreachCause.MIS_SENT)
    with pytest.raises(NotAllowed, match="no near miss"):
        store.write(
            lambda uow: near_misses.reopen_as_doubtful(uow, ANALYST, case.id, "again", now())
        )


def an_open_case(store: PipelineStore, now: FixedNow) -> Case:
    return store.write(
        lambda uow: cases.open_by_hand(
            uow, ANALYST, title="A laptop", origin=CaseOrigin.OWN, known="On a train.", now=now()
        )
    )


@pytest.mark.parametrize("known", [None, BreachCause.NOT_YET_KNOWN])
def test_a_near_miss_is_not_closed_before_its_cause_is_said(
    store: PipelineStore, now: FixedNow, known: BreachCause | None
) -> None:
    case = an_open_case(store, now)
    if known:
        store.write(lambda uow: causes.set_cause(uow, ANALYST, case.id, known, None, now()))

    with pytest.raises(NotAllowed, match="cause is not said"):
        store.write(lambda uow: close_case(uow, RESPONDER, case.id, "found", True, now()))
    finding = causes.build_finding(RESPONDER.id, BreachCause.LOST_OR_STOLEN, None, now())
    closed = store.write(
        lambda uow: close_case(uow, RESPONDER, case.id, "found", True, now(), cause=finding)
    )
    assert closed.cause is BreachCause.LOST_OR_STOLEN


def test_a_case_that_was_nothing_needs_no_cause(store: PipelineStore, now: FixedNow) -> None:
    case = an_open_case(store, now)

    assert store.write(
        lambda uow: close_case(uow, RESPONDER, case.id, "a test mail", False, now())
    ).closed_at


def test_every_finding_stays_and_the_same_one_again_adds_nothing(
    store: PipelineStore, now: FixedNow
) -> None:
    case_id = an_open_case(store, now).id
    for cause, words in [
        (BreachCause.NOT_YET_KNOWN, None),
        (BreachCause.SUPPLIER, "Their backup."),
        (BreachCause.SUPPLIER, "Their backup."),
    ]:
        case = store.write(
            lambda uow, cause=cause, words=words: causes.set_cause(
                uow, ANALYST, case_id, cause, words, now()
            )
        )

    assert [f.cause for f in case.cause_findings] == [
        BreachCause.NOT_YET_KNOWN,
        BreachCause.SUPPLIER,
    ]


def test_every_cause_has_words_and_the_list_names_its_source_and_review() -> None:
    listed = load_cause_list()

    assert set(listed.causes) == set(BreachCause)
    assert listed.source.startswith("ICO")
    assert listed.reviewed_on.year >= 2026


def test_an_erased_near_miss_keeps_its_cause_data_and_numbers_only(
    store: PipelineStore, now: FixedNow, tmp_path: Path
) -> None:
    case = recorded(store, now)
    for customer, name in (("x", "Financial"), ("y", "Exact")):
        row = make_customer(customer).model_copy(update={"name": name})
        store.write(lambda uow, row=row: uow.customers.save(row))
    settings = Settings(data_dir=tmp_path, retention=RetentionSettings(near_miss_months=0))
    store.write(
        lambda uow: erasure.request_erasure(uow, RESPONDER, case.id, "over", settings, now())
    )
    store.write(lambda uow: erasure.erase_case(uow, APPROVER, case.id, settings, now()))
    erased = store.read(lambda uow: uow.cases.get(case.id))

    assert erased.cause is BreachCause.MIS_SENT
    assert erased.near_miss_account is not None
    assert erased.near_miss_account.data_categories == (DataCategory.FINANCIAL,)
    assert erased.near_miss_account.people.precision is NumberPrecision.EXACT
    assert erased.near_miss_account.done == "(erased)"
    with pytest.raises(NotAllowed, match="erased"):
        store.write(
            lambda uow: near_misses.reopen_as_doubtful(uow, ANALYST, case.id, "again", now())
        )


async def test_the_form_keeps_a_near_miss_and_shows_what_was_typed_when_it_refuses(
    tmp_path: Path,
) -> None:
    with open_console(tmp_path) as console:
        visitor = console.visitor()
        assert await visitor.sign_in("ana")
        typed = {
            "what": WHAT,
            "noticed_at": "2026-11-22 08:30",
            "cause": "mis_sent",
            "category": "financial",
            "people": "14",
            "why_no_breach": "",
        }
        refused = await visitor.post("/near-misses/new", **typed)
        answer = await visitor.post("/near-misses/new", **(typed | {"why_no_breach": "Not sent."}))
        page = (await visitor.client.get("/register")).text

    assert refused.status_code == 422
    assert "Payslips nearly went" in refused.text
    assert 'value="financial" checked' in collapse_whitespace(refused.text)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/register?done=near-miss"
    assert "Near miss" in page
    assert "Sent, shown or told to the wrong person" in page


async def test_a_register_page_beyond_the_last_shows_the_last(tmp_path: Path) -> None:
    with open_console(tmp_path) as console:
        visitor = console.visitor()
        assert await visitor.sign_in("ana")
        for number in range(11):
            await visitor.post(
                "/near-misses/new",
                what=f"Letter {number} nearly went to the wrong person.",
                noticed_at="2026-11-22 08:30",
                cause="mis_sent",
                category="financial",
                people="1",
                why_no_breach="Not sent.",
            )
        last = (await visitor.client.get("/register?page=2")).text
        beyond = (await visitor.client.get("/register?page=900000000000")).text

    assert "Page 2 of 2" in last
    assert "Page 2 of 2" in beyond
    assert beyond.count("Letter ") == last.count("Letter ") > 0


def test_the_command_keeps_a_near_miss(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    result = CliRunner().invoke(
        app,
        [
            "near-miss", "add", "A laptop was left in a taxi.", "--noticed", "2026-01-05 10:00",
            "--cause", "lost_or_stolen", "--why", "Encrypted, and back within the hour.",
            "--people", "3", "--about", "--data-dir", str(folder),
        ],
    )  # fmt: skip
    listed = CliRunner().invoke(
        app, ["register", "export", "--format", "csv", "--data-dir", str(folder)]
    )

    assert result.exit_code == 0, result.output
    assert "CASE-0001 is in the register" in result.output
    assert "Lost or stolen device or paper" in listed.output


def test_an_export_read_some_at_a_time_is_the_export_of_all_entries(tmp_path: Path) -> None:
    count = 2 * register.AT_ONCE + 1

    with open_console(tmp_path) as console:
        console.store.write(
            lambda uow: [
                add_confirmed_breach(uow, console.now(), actor="rhea") for _ in range(count)
            ]
        )
        every = console.store.read(lambda uow: register.list_entries(uow, console.now()))
        streamed = tuple(register.iterate_entries(console.store.read, console.now()))
        plain = json.loads("".join(register.iterate_export(streamed, "json")))

    assert len(every) == count
    assert streamed == every
    assert [entry["id"] for entry in plain] == [entry.id for entry in every]


def test_an_export_of_nothing_is_an_empty_array() -> None:
    assert register.export_register((), "json") == "[]\n"
