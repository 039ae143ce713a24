"""What must not be in a letter. `block` stops approval, `warn` wants a look; each says where."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import unescape

from notifiers import forbidden, lint_names
from notifiers.forbidden import Rule
from notifiers.reading import paragraphs, reading_age, sentences, words
from schemas.affected import NoticeKind
from schemas.letter import LetterContext, LintProblem
from schemas.letter_facts import whose_words
from schemas.notice import Rendered

LONGEST_SENTENCE = 25
OLDEST_READER = 12.0
"""GOV.UK writes for readers of 9 to 11; names, addresses and the law's own words cost a year."""

Part = tuple[str, str]
"""Where, and the words there."""


def lint(
    letter: Rendered, context: LetterContext, others: Sequence[str]
) -> tuple[LintProblem, ...]:
    """All findings, blocks first, without repeats; `others`: names of all other customers."""
    parts = list(_parts(letter))
    found = [
        *_blocked(parts, context),
        *_names(parts, context, others),
        *lint_names.names(context),
        *_markup(letter),
        *_attachments(letter),
        *_facts(context),
        *_style(letter, context.profile.promise),
    ]
    return tuple(sorted(dict.fromkeys(found), key=lambda p: p.severity))


def _parts(letter: Rendered) -> Iterator[Part]:
    """Subject, every block of the text, the HTML as a reader sees it, attachments."""
    yield "subject", letter.subject
    for heading, paragraph in paragraphs(letter.text):
        yield f"text, {heading or 'opening'}", paragraph
    yield "html", unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", letter.html, flags=re.DOTALL))
    for name, content in letter.attachments.items():
        yield f"attachment:{name}", content


def _blocked(parts: Iterable[Part], context: LetterContext) -> Iterator[LintProblem]:
    own = _own_words(context)
    for where, text in parts:
        left = own.sub(" ", text) if own else text
        # The HTML holds the same sentences; naming them once is enough.
        rules = forbidden.ANYWHERE if where == "html" else forbidden.ANYWHERE + forbidden.PROSE
        yield from (_block(where, rule) for rule in rules if rule.pattern.search(left))
        if any(forbidden.is_card(m.group()) for m in forbidden.CARD.finditer(left)):
            yield _blocking(where, "a full card number", "Give the last four digits at most.")


def _own_words(context: LetterContext) -> re.Pattern[str] | None:
    """The reader's own systems may be named in a pack, and our promise is quoted as published."""
    acts = (asset for act in context.exposure.acts for asset in act.assets)
    own = [asset.partition(":")[2] for asset in (*context.exposure.assets, *acts)]
    own += context.exposure.known_as.values()
    if context.kind is NoticeKind.ACCOUNT_HOLDER:
        own = []
    own += [context.profile.promise, context.profile.company_number]
    known = [re.escape(word) for word in sorted(own, key=len, reverse=True) if word]
    return re.compile("|".join(known)) if known else None


def _names(
    parts: Iterable[Part], context: LetterContext, others: Sequence[str]
) -> Iterator[LintProblem]:
    strangers = _matcher(n for n in others if n.casefold() not in _own_names(context))
    staff = _matcher(_staff(context))
    for where, text in parts:
        folded = text.casefold()
        if strangers and strangers.search(folded):
            yield _blocking(where, "the name of another customer", "Take it out.")
        if staff and staff.search(folded):
            yield _blocking(where, "the name of a member of staff", "Name the contact only.")


def _own_names(context: LetterContext) -> set[str]:
    profile = context.profile
    names = (context.customer_name, profile.legal_name, profile.trading_name)
    return {name.casefold() for name in names if name}


def _staff(context: LetterContext) -> set[str]:
    """Account names of those who worked on it; the named contact is meant to be named."""
    worked = {
        context.breach.confirmed_by,
        context.written_by,
        context.decision.decided_by,
        context.exposure.decided_by or "",
    }
    allowed = f"{context.profile.contact_name} {context.recipient.name} {context.customer_name}"
    return {name for name in worked if name and name.casefold() not in allowed.casefold()}


def _matcher(names: Iterable[str]) -> re.Pattern[str] | None:
    known = sorted({re.escape(name.casefold().strip()) for name in names if name.strip()})
    return re.compile(rf"(?<!\w)(?:{'|'.join(known)})(?!\w)") if known else None


def _markup(letter: Rendered) -> Iterator[LintProblem]:
    for rule in forbidden.MARKUP:
        if rule.pattern.search(letter.html):
            yield _block("html", rule)


def _attachments(letter: Rendered) -> Iterator[LintProblem]:
    if letter.kind is NoticeKind.ACCOUNT_HOLDER:
        for name in letter.attachments:
            yield _blocking(
                f"attachment:{name}", "an attachment", "Account holders get words only."
            )


def _facts(context: LetterContext) -> Iterator[LintProblem]:
    own = context.facts.own
    whose = whose_words(own)
    if own.not_involved and not own.not_involved_evidence:
        yield _blocking(
            f"facts, not involved, {whose}",
            "it is said that something is not involved, without evidence",
            "Name the evidence, or leave the sentence out.",
        )
    texts = (context.facts.what_happened, own.what_happened, own.nature, own.not_involved)
    typed = " ".join(text for text in texts if text).casefold()
    if re.search(r"\b(?:was|were|may have been|might have been) (?:seen|read|viewed)\b", typed):
        yield _warning(
            f"facts, what happened, {whose}",
            "the letter itself says “was seen” or “may have been seen”, by the evidence",
            "Leave that to the letter, so that it says only one of them.",
        )
    if not 3 <= len(own.steps) <= 5:
        yield _warning(f"facts, steps, {whose}", f"{len(own.steps)} steps", "Give three to five.")
    for measure in own.measures:
        if not re.search(r"\b20\d\d\b", measure):
            yield _warning(
                f"facts, measures, {whose}", "a measure without a date", "Say when it was done."
            )
    if context.facts.next_update is None:
        yield _warning("facts, next update", "no day for the next letter", "Promise a day.")


def _style(letter: Rendered, promise: str) -> Iterator[LintProblem]:
    """Our promise stands as we published it, long or not."""
    prose: list[str] = []
    for heading, paragraph in paragraphs(letter.text):
        if paragraph.strip("“”") == " ".join(promise.split()):
            continue
        where = f"text, {heading or 'opening'}"
        if forbidden.LATIN.search(paragraph):
            yield _warning(where, "Latin", "Say “for example”, “that is”, “by”.")
        for sentence in sentences(paragraph):
            length = len(words(sentence))
            if length > LONGEST_SENTENCE:
                yield _warning(where, f"a sentence of {length} words", "Make two of it.")
            prose.append(sentence)
    age = reading_age(prose)
    if age > OLDEST_READER:
        problem = f"reading age {age:.0f}; readers of 9 to 11 should understand it"
        yield _warning("text", problem, "Use shorter sentences and words.")


def _block(where: str, rule: Rule) -> LintProblem:
    return _blocking(where, rule.problem, rule.remedy)


def _blocking(where: str, problem: str, remedy: str) -> LintProblem:
    return LintProblem(severity="block", where=where, problem=problem, remedy=remedy)


def _warning(where: str, problem: str, remedy: str) -> LintProblem:
    return LintProblem(severity="warn", where=where, problem=problem, remedy=remedy)
