"""Other customers' data and staff's names in a text, however they are written; and what is let
by."""

from __future__ import annotations

import time
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from named_customers import BINDINGS, CUSTOMERS, READER, firm

from breachdesk.gdpr.personal_data.foreign_data import ForeignData, TextReader
from breachdesk.gdpr.personal_data.known_names import NameKind
from breachdesk.testing import make_binding, make_user
from notifiers.testing.channels import PROFILE
from schemas.customer import PROVIDER, AssetKind, Binding

DATA = ForeignData.from_customers(
    CUSTOMERS, BINDINGS, [make_user("sam"), make_user("dfrost")], profile=PROFILE, involved=("sam",)
)


def found(
    text: str, reader: TextReader = READER, data: ForeignData = DATA
) -> list[tuple[NameKind, str]]:
    return [(hit.kind, hit.severity) for hit in data.find(text, reader)]


def blocks(text: str, reader: TextReader = READER, data: ForeignData = DATA) -> bool:
    return any(severity == "block" for _, severity in found(text, reader, data))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Fabrikam Ltd was attacked", NameKind.NAME),
        ("FABRIKAM, LTD. was attacked", NameKind.NAME),
        ("fabrikam was attacked first", NameKind.SHORT_NAME),
        ("Fabrikam’s server", NameKind.SHORT_NAME),
        ("the Fabrikams", NameKind.SHORT_NAME),
        ("Fabri\u00adkam", NameKind.SHORT_NAME),
        ("Fab\u200brikam", NameKind.SHORT_NAME),
        ("Fаbrіkam", NameKind.SHORT_NAME),
        ("Ｆａｂｒｉｋａｍ", NameKind.SHORT_NAME),
        ("&#70;abrikam&nbsp;Ltd", NameKind.NAME),
        ("Fabri-\nkam", NameKind.SHORT_NAME),
        ("Hartwell Dental\n  Practice", NameKind.NAME),
        ("hartwell dental", NameKind.SHORT_NAME),
        ("Hartwell\N{NO-BREAK SPACE}Dental", NameKind.SHORT_NAME),
        ("hartwelldental was", NameKind.DOMAIN),
        ("hartwell dot example", NameKind.SHORT_NAME),
        ("Muller", NameKind.SHORT_NAME),
        ("MÜLLER", NameKind.SHORT_NAME),
        ("Mueller’s shop", NameKind.SHORT_NAME),
        ("O’Neill’s", NameKind.SHORT_NAME),
        ("Oneill’s bar", NameKind.NAME),
        ("Blue Yonder Cycles", NameKind.NAME),
        ("the copper kettle", NameKind.SHORT_NAME),
        ("hartwell-dental", NameKind.ACCOUNT),
        ("account C-0412", NameKind.ACCOUNT),
        ("accounts@fabrikam.example", NameKind.ADDRESS),
        ("accounts@fabrikam.\nexample", NameKind.ADDRESS),
        ("accounts at fabrikam dot example", NameKind.DOMAIN),
        ("accounts (at) fabrikam [dot] example", NameKind.ADDRESS),
        ("the site fabrikam.example", NameKind.DOMAIN),
        ("mail.fabrikam.example", NameKind.DOMAIN),
        ("fabrikam[.]example", NameKind.DOMAIN),
        ("www.fabrikam-parts.co.uk", NameKind.DOMAIN),
        ("fabrikam-parts", NameKind.DOMAIN),
        ("info@müller.example", NameKind.ADDRESS),
        ("xn--mller-kva.example", NameKind.DOMAIN),
        ("KQ71@gmail.com", NameKind.ADDRESS),
        ("kettle@btinternet.com", NameKind.ADDRESS),
        ("Kit Quarrington", NameKind.PERSON),
        ("Quarrington, Kit", NameKind.PERSON),
        ("Mr Quarrington", NameKind.PERSON),
        ("Mrs. Quarrington", NameKind.PERSON),
        ("Dr K. Quarrington", NameKind.PERSON),
        ("K. Quarrington", NameKind.PERSON),
        ("Sian O'Brien Jones", NameKind.PERSON),
        ("Ms O’Brien-Jones", NameKind.PERSON),
        ("Anna van der Berg", NameKind.PERSON),
        ("Ms van der Berg", NameKind.PERSON),
        ("Mark Hall rang", NameKind.PERSON),
        ("+44 (0)1632 960 002", NameKind.TELEPHONE),
        ("0044 1632 960002", NameKind.TELEPHONE),
        ("01632\n960002", NameKind.TELEPHONE),
        ("01632 960000 01632 960002", NameKind.TELEPHONE),
        ("203.0.113.9", NameKind.SYSTEM),
        ("203[.]0[.]113[.]9", NameKind.SYSTEM),
        ("2001:db8:7::1", NameKind.SYSTEM),
        ("DC01.hartwell.local", NameKind.SYSTEM),
        ("8F1D3C62-6f0e-4a0c", NameKind.SYSTEM),
        ("Our engineer Sam Field", NameKind.STAFF),
        ("Field, Sam", NameKind.STAFF),
        ("Mr Field", NameKind.STAFF),
        ("S. Field", NameKind.STAFF),
        ("Ask Sam about it", NameKind.STAFF),
        ("dfrost did it", NameKind.STAFF),
    ],
)
def test_what_is_anothers_is_found_however_it_is_written(text: str, kind: NameKind) -> None:
    hits = DATA.find(f"On Sunday we saw {text} in a record.", READER)

    assert (kind, "block") in [(hit.kind, hit.severity) for hit in hits]


@pytest.mark.parametrize(
    "text",
    [
        "Contoso Ltd, Contoso’s mailbox, contoso, accounts@contoso.example and mail.contoso.example",
        "Dear Jo Mason, Ms Mason, J. Mason. Ring +44 1632 960000. We saw 198.51.100.7.",
        "Ask Morwenna Pask or Ms Pask at Penhallow IT, 4 Quay Lane, Fictional Harbour, FH1 2AB.",
        "Penhallow IT Support Ltd is a firm. Write to privacy@penhallow.example.",
        "The bridge is fine. Bridge the gap. We bridge it.",
        "Kit said so. Mark the page in the hall. A will, a way.",
        "Under article 34 we must tell you. The home care services in the field.",
        "somebody@gmail.com and other@btinternet.com",
        "10.1.2.3 and 203.0.113.200 and 2001:db8:8::1",
        "version 1632.96.0002 of 22 November 2026, order 98765432109876",
        "Information Commissioner’s Office",
        "The Office sells windows. Sunday at 3:17am. Tutors teach.",
    ],
)
def test_what_is_the_readers_ours_or_ordinary_is_let_by(text: str) -> None:
    assert found(text) == []


def test_an_ordinary_word_blocks_next_to_a_sign_of_a_firm_and_wants_a_look_without_one() -> None:
    """Decision: a letter is never stopped by a word that may stand in any letter, unless a
    possessive, `Ltd`, `customer` before it or `was attacked` after it makes a firm of it."""
    assert found("We saw Bridge there.") == [(NameKind.SHORT_NAME, "warn")]
    for result in (
        "We saw Bridge’s server.",
        "We saw Bridge Ltd there.",
        "Our customer Bridge rang.",
        "Bridge was attacked first.",
        "Apple was also hit.",
    ):
        assert blocks(result), result
    assert found("WE SAW THE BRIDGE AND THE APPLE") == []


def test_a_rare_word_blocks_when_capitalised_and_wants_a_look_when_not() -> None:
    rare = ForeignData.from_customers(
        [firm("f", "Foxglove Country Hotel"), firm("k", "Kestrel Alarms Ltd")]
    )

    assert found("Foxglove was hit.", data=rare) == [(NameKind.SHORT_NAME, "block")]
    assert found("It hit Kestrel too.", data=rare) == [(NameKind.SHORT_NAME, "block")]
    assert found("a foxglove grew", data=rare) == [(NameKind.SHORT_NAME, "warn")]


def test_a_town_is_no_firm_where_it_is_a_place() -> None:
    assert found("our office in Cambridge") == [(NameKind.SHORT_NAME, "warn")]
    assert blocks("Cambridge was attacked first.")
    assert blocks("We shut out Cambridge first.")


def test_an_abbreviation_counts_in_capitals_only() -> None:
    data = ForeignData.from_customers([firm("c-9", "BQX Ltd")])

    assert found("It hit BQX too.", data=data) == [(NameKind.SHORT_NAME, "warn")]
    assert blocks("It hit BQX Ltd too.", data=data)
    assert found("it hit bqx too", data=data) == []


def test_two_firms_that_differ_by_their_ending_are_told_apart_where_they_can_be() -> None:
    data = ForeignData.from_customers(
        [
            firm("one", "Smith & Co"),
            firm("two", "Smith Ltd"),
            firm("h", "Hill & Sons"),
            firm("i", "Hill"),
        ]
    )
    one, hill = TextReader("one", ("Smith & Co",)), TextReader("h", ("Hill & Sons",))

    assert found("Smith & Co, Smith and Co., Smith", one, data) == []
    assert blocks("Smith Ltd", one, data)
    assert blocks("Smith & Co", TextReader("two", ("Smith Ltd",)), data)
    assert found("Hill & Sons; Hill", hill, data) == []
    assert blocks("Hill & Sons", TextReader("i", ("Hill",)), data)


def test_what_the_register_holds_no_more_may_remain_when_the_frozen_list_has_it() -> None:
    old = TextReader("contoso", names=("Old Contoso Traders", "Peregrine Quist"))
    data = ForeignData.from_customers(
        [*CUSTOMERS, firm("q", "Quist Ltd")], users=[make_user("sam")]
    )

    assert found("Dear Peregrine Quist, Mr Quist of Old Contoso Traders", old, data) == []
    assert blocks("Dear Peregrine Quist", READER, data)


def test_a_first_name_of_staff_blocks_when_they_worked_on_it_and_wants_a_look_otherwise() -> None:
    idle = ForeignData.from_customers(CUSTOMERS, users=[make_user("sam")], profile=PROFILE)

    assert blocks("Sam shut it out.")
    assert found("Sam shut it out.", data=idle) == [(NameKind.STAFF, "warn")]


def test_an_account_named_like_a_common_word_stops_no_letter() -> None:
    data = ForeignData.from_customers([], users=[make_user("will")], involved=("will", "page"))

    assert not blocks("We will tell you. Will you ring us? The page was read.", data=data)


def test_an_account_named_like_a_post_stops_no_letter() -> None:
    users = [make_user("responder"), make_user("approver"), make_user("on-call-engineer")]
    data = ForeignData.from_customers([], users=users, involved=("responder", "approver"))

    assert found("Our responder and the approver looked.", data=data) == []


def test_a_contact_that_is_a_post_is_nobodys_name() -> None:
    data = ForeignData.from_customers(
        [firm("p", "Zephyrine Ltd", people=[("Practice Manager", "")])]
    )

    assert found("Tell your Practice Manager.", data=data) == []


def test_a_domain_of_many_customers_addresses_is_a_providers() -> None:
    many = [firm(f"m{n}", f"Zzyx{n}ville Ltd", f"u{n}@sharedmail.example") for n in range(4)]
    data = ForeignData.from_customers(many)

    assert found("a sharedmail.example mailbox", data=data) == []
    assert blocks("u1@sharedmail.example", data=data)


def test_our_own_record_in_the_register_is_no_customer() -> None:
    data = ForeignData.from_customers([firm(PROVIDER, "Fenland IT"), *CUSTOMERS])

    assert found("Fenland IT wrote this.", data=data) == []
    assert data.count_others(READER) == len(CUSTOMERS) - 1


def test_an_ordinary_word_outside_what_was_typed_is_the_templates_own() -> None:
    typed = TextReader("contoso", typed=frozenset(("bridge",)))

    assert found("Under Article 34 we saw Bridge there.", typed) == [(NameKind.SHORT_NAME, "warn")]


def test_the_reference_is_no_name() -> None:
    data = ForeignData.from_customers([firm("k", "Kestrel Alarms Ltd")])
    reader = TextReader("contoso", reference="BR-0001-Kestrel-lantern-0427")

    assert found("Your reference is BR-0001-Kestrel-lantern-0427.", reader, data) == []


def test_a_hit_shows_its_words_to_nobody_by_accident() -> None:
    (hit,) = DATA.find("Fabrikam", READER)

    assert "abrikam" not in repr(hit)
    assert "asses" not in repr(READER)


@given(st.text(alphabet="Fabrikm Ltdо’.-\n\u00ad&;<>@0123 ", max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    for hit in DATA.find(text, READER):
        assert 0 <= hit.start < hit.end


def test_two_thousand_customers_take_milliseconds_a_letter() -> None:
    syllables = ("Brax", "Quen", "Vorl", "Zint", "Phar", "Glor", "Trem", "Plon", "Kwis", "Drak")
    endings = ("wick", "ford", "ley", "ham", "bury", "dale", "mere", "combe", "stow", "thorpe")
    trades = ("Dental", "Ltd", "Bakery", "Garage", "LLP", "Farm", "Hotel", "School", "Care", "Inn",
              "Print", "Design", "Motors", "Optics", "Vets", "Legal", "HR", "Gym", "Trust", "Books")  # fmt: skip
    many = [
        firm(f"k{n:04}", f"{a}{b} {c}", f"x@{a}{b}.example", [(f"Jane {a}{b}", "")])
        for n, (a, b, c) in enumerate(product(syllables, endings, trades))
    ]
    few = ForeignData.from_customers(many[:20])
    all_of_them = ForeignData.from_customers(many)
    letter = "We are writing because someone signed in to a system on Sunday, 22 November. " * 60

    def seconds(data: ForeignData) -> float:
        begun = time.process_time()
        for _ in range(5):
            data.find(letter, READER)
        return time.process_time() - begun

    assert min(seconds(all_of_them) for _ in range(5)) < 8 * min(seconds(few) for _ in range(5))


def test_a_long_text_takes_time_in_proportion() -> None:
    """Runs of digits, hyphens, dots and colons are where patterns grow out of hand."""
    for piece in ("0 ", "1.", "a:", "a-\n", "(", "Mr ", "fabrikam.", "<"):
        begun = time.process_time()
        DATA.find(piece * 10_000, READER)
        assert time.process_time() - begun < 20, piece


def test_bindings_of_every_kind_are_taken() -> None:
    every: list[Binding] = [
        make_binding(f"thing{n}.example", "fabrikam", kind=kind)
        for n, kind in enumerate(AssetKind)
        if kind is not AssetKind.IP
    ]

    assert blocks("thing2.example", data=ForeignData.from_customers(CUSTOMERS, every))
