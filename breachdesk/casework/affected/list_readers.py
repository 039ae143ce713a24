"""List the recipients of a list of exposures: those reached, and those who were notified by
mistake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from breachdesk.casework.affected.corrections import find_wrongly_told, list_correction_recipients
from breachdesk.casework.affected.evidence import list_assets
from breachdesk.casework.affected.notification_status import list_tellings
from breachdesk.casework.affected.recipients import UnsafeAddresses, list_recipients
from breachdesk.gdpr import roles
from breachdesk.ports import UnitOfWork
from schemas.casework.affected import Exposure, Manifest, Recipient
from schemas.casework.breach import Breach
from schemas.customer import Customer


def list_prospective_recipients(
    uow: UnitOfWork, breach_id: str, exposures: Sequence[Exposure]
) -> tuple[Recipient, ...]:
    """List who would be notified, and how, if these exposures were frozen now."""
    breach = uow.breaches.get(breach_id)
    customers = {customer.id: customer for customer in uow.customers.list()}
    in_evidence = list_assets(uow, uow.cases.get(breach.case_id))
    return list_letter_recipients(uow, breach, exposures, customers, in_evidence)


def list_letter_recipients(
    uow: UnitOfWork,
    breach: Breach,
    exposures: Sequence[Exposure],
    customers: Mapping[str, Customer],
    in_evidence: frozenset[str],
) -> tuple[Recipient, ...]:
    """List recipients who are reached, and those who were notified and are no longer reached."""
    unsafe = UnsafeAddresses(in_evidence, uow.customers.list_bindings())
    listed = [
        r for each in uow.breaches.list_versions(Manifest, breach.id) for r in each.recipients
    ]
    rows = uow.notices.list(breach_id=breach.id)
    tasks = uow.cases.get(breach.case_id).tasks
    wrong = find_wrongly_told(
        list_tellings(breach.id, rows, tasks), rows, roles.select_excluded(exposures)
    )
    return (
        *list_recipients(roles.select_reached(exposures), customers, unsafe),
        *list_correction_recipients(wrong, customers, listed, unsafe),
    )
