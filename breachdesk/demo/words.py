"""Texts of the demo's people: reasons, the decision, the letters' facts, the report's facts."""

from __future__ import annotations

from datetime import UTC, datetime

from breachdesk.gdpr.raised import list_scored_categories
from breachdesk.gdpr.regulators import list_presumed
from breachdesk.gdpr.severity import DEFAULT_DPC
from schemas.casework.affected import Manifest
from schemas.casework.breach import Breach
from schemas.casework.decision import Decision, DecisionAnswer, EffectExtent, SeverityFactors
from schemas.casework.letter_facts import ExposureWords, NoticeFacts, ReaderStanding
from schemas.customer import DataRole

TITLE = "Microsoft 365 account opened after password spraying, files and mail copied"
NOISE = "Background noise: refused at the edge, no account and no customer data reached."
FIRST_LOOK = "The address that sprayed is the one that signed in. Nobody there works at three."
REASON = (
    "The customer confirms by telephone that nobody was working and that the mailbox rule is not "
    "theirs. The same address signed in to our billing panel."
)
PANEL_LOG = (
    "The billing panel's own log is whole for that hour. It shows each page that was opened; "
    "neither this customer's record nor any list or export is among them."
)
TELEPHONED = "The script was read out. They repeat the reference (drill)."
SPOKEN_TO = "the contact named in the script"
INVOICE_NUMBER = "the number on an old invoice"
CHECKED = "Compared with the contract (drill)."
REGULATOR = list_presumed()[0].words.regulator


MUST_REPORT = DecisionAnswer(
    yes=True,
    reasons="Account and bank details of customers were opened in our billing panel by a stranger "
    "who had guessed a password elsewhere; a risk to people is not unlikely.",
)


def build_decision(
    breach: Breach, manifest: Manifest, by: str, now: datetime, jurisdiction: str
) -> Decision:
    """Build the decision: answers that the list raises, each with its reasons."""
    return Decision(
        breach_id=breach.id,
        version=1,
        decided_by=by,
        decided_at=now,
        report={jurisdiction: MUST_REPORT},
        tell_people=DecisionAnswer(
            yes=True,
            reasons="Names, addresses and bank details together allow invoice fraud; that is a "
            "high risk to the people named in those records.",
        ),
        own_promise_binds=DecisionAnswer(
            yes=True,
            reasons="Our policy promises notice as soon as it is feasible when a breach may have "
            "exposed a customer's personal information; it may have.",
        ),
        risk="Contact, financial and transaction data of account holders, opened by an intruder.",
        high_risk="Likely for those whose bank details were on the pages that were opened.",
        likely_harm="Invoice fraud and convincing false calls in our name; money can be lost.",
        safeguards_before="Encrypted storage and separate accounts for staff. The stranger used a "
        "valid sign-in, so neither helped.",
        safeguards_after="Sessions ended, passwords changed, a second factor for every account.",
        severity=SeverityFactors(
            data={
                category: DEFAULT_DPC[category]
                for category in list_scored_categories(None, manifest.exposures)
            },
            identification=1,
            confidentiality=EffectExtent.FULL,
            integrity=EffectExtent.NOTHING,
            availability=EffectExtent.NOTHING,
            malicious=True,
        ),
        edpb_case=7,
        edpb_comparison="Accounts opened with a guessed password, and financial data seen, as "
        "there. Here no payment can be made from the pages that were opened.",
        departures={
            "score_near_boundary": "Bank details lie behind the score; one step lower would still "
            "be high, and people are told in either case."
        },
    )


def build_facts(breach: Breach, by: str, now: datetime) -> NoticeFacts:
    """Build what is true of everybody, and the words of each group, for a reader such as a
    dentist's receptionist."""
    return NoticeFacts(
        breach_id=breach.id,
        version=1,
        written_by=by,
        written_at=now,
        what_happened="In the night of 22 November 2026 someone tried passwords at systems "
        "that we look after.",
        next_update=datetime(2026, 11, 27, 17, 0, tzinfo=UTC),
        words=(ACCOUNT_HOLDERS, CONTROLLERS, UNSURE_CONTROLLERS),
    )


ACCOUNT_HOLDERS = ExposureWords(
    role=DataRole.CONTROLLER,
    standing=ReaderStanding.REACHED,
    what_happened="Then someone, we think the same person, signed in to our billing system. They "
    "opened the pages of your account.",
    consequences=(
        (
            "Someone could use these details to send a convincing false invoice, or to pretend to "
            "be us on the telephone."
        ),
        "Someone could try to set up a payment from the bank account that stands on those pages.",
    ),
    measures=(
        "On 23 November 2026 at 9:12am we ended every session of the account that was used.",
        "On 23 November 2026 we set new passwords and a second factor for our staff accounts.",
        "On 23 November 2026 we kept copies of the records that show which pages were opened.",
    ),
    steps=(
        "Watch your bank statements for payments that you do not know.",
        (
            "If a bill asks you to pay into a new bank account, call the sender first. Use a "
            "number that you already have."
        ),
        "Tell whoever pays your bills about this.",
    ),
    contained=True,
)
CONTROLLERS = ExposureWords(
    role=DataRole.PROCESSOR,
    standing=ReaderStanding.REACHED,
    what_happened="Someone guessed the password of one of your mailboxes. With it they took files "
    "and set a rule that sends copies of incoming mail outside.",
    consequences=(
        (
            "The files are letters, x-rays, treatment plans and invoices. What they say of your "
            "patients and of their health could become known, or be used to cheat them."
        ),
        "Someone could write to your patients or your staff and pretend to be your practice.",
    ),
    measures=(
        "On 23 November 2026 at 9:12am we ended every session of the account and reset its password.",
        (
            "On 23 November 2026 at 9:12am we removed the rule. Mail that came in while it stood "
            "may have been sent outside."
        ),
        "On 23 November 2026 we copied the sign-in, mailbox and file records before any change.",
    ),
    steps=(
        f"Decide whether you must tell {REGULATOR} and the people whose data this is.",
        "Look through the list of downloaded files that we hold ready for you.",
        "Look at the mail that came into the mailbox while the rule stood.",
        "Warn your staff about messages that pretend to come from that mailbox.",
    ),
    nature="A guessed password opened one account. It had no second factor.",
    encryption="The data is encrypted on disk. The stranger used a valid sign-in, so this did not "
    "protect it.",
    people_and_records="The files are about your patients and staff. We can name each file that "
    "was downloaded. You know best how many people the files are about: count the names in them.",
    deleted_but_in_backups="Mail that you deleted in the last two months may still be in our "
    "backups. Our records show nobody in the backups.",
    sub_processors="Microsoft Ireland Operations Ltd (Microsoft 365).",
    log_extracts="Sign-in, mailbox and file records from 21 to 23 November 2026. We hold them for "
    "you until the case is closed, and for at least 90 days.",
    contained=True,
)
UNSURE_CONTROLLERS = ExposureWords(
    role=DataRole.PROCESSOR,
    standing=ReaderStanding.POSSIBLE,
    what_happened="Every try that our records show was refused.",
    consequences=(
        "If a try worked while records are missing, someone could have read mail and files.",
    ),
    measures=(
        "On 23 November 2026 we blocked the address that the tries came from.",
        "On 23 November 2026 we kept copies of the records that we have.",
    ),
    steps=(
        "Decide whether you must report this. We tell you because we cannot rule it out.",
        "Set new passwords for the mailboxes that were tried, and turn on a second factor.",
        "Look in these mailboxes for rules and sent messages that nobody there made.",
    ),
    nature="Nothing in our records shows that anybody got in. A router’s records are missing for a "
    "time, so they cannot rule it out.",
    people_and_records="We know of no record that was reached. If you want to count, count whom the "
    "mail and files of these accounts are about.",
    sub_processors="Microsoft Ireland Operations Ltd (Microsoft 365).",
    log_extracts="The sign-in records of 22 November 2026. We hold them for you until the case is "
    "closed, and for at least 90 days.",
)
"""Refused everywhere, and a source that would have shown a later success was silent."""
