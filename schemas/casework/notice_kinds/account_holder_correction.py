"""To an account holder who was told, and whose exposure was excluded later."""

from __future__ import annotations

from schemas.casework.notice_kind import NoticeKindSpec
from schemas.customer import DataRole

SPEC = NoticeKindSpec(
    role=DataRole.CONTROLLER,
    corrects="account_holder",
    required_blocks=("correction", "correction_steps"),
    asset_words="yours",
    call_title="account holder, to correct what we told",
    label="Correction to an account holder",
    readers="to account holders who were told wrongly",
    record="correction to an account holder",
)
