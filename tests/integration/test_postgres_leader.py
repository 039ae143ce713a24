"""One of many processes leads: by a lock of its connection, gone when it is."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from breachdesk.stores.open_store import open_postgres
from breachdesk.stores.postgres_schema import create_schema
from breachdesk.testing import FixedNow
from schemas.errors import Retryable
from schemas.settings import StoreSettings

pytestmark = pytest.mark.postgres


@pytest.fixture
def settings(postgres_url: str, fresh_schema: Callable[[], str]) -> StoreSettings:
    made = StoreSettings(url=postgres_url, schema_name=fresh_schema())
    create_schema(made)
    return made


def test_one_of_two_leads_until_it_goes(settings: StoreSettings) -> None:
    with (
        open_postgres(settings, now=FixedNow()) as one,
        open_postgres(settings, now=FixedNow()) as other,
    ):
        assert [one.leader().leads(), other.leader().leads()] == [True, False]
        assert [one.leader().leads(), other.leader().leads()] == [True, False]
        one.close()

        assert other.leader().leads()


def test_each_schema_has_a_leader_of_its_own(
    settings: StoreSettings, fresh_schema: Callable[[], str]
) -> None:
    elsewhere = settings.model_copy(update={"schema_name": fresh_schema()})
    create_schema(elsewhere)
    with (
        open_postgres(settings, now=FixedNow()) as one,
        open_postgres(elsewhere, now=FixedNow()) as other,
    ):
        assert one.leader().leads()
        assert other.leader().leads()


def test_a_leader_whose_connection_is_cut_does_not_go_on_believing(
    settings: StoreSettings,
) -> None:
    with (
        open_postgres(settings, now=FixedNow()) as one,
        open_postgres(settings, now=FixedNow()) as other,
    ):
        assert one.leader().leads()
        cut(settings)

        with pytest.raises(Retryable, match="who leads"):
            one.leader().leads()
        assert other.leader().leads() != one.leader().leads()


def cut(settings: StoreSettings) -> None:
    """End every server process that holds an advisory lock of this schema."""
    with psycopg.connect(settings.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory'"
            " AND classid = %s AND objid = (hashtext(%s)::bigint & 4294967295)::oid",
            (0x42520003, settings.schema_name),
        )
