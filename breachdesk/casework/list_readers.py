"""Who is told of a list of exposures: those reached, and those who were told by mistake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from breachdesk.casework.corrections import correction_recipients, wrongly_told
from breachdesk.casework.evidence import assets_in_evidence
from breachdesk.casework.recipients import UnsafeAddresses, recipients_of
from breachdesk.casework.told import tellings
from breachdesk.gdpr import roles
from breachdesk.ports import UnitOfWork
from schemas.affected import Exposure, Manifest, Recipient
from schemas.breach import Breach
from schemas.customer import Customer


def who_is_told(
    uow: UnitOfWork, breach_id: str, exposures: Sequence[Exposure]
) -> tuple[Recipient, ...]:
    """Who would be told, and how, if these exposures were frozen now."""
    breach = uow.breaches.get(breach_id)
    customers = {customer.id: customer for customer in uow.customers.list()}
    in_evidence = assets_in_evidence(uow, uow.cases.get(breach.case_id))
    return readers_of(uow, breach, exposures, customers, in_evidence)


def readers_of(
    uow: UnitOfWork,
    breach: Breach,
    exposures: Sequence[Exposure],
    customers: Mapping[str, Customer],
    in_evidence: frozenset[str],
) -> tuple[Recipient, ...]:
    """Those reached, and those who were told and are reached no more."""
    unsafe = UnsafeAddresses(in_evidence, uow.customers.bindings())
    listed = [r for each in uow.breaches.all(Manifest, breach.id) for r in each.recipients]
    rows = uow.notices.list(breach_id=breach.id)
    tasks = uow.cases.get(breach.case_id).tasks
    wrong = wrongly_told(tellings(breach.id, rows, tasks), rows, roles.excluded(exposures))
    return (
        *recipients_of(roles.reached(exposures), customers, unsafe),
        *correction_recipients(wrong, customers, listed, unsafe),
    )
