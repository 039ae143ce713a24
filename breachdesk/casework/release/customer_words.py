"""Check the words that one customer is given outside the letters."""

from __future__ import annotations

from breachdesk.casework.release.letter_contexts import format_reference
from breachdesk.casework.release.text_check import TextCheck, get_foreign_data
from breachdesk.gdpr.personal_data.foreign_data import TextReader
from breachdesk.gdpr.personal_data.name_signs import BLOCK
from breachdesk.ports import UnitOfWork
from schemas.casework.breach import Breach
from schemas.casework.list_outline import ListOutline
from schemas.errors import BadInput
from schemas.settings import ProviderProfile

REMEDY = "Take it out: this customer may read only what is its own."


def check_own_words(
    uow: UnitOfWork,
    breach: Breach,
    customer_id: str,
    words: str,
    profile: ProviderProfile,
    *,
    place: str,
    names: tuple[str, ...] = (),
) -> None:
    """Raise BadInput when the words contain another customer's data or a name of our staff. `names`
    are people at this customer, in addition to those of the register and the frozen list."""
    manifest = uow.breaches.find_latest(ListOutline, breach.id)
    listed = [r for r in (manifest.recipients if manifest else ()) if r.customer_id == customer_id]
    known = (text for r in listed for text in (r.name, r.email) if text)
    reader = TextReader(
        customer_id,
        names=(uow.customers.get(customer_id).name, *known, *names),
        reference=format_reference(breach, customer_id),
    )
    check = TextCheck(get_foreign_data(uow, profile, involved=(breach.confirmed_by,)))
    for problem in check.check_texts({place: words}, reader):
        if problem.severity == BLOCK:
            raise BadInput(problem.problem, place=place, remedy=REMEDY)
