"""Build what one letter is rendered from: the newest documents, one recipient, its own exposure,
nobody else's."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from breachdesk.casework.affected.notification_status import ReaderTelling, list_tellings
from breachdesk.casework.authority import check_not_erased
from breachdesk.casework.digests import require_intact
from breachdesk.casework.release.letter_numbers import LetterNumber, compute_number
from breachdesk.casework.release.reader_facts import select_facts
from breachdesk.gdpr.regulator_sentences import list_regulator_sentences
from breachdesk.gdpr.roles import (
    CORRECTED_BY,
    CORRECTION_OF,
    compute_bases,
    get_role,
    list_letter_kinds,
)
from breachdesk.ports import UnitOfWork
from schemas.casework.affected import Certainty, Exposure, Manifest, Recipient
from schemas.casework.breach import Breach
from schemas.casework.decision import Decision
from schemas.casework.letter import LetterContext
from schemas.casework.letter_facts import NoticeFacts, ReaderStanding
from schemas.casework.notice import NoticeRow
from schemas.casework.notice_kind import NoticeKind
from schemas.casework.report import Submission
from schemas.customer import Customer, DataRole, PersonKind
from schemas.errors import CorruptData, NotFound
from schemas.settings import ProviderProfile, Settings
from schemas.times import convert_to_utc

Person = tuple[str, str]
"""Ids of a customer and of one of its people."""
ReaderKey = tuple[str, DataRole, bool]
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
class LetterDocuments:
    """The newest version of everything a letter is made of."""

    breach: Breach
    manifest: Manifest
    decision: Decision
    facts: NoticeFacts
    drill: bool

    @property
    def written_at(self) -> datetime:
        """When the last of them was written: the letters' own time."""
        times = (self.manifest.frozen_at, self.decision.decided_at, self.facts.written_at)
        return max(convert_to_utc(moment) for moment in times)


def get_documents(uow: UnitOfWork, breach_id: str) -> LetterDocuments:
    """Return the newest documents. Raises NotFound naming a missing one, EditConflict for a broken
    manifest."""
    breach = uow.breaches.get(breach_id)
    check_not_erased(uow.cases.get(breach.case_id))
    stored = uow.breaches.find_latest(Manifest, breach_id)
    # Of thousands of exposures the hash takes longer than all else. What is kept holds the very list
    # that was hashed, so that the id identifies no other one.
    manifest = uow.get_cached("intact lists", id(stored), lambda: require_intact(stored, breach_id))
    decision = uow.breaches.find_latest(Decision, breach_id)
    facts = uow.breaches.find_latest(NoticeFacts, breach_id)
    if decision is None:
        raise NotFound("no decision is written", place=breach_id, remedy="Write it first.")
    if facts is None:
        raise NotFound("the letters' facts are not written", place=breach_id, remedy="Write them.")
    return LetterDocuments(breach, manifest, decision, facts, breach.drill)


def list_told_recipients(letter_documents: LetterDocuments) -> list[Recipient]:
    """List recipients whose exposure gives a basis to notify them, and those who receive a
    correction."""
    owed = _list_owed(letter_documents)
    return [
        r
        for r in letter_documents.manifest.recipients
        if (r.customer_id, r.kind) in owed or r.kind in CORRECTED_BY
    ]


def _list_owed(letter_documents: LetterDocuments) -> set[tuple[str, NoticeKind]]:
    return {
        (exposure.customer_id, kind)
        for exposure in letter_documents.manifest.exposures
        if compute_bases(letter_documents.decision, exposure)
        for kind in list_letter_kinds(exposure)
    }


class ContextBuilder:
    """Builds the contexts of one breach's letters."""

    def __init__(
        self,
        uow: UnitOfWork,
        letter_documents: LetterDocuments,
        settings: Settings,
        customers: Mapping[str, Customer],
        *,
        jurisdictions: Collection[str] | None = None,
        written_at: datetime | None = None,
    ) -> None:
        """Create a builder. `told_under`, `told_at`: as an approval fixed them; None: as they are
        now."""
        self._documents = letter_documents
        self._law = uow.law
        self._profile: ProviderProfile = settings.profile
        self._drill = letter_documents.drill or settings.drill
        self._jurisdictions = (
            list_reported_jurisdictions(uow, letter_documents.breach)
            if jurisdictions is None
            else jurisdictions
        )
        self._written_at = written_at or letter_documents.written_at
        self._customers = customers
        rows = uow.notices.list(breach_id=letter_documents.breach.id)
        tasks = uow.cases.get(letter_documents.breach.case_id).tasks
        # By person: a list of thousands is not searched for each of its readers.
        self._rows_of: dict[Person, list[NoticeRow]] = defaultdict(list)
        for row in rows:
            self._rows_of[row.customer_id, row.person_id].append(row)
        self._tellings_of: dict[Person, list[ReaderTelling]] = defaultdict(list)
        for telling in list_tellings(letter_documents.breach.id, rows, tasks):
            self._tellings_of[telling.customer_id, telling.person_id].append(telling)
        self._exposures = collect_exposures(letter_documents.manifest)
        self._owed = _list_owed(letter_documents)
        self._users = Counter(
            r.customer_id
            for r in letter_documents.manifest.recipients
            if r.person_kind is PersonKind.USER and r.kind not in CORRECTED_BY
        )

    def _get_exposure(self, recipient: Recipient) -> Exposure:
        """Return the one exposure that a recipient is told of; a correction is about an excluded
        one. Raises CorruptData when there is not exactly one."""
        excluded = recipient.kind in CORRECTED_BY
        reader = recipient.customer_id, get_role(recipient.kind), excluded
        own = self._exposures.get(reader, ())
        if len(own) != 1:
            raise CorruptData(
                "a recipient has no exposure of its own",
                place=f"{self._documents.breach.id}, {recipient.customer_id}",
                remedy="Freeze the affected list again.",
            )
        return own[0]

    def build_context(
        self, recipient: Recipient, numbering: LetterNumber | None = None
    ) -> LetterContext:
        """Build the context of one recipient's own exposure. Raises CorruptData when there is not
        exactly one.

        `numbering`: as an approval fixed it; None: by what has left until now."""
        customer = self._customers.get(recipient.customer_id)
        if customer is None:
            raise NotFound("the customer is gone", place=recipient.customer_id, remedy="Freeze.")
        if numbering is None:
            version = self._documents.facts.version
            person = (recipient.customer_id, recipient.person_id)
            earlier = self._rows_of.get(person, ()), self._tellings_of.get(person, ())
            numbering = compute_number(*earlier, recipient, version)
        exposure = self._get_exposure(recipient)
        return LetterContext(
            kind=recipient.kind,
            locale=customer.locale,
            drill=self._drill,
            reference=format_reference(self._documents.breach, recipient.customer_id),
            profile=self._profile,
            breach=self._documents.breach,
            facts=select_facts(self._documents.facts, exposure, _get_standing(recipient)),
            written_by=self._documents.facts.written_by,
            exposure=exposure,
            recipient=recipient,
            decision=self._documents.decision,
            bases=compute_bases(self._documents.decision, exposure),
            customer_name=customer.name,
            regulators=list_regulator_sentences(
                self._documents.decision, exposure, self._jurisdictions
            ),
            former=customer.contract_end is not None and customer.contract_end <= self._written_at,
            users_told=self._users.get(customer.id, 0),
            version=numbering.number,
            supersedes=numbering.supersedes,
            may_supersede=numbering.may_supersede,
            has_own_controllers=customer.processes_for_others,
            spoken_before=numbering.spoken_before,
            also_told=any(
                (customer.id, kind) in self._owed
                for kind in CORRECTION_OF
                if get_role(kind) is not exposure.role
            ),
            law=self._law,
            told_at=self._written_at,
        )


def collect_exposures(manifest: Manifest) -> Mapping[ReaderKey, Sequence[Exposure]]:
    """Collect exposures by reader in one pass over the list."""
    by_reader: dict[ReaderKey, list[Exposure]] = defaultdict(list)
    for e in manifest.exposures:
        by_reader[e.customer_id, e.role, e.certainty is Certainty.EXCLUDED].append(e)
    return by_reader


def _get_standing(recipient: Recipient) -> ReaderStanding | None:
    """Return the standing of a correction. None: the exposure's own."""
    return ReaderStanding.CORRECTED if recipient.kind in CORRECTED_BY else None


def list_reported_jurisdictions(uow: UnitOfWork, breach: Breach) -> tuple[str, ...]:
    """List the jurisdictions with a recorded report."""
    return tuple(
        sorted({s.jurisdiction for s in uow.breaches.list_versions(Submission, breach.id)})
    )


def format_reference(breach: Breach, customer_id: str) -> str:
    """Format like `BR-0001-copper-lantern-0427`: the reader quotes it and we can check it; it is no
    secret. It is the same in every letter of this breach to this customer."""
    seed = f"{breach.id}|{convert_to_utc(breach.confirmed_at).isoformat()}|{customer_id}".encode()
    number = int.from_bytes(hashlib.sha256(seed).digest()[:8], "big")
    words = len(CHECK_WORDS)
    first, second = CHECK_WORDS[number % words], CHECK_WORDS[number // words % words]
    return f"{breach.id}-{first}-{second}-{number // words**2 % 10_000:04d}"
