"""The check of words that one customer is given outside the letters."""

from __future__ import annotations

from breachdesk.gdpr.names import NameIndex
from breachdesk.ports import UnitOfWork
from schemas.customer import PROVIDER
from schemas.errors import BadInput
from schemas.settings import ProviderProfile

REMEDY = "Take it out: this customer may read only what is its own."


def check_own_words(
    uow: UnitOfWork,
    customer_id: str,
    words: str,
    profile: ProviderProfile,
    *,
    place: str,
) -> None:
    """Raises BadInput when the words name another customer."""
    everyone = uow.customers.list()
    own = next((c.name for c in everyone if c.id == customer_id), "")
    names = NameIndex(c.name for c in everyone if c.id not in (PROVIDER, customer_id))
    allowed = (own, profile.legal_name, profile.trading_name, profile.contact_name)
    for found in names.find(words):
        if not any(found.name.casefold() in name.casefold() for name in allowed if name):
            raise BadInput("it names another customer", place=place, remedy=REMEDY)
