"""The revision of a site: it grows whenever a roster may have changed, which is how the publisher knows. Whom a change
concerns is written down with it, so that a change costs what it touches, whichever process made it."""

from collections.abc import Collection
from enum import Enum

from sqlalchemy import ColumnElement, Connection, bindparam, literal_column, select, update
from sqlalchemy.exc import NoResultFound

from cloud.store.chunks import among, chunks
from cloud.store.database import TOUCHED
from cloud.store.prepared import Prepared
from cloud.store.schema import people, sites
from cloud.store.tables import permits

_REVISION = Prepared(select(sites.c.revision))
"""It is asked in every transaction of ingest."""


_COUNT_UP = Prepared(update(sites).values(revision=sites.c.revision + literal_column("1")))
_MARK_PERSON = Prepared(
    update(people)
    .where(people.c.id == bindparam("person"))
    .values(revision=select(sites.c.revision).scalar_subquery()),
    "person",
)
"""What an import does for each of its rows."""


class Touched(Enum):
    """Whom a change concerns that is not about single people."""

    DEVICES = "devices"
    """Which devices there are, and what they read: no roster is another."""
    TERMS = "terms"
    """What all grants share: plans, points, zones and hours; the rows of nobody."""
    EVERYBODY = "everybody"
    """The rows of anybody, and what they share."""


def revision(connection: Connection) -> int:
    """A number that grows whenever a roster may have changed."""
    found = _REVISION.first(connection)
    if found is None:
        raise NoResultFound("the database has no site")
    return int(found[0])


def touch(connection: Connection, changed: Touched | Collection[int] = Touched.EVERYBODY) -> None:
    """Something changed that a roster depends on: the publisher is told when the transaction is committed.

    ``changed`` are the people (by id) whose grants may be others now, or what kind of change it was.
    """
    connection.info[TOUCHED] = True
    if isinstance(changed, Touched):
        newer = sites.c.revision + 1
        marks = {
            Touched.TERMS: {"terms_revision": newer},
            Touched.EVERYBODY: {"terms_revision": newer, "everybody_revision": newer},
        }
        connection.execute(update(sites).values(revision=newer, **marks.get(changed, {})))
        return
    _COUNT_UP.run_many(connection, [()])
    if len(changed) == 1:
        _MARK_PERSON.run_many(connection, [tuple(changed)])
    else:
        for some in chunks(sorted(changed)):
            newest = select(sites.c.revision).scalar_subquery()
            connection.execute(update(people).where(among(people.c.id, some)).values(revision=newest))


def touch_permits(connection: Connection, site: str, which: ColumnElement[bool]) -> None:
    """The rows of these permits may be others now, and nobody else's."""
    touch(connection, ())
    newest = select(sites.c.revision).scalar_subquery()
    connection.execute(update(permits).where(permits.c.site == site, which).values(revision=newest))
