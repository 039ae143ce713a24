"""Build the affected list (step 7): every customer, in each role, as confirmed, likely, possible or
excluded; then freeze it."""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from breachdesk.casework.affected.certainty import CustomerEvidence, decide_verdict, list_gaps
from breachdesk.casework.affected.contact_changes import build_contacts_task, list_suspect_changes
from breachdesk.casework.affected.data_effects import (
    Effects,
    mark_possible,
    mark_unknown,
    sort_effects,
)
from breachdesk.casework.affected.evidence import (
    AssetSighting,
    CaseEvidence,
    gather_evidence,
    list_assets,
)
from breachdesk.casework.affected.list_readers import list_letter_recipients
from breachdesk.casework.affected.provider_exposure import (
    ProviderExposure,
    SourceCoverage,
    compute_provider_exposure,
    list_bindings_in_window,
)
from breachdesk.casework.affected.recorded_acts import collect_acts
from breachdesk.casework.authority import check_not_erased, require_permission, require_text
from breachdesk.casework.digests import compute_document_hash, compute_next_version
from breachdesk.casework.opening import cases
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.affected import (
    MANIFEST_FORM,
    ActSummary,
    BreachEffect,
    Certainty,
    ContactChannel,
    EffectCertainty,
    Exposure,
    Manifest,
)
from schemas.casework.breach import Breach
from schemas.casework.case import Case, CaseTask
from schemas.customer import (
    PROVIDER,
    AssetKind,
    Binding,
    Customer,
    DataCategory,
    DataRole,
    PecrStatus,
)
from schemas.errors import BadInput, IncompleteDocument, NotFound
from schemas.settings import NoticePolicy
from schemas.user import Actor, Permission

CONTENT = frozenset(
    {
        DataCategory.MAIL, DataCategory.FILES, DataCategory.WEBSITE, DataCategory.BACKUP,
        DataCategory.HEALTH,
    }
)  # fmt: skip
"""What customers store with us: we are processor, where no binding says otherwise."""

UNTOUCHED = {
    DataRole.CONTROLLER: "no access to a system that holds our account data is in the evidence, and "
    "no source that watches it was blind",
    DataRole.PROCESSOR: "no event in the evidence names an asset of this customer, and no source that "
    "watches it was blind",
}


def propose(uow: UnitOfWork, breach_id: str) -> tuple[Exposure, ...]:
    """Propose one exposure for every customer and role, ordered by customer; nobody is omitted.
    There is always one for the account data we hold (controller), and one for what is stored with
    us (processor) where a service was in force or the evidence names it. Raises NotAllowed for an
    erased case."""
    check_not_erased(uow.cases.get(uow.breaches.get(breach_id).case_id))
    evidence = gather_evidence(uow, breach_id)
    proposal = _ExposureProposal(evidence)
    return tuple(e for customer in evidence.customers for e in proposal.build_exposures(customer))


def override(
    exposures: Sequence[Exposure],
    customer_id: str,
    role: DataRole,
    certainty: Certainty,
    reason: str,
    actor: Actor,
    *,
    effects: Mapping[DataCategory, Mapping[BreachEffect, EffectCertainty]] | None = None,
    acts: Sequence[ActSummary] | None = None,
) -> tuple[Exposure, ...]:
    """Override an exposure by a person's decision, with a reason; `effects` and `acts` replace what
    the records show. Raises NotFound for an exposure that is not listed, BadInput for an effect
    that happened to what is only possible."""
    require_permission(actor, Permission.RESPONDER, act="change who is affected")
    key = (customer_id, role)
    before = next((e for e in exposures if (e.customer_id, e.role) == key), None)
    if before is None:
        raise NotFound(f"no {role} exposure", place=customer_id, remedy="See the proposal.")
    decided = build_override(before, certainty, reason, actor, effects=effects, acts=acts)
    return tuple(decided if e is before else e for e in exposures)


def build_override(
    before: Exposure,
    certainty: Certainty,
    reason: str,
    actor: Actor,
    *,
    effects: Mapping[DataCategory, Mapping[BreachEffect, EffectCertainty]] | None = None,
    acts: Sequence[ActSummary] | None = None,
) -> Exposure:
    """Build one exposure as `override` leaves it. Raises as it does."""
    require_permission(actor, Permission.RESPONDER, act="change who is affected")
    place = f"{before.customer_id}, {before.role}"
    change = {
        "certainty": certainty,
        "reason": require_text(reason, place=place, remedy="Say what shows it."),
        "decided_by": actor.id,
        "effects": _correct_effects(before, certainty, effects),
        "acts": before.acts if acts is None else tuple(acts),
    }
    return before.model_copy(update=change)


def _correct_effects(
    before: Exposure,
    certainty: Certainty,
    effects: Mapping[DataCategory, Mapping[BreachEffect, EffectCertainty]] | None,
) -> Effects:
    """Correct effects of an exposure that is only possible: none of them is certain."""
    sure = certainty in (Certainty.CONFIRMED, Certainty.LIKELY)
    if effects is None:
        return sort_effects(before.effects if sure else mark_possible(before.effects))
    happened = EffectCertainty.HAPPENED in {s for each in effects.values() for s in each.values()}
    if happened and not sure:
        raise BadInput(
            f"an effect is said to have happened, and the exposure is {certainty.value}",
            place=f"{before.customer_id}, {before.role}",
            remedy="Say that it is possible, or that the exposure is confirmed or likely.",
        )
    return sort_effects(effects)


def freeze(
    uow: UnitOfWork,
    actor: Actor,
    breach_id: str,
    exposures: Sequence[Exposure],
    now: datetime,
    profile_senders_assets: Iterable[str] = (),
    policy: NoticePolicy | None = None,
) -> Manifest:
    """Freeze and seal who is affected and who is notified; a later list voids an approval. Readers
    who were notified and are excluded now receive a correction. What a person must check
    (unattributed assets, a sender of ours in the evidence, a contact that was changed shortly
    before or during the incident) becomes a task.

    Raises IncompleteDocument when a customer of the register was not considered or has no
    reason."""
    require_permission(actor, Permission.RESPONDER, act="freeze the affected list")
    breach = uow.breaches.get(breach_id)
    case = uow.cases.get(breach.case_id)
    customers = {customer.id: customer for customer in uow.customers.list()}
    _check_everybody(exposures, customers)
    in_evidence = list_assets(uow, case)
    manifest = Manifest(
        breach_id=breach.id,
        version=compute_next_version(uow.breaches.find_latest(Manifest, breach.id)),
        frozen_by=actor.id,
        frozen_at=now,
        exposures=tuple(sorted(exposures, key=lambda e: (e.customer_id, e.role))),
        recipients=list_letter_recipients(uow, breach, exposures, customers, in_evidence),
        salt=_generate_salt(breach),
        form=MANIFEST_FORM,
    )
    sealed = manifest.model_copy(update={"hash": compute_document_hash(manifest)})
    uow.breaches.add_document(sealed)
    tasks = _build_open_questions(uow, case, in_evidence.intersection(profile_senders_assets), now)
    recipient_ids = {recipient.customer_id for recipient in sealed.recipients}
    changes = list_suspect_changes(uow, breach, recipient_ids, policy or NoticePolicy())
    check = build_contacts_task(uow, sealed, changes, now)
    tasks += [check] if check else []
    cases.open_tasks(uow, case.id, tasks, now)
    _record_audit(uow, sealed, case.id, now)
    return sealed


class _ExposureProposal:
    """Evidence, split by customer and role."""

    def __init__(self, evidence: CaseEvidence) -> None:
        self._evidence = evidence
        self._reach: ProviderExposure = compute_provider_exposure(evidence)
        self._watch = SourceCoverage(evidence)
        self._sightings: dict[tuple[str, DataRole], list[AssetSighting]] = {}
        for sighting in evidence.sightings:
            role = self._determine_role(sighting.customer, sighting.asset, sighting.categories)
            self._sightings.setdefault((sighting.customer, role), []).append(sighting)
        for sighting in self._reach.named_sightings:
            key = (sighting.customer, DataRole.CONTROLLER)
            self._sightings.setdefault(key, []).append(sighting)

    def build_exposures(self, customer: Customer) -> Iterable[Exposure]:
        """Build the customer's exposures, controller first; no processor exposure where nothing was
        ever stored."""
        if customer.id == PROVIDER:
            return
        for role in (DataRole.CONTROLLER, DataRole.PROCESSOR):
            question, bindings = self._collect_evidence(customer, role)
            has_evidence = question.sightings or question.unseen or question.picked
            if role is DataRole.CONTROLLER or bindings or has_evidence:
                yield self._build_exposure(customer, role, question, bindings)

    def _collect_evidence(
        self, customer: Customer, role: DataRole
    ) -> tuple[CustomerEvidence, list[Binding]]:
        bindings = list_bindings_in_window(self._evidence, customer.id, role)
        stored = {category for binding in bindings for category in binding.categories}
        if role is DataRole.CONTROLLER:
            stored |= set(self._reach.categories[role])
        question = CustomerEvidence(
            sightings=self._sightings.get((customer.id, role), ()),
            unseen=[t for t in self._evidence.unseen if self._is_of(t, customer.id, role)],
            succeeded=[t for t in self._evidence.succeeded if self._is_of(t, customer.id, role)],
            picked=self._list_picked_assets(customer.id, role),
            reach=self._explain_reach(role, bindings),
            reached_at=self._reach.times.get(role),
            gaps=list_gaps(
                self._evidence, self._list_watching_sources(customer.id, role, bindings)
            ),
            stored=tuple(sorted(stored)),
            nothing=UNTOUCHED[role],
        )
        return question, bindings

    def _explain_reach(self, role: DataRole, bindings: list[Binding]) -> str:
        """Explain how the exposure could be reached: stored data only where something is stored."""
        is_stored = role is DataRole.CONTROLLER or bool(bindings)
        return self._reach.reasons.get(role, "") if is_stored else ""

    def _list_watching_sources(
        self, customer_id: str, role: DataRole, bindings: list[Binding]
    ) -> set[str]:
        if role is DataRole.PROCESSOR:
            return self._watch.list_sources(customer_id, bindings)
        bound = {b.value for b in bindings if b.kind is AssetKind.SOURCE}
        return bound | self._reach.sources

    def _build_exposure(
        self,
        customer: Customer,
        role: DataRole,
        question: CustomerEvidence,
        bindings: list[Binding],
    ) -> Exposure:
        outcome = decide_verdict(question)
        touched = [b for b in bindings if b.asset in outcome.assets] or bindings
        times = [s.event.time for s in question.sightings]
        return Exposure(
            customer_id=customer.id,
            role=role,
            certainty=outcome.certainty,
            reason=outcome.reason,
            effects=outcome.effects or self._get_default_effects(role),
            assets=outcome.assets,
            known_as=describe_assets(
                outcome.assets, self._evidence.bindings.list_of_customer(customer.id)
            ),
            services=tuple(sorted({b.service for b in touched if b.service})),
            pecr=self._determine_pecr(role, touched),
            evidence=outcome.evidence,
            acts=collect_acts(question.sightings, self._evidence.bindings),
            doubts=outcome.doubts,
            first=min(times, default=None),
            last=max(times, default=None),
            alerted_at=self._find_alerted_at(customer.id, role, question.sightings),
        )

    def _find_alerted_at(
        self, customer_id: str, role: DataRole, sightings: Sequence[AssetSighting]
    ) -> datetime | None:
        """Find the first alert about the customer's own records. Without any, use an alert of this
        customer alone: an alert across customers does not show when it first named this one."""
        times = [s.alerted_at for s in sightings if s.alerted_at is not None]
        if not sightings:
            times = [
                alert.detected_at
                for alert in self._evidence.alerts
                if alert.organization == customer_id
                and any(self._is_of(touched, customer_id, role) for touched in alert.touches)
            ]
        return min(times, default=None)

    def _get_default_effects(self, role: DataRole) -> Effects:
        """Return the effects of an event that names no category: it still reached what is stored
        there."""
        return mark_unknown(self._reach.categories[role])

    def _determine_pecr(self, role: DataRole, bindings: list[Binding]) -> PecrStatus:
        flags = {b.pecr for b in bindings}
        if role in self._reach.reasons:
            ours = self._evidence.bindings.list_of_customer(PROVIDER)
            flags |= {b.pecr for b in ours if b.role is role}
        return next((p for p in (PecrStatus.YES, PecrStatus.ASK) if p in flags), PecrStatus.NO)

    def _list_picked_assets(self, customer_id: str, role: DataRole) -> list[str]:
        return [
            asset
            for asset in self._evidence.case.assets
            if any(
                b.customer_id == customer_id and b.role is role
                for b in self._evidence.bindings.list_of_asset(asset)
            )
        ]

    def _is_of(self, touched: tuple[str, str, str], customer_id: str, role: DataRole) -> bool:
        customer, asset, category = touched
        return (
            customer == customer_id and self._determine_role(customer, asset, (category,)) is role
        )

    def _determine_role(self, customer: str, asset: str, categories: Sequence[str]) -> DataRole:
        """Determine our role from the register's binding, else from the categories."""
        binding = self._evidence.bindings.find_at(asset, customer, self._evidence.end)
        if binding is not None:
            return binding.role
        stored = CONTENT.intersection(categories)
        return DataRole.PROCESSOR if stored else DataRole.CONTROLLER


def describe_assets(assets: Iterable[str], bindings: Sequence[Binding]) -> dict[str, str]:
    """Describe assets as their owner knows them: a directory's id by its mail domains, a service by
    the name under which we sell it."""
    domains = ", ".join(sorted({b.value for b in bindings if b.kind is AssetKind.DOMAIN}))
    services = {b.asset: b.service for b in bindings if b.kind is AssetKind.SERVICE}
    named = {a: domains if a.startswith("tenant:") else services.get(a, "") for a in assets}
    return {asset: name for asset, name in sorted(named.items()) if name}


def _check_everybody(exposures: Sequence[Exposure], customers: dict[str, Customer]) -> None:
    counted = Counter((e.customer_id, e.role) for e in exposures)
    if any(count > 1 for count in counted.values()):
        raise BadInput("a customer is listed twice in one role", place="affected list")
    considered = {e.customer_id for e in exposures}
    problems = {c: "was not considered" for c in customers if c not in considered | {PROVIDER}}
    problems |= {c: "is not in the register" for c in considered if c not in customers}
    problems |= {e.customer_id: "has no reason" for e in exposures if not e.reason.strip()}
    if problems:
        raise IncompleteDocument(
            problems, place="affected list", remedy="Take the proposal as it is now."
        )


def _generate_salt(breach: Breach) -> str:
    """Generate the salt: random, so that a published hash does not reveal the list; in a drill
    constant, so that it is the same each time."""
    if breach.drill:
        return hashlib.sha256(f"drill {breach.id}".encode()).hexdigest()[:32]
    return secrets.token_hex(16)


def _build_open_questions(
    uow: UnitOfWork, case: Case, senders: Iterable[str], now: datetime
) -> list[CaseTask]:
    tasks = []
    alerts = uow.alerts.get_many(case.alerts)
    bound = {binding.asset for binding in uow.customers.list_bindings()}
    unknown = {key for alert in alerts for key in alert.unattributed}
    unknown |= {asset for asset in case.assets if asset not in bound}
    for asset in sorted(unknown):
        title = f"Whose is this {asset.partition(':')[0]}?"
        why = "it is in the evidence and belongs to no customer we know"
        tasks.append(cases.build_check_task(_build_task_id("whose", asset), title, why, now, asset))
    for asset in sorted(senders):
        why = "an asset that one of our senders depends on is in the evidence"
        task_id = _build_task_id("sender", asset)
        tasks.append(cases.build_check_task(task_id, "Choose another sender", why, now, asset))
    return tasks


def _build_task_id(about: str, asset: str) -> str:
    """Build the id without the asset's name, which may be a person's address: ids are stored in the
    audit."""
    return f"{about}-{hashlib.sha256(asset.encode()).hexdigest()[:12]}"


def _record_audit(uow: UnitOfWork, manifest: Manifest, case_id: str, now: datetime) -> None:
    by_phone = sum(r.channel is ContactChannel.TELEPHONE for r in manifest.recipients)
    uow.audit.record(
        at=now,
        actor=manifest.frozen_by,
        action=AuditAction.BREACH_AFFECTED_FROZEN,
        subject=manifest.breach_id,
        facts={
            "version": manifest.version,
            "hash": manifest.hash,
            "exposures": dict(Counter(e.certainty.value for e in manifest.exposures)),
            "recipients": len(manifest.recipients),
            "telephone": by_phone,
            "overridden": sorted(
                f"{e.customer_id}:{e.role}" for e in manifest.exposures if e.decided_by
            ),
        },
        case_id=case_id,
    )
