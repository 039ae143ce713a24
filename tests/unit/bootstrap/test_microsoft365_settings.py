"""Settings of polled tenants, their checks, and what `breachdesk poll` refuses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import trustme
from audit_service import CLIENT, TENANT
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from breachdesk.bootstrap.container import Container, hold_lock
from breachdesk.bootstrap.polling import LOCK, poll_tenants, run_poller
from breachdesk.bootstrap.settings import load_settings
from breachdesk.bootstrap.tenant_checks import check_tenants
from schemas.errors import ConfigurationError, RetryableError
from schemas.polled_tenant import Microsoft365Settings

SOURCE = f"microsoft365-{TENANT}"


def tenant(**settings: Any) -> Microsoft365Settings:
    return Microsoft365Settings.model_validate(
        {"tenant": TENANT, "client": CLIENT, "secret_file": "secret", **settings}
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    secret = tmp_path / "secret"
    secret.write_text("s")
    table = (
        f'[[microsoft365]]\ntenant = "{TENANT}"\nclient = "{CLIENT}"\nsecret_file = "{secret}"\n'
    )
    (tmp_path / "breachdesk.toml").write_text(f'{table}customer = "contoso"\n')
    return tmp_path


@pytest.fixture
def container(folder: Path) -> Iterator[Container]:
    with Container(load_settings(folder)) as opened:
        yield opened


def test_the_source_of_a_tenant_counts_a_week_and_reads_audit_records(folder: Path) -> None:
    source = load_settings(folder).get_source(SOURCE)

    assert (source.parser, source.owner, source.zone) == ("microsoft365_audit", "contoso", "UTC")
    assert source.horizon_hours == 168


def test_a_table_of_the_source_is_left_as_it_is(folder: Path) -> None:
    file = folder / "breachdesk.toml"
    file.write_text(f'{file.read_text()}[[sources]]\nname = "{SOURCE}"\nhorizon_hours = 48\n')

    settings = load_settings(folder)

    assert [each.name for each in settings.sources] == [SOURCE]
    assert settings.get_source(SOURCE).horizon_hours == 48


def test_a_tenant_that_is_named_twice_is_refused(folder: Path) -> None:
    file = folder / "breachdesk.toml"
    file.write_text(file.read_text() * 2)

    with pytest.raises(ConfigurationError, match="named twice"):
        load_settings(folder)


@pytest.mark.parametrize(
    "settings",
    [
        {"secret_file": None},
        {"certificate_file": "certificate"},
        {"tenant": "contoso.example"},
        {"api": "http://manage.office.com"},
        {"login": "https://login.microsoftonline.com/common"},
        {"content_types": []},
        {"content_types": ["Audit.Everything"]},
        {"look_back_hours": 200},
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        tenant(**settings)


def test_the_two_hosts_are_microsoft_s_unless_a_national_cloud_is_named() -> None:
    assert tenant().api == "https://manage.office.com"
    assert tenant().login == "https://login.microsoftonline.com"
    assert tenant(api="https://manage.office365.us/").api == "https://manage.office365.us"


def test_a_second_process_does_not_poll_from_the_same_folder(container: Container) -> None:
    with (
        hold_lock(container.settings.data_dir, LOCK),
        pytest.raises(RetryableError, match="another process"),
        poll_tenants(container, CollectorRegistry(), print),
    ):
        pass


def test_poll_alone_needs_kafka(container: Container) -> None:
    with pytest.raises(ConfigurationError, match="no Kafka"):
        run_poller(container, print, Event())


def test_a_certificate_that_expires_soon_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "certificate.pem"
    expires = datetime(2026, 12, 1, tzinfo=UTC)
    issued = trustme.CA().issue_cert("app.example", not_after=expires)
    issued.private_key_and_cert_chain_pem.write_to_path(str(file))
    file.chmod(0o600)
    settings = [tenant(secret_file=None, certificate_file=file)]

    soon, late = (
        next(check_tenants(settings, datetime(2026, month, 20, tzinfo=UTC))) for month in (11, 12)
    )

    assert (soon.passed, soon.warning) == (True, True)
    assert "01 December 2026" in soon.finding
    assert not late.passed


@pytest.mark.parametrize(
    ("content", "mode", "finding"),
    [("s", 0o600, "can be read"), ("", 0o600, "empty"), ("s", 0o644, "other users")],
)
def test_a_secret_that_others_may_read_or_that_is_empty_is_found(
    tmp_path: Path, content: str, mode: int, finding: str
) -> None:
    file = tmp_path / "secret"
    file.write_text(content)
    file.chmod(mode)

    (check,) = check_tenants([tenant(secret_file=file)], datetime.now(UTC))

    assert finding in check.finding
