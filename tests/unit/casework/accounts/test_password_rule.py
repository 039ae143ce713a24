from __future__ import annotations

import time

import pytest

from breachdesk.casework.accounts.password_rule import LONGEST, check_password, list_known_words
from breachdesk.testing import make_user
from schemas.errors import BadInput
from schemas.settings import ProviderProfile

PROFILE = ProviderProfile(
    legal_name="Northgate IT Ltd", trading_name="Northgate", contact_email="help@northgate.example"
)
WORDS = list_known_words(make_user("rhea").model_copy(update={"name": "Rhea Hartwell"}), PROFILE)


@pytest.mark.parametrize(
    "password",
    [
        "aaaaaaaaaaaa",
        "password1234",
        "123456789012",
        "qwertyuiop12",
        "abcdefghijkl",
        "PASSWORD1234",
        "P@ssw0rd1234",
        "northgate2026",
        "Northgate2026!",
        "Hartwell-2026",
        "rhearhearhea",
        "breachdesk123",
        "letmein letmein",
        "ab" * 100,
        "1" * 256,
    ],
)
def test_a_password_that_is_guessed_first_is_refused(password: str) -> None:
    with pytest.raises(BadInput, match="too easy to guess"):
        check_password(password, WORDS)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "violet ladder 47 teapot",
        "the quick brown horse sings",
        "Zq7#vm2Lw9!x",
        "пароль из четырёх слов",
        "зелёный чайник едет",
        "x" + "qualm fjord bank vex" * 6,
        "b7Jd" * 2 + "kP0s" * 2 + "9xQ-" * 28,
    ],
)
def test_a_long_password_of_anything_is_taken(password: str) -> None:
    check_password(password, WORDS)


@pytest.mark.parametrize(("length", "why"), [(11, "shorter than 12"), (LONGEST + 1, "longer than")])
def test_a_password_has_at_least_twelve_characters_and_not_endlessly_many(
    length: int, why: str
) -> None:
    with pytest.raises(BadInput, match=why):
        check_password("k4 Tq".ljust(length, "z")[:length], ())


def test_the_password_is_in_no_refusal() -> None:
    with pytest.raises(BadInput) as refused:
        check_password("northgate2026", WORDS)

    assert "northgate" not in str(refused.value)


def test_the_longest_password_is_judged_quickly() -> None:
    begun = time.thread_time()
    check_password("Kq7 vm2Lw9 x" * 21, WORDS)

    assert time.thread_time() - begun < 2.0
