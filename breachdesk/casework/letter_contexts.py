"""What one letter is made of: the newest documents, one recipient, its own exposure, nobody else's."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from breachdesk.casework.authority import not_erased
from breachdesk.casework.numbering import Numbering, numbering_of
from breachdesk.casework.own_facts import own_facts
from breachdesk.casework.sealing import intact
from breachdesk.casework.told import Telling, tellings
from breachdesk.gdpr.ico_sentence import ico_sentence_of
from breachdesk.gdpr.roles import CORRECTED_BY, CORRECTION_OF, bases, letter_kind, role_of
from breachdesk.ports import UnitOfWork
from schemas.affected import Certainty, Exposure, Manifest, NoticeKind, Recipient
from schemas.breach import Breach
from schemas.customer import Customer, PersonKind, Role
from schemas.decision import Decision
from schemas.errors import Corrupt, NotFound
from schemas.letter import LetterContext
from schemas.letter_facts import NoticeFacts, Standing
from schemas.notice import NoticeRow
from schemas.report import Submission
from schemas.settings import ProviderProfile, Settings
from schemas.times import in_utc

Person = tuple[str, str]
"""Ids of a customer and of one of its people."""
ReaderKey = tuple[str, Role, bool]
"""Customer, its role, and whether it is excluded."""
CHECK_WORDS = (
    "anchor", "apple", "badger", "barley", "basket", "beacon", "bramble", "bridge", "bucket",
    "button", "candle", "canvas", "carpet", "cedar", "chapel", "copper", "cotton", "cradle",
    "curtain", "dolphin", "feather", "ferry", "fiddle", "garden", "granite", "hammer", "harbour",
    "hedge", "island", "kettle", "ladder", "lantern", "lemon", "linen", "magnet", "marble",
    "meadow", "mirror", "mitten", "mustard", "needle", "nutmeg", "orchard", "otter", "paddle",
    "paper", "pebble", "pepper", "pillow", "pocket", "quarry", "ribbon", "river", "saddle",
    "silver", "sparrow", "spoon", "teapot", "thistle", "timber", "tunnel", "velvet", "walnut",
    "window",
)  # fmt: skip
"""No first names, so that a letter never seems to name one of the staff."""


@dataclass(frozen=True, slots=True)
class Documents:
    """The newest version of everything a letter is made of."""

    breach: Breach
    manifest: Manifest
    decision: Decision
    facts: NoticeFacts
    drill: bool

    @property
    def told_at(self) -> datetime:
        """When the last of them was written: the letters' own time."""
        times = (self.manifest.frozen_at, self.decision.decided_at, self.facts.written_at)
        return max(in_utc(moment) for moment in times)


def documents(uow: UnitOfWork, breach_id: str) -> Documents:
    """Raises NotFound naming the one that is not written yet, Conflict for a broken manifest."""
    breach = uow.breaches.get(breach_id)
    not_erased(uow.cases.get(breach.case_id))
    stored = uow.breaches.latest(Manifest, breach_id)
    # Of thousands of exposures the hash takes longer than all else. What is kept holds the very list
    # that was hashed, so that the id stands for no other one.
    manifest = uow.remembered("intact lists", id(stored), lambda: intact(stored, breach_id))
    decision = uow.breaches.latest(Decision, breach_id)
    facts = uow.breaches.latest(NoticeFacts, breach_id)
    if decision is None:
        raise NotFound("no decision is written", place=breach_id, remedy="Write it first.")
    if facts is None:
        raise NotFound("the letters' facts are not written", place=breach_id, remedy="Write them.")
    return Documents(breach, manifest, decision, facts, breach.drill)


def told_recipients(made: Documents) -> list[Recipient]:
    """Whose exposure gives a basis to tell them, and who is told that an earlier letter was wrong."""
    owed = _owed(made)
    return [
        r
        for r in made.manifest.recipients
        if (r.customer_id, r.kind) in owed or r.kind in CORRECTED_BY
    ]


def _owed(made: Documents) -> set[tuple[str, NoticeKind]]:
    return {
        (e.customer_id, letter_kind(e)) for e in made.manifest.exposures if bases(made.decision, e)
    }


class LetterMaker:
    """Contexts of one breach's letters."""

    def __init__(
        self,
        uow: UnitOfWork,
        made: Documents,
        settings: Settings,
        customers: Mapping[str, Customer],
        *,
        told_under: Collection[str] | None = None,
        told_at: datetime | None = None,
    ) -> None:
        """`told_under`, `told_at`: as an approval fixed them; None: as they are now."""
        self._made = made
        self._law = uow.law
        self._profile: ProviderProfile = settings.profile
        self._drill = made.drill or settings.drill
        self._told_under = told_under_now(uow, made.breach) if told_under is None else told_under
        self._told_at = told_at or made.told_at
        self._customers = customers
        rows = uow.notices.list(breach_id=made.breach.id)
        tasks = uow.cases.get(made.breach.case_id).tasks
        # By person: a list of thousands is not searched for each of its readers.
        self._rows_of: dict[Person, list[NoticeRow]] = defaultdict(list)
        for row in rows:
            self._rows_of[row.customer_id, row.person_id].append(row)
        self._tellings_of: dict[Person, list[Telling]] = defaultdict(list)
        for telling in tellings(made.breach.id, rows, tasks):
            self._tellings_of[telling.customer_id, telling.person_id].append(telling)
        self._exposures = exposures_by_reader(made.manifest)
        self._owed = _owed(made)
        self._users = Counter(
            r.customer_id
            for r in made.manifest.recipients
            if r.person_kind is PersonKind.USER and r.kind not in CORRECTED_BY
        )

    def _exposure_of(self, recipient: Recipient) -> Exposure:
        """The one exposure that a recipient is told of; a correction is about an excluded one.
        Raises Corrupt when there is not exactly one."""
        excluded = recipient.kind in CORRECTED_BY
        reader = recipient.customer_id, role_of(recipient.kind), excluded
        own = self._exposures.get(reader, ())
        if len(own) != 1:
            raise Corrupt(
                "a recipient has no exposure of its own",
                place=f"{self._made.breach.id}, {recipient.customer_id}",
                remedy="Freeze the affected list again.",
            )
        return own[0]

    def context(self, recipient: Recipient, numbering: Numbering | None = None) -> LetterContext:
        """One recipient's own exposure. Raises Corrupt when there is not exactly one.

        `numbering`: as an approval fixed it; None: by what has left until now.
        """
        customer = self._customers.get(recipient.customer_id)
        if customer is None:
            raise NotFound("the customer is gone", place=recipient.customer_id, remedy="Freeze.")
        if numbering is None:
            version = self._made.facts.version
            person = (recipient.customer_id, recipient.person_id)
            earlier = self._rows_of.get(person, ()), self._tellings_of.get(person, ())
            numbering = numbering_of(*earlier, recipient, version)
        exposure = self._exposure_of(recipient)
        return LetterContext(
            kind=recipient.kind,
            locale=customer.locale,
            drill=self._drill,
            reference=reference(self._made.breach, recipient.customer_id),
            profile=self._profile,
            breach=self._made.breach,
            facts=own_facts(self._made.facts, exposure, _standing(recipient)),
            written_by=self._made.facts.written_by,
            exposure=exposure,
            recipient=recipient,
            decision=self._made.decision,
            bases=bases(self._made.decision, exposure),
            customer_name=customer.name,
            ico=ico_sentence_of(self._made.decision, exposure, self._told_under),
            former=customer.contract_end is not None and customer.contract_end <= self._told_at,
            users_told=self._users.get(customer.id, 0),
            version=numbering.number,
            supersedes=numbering.supersedes,
            may_supersede=numbering.may_supersede,
            has_own_controllers=customer.processes_for_others,
            spoken_before=numbering.spoken_before,
            also_told=any(
                (customer.id, kind) in self._owed
                for kind in CORRECTION_OF
                if role_of(kind) is not exposure.role
            ),
            law=self._law,
            told_at=self._told_at,
        )


def exposures_by_reader(manifest: Manifest) -> Mapping[ReaderKey, Sequence[Exposure]]:
    """The list is gone through once, not once for each of its readers."""
    by_reader: dict[ReaderKey, list[Exposure]] = defaultdict(list)
    for e in manifest.exposures:
        by_reader[e.customer_id, e.role, e.certainty is Certainty.EXCLUDED].append(e)
    return by_reader


def _standing(recipient: Recipient) -> Standing | None:
    """None: as the exposure stands."""
    return Standing.CORRECTED if recipient.kind in CORRECTED_BY else None


def told_under_now(uow: UnitOfWork, breach: Breach) -> tuple[str, ...]:
    """The jurisdictions with a recorded report."""
    return tuple(sorted({s.jurisdiction for s in uow.breaches.all(Submission, breach.id)}))


def reference(breach: Breach, customer_id: str) -> str:
    """`BR-0001-copper-lantern-0427`: what the reader quotes and we can check; no secret. The same
    in every letter of this breach to this customer."""
    seed = f"{breach.id}|{in_utc(breach.confirmed_at).isoformat()}|{customer_id}".encode()
    number = int.from_bytes(hashlib.sha256(seed).digest()[:8], "big")
    words = len(CHECK_WORDS)
    first, second = CHECK_WORDS[number % words], CHECK_WORDS[number // words % words]
    return f"{breach.id}-{first}-{second}-{number // words**2 % 10_000:04d}"
