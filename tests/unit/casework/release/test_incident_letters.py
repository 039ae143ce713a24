"""Whole incidents, up to their letters and scripts, and read as their readers would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from breachdesk.casework.affected import affected_list
from breachdesk.casework.breach import confirm
from breachdesk.casework.decision import decide
from breachdesk.casework.opening import cases
from breachdesk.casework.release import notice_facts
from breachdesk.casework.release.letters import LetterSet
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import (
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
from notifiers.letters.render import JinjaRenderer
from notifiers.testing.channels import NO, PROFILE, YES, decision_with
from schemas.casework.affected import BreachEffect, Certainty, EffectCertainty, Manifest
from schemas.casework.breach import Breach
from schemas.casework.case import CaseOrigin
from schemas.casework.decision import DecisionAnswer
from schemas.casework.letter_facts import ExposureWords, NoticeFacts, ReaderStanding
from schemas.customer import PROVIDER, AssetKind, Customer, DataCategory, DataRole, PecrStatus
from schemas.errors import BadInput, EditConflict
from schemas.pipeline.alert import PROVIDER_SCOPE, GroupKey, Signal
from schemas.pipeline.event import AssetTouch
from schemas.pipeline.source import BlindInterval
from schemas.settings import Settings
from schemas.user import Permission

RENDERER = JinjaRenderer(Path(__file__).resolve().parents[4] / "templates")
WHO = make_actor(*Permission, user_id="rowan")
NIGHT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
HOLDER, CONTROLLER = DataRole.CONTROLLER, DataRole.PROCESSOR
STEPS = ("Look at your statements.", "Call the sender of a new bill.", "Tell us of anything odd.")


def words(
    role: DataRole, standing: ReaderStanding, customer: str | None = None, **own: Any
) -> ExposureWords:
    """Whole for its kind of reader; `own` replaces fields."""
    fields: dict[str, Any] = {
        "consequences": ("Someone could pretend to be you.",),
        "measures": ("On 23 November 2026 we changed the passwords.",),
        "steps": STEPS,
    }
    if role is CONTROLLER:
        fields |= {
            "nature": "One account was opened.",
            "people_and_records": "Count the people in the files.",
            "no_sub_processors": True,
        }
    return ExposureWords(role=role, standing=standing, customer_id=customer, **(fields | own))


def event(number: int, who: str, action: str, outcome: str = "success", **summary: Any) -> Signal:
    """At one customer's mailbox and mail domain, `number` minutes into the night."""
    domain = who.partition("@")[2]
    customer = domain.partition(".")[0]
    kinds = summary.pop("kinds", ("mail", "files"))
    signal = make_signal(
        number,
        key=summary.pop("key", GroupKey("odd_sign_in", customer, (who,))),
        time=NIGHT + timedelta(minutes=number),
        step=action,
        touches=tuple(AssetTouch(customer, f"domain:{domain}", kind) for kind in kinds),
    )
    fields = {"event.action": action, "event.outcome": outcome, "user.name": who, **summary}
    return Signal(
        **{name: getattr(signal, name) for name in signal.__slots__ if name != "summary"},
        summary=fields,
    )


def elsewhere(customer: Customer) -> Customer:
    """Whose people have their mail where the evidence does not reach."""
    people = tuple(
        p.model_copy(update={"email": f"{p.kind}@{customer.id}-people.example"})
        for p in customer.people
    )
    changes = {"people": people, "default_email": f"accounts@{customer.id}-people.example"}
    return customer.model_copy(update=changes)


@dataclass
class Incident:
    """Contoso and Fabrikam, each with a mail domain at our place."""

    store: SqliteStore
    now: FixedNow
    settings: Settings
    breach: Breach = field(init=False)

    def furnish(self) -> None:
        def work(uow: Any) -> None:
            for name in ("contoso", "fabrikam"):
                uow.customers.save(elsewhere(make_customer(name)))
                domain = make_binding(
                    f"{name}.example", name, kind=AssetKind.DOMAIN,
                    categories=(DataCategory.MAIL, DataCategory.FILES),
                )  # fmt: skip
                uow.customers.bind(domain, NIGHT - timedelta(days=90))

        self.store.write(work)

    def alarm(self, *signals: Signal) -> None:
        groups: dict[GroupKey, list[Signal]] = {}
        for signal in signals:
            groups.setdefault(signal.key, []).append(signal)
        alerts = raise_alerts(self.store, *(make_episode(group) for group in groups.values()))
        self.breach = self.store.write(lambda uow: add_confirmed_breach(uow, self.now(), *alerts))

    def by_hand(self, assets: tuple[str, ...], **case: Any) -> None:
        origin = {"origin": CaseOrigin.OWN, "known": "As it was told us."} | case

        def work(uow: Any) -> Breach:
            opened = cases.open_by_hand(
                uow, WHO, title="By hand", assets=assets, now=self.now(), **origin
            )
            return confirm.confirm_breach(
                uow, WHO, opened.id, reason="A person says so.", aware_at=self.now(),
                occurred_from=NIGHT, occurred_to=NIGHT + timedelta(hours=1), now=self.now(),
            )  # fmt: skip

        self.breach = self.store.write(work)

    def freeze(
        self, decided: Mapping[tuple[str, DataRole], Mapping[str, Any]] | None = None
    ) -> None:
        def work(uow: Any) -> None:
            exposures = affected_list.propose(uow, self.breach.id)
            for (customer, role), text in (decided or {}).items():
                exposures = affected_list.override(
                    exposures, customer, role, text["certainty"], "the responder looked", WHO,
                    effects=text.get("effects"),
                )  # fmt: skip
            affected_list.freeze(uow, WHO, self.breach.id, exposures, self.now())

        self.store.write(work)

    def write(self, happened: str, *own: ExposureWords, **decision: Any) -> None:
        facts = NoticeFacts(
            breach_id=self.breach.id, version=1, written_by="rowan", written_at=self.now(),
            what_happened=happened, next_update=self.now() + timedelta(days=4), words=own,
        )  # fmt: skip
        decided = decision_with(breach_id=self.breach.id, **decision)

        def work(uow: Any) -> None:
            decide.record_decision(uow, WHO, decided, self.now())
            notice_facts.write_facts(uow, WHO, facts, self.now())

        self.store.write(work)

    def letters(self) -> LetterSet:
        return self.store.read(
            lambda uow: notice_facts.render_letters(uow, self.breach.id, self.settings, RENDERER)
        )

    def text(self, customer: str, role: DataRole = CONTROLLER) -> str:
        """What the customer is told: by mail, else by telephone."""
        result = self.letters()
        kind = "controller_pack" if role is CONTROLLER else "account_holder"
        values = [
            t
            for t in (*result.rendered, *result.calls)
            if (t.customer_id, t.kind) == (customer, kind)
        ]
        assert len(values) == 1
        return " ".join(f"{values[0].subject}\n{values[0].text}".split())

    def whole(self) -> None:
        result = self.letters()
        assert (result.missing, result.blocking) == ({}, ())


@pytest.fixture
def incident(tmp_path: Path) -> Iterator[Incident]:
    now = FixedNow(datetime(2026, 11, 23, 9, 30, tzinfo=UTC))
    settings = Settings(data_dir=tmp_path, profile=PROFILE)
    with make_store(now) as store:
        result = Incident(store, now, settings)
        result.furnish()
        yield result


NO_PROMISE = DecisionAnswer(yes=False, reasons="We publish no promise about breaches of this kind.")
BEN = "ben.bell@contoso.example"
LOST = {DataCategory.BACKUP: {BreachEffect.LOST: EffectCertainty.HAPPENED}}
SEEN = {DataCategory.CONTACT: {BreachEffect.SEEN: EffectCertainty.HAPPENED}}
MAYBE_SEEN = {
    DataCategory.FILES: {
        BreachEffect.SEEN: EffectCertainty.POSSIBLE,
        BreachEffect.LOST: EffectCertainty.HAPPENED,
    }
}
REACHED, POSSIBLE = ReaderStanding.REACHED, ReaderStanding.POSSIBLE


def test_a_customer_who_was_robbed_reads_of_its_own_mailbox_rule_and_files(
    incident: Incident,
) -> None:
    files = [
        event(20 + n, BEN, "FileDownloaded", **{"file.name": f"letter-{n}.pdf"}) for n in range(9)
    ]
    rule = {"rule.name": ".", "breach.mailbox.forward_to": ["collect@freemail.example"]}
    incident.alarm(
        event(1, BEN, "UserLoginFailed", "failure"), event(7, BEN, "UserLoggedIn"),
        event(13, BEN, "New-InboxRule", **rule), *files,
    )  # fmt: skip
    incident.freeze()
    incident.write("Someone guessed a password.", words(CONTROLLER, REACHED, contained=True))
    incident.whole()
    text = incident.text("contoso")

    assert "9 files were downloaded" in text
    assert "On Sunday 22 November 2026, between 2:20am and 2:28am GMT: 9 files" in text
    assert (
        f"a mailbox rule whose whole name is “.” was set in the mailbox {BEN}. It was made to copy "
        "incoming mail" in text
    )
    assert "an address outside your organisation" in text
    assert f"mailbox {BEN}" in text
    assert "files, with whatever your staff stored in them: seen and copied" in text
    assert "may have been seen and copied" in text
    assert "freemail" not in text
    assert "Fabrikam" not in text


def test_who_was_only_tried_reads_of_its_own_tries_and_of_nothing_else(incident: Incident) -> None:
    kit = "kit@fabrikam.example"
    spray = GroupKey("password_spraying", PROVIDER_SCOPE, ("203.0.113.55",))
    incident.alarm(
        event(1, BEN, "UserLoginFailed", "failure", key=spray),
        *(event(2 + n, kit, "UserLoginFailed", "failure", key=spray) for n in range(12)),
        event(20, BEN, "UserLoggedIn", key=spray), event(21, BEN, "FileDownloaded", key=spray),
    )  # fmt: skip
    gap = BlindInterval(
        source="m365", begin=NIGHT, end=NIGHT + timedelta(hours=3), reason="fetcher stopped"
    )
    incident.store.write(lambda uow: uow.sources.add_gap(gap))
    incident.freeze()
    incident.write(
        "Someone tried passwords at systems that we look after.",
        words(
            CONTROLLER, REACHED, what_happened="A thief took your files.", contained=True,
            consequences=("Patients could be cheated.",),
        ),
        words(CONTROLLER, POSSIBLE, what_happened="Every try that we see was refused."),
    )  # fmt: skip
    incident.whole()
    text = incident.text("fabrikam")

    assert "We cannot rule out that data that we look after for you is affected." in text
    assert "someone tried to sign in 12 times to the mailbox kit@fabrikam.example" in text
    assert "refused every time" in text
    assert "some of the records that would show it are missing" in text
    assert "between 2am and 5am GMT" in text
    assert "may be affected" in text
    assert "Confidentiality: we do not know yet" in text
    for false in (
        "There has been a data breach", "was seen", "may have been seen", "We have stopped",
        "that this is over", "downloaded", "Patients", "thief", "m365", "ben.bell",
    ):  # fmt: skip
        assert false not in text


def test_after_ransomware_the_lost_backup_is_lost_and_the_locked_files_are_not_usable(
    incident: Incident,
) -> None:
    backup = make_binding(
        "backup:contoso", "contoso", kind=AssetKind.SERVICE, categories=(DataCategory.BACKUP,)
    )
    incident.store.write(lambda uow: uow.customers.bind(backup, NIGHT - timedelta(days=90)))
    locked = [
        event(n, BEN, "FileRenamed", **{"file.name": f"plan-{n}.docx.locked"}) for n in range(5)
    ]
    incident.alarm(*locked)
    before = incident.store.read(lambda uow: affected_list.propose(uow, incident.breach.id))
    own = next(e for e in before if (e.customer_id, e.role) == ("contoso", CONTROLLER))
    incident.freeze(
        {("contoso", CONTROLLER): {"certainty": Certainty.CONFIRMED, "effects": own.effects | LOST}}
    )
    incident.write("A program made files unreadable.", words(CONTROLLER, REACHED))
    incident.whole()
    text = incident.text("contoso")

    assert own.effects[DataCategory.FILES][BreachEffect.UNAVAILABLE] is EffectCertainty.HAPPENED
    assert "5 files were renamed" in text
    assert "files, with whatever your staff stored in them: made unavailable; may have" in text
    assert "backups, with whatever was backed up: lost" in text
    assert "Availability: lost, made unavailable" in text
    assert "Integrity: not known to be affected" in text
    assert "We have not yet confirmed that this is over." in text
    assert " was seen" not in text


def test_a_lost_laptop_is_lost_and_nobody_is_said_to_have_signed_in(incident: Incident) -> None:
    incident.store.write(
        lambda uow: uow.customers.bind(
            make_binding("laptop-14", "contoso", kind=AssetKind.HOST), NIGHT - timedelta(days=90)
        )
    )
    incident.by_hand(("host:laptop-14",))
    incident.freeze(
        {("contoso", CONTROLLER): {"certainty": Certainty.LIKELY, "effects": MAYBE_SEEN}}
    )
    incident.write(
        "A laptop of ours was left on a train.",
        words(CONTROLLER, REACHED, what_happened="Copies of your files were on it."),
    )
    incident.whole()
    text = incident.text("contoso")

    assert "Copies of your files were on it." in text
    assert "files, with whatever your staff stored in them: lost; may have been seen" in text
    assert "server or computer laptop-14" in text
    assert "We learned of it on Monday 23 November 2026 at 9:30am GMT." in text
    assert "This happened on Sunday 22 November 2026, between 2am and 3am GMT." in text
    for false in ("signed in", "an alert", "Our records of", "was copied"):
        assert false not in text


def test_of_a_mis_sent_mail_the_reader_is_told_what_was_seen_and_why_we_write(
    incident: Incident,
) -> None:
    incident.by_hand(())
    incident.freeze({("contoso", HOLDER): {"certainty": Certainty.CONFIRMED, "effects": SEEN}})
    incident.write(
        "We sent an email to a wrong address.",
        words(HOLDER, REACHED, what_happened="It named your contact and telephone number."),
        tell_people=NO,
    )
    incident.whole()
    text = incident.text("contoso", HOLDER)

    assert "Some of the information in your account was seen by someone with no right" in text
    assert "addresses, email addresses and telephone numbers: seen" in text
    assert "Article 34" not in text
    assert "promises:" in text
    assert "about you" not in text


def test_of_a_suppliers_breach_the_reader_learns_when_we_were_told(incident: Incident) -> None:
    result = NIGHT + timedelta(hours=20)
    incident.by_hand(
        ("domain:contoso.example",), origin=CaseOrigin.PROCESSOR, third_party="Cloud Copy Ltd",
        supplier_told_at=result,
    )  # fmt: skip
    incident.freeze({("contoso", CONTROLLER): {"certainty": Certainty.LIKELY}})
    incident.write(
        "A supplier of ours was attacked.",
        words(
            CONTROLLER, REACHED, what_happened="It keeps copies of your mail.",
            no_sub_processors=False, sub_processors="Cloud Copy Ltd keeps copies of your mail.",
        ),
    )  # fmt: skip
    incident.whole()
    text = incident.text("contoso")

    assert "A supplier told us of it on Sunday 22 November 2026 at 10pm GMT." in text
    assert "We confirmed the incident on Monday 23 November 2026 at 9:30am GMT." in text
    assert "Other suppliers involved: Cloud Copy Ltd keeps copies of your mail." in text
    assert "may have been seen" in text


def test_in_a_mixed_breach_the_subscriber_reads_of_5a3_and_the_other_of_article_34(
    incident: Incident,
) -> None:
    line = make_binding(
        "198.51.100.7", "contoso", kind=AssetKind.IP, role=HOLDER,
        categories=(DataCategory.TRAFFIC,),
    ).model_copy(update={"pecr": PecrStatus.YES})  # fmt: skip
    account = make_binding(
        "billing.example?userid=2", "fabrikam", kind=AssetKind.SERVICE, role=HOLDER,
        categories=(DataCategory.CONTACT,),
    )  # fmt: skip
    for binding in (line, account):
        incident.store.write(
            lambda uow, b=binding: uow.customers.bind(b, NIGHT - timedelta(days=90))
        )
    incident.by_hand(("ip:198.51.100.7", "service:billing.example?userid=2"))
    reached = {"certainty": Certainty.LIKELY}
    incident.freeze({("contoso", HOLDER): reached, ("fabrikam", HOLDER): reached})
    incident.write(
        "Someone read our customer system.",
        words(HOLDER, REACHED, what_happened="Your page was in it."),
        uk_pecr=YES, pecr_subscribers=YES, own_promise_binds=NO_PROMISE,
    )  # fmt: skip
    incident.whole()
    subscriber, other = incident.text("contoso", HOLDER), incident.text("fabrikam", HOLDER)

    assert "PECR reg. 5A(3)" in subscriber
    assert "Article 34" not in subscriber
    assert "We are going to tell the Information Commissioner’s Office" in subscriber
    assert "records of calls, messages or connections: may have been seen" in subscriber
    assert "This happened on Sunday 22 November 2026, between 2am and 3am GMT." in subscriber
    assert "UK GDPR, Article 34" in other
    assert "5A" not in other
    assert "We are going to tell the Information Commissioner’s Office" in other


def test_an_account_page_that_was_opened_later_has_its_own_times_and_alert(
    incident: Incident,
) -> None:
    panel = make_binding(
        "billing.example", PROVIDER, kind=AssetKind.SITE, role=HOLDER,
        categories=(DataCategory.CONTACT,),
    )  # fmt: skip
    incident.store.write(lambda uow: uow.customers.bind(panel, NIGHT - timedelta(days=90)))
    key = GroupKey("panel", PROVIDER_SCOPE, ("203.0.113.55",))
    page = event(
        100, "admin@ours.example", "http-request", key=key, kinds=(),
        **{"url.path": "/clients/fabrikam/bank"},
    )  # fmt: skip
    incident.alarm(event(7, BEN, "UserLoggedIn"), page)
    out = {"certainty": Certainty.EXCLUDED}
    incident.freeze({("contoso", HOLDER): out})
    incident.write(
        "Someone used a stolen password.",
        words(HOLDER, REACHED, what_happened="With it, someone opened your page."),
        words(CONTROLLER, REACHED),
    )
    incident.whole()
    text = incident.text("fabrikam", HOLDER)

    assert "This happened on Sunday 22 November 2026 at 3:41am GMT." in text
    assert "1 page was opened" in text
    assert "addresses, email addresses and telephone numbers: may have been seen" in text
    assert "2:07am" not in text
    assert "signed in" not in text


def test_words_of_one_customer_replace_its_groups_and_reach_nobody_else(incident: Incident) -> None:
    incident.alarm(event(1, BEN, "UserLoggedIn"), event(2, "kit@fabrikam.example", "UserLoggedIn"))
    incident.freeze()
    incident.write(
        "Someone guessed passwords.",
        words(CONTROLLER, REACHED, nature="For the many."),
        words(CONTROLLER, REACHED, "contoso", nature="For one alone."),
    )
    incident.whole()

    assert "For one alone." in incident.text("contoso")
    assert "For the many." not in incident.text("contoso")
    assert "For one alone." not in incident.text("fabrikam")


def test_readers_for_whom_nobody_wrote_stop_the_release_and_are_named(incident: Incident) -> None:
    incident.alarm(event(1, BEN, "UserLoggedIn"))
    incident.freeze({("fabrikam", CONTROLLER): {"certainty": Certainty.POSSIBLE}})
    incident.write("Someone guessed a password.", words(CONTROLLER, REACHED))

    assert list(incident.letters().missing) == ["words for controllers who cannot be ruled out"]
    with pytest.raises(BadInput, match="2 texts for every processor, reached"):
        incident.write("x", words(CONTROLLER, REACHED), words(CONTROLLER, REACHED))


def test_a_former_customer_reads_of_its_data_in_the_past(incident: Incident) -> None:
    def end(uow: Any) -> None:
        customer: Customer = uow.customers.get("contoso")
        uow.customers.save(customer.model_copy(update={"contract_end": NIGHT - timedelta(days=30)}))

    incident.store.write(end)
    incident.alarm(event(1, BEN, "UserLoggedIn"))
    incident.freeze()
    incident.write("Someone guessed a password.", words(CONTROLLER, REACHED))
    text = incident.text("contoso")

    assert "Our contract has ended. We processed this data for you" in text
    assert "We process this data" not in text


def test_a_list_of_an_earlier_release_opens_and_asks_to_be_frozen_again(incident: Incident) -> None:
    incident.alarm(event(1, BEN, "UserLoggedIn"))
    incident.freeze()
    incident.write("Someone guessed a password.", words(CONTROLLER, REACHED))

    def older(uow: Any) -> None:
        manifest = uow.breaches.find_latest(Manifest, incident.breach.id)
        stored = manifest.model_dump(mode="json", exclude={"form"})
        stored["version"] += 1
        for exposure in stored["exposures"]:
            exposure["categories"] = dict.fromkeys(exposure.pop("effects"), "may_have_been_seen")
        opened = Manifest.model_validate(stored)
        assert opened.exposures[1].effects[DataCategory.MAIL] == {
            BreachEffect.SEEN: EffectCertainty.POSSIBLE
        }
        uow.breaches.add_document(opened)

    incident.store.write(older)
    with pytest.raises(EditConflict, match="earlier release") as refused:
        incident.letters()
    assert refused.value.remedy == "Freeze it again."
