"""What a regulator's report loses, what stays, and what the account says of it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breachdesk.gdpr.personal_data.detectors import PersonalDataKind
from breachdesk.gdpr.personal_data.foreign_data import ForeignData
from breachdesk.gdpr.personal_data.report_redaction import PLACEHOLDERS, ReportRedaction
from breachdesk.testing import make_binding, make_customer, make_user
from notifiers.testing.channels import PROFILE
from schemas.customer import AssetKind, Customer

DATA = ForeignData.from_customers(
    [make_customer("contoso"), Customer(id="c-0415", name="Müller Bäckerei GmbH")],
    [make_binding("files.contoso.example", "contoso", kind=AssetKind.SITE)],
    [make_user("sam")],
    profile=PROFILE,
)
OURS = (
    "Morwenna Pask", "privacy@penhallow.example", "01632 960123", "+44 1632 960123",
    "4 Quay Lane, Fictional Harbour, FH1 2AB", "Penhallow IT Support Ltd",
)  # fmt: skip


def redaction() -> ReportRedaction:
    return ReportRedaction(DATA, PROFILE, year=2026)


@pytest.mark.parametrize(
    ("original", "personal", "what"),
    [
        ("The file held Mrs Margaret Okafor.", "Margaret Okafor", PersonalDataKind.PERSON),
        ("It names patient Okonkwo too.", "Okonkwo", PersonalDataKind.PERSON),
        ("Patient: Tom Riddle was listed.", "Tom Riddle", PersonalDataKind.PERSON),
        ("Sarah Thompson’s scan was read.", "Sarah Thompson", PersonalDataKind.PERSON),
        ("We rang Zoë Ball-Llewelyn first.", "Zoë Ball-Llewelyn", PersonalDataKind.PERSON),
        ("A letter to Dr. Patel was read.", "Patel", PersonalDataKind.PERSON),
        ("A letter to Mr J. P. O’Brien.", "O’Brien", PersonalDataKind.PERSON),
        ("J. Okafor rang.", "Okafor", PersonalDataKind.PERSON),
        ("SARAH\nTHOMPSON", "Sarah", PersonalDataKind.PERSON),
        ("Mr van der Berg rang.", "Berg", PersonalDataKind.PERSON),
        ("Jo Mason rang.", "Jo Mason", PersonalDataKind.PERSON),
        ("Our engineer Sam Field saw it.", "Sam Field", PersonalDataKind.STAFF),
        ("Contoso was hit.", "Contoso", PersonalDataKind.CUSTOMER),
        ("Mueller was hit.", "Mueller", PersonalDataKind.CUSTOMER),
        ("The file lay on files.contoso.example.", "contoso", PersonalDataKind.DOMAIN),
        ("Write to olu@gmail.com.", "olu@gmail.com", PersonalDataKind.EMAIL),
        ("She was born 12 March 1961.", "12 March 1961", PersonalDataKind.BIRTH),
        ("born on the 4th of July 2019", "4th of July 2019", PersonalDataKind.BIRTH),
        ("DOB 03/04/58", "03/04/58", PersonalDataKind.BIRTH),
        ("Date of birth: 1961-03-12", "1961-03-12", PersonalDataKind.BIRTH),
        ("the record of 12.03.1961", "12.03.1961", PersonalDataKind.BIRTH),
        ("of 14 Mill Lane, Ely", "14 Mill Lane", PersonalDataKind.STREET),
        ("of 14 mill lane, ely", "14 mill lane", PersonalDataKind.STREET),
        ("of Flat 2, 31a Church Street", "31a Church Street", PersonalDataKind.STREET),
        ("of 14 Mill\nLane", "14 Mill\nLane", PersonalDataKind.STREET),
        ("of Rose Cottage, Ely", "Rose Cottage", PersonalDataKind.STREET),
        ("CB7 4AB", "CB7 4AB", PersonalDataKind.POSTCODE),
        ("cb74ab", "cb74ab", PersonalDataKind.POSTCODE),
        ("EC1A 1BB", "EC1A 1BB", PersonalDataKind.POSTCODE),
        ("mobile 07700 900123.", "07700 900123", PersonalDataKind.TELEPHONE),
        ("07700-900-123", "07700-900-123", PersonalDataKind.TELEPHONE),
        ("(01632) 960 111", "(01632) 960 111", PersonalDataKind.TELEPHONE),
        ("+44 (0)7700 900 123", "+44 (0)7700 900 123", PersonalDataKind.TELEPHONE),
        ("+353 1 234 5678", "+353 1 234 5678", PersonalDataKind.TELEPHONE),
        ("phone: 960001", "960001", PersonalDataKind.TELEPHONE),
        ("from 203.0.113.55", "203.0.113.55", PersonalDataKind.IP),
        ("from 2001:db8::1", "2001:db8::1", PersonalDataKind.IP),
        ("NHS 943 476 5919", "943 476 5919", PersonalDataKind.NHS),
        ("943-476-5919", "943-476-5919", PersonalDataKind.NHS),
        ("AB 12 34 56 C", "AB 12 34 56 C", PersonalDataKind.INSURANCE),
        ("QQ123456C", "QQ123456C", PersonalDataKind.INSURANCE),
        ("4111 1111 1111 1111", "4111 1111 1111 1111", PersonalDataKind.CARD),
        ("20-00-00 55779911", "55779911", PersonalDataKind.BANK),
        ("sort code 12 10 26, account no. 55779911", "12 10 26", PersonalDataKind.BANK),
        ("account number: 55779911", "55779911", PersonalDataKind.BANK),
        ("GB29 NWBK 6016 1331 9268 19", "GB29 NWBK 6016 1331 9268 19", PersonalDataKind.BANK),
    ],
)
def test_personal_data_of_anybody_is_taken_out_and_counted(
    original: str, personal: str, what: PersonalDataKind
) -> None:
    result = redaction()
    remaining = result.redact(original)

    assert personal.casefold() not in remaining.casefold()
    assert PLACEHOLDERS[what] in remaining
    assert what in result.account.removed


@pytest.mark.parametrize(
    "original",
    [
        "On 22 November 2026 at 9:12am 118 files were read; reference IC-123456789012.",
        "From 01/02/2026 to 22-11-2026, version 10.2.1, 2,400 records on 3 servers.",
        "Names, addresses and bank details. Invoice fraud with real details is likely.",
        "The intruder signed in as reception. We will tell you in May. June was quiet.",
        "The 12 people in the street; 3 files on our road; 14 of the customers drive.",
        "A second factor for every staff account (done), by 30 November 2026.",
        "Report Fraud was told. Customer Services answered. Mark the page.",
    ],
)
def test_what_names_nobody_stays_as_it_was(original: str) -> None:
    assert redaction().redact(original) == original


def test_a_surname_of_one_answer_is_known_in_the_others() -> None:
    remaining = redaction().redact_all(["Then Adeyemi rang.", "Mr Olu Adeyemi was told."])

    assert not any("Adeyemi" in text for text in remaining)


def test_words_that_could_be_names_are_left_for_a_person_to_look_at() -> None:
    result = redaction()
    remaining = result.redact(
        "Xiu Zhang wrote to Kaspersky. Will Young did not. Ask Morwenna Pask."
    )

    assert result.account.look_at == ("Xiu Zhang", "Kaspersky", "Will Young")
    assert "Xiu" in remaining
    assert "Xiu" not in repr(result.account)
    assert result.account.unseen


def test_nothing_found_is_said_as_nothing_found() -> None:
    result = redaction()
    result.redact("Files were read.")

    assert (result.account.total, result.account.look_at) == (0, ())
    assert (result.account.customers, result.account.staff) == (2, 1)


PIECES = st.sampled_from(
    [
        "Mrs Okafor", "Sarah Thompson", "born 12 March 1961", "14 Mill Lane", "CB7 4AB", " ", "\n",
        "07700 900123", "203.0.113.5", "2001:db8::1", "a@b.example", "Contoso Ltd", ", ", ". ", "é",
        "943 476 5919", "4111 1111 1111 1111", "20-00-00", "account", "files", "Müller", "’s", "-",
        "[name removed]", "[", "]", "0", "Mr", "&", "IX", "\u00ad", "ﬁ", *OURS,
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=80))
def test_stripping_again_changes_nothing(original: str) -> None:
    once = redaction().redact(original)

    assert redaction().redact(once) == once


@given(st.lists(PIECES, max_size=6), st.sampled_from(OURS), st.lists(PIECES, max_size=6))
def test_our_own_contact_stays(before: list[str], ours: str, after: list[str]) -> None:
    text = " ; ".join([*before, ours, *after])

    assert ours in redaction().redact(text)


def test_a_long_answer_takes_time_in_proportion() -> None:
    pieces = (
        "Mr A",
        "0 ",
        "1.",
        "a:",
        "14 a ",
        "Sarah T ",
        "20-",
        "A1",
        "AB12 ",
        "born ",
        "flat 1 ",
        "(",
    )
    for piece in pieces:
        begun = time.process_time()
        redaction().redact(piece * (10_000 // len(piece)))
        assert time.process_time() - begun < 20, piece
