"""The product's words as people say them. Keys are the schemas' own values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from breachdesk.casework.records.informed_bodies import BODIES
from breachdesk.gdpr.jurisdiction import Jurisdiction
from schemas.casework.notice_kind import NoticeKind

SEVERITY = {
    "informational": "Information",
    "low": "Low",
    "medium": "Medium",
    "high": "High",
    "critical": "Critical",
}
ALERT_STATE = {"new": "New", "case": "In a case", "dismissed": "Dismissed"}
CASE_STATE = {"open": "Under investigation", "confirmed": "Breach confirmed", "closed": "Closed"}
ORIGIN = {
    "alert": "an alert",
    "own": "our own staff",
    "processor": "a supplier of ours",
    "third_party": "somebody outside",
    "customer": "a customer",
}
CONTAINMENT = {
    "preserve_evidence": "Preserve evidence",
    "revoke_sessions": "Revoke sessions",
    "reset_credentials": "Reset credentials",
    "remove_rules": "Remove rules",
    "block_source": "Block the source",
    "other": "Something else",
}
CONCERN = {
    "everything": "The whole incident",
    "our_data": "Our own systems, and data that we are controller of",
    "customers_data": "What customers keep with us",
}
TASK = {
    "telephone": "Telephone",
    "check": "Check",
    "cases_joined": "Cases joined",
    "unsupported_evidence": "Evidence moved",
}
HELD_KIND = {"added": "New", "changed": "Changed", "gone": "Gone"}
HOLD_REASON = {
    "address_changed": "An e-mail address changes",
    "address_of_another": "Another customer has or had this address",
    "billing_only": "The only address is where invoices go",
    "missing": "The source no longer lists the customer",
    "inactive": "The source lists the customer as a former one",
    "many_changes": "Unusually many customers change at once",
}
PROPOSAL_EVIDENCE = {
    "mail_domain": "A person of the customer has an address at",
    "bound_site": "The customer owns a site of",
    "name": "The name contains the customer's name:",
    "customer_id": "The name contains the customer's id:",
    "seen_together": "Alerts name it beside the customer's asset",
}
CALL = {
    "reached_and_told": "Reached, and told everything",
    "message_left": "A message was left",
    "nobody": "Nobody answered",
    "wrong_number": "The number was wrong",
    "told_in_person": "Told in person",
    "letter_posted": "A letter was posted",
    "not_needed": "Not needed: nothing is owed to them any more",
}
"""What a person may choose."""
CALL_RECORDED = CALL | {"not_recorded": "Not recorded"}
CERTAINTY = {
    "confirmed": "Confirmed",
    "likely": "Likely",
    "possible": "Possible",
    "excluded": "Excluded",
}
ROLE = {"controller": "Controller", "processor": "Processor"}
EFFECT = {
    "seen": "seen",
    "copied": "copied",
    "altered": "changed",
    "lost": "lost",
    "unavailable": "temporarily unavailable",
}
SURETY = {"happened": "", "possible": "maybe "}
PECR = {"yes": "PECR", "no": "not PECR", "ask": "PECR: ask"}
KIND = {kind.value: kind.spec.label for kind in NoticeKind}
RECIPIENTS = {kind.value: kind.spec.readers for kind in NoticeKind}
PERSON = {
    "account_holder": "Account holder",
    "user": "User",
    "data_protection": "Data protection contact",
}
STATUS = {
    "queued": "Queued",
    "sending": "Being sent",
    "handed_over": "Handed over",
    "delivered": "Delivered",
    "deferred": "Deferred by their server",
    "bounced": "Bounced",
    "unknown": "Outcome unknown",
    "expired": "Expired",
    "skipped": "Not sent",
}
STATUS_MEANING = {
    "queued": "Waiting to be sent.",
    "sending": "Sending has started; the outcome is not recorded yet.",
    "handed_over": "Their mail server accepted it. Whether it was read is not known.",
    "delivered": "Their server confirmed that it reached the mailbox.",
    "deferred": "Their server refused it for now and has not accepted it. Sending is retried.",
    "bounced": "Refused permanently. A telephone call is needed.",
    "unknown": "The connection broke during the hand-over. It is never sent again automatically: "
    "check the mail server’s log and record the outcome.",
    "expired": "Expired before it was sent. Approve again.",
    "skipped": "Not sent, for the reason shown.",
}
STATUS_TONE = {
    "queued": "",
    "sending": "",
    "handed_over": "good",
    "delivered": "good",
    "deferred": "medium",
    "bounced": "critical",
    "unknown": "high",
    "expired": "high",
    "skipped": "",
}
CATEGORY = {
    "identity": "Identity",
    "contact": "Contact",
    "financial": "Financial",
    "transaction": "Transactions",
    "technical": "Technical",
    "profile": "Profile",
    "usage": "Usage",
    "marketing": "Marketing",
    "credentials": "Credentials",
    "traffic": "Traffic",
    "mail": "Mail",
    "files": "Files",
    "website": "Website",
    "backup": "Backups",
    "health": "Health",
}
EFFECT = {
    "seen": "Seen",
    "copied": "Copied",
    "altered": "Altered",
    "lost": "Lost",
    "unavailable": "Out of reach",
}
GROUP = {
    "staff": "Our staff",
    "applicant": "Job applicants",
    "subscriber": "Newsletter subscribers",
    "enquirer": "People who sent a form or wrote to us",
    "visitor": "Visitors",
    "supplier_contact": "Suppliers’ contacts",
    "other": "Somebody else",
}
GROUP_REACH = {
    "by_name": "By name, we hold addresses",
    "public": "By a public communication",
    "other_means": "By other means",
}
TELLING = {
    "email": "By e-mail from ourselves",
    "post": "By post",
    "telephone": "By telephone",
    "in_person": "In person",
    "public_notice": "By a public notice",
    "other": "Otherwise",
}
NOTIFICATION_LABELS = {
    "by_letter": "by a letter handed over",
    "by_telephone": "by telephone",
    "in_person": "in person",
    "by_post": "by post",
    "waiting": "waiting",
    "returned": "whose letter came back",
    "not_reached": "telephoned, not reached",
    "unknown": "with an unknown outcome of the letter",
    "not_begun": "not begun",
}
"""How far people were reached, in the register."""
STAGE_LABELS = {
    "initial": "Initial report",
    "follow_up": "Follow-up report",
    "final": "Final report",
}
PRECISION = {"exact": "exactly", "approximate": "about", "unknown": "not known"}
RULE_KIND = {
    "event": "one event",
    "event_count": "count",
    "value_count": "distinct values",
    "temporal": "together",
    "temporal_ordered": "in order",
    "behaviour": "behaviour",
}
ROUTE = {
    "email": "e-mail",
    "telephone": "telephone",
    "letter": "letter",
    "web_form": "web form",
    "in_person": "in person",
    "other": "another way",
}
BODY = {body.value: name for body, name in BODIES.items()}
FLASH_MESSAGES = {
    "complaint": "The complaint is logged.",
    "complaint_erased": "The complaint’s text is erased.",
    "contract": "Contract terms saved.",
    "assigned": "Assigned.",
    "commented": "Comment saved.",
    "dismissed": "Dismissed. A material change will bring it back.",
    "reopened": "Reopened.",
    "linked": "Alert linked to the case.",
    "case-opened": "Case opened. Preserve the evidence before you contain.",
    "noted": "Note saved.",
    "group": "Saved. The decision determines who is notified.",
    "group-people": "Names saved, encrypted with the key of this case.",
    "group-told": "Notification recorded.",
    "near-miss": "Near miss saved in the register.",
    "cause": "Cause saved; earlier causes are kept.",
    "lead": "You lead this case.",
    "containment": "Containment list changed.",
    "task": "Task closed, outcome saved.",
    "case-reopened": "Case reopened. Its notes say why it was closed.",
    "waived": "Waived, with your name and reason.",
    "waiver-asked": "Waiver requested. The duty runs until an approver confirms it.",
    "waiver-undone": "Waiver undone. The duty runs from its original start.",
    "tried": "Attempt saved. The task stays open: nobody was told.",
    "closed": "Case closed. It stays in the register.",
    "confirmed": "Breach confirmed. The clocks run from the time you declared.",
    "aware": "New time of awareness declared. The clocks use it; the earlier declaration is kept.",
    "frozen": "List frozen and sealed. Next: the decision.",
    "decided": "Decision written and sealed. Next: the facts of the letters.",
    "facts": "Facts saved. Read the letters before another person approves them.",
    "approved": "Approved. The letters are queued.",
    "glass": "Released by break-glass. "
    "The letters wait until the message to the witness is handed over.",
    "witness": "Another message to the witness is queued.",
    "bounced": "Bounce recorded; a telephone task is open.",
    "resolved": "Outcome recorded, with your evidence.",
    "acknowledged": "Receipt recorded.",
    "paused": "Sending stopped. Nothing is sent until you resume.",
    "resumed": "Sending resumed.",
    "report": "Report answers saved.",
    "submitted": "Submission recorded. Its clock has stopped.",
    "register_decided": "Your decision is recorded.",
    "bound": "Bound. New events are attributed from now on; earlier ones once they are read again.",
    "signed-out": "You are signed out.",
    "password": "Password changed. Your other sessions have ended.",
    "sessions": "Your other sessions have ended.",
    "all-sessions": "All your sessions have ended, including this one.",
    "imported": "Imported.",
}
"""What a page says after an act; the address carries only the key."""

_NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


NETWORK = {
    "vpn": "VPN",
    "hosting": "hosting",
    "relay": "privacy relay",
    "tor": "Tor",
    "proxy": "open proxy",
}


def format_origin(summary: Mapping[str, Any]) -> str:
    """Format what is known of a source address besides itself; empty if nothing is."""
    system, kind = summary.get("source.as.number"), summary.get("breach.network.kind")
    name = summary.get("source.as.organization.name") or ""
    parts = [
        summary.get("source.geo.country_iso_code"),
        f"AS{system} {name}".strip() if system else name,
        NETWORK.get(str(kind), kind),
    ]
    return ", ".join(str(part) for part in parts if part)


def format_number(count: int) -> str:
    """`no`, `one` … `nine`, then figures with thousands parted."""
    return _NUMBERS[count] if 0 <= count < len(_NUMBERS) else f"{count:,}"


def format_count(count: int, one: str, many: str = "") -> str:
    """`one alert`, `14 alerts`"""
    return f"{format_number(count)} {one if count == 1 else many or one + 's'}"


def format_figures(count: int, one: str, many: str = "") -> str:
    """`1 alert`, `14 alerts`"""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def join_words(parts: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`"""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def name_regulators(jurisdictions: Iterable[Jurisdiction], suffix: str = "") -> str:
    """Join names such as `the Board and the Commission`. Each authority is named once; `suffix`
    follows each name."""
    names = dict.fromkeys(j.words.regulator for j in jurisdictions)
    return join_words([f"{name}{suffix}" for name in names])


def capitalise(text: str) -> str:
    """The first letter raised, the rest untouched."""
    return text[:1].upper() + text[1:]
