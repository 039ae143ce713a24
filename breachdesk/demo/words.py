"""What the demo's people write: reasons, the decision, the letters' facts, the report's facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from schemas.affected import Certainty, Manifest
from schemas.breach import Breach
from schemas.customer import Role
from schemas.decision import Answer, Decision
from schemas.letter_facts import NoticeFacts
from schemas.report import NotYetKnown, Precision, Quantity, ReportFacts

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
TELEPHONED = "Spoken to the contact on the number of an old invoice; letter read out (drill)."


def decision(breach: Breach, by: str, now: datetime) -> Decision:
    """The written bridge: four answers, each with its reasons."""
    return Decision(
        breach_id=breach.id,
        version=1,
        decided_by=by,
        decided_at=now,
        report_to_ico=Answer(
            yes=True,
            reasons="Account and bank details of customers were opened in our billing panel by a "
            "stranger who holds stolen credentials; a risk to people is not unlikely.",
        ),
        tell_people=Answer(
            yes=True,
            reasons="Names, addresses and bank details together allow invoice fraud; that is a "
            "high risk to the people named in those records.",
        ),
        own_promise_binds=Answer(
            yes=True,
            reasons="Our policy promises notice as soon as it is feasible when a breach may have "
            "exposed a customer's personal information; it may have.",
        ),
        pecr=Answer(
            yes=False,
            reasons="No traffic, line or subscriber data of a telecoms service is in the evidence.",
        ),
        risk="Contact, financial and transaction data of account holders, opened by an intruder.",
        high_risk="Likely for those whose bank details were on the pages that were opened.",
        severity_score=4.0,
        severity_inputs={"dpc": 3.0, "ei": 1.0, "cb": 1.0},
    )


def facts(breach: Breach, by: str, now: datetime) -> NoticeFacts:
    """Both letters' facts, in words a dentist's receptionist understands."""
    return NoticeFacts(
        breach_id=breach.id,
        version=1,
        written_by=by,
        written_at=now,
        what_happened="Someone who was not you used a stolen password to sign in to a system that "
        "we look after. We have shut them out.",
        found_at=breach.detected_at or now,
        consequences=(
            (
                "Someone could use these details to send you a convincing false invoice or to pretend "
                "to be us on the telephone."
            ),
            "Someone could try the same password on your other accounts.",
        ),
        measures=(
            "On 23 November 2026 at 9:12am we ended every session of the stolen account.",
            "On 23 November 2026 we set new passwords and a second factor for our staff accounts.",
            "We kept copies of the records that show what was opened.",
        ),
        steps=(
            "Change your password for our services. Use your usual bookmark to reach the page.",
            "Use a different password for every account.",
            (
                "If a bill asks you to pay into a new bank account, telephone the sender first. Use a "
                "number that you already have."
            ),
            "Watch your bank statements for payments that you do not know.",
        ),
        next_update=datetime(2026, 11, 27, 17, 0, tzinfo=UTC),
        nature="Confidentiality: a stranger signed in with a guessed password, read files and set "
        "a rule that copied incoming mail to an outside address. We have seen no change to files.",
        encryption="The data is encrypted on disk. The stranger used a valid sign-in, so this did "
        "not protect it.",
        people_and_records="We can name the files and mailboxes that were opened. You know best "
        "how many people they are about; the list of files is ready for you.",
        deleted_but_in_backups="Mail that you deleted in the last two months may still be in our "
        "backups. The stranger did not reach the backups.",
        controller_steps=(
            "Decide whether you must tell the ICO and the people whose data this is.",
            "Look through the list of opened files that we hold ready for you.",
            "Warn your staff about messages that pretend to come from your mailbox.",
        ),
        sub_processors="Microsoft Ireland Operations Ltd (Microsoft 365).",
        log_extracts="Sign-in, mailbox and file records from 21 to 23 November 2026, held for you "
        "until the case is closed and at least 90 days.",
        contained=True,
    )


def report_facts(breach: Breach, manifest: Manifest, by: str, now: datetime) -> ReportFacts:
    """The ICO's questions that only a person can answer; counts are of controller exposures."""
    people = len(
        {
            e.customer_id
            for e in manifest.exposures
            if e.role is Role.CONTROLLER and e.certainty is not Certainty.EXCLUDED
        }
    )
    return ReportFacts(
        breach_id=breach.id,
        version=1,
        written_by=by,
        written_at=now,
        what_happened="A password was guessed by trying many accounts. With it, and from the same "
        "address, a stranger signed in to our billing panel and opened customers' account pages.",
        how_found="Our monitoring joined the failed sign-ins, the successful one and what followed.",
        cyber=True,
        people=Quantity(value=people, precision=Precision.APPROXIMATE),
        people_categories=("customers or prospective customers",),
        records=Quantity(value=people, precision=Precision.APPROXIMATE),
        record_categories=("basic identifiers", "economic or financial data"),
        consequences="Invoice fraud and convincing false calls in our name.",
        actual_harm="None is known to us so far.",
        likelihood="likely",
        high_risk="yes",
        training="Staff had data protection training in the last two years; it is repeated yearly.",
        measures_before="Monitoring of sign-ins, separate accounts for staff, encrypted storage.",
        measures_after="Sessions ended, passwords changed, a second factor for every staff account "
        "(done), the billing panel reachable from our own network only (by 30 November 2026).",
        people_told="About to: letters are approved and leave today.",
        other_bodies="Report Fraud will be told if a false invoice appears.",
        not_yet_known=(
            NotYetKnown(
                what="whether any file was passed on",
                who="our responder",
                by=now + timedelta(days=4),
            ),
        ),
    )
