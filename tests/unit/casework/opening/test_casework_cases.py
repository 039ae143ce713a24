from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from breachdesk.casework import obligations
from breachdesk.casework.breach import confirm
from breachdesk.casework.closing.close_case import close_case
from breachdesk.casework.opening import cases, triage
from breachdesk.casework.opening.causes import build_finding
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import (
    FixedNow,
    add_alert,
    make_actor,
    make_episode,
    make_signal,
    make_store,
)
from schemas.casework.breach import Breach
from schemas.casework.case import Case, CaseOrigin, CaseState, ContainmentKind
from schemas.casework.cause import BreachCause
from schemas.errors import BadInput, EditConflict, NotAllowed
from schemas.pipeline.alert import AlertState, AlertView
from schemas.pipeline.event import AssetTouch
from schemas.user import Permission

ANALYST = make_actor(Permission.ANALYST, user_id="asha")
RESPONDER = make_actor(Permission.RESPONDER, user_id="rowan")
APPROVER = make_actor(Permission.APPROVER, user_id="avery")
REASON = "The customer says that nobody of theirs was working, and the rule is not theirs."


@pytest.fixture
def now() -> FixedNow:
    return FixedNow()


@pytest.fixture
def store(now: FixedNow) -> Iterator[SqliteStore]:
    with make_store(now) as opened:
        yield opened


@pytest.fixture
def alert(store: SqliteStore) -> AlertView:
    return add_alert(store)


def open_case(store: SqliteStore, alert: AlertView, now: FixedNow) -> Case:
    return store.write(lambda uow: triage.open_case(uow, ANALYST, [alert.pk], "Odd sign-in", now()))


def declare(store: SqliteStore, case: Case, now: FixedNow, **changes: object) -> Breach:
    fields: dict[str, object] = {"reason": REASON, "aware_at": now(), "now": now()}
    return store.write(
        lambda uow: confirm.confirm_breach(uow, RESPONDER, case.id, **(fields | changes))  # type: ignore[arg-type]  # keywords by name
    )


def test_an_alert_becomes_a_case_once(store: SqliteStore, alert: AlertView, now: FixedNow) -> None:
    case = open_case(store, alert, now)

    assert store.read(lambda uow: uow.alerts.get(alert.pk)).case_id == case.id
    with pytest.raises(NotAllowed, match=case.id):
        open_case(store, alert, now)


def test_an_approver_may_not_triage(store: SqliteStore, alert: AlertView, now: FixedNow) -> None:
    with pytest.raises(NotAllowed, match="analyst or responder"):
        store.write(lambda uow: triage.open_case(uow, APPROVER, [alert.pk], "t", now()))


def test_a_dismissal_binds_to_what_was_seen(
    store: SqliteStore, alert: AlertView, now: FixedNow
) -> None:
    more = make_episode(
        [make_signal(1), make_signal(9, touches=(AssetTouch("fabrikam", "host:fw", "technical"),))]
    )
    add_alert(store, more)
    grown = store.read(lambda uow: uow.alerts.get(alert.pk))

    with pytest.raises(EditConflict):
        store.write(
            lambda uow: triage.dismiss_alert(
                uow, ANALYST, alert.pk, grown.version, alert.fingerprint, "noise", now()
            )
        )


def test_a_dismissed_alert_needs_a_reason_and_can_be_reopened(
    store: SqliteStore, alert: AlertView, now: FixedNow
) -> None:
    with pytest.raises(BadInput, match="empty"):
        store.write(
            lambda uow: triage.dismiss_alert(
                uow, ANALYST, alert.pk, 1, alert.fingerprint, " ", now()
            )
        )
    result = store.write(
        lambda uow: triage.dismiss_alert(
            uow, ANALYST, alert.pk, 1, alert.fingerprint, "noise", now()
        )
    )
    back = store.write(
        lambda uow: triage.reopen_alert(
            uow, ANALYST, alert.pk, result.version, "it came again", now()
        )
    )

    assert (result.state, result.dismissed_reason) == (AlertState.DISMISSED, "noise")
    assert (back.state, back.dismissed_reason) == (AlertState.NEW, None)


def test_every_act_leaves_its_entry_and_no_personal_value_in_the_chain(
    store: SqliteStore, alert: AlertView, now: FixedNow
) -> None:
    store.write(lambda uow: triage.add_comment(uow, ANALYST, alert.pk, "Jo Mason was away", now()))
    case = open_case(store, alert, now)
    store.write(lambda uow: cases.add_note(uow, ANALYST, case.id, "Jo Mason rang back", now()))
    entries = store.read(lambda uow: uow.audit.list_entries())

    assert {"alert:comment:added", "case:opened:from_alerts", "case:note:added"} <= {
        entry.act for entry in entries
    }
    assert not any("Mason" in entry.model_dump_json() for entry in entries)


def test_a_supplier_call_opens_a_case_that_no_alert_began(
    store: SqliteStore, now: FixedNow
) -> None:
    case = store.write(
        lambda uow: cases.open_by_hand(
            uow, ANALYST, title="Supplier breached", origin=CaseOrigin.PROCESSOR,
            third_party="Backup Co", known="They rang: copies were taken.",
            assets=["Host:x".lower(), "host:backup-1"],
            supplier_told_at=now() - timedelta(hours=1), now=now(),
        )
    )  # fmt: skip

    assert (case.origin, case.third_party) == (CaseOrigin.PROCESSOR, "Backup Co")
    assert case.supplier_told_at == now() - timedelta(hours=1)
    assert case.assets == ("host:x", "host:backup-1")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"third_party": ""}, "not named"),
        ({"origin": CaseOrigin.ALERT}, "no alert began it"),
        ({"assets": ["laptop"]}, "no asset"),
        ({"known": " "}, "empty"),
    ],
)
def test_a_case_by_hand_says_what_is_wrong_with_it(
    store: SqliteStore, now: FixedNow, changes: dict[str, object], problem: str
) -> None:
    fields: dict[str, object] = {
        "title": "t", "origin": CaseOrigin.PROCESSOR, "third_party": "Backup Co", "known": "k",
        "now": now(),
    }  # fmt: skip
    with pytest.raises(BadInput, match=problem):
        store.write(
            lambda uow: cases.open_by_hand(uow, ANALYST, **(fields | changes))  # type: ignore[arg-type]  # keywords by name
        )


def test_containment_keeps_who_and_when(
    store: SqliteStore, alert: AlertView, now: FixedNow
) -> None:
    case = open_case(store, alert, now)
    kind = ContainmentKind.REMOVE_RULES
    store.write(
        lambda uow: cases.add_containment(uow, RESPONDER, case.id, kind, "removed it", now())
    )
    done_at = now.advance(minutes=5)
    result = store.write(
        lambda uow: cases.complete_containment(uow, RESPONDER, case.id, 0, done_at, now())
    )

    assert (result.containment[0].done_by, result.containment[0].done_at) == ("rowan", done_at)
    with pytest.raises(NotAllowed, match="done already"):
        store.write(
            lambda uow: cases.complete_containment(uow, RESPONDER, case.id, 0, now(), now())
        )


def test_a_responder_alone_confirms_and_the_times_are_kept(
    store: SqliteStore, alert: AlertView, now: FixedNow
) -> None:
    case = open_case(store, alert, now)
    now.advance(hours=2)
    breach = declare(store, case, now)
    stored = store.read(lambda uow: uow.cases.get(case.id))

    assert (stored.state, stored.breach_id) == (CaseState.CONFIRMED, breach.id)
    assert breach.detected_at == alert.detected_at
    assert breach.discovered_at == case.opened_at
    with pytest.raises(NotAllowed, match="responder"):
        store.write(
            lambda uow: confirm.confirm_breach(
                uow, ANALYST, case.id, reason=REASON, aware_at=now(), now=now()
            )
        )
    with pytest.raises(NotAllowed, match="already"):
        declare(store, case, now)


def test_awareness_lies_neither_in_the_future_nor_unexplained_before_the_first_alert(
    store: SqliteStore, alert: AlertView, now: FixedNow
) -> None:
    case = open_case(store, alert, now)
    with pytest.raises(BadInput, match="future"):
        declare(store, case, now, aware_at=now() + timedelta(seconds=1))
    early = alert.detected_at - timedelta(hours=5)
    with pytest.raises(BadInput, match="how we knew"):
        declare(store, case, now, aware_at=early, reason="we knew")

    assert declare(store, case, now, aware_at=early).aware_at == early


@pytest.mark.parametrize("year", [1, 26, 2006, 2017])
def test_awareness_before_the_law_is_refused_and_every_clock_can_still_be_read(
    store: SqliteStore, alert: AlertView, now: FixedNow, year: int
) -> None:
    slip = now().replace(year=year)
    case = open_case(store, alert, now)
    with pytest.raises(BadInput, match="no law"):
        declare(store, case, now, aware_at=slip)
    breach = declare(store, case, now)
    with pytest.raises(BadInput, match="no law"):
        store.write(
            lambda uow: confirm.move_awareness(
                uow, RESPONDER, breach.id, aware_at=slip, reason=REASON, now=now()
            )
        )

    assert store.read(lambda uow: obligations.list_running(uow, now()))


def test_moving_awareness_later_takes_a_second_person_and_stays_visible(
    store: SqliteStore, alert: AlertView, now: FixedNow
) -> None:
    breach = declare(store, open_case(store, alert, now), now)
    first, later = breach.aware_at, now.advance(hours=3)
    both = make_actor(Permission.RESPONDER, Permission.APPROVER, user_id="rowan")
    for actor in (RESPONDER, both):
        with pytest.raises(NotAllowed):
            store.write(
                lambda uow, who=actor: confirm.move_awareness(
                    uow, who, breach.id, aware_at=later, reason=REASON, now=now()
                )
            )
    moved = store.write(
        lambda uow: confirm.move_awareness(
            uow, APPROVER, breach.id, aware_at=later, reason=REASON, now=now()
        )
    )

    assert moved.aware_at == later
    assert [a.aware_at for a in moved.awareness] == [first, later]
    assert [a.declared_by for a in moved.awareness] == ["rowan", "avery"]


def test_a_round_or_slow_awareness_is_warned_of(
    store: SqliteStore, alert: AlertView, now: FixedNow
) -> None:
    case = open_case(store, alert, now)
    now.at = now.at.replace(hour=9, minute=0) + timedelta(days=3)
    breach = declare(store, case, now)

    assert len(confirm.list_warnings(breach)) == 2


def test_a_near_miss_closes_with_its_reason_and_a_breach_is_none(
    store: SqliteStore, alert: AlertView, now: FixedNow
) -> None:
    case = open_case(store, alert, now)
    breach_case = store.write(
        lambda uow: cases.open_by_hand(
            uow,
            ANALYST,
            title="Lost laptop",
            origin=CaseOrigin.OWN,
            known="On the train.",
            now=now(),
        )
    )
    declare(store, breach_case, now)
    closed = store.write(
        lambda uow: close_case(
            uow,
            RESPONDER,
            case.id,
            "caught in time",
            near_miss=True,
            now=now(),
            cause=build_finding("rowan", BreachCause.LOST_OR_STOLEN, None, now()),
        )
    )

    assert (closed.state, closed.near_miss) == (CaseState.CLOSED, True)
    with pytest.raises(NotAllowed, match="no near miss"):
        store.write(
            lambda uow: close_case(uow, RESPONDER, breach_case.id, "r", near_miss=True, now=now())
        )
    with pytest.raises(NotAllowed, match="decision is not written"):
        store.write(
            lambda uow: close_case(uow, RESPONDER, breach_case.id, "r", near_miss=False, now=now())
        )
