"""Define who may send which form, and who may open restricted pages.

Checked before a form is read; casework checks again. A form without a row here is refused to
everybody."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.user import Permission

Duties = frozenset[Permission]
SIGNED_IN: Duties = frozenset()
"""No duty is asked for: being signed in is enough."""
ANY_DUTY: Duties = frozenset(Permission)
HANDS: Duties = frozenset({Permission.ANALYST, Permission.RESPONDER})
RESPONDER: Duties = frozenset({Permission.RESPONDER})
APPROVER: Duties = frozenset({Permission.APPROVER})
RELEASE: Duties = RESPONDER | APPROVER
REGISTRAR: Duties = frozenset({Permission.REGISTRAR})

MAY_SEND: Mapping[str, Duties] = {
    "/alerts/open-case": HANDS,
    "/alerts/{alert_id}/assign": HANDS,
    "/alerts/{alert_id}/comment": ANY_DUTY,
    "/alerts/{alert_id}/dismiss": HANDS,
    "/alerts/{alert_id}/reopen": HANDS,
    "/alerts/{alert_id}/open-case": HANDS,
    "/alerts/{alert_id}/link": HANDS,
    "/cases/new": HANDS,
    "/cases/{case_id}/note": ANY_DUTY,
    "/cases/{case_id}/lead": HANDS,
    "/cases/{case_id}/link": HANDS,
    "/cases/{case_id}/containment": HANDS,
    "/cases/{case_id}/containment/{index}": HANDS,
    "/cases/{case_id}/containment/{index}/concern": HANDS,
    "/cases/{case_id}/close": RESPONDER,
    "/cases/{case_id}/reopen": RESPONDER,
    "/cases/{case_id}/duties/waive": RESPONDER,
    "/cases/{case_id}/duties/confirm": APPROVER,
    "/cases/{case_id}/duties/undo": RELEASE,
    "/cases/{case_id}/cause": HANDS,
    "/cases/{case_id}/doubt": HANDS,
    "/near-misses/new": HANDS,
    "/cases/{case_id}/tasks/{task_id:path}": ANY_DUTY,
    "/cases/{case_id}/confirm": RESPONDER,
    "/cases/{case_id}/awareness": RELEASE,
    "/cases/{case_id}/affected": RESPONDER,
    "/cases/{case_id}/groups": RESPONDER,
    "/cases/{case_id}/groups/{group_id}": RESPONDER,
    "/cases/{case_id}/groups/{group_id}/people": RESPONDER,
    "/cases/{case_id}/groups/{group_id}/told": RESPONDER,
    "/cases/{case_id}/groups/{group_id}/not-told": RESPONDER,
    "/cases/{case_id}/groups/{group_id}/withdraw": RESPONDER,
    "/cases/{case_id}/decision": RESPONDER,
    "/cases/{case_id}/facts": RESPONDER,
    "/cases/{case_id}/facts/words": RESPONDER,
    "/cases/{case_id}/approval": APPROVER,
    "/cases/{case_id}/break-glass": APPROVER,
    "/cases/{case_id}/delivery/{row_id}/bounce": HANDS,
    "/cases/{case_id}/delivery/{row_id}/resolve": RESPONDER,
    "/cases/{case_id}/delivery/{row_id}/acknowledge": HANDS,
    "/cases/{case_id}/pause": RELEASE,
    "/cases/{case_id}/witness": RELEASE,
    "/cases/{case_id}/people/supplier": HANDS,
    "/cases/{case_id}/people/supplier-question": HANDS,
    "/cases/{case_id}/people/supplier-question/{question_id}": HANDS,
    "/cases/{case_id}/people/receipt/{row_id}": HANDS,
    "/cases/{case_id}/people/receipt-term": RESPONDER,
    "/cases/{case_id}/people/question": HANDS,
    "/cases/{case_id}/people/question/{entry}": RESPONDER,
    "/cases/{case_id}/people/body": HANDS,
    "/complaints/new": HANDS,
    "/complaints/{complaint_id}/acknowledge": HANDS,
    "/complaints/{complaint_id}/answer": RESPONDER,
    "/complaints/{complaint_id}/erase": APPROVER,
    "/cases/{case_id}/report": RESPONDER,
    "/cases/{case_id}/report/submit": RESPONDER,
    "/customers/import": REGISTRAR,
    "/customers/{customer_id:path}": REGISTRAR,
    "/unattributed": REGISTRAR,
    "/account/sessions": SIGNED_IN,
    "/account/password": SIGNED_IN,
    "/account/second-factor": SIGNED_IN,
}
MAY_OPEN: Mapping[str, Duties] = {
    "/customers/import": REGISTRAR,
    "/unattributed": REGISTRAR,
}
"""Every other page is open to whoever is signed in."""
