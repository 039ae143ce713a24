"""Which audit action records which change of a notice's state.

The chain keeps the action; entries of early releases lack the fact `status`, so that the state is
derived from the action.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from schemas.audit_actions import AuditAction
from schemas.casework.notice import DeliveryStatus

ACTION_OF_END: Mapping[DeliveryStatus, AuditAction] = MappingProxyType(
    {
        DeliveryStatus.HANDED_OVER: AuditAction.NOTICE_ATTEMPT_HANDED_OVER,
        DeliveryStatus.DEFERRED: AuditAction.NOTICE_ATTEMPT_DEFERRED,
        DeliveryStatus.BOUNCED: AuditAction.NOTICE_ATTEMPT_BOUNCED,
        DeliveryStatus.UNKNOWN: AuditAction.NOTICE_ATTEMPT_UNKNOWN,
        DeliveryStatus.SKIPPED: AuditAction.NOTICE_ATTEMPT_SKIPPED,
    }
)
"""An attempt ends, and leaves the notice in this state."""
ACTION_OF_REFUSAL: Mapping[DeliveryStatus, AuditAction] = MappingProxyType(
    {
        DeliveryStatus.SKIPPED: AuditAction.NOTICE_SKIPPED_NOT_SENT,
        DeliveryStatus.EXPIRED: AuditAction.NOTICE_EXPIRED_NOT_SENT,
    }
)
"""The notice is not sent, and ends in this state."""
ACTION_OF_RESOLUTION: Mapping[DeliveryStatus, AuditAction] = MappingProxyType(
    {
        DeliveryStatus.HANDED_OVER: AuditAction.NOTICE_UNKNOWN_HANDED_OVER,
        DeliveryStatus.BOUNCED: AuditAction.NOTICE_UNKNOWN_BOUNCED,
        DeliveryStatus.QUEUED: AuditAction.NOTICE_UNKNOWN_QUEUED,
    }
)
"""A person resolves an `unknown` notice."""
STATUS_AFTER_ACTION: Mapping[AuditAction, DeliveryStatus] = MappingProxyType(
    {
        AuditAction.NOTICE_ATTEMPT_BEGUN: DeliveryStatus.SENDING,
        AuditAction.NOTICE_ATTEMPT_LOST: DeliveryStatus.UNKNOWN,
        AuditAction.NOTICE_BOUNCE_RECORDED: DeliveryStatus.BOUNCED,
        AuditAction.NOTICE_RECEIPT_CONFIRMED: DeliveryStatus.DELIVERED,
        AuditAction.NOTICE_HELD_HANDED_OVER: DeliveryStatus.HANDED_OVER,
        **{
            action: status
            for actions in (ACTION_OF_END, ACTION_OF_REFUSAL, ACTION_OF_RESOLUTION)
            for status, action in actions.items()
        },
    }
)
"""The state in which an action leaves the notice; `written_again` does not tell."""
