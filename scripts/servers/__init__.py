"""Real servers for tests, on loopback: Kafka, PostgreSQL and Postfix. Standard library only."""

from __future__ import annotations

from servers.daemon import Daemon, Missing, NotReady
from servers.kafka import Kafka
from servers.postfix import Postfix
from servers.postgres import Postgres

__all__ = ["Daemon", "Kafka", "Missing", "NotReady", "Postfix", "Postgres"]
