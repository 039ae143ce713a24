"""What a letter may say of the ICO to the people of one exposure."""

from __future__ import annotations

from collections.abc import Iterable

from breachdesk.gdpr.roles import NotificationTrack, compute_regulator_tracks
from schemas.casework.affected import Exposure
from schemas.casework.decision import Decision
from schemas.casework.letter import IcoSentence
from schemas.casework.report import Submission


def select_ico_sentence(
    decision: Decision, exposure: Exposure, submissions: Iterable[Submission]
) -> IcoSentence | None:
    """By the recorded submissions of the report that this exposure stands in, and by the whole
    decision. None: no report of ours is about it (we are processor)."""
    return select_ico_sentence_by_jurisdictions(
        decision, exposure, {s.jurisdiction for s in submissions}
    )


def select_ico_sentence_by_jurisdictions(
    decision: Decision, exposure: Exposure, notified_under: Iterable[str]
) -> IcoSentence | None:
    """As `select_ico_sentence`, where only the jurisdictions of the submissions are known."""
    notified = set(notified_under)
    own = next(iter(compute_regulator_tracks(decision, (exposure,))), None)
    if own is None:
        return None
    if own.jurisdiction in notified:
        return IcoSentence.TOLD
    if own.owed:
        return IcoSentence.WILL_TELL
    # The ICO hears of this incident all the same: "we have not told the ICO" would be false.
    if own.track is NotificationTrack.ICO and decision.pecr.yes:
        return (
            IcoSentence.TOLD_OF_OTHERS if "uk_pecr" in notified else IcoSentence.WILL_TELL_OF_OTHERS
        )
    return IcoSentence.NOT_TOLD
