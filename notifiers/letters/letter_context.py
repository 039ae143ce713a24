"""Build what a letter's template can use: the context, and one exposure in plain words."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from notifiers.letters.act_words import build_act_rows, format_act_lines
from notifiers.letters.exposure_words import (
    build_cia_rows,
    build_doubt_rows,
    format_accounts,
    format_categories,
    format_detection,
    format_doubts,
    format_lead,
    format_systems,
    format_window,
    is_only_blind,
    is_window_sure,
)
from notifiers.letters.template_folder import TemplateFolder
from schemas.casework.letter import LetterContext
from schemas.casework.letter_facts import ReaderStanding
from schemas.errors import BadInput
from schemas.text_signs import mark_hidden_in_line

FALLBACK = "en-GB"
LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def select_locale(folder: TemplateFolder, context: LetterContext) -> str:
    """Select the recipient's locale if this kind of letter exists in it, else en-GB."""
    locale = context.locale
    is_available = LOCALE.fullmatch(locale) and folder.has(
        f"notices/{locale}/{context.kind}/subject.txt.j2"
    )
    return locale if is_available else FALLBACK


def build_letter_context(
    folder: TemplateFolder, context: LetterContext, locale: str
) -> dict[str, Any]:
    """Build the template's variables. Raises BadInput if words.toml is invalid."""
    words = read_data(folder, locale, "words.toml")
    profile, exposure = context.profile, context.exposure
    recipient = context.recipient
    in_line = recipient.model_copy(update={"name": mark_hidden_in_line(recipient.name)})
    whose = words[context.kind.spec.asset_words]
    firm = profile.trading_name or profile.legal_name
    account = format_accounts(context, words, firm)
    own = {
        "recipient": in_line,
        "language": locale,
        "firm": firm,
        "look_after": words["look_after"]["former" if context.former else "now"],
        "law": context.law.get_provisions_at(context.told_at),
        "contacts": _build_contacts(context),
        "own": context.facts.own,
        "possible": context.facts.own.standing is ReaderStanding.POSSIBLE,
        "lead": format_lead(context, words, account["account"]),
        "found": format_detection(context, folder.zone),
        "window": format_window(context, folder.zone),
        "window_sure": is_window_sure(context),
        "acts": format_act_lines(context, words, folder.zone),
        "doubts": format_doubts(context, words, folder.zone, account["account"]),
        "only_blind": is_only_blind(context),
        "categories": format_categories(exposure, whose, words["effect"]),
        "effects_known": any(exposure.effects.values()),
        "systems": format_systems(exposure, words["asset"]),
        "services": sorted(exposure.services),
        "cia": build_cia_rows(exposure, words),
        "act_rows": build_act_rows(context, words, folder.zone),
        "effect_rows": exposure.model_dump(mode="json")["effects"],
        "doubt_rows": build_doubt_rows(context),
        "attachment_name": next(iter(format_attachment_names(context).values()), None),
    }
    return dict(context) | account | own


def format_attachment_names(context: LetterContext) -> dict[str, str]:
    """Format the file name of each attachment's template: `BR-0001-controller-pack-1.json`."""
    return {
        file.template: f"{context.breach.id}-{file.name}-{context.version}.json"
        for file in context.kind.spec.attachments
    }


def _build_contacts(context: LetterContext) -> dict[str, dict[str, str]]:
    """Build `{"ico": {"name": …, "telephone": …}}`. Contacts that nobody has checked are left out,
    so that a template that needs one fails."""
    known = context.law.get_authorities_at(context.told_at).values()
    return {
        a.id: {"name": a.title}
        | a.model_dump(include={"short", "telephone", "area", "address"}, exclude_none=True)
        for a in known
    }


def read_data(folder: TemplateFolder, locale: str, file: str) -> Mapping[str, Any]:
    """Read a locale's data file, or en-GB's if it has none. Raises BadInput naming the file."""
    name = f"notices/{locale}/{file}"
    path = folder.loader.get_path(name if folder.has(name) else f"notices/{FALLBACK}/{file}")
    try:
        return _parse_toml(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as wrong:
        raise BadInput(f"cannot be read: {wrong}", place=name, remedy="Mend the file.") from None


@lru_cache(maxsize=32)
def _parse_toml(content: str) -> Mapping[str, Any]:
    """Parse and cache, because a release reads the same words thousands of times. Callers must not
    change the result."""
    return tomllib.loads(content)
