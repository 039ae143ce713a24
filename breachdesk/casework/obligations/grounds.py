"""Which readers are told on which ground: as `roles.bases` says of each exposure once it is
decided, and until then by our role."""

from __future__ import annotations

from collections.abc import Callable

from breachdesk.casework.obligations.dossier import Dossier
from breachdesk.gdpr import roles
from breachdesk.gdpr.raised import Question, raised
from schemas.affected import Exposure, Recipient
from schemas.customer import Role
from schemas.decision import Answer, Basis, Decision

UNDECIDED = {
    Basis.ART34: Role.CONTROLLER,
    Basis.OWN_PROMISE: Role.CONTROLLER,
    Basis.ART33_2: Role.PROCESSOR,
}
"""What may be owed before anybody decided."""
ASKED_BY = {
    Basis.ART34: Question.TELL_PEOPLE,
    Basis.OWN_PROMISE: Question.OWN_PROMISE,
    Basis.PECR_5A3: Question.PECR_SUBSCRIBERS,
}
"""Which question of the decision settles the ground."""


def is_owed(dossier: Dossier, basis: Basis) -> bool:
    """Is, or may be, anybody to be told on this ground? Unknown until the list is frozen."""
    if dossier.manifest is None:
        return basis in UNDECIDED
    return any(_brings(dossier, basis, e) for e in roles.reached(dossier.manifest.exposures))


def readers_by(dossier: Dossier, basis: Basis) -> Callable[[Recipient], bool]:
    """Picks the recipients who are told on this ground."""
    exposures = roles.reached(dossier.manifest.exposures) if dossier.manifest else ()
    whose = {(e.customer_id, roles.letter_kind(e)) for e in exposures if _brings(dossier, basis, e)}
    return lambda reader: (reader.customer_id, reader.kind) in whose


def _brings(dossier: Dossier, basis: Basis, exposure: Exposure) -> bool:
    decision = dossier.decision
    if decision is None or _unanswered(decision, basis, exposure):
        return UNDECIDED.get(basis) is exposure.role
    return basis in roles.bases(decision, exposure)


def _unanswered(decision: Decision, basis: Basis, exposure: Exposure) -> bool:
    """The list may raise a question that it did not raise when the decision was written."""
    question = ASKED_BY.get(basis)
    if question is None:
        return False
    answer: Answer = getattr(decision, question)
    # Asked first: what an exposure raises takes longer to say, and a list has thousands of them.
    return not answer.asked and question in raised((exposure,), pecr=decision.pecr.yes)
