"""Feed the lines: import registers, create accounts, and feed two days of logs to detection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from argon2 import PasswordHasher

from breachdesk.bootstrap.container import Container, hold_lock
from breachdesk.casework.imports.assets import import_assets
from breachdesk.casework.imports.customers import import_customers
from breachdesk.demo.lines import DemoLines
from breachdesk.demo.setup import DemoClock, Progress, list_in_arrival_order
from breachdesk.ports import UnitOfWork
from schemas import private_files
from schemas.errors import CorruptData, RetryableError
from schemas.pipeline.source import IncomingRecord
from schemas.user import Actor, Permission, User

PASSWORD = "demo-only-password"  # noqa: S105 - dead outside the demo's folder
ACCOUNTS = {
    "analyst": ("Asha Analyst", frozenset({Permission.ANALYST, Permission.REGISTRAR})),
    "responder": ("Rowan Responder", frozenset({Permission.ANALYST, Permission.RESPONDER})),
    "approver": ("Avery Approver", frozenset({Permission.APPROVER})),
}
DEMO_ACTOR = Actor(id="demo:stage", permissions=frozenset(Permission))
BATCH_SPAN = timedelta(minutes=20)


def get_actor(name: str) -> Actor:
    """Return one of the demo's three people."""
    return Actor(id=name, permissions=ACCOUNTS[name][1])


def import_registers(container: Container, demo_lines: DemoLines) -> None:
    """Import registers by the real import, and create three accounts that cannot sign in outside
    the demo."""
    folder = container.settings.data_dir
    sheets = {"customers.csv": demo_lines.customers_csv, "assets.csv": demo_lines.assets_csv}
    for name, text in sheets.items():
        private_files.write_text(folder / name, text)
    now = container.now()

    def import_all(uow: UnitOfWork) -> None:
        reports = (
            import_customers(uow, DEMO_ACTOR, folder / "customers.csv", preset="auto", now=now),
            import_assets(uow, DEMO_ACTOR, folder / "assets.csv", preset="auto", now=now),
        )
        if any(report.problems for report in reports):
            raise CorruptData(
                "the demo's own registers do not import", remedy="Reinstall BreachDesk."
            )
        for user in _build_accounts():
            uow.users.save(user)

    container.store.write(import_all)


def _build_accounts() -> Sequence[User]:
    digest = PasswordHasher(time_cost=1, memory_cost=8192).hash(PASSWORD)
    return [
        User(id=key, name=name, permissions=permissions, password_hash=digest, demo=True)
        for key, (name, permissions) in ACCOUNTS.items()
    ]


def feed_lines(
    container: Container, demo_lines: DemoLines, clock: DemoClock, progress: Progress
) -> int:
    """Feed the two days, twenty simulated minutes a batch; returns how many lines were received."""
    rows = list_in_arrival_order(demo_lines)
    with hold_lock(container.settings.data_dir, "pipeline") as alone:
        if not alone:
            raise RetryableError(
                "another demo runs in this folder", remedy="Wait, or name another."
            )
        worker = container.build_worker()
        received = 0
        for batch in split_batches(rows):
            clock.move_to(batch[-1][0])
            container.log.append([build_incoming(row) for row in batch])
            worker.process_all()
            received += len(batch)
            progress(received, len(rows))
    add_gaps(container, demo_lines)
    return received


def split_batches(
    rows: Sequence[tuple[datetime, str, bytes]],
) -> Sequence[Sequence[tuple[datetime, str, bytes]]]:
    """Split the rows where a batch's time is over."""
    cut: list[list[tuple[datetime, str, bytes]]] = []
    for row in rows:
        if not cut or row[0] - cut[-1][0][0] > BATCH_SPAN:
            cut.append([])
        cut[-1].append(row)
    return cut


def build_incoming(row: tuple[datetime, str, bytes]) -> IncomingRecord:
    """Build a row's record as a listener would submit it."""
    arrived, source, raw = row
    return IncomingRecord(source=source, raw=raw, arrived=arrived, transport="demo")


def add_gaps(container: Container, demo_lines: DemoLines) -> None:
    """Add the blind intervals to the log and the store."""
    for gap in demo_lines.gaps:
        container.log.note_gap(gap)

    def add_all(uow: UnitOfWork) -> None:
        for gap in demo_lines.gaps:
            uow.sources.add_gap(gap)

    container.store.write(add_all)


def write_reports_folder(container: Container) -> Path:
    """Create and return the folder for the demo's documents."""
    folder = container.settings.data_dir / "reports"
    private_files.make_folder(folder)
    return folder
