from __future__ import annotations

import asyncio
import gc
import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from breachdesk.bootstrap.observability.logs import (
    LOUD,
    build_faust_config,
    choose_printer,
    set_up_logs,
)
from breachdesk.bootstrap.observability.trace_ids import bind_trace_id
from schemas.errors import RetryableError
from schemas.settings import OpsSettings


class Lines(io.StringIO):
    """What was logged."""

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]

    @property
    def last(self) -> dict[str, Any]:
        return self.rows[-1]


@pytest.fixture
def lines() -> Iterator[Lines]:
    root, levels = logging.getLogger(), {name: logging.getLogger(name).level for name in LOUD}
    handlers, level = list(root.handlers), root.level
    # A server of another test that writes nothing below `critical` sets it for the whole process.
    server = logging.getLogger("uvicorn.error")
    levels["uvicorn.error"] = server.level
    server.setLevel(logging.NOTSET)
    stream = Lines()
    set_up_logs(OpsSettings(log_format="json", log_level="info"), stream)
    yield stream
    root.handlers, root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def own() -> Any:
    return structlog.stdlib.get_logger("breachdesk.test")


def test_a_line_is_one_json_object_with_time_level_and_logger(lines: Lines) -> None:
    own().info("batch committed", records=12, seconds=0.5, leads=True)

    assert lines.last.pop("at").endswith("Z")
    assert {k: v for k, v in lines.last.items() if k != "at"} == {
        "event": "batch committed",
        "level": "info",
        "logger": "breachdesk.test",
        "records": 12,
        "seconds": 0.5,
        "leads": True,
    }


def test_levels_below_the_asked_one_are_not_written(lines: Lines) -> None:
    own().debug("quiet")
    logging.getLogger("mode").debug("quiet too")

    assert lines.rows == []


@pytest.mark.parametrize("logger", ["uvicorn.error", "faust", "mode", "aiokafka.consumer", "kafka"])
def test_lines_of_libraries_take_the_same_way(lines: Lines, logger: str) -> None:
    logging.getLogger(logger).warning("group %s has %d members", "breachdesk", 2)

    assert lines.last["event"] == "group breachdesk has 2 members"
    assert lines.last["logger"] == logger


def test_statements_and_their_values_are_never_written_below_a_warning(lines: Lines) -> None:
    stream = Lines()
    set_up_logs(OpsSettings(log_format="json", log_level="debug"), stream)
    logging.getLogger("sqlalchemy.engine").info("INSERT INTO users VALUES ('sam')")
    logging.getLogger("kafka.conn").debug("sent: password")
    logging.getLogger("aiokafka").debug("record")

    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("kind", "key"), [("batch", "batch_id"), ("request", "request_id"), ("attempt", "attempt_id")]
)
def test_lines_carry_the_id_of_what_is_going_on(lines: Lines, kind: str, key: str) -> None:
    with bind_trace_id(kind, "abc") as trace_id:
        own().info("ours")
        logging.getLogger("some.library").info("theirs")
    own().info("afterwards")

    ours, theirs, afterwards = lines.rows
    assert trace_id == "abc"
    assert ours[key] == theirs[key] == "abc"
    assert key not in afterwards


def test_an_inner_piece_of_work_ends_before_the_outer_one(lines: Lines) -> None:
    with bind_trace_id("request", "r"), bind_trace_id("attempt", "a"):
        pass
    with bind_trace_id("request") as fresh:
        own().info("again")

    assert lines.last["request_id"] == fresh
    assert len(fresh) == 32


@pytest.mark.parametrize(
    "key", ["email", "to_email", "customer", "user", "subject", "raw", "body", "client_ip", "Name"]
)
def test_a_key_that_may_name_a_person_is_withheld(lines: Lines, key: str) -> None:
    own().info("sent", **{key: "Sam Field"}, facts={key: "Sam Field", "count": 1})

    assert "Sam" not in lines.getvalue()
    assert lines.last[key] == "(withheld)"
    assert lines.last["facts"]["count"] == 1


def test_what_asyncio_says_of_a_task_or_a_callback_ends_before_its_contents(lines: Lines) -> None:
    async def work(name: str) -> None:
        raise KeyError(name)

    def callback(name: str) -> None:
        raise ValueError(name)

    async def run() -> None:
        asyncio.get_running_loop().call_soon(callback, "Sam Field, born 1980")
        task = asyncio.ensure_future(work("Sam Field, born 1980"))
        await asyncio.sleep(0.01)
        del task
        gc.collect()

    asyncio.run(run())

    own_name = "test_what_asyncio_says_of_a_task_or_a_callback_ends_before_its_contents"
    assert "Sam" not in lines.getvalue()
    assert [(row["event"], row["exception"].split(" ")[0]) for row in lines.rows] == [
        (f"Exception in callback {own_name}", "ValueError"),
        ("Task exception was never retrieved", "KeyError"),
    ]


def test_addresses_bytes_and_unknown_things_lose_their_content(lines: Lines) -> None:
    class Letter:
        def __repr__(self) -> str:
            return "Dear Sam Field"

    own().info(
        "to sam@contoso.example", part=b"Sam", thing=Letter(), many=[b"Sam", "sam@x.example"]
    )
    logging.getLogger("faust").warning("got %r from %s", b"Sam Field", "sam@contoso.example")

    assert "sam" not in lines.getvalue().lower()
    assert lines.rows[0]["part"] == "(3 bytes)"
    assert lines.rows[0]["thing"] == "(Letter)"
    assert lines.rows[1]["event"] == "got (9 bytes) from (address)"


def test_a_count_may_be_told_but_a_telephone_number_may_not(lines: Lines) -> None:
    own().info("told", records=3, phone=441632960001, record="Sam Field")

    assert lines.last["records"] == 3
    assert lines.last["phone"] == lines.last["record"] == "(withheld)"


def test_faust_keeps_our_handler_and_no_other(lines: Lines) -> None:
    from mode.utils.logging import setup_logging

    root = logging.getLogger()
    before = list(root.handlers)
    setup_logging(loglevel="info", **build_faust_config())
    during = list(root.handlers)
    logging.getLogger("faust").warning("joined")
    root.handlers = before

    assert len(during) == 1
    assert lines.last["event"] == "joined"


def fail() -> None:
    raise ValueError("invalid literal: 'Sam Field, born 1980'")


def test_an_unknown_exception_is_its_class_and_place_wherever_it_is(lines: Lines) -> None:
    try:
        fail()
    except ValueError as error:
        own().exception("ours failed")
        own().error("ours again", exc_info=error)
        logging.getLogger("mode").error("crashed: %r", error, exc_info=True)  # noqa: G201 - as mode does
        logging.getLogger("asyncio").error(error)  # noqa: TRY400 - as asyncio does
        own().info("kept", failure=error)

    assert "Sam" not in lines.getvalue()
    assert "Traceback" not in lines.getvalue()
    assert [row.get("exception", "").partition(":")[0] for row in lines.rows[:3]] == [
        "ValueError at test_logs_lines.py"
    ] * 3
    assert lines.rows[2]["event"].startswith("crashed: ")
    assert lines.rows[3]["event"].startswith("ValueError at test_logs_lines.py:")
    assert lines.rows[4]["failure"].startswith("ValueError at test_logs_lines.py:")


def test_an_exception_of_ours_says_its_sentence(lines: Lines) -> None:
    try:
        raise RetryableError("the database refuses", place="store", remedy="Wait.")
    except RetryableError:
        own().exception("not now")

    assert lines.last["exception"] == "RetryableError: store: the database refuses. Wait."


def test_times_are_iso_and_a_second_set_up_takes_the_place_of_the_first(lines: Lines) -> None:
    again = Lines()
    set_up_logs(OpsSettings(log_format="json"), again)

    own().info("once", since=datetime(2026, 11, 3, tzinfo=UTC))

    assert lines.rows == []
    assert [row["since"] for row in again.rows] == ["2026-11-03T00:00:00+00:00"]


def test_for_people_the_line_is_text(lines: Lines) -> None:
    stream = io.StringIO()
    set_up_logs(OpsSettings(log_format="console"), stream)

    own().warning("held", reason="gap")

    assert "held" in stream.getvalue()
    assert "reason=gap" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_what_a_command_says_goes_where_the_logs_go(lines: Lines) -> None:
    values: list[str] = []

    choose_printer(OpsSettings(log_format="console"), values.append)("first")
    choose_printer(OpsSettings(log_format="json"), values.append)("second")

    assert values == ["first"]
    assert lines.last["event"] == "second"
