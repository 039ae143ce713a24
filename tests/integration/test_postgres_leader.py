"""One of many processes leads: by a lock of its connection, gone when it is."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from breachdesk.stores.open_store import open_postgres
from breachdesk.stores.postgres.schema import create_schema
from breachdesk.testing import FixedNow
from schemas.errors import RetryableError
from schemas.settings import StoreSettings

pytestmark = pytest.mark.postgres


@pytest.fixture
def settings(postgres_url: str, fresh_schema: Callable[[], str]) -> StoreSettings:
    store_settings = StoreSettings(url=postgres_url, schema_name=fresh_schema())
    create_schema(store_settings)
    return store_settings


def test_one_of_two_leads_until_it_goes(settings: StoreSettings) -> None:
    with (
        open_postgres(settings, now=FixedNow()) as one,
        open_postgres(settings, now=FixedNow()) as other,
    ):
        assert [
            one.get_leader_election().acquire_leadership(),
            other.get_leader_election().acquire_leadership(),
        ] == [True, False]
        assert [
            one.get_leader_election().acquire_leadership(),
            other.get_leader_election().acquire_leadership(),
        ] == [True, False]
        one.close()

        assert other.get_leader_election().acquire_leadership()


def test_each_schema_has_a_leader_of_its_own(
    settings: StoreSettings, fresh_schema: Callable[[], str]
) -> None:
    elsewhere = settings.model_copy(update={"schema_name": fresh_schema()})
    create_schema(elsewhere)
    with (
        open_postgres(settings, now=FixedNow()) as one,
        open_postgres(elsewhere, now=FixedNow()) as other,
    ):
        assert one.get_leader_election().acquire_leadership()
        assert other.get_leader_election().acquire_leadership()


def test_a_leader_whose_connection_is_cut_does_not_go_on_believing(
    settings: StoreSettings,
) -> None:
    with (
        open_postgres(settings, now=FixedNow()) as one,
        open_postgres(settings, now=FixedNow()) as other,
    ):
        assert one.get_leader_election().acquire_leadership()
        cut(settings)

        with pytest.raises(RetryableError, match="who leads"):
            one.get_leader_election().acquire_leadership()
        assert (
            other.get_leader_election().acquire_leadership()
            != one.get_leader_election().acquire_leadership()
        )


def cut(settings: StoreSettings) -> None:
    """End every server process that holds an advisory lock of this schema."""
    with psycopg.connect(settings.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory'"
            " AND classid = %s AND objid = (hashtext(%s)::bigint & 4294967295)::oid",
            (0x42520003, settings.schema_name),
        )
