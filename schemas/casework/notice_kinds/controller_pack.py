"""The letter to a controller whose data we process (UK GDPR Art. 33(2)), with answers as JSON."""

from __future__ import annotations

from schemas.casework.notice_kind import Attachment, NoticeKindSpec
from schemas.customer import DataRole

SPEC = NoticeKindSpec(
    role=DataRole.PROCESSOR,
    is_owed=True,
    needs_receipt=True,
    bound_by_contract=1,
    required_blocks=(
        "consequences",
        "measures",
        "steps",
        "nature",
        "people_and_records",
        "sub_processors",
        "subscriber",
        "evidence",
    ),
    attachments=(Attachment("pack.json.j2", "controller-pack"),),
    call_title="data-protection contact",
    label="Controller’s pack",
    readers="to controllers",
    record="pack for a controller",
)
