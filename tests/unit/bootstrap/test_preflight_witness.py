"""Preflight says whether somebody outside could be told of a break-glass release."""

from __future__ import annotations

from pathlib import Path

import pytest

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.preflight import run_preflight
from breachdesk.testing import FixedNow, make_user
from schemas.settings import ProviderProfile, SenderSettings, Settings
from schemas.user import Permission

SENDER = SenderSettings(channel="maildir", from_email="notices@penhallow.example")


@pytest.mark.parametrize(
    ("address", "approvers", "passed", "finding"),
    [
        ("", 1, False, "none is set"),
        ("", 2, True, "none is set"),
        ("boss@penhallow.example", 1, False, "our own domain"),
        ("trustee@outside.example", 1, True, "an outsider is nominated"),
    ],
)
def test_preflight_says_whether_a_fit_witness_is_nominated(
    tmp_path: Path, address: str, approvers: int, passed: bool, finding: str
) -> None:
    profile = ProviderProfile(witness_email=address)
    settings = Settings(data_dir=tmp_path, profile=profile, senders=(SENDER,))
    with Container(settings, FixedNow()) as container:
        for name in ("avery", "blake")[:approvers]:
            container.store.write(
                lambda uow, name=name: uow.users.save(make_user(name, Permission.APPROVER))
            )
        (check,) = [c for c in run_preflight(container) if c.what == "witness"]

    assert (check.passed, finding in check.finding) == (passed, True)
