"""Fixtures for real servers; what they are is said in services.py."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import services
from xdist.scheduler import LoadFileScheduling


def pytest_configure(config: pytest.Config) -> None:
    # A shell that `scripts/services up` pointed at its servers must not point the tests' own
    # embedded systems there: only BREACHDESK_TEST_… is for tests.
    for name in ("BREACHDESK_STORE__URL", "BREACHDESK_KAFKA__SERVERS"):
        os.environ.pop(name, None)
    if os.environ.pop("BREACHDESK_TEST_COMPILED", ""):
        require_compiled()
    if not is_worker(config):
        services.own_the_run()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not is_worker(config):
        services.end_the_run()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Long files first: with several processes the last of them would otherwise be waited for alone.
    long = {item.path for item in items if "slow" in item.keywords}
    items.sort(key=lambda item: item.path not in long)
    if os.environ.get("BREACHDESK_SOAK") != "1":
        for item in items:
            if "soak" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="long: BREACHDESK_SOAK=1, or `make soak`"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    return ParserScheduling(config, log)


class ParserScheduling(LoadFileScheduling):
    """Keeps the tests of a file in one process, but those of every parser apart: the files that ask
    all parsers would otherwise run for minutes while the other processes have nothing to do."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        parser = re.search(r"test_parsers(?:_time)?\.py::\w+\[([a-z0-9_]+)", nodeid)
        return f"{file}::{parser[1]}" if parser else file


def require_compiled() -> None:
    """`make test-compiled` must not test the sources by mistake."""
    from streams.normalise import normaliser

    if not normaliser.__file__.endswith(".so"):
        raise pytest.UsageError(f"not compiled: {normaliser.__file__}; see `make test-compiled`")


def is_worker(config: pytest.Config) -> bool:
    """One of pytest-xdist's, started by the process that owns the run."""
    return hasattr(config, "workerinput")


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    # What a file leaves open is said in its last test, not in whichever the collector meets.
    if nextitem is None or nextitem.path != item.path:
        gc.collect()


@pytest.fixture(scope="session")
def kafka_servers() -> str:
    return services.kafka_servers()


@pytest.fixture(scope="session")
def postgres_url() -> str:
    return services.postgres_url()


@pytest.fixture
def prefix() -> str:
    """Of this test's topics and groups."""
    return services.unique_prefix()


@pytest.fixture
def fresh_schema(postgres_url: str) -> Iterator[Callable[[], str]]:
    """Each call makes an empty schema and gives its name; all are dropped after the test."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(services.fresh_schema(postgres_url))
