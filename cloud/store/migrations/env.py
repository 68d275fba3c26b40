"""Run by Alembic for every migration: on the connection, and within the transaction, that the store hands over."""

from alembic import context

from cloud.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
