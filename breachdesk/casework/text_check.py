"""Every text that can reach a person, read for other customers' data and our staff's names; and an
exact account of what was read for what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from breachdesk.gdpr import text_parts
from breachdesk.gdpr.folding import folded, tokens
from breachdesk.gdpr.foreign_data import ForeignData, Hit, Reader
from breachdesk.gdpr.name_signs import BLOCK
from breachdesk.gdpr.register_names import RegisterNames
from breachdesk.gdpr.text_parts import Part
from breachdesk.ports import UnitOfWork
from schemas.affected import NoticeKind
from schemas.letter import LetterContext, LintProblem
from schemas.notice import Rendered
from schemas.settings import ProviderProfile
from schemas.short_memory import for_minutes

UNSEEN = (
    "nicknames",
    "misspelt names",
    "initials, and a first name alone",
    "telephone numbers without their area code",
    "people whom the register does not name",
    "postal addresses, which the register does not hold",
    "descriptions by which somebody could guess whom you mean",
)
"""What no list of names finds: whoever approves reads for it."""
OWN_EVIDENCE = re.compile(r", acts\b.*\b(?:assets|details|words)\b|, systems\b")
"""Fields of a pack's file that hold the reader's own records, which nobody typed. What a responder
said of an act stands in the letter's text too, and is read there."""
_TAKE_OUT = "Take it out of the words that you wrote."
_LOOK = "Look whether it names somebody; if it does, take it out."


@dataclass(frozen=True, slots=True)
class CheckAccount:
    """What was read, for what. Only what really ran is counted."""

    mails: int = 0
    attachments: int = 0
    scripts: int = 0
    other_customers: int = 0
    """Whose data was looked for in each text: everybody but its reader."""
    staff: int = 0
    wording: tuple[str, ...] = ()
    """What else was looked for, in the check's own words."""

    @property
    def texts(self) -> int:
        """Mails, files and scripts."""
        return self.mails + self.attachments + self.scripts

    @property
    def read(self) -> tuple[str, ...]:
        """`3 mails`, `1 attached file`, `1 telephone script`."""
        counts = (
            (self.mails, "mail", "mails"),
            (self.attachments, "attached file", "attached files"),
            (self.scripts, "telephone script", "telephone scripts"),
        )
        return tuple(f"{n:,} {one if n == 1 else many}" for n, one, many in counts if n)

    @property
    def names(self) -> tuple[str, ...]:
        """Kinds of what was looked for about other customers."""
        return (
            "names", "short names", "account numbers", "domains", "e-mail addresses",
            "network addresses and systems", "telephone numbers", "people’s names",
        )  # fmt: skip

    @property
    def unseen(self) -> tuple[str, ...]:
        """What was not checked and cannot be."""
        return UNSEEN


def together(accounts: Iterable[CheckAccount]) -> CheckAccount:
    """Of many texts, each checked for itself."""
    every = tuple(accounts)
    if not every:
        return CheckAccount()
    return replace(
        every[0],
        mails=sum(each.mails for each in every),
        attachments=sum(each.attachments for each in every),
        scripts=sum(each.scripts for each in every),
        other_customers=max(each.other_customers for each in every),
    )


class TextCheck:
    """Checks one release's texts, one after another; keeps the account."""

    def __init__(self, data: ForeignData, *, wording: Sequence[str] = ()) -> None:
        self._data = data
        self._account = CheckAccount(staff=data.staff, wording=tuple(wording))

    @property
    def account(self) -> CheckAccount:
        """Of what was checked until now."""
        return self._account

    def letter(self, letter: Rendered, context: LetterContext) -> list[LintProblem]:
        """Subject, text, HTML with what it does not show, attachments with their names."""
        reader = reader_of(context)
        self._count(reader, mails=1, attachments=len(letter.attachments))
        shown = list(self._of_parts(_written(letter), reader))
        known = {(hit.kind, _words(hit)) for _, hit in shown}
        more = self._of_parts(_unwritten(letter), reader)
        shown += [(where, hit) for where, hit in more if (hit.kind, _words(hit)) not in known]
        return _problems(shown)

    def script(self, script: str, context: LetterContext) -> list[LintProblem]:
        """What is said on the telephone."""
        reader = reader_of(context)
        self._count(reader, scripts=1)
        return _problems(self._of_parts(text_parts.blocks("script", script), reader))

    def texts(self, parts: Mapping[str, str], reader: Reader) -> list[LintProblem]:
        """Texts of any other kind, under the places that they are given."""
        return _problems(self._of_parts(parts.items(), reader))

    def _of_parts(self, parts: Iterable[Part], reader: Reader) -> Iterator[tuple[str, Hit]]:
        for where, text in parts:
            for hit in self._data.find(text, reader):
                yield where, hit

    def _count(
        self, reader: Reader, *, mails: int = 0, attachments: int = 0, scripts: int = 0
    ) -> None:
        before = self._account
        self._account = replace(
            before,
            mails=before.mails + mails,
            attachments=before.attachments + attachments,
            scripts=before.scripts + scripts,
            other_customers=max(before.other_customers, self._data.others(reader)),
        )


def foreign_data(
    uow: UnitOfWork, profile: ProviderProfile, *, involved: Iterable[str] = ()
) -> ForeignData:
    """The register and the accounts as they stand; `involved`: accounts that worked on the case."""
    users = uow.users.list()

    def arrange() -> RegisterNames:
        return RegisterNames(uow.customers.list(), uow.customers.bindings(), users, profile=profile)

    accounts = tuple((user.id, user.name) for user in users)
    key = uow.customers.version(), accounts, profile.model_dump_json()
    return ForeignData(uow.remembered("names", key, arrange), involved)


def reader_of(context: LetterContext) -> Reader:
    """Whoever the letter is for, with the frozen names and the words typed for this case."""
    recipient = context.recipient
    typed = (context.facts, context.exposure, context.breach)
    return Reader(
        recipient.customer_id,
        names=tuple(
            filter(
                None,
                (context.customer_name, recipient.name, recipient.email, *_own_evidence(context)),
            )
        ),
        reference=context.reference,
        typed=frozenset(word for document in typed for word in _texts(document.model_dump())),
    )


def _own_evidence(context: LetterContext) -> Iterator[str]:
    """The reader's own mailboxes, folders and rules, as the letter names them: whatever they are
    called, nobody typed it."""
    if context.kind is not NoticeKind.CONTROLLER_PACK:
        return
    for act in context.exposure.acts:
        yield from (a.partition(":")[2] for a in act.assets if a.startswith("mailbox:"))
        *head, last = act.details.get("folders", "").split(", ")
        if last:
            yield f"{', '.join(head)} and {last}" if head else f"folder {last}"
        if act.details.get("rule"):
            yield f"named {act.details['rule']}"


def of_reader(context: LetterContext, *found: Sequence[LintProblem]) -> Iterator[LintProblem]:
    """The problems, each with whose text it stands in."""
    whose = (context.recipient.customer_id,)
    for problems in found:
        yield from (problem.model_copy(update={"customers": whose}) for problem in problems)


def merged(problems: Iterable[LintProblem]) -> tuple[LintProblem, ...]:
    """The same problem in many texts once, with all their readers; blocks first."""
    rows: dict[LintProblem, dict[str, None]] = {}
    for problem in problems:
        rows.setdefault(problem.model_copy(update={"customers": ()}), {}).update(
            dict.fromkeys(problem.customers)
        )
    each = (p.model_copy(update={"customers": tuple(whose)}) for p, whose in rows.items())
    return tuple(sorted(each, key=lambda p: p.severity))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from _words_of(value)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)


@for_minutes(4_096)
def _words_of(text: str) -> frozenset[str]:
    """Readers of one breach share most of what was typed."""
    return frozenset(token.word for token in tokens(folded(text)))


def _written(letter: Rendered) -> Iterator[Part]:
    yield "subject", letter.subject
    yield from text_parts.blocks("text", letter.text)


def _unwritten(letter: Rendered) -> Iterator[Part]:
    """The same words as HTML, and the attachments: what the text does not say already."""
    yield from text_parts.html("html", letter.html)
    for name, content in letter.attachments.items():
        yield f"attachment:{name}, its name", name.rpartition(".")[0]
        parts = text_parts.attachment(name, content)
        yield from (part for part in parts if not OWN_EVIDENCE.search(part[0]))


def _words(hit: Hit) -> str:
    return " ".join(token.word for token in tokens(hit.quote))


def _problems(found: Iterable[tuple[str, Hit]]) -> list[LintProblem]:
    """One for each place and kind; the quote is for the screen alone."""
    problems: dict[tuple[str, str, str], LintProblem] = {}
    for where, hit in found:
        key = (where, hit.kind.value, hit.severity)
        quote = " ".join(hit.quote.split())
        before = problems.get(key)
        if before is not None and before.quote and quote not in before.quote.split(", "):
            quote = f"{before.quote}, {quote}"
        problems[key] = LintProblem(
            severity=hit.severity,
            where=where,
            problem=hit.kind.value if hit.severity == BLOCK else f"perhaps {hit.kind.value}",
            remedy=_TAKE_OUT if hit.severity == BLOCK else _LOOK,
            quote=quote,
        )
    return list(problems.values())
