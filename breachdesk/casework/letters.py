"""Letters: one recipient, one exposure, nobody else's; the same documents give the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from breachdesk.casework.letter_contexts import (
    Documents,
    LetterMaker,
    documents,
    told_recipients,
)
from breachdesk.casework.text_check import (
    CheckAccount,
    TextCheck,
    foreign_data,
    merged,
    of_reader,
    together,
)
from breachdesk.casework.unchanged import UnchangedReaders
from breachdesk.gdpr.foreign_data import ForeignData
from breachdesk.ports import Renderer, UnitOfWork
from schemas.affected import Channel, NoticeKind, Recipient
from schemas.customer import Customer
from schemas.errors import Corrupt
from schemas.letter import LetterContext, LintProblem
from schemas.notice import Rendered
from schemas.settings import Settings

Whose = tuple[str, str, NoticeKind]
"""Customer, person and kind of letter: one text of a breach."""


@dataclass(frozen=True, slots=True)
class CheckStamp:
    """What texts are checked against beside their own context. `involved` is part of that."""

    register_version: int
    accounts: tuple[tuple[str, str], ...] = field(repr=False)
    profile: str = field(repr=False)
    templates: str


@dataclass(frozen=True, slots=True)
class CheckedText:
    """What one recipient is told, rendered and checked."""

    stamp: CheckStamp
    involved: frozenset[str]
    context: LetterContext
    letter: Rendered | None
    """None: told by telephone alone."""
    script: Rendered
    problems: tuple[LintProblem, ...]
    missing: dict[str, str]
    account: CheckAccount

    @property
    def recipient(self) -> Recipient:
        return self.context.recipient

    @property
    def told(self) -> Rendered:
        """The letter; the script of who has none."""
        return self.letter or self.script


KeptTexts = Callable[[Whose], CheckedText | None]
"""Texts that were checked before. What is taken from there was made of the same context and checked
against the same names, words and templates."""


@dataclass(frozen=True, slots=True)
class Letters:
    """All letters as they would leave now, and what stands against it."""

    rendered: tuple[Rendered, ...]
    """By e-mail, in the manifest's order; `recipients` stands beside it, one for one."""
    problems: tuple[LintProblem, ...]
    missing: dict[str, str]
    recipients: tuple[Recipient, ...]
    contexts: tuple[LetterContext, ...]
    """What each rendered letter was made of, one for one."""
    telephone: tuple[Recipient, ...]
    """People told by telephone instead, each with its reason."""
    scripts: tuple[Rendered, ...]
    """What is said on the telephone, of everybody who is told: mail may come back."""
    readers: tuple[LetterContext, ...]
    """What each script was made of, one for one."""
    account: CheckAccount
    """What all these texts were read for."""
    hashes: dict[tuple[str, int], str] = field(default_factory=dict, compare=False, repr=False)
    """Texts hashes that were computed, by sender and version of the facts."""

    @property
    def calls(self) -> tuple[Rendered, ...]:
        """The scripts of those who are told by telephone, one for one with `telephone`."""
        whose = {(r.customer_id, r.person_id, r.kind) for r in self.telephone}
        return tuple(s for s in self.scripts if (s.customer_id, s.person_id, s.kind) in whose)

    @property
    def texts(self) -> tuple[tuple[Rendered, LetterContext], ...]:
        """What people are told when this leaves, each with what it was made of: mails, then the
        scripts of those who are told by telephone."""
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


def letters(
    uow: UnitOfWork,
    breach_id: str,
    settings: Settings,
    renderer: Renderer,
    kept: KeptTexts | None = None,
) -> Letters:
    """Render and lint every letter and every script; one that names another customer has a
    blocking problem. `kept`: what need not be done again; from there a letter lacks its HTML.
    Raises Corrupt when a letter is not its own recipient's: nothing may leave then."""
    reading = LetterReading(uow, breach_id, settings, renderer)
    reading.read_customers(uow)
    texts = []
    for recipient in reading.told:
        text = reading.kept(recipient, kept) if kept else None
        if text is None:
            reading.read_names(uow)
            text = reading.check(recipient)
        texts.append(text)
    return gathered(texts)


def gathered(texts: Sequence[CheckedText]) -> Letters:
    """All of them, in their order."""
    mails = [(text.letter, text) for text in texts if text.letter is not None]
    missing: dict[str, str] = {}
    for text in texts:
        missing.update(text.missing)
    return Letters(
        rendered=tuple(letter for letter, _ in mails),
        problems=merged(problem for text in texts for problem in text.problems),
        missing=missing,
        recipients=tuple(text.recipient for _, text in mails),
        contexts=tuple(text.context for _, text in mails),
        telephone=tuple(t.recipient for t in texts if t.recipient.channel is Channel.TELEPHONE),
        scripts=tuple(text.script for text in texts),
        readers=tuple(text.context for text in texts),
        account=together(text.account for text in texts),
    )


class LetterReading:
    """The texts of one breach by the documents of one snapshot. Only what is named `read_…` asks
    the store: one text after another is made without it, by any thread."""

    def __init__(
        self, uow: UnitOfWork, breach_id: str, settings: Settings, renderer: Renderer
    ) -> None:
        """Raises what `documents` raises."""
        self.made = documents(uow, breach_id)
        self.stamp = check_stamp(uow, settings, renderer)
        unchanged = UnchangedReaders(uow, self.made.breach, self.made.manifest)
        told = told_recipients(self.made)
        self.told = tuple(r for r in told if not unchanged.is_told_enough(r))
        """Everybody who is told now, in the manifest's order."""
        self._customers: dict[str, Customer] = {}
        self._maker = LetterMaker(uow, self.made, settings, self._customers)
        self._settings = settings
        self._renderer = renderer
        self._involved = involved(self.made)
        self._data: ForeignData | None = None

    def read_customers(self, uow: UnitOfWork, of: Iterable[Recipient] | None = None) -> None:
        """What the register says of them. `of` None: of everybody who is told."""
        wanted = {r.customer_id for r in (self.told if of is None else of)}
        lacking = wanted - self._customers.keys()
        if lacking:
            self._customers.update({c.id: c for c in uow.customers.some(lacking)})

    def read_names(self, uow: UnitOfWork) -> None:
        """The names that `check` looks for."""
        if self._data is None:
            self._data = foreign_data(uow, self._settings.profile, involved=self._involved)

    def context(self, recipient: Recipient) -> LetterContext:
        """Of a customer that was read. Raises as `LetterMaker.context`."""
        return self._maker.context(recipient)

    def kept(self, recipient: Recipient, kept: KeptTexts) -> CheckedText | None:
        """The text as it was checked before, if it would be the same and would be checked for the
        same today."""
        text = kept(whose_text(recipient))
        if text is None or (text.stamp, text.involved) != (self.stamp, self._involved):
            return None
        return text if text.context == self.context(recipient) else None

    def rendered(self, recipient: Recipient) -> Rendered:
        """What the recipient is told, unchecked: the letter, or the script of a call."""
        context = self.context(recipient)
        by_mail = recipient.channel is Channel.EMAIL
        text = self._renderer.letter(context) if by_mail else self._script(context)
        assert_own(text, context)
        return text

    def check(self, recipient: Recipient) -> CheckedText:
        """One recipient's letter and script. Raises Corrupt for a text that is not its own."""
        assert self._data is not None, "read the names first"
        context, renderer = self.context(recipient), self._renderer
        check = TextCheck(self._data, wording=renderer.looked_for())
        script = self._script(context)
        problems = [
            *renderer.lint_script(script.text, context),
            *check.script(script.text, context),
        ]
        letter = None
        if recipient.channel is Channel.EMAIL:
            letter = renderer.letter(context)
            assert_own(letter, context)
            problems += [*renderer.lint(letter, context), *check.letter(letter, context)]
        return CheckedText(
            stamp=self.stamp,
            involved=self._involved,
            context=context,
            letter=letter,
            script=script,
            problems=tuple(of_reader(context, problems)),
            missing=renderer.missing(context),
            account=check.account,
        )

    def _script(self, context: LetterContext) -> Rendered:
        script = self._renderer.telephone_script(context)
        assert_own(script, context)
        return script


def check_stamp(uow: UnitOfWork, settings: Settings, renderer: Renderer) -> CheckStamp:
    """As it stands in this snapshot."""
    return CheckStamp(
        uow.customers.version(),
        tuple((user.id, user.name) for user in uow.users.list()),
        settings.profile.model_dump_json(),
        renderer.templates_version(),
    )


def whose_text(recipient: Recipient) -> Whose:
    return recipient.customer_id, recipient.person_id, recipient.kind


def involved(made: Documents) -> frozenset[str]:
    """Accounts that worked on what the letters say."""
    who = {made.breach.confirmed_by, made.facts.written_by, made.decision.decided_by}
    who |= {e.decided_by for e in made.manifest.exposures if e.decided_by}
    return frozenset(account for account in who if account)


def assert_own(letter: Rendered, context: LetterContext) -> None:
    """The row-key check: the letter is this recipient's and bears its own reference."""
    recipient = context.recipient
    whose = (letter.customer_id, letter.person_id, letter.kind)
    if whose != (recipient.customer_id, recipient.person_id, recipient.kind):
        problem = "its row is crossed with another's"
    elif not all(context.reference in part for part in (letter.text, letter.html) if part):
        problem = "it lacks its own reference"
    else:
        return
    raise Corrupt(
        f"a letter is not its recipient's own: {problem}",
        place=f"{context.breach.id}, {recipient.customer_id}, {recipient.kind}",
        remedy="Nothing was sent. Look at the template and at the register.",
    )
