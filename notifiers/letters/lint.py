"""Find what must not be in a letter. `block` prevents approval, `warn` asks for a review; each
names its location."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import unescape
from typing import NamedTuple

from notifiers.letters import lint_names, lint_rules
from notifiers.letters.evidence_names import find_plain_rule, list_plain, quote_names
from notifiers.letters.formatting import format_series
from notifiers.letters.lint_rules import LintRule
from notifiers.letters.readability import (
    compute_age,
    count_syllables,
    generate_paragraphs,
    split_sentences,
    split_words,
)
from schemas.casework.affected import ActSummary
from schemas.casework.letter import LetterContext, LintProblem
from schemas.casework.letter_facts import ReaderStanding, describe_readers
from schemas.casework.notice import RenderedText
from schemas.short_memory import remember_for_minutes

LONGEST_SENTENCE = 25
ADDRESS = re.compile(r"\S+@[\w.-]+\w")
"""Read as one word, whatever it contains."""
OLDEST_READER = 12.0
"""GOV.UK writes for readers of 9 to 11; names, addresses and the law's own words cost a year."""

DONE_VERBS = r"(?:opened|read|saw|seen|viewed|copied|took|taken|downloaded|stole|stolen|deleted|changed|lost)"
ASSERTED = re.compile(rf"\b{DONE_VERBS}\b.*\byours?\b|\byours?\b.*\b{DONE_VERBS}\b", re.IGNORECASE)
HEDGED = re.compile(
    r"\b(?:may|might|could|holds?|keeps?|contains?|can|cannot|if|whether|tried|refused|not|nothing|nobody|none|no)\b",
    re.IGNORECASE,
)

PARAGRAPHS = 4_096
"""Results that are cached: most lines are in every letter of a breach."""

Part = tuple[str, str]
"""Where, and the words there."""


def lint_letter(letter: RenderedText, context: LetterContext) -> tuple[LintProblem, ...]:
    """List all problems, blocks first, without repeats. Names of other customers and of staff are
    checked elsewhere, with the register."""
    parts = list(_generate_parts(letter))
    problems = [
        *_check_parts(parts, context),
        *lint_names.check_names(context),
        *_check_markup(letter),
        *_check_attachments(letter),
        *_check_facts(context),
        *_check_style(letter, context.profile.promise),
    ]
    return tuple(sorted(dict.fromkeys(problems), key=lambda p: p.severity))


def lint_script(script: str, context: LetterContext) -> tuple[LintProblem, ...]:
    """List what must not be said on the telephone: everything that would block a letter."""
    parts = [
        (f"script, {heading or 'opening'}", text) for heading, text in generate_paragraphs(script)
    ]
    return tuple(dict.fromkeys(_check_parts(parts, context)))


def list_lint_targets() -> tuple[str, ...]:
    """List what `lint` and `lint_script` look for, in words for the screen."""
    rules = (*lint_rules.ANYWHERE, *lint_rules.PROSE)
    return (*(rule.name for rule in rules), "full card numbers")


def _generate_parts(letter: RenderedText) -> Iterator[Part]:
    """Yield the subject, every block of the text, the HTML as a reader sees it, and the
    attachments."""
    yield "subject", letter.subject
    for heading, paragraph in generate_paragraphs(letter.text):
        yield f"text, {heading or 'opening'}", paragraph
    yield "html", unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", letter.html, flags=re.DOTALL))
    for name, content in letter.attachments.items():
        yield f"attachment:{name}", content


def _check_parts(parts: Iterable[Part], context: LetterContext) -> Iterator[LintProblem]:
    own = _compile_own_words(context)
    for where, text in parts:
        remaining = own.sub(" ", text) if own else text
        # The HTML holds the same sentences; naming them once is enough.
        rules, has_card = (
            _match_anywhere(remaining) if where == "html" else _match_paragraph(remaining)
        )
        yield from (_build_rule_block(where, rule) for rule in rules)
        if has_card:
            yield _build_block(where, "a full card number", "Give the last four digits at most.")


@remember_for_minutes(PARAGRAPHS)
def _match_paragraph(text: str) -> tuple[Sequence[LintRule], bool]:
    """Return the rules that a paragraph breaks, and whether it contains a card number."""
    rules, has_card = _match_anywhere(text)
    broken = dict.fromkeys(rule for line in text.splitlines() for rule in _match_line(line))
    return (*rules, *(rule for rule in lint_rules.PROSE if rule in broken)), has_card


@remember_for_minutes(PARAGRAPHS)
def _match_line(line: str) -> Sequence[LintRule]:
    """Match rules that never span two lines. The result is cached: attachment lines are alike in
    most packs."""
    return tuple(rule for rule in lint_rules.PROSE if rule.pattern.search(line))


def _match_anywhere(text: str) -> tuple[Sequence[LintRule], bool]:
    rules = tuple(rule for rule in lint_rules.ANYWHERE if rule.pattern.search(text))
    return rules, any(lint_rules.is_card(m.group()) for m in lint_rules.CARD.finditer(text))


def _compile_own_words(context: LetterContext) -> re.Pattern[str] | None:
    """Compile what is allowed: the reader's own systems in a pack, and our published promise."""
    acts = (asset for act in context.exposure.acts for asset in act.assets)
    own = [asset.partition(":")[2] for asset in (*context.exposure.assets, *acts)]
    own += context.exposure.known_as.values()
    own += [text for act in context.exposure.acts for text in _list_printed_names(act)]
    if not context.kind.spec.names_assets:
        own = []
    own += [context.profile.promise, context.profile.company_number]
    known = [re.escape(word) for word in sorted(own, key=len, reverse=True) if word]
    return re.compile("|".join(known)) if known else None


def _list_printed_names(act: ActSummary) -> Iterator[str]:
    """Yield what evidence names, as a pack's text and its file print it: nobody typed it. What
    reads like a message is not printed."""
    folders, rule = list_plain(act.details, "folders"), find_plain_rule(act.details)
    if folders:
        word = "folder" if len(folders) == 1 else "folders"
        yield f"{word} {format_series(quote_names(folders))}"
        yield f'"folders": "{", ".join(folders)}"'
    if rule is not None:
        yield f"“{rule}”"
        yield f'"rule": "{rule}"'
    files = list_plain(act.details, "files")
    if files:
        yield f'"files": "{", ".join(files)}"'


def _check_markup(letter: RenderedText) -> Iterator[LintProblem]:
    for rule in lint_rules.MARKUP:
        if rule.pattern.search(letter.html):
            yield _build_rule_block("html", rule)


def _check_attachments(letter: RenderedText) -> Iterator[LintProblem]:
    if not letter.kind.spec.allows_attachments:
        for name in letter.attachments:
            yield _build_block(
                f"attachment:{name}", "an attachment", "Account holders get words only."
            )


def _check_facts(context: LetterContext) -> Iterator[LintProblem]:
    own = context.facts.own
    whose = describe_readers(own)
    if own.not_involved and not own.not_involved_evidence:
        yield _build_block(
            f"facts, not involved, {whose}",
            "it is said that something is not involved, without evidence",
            "Name the evidence, or leave the sentence out.",
        )
    texts = (context.facts.what_happened, own.what_happened, own.nature, own.not_involved)
    typed = " ".join(text for text in texts if text).casefold()
    if re.search(r"\b(?:was|were|may have been|might have been) (?:seen|read|viewed)\b", typed):
        yield _build_warning(
            f"facts, what happened, {whose}",
            "the letter itself says “was seen” or “may have been seen”, by the evidence",
            "Leave that to the letter, so that it says only one of them.",
        )
    if own.standing is ReaderStanding.POSSIBLE:
        yield from _check_assertions(" ".join(t for t in texts if t), whose)
    if not 3 <= len(own.steps) <= 5:
        yield _build_warning(
            f"facts, steps, {whose}", f"{len(own.steps)} steps", "Give three to five."
        )
    for measure in own.measures:
        if not re.search(r"\b20\d\d\b", measure):
            yield _build_warning(
                f"facts, measures, {whose}", "a measure without a date", "Say when it was done."
            )
    if context.facts.next_update is None:
        yield _build_warning("facts, next update", "no day for the next letter", "Promise a day.")


def _check_assertions(typed: str, whose: str) -> Iterator[LintProblem]:
    """Find words that assert that something happened, addressed to readers who cannot be ruled
    out."""
    for sentence in split_sentences(typed):
        if ASSERTED.search(sentence) and not HEDGED.search(sentence):
            yield _build_warning(
                f"facts, what happened, {whose}",
                "this may not have happened to these readers, and is told as if it had",
                "Say why it cannot be ruled out, and nothing as done to them.",
            )
            return


def _check_style(letter: RenderedText, promise: str) -> Iterator[LintProblem]:
    """Check the style; the published promise is exempt from the limit on length."""
    read: list[ReadParagraph] = []
    for heading, paragraph in generate_paragraphs(letter.text):
        if paragraph.strip("“”") == " ".join(promise.split()):
            continue
        where = f"text, {heading or 'opening'}"
        one = _read_paragraph(paragraph)
        if one.latin:
            yield _build_warning(where, "Latin", "Say “for example”, “that is”, “by”.")
        for length in one.lengths:
            if length > LONGEST_SENTENCE:
                yield _build_warning(where, f"a sentence of {length} words", "Make two of it.")
        read.append(one)
    age = compute_age(
        sentences=sum(len(one.lengths) for one in read),
        words=sum(sum(one.lengths) for one in read),
        syllables=sum(one.syllables for one in read),
    )
    if age > OLDEST_READER:
        problem = f"reading age {age:.0f}; readers of 9 to 11 should understand it"
        yield _build_warning("text", problem, "Use shorter sentences and words.")


class ReadParagraph(NamedTuple):
    """What makes a paragraph hard to read."""

    latin: bool
    lengths: tuple[int, ...]
    """Words of each sentence."""
    syllables: int


@remember_for_minutes(PARAGRAPHS)
def _read_paragraph(paragraph: str) -> ReadParagraph:
    each = [
        split_words(sentence) for sentence in split_sentences(ADDRESS.sub("address", paragraph))
    ]
    return ReadParagraph(
        latin=lint_rules.LATIN.search(paragraph) is not None,
        lengths=tuple(len(sentence) for sentence in each),
        syllables=sum(count_syllables(word) for sentence in each for word in sentence),
    )


def _build_rule_block(where: str, rule: LintRule) -> LintProblem:
    return _build_block(where, rule.problem, rule.remedy)


def _build_block(where: str, problem: str, remedy: str) -> LintProblem:
    return LintProblem(severity="block", where=where, problem=problem, remedy=remedy)


def _build_warning(where: str, problem: str, remedy: str) -> LintProblem:
    return LintProblem(severity="warn", where=where, problem=problem, remedy=remedy)
