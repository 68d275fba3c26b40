"""The revision of a site: it grows whenever a roster may have changed, which is how the publisher knows."""

from sqlalchemy import Connection, select, update

from cloud.store.database import TOUCHED
from cloud.store.schema import sites

_REVISION = select(sites.c.revision)
"""Kept ready: it is asked in every transaction of ingest, and to build it costs more than to run it."""


def revision(connection: Connection) -> int:
    """A number that grows whenever a roster may have changed."""
    return int(connection.execute(_REVISION).scalar_one())


def touch(connection: Connection) -> None:
    """Something changed that a roster depends on: the publisher is told when the transaction is committed."""
    connection.info[TOUCHED] = True
    connection.execute(update(sites).values(revision=sites.c.revision + 1))
