"""What a letter's template sees: the context, and the facts of one exposure in plain words."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from notifiers.phrases import span
from notifiers.template_folder import TemplateFolder
from schemas.affected import Certainty, Exposure, NoticeKind, Seen
from schemas.customer import DataCategory
from schemas.errors import BadInput
from schemas.letter import LetterContext
from schemas.signs import shown_in_line

FALLBACK = "en-GB"
LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def locale_of(folder: TemplateFolder, context: LetterContext) -> str:
    """The recipient's locale if this kind of letter is written in it, else en-GB."""
    wanted = context.locale
    written = LOCALE.fullmatch(wanted) and folder.has(
        f"notices/{wanted}/{context.kind}/subject.txt.j2"
    )
    return wanted if written else FALLBACK


def letter_words(folder: TemplateFolder, context: LetterContext, locale: str) -> dict[str, Any]:
    """The template's whole world. Raises BadInput when words.toml is broken."""
    words = read_data(folder, locale, "words.toml")
    profile, breach = context.profile, context.breach
    seen = dict(context)
    recipient = context.recipient
    in_line = recipient.model_copy(update={"name": shown_in_line(recipient.name)})
    return seen | {
        "recipient": in_line,
        "language": locale,
        "firm": profile.trading_name or profile.legal_name,
        "law": context.law.provisions_at(context.told_at),
        "contacts": _contacts(context),
        "was_seen": was_seen(context.exposure),
        "categories": _categories(context, words),
        "systems": _systems(context.exposure, words["asset"]),
        "window": span(breach.occurred_from, breach.occurred_to, folder.zone),
        "attachment_name": attachment_name(context),
    }


def was_seen(exposure: Exposure) -> bool:
    """One wording for the whole letter: `was seen` only where evidence says so."""
    if exposure.categories:
        return Seen.SEEN in exposure.categories.values()
    return exposure.certainty is Certainty.CONFIRMED


def attachment_name(context: LetterContext) -> str:
    """`BR-0001-controller-pack-1.json`"""
    return f"{context.breach.id}-controller-pack-{context.version}.json"


def _contacts(context: LetterContext) -> dict[str, dict[str, str]]:
    """`{"ico": {"name": …, "telephone": …}}`. What nobody has checked is left out, so that a
    template which asks for it makes no letter."""
    known = context.law.authorities_at(context.told_at).values()
    return {
        a.id: {"name": a.title}
        | a.model_dump(include={"short", "telephone", "area", "address"}, exclude_none=True)
        for a in known
    }


def read_data(folder: TemplateFolder, locale: str, file: str) -> Mapping[str, Any]:
    """A locale's data file, or en-GB's where it has none. Raises BadInput naming the file."""
    name = f"notices/{locale}/{file}"
    path = folder.loader.path(name if folder.has(name) else f"notices/{FALLBACK}/{file}")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as wrong:
        raise BadInput(f"cannot be read: {wrong}", place=name, remedy="Mend the file.") from None


def _categories(context: LetterContext, words: Mapping[str, Any]) -> list[str]:
    """`your bank account details: may have been seen`, always in the same order."""
    names = words["yours" if context.kind is NoticeKind.ACCOUNT_HOLDER else "stored"]
    reached = context.exposure.categories
    return [f"{names[c]}: {words['seen'][reached[c]]}" for c in DataCategory if c in reached]


def _systems(exposure: Exposure, kinds: Mapping[str, str]) -> list[str]:
    """`mailbox jo@hartwell.example`; services first, by name."""
    assets = [asset.partition(":") for asset in sorted(exposure.assets)]
    named = [f"{kinds.get(kind, kind)} {value}" for kind, _, value in assets]
    return [*sorted(exposure.services), *named]
