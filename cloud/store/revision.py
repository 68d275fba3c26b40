"""The revision of a site: it grows whenever a roster may have changed, which is how the publisher knows."""

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import NoResultFound

from cloud.store.database import TOUCHED
from cloud.store.prepared import Prepared
from cloud.store.schema import sites

_REVISION = Prepared(select(sites.c.revision))
"""It is asked in every transaction of ingest."""


def revision(connection: Connection) -> int:
    """A number that grows whenever a roster may have changed."""
    found = _REVISION.first(connection)
    if found is None:
        raise NoResultFound("the database has no site")
    return int(found[0])


def touch(connection: Connection) -> None:
    """Something changed that a roster depends on: the publisher is told when the transaction is committed."""
    connection.info[TOUCHED] = True
    connection.execute(update(sites).values(revision=sites.c.revision + 1))
