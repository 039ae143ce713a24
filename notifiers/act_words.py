"""Acts in plain words: `On Sunday 22 November 2026, between …: 180 files were downloaded.`"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from notifiers.evidence_names import is_plain, leaves_out_folders, plain_listed, plain_rule, quoted
from notifiers.phrases import sentence, series, span
from schemas.affected import Act, NoticeKind
from schemas.letter import LetterContext
from schemas.signs import shown_in_line

FEW = 3
"""Mailboxes that stand in the sentence itself."""
MOST_NAMED = 50
"""Mailboxes that one act lists; more are counted."""


@dataclass(frozen=True, slots=True)
class ActLine:
    """What a letter says of one act."""

    line: str
    mailboxes: tuple[str, ...] = ()
    """Listed below the line; empty: the line itself names them, or nothing does."""


def act_lines(context: LetterContext, words: Mapping[str, Any], zone: ZoneInfo) -> list[ActLine]:
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
        row = act.model_dump(mode="json", exclude={"said", "details"})
        row["details"] = _detail_rows(act)
        rows.append(row | {"words": _in_one(line, words["place"])})
    return rows


def _detail_rows(act: Act) -> dict[str, str | None]:
    """None: a name that may be a message is left out, as in the line."""
    rows: dict[str, str | None] = {
        field: ", ".join(plain_listed(act.details, field)) or None
        for field in ("folders", "files")
        if field in act.details
    }
    return rows | ({"rule": plain_rule(act.details)} if "rule" in act.details else {})


def _in_one(line: ActLine, said: Mapping[str, str]) -> str:
    namely = said["namely"].format(mailboxes=series(line.mailboxes))
    return f"{line.line} {namely}" if line.mailboxes else line.line


def _line(act: Act, words: Mapping[str, Any], zone: ZoneInfo, *, names: bool) -> ActLine:
    if act.said:
        return ActLine(act.said)
    mailboxes = tuple(_own_mailboxes(act)) if names else ()
    line = " ".join(_sentences(act, words, zone, names=names))
    if len(mailboxes) > MOST_NAMED:
        return ActLine(f"{line} {words['place']['on_request']}")
    return ActLine(line, mailboxes if len(mailboxes) > FEW else ())


def _sentences(act: Act, words: Mapping[str, Any], zone: ZoneInfo, *, names: bool) -> Iterator[str]:
    said = words["place"]
    phrase = _phrase(act, words["act"])
    text = phrase["one" if act.count == 1 else "many"].format(
        count=f"{act.count:,}", **_places(act, said, names=names)
    )
    unsure = not act.outcome and not phrase.get("certain")
    told = said["perhaps"].format(act=text) if unsure else text
    yield sentence(f"{span(act.first, act.last, zone)}: {told}")
    if not act.outcome:
        yield phrase.get("unclear", said["unclear"])


def _phrase(act: Act, phrases: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The first that fits; the last two fit everything refused, and everything else. What was
    refused is told by no words for what was done."""
    outcome = "failure" if act.outcome == "failure" else "success"
    for phrase in phrases:
        has = phrase.get("has", "")
        fits = any(word in act.action for word in phrase["actions"])
        fits = fits and not any(word in act.action for word in phrase.get("unless", ()))
        if fits and phrase.get("outcome", "success") == outcome and (not has or has in act.details):
            return phrase
    return phrases[-1]


def _places(act: Act, said: Mapping[str, str], *, names: bool) -> dict[str, str]:
    action = shown_in_line(act.action)
    kind = names and is_plain(action)
    mailboxes = _own_mailboxes(act)
    where = _mailboxes(mailboxes, said) if names else ""
    return {
        "to": f" {said['to']} {where}" if where else "",
        "at": f" {said['at']} {where}" if where else "",
        "named": _named(act, said) if names and act.details.get("rule") else "",
        "kind": said["kind"].format(action=action) if kind else "",
        "other": "" if kind else said["other"],
        "folders": f" {_folders(act, said)}" if names and act.details.get("folders") else "",
        "where": said["outside"] if _is_outside(act, mailboxes) else said["elsewhere"],
    }


def _own_mailboxes(act: Act) -> list[str]:
    return sorted(a.partition(":")[2] for a in act.assets if a.startswith("mailbox:"))


def _mailboxes(mailboxes: list[str], said: Mapping[str, str]) -> str:
    if len(mailboxes) > FEW:
        return said["many"].format(count=len(mailboxes))
    word = said["mailbox"] if len(mailboxes) == 1 else said["mailboxes"]
    return f"{word} {series(mailboxes)}" if mailboxes else ""


def _named(act: Act, said: Mapping[str, str]) -> str:
    rule = plain_rule(act.details)
    if rule is None:
        return said["unnamed"]
    return said["named" if any(sign.isalnum() for sign in rule) else "signs"].format(name=rule)


def _folders(act: Act, said: Mapping[str, str]) -> str:
    folders = plain_listed(act.details, "folders")
    if not folders:
        return said["unnamed_folders"]
    named = f"{said['folder' if len(folders) == 1 else 'folders']} {series(quoted(folders))}"
    left = leaves_out_folders(act.details)
    return f"{named} {said['other_folders']}" if left else named


def _is_outside(act: Act, mailboxes: list[str]) -> bool:
    own = {mailbox.rpartition("@")[2] for mailbox in mailboxes}
    targets = {to.rpartition("@")[2] for to in act.details.get("target", "").split(", ") if to}
    return bool(own and targets) and not own & targets
