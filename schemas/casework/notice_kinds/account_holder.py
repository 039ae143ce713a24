"""The letter to the holder of an account with us (UK GDPR Art. 34)."""

from __future__ import annotations

from schemas.casework.notice_kind import NoticeKindSpec
from schemas.customer import DataRole

SPEC = NoticeKindSpec(
    role=DataRole.CONTROLLER,
    is_owed=True,
    bound_by_contract=2,
    required_blocks=("consequences", "measures", "steps", "subscriber", "evidence"),
    names_assets=False,
    asset_words="yours",
    allows_attachments=False,
    call_title="account holder",
    label="Account holder’s letter",
    readers="to account holders",
    record="letter to an account holder",
)
