"""Forwarding to a domain that the register gives the same customer is not forwarding outside."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from breachdesk.stores.register.register_view import RegisterSnapshot
from schemas.customer import AssetKind, Binding, DataCategory, DataRole
from schemas.pipeline.event import Event, RawRecord, RecordPosition
from schemas.settings import Settings, SourceSettings
from streams.normalise.normaliser import EventNormaliser
from streams.normalise.record_readers import InProcessReader

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SETTINGS = Settings(
    data_dir=Path("unused"), sources=[SourceSettings(name="m365", parser="microsoft365_audit")]
)


def bind(kind: AssetKind, value: str, customer: str, until: datetime | None = None) -> Binding:
    return Binding(
        kind=kind,
        value=value,
        customer_id=customer,
        role=DataRole.PROCESSOR,
        categories=(DataCategory.MAIL,),
        valid_to=until,
    )


REGISTER = RegisterSnapshot(
    [
        bind(AssetKind.TENANT, "t1", "contoso"),
        bind(AssetKind.DOMAIN, "contoso.example", "contoso"),
        bind(AssetKind.DOMAIN, "contoso-sales.example", "contoso"),
        bind(AssetKind.MAILBOX, "jo@mailbox.example", "contoso"),
        bind(AssetKind.DOMAIN, "left.example", "contoso", until=datetime(2026, 1, 1, tzinfo=UTC)),
        bind(AssetKind.DOMAIN, "quill.example", "quill"),
    ],
    1,
)


def forward(
    operation: str, name: str, value: str, *, tenant: str = "t1", **more: Any
) -> dict[str, Any]:
    audit = {
        "CreationTime": "2026-11-22T11:00:00",
        "Operation": operation,
        "UserId": "bea@contoso.example",
        "OrganizationId": tenant,
        "Parameters": [{"Name": name, "Value": value}],
        **more,
    }
    events: list[Event] = []
    record = RawRecord(RecordPosition("j", 1), "m365", orjson.dumps(audit), NOON)
    EventNormaliser(InProcessReader(SETTINGS), SETTINGS).normalise(
        [record], REGISTER, lambda event, _record: events.append(event)
    )
    return dict(events[0].fields)


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        ("New-InboxRule", "ForwardTo"),
        ("Set-Mailbox", "ForwardingSmtpAddress"),
        ("New-TransportRule", "BlindCopyTo"),
    ],
)
@pytest.mark.parametrize(
    "to", ["x@contoso-sales.example", "x@eu.contoso-sales.example", "jo@mailbox.example"]
)
def test_forwarding_to_an_own_domain_of_the_customer_is_not_outside(
    operation: str, name: str, to: str
) -> None:
    fields = forward(operation, name, to)

    assert fields["breach.mail.forward_external"] is False
    assert "breach.mail.forward_outside_to" not in fields
    assert fields["breach.mailbox.forward_to"] == [to]


@pytest.mark.parametrize("to", ["x@quill.example", "x@left.example", "x@elsewhere.example"])
def test_forwarding_to_another_customer_a_former_domain_or_a_stranger_is_outside(to: str) -> None:
    fields = forward("New-InboxRule", "ForwardTo", f"{to};y@contoso-sales.example")

    assert fields["breach.mail.forward_external"] is True
    assert fields["breach.mail.forward_outside_to"] == [to]


def test_of_a_tenant_that_nobody_owns_no_other_domain_is_its_own() -> None:
    fields = forward("New-InboxRule", "ForwardTo", "x@elsewhere.example", tenant="unbound")

    assert fields["breach.mail.forward_external"] is True


def test_the_directorys_own_domains_are_the_tenants() -> None:
    fields = forward(
        "Set-Mailbox",
        "ForwardingSmtpAddress",
        "smtp:bea@tenant.mail.onmicrosoft.com",
        tenant="unbound",
        OrganizationName="tenant.onmicrosoft.com",
    )

    assert fields["breach.mail.forward_external"] is False


def test_a_partner_who_forwards_to_the_partners_own_domain_forwards_outside() -> None:
    fields = forward(
        "Set-Mailbox",
        "ForwardingSmtpAddress",
        "smtp:x@partner.example",
        UserId="eve@partner.example",
        ExternalAccess=True,
    )

    assert fields["breach.mail.forward_outside_to"] == ["x@partner.example"]
