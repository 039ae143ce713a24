"""Build examples for tests: one fictional firm, one fictional dentist, rows and messages for
them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from schemas.casework.affected import (
    ActSummary,
    BreachEffect,
    Certainty,
    ContactChannel,
    EffectCertainty,
    Exposure,
    Recipient,
)
from schemas.casework.breach import Breach
from schemas.casework.decision import Decision, DecisionAnswer, NotificationBasis
from schemas.casework.letter import LetterContext, RegulatorSentence, SentenceKind
from schemas.casework.letter_facts import ExposureWords, NoticeFacts, OwnFacts, ReaderStanding
from schemas.casework.notice import DeliveryStatus, NoticeRow, OutgoingMessage, RenderedText
from schemas.casework.notice_kind import NoticeKind
from schemas.customer import DataCategory, DataRole, PersonKind
from schemas.law import LawBook
from schemas.settings import ProviderProfile

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PROFILE = ProviderProfile(
    legal_name="Penhallow IT Support Ltd",
    trading_name="Penhallow IT",
    company_number="09999123",
    registered_address="4 Quay Lane, Fictional Harbour, FH1 2AB",
    ico_registration="ZA999123",
    contact_name="Morwenna Pask",
    contact_email="privacy@penhallow.example",
    contact_phone="01632 960123",
    contact_hours="Monday to Friday, 8am to 6pm",
    complaints="To complain to us, call or write to the person above. We will answer within 30 days",
    promise="If we discover a breach that may have exposed your personal information, we will tell "
    "you as soon as feasible at the default email address of your account.",
    promise_source="privacy policy, section “Notification of a data breach”",
    invoices_before=date(2026, 11, 1),
)
BREACH = Breach(
    id="BR-0001",
    case_id="CASE-0001",
    title="Account opened after password spraying",
    confirmed_by="rosa",
    confirmed_at=NOON - timedelta(hours=3),
    reason="The customer says the sign-in was not theirs.",
    aware_at=NOON - timedelta(hours=3),
    occurred_from=datetime(2026, 11, 22, 3, 7, tzinfo=UTC),
    occurred_to=datetime(2026, 11, 22, 4, 41, tzinfo=UTC),
)
ACCOUNT_WORDS = ExposureWords(
    role=DataRole.CONTROLLER,
    standing=ReaderStanding.REACHED,
    what_happened="There, someone opened the pages of your account",
    consequences=(
        "Someone could send you a false invoice that looks like ours.",
        "Someone could call you and pretend to be us.",
    ),
    not_involved="Your card number is not involved",
    not_involved_evidence="we never hold card numbers; our payment company does",
    measures=(
        "On 22 November 2026 at 9:12am we shut the intruder out.",
        "On 22 November 2026 we changed all staff passwords.",
    ),
    steps=(
        "Change your password for our services. Use your usual bookmark to reach the page.",
        "If a bill shows new bank details, call the sender first. Use a number you already have.",
        "Watch your bank statements for payments you do not know.",
    ),
    contained=True,
)
PACK_WORDS = ExposureWords(
    role=DataRole.PROCESSOR,
    standing=ReaderStanding.REACHED,
    what_happened="With the same password, someone opened a mailbox of yours",
    consequences=(
        "Someone could send false invoices in the name of your practice.",
        "What people told you in confidence could become known.",
    ),
    measures=ACCOUNT_WORDS.measures,
    steps=(
        "Decide whether you must report this to the regulator and tell the people.",
        "Ask us for the list of files, and look through it.",
        "Warn your staff about false messages in your name.",
    ),
    nature="An intruder signed in with a guessed password and copied files",
    encryption="The files are encrypted on disk. We hold the keys. The intruder used a valid "
    "sign-in, so encryption did not help",
    people_and_records="The intruder opened 118 files. We have a list of their names for you. Only "
    "you can say how many people the files are about",
    deleted_but_in_backups="Mail that you deleted in the last two months may still be in backups",
    sub_processors="Microsoft Ireland Operations Ltd, which runs the mailboxes",
    log_extracts="Sign-in and file records of 22 November 2026, kept for you for 90 days",
    contained=True,
)


def build_possible_words(words: ExposureWords) -> ExposureWords:
    """Return the same words for readers who cannot be ruled out."""
    why = "What was opened holds data of yours too"
    return words.model_copy(update={"standing": ReaderStanding.POSSIBLE, "what_happened": why})


FACTS = NoticeFacts(
    breach_id="BR-0001",
    version=1,
    written_by="rosa",
    written_at=NOON,
    what_happened="Someone guessed a password and signed in to our billing system",
    next_update=datetime(2026, 11, 27, 17, 0, tzinfo=UTC),
    words=(
        ACCOUNT_WORDS,
        build_possible_words(ACCOUNT_WORDS),
        PACK_WORDS,
        build_possible_words(PACK_WORDS),
    ),
)
YES = DecisionAnswer(yes=True, reasons="Bank details were on the pages that were opened.")
NO = DecisionAnswer(yes=False, reasons="No telecoms service is involved.")
DECISION = Decision(
    breach_id="BR-0001",
    version=1,
    decided_by="rosa",
    decided_at=NOON,
    report={"uk_ico": YES, "uk_pecr": NO},
    tell_people=YES,
    own_promise_binds=YES,
    risk="Contact and bank data in strange hands.",
    high_risk="Likely where bank details were opened.",
    likely_harm="False invoices and calls in our name.",
    safeguards_before="Encrypted disks; the intruder used a valid sign-in.",
    safeguards_after="Sessions ended, passwords changed.",
    edpb_comparison="None is alike: a billing panel was opened with a member of staff's account.",
)


def decision_with(**changes: Any) -> Decision:
    """Build DECISION with other fields. A keyword that is no field is the id of a jurisdiction and
    gives its answer."""
    fields = {name: value for name, value in changes.items() if name in Decision.model_fields}
    answers = {name: value for name, value in changes.items() if name not in fields}
    return DECISION.model_copy(update={"report": DECISION.report | answers} | fields)


WILL_TELL = RegulatorSentence(
    authority="ico",
    duty="which watches over data protection in the UK",
    kind=SentenceKind.WILL_TELL,
)
ACCOUNT = Exposure(
    customer_id="c-017",
    role=DataRole.CONTROLLER,
    certainty=Certainty.LIKELY,
    reason="the account's page was in the list that was opened",
    effects={
        DataCategory.IDENTITY: {BreachEffect.SEEN: EffectCertainty.POSSIBLE},
        DataCategory.CONTACT: {BreachEffect.SEEN: EffectCertainty.POSSIBLE},
        DataCategory.FINANCIAL: {},
    },
    acts=(
        ActSummary(
            action="http-request",
            outcome="success",
            count=2,
            first=datetime(2026, 11, 22, 4, 2, tzinfo=UTC),
            last=datetime(2026, 11, 22, 4, 5, tzinfo=UTC),
            assets=("service:billing.penhallow.example?userid=17",),
        ),
    ),
    first=datetime(2026, 11, 22, 4, 2, tzinfo=UTC),
    last=datetime(2026, 11, 22, 4, 5, tzinfo=UTC),
    alerted_at=datetime(2026, 11, 22, 4, 6, tzinfo=UTC),
)
STORED = Exposure(
    customer_id="c-017",
    role=DataRole.PROCESSOR,
    certainty=Certainty.CONFIRMED,
    reason="118 files downloaded",
    effects={
        DataCategory.MAIL: {BreachEffect.SEEN: EffectCertainty.POSSIBLE},
        DataCategory.FILES: {
            BreachEffect.SEEN: EffectCertainty.HAPPENED,
            BreachEffect.COPIED: EffectCertainty.HAPPENED,
        },
    },
    assets=("mailbox:reception@hartwell-dental.example", "tenant:0fbd3c1e-1111-4222-8333"),
    known_as={"tenant:0fbd3c1e-1111-4222-8333": "hartwell-dental.example"},
    services=("Microsoft 365 tenant", "hosted mailbox"),
    acts=(
        ActSummary(
            action="userloggedin",
            outcome="success",
            count=1,
            first=datetime(2026, 11, 22, 3, 7, tzinfo=UTC),
            last=datetime(2026, 11, 22, 3, 7, tzinfo=UTC),
            assets=("mailbox:reception@hartwell-dental.example",),
        ),
        ActSummary(
            action="filedownloaded",
            outcome="success",
            count=118,
            first=datetime(2026, 11, 22, 3, 20, tzinfo=UTC),
            last=datetime(2026, 11, 22, 3, 30, tzinfo=UTC),
            assets=("tenant:0fbd3c1e-1111-4222-8333",),
            details={"folders": "Recalls, Referrals"},
        ),
    ),
    first=datetime(2026, 11, 22, 3, 7, tzinfo=UTC),
    last=datetime(2026, 11, 22, 3, 30, tzinfo=UTC),
    alerted_at=datetime(2026, 11, 22, 3, 17, tzinfo=UTC),
)


SINCE: dict[str, object] = {
    "source": "https://law.example",
    "reviewed_on": date(2026, 11, 22),
    "valid_from": date(2018, 5, 25),
}
LAW = LawBook.model_validate(
    {
        "provisions": [
            {
                "id": "uk_gdpr_art33_1",
                "title": "Report the breach",
                "article": "UK GDPR Art. 33(1)",
                "hours": 72,
            }
            | SINCE,
            {"id": "pecr_5a_3", "title": "Tell them", "article": "PECR reg. 5A(3)"} | SINCE,
        ],
        "authorities": [
            {"id": each, "title": name, "telephone": telephone, "short": short, "area": area}
            | SINCE
            for each, name, telephone, short, area in (
                ("ico", "Information Commissioner’s Office", "0303 123 1113", "ICO", None),
                ("report_fraud", "Report Fraud", "0300 123 2040", None, "England and Wales"),
                ("police_scotland", "Police Scotland", "101", None, "Scotland"),
            )
        ],
    }
)


def build_own_facts(words: ExposureWords, **changes: object) -> OwnFacts:
    """Build the facts for a reader of these words; `changes` replace fields, including those of the
    words."""
    common = {n: v for n, v in changes.items() if n in ("what_happened", "next_update")}
    own = {n: v for n, v in changes.items() if n not in common}
    fields = {
        "version": FACTS.version,
        "what_happened": FACTS.what_happened,
        "next_update": FACTS.next_update,
        "own": words.model_copy(update=own),
    }
    return OwnFacts.model_validate(fields | common)


def build_facts(**changes: object) -> NoticeFacts:
    """Build FACTS; `changes` replace fields, including those of each of the words."""
    common = {n: v for n, v in changes.items() if n in NoticeFacts.model_fields}
    own = {n: v for n, v in changes.items() if n in ExposureWords.model_fields}
    words = tuple(each.model_copy(update=own) for each in FACTS.words)
    return FACTS.model_copy(update={"words": words} | common)


def build_letter_context(
    kind: NoticeKind = NoticeKind.ACCOUNT_HOLDER, **changes: object
) -> LetterContext:
    """Build the context of one letter to Hartwell Dental; `changes` replace its fields."""
    holds_account = kind is NoticeKind.ACCOUNT_HOLDER
    fields: dict[str, object] = {
        "kind": kind,
        "reference": "BR-0001-hartwell",
        "profile": PROFILE,
        "breach": BREACH,
        "facts": build_own_facts(get_words(kind)),
        "written_by": FACTS.written_by,
        "exposure": ACCOUNT if holds_account else STORED,
        "recipient": build_recipient(kind),
        "decision": DECISION,
        "bases": {NotificationBasis.ART34, NotificationBasis.OWN_PROMISE}
        if holds_account
        else {NotificationBasis.ART33_2},
        "regulators": (WILL_TELL,) if holds_account else (),
        "customer_name": "Hartwell Dental Practice",
        "law": LAW,
        "told_at": NOON,
    }
    return LetterContext.model_validate(fields | changes)


def get_words(kind: NoticeKind) -> ExposureWords:
    """Return the words for the readers of this kind of letter."""
    return ACCOUNT_WORDS if kind is NoticeKind.ACCOUNT_HOLDER else PACK_WORDS


def build_recipient(kind: NoticeKind = NoticeKind.ACCOUNT_HOLDER) -> Recipient:
    """Build the recipient Dr Hartwell, by email."""
    holds_account = kind is NoticeKind.ACCOUNT_HOLDER
    return Recipient(
        customer_id="c-017",
        person_id="p-1",
        person_kind=PersonKind.ACCOUNT_HOLDER if holds_account else PersonKind.DATA_PROTECTION,
        kind=kind,
        name="Dr Ann Hartwell",
        email="ann@hartwell-dental.example",
        phone="01632 960777",
        channel=ContactChannel.EMAIL,
    )


def build_outgoing(
    number: int, letter: RenderedText | None = None, **changes: object
) -> OutgoingMessage:
    """Build message `number` to customer `number`, with the customer's name in its words."""
    words = f"Dear customer c{number:03d},\n\nthis is only for you.\n"
    plain = RenderedText(
        customer_id=f"c{number:03d}",
        person_id="p-1",
        kind=NoticeKind.ACCOUNT_HOLDER,
        subject=f"Important, ref BR-0001-c{number:03d}",
        text=words,
        html=f'<!doctype html><html lang="en-GB"><title>x</title><p>{words}</p></html>\n',
        hash=f"{number:064x}",
    )
    fields: dict[str, object] = {
        "row_id": number,
        "attempt_id": f"try-{number}",
        "message_id": f"BR-0001.{number}.1@penhallow.example",
        "date": NOON,
        "from_name": "Penhallow IT",
        "from_email": "notices@penhallow.example",
        "envelope_sender": "bounce@penhallow.example",
        "to_name": f"Customer c{number:03d}",
        "to_email": f"c{number:03d}@customers.example",
        "letter": letter or plain,
    }
    return OutgoingMessage.model_validate(fields | changes)


def build_notice_row(number: int, **changes: object) -> NoticeRow:
    """Build a queued row with an approval that is valid for 72 hours."""
    fields: dict[str, object] = {
        "id": number,
        "breach_id": "BR-0001",
        "customer_id": f"c{number:03d}",
        "person_id": "p-1",
        "kind": NoticeKind.ACCOUNT_HOLDER,
        "version": 1,
        "status": DeliveryStatus.QUEUED,
        "rendered_hash": f"{number:064x}",
        "message_id": f"BR-0001.{number}.1@penhallow.example",
        "approval_hash": "a" * 64,
        "expires_at": NOON + timedelta(hours=72),
    }
    return NoticeRow.model_validate(fields | changes)
