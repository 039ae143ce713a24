"""Detect a doubtful sign-in followed by exfiltration; each half alone is too common.

Within two hours, for one user of one customer: a sign-in that succeeds after failures from the same
address, or that the identity provider marked risky; after it a mailbox rule that forwards mail
outside, or many downloads. A mistyped password before a day's work is normal, so downloads require
two failures, a forwarding rule one. Sources: MITRE ATT&CK T1078, T1114.003, T1530."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from schemas.pipeline.event import Event
from schemas.pipeline.plugin import (
    Detector,
    DetectorExample,
    DetectorSignal,
    SignalDraft,
    ValueGate,
    get_texts,
    has_text,
)
from streams.correlate.acts import count_attempts, iterate_acts, iterate_attempts
from streams.correlate.alert_phrases import format_count, format_duration

DOWNLOADS = 20
FAILED, OPENED, RISKY = "failed", "opened", "opened, risky"
FORWARDED, DOWNLOADED = "forwarded", "downloaded"
DOWNLOAD_ACTIONS = frozenset({"filedownloaded", "filesyncdownloadedfull"})
NEVER = float("inf")


def _extract_signals(event: Event) -> Sequence[SignalDraft]:
    steps = [*_sign_in(event), *_find_exfiltration(event)]
    if not steps:
        return ()
    return [SignalDraft((user,), *step) for user in get_texts(event, "user.name") for step in steps]


def _sign_in(event: Event) -> Sequence[tuple[str, str]]:
    """Return step and address; several pairs only if the event names several addresses."""
    if not has_text(event, "event.category", "authentication"):
        return ()
    if has_text(event, "event.outcome", "success"):
        is_risky = any(has_text(event, "breach.auth.risk", risk) for risk in ("medium", "high"))
        step = RISKY if is_risky else OPENED
    elif has_text(event, "event.outcome", "failure"):
        step = FAILED
    else:
        return ()
    return [(step, address) for address in get_texts(event, "source.ip") or ("",)]


def _find_exfiltration(event: Event) -> Sequence[tuple[str, str]]:
    if event.fields.get("breach.mail.forward_external") is True:
        return [(FORWARDED, ",".join(get_texts(event, "source.ip")))]
    for action in get_texts(event, "event.action"):
        if action.lower() in DOWNLOAD_ACTIONS:
            return [(DOWNLOADED, path) for path in get_texts(event, "file.path") or (event.id,)]
    return ()


def _find_doubtful_sign_in(
    members: Sequence[DetectorSignal], failures: int
) -> DetectorSignal | None:
    """Find the first sign-in that is risky or follows `failures` failures from its address."""
    failed: dict[str, list[float]] = {}
    for m, attempts in iterate_attempts(m for m in members if m.step == FAILED and m.value):
        times = failed.setdefault(m.value, [])
        if attempts == 1:
            times.append(m.time)
        else:
            times += [m.time] * min(attempts, failures)
    for m in members:
        before = bisect_right(failed.get(m.value, []), m.time)
        if m.step == RISKY or (m.step == OPENED and before >= failures):
            return m
    return None


def _find_doubtful_since(members: Sequence[DetectorSignal], failures: int) -> float:
    sign_in = _find_doubtful_sign_in(members, failures)
    return NEVER if sign_in is None else sign_in.time


def _may_matter(members: Sequence[DetectorSignal]) -> bool:
    """Whether the sign-ins from one address hold one that a forwarding rule would make an alert
    of."""
    return _find_doubtful_since(members, 1) < NEVER


def _may_matter_to_downloads(members: Sequence[DetectorSignal]) -> bool:
    """Whether they hold one that downloads would make an alert of."""
    return _find_doubtful_since(members, 2) < NEVER


def _count_exfiltration(members: Sequence[DetectorSignal]) -> tuple[int, int]:
    """Count (forwarding rules, downloads) after a sign-in that is doubtful enough for each."""
    rules_since, files_since = _find_doubtful_since(members, 1), _find_doubtful_since(members, 2)
    return (
        _count_acts(members, FORWARDED, rules_since),
        _count_acts(members, DOWNLOADED, files_since),
    )


def _count_acts(members: Sequence[DetectorSignal], step: str, since: float) -> int:
    return sum(1 for _ in iterate_acts(m for m in members if m.step == step and m.time >= since))


def _should_fire(members: Sequence[DetectorSignal]) -> bool:
    rules, files = _count_exfiltration(members)
    return rules >= 1 or files >= DOWNLOADS


def _choose_graver_severity(members: Sequence[DetectorSignal]) -> str | None:
    rules, files = _count_exfiltration(members)
    return "critical" if rules >= 1 and files >= DOWNLOADS else None


def _explain(members: Sequence[DetectorSignal]) -> str:
    rules, files = _count_exfiltration(members)
    sign_in = _find_doubtful_sign_in(members, 1 if rules else 2)
    if sign_in is None:
        return ""
    failures = count_attempts(
        m
        for m in members
        if m.step == FAILED and m.value == sign_in.value and m.time <= sign_in.time
    )
    why = (
        "that was marked risky"
        if sign_in.step == RISKY
        else f"after {format_count(failures, 'failed attempt')}"
    )
    actions = []
    if rules:
        actions.append(f"{format_count(rules, 'mailbox rule')} forwarding mail outside")
    if files:
        actions.append(format_count(files, "file download"))
    took = format_duration(members[-1].time - sign_in.time)
    return f"A sign-in {why} was followed within {took} by {' and '.join(actions)}."


def _build_event(second: int, **fields: object) -> dict[str, object]:
    return {
        "@timestamp": f"2026-11-22T09:{second // 60:02}:{second % 60:02}Z",
        "event.dataset": "microsoft365.audit",
        "organization.id": "contoso",
        "user.name": "jo@contoso.example",
        "source.ip": "203.0.113.66",
    } | {name.replace("__", "."): value for name, value in fields.items()}


def _login(second: int, outcome: str, **more: object) -> dict[str, object]:
    return _build_event(second, event__category=["authentication"], event__outcome=outcome, **more)


_FAILS = [_login(1, "failure"), _login(9, "failure")]
_OPEN = _login(30, "success")
_RULE = _build_event(600, event__action="New-InboxRule", breach__mail__forward_external=True)
_FILES = [
    _build_event(900 + i * 3, event__action="FileDownloaded", file__path=f"/hr/{i}.docx")
    for i in range(DOWNLOADS)
]

DETECTOR = Detector(
    id="login_then_exfiltration",
    title="Doubtful sign-in, then data leaves",
    description="A sign-in that was risky or followed failures from its address, then within two"
    " hours a mailbox rule that forwards mail outside or at least 20 downloads by the same user.",
    severity="high",
    scope="organization",
    timespan=2 * 60 * 60,
    quiet=4 * 60 * 60,
    keep=0,
    distinct=False,
    tags=("attack.initial-access", "attack.exfiltration", "attack.t1078", "attack.t1114.003"),
    signals=_extract_signals,
    fires=_should_fire,
    graver=_choose_graver_severity,
    explain=_explain,
    gate=ValueGate(
        frozenset({FAILED, OPENED, RISKY}), _may_matter, stronger=(_may_matter_to_downloads,)
    ),
    least=2,
    sees_retellings=True,
    examples=(
        DetectorExample("failures, sign-in, forwarding rule", [*_FAILS, _OPEN, _RULE], 1, "high"),
        DetectorExample("failures, sign-in, downloads", [*_FAILS, _OPEN, *_FILES], 1, "high"),
        DetectorExample("both ways out", [*_FAILS, _OPEN, _RULE, *_FILES], 1, "critical"),
        DetectorExample(
            "a risky sign-in needs no failures",
            [_login(30, "success", breach__auth__risk="high"), _RULE],
            1,
        ),
        DetectorExample("an ordinary sign-in and a day's work", [_OPEN, _RULE, *_FILES], 0),
        DetectorExample("one typing error before a day's work", [*_FAILS[:1], _OPEN, *_FILES], 0),
        DetectorExample("nineteen downloads are not enough", [*_FAILS, _OPEN, *_FILES[1:]], 0),
        DetectorExample(
            "data left before the sign-in", [_login(1000, "success"), *_FAILS, _RULE], 0
        ),
        DetectorExample(
            "failures from elsewhere do not count",
            [*({**e, "source.ip": "198.51.100.9"} for e in _FAILS), _OPEN, _RULE],
            0,
        ),
    ),
)
