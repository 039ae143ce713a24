"""Acts in plain words: `On Sunday 22 November 2026, between …: 180 files were downloaded.`"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from notifiers.phrases import sentence, series, span
from schemas.affected import Act, NoticeKind
from schemas.letter import LetterContext

FEW = 3
"""Mailboxes that stand in the sentence itself."""
MOST_NAMED = 20
"""Mailboxes that one act names; more are counted."""


def act_lines(context: LetterContext, words: Mapping[str, Any], zone: ZoneInfo) -> list[str]:
    """One for each act, in time order. A controller reads its own mailboxes and folders by name;
    an account holder reads neither."""
    names = context.kind is not NoticeKind.ACCOUNT_HOLDER
    return [_line(act, words, zone, names=names) for act in context.exposure.acts]


def act_rows(
    context: LetterContext, words: Mapping[str, Any], zone: ZoneInfo
) -> list[dict[str, Any]]:
    """For a computer: what the lines say. Where copies were sent stays out, as the attack's mark."""
    rows = []
    for act, line in zip(context.exposure.acts, act_lines(context, words, zone), strict=True):
        row = act.model_dump(mode="json", exclude={"said"})
        row["details"] = {n: v for n, v in row["details"].items() if n != "target"}
        rows.append(row | {"words": line})
    return rows


def _line(act: Act, words: Mapping[str, Any], zone: ZoneInfo, *, names: bool) -> str:
    if act.said:
        return act.said
    phrase = _phrase(act, words["act"])
    text = phrase["one" if act.count == 1 else "many"].format(
        count=f"{act.count:,}", action=act.action, **_places(act, words["place"], names=names)
    )
    unclear = f"; {words['place']['unclear']}" if not act.outcome else ""
    line = sentence(f"{span(act.first, act.last, zone)}: {text}{unclear}")
    mailboxes = _own_mailboxes(act) if names else []
    if not FEW < len(mailboxes) <= MOST_NAMED:
        return line
    return f"{line} {words['place']['namely'].format(mailboxes=series(mailboxes))}"


def _phrase(act: Act, phrases: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The first that fits; the last fits everything."""
    for phrase in phrases:
        wanted = phrase.get("outcome", act.outcome or "success")
        has = phrase.get("has", "")
        fits = any(word in act.action for word in phrase["actions"])
        if fits and wanted == (act.outcome or "success") and (not has or has in act.details):
            return phrase
    return phrases[-1]


def _places(act: Act, said: Mapping[str, str], *, names: bool) -> dict[str, str]:
    rule = act.details.get("rule", "")
    folders = act.details.get("folders", "")
    mailboxes = _own_mailboxes(act)
    where = _mailboxes(mailboxes, said) if names else ""
    return {
        "to": f" {said['to']} {where}" if where else "",
        "at": f" {said['at']} {where}" if where else "",
        "named": f" {said['named'].format(name=rule)}" if names and rule else "",
        "folders": f" {_folders(folders, said)}" if names and folders else "",
        "where": said["outside"] if _is_outside(act, mailboxes) else said["elsewhere"],
    }


def _own_mailboxes(act: Act) -> list[str]:
    return sorted(a.partition(":")[2] for a in act.assets if a.startswith("mailbox:"))


def _mailboxes(mailboxes: list[str], said: Mapping[str, str]) -> str:
    if len(mailboxes) > FEW:
        return said["many"].format(count=len(mailboxes))
    word = said["mailbox"] if len(mailboxes) == 1 else said["mailboxes"]
    return f"{word} {series(mailboxes)}" if mailboxes else ""


def _folders(folders: str, said: Mapping[str, str]) -> str:
    every = folders.split(", ")
    return f"{said['folder' if len(every) == 1 else 'folders']} {series(every)}"


def _is_outside(act: Act, mailboxes: list[str]) -> bool:
    own = {mailbox.rpartition("@")[2] for mailbox in mailboxes}
    targets = {to.rpartition("@")[2] for to in act.details.get("target", "").split(", ") if to}
    return bool(own and targets) and not own & targets
