"""Read what every section of a case file needs, and format times and names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TypeVar
from zoneinfo import ZoneInfo

from breachdesk.casework.affected.group_records import list_affected, list_named_people
from breachdesk.gdpr.personal_data.redaction import NameRedaction
from breachdesk.ports import UnitOfWork
from schemas.casework.affected import Certainty, ContactChannel, Manifest, Recipient
from schemas.casework.affected_group import AffectedGroup
from schemas.casework.approval import Approval
from schemas.casework.breach import Breach
from schemas.casework.case import Case
from schemas.casework.case_file import FilePart, FileTable
from schemas.casework.decision import Decision
from schemas.casework.letter_facts import NoticeFacts
from schemas.casework.notice import NoticeRow
from schemas.casework.report import Submission
from schemas.customer import Customer, FrozenModel, Person
from schemas.pipeline.alert import AlertView
from schemas.settings import Settings

REMOVED = "[name removed]"
MOST_LETTERS = 200
"""Letters printed in full. One word of a customer can differ from another's, so each that left is
printed, up to this many."""
_WORD = re.compile(r"\w[\w.@:-]*\w|\w")
Doc = TypeVar("Doc", bound=FrozenModel)


@dataclass(frozen=True)
class CaseSnapshot:
    """One case, read once. Texts leave it through `text`, names through `customer`."""

    uow: UnitOfWork
    case: Case
    settings: Settings
    now: datetime
    named: bool
    """False: names of customers and people are left out."""
    most_letters: int = MOST_LETTERS
    """In full."""

    @cached_property
    def breach(self) -> Breach | None:
        if self.case.breach_id is None:
            return None
        self.uow.breaches.read_ahead([self.case.breach_id])
        return self.uow.breaches.get(self.case.breach_id)

    @cached_property
    def alerts(self) -> tuple[AlertView, ...]:
        return tuple(self.uow.alerts.get_many(self.case.alerts))

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """All frozen lists, oldest first, as every document here."""
        return self.list_documents(Manifest)

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        return self.list_documents(Decision)

    @cached_property
    def facts(self) -> tuple[NoticeFacts, ...]:
        return self.list_documents(NoticeFacts)

    @cached_property
    def approvals(self) -> tuple[Approval, ...]:
        return self.list_documents(Approval)

    @cached_property
    def submissions(self) -> tuple[Submission, ...]:
        return tuple(
            sorted(self.list_documents(Submission), key=lambda s: (s.submitted_at, s.number))
        )

    @cached_property
    def rows(self) -> tuple[NoticeRow, ...]:
        if self.breach is None:
            return ()
        return tuple(self.uow.notices.list(breach_id=self.breach.id))

    @cached_property
    def groups(self) -> tuple[AffectedGroup, ...]:
        return list_affected(self.uow, self.case.id)

    def list_documents(self, kind: type[Doc]) -> tuple[Doc, ...]:
        """List every version of a document of the breach."""
        if self.breach is None:
            return ()
        return tuple(self.uow.breaches.list_versions(kind, self.breach.id))

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.settings.profile.zone)

    def format_time(self, moment: datetime | None) -> str:
        """Format like `Sun 22 Nov 2026, 09:12 GMT`; `not known` for None."""
        if moment is None:
            return "not known"
        local = moment.astimezone(self.zone)
        return f"{local:%a} {local.day} {local:%b %Y, %H:%M} {local:%Z}"

    def format_text(self, words: str | None) -> str:
        """Format the text, redacted where names are omitted; `not written` for none."""
        if not (words or "").strip():
            return "not written"
        return self.redact_text(str(words))

    def redact_text(self, words: str) -> str:
        """Redact the text for a file without names."""
        if self.named:
            return words
        marked = _WORD.sub(lambda m: self._redact_word(m.group()), words)
        return self._redaction.redact(marked)

    def _redact_word(self, word: str) -> str:
        return REMOVED if word.casefold() in self._telling else word

    @cached_property
    def _telling(self) -> frozenset[str]:
        """Ids, domains, mailboxes, hosts and sources that identify their owner."""
        customers = self.uow.customers

        def read() -> frozenset[str]:
            ids = {c.casefold() for c in self._names if any(sign.isalpha() for sign in c)}
            ours = {b.value.casefold() for b in customers.list_bindings()}
            return frozenset(ids | ours)

        return self.uow.get_cached("telling words", self._register, read)

    def format_customer(self, customer_id: str) -> str:
        """Format the customer's name and id; without names its number in this file."""
        if not self.named:
            return f"Customer {self._numbers.get(customer_id, 0)}"
        name = self._names.get(customer_id)
        return f"{name} ({customer_id})" if name else customer_id

    def format_person(self, customer_id: str, person_id: str) -> str:
        """Format the recipient of a letter or call, with the address or number."""
        if not self.named:
            return "name left out"
        r = self._recipients.get((customer_id, person_id))
        if r is None:
            return person_id
        address = r.email if r.channel is ContactChannel.EMAIL else r.phone
        return f"{r.name}, {address}" if address else r.name

    @cached_property
    def _recipients(self) -> Mapping[tuple[str, str], Recipient]:
        """Each as the newest list that names it does; of two letters of one list, the first."""
        listed: dict[tuple[str, str], Recipient] = {}
        for manifest in reversed(self.manifests):
            for r in manifest.recipients:
                listed.setdefault((r.customer_id, r.person_id), r)
        return listed

    @cached_property
    def _names(self) -> Mapping[str, str]:
        """Names of every customer, by id."""
        customers = self.uow.customers
        return self.uow.get_cached(
            "customer names", self._register, lambda: customers.get_names(customers.list_ids())
        )

    @cached_property
    def _register(self) -> int:
        return self.uow.customers.get_version()

    @cached_property
    def _numbers(self) -> dict[str, int]:
        """Reached customers first, so that small numbers are those that matter."""
        reached: dict[str, None] = {}
        for is_excluded in (False, True):
            for manifest in reversed(self.manifests):
                for e in manifest.exposures:
                    if (e.certainty is Certainty.EXCLUDED) is is_excluded:
                        reached.setdefault(e.customer_id)
        return {customer: number for number, customer in enumerate(reached, 1)}

    @cached_property
    def _redaction(self) -> NameRedaction:
        """Of the register, and of everybody whom the lists and groups of this case hold."""
        lists = tuple(manifest.hash for manifest in self.manifests)
        groups = tuple(
            (each.id, each.version)
            for each in self.uow.records.list_of_case(AffectedGroup, self.case.id)
        )
        profile = self.settings.profile.model_dump_json()
        key = self.case.id, self._register, lists, groups, profile
        return self.uow.get_cached("case file redaction", key, self._arrange_redaction)

    def _arrange_redaction(self) -> NameRedaction:
        us = self.settings.profile
        listed = [
            Person(
                id=r.person_id, customer_id=r.customer_id, kind=r.person_kind, name=r.name,
                email=r.email, phone=r.phone,
            )
            for manifest in self.manifests
            for r in manifest.recipients
        ]  # fmt: skip
        people = (*listed, *list_named_people(self.uow, self.case.id))
        everybody = Customer(id="listed", name=us.legal_name or "listed", people=people)
        ours = [text for text in (us.contact_email, us.contact_phone) if text]
        return NameRedaction([*self.uow.customers.list(), _remove_own_name(everybody)], keep=ours)


def _remove_own_name(listed: Customer) -> Customer:
    """Remove the customer's own name, which is formatted apart; every person is kept."""
    return listed.model_copy(update={"name": listed.people[0].name if listed.people else "listed"})


def build_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> FileTable | None:
    """Build a table. None: there are no rows."""
    cells = tuple(tuple(row) for row in rows)
    return FileTable(columns=tuple(columns), rows=cells) if cells else None


def build_part(heading: str | None = None, **content: object) -> FilePart:
    """Build a part of a section."""
    return FilePart.model_validate({"heading": heading, **content})


def build_empty_part(words: str) -> FilePart:
    """Build a part that states there is nothing of the kind."""
    return FilePart(paragraphs=(words,))
