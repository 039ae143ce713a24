"""Names arranged once for a version of the register find what names arranged for one case find."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st
from named_customers import BINDINGS, CUSTOMERS, READER

from breachdesk.gdpr.personal_data import register_entries
from breachdesk.gdpr.personal_data.folding import fold_text, split_tokens
from breachdesk.gdpr.personal_data.foreign_data import ForeignData, TextReader
from breachdesk.gdpr.personal_data.known_names import NameEntries, NameEntry
from breachdesk.gdpr.personal_data.register_names import RegisterNames
from breachdesk.testing import make_user
from notifiers.testing.channels import PROFILE

USERS = [
    make_user("sam").model_copy(update={"name": "Sam Bridge"}),
    make_user("fabrikam"),
    make_user("will").model_copy(update={"name": "Will Kettle"}),
    make_user("beacon").model_copy(update={"name": "Jo Mason"}),
]
"""Some are called as customers and the reader are."""
NAMES = RegisterNames(CUSTOMERS, BINDINGS, USERS, profile=PROFILE)
WORDS = (
    "Fabrikam", "fabrikam", "Ltd", "Bridge", "bridge", "Sam", "sam", "Will", "will", "Kettle", "Beacon",
    "beacon", "Mr", "Ms", "J.", "Mason", "Hall", "Mark", "Contoso", "accounts@contoso.example",
    "kq71@gmail.com", "01632 960002", "203.0.113.7", "Home Care", "Services", "The", "and", "&", "at",
    "Fabri-\nkam", "Müller", "&amp;", "Article", "Windows", "Microsoft", ".", ",", "\n\n", "BR-1",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join)
INVOLVED = st.frozensets(st.sampled_from(("sam", "will", "fabrikam", "page")))
READERS = st.sampled_from(
    (
        READER,
        TextReader("fabrikam", names=("Fabrikam Ltd", "Mark Hall")),
        TextReader("", typed=frozenset(("bridge", "will", "sam"))),
        TextReader("contoso", names=("Sam Bridge",), reference="BR-1", typed=frozenset()),
    )
)


def all_entries(involved: frozenset[str]) -> Iterator[NameEntry]:
    """Everything in one row, our staff before what may stand."""
    shared = register_entries.find_widely_used_domains(CUSTOMERS, BINDINGS)
    for customer in CUSTOMERS:
        yield from register_entries.generate_customer_entries(customer, shared)
    for binding in BINDINGS:
        yield from register_entries.generate_binding_entries(binding)
    yield from register_entries.generate_staff_entries(USERS, involved)
    yield from register_entries.generate_public_body_entries()
    yield from register_entries.generate_profile_entries(PROFILE)


def in_one(involved: frozenset[str]) -> ForeignData:
    """A search whose entries were put into one index for this case alone."""
    names = RegisterNames(CUSTOMERS, BINDINGS, USERS, profile=PROFILE)
    names.entries = NameEntries(all_entries(involved))
    names.get_staff_entries = lambda _: ()
    return ForeignData(names)


@given(TEXTS, INVOLVED, READERS)
def test_names_shared_by_cases_find_what_names_of_one_case_find(
    text: str, involved: frozenset[str], reader: TextReader
) -> None:
    assert ForeignData(NAMES, involved).find(text, reader) == in_one(involved).find(text, reader)


@given(st.lists(st.tuples(TEXTS, READERS), max_size=6))
def test_a_search_that_read_other_texts_before_finds_the_same(
    readers: Sequence[tuple[str, TextReader]],
) -> None:
    data = ForeignData(NAMES)

    assert [data.find(*each) for each in readers + readers] == [
        ForeignData(NAMES).find(*each) for each in readers + readers
    ]


@given(TEXTS, INVOLVED)
def test_what_cases_add_stays_out_of_the_names_that_they_share(
    text: str, involved: frozenset[str]
) -> None:
    plain = fold_text(text)
    words = split_tokens(plain)

    def rows() -> list[object]:
        return [list(NAMES.entries.match_at(plain, words, at)) for at in range(len(words))]

    before = rows()
    ForeignData(NAMES, involved).find(text, READER)
    assert rows() == before
