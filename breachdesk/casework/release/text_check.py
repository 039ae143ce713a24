"""Check every text that can reach a person for other customers' data and our staff's names, and
account for what was checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from breachdesk.gdpr.personal_data import text_parts
from breachdesk.gdpr.personal_data.folding import fold_text, split_tokens
from breachdesk.gdpr.personal_data.foreign_data import ForeignData, ForeignHit, TextReader
from breachdesk.gdpr.personal_data.name_signs import BLOCK
from breachdesk.gdpr.personal_data.register_names import RegisterNames
from breachdesk.gdpr.personal_data.text_parts import Part
from breachdesk.ports import UnitOfWork
from schemas.casework.letter import LetterContext, LintProblem
from schemas.casework.notice import RenderedText
from schemas.settings import ProviderProfile
from schemas.short_memory import remember_for_minutes

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
said of an act is in the letter's text too, and is checked there."""
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
        """Number of mails, files and scripts."""
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


def sum_accounts(accounts: Iterable[CheckAccount]) -> CheckAccount:
    """Sum the accounts of many texts, each checked for itself."""
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
        """Account of what was checked until now."""
        return self._account

    def check_letter(self, letter: RenderedText, context: LetterContext) -> list[LintProblem]:
        """Check subject, text, HTML with what it does not show, and attachments with their
        names."""
        reader = build_reader(context)
        self._count(reader, mails=1, attachments=len(letter.attachments))
        shown = list(self._find_hits(_iterate_written(letter), reader))
        known = {(hit.kind, _format_hit(hit)) for _, hit in shown}
        more = self._find_hits(_iterate_unwritten(letter), reader)
        shown += [(where, hit) for where, hit in more if (hit.kind, _format_hit(hit)) not in known]
        return _build_problems(shown)

    def check_script(self, script: str, context: LetterContext) -> list[LintProblem]:
        """Check what is said on the telephone."""
        reader = build_reader(context)
        self._count(reader, scripts=1)
        return _build_problems(self._find_hits(text_parts.split_blocks("script", script), reader))

    def check_texts(self, parts: Mapping[str, str], reader: TextReader) -> list[LintProblem]:
        """Check texts of any other kind, under the places that they are given."""
        return _build_problems(self._find_hits(parts.items(), reader))

    def _find_hits(
        self, parts: Iterable[Part], reader: TextReader
    ) -> Iterator[tuple[str, ForeignHit]]:
        for where, text in parts:
            for hit in self._data.find(text, reader):
                yield where, hit

    def _count(
        self, reader: TextReader, *, mails: int = 0, attachments: int = 0, scripts: int = 0
    ) -> None:
        before = self._account
        self._account = replace(
            before,
            mails=before.mails + mails,
            attachments=before.attachments + attachments,
            scripts=before.scripts + scripts,
            other_customers=max(before.other_customers, self._data.count_others(reader)),
        )


def get_foreign_data(
    uow: UnitOfWork, profile: ProviderProfile, *, involved: Iterable[str] = ()
) -> ForeignData:
    """Read the register and the accounts of this snapshot; `involved` are accounts that worked on
    the case."""
    users = uow.users.list()

    def arrange() -> RegisterNames:
        return RegisterNames(
            uow.customers.list(), uow.customers.list_bindings(), users, profile=profile
        )

    accounts = tuple((user.id, user.name) for user in users)
    key = uow.customers.get_version(), accounts, profile.model_dump_json()
    return ForeignData(uow.get_cached("names", key, arrange), involved)


def build_reader(context: LetterContext) -> TextReader:
    """Build the reader that the letter is for, with the frozen names and the words typed for this
    case."""
    recipient = context.recipient
    typed = (context.facts, context.exposure, context.breach)
    return TextReader(
        recipient.customer_id,
        names=tuple(
            filter(
                None,
                (
                    context.customer_name,
                    recipient.name,
                    recipient.email,
                    *_iterate_own_evidence(context),
                ),
            )
        ),
        reference=context.reference,
        typed=frozenset(
            word for document in typed for word in _iterate_words(document.model_dump())
        ),
    )


def _iterate_own_evidence(context: LetterContext) -> Iterator[str]:
    """Iterate over the reader's own mailboxes, folders and rules, as the letter names them:
    whatever they are called, nobody typed it."""
    if context.kind.corrects or not context.kind.spec.names_assets:
        return
    for act in context.exposure.acts:
        yield from (a.partition(":")[2] for a in act.assets if a.startswith("mailbox:"))
        *head, last = act.details.get("folders", "").split(", ")
        if last:
            yield f"{', '.join(head)} and {last}" if head else f"folder {last}"
        if act.details.get("rule"):
            yield f"named {act.details['rule']}"


def list_reader_problems(
    context: LetterContext, *problem_lists: Sequence[LintProblem]
) -> Iterator[LintProblem]:
    """List the problems, each with the reader of its text."""
    whose = (context.recipient.customer_id,)
    for problems in problem_lists:
        yield from (problem.model_copy(update={"customers": whose}) for problem in problems)


def merge_problems(problems: Iterable[LintProblem]) -> tuple[LintProblem, ...]:
    """Merge the same problem in many texts into one with all their readers; blocking ones first."""
    rows: dict[LintProblem, dict[str, None]] = {}
    for problem in problems:
        rows.setdefault(problem.model_copy(update={"customers": ()}), {}).update(
            dict.fromkeys(problem.customers)
        )
    each = (p.model_copy(update={"customers": tuple(whose)}) for p, whose in rows.items())
    return tuple(sorted(each, key=lambda p: p.severity))


def _iterate_words(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from _extract_words(value)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _iterate_words(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _iterate_words(part)


@remember_for_minutes(4_096)
def _extract_words(text: str) -> frozenset[str]:
    """Extract the words, cached: readers of one breach share most of what was typed."""
    return frozenset(token.word for token in split_tokens(fold_text(text)))


def _iterate_written(letter: RenderedText) -> Iterator[Part]:
    yield "subject", letter.subject
    yield from text_parts.split_blocks("text", letter.text)


def _iterate_unwritten(letter: RenderedText) -> Iterator[Part]:
    """Iterate over what the plain text does not contain already: HTML and attachments."""
    yield from text_parts.split_html("html", letter.html)
    for name, content in letter.attachments.items():
        yield f"attachment:{name}, its name", name.rpartition(".")[0]
        parts = text_parts.split_attachment(name, content)
        yield from (part for part in parts if not OWN_EVIDENCE.search(part[0]))


def _format_hit(hit: ForeignHit) -> str:
    return " ".join(token.word for token in split_tokens(hit.quote))


def _build_problems(hits: Iterable[tuple[str, ForeignHit]]) -> list[LintProblem]:
    """Build one problem for each place and kind; the quote is for the screen alone."""
    problems: dict[tuple[str, str, str], LintProblem] = {}
    for where, hit in hits:
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
