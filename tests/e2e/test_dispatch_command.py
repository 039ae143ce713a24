"""`breachdesk dispatch` over a shared store: rounds, release, and an end in order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from waiting_letters import shared_settings

from breachdesk.casework.delivery import mail_hold
from breachdesk.stores.open_store import open_postgres
from breachdesk.testing import FixedNow, make_user
from notifiers.testing.channels import NOON
from schemas.settings import StoreSettings
from schemas.user import Permission

pytestmark = [pytest.mark.postgres, pytest.mark.slow]
COMMAND = [sys.executable, "-m", "breachdesk.cli.main", "dispatch", "--data-dir"]
SENDER = """
[[senders]]
channel = "maildir"
maildir = "{folder}/mails"
from_name = "Penhallow IT"
from_email = "notices@penhallow.example"
"""


def environment(settings: StoreSettings) -> dict[str, str]:
    return {
        **os.environ,
        "BREACHDESK_STORE__URL": settings.url,
        "BREACHDESK_STORE__SCHEMA_NAME": settings.schema_name,
    }


def said(folder: Path, settings: StoreSettings, *options: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, str(folder), "--json", *options]
    return subprocess.run(
        command,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )


def test_held_mail_is_released_by_command_and_a_dispatcher_ends_in_order(tmp_path: Path) -> None:
    (tmp_path / "breachdesk.toml").write_text(SENDER.format(folder=tmp_path), "utf-8")
    with shared_settings() as settings, open_postgres(settings, now=FixedNow(NOON)) as store:
        store.write(lambda uow: uow.users.save(make_user("rowan", Permission.RESPONDER)))
        store.write(lambda uow: uow.marks.set(mail_hold.SERVER_MARK, "7000000000000000000/1"))
        refused = said(tmp_path, settings, "--once")
        nameless = said(tmp_path, settings, "--release")
        released = said(tmp_path, settings, "--release", "--by", "rowan")
        round_made = said(tmp_path, settings, "--once")
        running = subprocess.Popen(
            [*COMMAND, str(tmp_path)],
            env=environment(settings),
            stderr=subprocess.PIPE,
            text=True,
        )
        assert running.stderr is not None
        first = running.stderr.readline()
        running.send_signal(signal.SIGTERM)
        rest = running.communicate(timeout=120)[1]
        entries = store.read(lambda uow: uow.audit.list_entries(subject="dispatch"))

        assert refused.returncode == 1
        assert "mail is held: another database server answers" in refused.stderr
        assert json.loads(released.stdout) == {"released": mail_hold.AFTER_FAILOVER}
        assert json.loads(round_made.stdout) == {"tried": 0, "notices": {}}
        assert "until this process is told to end" in first
        assert running.returncode == 0
        assert "stopped between two messages" in rest
        assert nameless.returncode == 1
        assert [e.act for e in entries] == ["dispatch:held", "dispatch:released"]
        assert entries[1].actor == "rowan"
