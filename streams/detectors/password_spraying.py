"""Detect one address that tries many accounts, of any customers.

Grouped by source address across customers, since each customer alone sees only a few failures.
Distinct user names are counted; a sign-in that succeeds from the same address makes it critical.
Sources: MITRE ATT&CK T1110.003; CISA and NCSC advice to count accounts per source."""

from __future__ import annotations

import json
from collections.abc import Sequence

from schemas.pipeline.event import Event
from schemas.pipeline.plugin import (
    Detector,
    DetectorExample,
    DetectorSignal,
    SignalDraft,
    get_texts,
    has_text,
)
from streams.correlate.alert_phrases import format_count, format_duration
from streams.tokenizers.identifiers import shorten_identifier

ACCOUNTS = 8
FAILED = "failed"
OPENED = "opened"
JOINT = " · "
"""Joins user name and customer in a signal's value. Where that could be two pairs, and where the
name begins like a JSON array, the value is one."""
_ARRAY = '["'


def _extract_signals(event: Event) -> Sequence[SignalDraft]:
    if not has_text(event, "event.category", "authentication"):
        return ()
    if has_text(event, "event.outcome", "success"):
        step = OPENED
    elif has_text(event, "event.outcome", "failure"):
        step = FAILED
    else:
        return ()
    addresses, users = get_texts(event, "source.ip"), get_texts(event, "user.name")
    if not addresses or not users:
        return ()
    whose = event.organization or event.unattributed or "unknown"
    accounts = [_join_account(shorten_identifier(user.casefold()), whose) for user in users]
    return [SignalDraft((address,), step, account) for address in addresses for account in accounts]


def _join_account(user: str, whose: str) -> str:
    """Join both to one text, which `_split_account` splits again."""
    plain = f"{user}{JOINT}{whose}"
    if not user.startswith(_ARRAY) and plain.rpartition(JOINT)[2] == whose:
        return plain
    return json.dumps([user, whose], ensure_ascii=False)


def _split_account(value: str) -> tuple[str, str]:
    """Split into user name and customer. A value that was shortened, because both together were
    longer than an identifier, is an account of its own."""
    if value.startswith(_ARRAY):
        try:
            user, whose = json.loads(value)
        except ValueError:
            return value, ""
        return user, whose
    user, joint, whose = value.rpartition(JOINT)
    return (user, whose) if joint else (value, "")


def _extract_account(value: str) -> str:
    return _split_account(value)[0]


def _list_accounts(members: Sequence[DetectorSignal], step: str) -> set[str]:
    return {_extract_account(m.value) for m in members if m.step == step}


def _should_fire(members: Sequence[DetectorSignal]) -> bool:
    return len(_list_accounts(members, FAILED)) >= ACCOUNTS


def _choose_graver_severity(members: Sequence[DetectorSignal]) -> str | None:
    return "critical" if any(m.step == OPENED for m in members) else None


def _explain(members: Sequence[DetectorSignal]) -> str:
    failed = [m for m in members if m.step == FAILED]
    if not failed:
        return ""
    tried, opened = _list_accounts(members, FAILED), sorted(_list_accounts(members, OPENED))
    customers = {_split_account(m.value)[1] for m in failed}
    sentences = (
        f"One address tried {format_count(len(tried), 'account')}"
        f" of {format_count(len(customers), 'customer')}"
        f" within {format_duration(failed[-1].time - failed[0].time)} and was refused."
    )
    if not opened:
        return f"{sentences} No sign-in from it succeeded."
    return (
        f"{sentences} It signed in to {format_count(len(opened), 'account')}: {', '.join(opened[:5])}"
        + ("." if len(opened) <= 5 else " and more.")
    )


def _sign_in(minute: int, user: str, outcome: str, **more: str) -> dict[str, object]:
    return {
        "@timestamp": f"2026-11-22T03:{minute:02}:10Z",
        "event.category": ["authentication"],
        "event.outcome": outcome,
        "event.dataset": "microsoft365.audit",
        "organization.id": f"customer-{len(user) % 3}",
        "user.name": user,
        "source.ip": "203.0.113.66",
        **more,
    }


_NAMES = ("al", "bea", "carl", "diana", "edward", "frances", "graham", "henrietta")
_SPRAY = [_sign_in(i * 3, f"{name}@contoso.example", "failure") for i, name in enumerate(_NAMES)]

DETECTOR = Detector(
    id="password_spraying",
    title="Password spraying from one address",
    description="One source address fails to sign in to at least 8 different accounts within 30"
    " minutes, counted across all customers.",
    severity="high",
    scope="provider",
    timespan=30 * 60,
    quiet=2 * 60 * 60,
    keep=200,
    distinct=True,
    tags=("attack.credential-access", "attack.t1110.003"),
    signals=_extract_signals,
    fires=_should_fire,
    graver=_choose_graver_severity,
    explain=_explain,
    counted=_extract_account,
    least=ACCOUNTS,
    examples=(
        DetectorExample("eight accounts of three customers", _SPRAY, 1, "high"),
        DetectorExample(
            "one of them opens",
            [*_SPRAY, _sign_in(25, "bea@contoso.example", "success")],
            1,
            "critical",
        ),
        DetectorExample("seven accounts are not enough", _SPRAY[1:], 0),
        DetectorExample(
            "accounts whose names hold the sign that joins are eight all the same",
            [_sign_in(i * 3, f"al · {name}", "failure") for i, name in enumerate(_NAMES)],
            1,
            "high",
        ),
        DetectorExample(
            "accounts whose names are longer than an identifier are eight all the same",
            [_sign_in(i * 3, "x" * 240 + name * 1_000, "failure") for i, name in enumerate(_NAMES)],
            1,
            "high",
        ),
        DetectorExample(
            "one user mistyping eight times is no spray",
            [_sign_in(i, "al@contoso.example", "failure") for i in range(8)],
            0,
        ),
        DetectorExample(
            "upper and lower case are one account",
            [*_SPRAY[1:], _sign_in(2, "BEA@contoso.example", "failure")],
            0,
        ),
        DetectorExample(
            "an address that is not known is never pooled",
            [{k: v for k, v in e.items() if k != "source.ip"} for e in _SPRAY],
            0,
        ),
        DetectorExample(
            "too slow for one window",
            [
                {**e, "@timestamp": f"2026-11-22T{i:02}:00:00Z"}
                for i, e in enumerate(_SPRAY, start=1)
            ],
            0,
        ),
    ),
)
