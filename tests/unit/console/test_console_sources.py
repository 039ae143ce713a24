"""The page of sources says what is wrong; that of coverage what watches whom."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from console_harness import ConsoleHarness, open_console

from breachdesk.bootstrap.source_troubles import SourceTroubles
from breachdesk.casework.watching.reader_troubles import report_troubles
from breachdesk.testing import START, make_binding, make_customer
from schemas.pipeline.operations import OperationsAlert, OperationsKind
from schemas.pipeline.source import BlindInterval


def store_alert(console: ConsoleHarness, source: str) -> None:
    alert = OperationsAlert(
        source=source,
        kind=OperationsKind.SILENT,
        begin=START,
        opened_at=START,
        reason="nothing was received for longer than 94 minutes",
    )
    console.store.write(lambda uow: uow.watch.save(alert))
    console.store.write(
        lambda uow: uow.sources.add_gap(BlindInterval(source=source, begin=START, reason="silent"))
    )


async def test_a_silent_source_is_in_the_heading_and_among_the_alerts(tmp_path: Path) -> None:
    with open_console(tmp_path) as console:
        store_alert(console, "fw-7")
        visitor = console.visitor()
        assert await visitor.sign_in("ana")

        page = (await visitor.client.get("/sources?show=alerts")).text

    assert "One source is silent." in " ".join(page.split())
    assert "nothing was received for longer than 94 minutes" in page


async def test_what_a_poller_cannot_read_is_on_the_page(tmp_path: Path) -> None:
    troubles = SourceTroubles()
    troubles.add_reader(lambda: ["m365-acme: the secret has expired."])
    with open_console(tmp_path) as console:
        dependencies = replace(console.dependencies, troubles=troubles)
        visitor = replace(console, dependencies=dependencies).visitor()
        assert await visitor.sign_in("ana")

        page = (await visitor.client.get("/sources")).text

    assert "m365-acme: the secret has expired." in page


async def test_what_a_poller_of_another_process_cannot_read_is_on_the_page(tmp_path: Path) -> None:
    with open_console(tmp_path) as console:
        texts = ["m365-acme: the secret has expired."]
        console.store.write(lambda uow: report_troubles(uow, "poll@one", texts, console.now()))
        visitor = console.visitor()
        assert await visitor.sign_in("ana")

        page = (await visitor.client.get("/sources")).text

    assert "m365-acme: the secret has expired." in page


async def test_a_customer_without_a_source_is_on_the_page_of_coverage(tmp_path: Path) -> None:
    with open_console(tmp_path) as console:
        console.store.write(lambda uow: uow.customers.save(make_customer()))
        console.store.write(lambda uow: uow.customers.bind(make_binding(), console.now()))
        visitor = console.visitor()
        assert await visitor.sign_in("ana")

        page = (await visitor.client.get("/coverage?gap=nothing")).text
        rows = (await visitor.client.get("/coverage.csv")).text

    assert "1 customer is watched by nothing." in page
    assert "0 of 1 mailbox seen" in page
    assert "contoso,Contoso Ltd" in rows
