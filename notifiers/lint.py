"""What must not be in a letter. `block` stops approval, `warn` wants a look; each says where."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import unescape
from typing import NamedTuple

from notifiers import forbidden, lint_names
from notifiers.evidence_names import plain_listed, plain_rule, quoted
from notifiers.forbidden import Rule
from notifiers.phrases import series
from notifiers.reading import age_of, paragraphs, sentences, syllables, words
from schemas.affected import Act, NoticeKind
from schemas.letter import LetterContext, LintProblem
from schemas.letter_facts import Standing, whose_words
from schemas.notice import Rendered
from schemas.short_memory import for_minutes

LONGEST_SENTENCE = 25
ADDRESS = re.compile(r"\S+@[\w.-]+\w")
"""Read as one word, whatever stands in it."""
OLDEST_READER = 12.0
"""GOV.UK writes for readers of 9 to 11; names, addresses and the law's own words cost a year."""

DONE = r"(?:opened|read|saw|seen|viewed|copied|took|taken|downloaded|stole|stolen|deleted|changed|lost)"
ASSERTED = re.compile(rf"\b{DONE}\b.*\byours?\b|\byours?\b.*\b{DONE}\b", re.IGNORECASE)
HEDGED = re.compile(
    r"\b(?:may|might|could|holds?|keeps?|contains?|can|cannot|if|whether|tried|refused|not|nothing|nobody|none|no)\b",
    re.IGNORECASE,
)

PARAGRAPHS = 4_096
"""That are remembered as they were read: most stand in every letter of a breach."""

Part = tuple[str, str]
"""Where, and the words there."""


def lint(letter: Rendered, context: LetterContext) -> tuple[LintProblem, ...]:
    """All findings, blocks first, without repeats. Names of other customers and of staff are looked
    for elsewhere, where the register is at hand."""
    parts = list(_parts(letter))
    found = [
        *_blocked(parts, context),
        *lint_names.names(context),
        *_markup(letter),
        *_attachments(letter),
        *_facts(context),
        *_style(letter, context.profile.promise),
    ]
    return tuple(sorted(dict.fromkeys(found), key=lambda p: p.severity))


def lint_script(script: str, context: LetterContext) -> tuple[LintProblem, ...]:
    """What must not be said on the telephone either: all that would stop a letter's words."""
    parts = [(f"script, {heading or 'opening'}", text) for heading, text in paragraphs(script)]
    return tuple(dict.fromkeys(_blocked(parts, context)))


def looked_for() -> tuple[str, ...]:
    """What `lint` and `lint_script` look for in words, as a reader of the screen says it."""
    rules = (*forbidden.ANYWHERE, *forbidden.PROSE)
    return (*(rule.name for rule in rules), "full card numbers")


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
        rules, has_card = _anywhere(left) if where == "html" else _in_prose(left)
        yield from (_block(where, rule) for rule in rules)
        if has_card:
            yield _blocking(where, "a full card number", "Give the last four digits at most.")


@for_minutes(PARAGRAPHS)
def _in_prose(text: str) -> tuple[Sequence[Rule], bool]:
    """Rules that a paragraph breaks, and whether it holds a card number."""
    rules, has_card = _anywhere(text)
    broken = dict.fromkeys(rule for line in text.splitlines() for rule in _prose_rules(line))
    return (*rules, *(rule for rule in forbidden.PROSE if rule in broken)), has_card


@for_minutes(PARAGRAPHS)
def _prose_rules(line: str) -> Sequence[Rule]:
    """No such rule goes on in another line. The lines of an attachment are alike in most packs."""
    return tuple(rule for rule in forbidden.PROSE if rule.pattern.search(line))


def _anywhere(text: str) -> tuple[Sequence[Rule], bool]:
    rules = tuple(rule for rule in forbidden.ANYWHERE if rule.pattern.search(text))
    return rules, any(forbidden.is_card(m.group()) for m in forbidden.CARD.finditer(text))


def _own_words(context: LetterContext) -> re.Pattern[str] | None:
    """The reader's own systems may be named in a pack, and our promise is quoted as published."""
    acts = (asset for act in context.exposure.acts for asset in act.assets)
    own = [asset.partition(":")[2] for asset in (*context.exposure.assets, *acts)]
    own += context.exposure.known_as.values()
    own += [text for act in context.exposure.acts for text in _printed(act)]
    if context.kind is NoticeKind.ACCOUNT_HOLDER:
        own = []
    own += [context.profile.promise, context.profile.company_number]
    known = [re.escape(word) for word in sorted(own, key=len, reverse=True) if word]
    return re.compile("|".join(known)) if known else None


def _printed(act: Act) -> Iterator[str]:
    """What evidence names, as a pack's text and its file print it: whatever a folder is called,
    nobody typed it. What reads like a message is not printed."""
    folders, rule = plain_listed(act.details, "folders"), plain_rule(act.details)
    if folders:
        word = "folder" if len(folders) == 1 else "folders"
        yield f"{word} {series(quoted(folders))}"
        yield f'"folders": "{", ".join(folders)}"'
    if rule is not None:
        yield f"“{rule}”"
        yield f'"rule": "{rule}"'
    files = plain_listed(act.details, "files")
    if files:
        yield f'"files": "{", ".join(files)}"'


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
    if own.standing is Standing.POSSIBLE:
        yield from _asserted(" ".join(t for t in texts if t), whose)
    if not 3 <= len(own.steps) <= 5:
        yield _warning(f"facts, steps, {whose}", f"{len(own.steps)} steps", "Give three to five.")
    for measure in own.measures:
        if not re.search(r"\b20\d\d\b", measure):
            yield _warning(
                f"facts, measures, {whose}", "a measure without a date", "Say when it was done."
            )
    if context.facts.next_update is None:
        yield _warning("facts, next update", "no day for the next letter", "Promise a day.")


def _asserted(typed: str, whose: str) -> Iterator[LintProblem]:
    """Words for readers who cannot be ruled out, and that say it as if it had happened to them."""
    for sentence in sentences(typed):
        if ASSERTED.search(sentence) and not HEDGED.search(sentence):
            yield _warning(
                f"facts, what happened, {whose}",
                "this may not have happened to these readers, and is told as if it had",
                "Say why it cannot be ruled out, and nothing as done to them.",
            )
            return


def _style(letter: Rendered, promise: str) -> Iterator[LintProblem]:
    """Our promise stands as we published it, long or not."""
    read: list[ReadParagraph] = []
    for heading, paragraph in paragraphs(letter.text):
        if paragraph.strip("“”") == " ".join(promise.split()):
            continue
        where = f"text, {heading or 'opening'}"
        one = _read(paragraph)
        if one.latin:
            yield _warning(where, "Latin", "Say “for example”, “that is”, “by”.")
        for length in one.lengths:
            if length > LONGEST_SENTENCE:
                yield _warning(where, f"a sentence of {length} words", "Make two of it.")
        read.append(one)
    age = age_of(
        sentences=sum(len(one.lengths) for one in read),
        words=sum(sum(one.lengths) for one in read),
        syllables=sum(one.syllables for one in read),
    )
    if age > OLDEST_READER:
        problem = f"reading age {age:.0f}; readers of 9 to 11 should understand it"
        yield _warning("text", problem, "Use shorter sentences and words.")


class ReadParagraph(NamedTuple):
    """What makes a paragraph hard to read."""

    latin: bool
    lengths: tuple[int, ...]
    """Words of each sentence."""
    syllables: int


@for_minutes(PARAGRAPHS)
def _read(paragraph: str) -> ReadParagraph:
    each = [words(sentence) for sentence in sentences(ADDRESS.sub("address", paragraph))]
    return ReadParagraph(
        latin=forbidden.LATIN.search(paragraph) is not None,
        lengths=tuple(len(sentence) for sentence in each),
        syllables=sum(syllables(word) for sentence in each for word in sentence),
    )


def _block(where: str, rule: Rule) -> LintProblem:
    return _blocking(where, rule.problem, rule.remedy)


def _blocking(where: str, problem: str, remedy: str) -> LintProblem:
    return LintProblem(severity="block", where=where, problem=problem, remedy=remedy)


def _warning(where: str, problem: str, remedy: str) -> LintProblem:
    return LintProblem(severity="warn", where=where, problem=problem, remedy=remedy)
