"""A sender that stands on what is in the evidence is refused; a drill never leaves the house."""

from __future__ import annotations

from breachdesk.casework.evidence import assets_in_evidence
from breachdesk.ports import UnitOfWork
from schemas.breach import Breach
from schemas.errors import Misconfigured, NotAllowed
from schemas.settings import SenderSettings, Settings

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def check_sender(uow: UnitOfWork, breach: Breach, sender: SenderSettings) -> None:
    """Raises NotAllowed for a compromised sender, or one by which a drill would really leave;
    Misconfigured for one without an address."""
    if "@" not in sender.from_email:
        raise Misconfigured(
            "the sender has no address", place=f"sender {sender.id}", remedy="Set from_email."
        )
    if breach.drill and sender.channel != "maildir" and sender.host not in LOOPBACK:
        raise NotAllowed(
            "a drill's letters would leave this machine",
            place=f"sender {sender.id}",
            remedy="Choose a maildir sender for drills.",
        )
    shared = sorted(stands_on(sender) & assets_in_evidence(uow, uow.cases.get(breach.case_id)))
    if shared:
        raise NotAllowed(
            f"it stands on {', '.join(shared)}, which is in the evidence",
            place=f"sender {sender.id}",
            remedy="Choose a sender that shares nothing with what was attacked.",
        )


def stands_on(sender: SenderSettings) -> frozenset[str]:
    """`kind:value` of its named assets, its own mailboxes and their domains."""
    addresses = {sender.from_email, sender.envelope_from, sender.username}
    mailboxes = {address.casefold() for address in addresses if "@" in address}
    named = {f"{kind}:{value.casefold()}" for kind, value in sender.assets}
    domains = {f"domain:{mailbox.rpartition('@')[2]}" for mailbox in mailboxes}
    return frozenset(named | domains | {f"mailbox:{mailbox}" for mailbox in mailboxes})


def sender_by_id(settings: Settings, sender_id: str) -> SenderSettings | None:
    """None: it is no longer set up."""
    return next((s for s in settings.senders if s.id == sender_id), None)
