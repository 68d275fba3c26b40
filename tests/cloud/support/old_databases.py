"""Databases as older versions made them."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine

from cloud.store.database import MIGRATIONS


@contextmanager
def old_database(url: str, version: str) -> Iterator[Connection]:
    """A database as that version made it."""
    engine = create_engine(url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, version)
        yield connection
    engine.dispose()
