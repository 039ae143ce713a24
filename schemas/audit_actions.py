"""Every action that the audit chain records, and what each is about.

The values are stored and hashed: a released value never changes. An entry of another release can
hold an action that is not listed here; `find_action` returns None for it.
docs/reference/audit.md describes each action.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class AuditTopic(StrEnum):
    """What an action is about; it says what the entry's `subject` identifies."""

    ALERT = "alert"
    CASE = "case"
    """The case, or the record that is not assigned to a case."""
    BREACH = "breach"
    NOTICE = "notice"
    """`subject` is the breach; the fact `notice` is the number of the notice."""
    COMPLAINT = "complaint"
    REGISTER = "register"
    """The customer, or `customers` or `assets` for a change to the register as a whole."""
    ACCOUNT = "account"
    SOURCE = "source"
    INSTALLATION = "installation"
    """`subject` is a fixed word."""


class AuditAction(StrEnum):
    """`object:part:verb`. Members carry their topic."""

    topic: AuditTopic

    def __new__(cls, value: str, topic: AuditTopic) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.topic = topic
        return member

    ALERT_EPISODE_RAISED = "alert:episode:raised", AuditTopic.ALERT
    ALERT_EPISODE_REVISED = "alert:episode:revised", AuditTopic.ALERT
    ALERT_EPISODE_MERGED = "alert:episode:merged", AuditTopic.ALERT
    ALERT_EPISODE_PARTED = "alert:episode:parted", AuditTopic.ALERT
    ALERT_SEVERITY_CHANGED = "alert:severity:changed", AuditTopic.ALERT
    ALERT_DISMISSAL_REOPENED = "alert:dismissal:reopened", AuditTopic.ALERT
    ALERT_EVIDENCE_UNSUPPORTED = "alert:evidence:unsupported", AuditTopic.ALERT
    ALERT_ASSIGNEE_SET = "alert:assignee:set", AuditTopic.ALERT
    ALERT_COMMENT_ADDED = "alert:comment:added", AuditTopic.ALERT
    ALERT_STATE_DISMISSED = "alert:state:dismissed", AuditTopic.ALERT
    ALERT_STATE_REOPENED = "alert:state:reopened", AuditTopic.ALERT
    CASE_OPENED_BY_HAND = "case:opened:by_hand", AuditTopic.CASE
    CASE_OPENED_FROM_ALERTS = "case:opened:from_alerts", AuditTopic.CASE
    CASE_ALERT_LINKED = "case:alert:linked", AuditTopic.CASE
    CASE_EVIDENCE_JOINED = "case:evidence:joined", AuditTopic.CASE
    CASE_NOTE_ADDED = "case:note:added", AuditTopic.CASE
    CASE_LEAD_TAKEN = "case:lead:taken", AuditTopic.CASE
    CASE_CONTAINMENT_ADDED = "case:containment:added", AuditTopic.CASE
    CASE_CONTAINMENT_DONE = "case:containment:done", AuditTopic.CASE
    CASE_CONTAINMENT_CONCERN_SAID = "case:containment:concern_said", AuditTopic.CASE
    CASE_TASKS_OPENED = "case:tasks:opened", AuditTopic.CASE
    CASE_TASK_DONE = "case:task:done", AuditTopic.CASE
    CASE_CALL_RECORDED = "case:call:recorded", AuditTopic.CASE
    CASE_CAUSE_SAID = "case:cause:said", AuditTopic.CASE
    CASE_NEAR_MISS_RECORDED = "case:near_miss:recorded", AuditTopic.CASE
    CASE_NEAR_MISS_DOUBTED = "case:near_miss:doubted", AuditTopic.CASE
    CASE_SUPPLIER_TOLD_US = "case:supplier:told_us", AuditTopic.CASE
    CASE_SUPPLIER_ASKED = "case:supplier:asked", AuditTopic.CASE
    CASE_SUPPLIER_ANSWERED = "case:supplier:answered", AuditTopic.CASE
    CASE_GROUP_ADDED = "case:group:added", AuditTopic.CASE
    CASE_GROUP_CHANGED = "case:group:changed", AuditTopic.CASE
    CASE_GROUP_PEOPLE_NAMED = "case:group:people_named", AuditTopic.CASE
    CASE_GROUP_TOLD = "case:group:told", AuditTopic.CASE
    CASE_GROUP_NOT_TOLD = "case:group:not_told", AuditTopic.CASE
    CASE_GROUP_WITHDRAWN = "case:group:withdrawn", AuditTopic.CASE
    CASE_BREACH_CONFIRMED = "case:breach:confirmed", AuditTopic.BREACH
    CASE_STATE_CLOSED = "case:state:closed", AuditTopic.CASE
    CASE_STATE_REOPENED = "case:state:reopened", AuditTopic.CASE
    CASE_PERSONAL_DATA_ERASURE_REQUESTED = "case:personal_data:erasure_requested", AuditTopic.CASE
    CASE_PERSONAL_DATA_ERASED = "case:personal_data:erased", AuditTopic.CASE
    BREACH_AWARENESS_MOVED = "breach:awareness:moved", AuditTopic.BREACH
    BREACH_AFFECTED_FROZEN = "breach:affected:frozen", AuditTopic.BREACH
    BREACH_DECISION_WRITTEN = "breach:decision:written", AuditTopic.BREACH
    BREACH_FACTS_WRITTEN = "breach:facts:written", AuditTopic.BREACH
    BREACH_REPORT_WRITTEN = "breach:report:written", AuditTopic.BREACH
    BREACH_REPORT_SUBMITTED = "breach:report:submitted", AuditTopic.BREACH
    BREACH_BODY_RECORDED = "breach:body:recorded", AuditTopic.BREACH
    BREACH_CONTROLLER_ASKED = "breach:controller:asked", AuditTopic.BREACH
    BREACH_CONTROLLER_ANSWERED = "breach:controller:answered", AuditTopic.BREACH
    BREACH_WAIVER_REQUESTED = "breach:waiver:requested", AuditTopic.BREACH
    BREACH_WAIVER_FILED = "breach:waiver:filed", AuditTopic.BREACH
    BREACH_WAIVER_UNDONE = "breach:waiver:undone", AuditTopic.BREACH
    BREACH_RELEASE_APPROVED = "breach:release:approved", AuditTopic.BREACH
    BREACH_RELEASE_GLASS_BROKEN = "breach:release:glass_broken", AuditTopic.BREACH
    BREACH_WITNESS_TOLD_AGAIN = "breach:witness:told_again", AuditTopic.BREACH
    BREACH_RECEIPTS_TERM_SET = "breach:receipts:term_set", AuditTopic.BREACH
    BREACH_MAIL_PAUSED = "breach:mail:paused", AuditTopic.BREACH
    BREACH_MAIL_RESUMED = "breach:mail:resumed", AuditTopic.BREACH
    NOTICE_ATTEMPT_BEGUN = "notice:attempt:begun", AuditTopic.NOTICE
    NOTICE_ATTEMPT_HANDED_OVER = "notice:attempt:handed_over", AuditTopic.NOTICE
    NOTICE_ATTEMPT_DEFERRED = "notice:attempt:deferred", AuditTopic.NOTICE
    NOTICE_ATTEMPT_BOUNCED = "notice:attempt:bounced", AuditTopic.NOTICE
    NOTICE_ATTEMPT_UNKNOWN = "notice:attempt:unknown", AuditTopic.NOTICE
    NOTICE_ATTEMPT_SKIPPED = "notice:attempt:skipped", AuditTopic.NOTICE
    NOTICE_ATTEMPT_LOST = "notice:attempt:lost", AuditTopic.NOTICE
    NOTICE_ATTEMPT_WRITTEN_AGAIN = "notice:attempt:written_again", AuditTopic.NOTICE
    NOTICE_EXPIRED_NOT_SENT = "notice:expired:not_sent", AuditTopic.NOTICE
    NOTICE_SKIPPED_NOT_SENT = "notice:skipped:not_sent", AuditTopic.NOTICE
    NOTICE_UNKNOWN_HANDED_OVER = "notice:unknown:handed_over", AuditTopic.NOTICE
    NOTICE_UNKNOWN_BOUNCED = "notice:unknown:bounced", AuditTopic.NOTICE
    NOTICE_UNKNOWN_QUEUED = "notice:unknown:queued", AuditTopic.NOTICE
    NOTICE_HELD_HANDED_OVER = "notice:held:handed_over", AuditTopic.NOTICE
    NOTICE_BOUNCE_RECORDED = "notice:bounce:recorded", AuditTopic.NOTICE
    NOTICE_RECEIPT_CONFIRMED = "notice:receipt:confirmed", AuditTopic.NOTICE
    COMPLAINT_RECEIVED_LOGGED = "complaint:received:logged", AuditTopic.COMPLAINT
    COMPLAINT_RECEIPT_ACKNOWLEDGED = "complaint:receipt:acknowledged", AuditTopic.COMPLAINT
    COMPLAINT_OUTCOME_TOLD = "complaint:outcome:told", AuditTopic.COMPLAINT
    REGISTER_CUSTOMER_ADDED = "register:customer:added", AuditTopic.REGISTER
    REGISTER_CUSTOMER_CHANGED = "register:customer:changed", AuditTopic.REGISTER
    REGISTER_ASSET_BOUND = "register:asset:bound", AuditTopic.REGISTER
    REGISTER_ASSET_LOST = "register:asset:lost", AuditTopic.REGISTER
    REGISTER_ASSETS_BOUND = "register:assets:bound", AuditTopic.REGISTER
    REGISTER_ASSETS_IMPORTED = "register:assets:imported", AuditTopic.REGISTER
    REGISTER_CUSTOMERS_IMPORTED = "register:customers:imported", AuditTopic.REGISTER
    REGISTER_DELIVERY_IMPORTED = "register:delivery:imported", AuditTopic.REGISTER
    REGISTER_DELIVERY_REFUSED = "register:delivery:refused", AuditTopic.REGISTER
    REGISTER_CHANGE_ACCEPTED = "register:change:accepted", AuditTopic.REGISTER
    REGISTER_CHANGE_DECLINED = "register:change:declined", AuditTopic.REGISTER
    REGISTER_PROPOSAL_ACCEPTED = "register:proposal:accepted", AuditTopic.REGISTER
    REGISTER_PROPOSAL_DECLINED = "register:proposal:declined", AuditTopic.REGISTER
    REGISTER_RECORDS_REPLAYED = "register:records:replayed", AuditTopic.REGISTER
    USER_ACCOUNT_SAVED = "user:account:saved", AuditTopic.ACCOUNT
    USER_PASSWORD_CHANGED = "user:password:changed", AuditTopic.ACCOUNT
    USER_SECOND_FACTOR_ENROLLED = "user:second_factor:enrolled", AuditTopic.ACCOUNT
    USER_SECOND_FACTOR_RESET = "user:second_factor:reset", AuditTopic.ACCOUNT
    USER_RECOVERY_CODE_USED = "user:recovery_code:used", AuditTopic.ACCOUNT
    USER_PROOF_REFUSED = "user:proof:refused", AuditTopic.ACCOUNT
    USER_SESSION_OPENED = "user:session:opened", AuditTopic.ACCOUNT
    USER_SESSION_CLOSED = "user:session:closed", AuditTopic.ACCOUNT
    USER_SESSION_REFUSED = "user:session:refused", AuditTopic.ACCOUNT
    USER_SESSIONS_ENDED = "user:sessions:ended", AuditTopic.ACCOUNT
    DISPATCH_HELD = "dispatch:held", AuditTopic.INSTALLATION
    DISPATCH_RELEASED = "dispatch:released", AuditTopic.INSTALLATION
    SOURCE_GAP_NOTED = "source:gap:noted", AuditTopic.SOURCE
    SOURCES_DEAD_LETTERS_REPLAYED = "sources:dead_letters:replayed", AuditTopic.INSTALLATION
    SOURCES_PARTITIONS_REPLAYED = "sources:partitions:replayed", AuditTopic.INSTALLATION
    JOURNAL_DAYS_DROPPED = "journal:days:dropped", AuditTopic.INSTALLATION
    AUDIT_VALUES_ERASED = "audit:values:erased", AuditTopic.INSTALLATION
    STORE_ROWS_WRITTEN = "store:rows:written", AuditTopic.INSTALLATION
    STORE_CONTENTS_RECORDED = "store:contents:recorded", AuditTopic.INSTALLATION


_ACTIONS = {action.value: action for action in AuditAction}


def find_action(text: str) -> AuditAction | None:
    """The action with this stored value; None for an action of another release."""
    return _ACTIONS.get(text)
