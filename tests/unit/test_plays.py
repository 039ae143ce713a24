"""Whole incidents, read as their readers and the regulator would read what comes of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from whole_play import (
    CONTROLLER,
    HOLDER,
    NO_PROMISE,
    REACHED,
    WholePlay,
    event,
    whole_play,
    words,
)

from notifiers.testing import NO, YES
from schemas.affected import Certainty, Effect, Surety
from schemas.affected_group import GroupKind
from schemas.case import Concern, Origin
from schemas.customer import AssetKind, DataCategory, Pecr
from schemas.obligation import ObligationKind

SURE, MAYBE = Surety.HAPPENED, Surety.POSSIBLE
LIKELY = {"certainty": Certainty.LIKELY}
OUT = {"certainty": Certainty.EXCLUDED, "reason": "The records are whole and show nothing."}
NOBODY = {"report_to_ico": NO, "tell_people": NO}
ACCOUNT = (DataCategory.CONTACT, DataCategory.FINANCIAL)


@pytest.fixture
def play(tmp_path: Path) -> Iterator[WholePlay]:
    with whole_play(tmp_path) as made:
        yield made


def test_ransomware_with_a_lost_backup(play: WholePlay) -> None:
    """Files locked and a backup gone; nobody is known to have seen anything; our staff's files
    were on the same disk."""
    mail = play.keeps("vet", "ashgrove-vets.example", AssetKind.DOMAIN, DataCategory.FILES)
    backup = play.keeps("vet", "backup:vet", AssetKind.SERVICE, DataCategory.BACKUP)
    play.customer("vet", "Ashgrove Vets Ltd", mail, backup)
    who = "front@ashgrove-vets.example"
    locked = [
        event(
            n, who, "FileRenamed", customer="vet", kinds=("files",), **{"file.name": f"x{n}.locked"}
        )
        for n in range(6)
    ]
    play.alarm(*locked)
    effects = {
        DataCategory.FILES: {Effect.UNAVAILABLE: SURE},
        DataCategory.BACKUP: {Effect.LOST: SURE},
    }
    play.freeze({("vet", CONTROLLER): {"certainty": Certainty.CONFIRMED, "effects": effects}})
    play.group(GroupKind.STAFF, 9)
    play.contained("We cut the file server off.", Concern.EVERYTHING)
    play.contained("We restored the vets' patient list.", Concern.CUSTOMERS_DATA, "vet")
    play.decide()
    play.write("A program made files on our file server unreadable.", words(CONTROLLER, REACHED))
    play.release()
    play.fill()
    play.print("ransomware", "uk_ico")
    pack, answers = play.text("vet"), play.answers()

    assert "backups, with whatever was backed up: lost" in pack
    assert answers["people"] == "about 9 (approximate)"
    assert "vets" not in " ".join(answers.values()).lower()
    assert ObligationKind.ICO_ART33 in play.running()


def test_a_lost_encrypted_laptop(play: WholePlay) -> None:
    laptop = play.ours("baker", "laptop-9", AssetKind.HOST, DataCategory.CONTACT)
    play.customer("baker", "Sable Bakery", laptop)
    play.by_hand("host:laptop-9")
    effects = {DataCategory.CONTACT: {Effect.LOST: SURE, Effect.SEEN: MAYBE}}
    play.freeze({("baker", HOLDER): {"certainty": Certainty.LIKELY, "effects": effects}})
    play.decide(**NOBODY)
    play.write("A laptop of ours was left on a train.", words(HOLDER, REACHED))
    play.release()
    play.fill(cyber="no")
    play.print("laptop", "uk_ico")


def test_a_mis_sent_mail(play: WholePlay) -> None:
    play.customer("law", "Tolland & Pryce")
    play.customer("baker", "Sable Bakery")
    play.by_hand()
    effects = {DataCategory.CONTACT: {Effect.SEEN: SURE}}
    play.freeze({("law", HOLDER): {"certainty": Certainty.CONFIRMED, "effects": effects}})
    play.decide(tell_people=NO)
    play.write(
        "We sent a bill to the wrong customer.",
        words(HOLDER, REACHED, what_happened="It was your bill. The other customer deleted it."),
    )
    play.release()
    play.fill(cyber="no")
    play.print("mis_sent", "uk_ico")


def test_a_suppliers_breach(play: WholePlay) -> None:
    copies = play.keeps("vet", "copies:vet", AssetKind.SERVICE, DataCategory.BACKUP)
    bills = play.ours("vet", "bills:vet", AssetKind.SERVICE, *ACCOUNT)
    play.customer("vet", "Ashgrove Vets Ltd", copies, bills)
    play.by_hand(
        "service:copies:vet", "service:bills:vet", origin=Origin.PROCESSOR,
        third_party="Tideline Storage plc", supplier_told_at=play.now(),
    )  # fmt: skip
    play.freeze({("vet", CONTROLLER): LIKELY, ("vet", HOLDER): LIKELY})
    play.decide()
    play.write(
        "A supplier of ours was attacked.",
        words(HOLDER, REACHED, what_happened="It stores our bills to you."),
        words(
            CONTROLLER, REACHED, what_happened="It stores copies of your computers.",
            no_sub_processors=False, sub_processors="Tideline Storage plc keeps the copies.",
        ),
    )  # fmt: skip
    play.release()
    play.fill()
    play.print("supplier", "uk_ico")


def test_a_line_and_an_account(play: WholePlay) -> None:
    line = play.ours("law", "198.51.100.7", AssetKind.IP, DataCategory.TRAFFIC)
    page = play.ours("baker", "billing.example?userid=2", AssetKind.SERVICE, *ACCOUNT)
    play.customer("law", "Tolland & Pryce", line.model_copy(update={"pecr": Pecr.YES}))
    play.customer("baker", "Sable Bakery", page)
    play.by_hand("ip:198.51.100.7", "service:billing.example?userid=2")
    play.freeze({("law", HOLDER): LIKELY, ("baker", HOLDER): LIKELY})
    play.decide(pecr=YES, pecr_subscribers=YES, own_promise_binds=NO_PROMISE)
    play.write(
        "Someone read our customer system.",
        words(HOLDER, REACHED, "law", what_happened="They read your call records.", steps=(
            "Look at your call bill.", "Ask us for the records.", "Tell us of odd calls.")),
        words(HOLDER, REACHED, "baker", what_happened="They read your bank page.", steps=(
            "Ring your bank.", "Look at your statements.", "Tell us of odd bills.")),
    )  # fmt: skip
    play.release()
    play.fill("uk_ico")
    play.fill("uk_pecr")
    play.print("telecoms", "uk_ico", "uk_pecr")
