"""Whose is it: what is trusted before what, as of event time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breachdesk.stores.register.register_view import RegisterSnapshot
from schemas.customer import PROVIDER, AssetKind, Binding, DataCategory, DataRole
from schemas.pipeline.event import AssetTouch, RawRecord, RecordPosition
from schemas.pipeline.plugin import ParsedEvent
from schemas.settings import SourceSettings
from streams.normalise.enrich import (
    PERSON_FIELDS,
    REACHED_FIELDS,
    WATCHER_FIELDS,
    EventEnricher,
    OwnerResolution,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
TENANT = "6f1d3c1e-0000-4000-8000-000000000001"
PANEL = "billing.fenland.example"
PANEL_DATA = (DataCategory.IDENTITY, DataCategory.FINANCIAL)


def bound(kind: AssetKind, value: str, customer: str, *categories: DataCategory) -> Binding:
    return Binding(
        kind=kind,
        value=value,
        customer_id=customer,
        role=DataRole.PROCESSOR,
        categories=categories or (DataCategory.MAIL,),
    )


REGISTER = RegisterSnapshot(
    [
        bound(AssetKind.TENANT, TENANT, "hartwell", DataCategory.MAIL, DataCategory.FILES),
        bound(AssetKind.MAILBOX, "jo@hartwell.example", "hartwell", DataCategory.MAIL),
        bound(AssetKind.DOMAIN, "hartwell.example", "hartwell"),
        bound(AssetKind.DOMAIN, "quill.example", "quill"),
        bound(AssetKind.SITE, "www.quill.example", "quill", DataCategory.WEBSITE),
        bound(AssetKind.HOST, "quill-fw", "quill", DataCategory.TRAFFIC),
        bound(AssetKind.HOST, "mail-gw", PROVIDER),
        bound(AssetKind.IP, "198.51.100.0/28", "quill", DataCategory.TRAFFIC),
        bound(AssetKind.SITE, PANEL, PROVIDER, DataCategory.IDENTITY),
        bound(AssetKind.SERVICE, f"{PANEL}?userid=1007", "hartwell", *PANEL_DATA),
        bound(AssetKind.SERVICE, f"{PANEL}?userid=1008", "quill", *PANEL_DATA),
        bound(AssetKind.SERVICE, "www.quill.example?userid=1007", "hartwell", *PANEL_DATA),
        bound(AssetKind.SOURCE, "draytek-quill", "quill", DataCategory.TRAFFIC),
        bound(AssetKind.SOURCE, "panel", PROVIDER),
    ],
    1,
)


def resolve(
    source: str = "any",
    *,
    owner: str | None = None,
    view: RegisterSnapshot = REGISTER,
    time: datetime | None = NOON,
    arrived: datetime = NOON,
    **fields: Any,
) -> OwnerResolution:
    named = {name.replace("__", "."): value for name, value in fields.items()}
    record = RawRecord(RecordPosition("j", 1), source, b"", arrived)
    settings = (
        SourceSettings(name=source) if owner is None else SourceSettings(name=source, owner=owner)
    )
    return EventEnricher(view).resolve(ParsedEvent(time, named), record, settings)


def test_the_tenant_decides_before_the_user_and_the_users_mailbox_is_touched_too() -> None:
    actual = resolve(cloud__account__id=TENANT.upper(), user__name="Jo@Hartwell.example")

    assert actual.organization == "hartwell"
    assert actual.touches == (
        AssetTouch("hartwell", f"tenant:{TENANT}", "mail"),
        AssetTouch("hartwell", f"tenant:{TENANT}", "files"),
        AssetTouch("hartwell", "mailbox:jo@hartwell.example", "mail"),
    )


def test_a_guest_in_a_tenant_touches_the_tenants_data_and_not_the_guests() -> None:
    actual = resolve(organization__id=TENANT, user__name="kit@quill.example")

    assert actual.organization == "hartwell"
    assert {touch.customer for touch in actual.touches} == {"hartwell"}


@pytest.mark.parametrize(
    ("user", "asset"),
    [
        ("jo@hartwell.example", "mailbox:jo@hartwell.example"),
        ("ann@hartwell.example", "domain:hartwell.example"),
        ("ann@mail.hartwell.example", "domain:hartwell.example"),
    ],
)
def test_without_a_bound_tenant_the_mailbox_decides_and_then_its_domain(
    user: str, asset: str
) -> None:
    actual = resolve(cloud__account__id="unbound", user__name=user)

    assert actual.organization == "hartwell"
    assert {touch.asset for touch in actual.touches} == {asset}


def test_the_target_of_an_act_goes_before_the_one_who_acts() -> None:
    actual = resolve(
        network__application="imap",
        user__name="kit@quill.example",
        user__target__email="jo@hartwell.example",
    )

    assert actual.organization == "hartwell"


@pytest.mark.parametrize("application", ["ssh", "http", None])
def test_a_name_typed_at_a_sign_in_form_says_nothing(application: str | None) -> None:
    typed = {"user__name": "jo@hartwell.example", "network__application": application}
    ours = resolve(host__name="mail-gw", **typed)
    nobodys = resolve(host__name="new-host", **typed)
    theirs = resolve(host__name="quill-fw", **typed)

    assert ours.organization == PROVIDER
    assert ours.touches == (AssetTouch(PROVIDER, "host:mail-gw", "mail"),)
    assert (nobodys.organization, nobodys.unattributed) == (None, "host:new-host")
    assert theirs.organization == "quill"
    assert {touch.customer for touch in theirs.touches} == {"quill"}


def test_a_mailbox_on_our_mail_server_is_its_customers_but_not_on_another_customers() -> None:
    ours = resolve(
        host__name="mail-gw", network__application="imap", user__name="jo@hartwell.example"
    )
    quills = resolve(
        host__name="quill-fw", network__application="imap", user__name="jo@hartwell.example"
    )

    assert ours.organization == "hartwell"
    assert quills.organization == "quill"


@pytest.mark.parametrize(
    "fields",
    [
        {"observer__name": "QUILL-FW"},
        {"observer__serial_number": "quill-fw"},
        {"observer__ip": "198.51.100.3"},
        {"observer__ip": ["10.0.0.1", "198.51.100.3"]},
        {"destination__ip": "198.51.100.3"},
        {"url__domain": "www.quill.example"},
        {"url__domain": "shop.quill.example"},
        {"host__name": "mail-gw", "destination__ip": "198.51.100.3"},
    ],
)
def test_the_machine_or_site_names_its_customer(fields: dict[str, Any]) -> None:
    assert resolve(**fields).organization == "quill"


def test_the_machine_that_saw_it_goes_before_the_one_that_was_reached() -> None:
    by_host = resolve(host__name="quill-fw", url__domain="hartwell.example")
    by_source = resolve("draytek-quill", url__domain="hartwell.example")
    by_owner = resolve("other", owner="quill", url__domain="hartwell.example")

    assert {by_host.organization, by_source.organization, by_owner.organization} == {"quill"}


def test_a_source_belongs_to_whom_it_is_bound_or_configured() -> None:
    assert resolve("draytek-quill", observer__name="new").organization == "quill"
    assert resolve("x", owner="quill", observer__name="new") == OwnerResolution("quill")
    assert resolve("x", owner=PROVIDER, observer__name="new") == OwnerResolution(PROVIDER)
    assert resolve("panel") == OwnerResolution(
        PROVIDER, (AssetTouch(PROVIDER, "source:panel", "mail"),)
    )


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        (
            {"cloud__account__id": "T-9", "user__name": "Al@Contoso.example"},
            "domain:contoso.example",
        ),
        ({"cloud__account__id": "T-9"}, "tenant:t-9"),
        ({"url__domain": "shop.contoso.example"}, "domain:shop.contoso.example"),
        ({"observer__ip": "203.0.113.9", "destination__ip": "203.0.113.10"}, "ip:203.0.113.9"),
        ({}, "source:any"),
    ],
)
def test_what_belongs_to_nobody_names_what_would_have_to_be_bound(
    fields: dict[str, Any], key: str
) -> None:
    assert resolve(**fields) == OwnerResolution(None, (), key)


def test_a_stranger_in_the_providers_own_source_stays_a_stranger() -> None:
    actual = resolve("panel", cloud__account__id="T-9", user__name="al@contoso.example")

    assert actual == OwnerResolution(None, (), "domain:contoso.example")


def test_the_sites_that_people_visit_through_a_firewall_are_not_whose_it_is() -> None:
    visit = {"observer__type": "firewall", "url__domain": "www.quill.example"}

    assert resolve("hq", owner=PROVIDER, **visit) == OwnerResolution(PROVIDER)
    assert resolve("hq", observer__name="hq-fw", **visit).unattributed == "host:hq-fw"


OUR_SITE = AssetTouch(PROVIDER, f"site:{PANEL}", "identity")


def view_of(host: str, query: str, **more: Any) -> OwnerResolution:
    page = {"url__domain": host, "url__query": query, "http__response__status_code": 200}
    return resolve("web", **(page | more))


def test_a_page_of_our_own_panel_touches_whose_record_it_shows() -> None:
    actual = view_of(PANEL, "action=edit&userid=1007")

    assert actual.organization == PROVIDER
    assert actual.touches == (
        OUR_SITE,
        AssetTouch("hartwell", f"service:{PANEL}?userid=1007", "identity"),
        AssetTouch("hartwell", f"service:{PANEL}?userid=1007", "financial"),
    )


def test_several_records_on_one_page_are_all_touched_once() -> None:
    actual = view_of(PANEL, "userid=1007&userid=1008&userid=1007")

    assert [t.customer for t in actual.touches[1:]] == ["hartwell"] * 2 + ["quill"] * 2


@pytest.mark.parametrize("query", ["userid=1", "clientid=1007", "", "userid", "userid=%00", "&&="])
def test_other_parameters_touch_nobody(query: str) -> None:
    assert view_of(PANEL, query) == OwnerResolution(PROVIDER, (OUR_SITE,))


@pytest.mark.parametrize("host", ["www.quill.example", "evil.example", "fenland.example"])
def test_a_parameter_counts_on_hosts_of_the_provider_only(host: str) -> None:
    assert "hartwell" not in {touch.customer for touch in view_of(host, "userid=1007").touches}


@pytest.mark.parametrize(
    ("method", "status", "shown"),
    [
        ("GET", 200, True),
        ("GET", 304, True),
        ("GET", 302, False),
        ("GET", 403, False),
        ("POST", 302, True),
        ("POST", 500, False),
    ],
)
def test_a_page_that_was_refused_shows_nothing(method: str, status: int, shown: bool) -> None:
    actual = view_of(
        PANEL, "userid=1007", http__request__method=method, http__response__status_code=status
    )

    assert ("hartwell" in {touch.customer for touch in actual.touches}) is shown


def test_a_line_without_a_time_is_resolved_as_of_its_arrival() -> None:
    moved = bound(AssetKind.HOST, "box", "quill").model_copy(update={"valid_from": NOON})
    view = RegisterSnapshot([moved], 1)

    assert resolve(view=view, time=None, host__name="box").organization == "quill"
    before = resolve(view=view, time=None, arrived=NOON - timedelta(1), host__name="box")
    assert before.organization is None


@given(moved=st.integers(-50, 50), when=st.integers(-50, 50))
def test_an_event_is_whose_it_was_when_it_happened_and_not_now(moved: int, when: int) -> None:
    hour = timedelta(hours=1)
    change = NOON + moved * hour
    old = bound(AssetKind.HOST, "box", "hartwell").model_copy(update={"valid_to": change})
    new = bound(AssetKind.HOST, "box", "quill").model_copy(update={"valid_from": change})
    actual = resolve(
        view=RegisterSnapshot([old, new], 1), time=NOON + when * hour, host__name="box"
    )

    assert actual.organization == ("quill" if when >= moved else "hartwell")
    assert {touch.customer for touch in actual.touches} == {actual.organization}


NAMES = ("web1", "WEB1", "fw2", "shop.example", "www.shop.example", "10.0.0.1", "10.0.0.9", "t-1")
PEOPLE = ("jo@shop.example", "JO@Shop.Example", "kit@else.example", "jo", "")
KINDS = (
    *(AssetKind.HOST, AssetKind.IP, AssetKind.SITE, AssetKind.DOMAIN, AssetKind.TENANT),
    *(AssetKind.MAILBOX, AssetKind.SOURCE, AssetKind.SERVICE),
)
MOMENTS = [NOON + timedelta(minutes=minute) for minute in range(-3, 4)]
VALUES: dict[str, st.SearchStrategy[Any]] = {
    name: st.sampled_from(NAMES) | st.sampled_from((1, True, 1.0, None, ["web1", "10.0.0.1"]))
    for name in ("cloud.account.id", "organization.id", *WATCHER_FIELDS, *REACHED_FIELDS)
} | {
    name: st.sampled_from(PEOPLE) | st.sampled_from((1, True, ["jo@shop.example"]))
    for name in PERSON_FIELDS
}
VALUES["network.application"] = st.sampled_from(("imap", "ssh", 1, ["imap"]))
VALUES["observer.type"] = st.sampled_from(("firewall", "server", True))
VALUES["url.query"] = st.sampled_from(("userid=7", "userid=8&x=1", "userid=9"))
VALUES["http.response.status_code"] = st.sampled_from((200, "200", 302, 404))
VALUES["http.request.method"] = st.sampled_from(("GET", "POST"))
FIELDS = st.fixed_dictionaries({}, optional=VALUES)


@st.composite
def bindings(draw: st.DrawFn) -> Binding:
    kind = draw(st.sampled_from(KINDS))
    value = draw(
        st.sampled_from((*NAMES, *PEOPLE[:3], "web1?userid=7", "www.shop.example?userid=8"))
    )
    if kind is AssetKind.IP:
        value = draw(st.sampled_from(("10.0.0.1", "10.0.0.0/24", "10.0.0.9/32")))
    begin, end = (draw(st.none() | st.sampled_from(MOMENTS)) for _ in range(2))
    customer = draw(st.sampled_from((PROVIDER, PROVIDER, "hartwell", "quill")))
    return bound(kind, value, customer).model_copy(update={"valid_from": begin, "valid_to": end})


@settings(max_examples=200, deadline=None)
@given(
    register=st.lists(bindings(), min_size=1, max_size=12),
    several=st.lists(FIELDS, min_size=1, max_size=4),
    order=st.randoms(use_true_random=False),
    owner=st.sampled_from((None, PROVIDER, "quill")),
)
def test_a_remembered_answer_is_the_one_that_asking_again_would_give(
    register: list[Binding], several: list[dict[str, Any]], order: Random, owner: str | None
) -> None:
    """The same fields at each time and from each source, in any order."""
    view = RegisterSnapshot(register, 1)
    owned = {} if owner is None else {"owner": owner}
    sources = [SourceSettings(name=name, **owned) for name in ("web1", "fw2")]
    acts = [
        (ParsedEvent(at, fields), source)
        for fields in several
        for at in MOMENTS
        for source in sources
    ]
    order.shuffle(acts)
    remembers = EventEnricher(view)
    for act, source in acts:
        record = RawRecord(RecordPosition("j", 1), source.name, b"", NOON)

        assert remembers.resolve(act, record, source) == EventEnricher(view).resolve(
            act, record, source
        )


def test_an_asset_that_changed_hands_is_whose_it_was_at_each_time() -> None:
    sold = bound(AssetKind.HOST, "web1", "quill").model_copy(update={"valid_to": NOON})
    bought = bound(AssetKind.HOST, "web1", "hartwell").model_copy(update={"valid_from": NOON})
    enricher = EventEnricher(RegisterSnapshot([sold, bought], 1))
    source, second = SourceSettings(name="s"), timedelta(seconds=1)
    organizations = [
        enricher.resolve(
            ParsedEvent(NOON + after, {"host.name": "web1"}),
            RawRecord(RecordPosition("j", 1), "s", b"", NOON),
            source,
        ).organization
        for after in (-second, timedelta(0), -second, second, -second)
    ]

    assert organizations == ["quill", "hartwell", "quill", "hartwell", "quill"]


def test_what_is_remembered_is_bounded() -> None:
    enricher, source = EventEnricher(REGISTER, most_answers=50), SourceSettings(name="s")
    for number in range(500):
        act = ParsedEvent(NOON, {"host.name": f"host-{number}"})
        enricher.resolve(act, RawRecord(RecordPosition("j", 1), "s", b"", NOON), source)

    assert len(enricher._watchers) + len(enricher._answers) <= 51
