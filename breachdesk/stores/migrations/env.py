"""Run migrations on the connection that open_store passes in."""

from __future__ import annotations

from alembic import context

from breachdesk.stores.tables.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
