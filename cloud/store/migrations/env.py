"""Run by Alembic for every migration: on the connection, and within the transaction, that the store hands over."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
