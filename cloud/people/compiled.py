"""The rows of every person as the newest roster holds them, and when time alone changes them next."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import structs
from sqlalchemy import Connection, delete, func, insert, select

from cloud.people.grants import Compiled
from cloud.people.tables import compiled_rows
from cloud.store.chunks import among, chunks
from cloud.store.prepared import Prepared
from cloud.store.schema import people

_KEEP = Prepared(insert(compiled_rows), "site", "person_id", "rows", "edge_ms", "left_out")


def find_compiled(connection: Connection, site: str, ids: Sequence[int]) -> dict[int, Compiled]:
    """What was compiled of these people, as far as anything was."""
    found = {}
    for some in chunks(ids):
        query = select(compiled_rows).where(compiled_rows.c.site == site, among(compiled_rows.c.person_id, some))
        for row in connection.execute(query):
            found[row.person_id] = Compiled(row.rows, row.edge_ms, row.left_out)
    return found


def keep_compiled(connection: Connection, site: str, changed: Mapping[int, Compiled]) -> None:
    """Write down what was compiled of these people."""
    for some in chunks(list(changed)):
        connection.execute(
            delete(compiled_rows).where(compiled_rows.c.site == site, among(compiled_rows.c.person_id, some))
        )
        _KEEP.run_many(connection, [(site, person, *structs.astuple(changed[person])) for person in some])


def people_due(connection: Connection, site: str, now_ms: int) -> list[int]:
    """Whom time has reached since they were compiled."""
    query = select(compiled_rows.c.person_id).where(compiled_rows.c.site == site, compiled_rows.c.edge_ms <= now_ms)
    return list(connection.execute(query).scalars())


def people_since(connection: Connection, revision: int) -> list[int]:
    """Whose grants may have changed since this revision of the site."""
    return list(connection.execute(select(people.c.id).where(people.c.revision > revision)).scalars())


def people_gone(connection: Connection, site: str) -> list[int]:
    """Who was compiled and is no more."""
    there = select(people.c.id).where(people.c.id == compiled_rows.c.person_id).exists()
    return list(
        connection.execute(select(compiled_rows.c.person_id).where(compiled_rows.c.site == site, ~there)).scalars()
    )


def next_edge(connection: Connection, site: str) -> int | None:
    """When time alone changes somebody's rows next."""
    edges = select(func.min(compiled_rows.c.edge_ms)).where(compiled_rows.c.site == site)
    first: int | None = connection.execute(edges).scalar_one()
    return first


def windows_left_out(connection: Connection, site: str) -> int:
    """Windows that are in no roster, as one person has too many of one plan."""
    query = select(func.coalesce(func.sum(compiled_rows.c.left_out), 0))
    return int(connection.execute(query.where(compiled_rows.c.site == site, compiled_rows.c.left_out > 0)).scalar_one())


def in_chunks(connection: Connection, ids: Sequence[int] | None) -> Iterator[Sequence[int]]:
    """These people, or all, as many at a time as are compiled together."""
    if ids is None:
        ids = connection.execute(select(people.c.id).order_by(people.c.id)).scalars().all()
    return chunks(ids)
