"""Refuse senders that depend on a compromised asset, and senders that would deliver a drill's
mail."""

from __future__ import annotations

from breachdesk.casework.affected.evidence import list_assets
from breachdesk.ports import UnitOfWork
from schemas.addresses import find_address_problem
from schemas.casework.breach import Breach
from schemas.errors import ConfigurationError, NotAllowed
from schemas.settings import SenderSettings, Settings
from schemas.text_signs import find_name_problem

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def check_sender(uow: UnitOfWork, breach: Breach, sender: SenderSettings) -> None:
    """Raise NotAllowed for a compromised sender, or one that would deliver a drill's mail;
    ConfigurationError for one whose name or addresses are invalid in a header."""
    _check_head(sender)
    if breach.drill and sender.channel != "maildir" and sender.host not in LOOPBACK:
        raise NotAllowed(
            "a drill's letters would leave this machine",
            place=f"sender {sender.id}",
            remedy="Choose a maildir sender for drills.",
        )
    shared = sorted(list_sender_assets(sender) & list_assets(uow, uow.cases.get(breach.case_id)))
    if shared:
        raise NotAllowed(
            f"it depends on {', '.join(shared)}, which is in the evidence",
            place=f"sender {sender.id}",
            remedy="Choose a sender that shares nothing with what was attacked.",
        )


def _check_head(sender: SenderSettings) -> None:
    reasons = {
        "from_email": find_address_problem(sender.from_email),
        "envelope_from": find_address_problem(sender.envelope_from)
        if sender.envelope_from
        else None,
        "from_name": find_name_problem(sender.from_name),
    }
    for setting, why in reasons.items():
        if why:
            raise ConfigurationError(
                f"it {why}", place=f"sender {sender.id}: {setting}", remedy="Correct the setting."
            )


def list_sender_assets(sender: SenderSettings) -> frozenset[str]:
    """List `kind:value` of its named assets, its own mailboxes and their domains."""
    addresses = {sender.from_email, sender.envelope_from, sender.username}
    mailboxes = {address.casefold() for address in addresses if "@" in address}
    named = {f"{kind}:{value.casefold()}" for kind, value in sender.assets}
    domains = {f"domain:{mailbox.rpartition('@')[2]}" for mailbox in mailboxes}
    return frozenset(named | domains | {f"mailbox:{mailbox}" for mailbox in mailboxes})


def find_sender(settings: Settings, sender_id: str) -> SenderSettings | None:
    """Find the sender. None: it is no longer configured."""
    return next((s for s in settings.senders if s.id == sender_id), None)
