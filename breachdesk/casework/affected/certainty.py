"""Decide what the evidence supports for each customer: confirmed, likely, possible or excluded.

The rules and their reasons: docs/adr/0002-certainty.md. A gap in the logs widens `possible`; no
rule here ever says `excluded` where a source that would have seen it was blind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from breachdesk.casework.affected.data_effects import (
    Effects,
    compute_effects,
    mark_possibly_seen,
    mark_unknown,
)
from breachdesk.casework.affected.evidence import AssetSighting, CaseEvidence
from schemas.casework.affected import Certainty, DoubtKind, ExposureDoubt
from schemas.customer import DataCategory
from schemas.pipeline.source import BlindInterval

WORDS = {
    "userloggedin": "sign-in",
    "userloginfailed": "refused sign-in",
    "sign-in activity": "sign-in",
    "filedownloaded": "file download",
    "fileaccessed": "file opened",
    "new-inboxrule": "mailbox rule set",
    "dlprulematch": "content rule match",
    "mailitemsaccessed": "mail read",
    "http-request": "page opened",
}


@dataclass(frozen=True, slots=True)
class CertaintyVerdict:
    """How sure, why in plain words, and what happened to each category."""

    certainty: Certainty
    reason: str
    effects: Effects
    evidence: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    doubts: tuple[ExposureDoubt, ...] = ()
    """Of a possible one: why it cannot be ruled out."""


@dataclass(frozen=True, slots=True)
class CustomerEvidence:
    """What is known of one customer in one role."""

    sightings: Sequence[AssetSighting]
    """Events that reached or tried to reach its assets in this role."""
    unseen: Sequence[tuple[str, str, str]]
    """Touched, says an alert, but no kept event shows how."""
    succeeded: Sequence[tuple[str, str, str]]
    """Of these, those of alerts in which every kept event succeeded."""
    picked: Sequence[str]
    """Its assets that a person chose by hand."""
    reach: str
    """Why somebody who opened a system of ours could reach it; empty: nobody did."""
    reached_at: tuple[datetime, datetime] | None
    """When; None: no event says so."""
    gaps: Sequence[BlindInterval]
    """When a source that watches it was blind during the incident."""
    stored: tuple[DataCategory, ...]
    """What lies there."""
    nothing: str
    """The reason if nothing at all is known against it."""


def decide_verdict(question: CustomerEvidence) -> CertaintyVerdict:
    """Return the highest certainty that any evidence supports."""
    opened = [s for s in question.sightings if s.outcome == "success"]
    unclear = [s for s in question.sightings if not s.outcome]
    refused = [s for s in question.sightings if s.outcome == "failure"]
    if opened:
        return _build_verdict(Certainty.CONFIRMED, "succeeded", [*opened, *unclear])
    if unclear:
        return _build_verdict(
            Certainty.LIKELY, "recorded, without saying whether it worked", unclear
        )
    return (
        _find_likely(question)
        or _find_possible(question, refused)
        or _build_excluded(question, refused)
    )


def _find_likely(question: CustomerEvidence) -> CertaintyVerdict | None:
    if not question.succeeded:
        return None
    return CertaintyVerdict(
        Certainty.LIKELY,
        "an alert names it, and every record kept of that alert succeeded",
        mark_possibly_seen(DataCategory(c) for _, _, c in question.succeeded if c),
        (),
        tuple(sorted({asset for _, asset, _ in question.succeeded})),
    )


def _find_possible(
    question: CustomerEvidence, refused: Sequence[AssetSighting]
) -> CertaintyVerdict | None:
    reasons = []
    if question.unseen:
        reasons.append("an alert names it, but no kept record shows whether access worked")
    if question.picked:
        reasons.append("chosen by hand: " + ", ".join(_get_kind(a) for a in question.picked))
    if question.reach:
        reasons.append(question.reach)
    if question.gaps:
        tried = f"{_count_refusals(refused)}, and " if refused else ""
        reasons.append(tried + describe_gaps(question.gaps))
    if not reasons:
        return None
    named = {DataCategory(c) for _, _, c in question.unseen if c} | set(question.stored)
    assets = sorted({t[1] for t in question.unseen} | set(question.picked))
    return CertaintyVerdict(
        Certainty.POSSIBLE,
        "; ".join(reasons),
        mark_possibly_seen(named) if _is_concrete(question) else mark_unknown(named),
        _list_event_ids(refused),
        tuple(assets),
        tuple(_list_doubts(question)),
    )


def _list_doubts(question: CustomerEvidence) -> Iterable[ExposureDoubt]:
    if question.unseen:
        yield ExposureDoubt(kind=DoubtKind.NAMED_ONLY)
    if question.picked:
        yield ExposureDoubt(kind=DoubtKind.CHOSEN_BY_HAND)
    if question.reach:
        begin, end = question.reached_at or (None, None)
        yield ExposureDoubt(kind=DoubtKind.WITHIN_REACH, begin=begin, end=end)
    for gap in question.gaps:
        yield ExposureDoubt(
            kind=DoubtKind.BLIND_SOURCE, begin=gap.begin, end=gap.end, source=gap.source
        )


def _is_concrete(question: CustomerEvidence) -> bool:
    """Whether evidence other than a gap supports it."""
    return bool(question.unseen or question.picked or question.reach)


def _build_excluded(
    question: CustomerEvidence, refused: Sequence[AssetSighting]
) -> CertaintyVerdict:
    stored = mark_unknown(question.stored)
    if not refused:
        return CertaintyVerdict(Certainty.EXCLUDED, question.nothing, stored)
    reason = f"{_count_refusals(refused)}, and no source that watches it was blind"
    return CertaintyVerdict(
        Certainty.EXCLUDED, reason, stored, _list_event_ids(refused), _list_assets(refused)
    )


def _build_verdict(
    certainty: Certainty, how: str, sightings: Sequence[AssetSighting]
) -> CertaintyVerdict:
    reason = f"{how}: {summarise_sightings(sightings)}"
    return CertaintyVerdict(
        certainty,
        reason,
        compute_effects(sightings),
        _list_event_ids(sightings),
        _list_assets(sightings),
    )


def summarise_sightings(sightings: Iterable[AssetSighting]) -> str:
    """Summarise as `file download (118), sign-in (1)`; records may be missing, so these are minimum
    counts."""
    acts: Counter[str] = Counter()
    for sighting in _deduplicate_events(sightings):
        acts[WORDS.get(sighting.action, sighting.action or "access")] += sighting.attempts
    listed = sorted(acts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{act} ({count:,})" for act, count in listed)


def describe_gaps(gaps: Sequence[BlindInterval]) -> str:
    """Describe gaps like `fw-3 was blind from 21 Nov 2026 01:10 to 04:20 UTC`."""
    return "; ".join(
        f"{gap.source} was blind from {gap.begin:%d %b %Y %H:%M} to "
        + (f"{gap.end:%d %b %Y %H:%M} UTC" if gap.end else "now")
        for gap in gaps
    )


def _count_refusals(refused: Sequence[AssetSighting]) -> str:
    count = sum(s.attempts for s in _deduplicate_events(refused))
    times = "once" if count == 1 else f"{count:,} times"
    return f"tried {times}, refused every time"


def _deduplicate_events(sightings: Iterable[AssetSighting]) -> Iterable[AssetSighting]:
    return {s.event.event_id: s for s in sightings}.values()


def _list_event_ids(sightings: Iterable[AssetSighting]) -> tuple[str, ...]:
    ordered = sorted(sightings, key=lambda s: (s.event.time, s.event.event_id))
    return tuple(dict.fromkeys(s.event.event_id for s in ordered))


def _list_assets(sightings: Iterable[AssetSighting]) -> tuple[str, ...]:
    return tuple(sorted({s.asset for s in sightings}))


def _get_kind(asset: str) -> str:
    return asset.partition(":")[0]


def list_gaps(evidence: CaseEvidence, watching: Iterable[str]) -> tuple[BlindInterval, ...]:
    """List the incident's gaps of these sources."""
    names = {name.casefold() for name in watching}
    return tuple(gap for gap in evidence.gaps if gap.source.casefold() in names)
