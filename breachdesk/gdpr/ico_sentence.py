"""What a letter may say of the ICO to the people of one exposure."""

from __future__ import annotations

from collections.abc import Iterable

from breachdesk.gdpr.roles import Track, regulator_tracks
from schemas.affected import Exposure
from schemas.decision import Decision
from schemas.letter import IcoSentence
from schemas.report import Submission


def ico_sentence_kind(
    decision: Decision, exposure: Exposure, submissions: Iterable[Submission]
) -> IcoSentence | None:
    """By the recorded submissions of the report that this exposure stands in, and by the whole
    decision. None: no report of ours is about it (we are processor)."""
    return ico_sentence_of(decision, exposure, {s.jurisdiction for s in submissions})


def ico_sentence_of(
    decision: Decision, exposure: Exposure, told_under: Iterable[str]
) -> IcoSentence | None:
    """As `ico_sentence_kind`, where only the jurisdictions of the submissions are known."""
    told = set(told_under)
    own = next(iter(regulator_tracks(decision, (exposure,))), None)
    if own is None:
        return None
    if own.jurisdiction in told:
        return IcoSentence.TOLD
    if own.owed:
        return IcoSentence.WILL_TELL
    # The ICO hears of this incident all the same: "we have not told the ICO" would be false.
    if own.track is Track.ICO and decision.pecr.yes:
        return IcoSentence.TOLD_OF_OTHERS if "uk_pecr" in told else IcoSentence.WILL_TELL_OF_OTHERS
    return IcoSentence.NOT_TOLD
