"""Whole incidents, read as their readers and the regulator would read what comes of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from whole_incident import (
    CONTROLLER,
    CORRECTED,
    HOLDER,
    MORNING,
    NIGHT,
    NO_PROMISE,
    POSSIBLE,
    REACHED,
    WholeIncident,
    event,
    whole_incident,
    words,
)

from breachdesk.console.views.case_progress import CaseStep, build_steps
from breachdesk.console.views.case_view import read_case
from notifiers.testing.channels import NO, YES
from schemas.casework.affected import BreachEffect, Certainty, EffectCertainty
from schemas.casework.affected_group import GroupKind
from schemas.casework.case import CallOutcome, CaseOrigin, ContainmentScope
from schemas.casework.decision import NOT_ASKED, LawEnforcementHold, NotificationBasis
from schemas.casework.notice_kind import NoticeKind
from schemas.casework.obligation import ObligationKind
from schemas.casework.report import NumberPrecision, ReportedQuantity
from schemas.customer import AssetKind, DataCategory, PecrStatus
from schemas.errors import IncompleteDocument
from schemas.pipeline.source import BlindInterval

SURE, MAYBE = EffectCertainty.HAPPENED, EffectCertainty.POSSIBLE
LIKELY = {"certainty": Certainty.LIKELY}
OUT = {"certainty": Certainty.EXCLUDED, "reason": "The records are whole and show nothing."}
ACCOUNT = (DataCategory.CONTACT, DataCategory.FINANCIAL)
ART33, PECR = "ico_art33", "ico_pecr"
LETTER, PACK = NoticeKind.ACCOUNT_HOLDER, NoticeKind.CONTROLLER_PACK
LINE, PAGE = "ip:198.51.100.7", "service:billing.example?userid=2"


@pytest.fixture
def incident(tmp_path: Path) -> Iterator[WholeIncident]:
    with whole_incident(tmp_path) as result:
        yield result


def a_line_is_tapped(incident: WholeIncident) -> None:
    """A law firm's line and a bakery's account page, both in the same customer system."""
    line = incident.ours("law", "198.51.100.7", AssetKind.IP, DataCategory.TRAFFIC)
    page = incident.ours("baker", "billing.example?userid=2", AssetKind.SERVICE, *ACCOUNT)
    incident.customer("law", "Tolland & Pryce", line.model_copy(update={"pecr": PecrStatus.YES}))
    incident.customer("baker", "Sable Bakery", page)


def test_after_ransomware_the_pack_says_lost_and_our_own_report_counts_our_staff_only(
    incident: WholeIncident,
) -> None:
    mail = incident.keeps("vet", "ashgrove-vets.example", AssetKind.DOMAIN, DataCategory.FILES)
    backup = incident.keeps("vet", "backup:vet", AssetKind.SERVICE, DataCategory.BACKUP)
    incident.customer("vet", "Ashgrove Vets Ltd", mail, backup)
    incident.alarm(
        *(
            event(
                n, "front@ashgrove-vets.example", "FileRenamed", customer="vet", kinds=("files",),
                **{"file.name": f"x{n}.locked"},
            )
            for n in range(6)
        )
    )  # fmt: skip
    effects = {
        DataCategory.FILES: {BreachEffect.UNAVAILABLE: SURE},
        DataCategory.BACKUP: {BreachEffect.LOST: SURE},
    }
    incident.freeze({("vet", CONTROLLER): {"certainty": Certainty.CONFIRMED, "effects": effects}})
    incident.group(GroupKind.STAFF, 9)
    incident.contained("We cut the file server off.", ContainmentScope.EVERYTHING)
    incident.contained(
        "We restored the files of the practice.", ContainmentScope.CUSTOMERS_DATA, "vet"
    )
    incident.decide()
    incident.write(
        "A program made files on our file server unreadable.", words(CONTROLLER, REACHED)
    )
    incident.release()
    proposed = incident.proposed()
    incident.fill()
    incident.print("ransomware", "uk_ico")
    pack, answers, built = incident.text("vet"), incident.answers(), incident.report()

    assert "6 files were renamed" in pack
    assert "backups, with whatever was backed up: lost" in pack
    assert "Availability: lost, made unavailable" in pack
    for false in ("was seen", "may have been seen", "copied", "applicants", "colleagues"):
        assert false not in pack
    assert proposed.answers["affected_how"] == "Lost: identity data, bank and payment data."
    assert answers["people"] == "about 9 (approximate)"
    assert answers["people_kinds"] == "Employees"
    assert "Availability" in answers["harmed"]
    assert "confidential" not in answers["harmed"].lower()
    assert answers["actions"].startswith("- We cut the file server off.")
    assert "restored" not in answers["actions"]
    assert answers["people_told"].endswith("0 of 9 people told: 9 to whom nothing was sent yet.")
    assert (built.missing, built.contradictions) == ({}, ())
    assert {ART33, ObligationKind.ART34_GROUP, ObligationKind.NEXT_UPDATE} <= incident.running()
    assert ObligationKind.CONTROLLERS_ART33_2 not in incident.running()
    assert incident.counted(PACK).by_letter == 1
    assert incident.entry().groups == ("Staff: exactly 9; 0 told so far",)


def test_a_lost_encrypted_laptop_is_lost_and_nobody_is_said_to_have_broken_in(
    incident: WholeIncident,
) -> None:
    laptop = incident.ours("baker", "laptop-9", AssetKind.HOST, DataCategory.CONTACT)
    incident.customer("baker", "Sable Bakery", laptop)
    incident.by_hand("host:laptop-9")
    effects = {DataCategory.CONTACT: {BreachEffect.LOST: SURE}}
    incident.freeze({("baker", HOLDER): {"certainty": Certainty.LIKELY, "effects": effects}})
    encrypted = "The disk is encrypted; the key was never on the laptop."
    incident.decide(uk_ico=NO, tell_people=NO, safeguards_before=encrypted)
    incident.write(
        "A laptop of ours was left on a train.",
        words(HOLDER, REACHED, what_happened="Its disk is encrypted, and we hold the only key."),
    )
    incident.release()
    incident.fill(cyber="no", likelihood="unlikely", how_found="A colleague told us.")
    incident.print("laptop", "uk_ico")
    letter, answers, duties = incident.text("baker", HOLDER), incident.answers(), incident.duties()

    assert "Some of the information in your account is lost." in letter
    assert "Article 34" not in letter
    assert "promises:" in letter
    assert "We have not told the Information Commissioner" in letter
    for false in ("seen", "copied", "signed in", "alert", "intruder"):
        assert false not in letter
    assert answers["measures_before"] == encrypted
    assert answers["occurred"] == (
        "from 22 November 2026 at 2:00am GMT to 22 November 2026 at 3:00am GMT"
    )
    assert answers["detected"] == ""
    assert answers["data_kinds"].startswith("Basic personal identifiers")
    assert "harmed" not in answers
    assert incident.report().contradictions == ()
    assert str(duties[ART33].ended_by).startswith("decided not to report")
    assert not duties[ObligationKind.OWN_PROMISE].running


def test_of_a_mis_sent_bill_only_the_one_whose_bill_it_was_is_told(incident: WholeIncident) -> None:
    incident.customer("law", "Tolland & Pryce")
    incident.customer("baker", "Sable Bakery")
    incident.by_hand()
    effects = {DataCategory.CONTACT: {BreachEffect.SEEN: SURE}}
    incident.freeze({("law", HOLDER): {"certainty": Certainty.CONFIRMED, "effects": effects}})
    incident.decide(tell_people=NO)
    whose = "It was your bill. The other customer says in writing that it is deleted."
    incident.write(
        "We sent a bill to the wrong customer.", words(HOLDER, REACHED, what_happened=whose)
    )
    incident.release()
    incident.fill(cyber="no", likelihood="neutral", how_found="The other customer called.")
    incident.print("mis_sent", "uk_ico")
    letter, answers = incident.text("law", HOLDER), incident.answers()

    assert "was seen by someone" in letter
    assert "may have been seen" not in letter
    assert {row.customer_id for row in incident.rows()} == {"law"}
    assert "Sable" not in letter + " ".join(answers.values())
    assert answers["people"] == "about 1 (approximate)"
    assert answers["people_told"].endswith(
        "1 of 1 people told: 1 by a letter that their mail server took."
    )


def test_of_a_suppliers_breach_each_reads_what_the_supplier_keeps_for_it(
    incident: WholeIncident,
) -> None:
    copies = incident.keeps("vet", "copies:vet", AssetKind.SERVICE, DataCategory.BACKUP)
    bills = incident.ours("vet", "bills:vet", AssetKind.SERVICE, *ACCOUNT)
    incident.customer(
        "vet", "Ashgrove Vets Ltd", copies.model_copy(update={"service": "copies of computers"}),
        bills,
    )  # fmt: skip
    result = incident.now() - timedelta(hours=11)
    incident.by_hand(
        "service:copies:vet", "service:bills:vet", origin=CaseOrigin.PROCESSOR,
        third_party="Tideline Storage plc", supplier_told_at=result,
    )  # fmt: skip
    incident.freeze({("vet", CONTROLLER): LIKELY, ("vet", HOLDER): LIKELY})
    incident.decide()
    incident.write(
        "A supplier of ours was attacked.",
        words(HOLDER, REACHED, what_happened="It stores our bills to you."),
        words(
            CONTROLLER, REACHED, what_happened="It stores copies of your computers.",
            no_sub_processors=False, sub_processors="Tideline Storage plc keeps the copies.",
        ),
    )  # fmt: skip
    incident.release()
    proposed = incident.proposed()
    incident.fill()
    incident.print("supplier", "uk_ico")
    letter, pack, answers = incident.text("vet", HOLDER), incident.text("vet"), incident.answers()

    for text in (letter, pack):
        assert "told us of it on Sunday 22 November 2026 at 10:30pm GMT." in text
        assert "may have been seen" in text
    assert "bills" in letter
    assert "copies of your computers" not in letter
    assert "Tideline Storage plc keeps the copies." in pack
    assert "bank account" not in pack
    assert "other_providers" not in proposed.answers
    assert proposed.answers["how_found"] == (
        "A supplier told us on 22 November 2026 at 10:30pm GMT."
    )
    assert "backup" not in answers["data_kinds"].lower()
    assert answers["people"] == "about 1 (approximate)"
    assert incident.entry().suppliers == ("Tideline Storage plc",)
    assert incident.entry().supplier_told_at == result
    assert {n.kind: n.told for n in incident.entry().notices} == {LETTER.value: 1, PACK.value: 1}


def test_a_line_and_an_account_bring_two_reports_each_of_its_own_people(
    incident: WholeIncident,
) -> None:
    a_line_is_tapped(incident)
    incident.by_hand(LINE, PAGE)
    incident.freeze({("law", HOLDER): LIKELY, ("baker", HOLDER): LIKELY})
    incident.decide(uk_pecr=YES, pecr_subscribers=YES, own_promise_binds=NO_PROMISE)
    bank, calls = ("Ring your bank.", "Count.", "Tell us."), ("Look at calls.", "Ask.", "Tell us.")
    incident.write(
        "Someone read our customer system.",
        words(HOLDER, REACHED, "law", what_happened="They read your call records.", steps=calls),
        words(HOLDER, REACHED, "baker", what_happened="They read your bank page.", steps=bank),
    )
    incident.release()
    incident.fill("uk_ico", people=ReportedQuantity(value=3, precision=NumberPrecision.EXACT))
    incident.fill("uk_pecr", people=ReportedQuantity(value=2, precision=NumberPrecision.EXACT))
    incident.print("telecoms", "uk_ico", "uk_pecr")
    ico, pecr = incident.answers("uk_ico"), incident.answers("uk_pecr")
    subscriber, other = incident.text("law", HOLDER), incident.text("baker", HOLDER)

    assert "PECR reg. 5A(3)" in subscriber
    assert "Article 34" not in subscriber
    assert "UK GDPR, Article 34" in other
    assert "5A" not in other
    assert "Traffic data" in pecr["data_kinds"]
    assert "financial" not in pecr["data_kinds"].lower()
    assert "financial" in ico["data_kinds"].lower()
    assert "Look at calls." in pecr["notice"]
    assert "They read your call records." in pecr["notice"]
    assert "bank" not in pecr["notice"]
    assert "Detected: 23 November 2026 at 9:30am GMT" in pecr["occurred"]
    for answers in (ico, pecr):
        assert "22 November 2026 at 2:00am GMT to 22 November" in answers["occurred"]
        assert "1 of 1" in answers["people_told"]
    entry = incident.entry()
    assert entry.people == ReportedQuantity(value=5, precision=NumberPrecision.EXACT)
    assert entry.records == ReportedQuantity(value=128, precision=NumberPrecision.APPROXIMATE)

    incident.submit("uk_pecr")
    step = report_step(incident)
    assert (step.done, step.next_act) == (False, "the ICO report must be submitted")
    assert ART33 in incident.running()
    assert PECR not in incident.running()
    incident.submit("uk_ico")
    assert report_step(incident).done


def report_step(incident: WholeIncident) -> CaseStep:
    file = incident.store.read(lambda uow: read_case(uow, incident.breach.case_id, incident.now()))
    return next(step for step in build_steps(file) if step.name == "Report")


def test_a_line_and_our_own_staff_bring_two_reports(incident: WholeIncident) -> None:
    a_line_is_tapped(incident)
    incident.by_hand(LINE)
    incident.group(GroupKind.STAFF, 4)
    incident.freeze({("law", HOLDER): LIKELY, ("baker", HOLDER): OUT})
    with pytest.raises(IncompleteDocument, match=r"Tell people under Art\. 34"):
        incident.decide(uk_pecr=YES, pecr_subscribers=YES, tell_people=NOT_ASKED)
    incident.decide(uk_pecr=YES, pecr_subscribers=YES)
    incident.fill("uk_ico")
    incident.fill("uk_pecr")
    incident.print("line_and_staff", "uk_ico", "uk_pecr")

    assert {ART33, PECR} <= incident.running()
    assert incident.answers("uk_ico")["people"] == "about 4 (approximate)"
    assert incident.answers("uk_pecr")["people"] == "about 1 (approximate)"
    incident.submit("uk_pecr")
    assert ART33 in incident.running()
    incident.now.advance(hours=80)
    assert incident.entry().late_reports == (
        "UK GDPR, Article 33: due 2026-11-26 09:30 UTC, not filed",
    )


def test_staff_found_after_a_decision_that_never_asked_of_our_own_data_are_not_forgotten(
    incident: WholeIncident,
) -> None:
    mail = incident.keeps("vet", "ashgrove-vets.example", AssetKind.DOMAIN, DataCategory.MAIL)
    incident.customer("vet", "Ashgrove Vets Ltd", mail)
    incident.by_hand("domain:ashgrove-vets.example")
    incident.freeze({("vet", CONTROLLER): LIKELY})
    unasked = {"uk_ico": NOT_ASKED, "tell_people": NOT_ASKED, "own_promise_binds": NOT_ASKED}
    incident.decide(**unasked)
    before = incident.duties()[ART33]
    incident.group(GroupKind.APPLICANT, 12)
    incident.write("A server of ours was read.", words(CONTROLLER, REACHED))

    assert "nothing that we are controller of was on the list" in str(before.ended_by)
    assert {ART33, ObligationKind.ART34_GROUP} <= incident.running()
    with pytest.raises(IncompleteDocument, match="Report to the ICO"):
        incident.release()
    with pytest.raises(IncompleteDocument, match="Report to the ICO"):
        incident.decide(**unasked)


def test_who_is_only_possible_is_told_why_and_the_regulator_reads_may(
    incident: WholeIncident,
) -> None:
    """A blind log: nobody knows whether the account page was opened."""
    page = incident.ours("baker", "billing.example?userid=2", AssetKind.SERVICE, *ACCOUNT)
    incident.customer("baker", "Sable Bakery", page)
    incident.by_hand(PAGE)
    gap = BlindInterval(
        source="panel", begin=NIGHT, end=NIGHT + timedelta(hours=2), reason="disk full"
    )
    incident.store.write(lambda uow: uow.sources.add_gap(gap))
    incident.freeze({("baker", HOLDER): {"certainty": Certainty.POSSIBLE}})
    incident.decide(tell_people=NO)
    incident.write("Someone signed in to our customer system.", words(HOLDER, POSSIBLE))
    incident.release()
    proposed = incident.proposed()
    incident.fill(likelihood="neutral")
    incident.print("possible", "uk_ico")
    letter = incident.text("baker", HOLDER)

    assert "We cannot rule out" in letter
    assert "Some of the information in your account was seen" not in letter
    assert ": seen" not in letter
    assert proposed.answers["affected_how"].startswith("May have been seen:")
    assert incident.answers()["people_told"].endswith(
        "1 of 1 people told: 1 by a letter that their mail server took."
    )
    assert incident.entry().customers == {"confirmed": 0, "likely": 0, "possible": 1, "excluded": 0}


def three_customers(incident: WholeIncident) -> None:
    for number, (customer, name) in enumerate(
        (("vet", "Ashgrove Vets Ltd"), ("law", "Tolland & Pryce"), ("baker", "Sable Bakery"))
    ):
        page = f"billing.example?userid={number}"
        incident.customer(
            customer, name, incident.ours(customer, page, AssetKind.SERVICE, *ACCOUNT)
        )


def test_after_new_evidence_only_who_was_told_before_reads_update(incident: WholeIncident) -> None:
    three_customers(incident)
    incident.by_hand("service:billing.example?userid=0", "service:billing.example?userid=1")
    incident.freeze({
        ("vet", HOLDER): LIKELY, ("law", HOLDER): {"certainty": Certainty.POSSIBLE},
        ("baker", HOLDER): OUT,
    })  # fmt: skip
    incident.decide()
    both = words(HOLDER, REACHED), words(HOLDER, POSSIBLE)
    incident.write("Someone read our customer system.", *both)
    incident.release()
    first = incident.text("law", HOLDER)
    incident.now.advance(hours=5)
    confirmed = {"certainty": Certainty.CONFIRMED, "reason": "The page's own log shows it."}
    incident.freeze({
        ("vet", HOLDER): LIKELY, ("law", HOLDER): confirmed, ("baker", HOLDER): LIKELY,
    })  # fmt: skip
    incident.decide()
    incident.write("Someone read our customer system.", *both)
    untold = incident.counted(LETTER)
    upgraded, added = incident.text("law", HOLDER), incident.text("baker", HOLDER)
    incident.print("update", "uk_ico")

    assert "We cannot rule out" in first
    assert "We cannot rule out" not in upgraded
    assert upgraded.startswith("Update: ")
    assert "our letter number 1" in upgraded
    assert not added.startswith("Update")
    assert "replaces" not in added
    assert "This is our letter number 1 about this incident." in added
    assert (untold.people, untold.by_letter, untold.not_begun) == (3, 2, 1)
    assert ObligationKind.ART34_PEOPLE in incident.running()
    incident.release()
    assert (incident.counted(LETTER).by_letter, incident.counted(LETTER).not_begun) == (3, 0)
    assert ObligationKind.ART34_PEOPLE not in incident.running()


def test_who_was_told_wrongly_is_corrected_and_stays_told_in_the_other_role(
    incident: WholeIncident,
) -> None:
    mail = incident.keeps("vet", "ashgrove-vets.example", AssetKind.DOMAIN, DataCategory.MAIL)
    page = incident.ours("vet", "billing.example?userid=0", AssetKind.SERVICE, *ACCOUNT)
    incident.customer("vet", "Ashgrove Vets Ltd", mail, page)
    incident.by_hand("domain:ashgrove-vets.example", "service:billing.example?userid=0")
    incident.freeze({("vet", CONTROLLER): LIKELY, ("vet", HOLDER): LIKELY})
    incident.decide()
    both = words(HOLDER, REACHED), words(CONTROLLER, REACHED)
    incident.write("A server of ours was read.", *both)
    incident.release()
    incident.now.advance(hours=5)
    incident.freeze({("vet", CONTROLLER): LIKELY, ("vet", HOLDER): OUT})
    wrongly = incident.counted(LETTER)
    sorry = words(
        HOLDER, CORRECTED, what_happened="The log of the page is whole: nobody opened yours.",
        consequences=(), measures=(), steps=("You need not watch your statements for this.",),
    )  # fmt: skip
    incident.decide(uk_ico=NO, tell_people=NO)
    incident.write("A server of ours was read.", *both, sorry)
    incident.print("correction", "uk_ico")
    letter, pack = incident.text("vet", HOLDER, correction=True), incident.text("vet")

    assert (wrongly.people, wrongly.told, wrongly.wrongly_told, wrongly.corrected) == (0, 0, 1, 0)
    assert ObligationKind.CORRECTIONS in incident.running()
    assert letter.startswith("Correction: ")
    assert "account was not involved" in letter
    assert "Article 34" not in letter
    assert "not involved" not in pack
    incident.release()
    assert (incident.counted(LETTER).wrongly_told, incident.counted(LETTER).corrected) == (1, 1)
    assert ObligationKind.CORRECTIONS not in incident.running()
    assert incident.counted(PACK).by_letter == 1

    incident.now.advance(hours=5)
    incident.freeze({("vet", CONTROLLER): LIKELY, ("vet", HOLDER): LIKELY})
    incident.decide()
    incident.write("A server of ours was read.", *both)
    incident.release()
    assert (incident.counted(LETTER).wrongly_told, incident.counted(LETTER).by_letter) == (0, 1)
    incident.freeze({("vet", CONTROLLER): LIKELY, ("vet", HOLDER): OUT})
    assert (incident.counted(LETTER).wrongly_told, incident.counted(LETTER).corrected) == (1, 0)
    assert ObligationKind.CORRECTIONS in incident.running()


def test_a_pack_a_letter_and_a_call_are_counted_once_each_wherever_they_are_counted(
    incident: WholeIncident,
) -> None:
    """The bakery's letter comes back, and it is rung: first nobody answers."""
    mail = incident.keeps("vet", "ashgrove-vets.example", AssetKind.DOMAIN, DataCategory.MAIL)
    incident.customer("vet", "Ashgrove Vets Ltd", mail)
    line = incident.ours("gym", "198.51.100.9", AssetKind.IP, DataCategory.TRAFFIC)
    incident.customer("gym", "Harbour Gym", line.model_copy(update={"pecr": PecrStatus.YES}))
    for number, (customer, name) in enumerate((("law", "Tolland"), ("baker", "Sable Bakery"))):
        page = f"billing.example?userid={number}"
        incident.customer(
            customer, name, incident.ours(customer, page, AssetKind.SERVICE, *ACCOUNT)
        )
    incident.by_hand()
    incident.freeze({
        ("vet", CONTROLLER): LIKELY, ("law", HOLDER): LIKELY, ("baker", HOLDER): LIKELY,
        ("gym", HOLDER): LIKELY,
    })  # fmt: skip
    incident.decide(uk_pecr=YES, pecr_subscribers=YES)
    incident.write("A server was read.", words(CONTROLLER, REACHED), words(HOLDER, REACHED))
    incident.release(returned=("baker",))
    returned = incident.proposed().answers
    incident.ring("baker", CallOutcome.NOBODY)
    nobody = incident.counted(LETTER)
    incident.ring("baker")
    incident.fill("uk_ico")
    incident.fill("uk_pecr")
    incident.print("counts", "uk_ico", "uk_pecr")
    holders, packs = incident.counted(LETTER), incident.counted(PACK)

    assert returned["people_told"] == "told_some"
    assert (nobody.by_letter, nobody.by_telephone, nobody.returned) == (2, 0, 1)
    assert incident.answers("uk_ico")["people_told"] == (
        "Yes, we have told all of them\n"
        "2 of 2 people told: 1 by a letter that their mail server took; 1 by telephone."
    )
    assert incident.answers("uk_pecr")["people_told"].endswith(
        "1 of 1 subscribers or individuals told: 1 by a letter that their mail server took."
    )
    assert incident.answers("uk_pecr")["means"] == "E-mail"
    assert (holders.people, holders.by_letter, holders.by_telephone) == (3, 2, 1)
    assert (packs.people, packs.by_letter, packs.by_telephone) == (1, 1, 0)
    assert (holders.returned, holders.not_reached, holders.waiting) == (0, 0, 0)
    assert holders.last_told_at == incident.now()


def test_our_report_has_the_times_and_the_alert_of_our_own_data(incident: WholeIncident) -> None:
    """A mailbox is robbed at two; the account page is opened at half past three."""
    mail = incident.keeps("vet", "ashgrove-vets.example", AssetKind.DOMAIN, DataCategory.MAIL)
    panel = incident.ours("law", "panel-law", AssetKind.SERVICE, *ACCOUNT)
    incident.customer("vet", "Ashgrove Vets Ltd", mail)
    incident.customer("law", "Tolland & Pryce", panel)
    robbed = event(1, "front@ashgrove-vets.example", "UserLoggedIn", customer="vet")
    opened = event(
        90, "clerk@tolland.example", "http-request", customer="law", kinds=("contact",),
        asset="service:panel-law",
    )  # fmt: skip
    incident.alarm(robbed)
    mailbox_only = incident.breach
    incident.now.advance(minutes=7)
    incident.alarm(robbed, opened)
    incident.freeze({("vet", CONTROLLER): LIKELY, ("law", HOLDER): LIKELY})
    incident.decide()
    proposed = incident.proposed()
    incident.fill()
    incident.print("own_times", "uk_ico")
    answers = incident.answers()

    assert incident.breach.detected_at == mailbox_only.detected_at == MORNING
    assert answers["detected"] == "23 November 2026 at 9:37am GMT"
    assert proposed.answers["how_found"] == (
        "Our systems raised an alert on 23 November 2026 at 9:37am GMT."
    )
    assert answers["occurred"] == "22 November 2026 at 3:31am GMT"
    assert "discovered_at" not in proposed.answers


def test_a_person_may_change_whatever_is_proposed(incident: WholeIncident) -> None:
    page = incident.ours("baker", "billing.example?userid=2", AssetKind.SERVICE, *ACCOUNT)
    incident.customer("baker", "Sable Bakery", page)
    incident.by_hand(PAGE)
    incident.freeze({("baker", HOLDER): LIKELY})
    incident.decide()
    proposed = incident.proposed()
    incident.fill(
        people=ReportedQuantity(value=7, precision=NumberPrecision.EXACT),
        measures_before="A second lock.",
    )

    assert proposed.answers["measures_before"] != "A second lock."
    assert proposed.origins["measures_before"] == "the decision"
    assert incident.answers()["people"] == "7 (exact)"
    assert incident.answers()["measures_before"] == "A second lock."
    assert "people" not in incident.proposed().answers


def test_a_report_to_copy_says_once_what_it_lacks_and_names_no_field(
    incident: WholeIncident,
) -> None:
    page = incident.ours("baker", "billing.example?userid=2", AssetKind.SERVICE, *ACCOUNT)
    incident.customer("baker", "Sable Bakery", page)
    incident.by_hand(PAGE)
    incident.freeze({("baker", HOLDER): LIKELY})
    incident.decide()
    blank = incident.copied()
    incident.fill(high_risk="no", cyber=None)
    filled = incident.copied()

    assert "- Nobody has written the report's facts yet" in blank
    assert "- What happened: not answered" in blank
    assert "What happened? [33(3)(a)] (must be answered)\nMISSING: not answered" in blank
    assert "- The decision finds that a high risk to people is likely. Say why" in filled
    assert "because_" not in filled


def test_a_group_of_unknown_number_is_neither_counted_nor_said_to_be_told(
    incident: WholeIncident,
) -> None:
    """The bakery is written to; nobody knows how many sent a form of our website."""
    page = incident.ours("baker", "billing.example?userid=2", AssetKind.SERVICE, *ACCOUNT)
    incident.customer("baker", "Sable Bakery", page)
    incident.by_hand(PAGE)
    group = incident.group(GroupKind.ENQUIRER, None, reach_reason="A notice goes up.")
    incident.freeze({("baker", HOLDER): LIKELY})
    incident.decide()
    incident.write("Someone read our customer system.", words(HOLDER, REACHED))
    incident.release()
    before = incident.proposed().answers
    incident.fill(people_told="told_all")
    built = incident.report()
    incident.print("unnumbered", "uk_ico")

    assert before["people_told"] == "told_some"
    assert "people" not in before
    assert {c.key for c in built.contradictions} == {"people_told"}
    assert incident.answers()["people_told"].endswith(
        "1 of 1 people told: 1 by a letter that their mail server took. "
        "Beside them, 1 group is not all told, and nobody knows yet how many they are."
    )
    incident.tell(group, 40)
    assert incident.answers()["people_told"].endswith(
        "41 of 41 people told: 1 by a letter that their mail server took; "
        "40 by other means, each with its proof."
    )
    assert incident.report().contradictions == ()


def test_staff_whom_we_decided_not_to_tell_are_said_to_be_so(incident: WholeIncident) -> None:
    incident.customer("baker", "Sable Bakery")
    incident.by_hand()
    group = incident.group(GroupKind.STAFF, 3)
    incident.freeze()
    incident.decide()
    incident.not_tell(group)
    incident.fill(people_told="decided_not")
    incident.print("not_told", "uk_ico")

    assert incident.answers()["people_told"].endswith(
        "0 of 3 people told: 3 whom we decided not to tell."
    )
    assert incident.report().contradictions == ()
    assert ObligationKind.ART34_GROUP not in incident.running()


def test_a_hold_makes_people_wait_and_is_no_decision_not_to_tell(incident: WholeIncident) -> None:
    page = incident.ours("baker", "billing.example?userid=2", AssetKind.SERVICE, *ACCOUNT)
    incident.customer("baker", "Sable Bakery", page)
    incident.by_hand(PAGE)
    incident.group(GroupKind.STAFF, 3)
    incident.freeze({("baker", HOLDER): LIKELY})
    hold = LawEnforcementHold(
        asked_by="DC Reed", asked_at=incident.now(), basis="Crime number 1/26",
        review_on=incident.now() + timedelta(days=2), stops=frozenset({NotificationBasis.ART34}),
    )  # fmt: skip
    incident.decide(own_promise_binds=NO_PROMISE, hold=hold)
    answers = incident.proposed().answers
    incident.fill()
    incident.print("held", "uk_ico")
    incident.decide()

    assert answers["people_told"] == "planning"
    assert incident.report().contradictions == ()
    assert incident.answers()["people_told"].startswith("No, but we are planning to")
