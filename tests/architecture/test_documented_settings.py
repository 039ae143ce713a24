"""Every setting stands on its page."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from schemas.customer_source import CustomerSourceSettings
from schemas.followed_files import FollowedFilesSettings
from schemas.origin_data import OriginSettings
from schemas.polled_tenant import Microsoft365Settings
from schemas.settings import (
    AuditSettings,
    ConsoleSettings,
    HttpSettings,
    IntakeSettings,
    KafkaSettings,
    LawSettings,
    NoticePolicy,
    OpsSettings,
    ProviderProfile,
    ReadingSettings,
    RetentionSettings,
    SenderSettings,
    Settings,
    SourceSettings,
    StoreSettings,
    SyslogTlsSettings,
)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "settings.md"


@pytest.mark.parametrize(
    "model",
    [
        Settings,
        StoreSettings,
        AuditSettings,
        RetentionSettings,
        LawSettings,
        KafkaSettings,
        OpsSettings,
        HttpSettings,
        ProviderProfile,
        SourceSettings,
        SenderSettings,
        IntakeSettings,
        FollowedFilesSettings,
        SyslogTlsSettings,
        Microsoft365Settings,
        CustomerSourceSettings,
        ReadingSettings,
        OriginSettings,
        NoticePolicy,
        ConsoleSettings,
    ],
)
def test_every_setting_is_documented(model: type[BaseModel]) -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert [name for name in model.model_fields if f"| `{name}` |" not in page] == []
