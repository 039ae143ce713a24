"""Determine which readers are notified on which ground: by `roles.compute_bases` for each decided
exposure, and by our role before that."""

from __future__ import annotations

from collections.abc import Callable

from breachdesk.casework.obligations.dossier import BreachDossier
from breachdesk.gdpr import roles
from breachdesk.gdpr.raised import DecisionQuestion, get_answer, list_raised_questions
from schemas.casework.affected import Exposure, Recipient
from schemas.casework.decision import Decision, NotificationBasis
from schemas.customer import DataRole

UNDECIDED = {
    NotificationBasis.ART34: DataRole.CONTROLLER,
    NotificationBasis.OWN_PROMISE: DataRole.CONTROLLER,
    NotificationBasis.ART33_2: DataRole.PROCESSOR,
}
"""What may be owed before anybody decided."""
QUESTION_OF_BASIS = {
    NotificationBasis.ART34: DecisionQuestion.TELL_PEOPLE,
    NotificationBasis.OWN_PROMISE: DecisionQuestion.OWN_PROMISE,
    NotificationBasis.PECR_5A3: DecisionQuestion.PECR_SUBSCRIBERS,
}
"""Which question of the decision settles the ground."""


def is_owed(dossier: BreachDossier, basis: NotificationBasis) -> bool:
    """Whether anybody is, or may be, notified on this ground. Unknown until the list is frozen."""
    if dossier.manifest is None:
        return basis in UNDECIDED
    return any(
        _is_basis_of(dossier, basis, e) for e in roles.select_reached(dossier.manifest.exposures)
    )


def select_by_basis(
    dossier: BreachDossier, basis: NotificationBasis
) -> Callable[[Recipient], bool]:
    """Return a filter for the recipients who are notified on this ground."""
    exposures = roles.select_reached(dossier.manifest.exposures) if dossier.manifest else ()
    whose = {
        (exposure.customer_id, kind)
        for exposure in exposures
        if _is_basis_of(dossier, basis, exposure)
        for kind in roles.list_letter_kinds(exposure)
    }
    return lambda reader: (reader.customer_id, reader.kind) in whose


def _is_basis_of(dossier: BreachDossier, basis: NotificationBasis, exposure: Exposure) -> bool:
    decision = dossier.decision
    if decision is None or _is_unanswered(decision, basis, exposure):
        return UNDECIDED.get(basis) is exposure.role
    return basis in roles.compute_bases(decision, exposure)


def _is_unanswered(decision: Decision, basis: NotificationBasis, exposure: Exposure) -> bool:
    """Whether the list may raise a question that did not exist when the decision was written."""
    question = QUESTION_OF_BASIS.get(basis)
    if question is None:
        return False
    # Asked first: what an exposure raises takes longer to say, and a list has thousands of them.
    return not get_answer(decision, question).asked and question in list_raised_questions(
        (exposure,), decision=decision
    )
