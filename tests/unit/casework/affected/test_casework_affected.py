from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from breachdesk.casework.affected import affected_list
from breachdesk.casework.affected.data_effects import compute_effects
from breachdesk.casework.affected.evidence import AssetSighting
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import (
    START,
    FixedNow,
    add_confirmed_breach,
    make_actor,
    make_binding,
    make_customer,
    make_episode,
    make_signal,
    make_store,
    raise_alerts,
)
from schemas.casework.affected import (
    BreachEffect,
    Certainty,
    ContactChannel,
    DoubtKind,
    EffectCertainty,
    Exposure,
    Manifest,
)
from schemas.casework.breach import Breach
from schemas.casework.notice_kind import NoticeKind
from schemas.customer import (
    PROVIDER,
    AssetKind,
    Binding,
    DataCategory,
    DataRole,
    PecrStatus,
    Person,
    PersonKind,
)
from schemas.errors import BadInput, IncompleteDocument, NotAllowed, NotFound
from schemas.pipeline.alert import PROVIDER_SCOPE, EvidenceView, GroupKey, Signal
from schemas.pipeline.event import AssetTouch
from schemas.pipeline.source import BlindInterval
from schemas.user import Permission

RESPONDER = make_actor(Permission.RESPONDER, user_id="rowan")
ANALYST = make_actor(Permission.ANALYST, user_id="asha")
SPRAY = GroupKey("password_spraying", PROVIDER_SCOPE, ("203.0.113.55",))
PANEL = GroupKey("panel_sign_in", PROVIDER_SCOPE, ("203.0.113.55",))
CONTROLLER, PROCESSOR = DataRole.CONTROLLER, DataRole.PROCESSOR


@pytest.fixture
def now() -> FixedNow:
    return FixedNow()


@pytest.fixture
def store(now: FixedNow) -> Iterator[SqliteStore]:
    """Two customers with a hosted mailbox each, and a third with nothing stored."""
    with make_store(now) as opened:
        opened.write(furnish)
        yield opened


def furnish(uow: object) -> None:
    for customer in ("contoso", "fabrikam", "tailspin"):
        uow.customers.save(make_customer(customer))  # type: ignore[attr-defined]  # a unit of work
    for customer in ("contoso", "fabrikam"):
        binding = make_binding(f"jo@{customer}.example", customer)
        uow.customers.bind(binding, START - timedelta(days=30))  # type: ignore[attr-defined]  # as above


def signal(
    number: int,
    who: str = "jo@contoso.example",
    *,
    outcome: str = "failure",
    action: str = "UserLoginFailed",
    key: GroupKey = SPRAY,
    touches: tuple[AssetTouch, ...] | None = None,
    **summary: str,
) -> Signal:
    customer = who.partition("@")[2].partition(".")[0]
    actual = (AssetTouch(customer, f"mailbox:{who}", "mail"),) if touches is None else touches
    result = make_signal(number, key=key, touches=actual, step=action)
    fields = {"event.outcome": outcome, "event.action": action, "user.name": who, **summary}
    return Signal(
        **{name: getattr(result, name) for name in result.__slots__ if name != "summary"},
        summary={k: v for k, v in fields.items() if v},
    )


def breach_of(store: SqliteStore, now: FixedNow, *signals: Signal) -> Breach:
    groups: dict[GroupKey, list[Signal]] = {}
    for each in signals:
        groups.setdefault(each.key, []).append(each)
    alerts = raise_alerts(store, *(make_episode(members) for members in groups.values()))
    return store.write(lambda uow: add_confirmed_breach(uow, now(), *alerts))


def proposed(store: SqliteStore, breach: Breach) -> dict[tuple[str, DataRole], Exposure]:
    actual = store.read(lambda uow: affected_list.propose(uow, breach.id))
    return {(e.customer_id, e.role): e for e in actual}


def frozen(store: SqliteStore, now: FixedNow, breach: Breach) -> Manifest:
    return store.write(
        lambda uow: affected_list.freeze(
            uow, RESPONDER, breach.id, affected_list.propose(uow, breach.id), now()
        )
    )


OPENED = {"outcome": "success", "action": "UserLoggedIn"}


def test_every_customer_has_a_certainty_and_a_reason_in_each_role(
    store: SqliteStore, now: FixedNow
) -> None:
    actual = proposed(store, breach_of(store, now, signal(1), signal(2, **OPENED)))

    assert {customer for customer, _ in actual} == {"contoso", "fabrikam", "tailspin"}
    assert all(exposure.reason for exposure in actual.values())
    assert ("tailspin", PROCESSOR) not in actual


def test_a_successful_sign_in_confirms_and_may_have_shown_what_lies_there(
    store: SqliteStore, now: FixedNow
) -> None:
    actual = proposed(store, breach_of(store, now, signal(1), signal(2, **OPENED)))
    exposure = actual["contoso", PROCESSOR]

    assert exposure.certainty is Certainty.CONFIRMED
    assert exposure.effects == {DataCategory.MAIL: {BreachEffect.SEEN: EffectCertainty.POSSIBLE}}
    assert exposure.evidence == ("event-0002",)
    assert "sign-in (1)" in exposure.reason


def test_only_an_act_that_shows_reading_says_seen(store: SqliteStore, now: FixedNow) -> None:
    read = signal(2, outcome="success", action="MailItemsAccessed")
    actual = proposed(store, breach_of(store, now, read))

    assert actual["contoso", PROCESSOR].effects == {
        DataCategory.MAIL: {BreachEffect.SEEN: EffectCertainty.HAPPENED}
    }


def test_tried_and_refused_every_time_is_excluded_with_the_count(
    store: SqliteStore, now: FixedNow
) -> None:
    actual = proposed(store, breach_of(store, now, signal(1), signal(2), signal(3, **OPENED),
                                      signal(4, "jo@fabrikam.example")))  # fmt: skip
    exposure = actual["fabrikam", PROCESSOR]

    assert exposure.certainty is Certainty.EXCLUDED
    assert exposure.reason.startswith("tried once, refused every time")


def test_attempts_of_one_record_are_counted_each(store: SqliteStore, now: FixedNow) -> None:
    refused = signal(4, "jo@fabrikam.example")
    several = replace(refused, summary={**refused.summary, "breach.auth.attempts": 3}, attempts=3)
    actual = proposed(store, breach_of(store, now, signal(1, **OPENED), several))
    exposure = actual["fabrikam", PROCESSOR]

    assert exposure.reason.startswith("tried 3 times, refused every time")
    assert [act.count for act in exposure.acts] == [3]


def test_a_gap_in_a_source_that_watches_it_widens_possible(
    store: SqliteStore, now: FixedNow
) -> None:
    breach = breach_of(store, now, signal(1, **OPENED), signal(4, "jo@fabrikam.example"))
    before = proposed(store, breach)["fabrikam", PROCESSOR].certainty
    gap = BlindInterval(
        source="m365", begin=START - timedelta(hours=2), end=START, reason="fetcher stopped"
    )
    store.write(lambda uow: uow.sources.add_gap(gap))
    after = proposed(store, breach)["fabrikam", PROCESSOR]

    assert (before, after.certainty) == (Certainty.EXCLUDED, Certainty.POSSIBLE)
    assert "m365 was blind" in after.reason


def test_a_gap_outside_the_incident_changes_nothing(store: SqliteStore, now: FixedNow) -> None:
    breach = breach_of(store, now, signal(1, **OPENED), signal(4, "jo@fabrikam.example"))
    gap = BlindInterval(
        source="m365", begin=START - timedelta(days=9), end=START - timedelta(days=8), reason="r"
    )
    store.write(lambda uow: uow.sources.add_gap(gap))

    assert proposed(store, breach)["fabrikam", PROCESSOR].certainty is Certainty.EXCLUDED


def test_an_event_that_does_not_say_whether_it_worked_is_likely(
    store: SqliteStore, now: FixedNow
) -> None:
    actual = proposed(store, breach_of(store, now, signal(1, outcome="", action="rule-set")))

    assert actual["contoso", PROCESSOR].certainty is Certainty.LIKELY


@pytest.mark.parametrize("bound", [True, False])
def test_a_system_of_our_own_that_opened_makes_every_customer_possible(
    store: SqliteStore, now: FixedNow, bound: bool
) -> None:
    panel = make_binding(
        "m365", PROVIDER, kind=AssetKind.SOURCE, role=CONTROLLER,
        categories=(DataCategory.CONTACT, DataCategory.FINANCIAL),
    )  # fmt: skip
    if bound:
        store.write(lambda uow: uow.customers.bind(panel, START - timedelta(days=30)))
    opened = signal(1, "admin", key=PANEL, touches=(), outcome="success", action="panel-sign-in")
    actual = proposed(store, breach_of(store, now, opened))
    ours = [actual[c, CONTROLLER] for c in ("contoso", "fabrikam", "tailspin")]

    assert {e.certainty for e in ours} == {Certainty.POSSIBLE}
    assert all("every customer could be reached" in e.reason for e in ours)
    assert (DataCategory.FINANCIAL in ours[0].categories) is bound
    assert actual["contoso", PROCESSOR].certainty is Certainty.EXCLUDED


def test_a_refused_try_at_our_own_system_reaches_nobody(store: SqliteStore, now: FixedNow) -> None:
    tried = signal(1, "admin", key=PANEL, touches=(), action="panel-sign-in")
    actual = proposed(store, breach_of(store, now, tried))

    assert {e.certainty for e in actual.values()} == {Certainty.EXCLUDED}


def test_an_opened_page_that_names_a_customer_confirms_it(
    store: SqliteStore, now: FixedNow
) -> None:
    page = signal(
        1, "admin", key=PANEL, touches=(), outcome="success", action="http-request",
        **{"url.path": "/clients/Fabrikam/bank"},
    )  # fmt: skip
    actual = proposed(store, breach_of(store, now, page))

    assert actual["fabrikam", CONTROLLER].certainty is Certainty.CONFIRMED
    assert actual["contoso", CONTROLLER].certainty is Certainty.POSSIBLE


def test_former_customers_are_reached_through_the_account_data_we_keep(
    store: SqliteStore, now: FixedNow
) -> None:
    former = make_customer("oldco").model_copy(update={"contract_end": START - timedelta(days=400)})
    ended = make_binding("jo@oldco.example", "oldco", valid_to=START - timedelta(days=400))
    store.write(lambda uow: (uow.customers.save(former), uow.customers.bind(ended, START)))
    opened = signal(1, "admin", key=PANEL, touches=(), outcome="success", action="panel-sign-in")
    actual = proposed(store, breach_of(store, now, opened))

    assert actual["oldco", CONTROLLER].certainty is Certainty.POSSIBLE
    assert ("oldco", PROCESSOR) not in actual


def test_hand_picked_assets_make_their_customers_possible(
    store: SqliteStore, now: FixedNow
) -> None:
    breach = breach_of(store, now, signal(1))
    store.write(
        lambda uow: uow.cases.save(
            uow.cases.get(breach.case_id).model_copy(
                update={"assets": ("mailbox:jo@fabrikam.example",)}
            )
        )
    )
    exposure = proposed(store, breach)["fabrikam", PROCESSOR]

    assert exposure.certainty is Certainty.POSSIBLE
    assert exposure.reason == "chosen by hand: mailbox"


def test_the_register_of_the_time_of_the_event_counts(store: SqliteStore, now: FixedNow) -> None:
    moved = START - timedelta(minutes=10)
    later = Binding(
        kind=AssetKind.MAILBOX, value="jo@contoso.example", customer_id="tailspin", role=PROCESSOR,
        categories=(DataCategory.MAIL,), valid_from=moved, pecr=PecrStatus.NO,
    )  # fmt: skip
    store.write(lambda uow: uow.customers.bind(later, START))
    actual = proposed(store, breach_of(store, now, signal(1, **OPENED)))

    assert actual["contoso", PROCESSOR].certainty is Certainty.CONFIRMED
    assert ("tailspin", PROCESSOR) not in actual


def test_a_person_overrides_with_a_reason_and_is_named(store: SqliteStore, now: FixedNow) -> None:
    breach = breach_of(store, now, signal(1, **OPENED))
    exposures = store.read(lambda uow: affected_list.propose(uow, breach.id))
    changed = affected_list.override(
        exposures, "fabrikam", CONTROLLER, Certainty.LIKELY, "they rang us", RESPONDER
    )
    first_match = next(e for e in changed if (e.customer_id, e.role) == ("fabrikam", CONTROLLER))

    assert (first_match.certainty, first_match.reason) == (Certainty.LIKELY, "they rang us")
    assert first_match.decided_by == "rowan"
    with pytest.raises(BadInput, match="empty"):
        affected_list.override(exposures, "fabrikam", CONTROLLER, Certainty.LIKELY, " ", RESPONDER)
    with pytest.raises(NotFound):
        affected_list.override(exposures, "tailspin", PROCESSOR, Certainty.LIKELY, "r", RESPONDER)
    with pytest.raises(NotAllowed):
        affected_list.override(exposures, "fabrikam", CONTROLLER, Certainty.LIKELY, "r", ANALYST)


def test_a_list_that_leaves_a_customer_out_is_not_frozen(store: SqliteStore, now: FixedNow) -> None:
    breach = breach_of(store, now, signal(1, **OPENED))
    some = store.read(lambda uow: affected_list.propose(uow, breach.id))[1:]
    some = tuple(e for e in some if e.customer_id != "contoso")

    with pytest.raises(IncompleteDocument, match="contoso: was not considered"):
        store.write(lambda uow: affected_list.freeze(uow, RESPONDER, breach.id, some, now()))


def test_the_manifest_is_versioned_and_its_hash_changes_with_one_letter(
    store: SqliteStore, now: FixedNow
) -> None:
    breach = breach_of(store, now, signal(1, **OPENED))
    first, second = frozen(store, now, breach), frozen(store, now, breach)
    stored = store.read(lambda uow: uow.breaches.list_versions(Manifest, breach.id))

    assert [m.version for m in stored] == [1, 2]
    assert first.hash != second.hash
    assert stored[0] == first


def test_a_controller_is_told_through_its_data_protection_contact_alone(
    store: SqliteStore, now: FixedNow
) -> None:
    opened = signal(1, "jo@fabrikam.example", **OPENED)
    recipients = frozen(store, now, breach_of(store, now, opened)).recipients

    assert [(r.person_id, r.kind) for r in recipients] == [
        ("fabrikam-dp", NoticeKind.CONTROLLER_PACK)
    ]
    assert recipients[0].channel is ContactChannel.EMAIL


def test_an_address_in_the_evidence_is_telephoned_even_if_only_tried(
    store: SqliteStore, now: FixedNow
) -> None:
    opened = signal(1, "jo@fabrikam.example", **OPENED)
    tried = signal(2, "privacy@fabrikam.example", touches=())
    recipients = frozen(store, now, breach_of(store, now, opened, tried)).recipients

    assert (recipients[0].channel, recipients[0].reason) == (
        ContactChannel.TELEPHONE, "its mailbox is in the evidence",
    )  # fmt: skip


def test_a_domain_in_the_evidence_takes_all_its_addresses(
    store: SqliteStore, now: FixedNow
) -> None:
    touched = (AssetTouch("fabrikam", "domain:fabrikam.example", "mail"),)
    result = frozen(store, now, breach_of(store, now, signal(1, touches=touched, **OPENED)))

    assert [r.channel for r in result.recipients] == [ContactChannel.TELEPHONE]
    assert "mail domain" in result.recipients[0].reason


def test_the_account_holder_at_the_default_address_and_every_user_are_told_once(
    store: SqliteStore, now: FixedNow
) -> None:
    user = Person(
        id="u1", customer_id="tailspin", kind=PersonKind.USER, name="Una", email="una@t.example"
    )
    again = user.model_copy(update={"id": "u2", "email": "ACCOUNTS@tailspin.example"})
    nowhere = user.model_copy(update={"id": "u3", "email": ""})
    plain = make_customer("tailspin")
    customer = plain.model_copy(update={"people": (*plain.people, user, again, nowhere)})
    store.write(lambda uow: uow.customers.save(customer))
    opened = signal(1, "admin", key=PANEL, touches=(), outcome="success", action="panel-sign-in")
    recipients = frozen(store, now, breach_of(store, now, opened)).recipients
    ours = {r.person_id: (r.email, r.channel) for r in recipients if r.customer_id == "tailspin"}

    assert ours == {
        "tailspin-holder": ("accounts@tailspin.example", ContactChannel.EMAIL),
        "u1": ("una@t.example", ContactChannel.EMAIL),
        "u3": ("", ContactChannel.TELEPHONE),
    }


def test_assets_of_nobody_and_our_own_sender_in_the_evidence_become_tasks(
    store: SqliteStore, now: FixedNow
) -> None:
    ours = signal(1, "notices@provider.example", touches=(), outcome="success", action="sign-in")
    breach = breach_of(store, now, ours)
    store.write(
        lambda uow: affected_list.freeze(
            uow, RESPONDER, breach.id, affected_list.propose(uow, breach.id), now(),
            profile_senders_assets=("mailbox:notices@provider.example",),
        )
    )  # fmt: skip
    tasks = store.read(lambda uow: uow.cases.get(breach.case_id)).tasks

    assert [task.title for task in tasks] == ["Choose another sender"]
    assert not any("@" in task.id for task in tasks)


@pytest.mark.parametrize(
    ("action", "summary", "stored", "effects"),
    [
        ("FileDownloaded", {}, "files", {BreachEffect.SEEN: "happened", BreachEffect.COPIED: "happened"}),
        ("FileDownloaded", {}, "health", {BreachEffect.SEEN: "possible", BreachEffect.COPIED: "possible"}),
        ("FileDownloaded", {}, "mail", {BreachEffect.SEEN: "possible"}),
        ("FileDeleted", {}, "files", {BreachEffect.LOST: "happened"}),
        ("FileRecycled", {}, "files", {BreachEffect.LOST: "possible"}),
        ("FileModified", {}, "files", {BreachEffect.ALTERED: "happened"}),
        (
            "FileRenamed", {"file.name": "plan.docx.locked"}, "files",
            {BreachEffect.SEEN: "possible", BreachEffect.UNAVAILABLE: "happened"},
        ),
        (
            "New-InboxRule", {"breach.mailbox.forward_to": "x@else.example"}, "mail",
            {BreachEffect.SEEN: "possible", BreachEffect.COPIED: "possible"},
        ),
        ("UserLoggedIn", {}, "mail", {BreachEffect.SEEN: "possible"}),
        ("backup-deleted", {}, "backup", {BreachEffect.LOST: "happened"}),
    ],
)  # fmt: skip
def test_an_act_has_the_effects_that_it_shows_and_no_surer_ones(
    store: SqliteStore,
    now: FixedNow,
    action: str,
    summary: dict[str, str],
    stored: str,
    effects: dict[BreachEffect, str],
) -> None:
    touched = (AssetTouch("contoso", "mailbox:jo@contoso.example", stored),)
    act = signal(1, outcome="success", action=action, touches=touched, **summary)
    actual = proposed(store, breach_of(store, now, act))

    of_stored = [e.effects for e in actual.values() if DataCategory(stored) in e.effects]
    assert [dict(each[DataCategory(stored)]) for each in of_stored if e_known(each)] == [
        {e: EffectCertainty(s) for e, s in effects.items()}
    ]


def test_a_locked_file_says_nothing_of_the_mail_in_the_same_folder(
    store: SqliteStore, now: FixedNow
) -> None:
    place = "domain:contoso.example"
    touches = (AssetTouch("contoso", place, "files"), AssetTouch("contoso", place, "mail"))
    locked = {"file.name": "plan.docx.locked"}
    act = signal(1, outcome="success", action="FileRenamed", touches=touches, **locked)
    effects = proposed(store, breach_of(store, now, act))["contoso", PROCESSOR].effects

    assert effects[DataCategory.FILES][BreachEffect.UNAVAILABLE] is EffectCertainty.HAPPENED
    assert effects[DataCategory.MAIL] == {BreachEffect.SEEN: EffectCertainty.POSSIBLE}


def test_a_sign_in_of_a_ransom_alert_locks_nothing() -> None:
    event = EvidenceView(
        event_id="e-1", time=START, source="m365", journal="j", offset=1, sha256="0" * 64,
        summary={"event.action": "UserLoggedIn", "event.outcome": "success"},
    )  # fmt: skip
    seen = AssetSighting(
        event, "contoso", "domain:contoso.example", ("mail",), frozenset({"ransomware"})
    )

    assert compute_effects([seen]) == {
        DataCategory.MAIL: {BreachEffect.SEEN: EffectCertainty.POSSIBLE}
    }


def e_known(effects: dict[DataCategory, dict[BreachEffect, EffectCertainty]]) -> bool:
    return any(effects.values())


def test_acts_are_counted_with_their_times_and_the_customers_own_mailboxes_alone(
    store: SqliteStore, now: FixedNow
) -> None:
    mine = AssetTouch("contoso", "mailbox:jo@contoso.example", "mail")
    named = signal(
        9, outcome="success", action="MailItemsAccessed", touches=(mine,),
        **{"rule.name": "seen by jo@fabrikam.example"},
    )  # fmt: skip
    actual = proposed(store, breach_of(store, now, signal(1), signal(2), named))
    exposure = actual["contoso", PROCESSOR]

    assert [(act.action, act.outcome, act.count) for act in exposure.acts] == [
        ("userloginfailed", "failure", 2),
        ("mailitemsaccessed", "success", 1),
    ]
    assert exposure.acts[0].first < exposure.acts[0].last
    assert {asset for act in exposure.acts for asset in act.assets} == {
        "mailbox:jo@contoso.example"
    }
    assert (exposure.first, exposure.last) == (exposure.acts[0].first, exposure.acts[1].last)


def test_an_alert_that_was_raised_before_a_customers_first_event_is_not_that_customers(
    store: SqliteStore, now: FixedNow
) -> None:
    early = signal(1, **OPENED)
    later = replace(
        signal(2, "jo@fabrikam.example", **OPENED), time=(START + timedelta(hours=1)).timestamp()
    )
    actual = proposed(store, breach_of(store, now, early, later))

    assert actual["contoso", PROCESSOR].alerted_at == now()
    assert actual["fabrikam", PROCESSOR].certainty is Certainty.CONFIRMED
    assert actual["fabrikam", PROCESSOR].alerted_at is None


def test_a_doubt_says_which_source_was_blind_and_when(store: SqliteStore, now: FixedNow) -> None:
    breach = breach_of(store, now, signal(1, **OPENED), signal(4, "jo@fabrikam.example"))
    gap = BlindInterval(
        source="m365", begin=START - timedelta(hours=2), end=START, reason="fetcher stopped"
    )
    store.write(lambda uow: uow.sources.add_gap(gap))
    (doubt,) = proposed(store, breach)["fabrikam", PROCESSOR].doubts

    assert (doubt.kind, doubt.source) == (DoubtKind.BLIND_SOURCE, "m365")
    assert (doubt.begin, doubt.end) == (gap.begin, gap.end)


def test_what_only_may_be_has_no_effect_that_happened(store: SqliteStore, now: FixedNow) -> None:
    breach = breach_of(store, now, signal(1, outcome="success", action="MailItemsAccessed"))
    exposures = store.read(lambda uow: affected_list.propose(uow, breach.id))
    lowered = affected_list.override(
        exposures, "contoso", PROCESSOR, Certainty.POSSIBLE, "a test of ours", RESPONDER
    )
    own = next(e for e in lowered if (e.customer_id, e.role) == ("contoso", PROCESSOR))

    assert own.effects == {DataCategory.MAIL: {BreachEffect.SEEN: EffectCertainty.POSSIBLE}}
    with pytest.raises(BadInput, match="said to have happened"):
        affected_list.override(
            exposures, "contoso", PROCESSOR, Certainty.POSSIBLE, "r", RESPONDER,
            effects={DataCategory.MAIL: {BreachEffect.LOST: EffectCertainty.HAPPENED}},
        )  # fmt: skip


def test_an_event_that_names_two_customers_and_kept_no_touches_names_no_folder_to_either(
    store: SqliteStore, now: FixedNow
) -> None:
    both = {"user.target.name": "jo@fabrikam.example", "file.path": "/Smith family/will.pdf"}
    copied = signal(1, outcome="success", action="FileDownloaded", touches=(), **both)
    actual = proposed(store, breach_of(store, now, copied))

    for customer in ("contoso", "fabrikam"):
        (act,) = actual[customer, PROCESSOR].acts
        assert act.count == 1
        assert act.details == {}


def test_a_rule_that_is_called_like_anothers_mailbox_touches_nobody_else(
    store: SqliteStore, now: FixedNow
) -> None:
    called = {"rule.name": "jo@fabrikam.example"}
    ruled = signal(1, outcome="success", action="New-InboxRule", touches=(), **called)
    actual = proposed(store, breach_of(store, now, ruled))

    assert actual["contoso", PROCESSOR].certainty is Certainty.CONFIRMED
    assert not any(
        exposure.acts for (customer, _), exposure in actual.items() if customer == "fabrikam"
    )
