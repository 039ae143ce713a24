from __future__ import annotations

import pytest

from schemas.pipeline.event import Value
from streams.tokenizers import act_words

ENDS: dict[str, Value] = {"source.ip": "203.0.113.66", "destination.ip": "192.0.2.9"}


@pytest.mark.parametrize(
    ("name", "category", "outcome"),
    [
        ("userAuthenticate", "authentication", "unknown"),
        ("LoginSuccess", "authentication", "success"),
        ("authFail", "authentication", "failure"),
        ("user.login.failed", "authentication", "failure"),
        ("UserAccountLockout", "iam", "unknown"),
        ("UPDATE_CONFIGURATION", "configuration", "unknown"),
        ("SQLInjection", "intrusion_detection", "unknown"),
        ("tamperProtection.blocked", "host", "failure"),
        ("networkConnection.blocked", "network", "failure"),
        ("PASSWORD_DISPLAYED", "iam", "unknown"),
        ("MFA Failure", "authentication", "failure"),
        ("AUTHN_ATTEMPT", "authentication", "unknown"),
        ("SSO", "authentication", "unknown"),
        ("SSO settings changed", "configuration", "unknown"),
        ("Process created", "process", "unknown"),
        ("Folder permissions removed", "file", "unknown"),
    ],
)
def test_name_that_a_program_gives_tells_the_act(name: str, category: str, outcome: str) -> None:
    kind = act_words.choose_kind({}, "", "", (), names=(name,))
    assert (kind.category, kind.outcome) == ([category], outcome)


def test_heading_over_sign_ins_and_sign_outs_tells_neither() -> None:
    kind = act_words.choose_kind({}, "", "", ("Managed Product Logon/Logoff Events",))
    assert (kind.category, kind.types, kind.outcome) == (["authentication"], ["info"], "unknown")


@pytest.mark.parametrize(
    ("words", "types"),
    [
        ("User account created", ["user", "creation"]),
        ("Group deleted", ["user", "deletion"]),
        ("Permission granted", ["user", "creation"]),
        ("Account was locked", ["user", "change"]),
        ("Disabled the account", ["user", "change"]),
    ],
)
def test_change_of_an_account_is_a_change(words: str, types: list[str]) -> None:
    kind = act_words.choose_kind({}, "", "", (words,))
    assert (kind.category, kind.types) == (["iam"], types)


@pytest.mark.parametrize(
    ("outcome", "expected"), [("ACCEPT", "success"), ("REJECT", "failure"), ("403", "unknown")]
)
def test_word_for_the_outcome_decides(outcome: str, expected: str) -> None:
    assert act_words.choose_kind({}, "", outcome, ("Authentication",)).outcome == expected


def test_denied_connection_is_no_sign_in() -> None:
    kind = act_words.choose_kind(ENDS, "deny", "", ("Login traffic",))
    assert (kind.category, kind.outcome) == (["network"], "failure")
