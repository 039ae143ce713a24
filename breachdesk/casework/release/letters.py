"""Render and check letters: one recipient, one exposure, nobody else's; the same documents give the
same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from breachdesk.casework.release.letter_contexts import (
    ContextBuilder,
    LetterDocuments,
    get_documents,
    list_told_recipients,
)
from breachdesk.casework.release.text_check import (
    CheckAccount,
    TextCheck,
    get_foreign_data,
    list_reader_problems,
    merge_problems,
    sum_accounts,
)
from breachdesk.casework.release.unchanged_readers import UnchangedReaders
from breachdesk.gdpr.personal_data.foreign_data import ForeignData
from breachdesk.ports import DocumentRenderer, UnitOfWork
from schemas.casework.affected import ContactChannel, Recipient
from schemas.casework.letter import LetterContext, LintProblem
from schemas.casework.notice import RenderedText
from schemas.casework.notice_kind import NoticeKind
from schemas.customer import Customer
from schemas.errors import CorruptData
from schemas.settings import Settings

TextKey = tuple[str, str, NoticeKind]
"""Customer, person and kind of letter: one text of a breach."""


@dataclass(frozen=True, slots=True)
class CheckStamp:
    """Version of what texts are checked against besides their own context, `involved` included."""

    register_version: int
    accounts: tuple[tuple[str, str], ...] = field(repr=False)
    profile: str = field(repr=False)
    templates: str


@dataclass(frozen=True, slots=True)
class CheckedText:
    """Text for one recipient, rendered and checked."""

    stamp: CheckStamp
    involved: frozenset[str]
    context: LetterContext
    letter: RenderedText | None
    """None: told by telephone alone."""
    script: RenderedText
    problems: tuple[LintProblem, ...]
    missing: dict[str, str]
    account: CheckAccount

    @property
    def recipient(self) -> Recipient:
        return self.context.recipient

    @property
    def main_text(self) -> RenderedText:
        """Letter, or the script where there is none."""
        return self.letter or self.script


CheckedTextLookup = Callable[[TextKey], CheckedText | None]
"""Texts that were checked before. What is taken from there was made of the same context and checked
against the same names, words and templates."""


@dataclass(frozen=True, slots=True)
class LetterSet:
    """All letters as they would leave now, and the problems that prevent it."""

    rendered: tuple[RenderedText, ...]
    """By e-mail, in the manifest's order; `recipients` has the same order."""
    problems: tuple[LintProblem, ...]
    missing: dict[str, str]
    recipients: tuple[Recipient, ...]
    contexts: tuple[LetterContext, ...]
    """What each rendered letter was made of, one for one."""
    telephone: tuple[Recipient, ...]
    """People told by telephone instead, each with its reason."""
    scripts: tuple[RenderedText, ...]
    """What is said on the telephone, of everybody who is told: mail may come back."""
    readers: tuple[LetterContext, ...]
    """What each script was made of, one for one."""
    account: CheckAccount
    """What all these texts were read for."""
    hashes: dict[tuple[str, int], str] = field(default_factory=dict, compare=False, repr=False)
    """Texts hashes that were computed, by sender and version of the facts."""

    @property
    def calls(self) -> tuple[RenderedText, ...]:
        """Scripts of recipients who are telephoned, in the order of `telephone`."""
        whose = {(r.customer_id, r.person_id, r.kind) for r in self.telephone}
        return tuple(s for s in self.scripts if (s.customer_id, s.person_id, s.kind) in whose)

    @property
    def texts(self) -> tuple[tuple[RenderedText, LetterContext], ...]:
        """Texts of this release, each with its context: mails, then telephone scripts."""
        whose = {(r.customer_id, r.person_id, r.kind) for r in self.telephone}
        calls = (
            (script, context)
            for script, context in zip(self.scripts, self.readers, strict=True)
            if (script.customer_id, script.person_id, script.kind) in whose
        )
        return (*zip(self.rendered, self.contexts, strict=True), *calls)

    @property
    def blocking(self) -> tuple[LintProblem, ...]:
        """Problems that stop approval."""
        return tuple(p for p in self.problems if p.severity == "block")


def render_letters(
    uow: UnitOfWork,
    breach_id: str,
    settings: Settings,
    renderer: DocumentRenderer,
    checked_texts: CheckedTextLookup | None = None,
) -> LetterSet:
    """Render and lint every letter and every script; one that names another customer has a blocking
    problem. `find_checked`: what need not be done again; from there a letter lacks its HTML. Raises
    CorruptData when a letter is not its own recipient's: nothing may leave then."""
    reading = LetterChecker(uow, breach_id, settings, renderer)
    reading.read_customers(uow)
    texts = []
    for recipient in reading.recipients:
        text = reading.find_checked(recipient, checked_texts) if checked_texts else None
        if text is None:
            reading.read_names(uow)
            text = reading.check(recipient)
        texts.append(text)
    return combine_texts(texts)


def combine_texts(texts: Sequence[CheckedText]) -> LetterSet:
    """Combine the texts in their order."""
    mails = [(text.letter, text) for text in texts if text.letter is not None]
    missing: dict[str, str] = {}
    for text in texts:
        missing.update(text.missing)
    return LetterSet(
        rendered=tuple(letter for letter, _ in mails),
        problems=merge_problems(problem for text in texts for problem in text.problems),
        missing=missing,
        recipients=tuple(text.recipient for _, text in mails),
        contexts=tuple(text.context for _, text in mails),
        telephone=tuple(
            t.recipient for t in texts if t.recipient.channel is ContactChannel.TELEPHONE
        ),
        scripts=tuple(text.script for text in texts),
        readers=tuple(text.context for text in texts),
        account=sum_accounts(text.account for text in texts),
    )


class LetterChecker:
    """The texts of one breach by the documents of one snapshot. Only what is named `read_…` asks
    the store: one text after another is made without it, by any thread."""

    def __init__(
        self, uow: UnitOfWork, breach_id: str, settings: Settings, renderer: DocumentRenderer
    ) -> None:
        """Read the documents. Raises as `get_documents`."""
        self.documents = get_documents(uow, breach_id)
        self.stamp = check_stamp(uow, settings, renderer)
        unchanged = UnchangedReaders(uow, self.documents.breach, self.documents.manifest)
        listed = list_told_recipients(self.documents)
        self.recipients = tuple(r for r in listed if not unchanged.is_told_enough(r))
        """Everybody who is told now, in the manifest's order."""
        self._customers: dict[str, Customer] = {}
        self._maker = ContextBuilder(uow, self.documents, settings, self._customers)
        self._settings = settings
        self._renderer = renderer
        self._involved = list_involved(self.documents)
        self._data: ForeignData | None = None

    def read_customers(self, uow: UnitOfWork, of: Iterable[Recipient] | None = None) -> None:
        """Read the register's customers. `of` None: everybody who is notified."""
        customer_ids = {r.customer_id for r in (self.recipients if of is None else of)}
        lacking = customer_ids - self._customers.keys()
        if lacking:
            self._customers.update({c.id: c for c in uow.customers.list_by_ids(lacking)})

    def read_names(self, uow: UnitOfWork) -> None:
        """Read the names that `check` looks for."""
        if self._data is None:
            self._data = get_foreign_data(uow, self._settings.profile, involved=self._involved)

    def build_context(self, recipient: Recipient) -> LetterContext:
        """Build the context of a customer that was read. Raises as
        `ContextBuilder.build_context`."""
        return self._maker.build_context(recipient)

    def find_checked(
        self, recipient: Recipient, checked_texts: CheckedTextLookup
    ) -> CheckedText | None:
        """Find the text in `checked_texts`, if it would be the same today and checked for the
        same."""
        text = checked_texts(get_text_key(recipient))
        if text is None or (text.stamp, text.involved) != (self.stamp, self._involved):
            return None
        return text if text.context == self.build_context(recipient) else None

    def render_unchecked(self, recipient: Recipient) -> RenderedText:
        """Render the letter, or the script of a call, unchecked."""
        context = self.build_context(recipient)
        by_mail = recipient.channel is ContactChannel.EMAIL
        text = self._renderer.render_letter(context) if by_mail else self._render_script(context)
        check_own(text, context)
        return text

    def check(self, recipient: Recipient) -> CheckedText:
        """Check one recipient's letter and script. Raises CorruptData for a text that is not its
        own."""
        assert self._data is not None, "read the names first"
        context, renderer = self.build_context(recipient), self._renderer
        check = TextCheck(self._data, wording=renderer.list_lint_targets())
        script = self._render_script(context)
        problems = [
            *renderer.lint_script(script.text, context),
            *check.check_script(script.text, context),
        ]
        letter = None
        if recipient.channel is ContactChannel.EMAIL:
            letter = renderer.render_letter(context)
            check_own(letter, context)
            problems += [*renderer.lint(letter, context), *check.check_letter(letter, context)]
        return CheckedText(
            stamp=self.stamp,
            involved=self._involved,
            context=context,
            letter=letter,
            script=script,
            problems=tuple(list_reader_problems(context, problems)),
            missing=renderer.find_missing_blocks(context),
            account=check.account,
        )

    def _render_script(self, context: LetterContext) -> RenderedText:
        script = self._renderer.render_telephone_script(context)
        check_own(script, context)
        return script


def check_stamp(uow: UnitOfWork, settings: Settings, renderer: DocumentRenderer) -> CheckStamp:
    """Compute the stamp of this snapshot."""
    return CheckStamp(
        uow.customers.get_version(),
        tuple((user.id, user.name) for user in uow.users.list()),
        settings.profile.model_dump_json(),
        renderer.get_templates_version(),
    )


def get_text_key(recipient: Recipient) -> TextKey:
    return recipient.customer_id, recipient.person_id, recipient.kind


def list_involved(letter_documents: LetterDocuments) -> frozenset[str]:
    """List accounts that worked on the letters' content."""
    who = {
        letter_documents.breach.confirmed_by,
        letter_documents.facts.written_by,
        letter_documents.decision.decided_by,
    }
    who |= {e.decided_by for e in letter_documents.manifest.exposures if e.decided_by}
    return frozenset(account for account in who if account)


def check_own(letter: RenderedText, context: LetterContext) -> None:
    """Check that the letter is this recipient's and has its own reference."""
    recipient = context.recipient
    whose = (letter.customer_id, letter.person_id, letter.kind)
    if whose != (recipient.customer_id, recipient.person_id, recipient.kind):
        problem = "its row is crossed with another's"
    elif not all(context.reference in part for part in (letter.text, letter.html) if part):
        problem = "it lacks its own reference"
    else:
        return
    raise CorruptData(
        f"a letter is not its recipient's own: {problem}",
        place=f"{context.breach.id}, {recipient.customer_id}, {recipient.kind}",
        remedy="Nothing was sent. Look at the template and at the register.",
    )
