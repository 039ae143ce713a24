"""The plain message to the outsider who is told of a break-glass release: it has no template."""

from __future__ import annotations

from schemas.casework.notice_kind import NoticeKindSpec

SPEC = NoticeKindSpec(
    role=None,
    needs_manifest=False,
    pausable=False,
    label="Message to the witness",
    readers="to the witness",
    record="message to the witness",
)
