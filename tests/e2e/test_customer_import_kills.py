"""Imports of customers that are killed: each has happened wholly or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from breachdesk.bootstrap.container import Container
from schemas.settings import Settings

pytestmark = pytest.mark.slow
CUSTOMERS = 3_000


def write_clients(folder: Path, *, suffix: str) -> None:
    rows = [
        {"id": i, "companyname": f"C{i} {suffix}", "email": f"a@c{i}.example"}
        for i in range(CUSTOMERS)
    ]
    (folder / "clients.json").write_text(json.dumps({"clients": {"client": rows}}))


def start_import(folder: Path, data: Path) -> subprocess.Popen[bytes]:
    command = ["customers", "import", "--from", str(folder), "--data-dir", str(data)]
    return subprocess.Popen(
        [sys.executable, "-m", "breachdesk.cli.main", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def count_names(data: Path) -> dict[str, int]:
    with Container(Settings(data_dir=data)) as container:
        customers = container.store.read(lambda uow: uow.customers.list())
        entries = container.store.read(lambda uow: uow.audit.list_entries())
    counts: dict[str, int] = {}
    for customer in customers:
        suffix = customer.name.rpartition(" ")[2]
        counts[suffix] = counts.get(suffix, 0) + 1
    imported = sum(entry.act == "register:delivery:imported" for entry in entries)
    return {**counts, "imports": imported}


def test_an_import_that_is_killed_has_happened_wholly_or_not_at_all(tmp_path: Path) -> None:
    folder, data = tmp_path / "in", tmp_path / "data"
    folder.mkdir()
    write_clients(folder, suffix="Ltd")
    for tenths in (8, 14, 20, 30):
        process = start_import(folder, data)
        time.sleep(tenths / 10)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=60)
        outcome = count_names(data) if (data / "store.db").exists() else {"imports": 0}

        assert outcome in ({"imports": 0}, {"Ltd": CUSTOMERS, "imports": 1})
    start_import(folder, data).wait(timeout=120)

    assert count_names(data) == {"Ltd": CUSTOMERS, "imports": 1}
