"""Run by Alembic: migrates over the connection that `Database` hands in."""

from __future__ import annotations

from alembic import context

from nullfield.console.store.base import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    # SQLite cannot alter most of a column: Alembic then copies the table.
    render_as_batch=connection.dialect.name == "sqlite",
    # All steps or none.
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
