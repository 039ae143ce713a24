"""What breachdesk.ports promises of every book, on the real store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from store_adapters import ADAPTERS, everything_stored, fresh_store

from breachdesk.stores.ports import PipelineStore
from breachdesk.testing import (
    START,
    FixedNow,
    add_alert,
    add_case,
    add_confirmed_breach,
    make_customer,
    make_user,
)
from schemas.audit_actions import AuditAction
from schemas.casework.affected import ContactChannel as By
from schemas.casework.affected import Manifest, Recipient
from schemas.casework.breach import Breach
from schemas.casework.case import CaseNote
from schemas.casework.decision import Decision, DecisionAnswer
from schemas.casework.letter_facts import NoticeFacts
from schemas.casework.notice import DeliveryStatus, NoticeRow
from schemas.casework.notice_kind import NoticeKind
from schemas.casework.obligation import Waiver
from schemas.casework.report import RegulatorReport, ReportPhase, Submission
from schemas.customer import PersonKind
from schemas.errors import BadInput, EditConflict, NotAllowed, NotFound
from schemas.pipeline.alert import AlertState
from schemas.pipeline.source import BlindInterval


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest) -> Iterator[PipelineStore]:
    with fresh_store(request.param, FixedNow()) as opened:
        yield opened


@pytest.fixture
def breach(store: PipelineStore) -> Breach:
    return store.write(lambda uow: add_confirmed_breach(uow, START))


BARE = datetime(2026, 1, 1)  # noqa: DTZ001 - a time without a zone, on purpose


def a_row(
    breach_id: str, person: str = "jo", status: DeliveryStatus = DeliveryStatus.QUEUED
) -> NoticeRow:
    return NoticeRow(
        id=0,
        breach_id=breach_id,
        customer_id="contoso",
        person_id=person,
        kind=NoticeKind.ACCOUNT_HOLDER,
        version=1,
        status=status,
        rendered_hash="r",
        message_id=f"<{person}@provider.example>",
        approval_hash="a",
        expires_at=START + timedelta(days=30),
    )


def a_manifest(breach_id: str, version: int = 1) -> Manifest:
    person = Recipient(
        customer_id="contoso",
        person_id="jo",
        person_kind=PersonKind.ACCOUNT_HOLDER,
        kind=NoticeKind.ACCOUNT_HOLDER,
        name="Jo Mason",
        email="jo@contoso.example",
        channel=By.EMAIL,
    )
    return Manifest(
        breach_id=breach_id,
        version=version,
        frozen_by="sam",
        frozen_at=START,
        exposures=(),
        recipients=(person,),
        salt="pepper",
        hash=f"h{version}",
    )


def test_an_act_that_raises_keeps_nothing_of_what_it_did(store: PipelineStore) -> None:
    def half(uow):
        uow.customers.save(make_customer())
        raise EditConflict("changed my mind")

    with pytest.raises(EditConflict, match="changed my mind"):
        store.write(half)

    assert store.read(lambda uow: uow.customers.list()) == []
    assert store.read(lambda uow: uow.customers.get_version()) == 0


def test_an_act_inside_an_act_is_refused_instead_of_waiting_for_itself(
    store: PipelineStore,
) -> None:
    with pytest.raises(NotAllowed, match="inside another act"):
        store.write(lambda _: store.write(lambda uow: uow.customers.save(make_customer())))


def test_a_look_cannot_write(store: PipelineStore) -> None:
    with pytest.raises(Exception, match="cannot be read"):
        store.read(lambda uow: uow.customers.save(make_customer()))

    assert store.read(lambda uow: uow.customers.list()) == []


def test_a_case_saved_over_another_version_is_a_conflict(store: PipelineStore) -> None:
    case = store.write(lambda uow: add_case(uow, START))
    saved = store.write(lambda uow: uow.cases.save(case.model_copy(update={"lead": "sam"})))

    assert (saved.version, saved.lead) == (2, "sam")
    with pytest.raises(EditConflict, match="meanwhile"):
        store.write(lambda uow: uow.cases.save(case.model_copy(update={"lead": "kim"})))
    assert store.read(lambda uow: uow.cases.get(case.id)) == saved


def test_case_numbers_are_never_used_again_once_given(store: PipelineStore) -> None:
    first = store.write(lambda uow: uow.cases.allocate_id())
    second = store.write(lambda uow: add_case(uow, START)).id

    assert (first, second) == ("CASE-0001", "CASE-0002")
    with pytest.raises(NotFound, match="no case CASE-0001"):
        store.read(lambda uow: uow.cases.get(first))


def test_cases_and_breaches_are_listed_newest_first(store: PipelineStore) -> None:
    for hours in (0, 2, 1):
        store.write(lambda uow, h=hours: add_confirmed_breach(uow, START + timedelta(hours=h)))

    assert [c.id for c in store.read(lambda uow: uow.cases.list())] == [
        "CASE-0002",
        "CASE-0003",
        "CASE-0001",
    ]
    assert [b.id for b in store.read(lambda uow: uow.breaches.list())] == [
        "BR-0002",
        "BR-0003",
        "BR-0001",
    ]


def test_a_span_holds_its_begin_and_not_its_end(store: PipelineStore) -> None:
    for hours in (0, 3, 1, 2):
        store.write(lambda uow, h=hours: add_confirmed_breach(uow, START + timedelta(hours=h)))
    begin, end = START, START + timedelta(hours=2)
    breaches = store.read(lambda uow: uow.breaches.list_confirmed(begin, end))
    cases = store.read(lambda uow: uow.cases.list_opened(begin, end))

    assert [b.id for b in breaches] == ["BR-0001", "BR-0003"]
    assert [c.id for c in cases] == ["CASE-0001", "CASE-0003"]


def test_a_filed_document_version_is_never_overwritten(
    store: PipelineStore, breach: Breach
) -> None:
    store.write(lambda uow: uow.breaches.add_document(a_manifest(breach.id)))
    store.write(lambda uow: uow.breaches.add_document(a_manifest(breach.id, 2)))

    with pytest.raises(EditConflict, match="filed already"):
        store.write(lambda uow: uow.breaches.add_document(a_manifest(breach.id, 2)))
    assert [
        m.hash for m in store.read(lambda uow: uow.breaches.list_versions(Manifest, breach.id))
    ] == [
        "h1",
        "h2",
    ]
    latest = store.read(lambda uow: uow.breaches.find_latest(Manifest, breach.id))
    assert latest is not None
    assert latest.recipients[0].email == "jo@contoso.example"


def test_documents_of_one_kind_and_breach_do_not_mix_with_others(
    store: PipelineStore, breach: Breach
) -> None:
    other = store.write(lambda uow: add_confirmed_breach(uow, START))
    yes = DecisionAnswer(yes=True, reasons="because")
    for breach_id in (breach.id, other.id):
        decision = Decision(
            breach_id=breach_id,
            version=1,
            decided_by="sam",
            decided_at=START,
            report={"uk_ico": yes, "uk_pecr": yes},
            tell_people=yes,
            own_promise_binds=yes,
            risk="r",
            high_risk="h",
        )
        store.write(lambda uow, d=decision: uow.breaches.add_document(d))

    latest = store.read(lambda uow: uow.breaches.find_latest(Decision, other.id))
    assert latest is not None
    assert latest.breach_id == other.id
    assert set(store.read(lambda uow: uow.breaches.get_newest(Decision))) == {breach.id, other.id}
    assert store.read(lambda uow: uow.breaches.find_latest(Manifest, other.id)) is None


def test_submissions_keep_their_numbers(store: PipelineStore, breach: Breach) -> None:
    report = RegulatorReport(
        breach_id=breach.id,
        jurisdiction="uk_ico",
        version=1,
        stage=ReportPhase.INITIAL,
        authority="ICO",
        prepared_at=START,
        drill=True,
        questions=(),
    )
    for number in (2, 1):
        submission = Submission(
            breach_id=breach.id,
            jurisdiction="uk_ico",
            number=number,
            submitted_at=START,
            submitted_by="sam",
            channel="web",
            report_hash="x",
            report=report,
        )
        store.write(lambda uow, s=submission: uow.breaches.add_document(s))

    latest = store.read(lambda uow: uow.breaches.find_latest(Submission, breach.id))
    assert latest is not None
    assert latest.number == 2


def test_a_document_without_a_breach_is_refused(store: PipelineStore) -> None:
    with pytest.raises(BadInput, match="belongs to no breach"):
        store.write(lambda uow: uow.breaches.add_document(make_customer()))


def test_the_manifest_and_the_notice_facts_lie_sealed_on_the_disk(
    store: PipelineStore, breach: Breach
) -> None:
    facts = NoticeFacts(
        breach_id=breach.id,
        version=1,
        written_by="sam",
        written_at=START,
        what_happened="Somebody read Wilhelmina's mail.",
    )
    store.write(lambda uow: uow.breaches.add_document(a_manifest(breach.id)))
    store.write(lambda uow: uow.breaches.add_document(facts))
    stored = everything_stored(store)

    assert b"jo@contoso.example" not in stored
    assert b"Wilhelmina" not in stored
    assert store.read(lambda uow: uow.breaches.find_latest(NoticeFacts, breach.id)) == facts


def test_the_reason_of_a_waiver_lies_sealed_on_the_disk(
    store: PipelineStore, breach: Breach
) -> None:
    waiver = Waiver(
        breach_id=breach.id,
        version=1,
        obligation_id="next_update:v1",
        waived_by="sam",
        waived_at=START,
        reason="Wilhelmina was told the whole of it by telephone.",
    )
    store.write(lambda uow: uow.breaches.add_document(waiver))

    assert b"Wilhelmina" not in everything_stored(store)
    assert store.read(lambda uow: uow.breaches.find_latest(Waiver, breach.id)) == waiver


def test_erasing_a_case_leaves_its_sealed_documents_out_and_the_chain_whole(
    store: PipelineStore, breach: Breach
) -> None:
    def file_it(uow):
        uow.breaches.add_document(a_manifest(breach.id))
        uow.audit.record(
            at=START,
            actor="sam",
            action=AuditAction.BREACH_AFFECTED_FROZEN,
            subject=breach.id,
            facts={"count": 1},
            personal={"first": "Jo Mason"},
            case_id=breach.case_id,
        )

    store.write(file_it)
    entry = store.read(lambda uow: uow.audit.list_entries(subject=breach.id))[0]
    before = store.read(lambda uow: uow.audit.decrypt_personal(entry))
    store.write(
        lambda uow: uow.audit.erase(breach.case_id, at=START, actor="kim", reason="retention")
    )

    assert before == {"first": "Jo Mason"}
    assert store.read(lambda uow: uow.audit.decrypt_personal(entry)) == {"first": "(erased)"}
    assert store.read(lambda uow: uow.breaches.find_latest(Manifest, breach.id)) is None
    assert store.read(lambda uow: uow.audit.examine()).whole
    with pytest.raises(NotAllowed, match="was erased"):
        store.write(lambda uow: uow.breaches.add_document(a_manifest(breach.id, 2)))


def test_pausing_is_a_switch_of_one_breach(store: PipelineStore, breach: Breach) -> None:
    store.write(lambda uow: uow.breaches.pause(breach.id, True))

    assert store.read(lambda uow: uow.breaches.is_paused(breach.id)) is True
    store.write(lambda uow: uow.breaches.pause(breach.id, False))
    assert store.read(lambda uow: uow.breaches.is_paused(breach.id)) is False


def test_one_notice_is_queued_once_however_often_it_is_asked_for(
    store: PipelineStore, breach: Breach
) -> None:
    first = store.write(lambda uow: uow.notices.enqueue(a_row(breach.id)))
    other = store.write(lambda uow: uow.notices.enqueue(a_row(breach.id, "kit")))

    assert (first.id, other.id) == (1, 2)
    with pytest.raises(EditConflict, match="queued already"):
        store.write(lambda uow: uow.notices.enqueue(a_row(breach.id)))
    assert store.read(lambda uow: uow.notices.list(breach_id=breach.id)) == [first, other]


def test_a_row_is_written_only_from_the_status_that_was_expected(
    store: PipelineStore, breach: Breach
) -> None:
    row = store.write(lambda uow: uow.notices.enqueue(a_row(breach.id)))
    sending = row.model_copy(update={"status": DeliveryStatus.SENDING, "attempt_id": "a1"})

    assert (
        store.write(lambda uow: uow.notices.update(sending, expected=[DeliveryStatus.QUEUED]))
        is True
    )
    assert (
        store.write(lambda uow: uow.notices.update(row, expected=[DeliveryStatus.QUEUED])) is False
    )
    assert store.read(lambda uow: uow.notices.get(row.id)) == sending
    assert store.read(lambda uow: uow.notices.list(statuses=[DeliveryStatus.QUEUED])) == []


def test_a_row_never_becomes_another_persons_notice(store: PipelineStore, breach: Breach) -> None:
    row = store.write(lambda uow: uow.notices.enqueue(a_row(breach.id)))

    with pytest.raises(EditConflict, match="whose it is"):
        store.write(
            lambda uow: uow.notices.update(
                row.model_copy(update={"person_id": "kit"}), expected=list(DeliveryStatus)
            )
        )


def test_rows_and_alerts_are_counted_as_they_are_listed(
    store: PipelineStore, breach: Breach
) -> None:
    alert = add_alert(store)
    for person, status in (
        ("jo", DeliveryStatus.QUEUED),
        ("al", DeliveryStatus.QUEUED),
        ("sam", DeliveryStatus.UNKNOWN),
    ):
        store.write(lambda uow, p=person, s=status: uow.notices.enqueue(a_row(breach.id, p, s)))

    rows = store.read(lambda uow: uow.notices.count_by_status())
    tried = store.read(lambda uow: uow.notices.get(1))
    again = tried.model_copy(update={"attempts": 3})
    store.write(lambda uow: uow.notices.update(again, expected=[again.status]))
    new = store.read(lambda uow: uow.alerts.count((AlertState.NEW,)))
    store.write(lambda uow: uow.alerts.update(alert.pk, alert.version, state=AlertState.DISMISSED))

    assert set(rows) == set(DeliveryStatus)
    assert {status: count for status, count in rows.items() if count} == {
        DeliveryStatus.QUEUED: 2,
        DeliveryStatus.UNKNOWN: 1,
    }
    assert store.read(lambda uow: uow.notices.count_attempts()) == 3
    assert new == 1
    assert store.read(lambda uow: uow.alerts.count((AlertState.NEW,))) == 0
    assert store.read(lambda uow: uow.alerts.count(tuple(AlertState))) == 1


def test_a_human_act_on_an_alert_needs_the_version_that_was_seen(store: PipelineStore) -> None:
    alert = add_alert(store)
    acted = store.write(
        lambda uow: uow.alerts.update(
            alert.pk, 1, state=AlertState.DISMISSED, dismissed_reason="a test", assignee="sam"
        )
    )

    assert (acted.version, acted.state, acted.assignee) == (2, AlertState.DISMISSED, "sam")
    with pytest.raises(EditConflict, match="meanwhile"):
        store.write(lambda uow: uow.alerts.update(alert.pk, 1, assignee="kim"))
    with pytest.raises(BadInput, match="severity"):
        store.write(lambda uow: uow.alerts.update(alert.pk, 2, severity="low"))
    assert store.read(lambda uow: uow.alerts.list(states=[AlertState.NEW])) == []


def test_comments_come_back_oldest_first(store: PipelineStore) -> None:
    alert = add_alert(store)
    for minute in (5, 1):
        note = CaseNote(at=START + timedelta(minutes=minute), by="sam", text=f"minute {minute}")
        store.write(lambda uow, n=note: uow.alerts.add_comment(alert.pk, n))

    notes = store.read(lambda uow: uow.alerts.list_comments(alert.pk))
    assert [note.text for note in notes] == ["minute 1", "minute 5"]


def test_an_unknown_alert_is_not_found(store: PipelineStore) -> None:
    for unknown in (17, "AL-000000000000"):
        with pytest.raises(NotFound, match="no alert"):
            store.read(lambda uow, u=unknown: uow.alerts.get(u))


def test_a_blind_interval_is_kept_once_and_its_end_is_learnt_later(store: PipelineStore) -> None:
    open_gap = BlindInterval(source="m365", begin=START, reason="the subscription lapsed")
    closed = open_gap.model_copy(update={"end": START + timedelta(hours=1), "lost": 4})
    for gap in (open_gap, open_gap, closed):
        store.write(lambda uow, g=gap: uow.sources.add_gap(g))

    assert store.read(lambda uow: uow.sources.list_gaps()) == [closed]
    (source,) = store.read(lambda uow: uow.sources.list())
    assert (source.name, source.gaps) == ("m365", (closed,))


def test_times_without_a_zone_are_refused_and_others_come_back_in_utc(store: PipelineStore) -> None:
    store.write(lambda uow: uow.users.save(make_user()))
    with pytest.raises(Exception, match="without a zone"):
        store.write(lambda uow: uow.users.extend_session("h", now=START, expires=BARE))

    summer = datetime.fromisoformat("2026-07-01T10:00:00+01:00")
    store.write(
        lambda uow: uow.sources.add_gap(BlindInterval(source="s", begin=summer, reason="r"))
    )
    assert store.read(lambda uow: uow.sources.list_gaps())[0].begin == datetime(
        2026, 7, 1, 9, tzinfo=UTC
    )
