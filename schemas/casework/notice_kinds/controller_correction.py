"""To a controller that was told, and whose exposure was excluded later."""

from __future__ import annotations

from schemas.casework.notice_kind import NoticeKindSpec
from schemas.customer import DataRole

SPEC = NoticeKindSpec(
    role=DataRole.PROCESSOR,
    corrects="controller_pack",
    required_blocks=("correction", "correction_steps"),
    call_title="data-protection contact, to correct what we told",
    label="Correction to a controller",
    readers="to controllers who were told wrongly",
    record="correction to a controller",
)
