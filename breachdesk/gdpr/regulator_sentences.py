"""Build what a letter may say of regulators to the people of one exposure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from breachdesk.gdpr.jurisdiction import Jurisdiction
from breachdesk.gdpr.regulators import ReportScope, list_applicable, list_scopes
from schemas.casework.affected import Exposure
from schemas.casework.decision import Decision
from schemas.casework.letter import RegulatorSentence, SentenceKind


def list_regulator_sentences(
    decision: Decision, exposure: Exposure, submitted_under: Iterable[str]
) -> tuple[RegulatorSentence, ...]:
    """List one sentence for each authority that has a report about the exposure, or may get one, by
    the whole decision and the jurisdictions with a recorded submission. Empty: no report of ours is
    about it (we are processor)."""
    submitted = set(submitted_under)
    scopes: dict[str, list[ReportScope]] = {}
    for scope in list_scopes(decision, (exposure,)):
        scopes.setdefault(scope.jurisdiction.authority, []).append(scope)
    applicable = list_applicable(decision=decision)
    return tuple(
        RegulatorSentence(
            authority=authority,
            duty=own[0].jurisdiction.words.duty,
            kind=_select_kind(
                decision, own, [j for j in applicable if j.authority == authority], submitted
            ),
        )
        for authority, own in scopes.items()
    )


def _select_kind(
    decision: Decision,
    own: Sequence[ReportScope],
    same_authority: Sequence[Jurisdiction],
    submitted: set[str],
) -> SentenceKind:
    if any(scope.jurisdiction.id in submitted for scope in own):
        return SentenceKind.TOLD
    if any(scope.owed for scope in own):
        return SentenceKind.WILL_TELL
    # The authority hears of this incident all the same: "we have not told it" would be false.
    own_ids = {scope.jurisdiction.id for scope in own}
    others = [
        j.id for j in same_authority if j.id not in own_ids and decision.report_answer(j.id).yes
    ]
    if others:
        is_told = any(id_ in submitted for id_ in others)
        return SentenceKind.TOLD_OF_OTHERS if is_told else SentenceKind.WILL_TELL_OF_OTHERS
    return SentenceKind.NOT_TOLD
