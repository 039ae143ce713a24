"""Real servers for tests, on loopback: Kafka, PostgreSQL and Postfix. Standard library only."""

from __future__ import annotations

from servers.daemon import NotReady, ProgramMissing, ServerProcess
from servers.kafka import KafkaServer
from servers.postfix import PostfixServer
from servers.postgres import PostgresServer

__all__ = [
    "KafkaServer",
    "NotReady",
    "PostfixServer",
    "PostgresServer",
    "ProgramMissing",
    "ServerProcess",
]
