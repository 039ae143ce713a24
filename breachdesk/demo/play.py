"""Playing the lines: registers imported, accounts made, two days of logs arriving and detected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from argon2 import PasswordHasher

from breachdesk.bootstrap.house import Premises, holding
from breachdesk.casework.assets import import_assets
from breachdesk.casework.customers import import_customers
from breachdesk.demo.lines import DemoLines
from breachdesk.demo.stage import Progress, StageClock, in_arrival_order
from breachdesk.ports import UnitOfWork
from schemas import private_files
from schemas.errors import Corrupt, Retryable
from schemas.source import Incoming
from schemas.user import Actor, Duty, User

PASSWORD = "demo-only-password"  # noqa: S105 - dead outside the demo's folder
ACCOUNTS = {
    "analyst": ("Asha Analyst", frozenset({Duty.ANALYST, Duty.REGISTRAR})),
    "responder": ("Rowan Responder", frozenset({Duty.ANALYST, Duty.RESPONDER})),
    "approver": ("Avery Approver", frozenset({Duty.APPROVER})),
}
STAGEHAND = Actor(id="demo:stage", duties=frozenset(Duty))
SCENE = timedelta(minutes=20)


def actor(name: str) -> Actor:
    """One of the demo's three people."""
    return Actor(id=name, duties=ACCOUNTS[name][1])


def furnish(house: Premises, cast: DemoLines) -> None:
    """Registers by the real import, and three accounts that are dead outside the demo."""
    folder = house.settings.data_dir
    sheets = {"customers.csv": cast.customers_csv, "assets.csv": cast.assets_csv}
    for name, text in sheets.items():
        private_files.write_text(folder / name, text)
    now = house.now()

    def work(uow: UnitOfWork) -> None:
        reports = (
            import_customers(uow, STAGEHAND, folder / "customers.csv", preset="auto", now=now),
            import_assets(uow, STAGEHAND, folder / "assets.csv", preset="auto", now=now),
        )
        if any(report.problems for report in reports):
            raise Corrupt("the demo's own registers do not import", remedy="Reinstall BreachDesk.")
        for user in _accounts():
            uow.users.save(user)

    house.store.act(work)


def _accounts() -> Sequence[User]:
    digest = PasswordHasher(time_cost=1, memory_cost=8192).hash(PASSWORD)
    return [
        User(id=key, name=name, duties=duties, password_hash=digest, demo=True)
        for key, (name, duties) in ACCOUNTS.items()
    ]


def play_lines(house: Premises, cast: DemoLines, clock: StageClock, progress: Progress) -> int:
    """The two days, twenty simulated minutes a scene; returns how many lines were received."""
    rows = in_arrival_order(cast)
    with holding(house.settings.data_dir, "pipeline") as alone:
        if not alone:
            raise Retryable("another process plays in this folder", remedy="Wait, or name another.")
        worker = house.worker()
        done = 0
        for scene in scenes(rows):
            clock.move_to(scene[-1][0])
            house.log.append([incoming(row) for row in scene])
            worker.drain()
            done += len(scene)
            progress(done, len(rows))
    note_gaps(house, cast)
    return done


def scenes(
    rows: Sequence[tuple[datetime, str, bytes]],
) -> Sequence[Sequence[tuple[datetime, str, bytes]]]:
    """The rows cut where a scene's time is over."""
    cut: list[list[tuple[datetime, str, bytes]]] = []
    for row in rows:
        if not cut or row[0] - cut[-1][0][0] > SCENE:
            cut.append([])
        cut[-1].append(row)
    return cut


def incoming(row: tuple[datetime, str, bytes]) -> Incoming:
    """A row of the play as a listener would hand it in."""
    arrived, source, raw = row
    return Incoming(source=source, raw=raw, arrived=arrived, transport="demo")


def note_gaps(house: Premises, cast: DemoLines) -> None:
    """The play's blind intervals, into the log and the store."""
    for gap in cast.gaps:
        house.log.note_gap(gap)

    def work(uow: UnitOfWork) -> None:
        for gap in cast.gaps:
            uow.sources.add_gap(gap)

    house.store.act(work)


def write_reports_folder(house: Premises) -> Path:
    """Where the demo puts its documents."""
    folder = house.settings.data_dir / "reports"
    private_files.make_folder(folder)
    return folder
