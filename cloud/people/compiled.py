"""The rows of every person and of every permit as the newest roster holds them, and when time alone changes them
next."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import structs
from sqlalchemy import Column, Connection, Table, delete, func, insert, select

from cloud.people.grants import Compiled
from cloud.people.tables import compiled_rows
from cloud.store.chunks import among, chunks
from cloud.store.prepared import Prepared
from cloud.store.schema import people
from cloud.store.tables import compiled_permits, permits


class Ledger:
    """Whose rows are compiled each by itself, and where they are kept: the table of the owners, and that of their
    rows."""

    def __init__(self, owners: Table, kept: Table, owner: Column[Any]) -> None:
        self.owners, self.kept, self.owner = owners, kept, owner
        self._keep = Prepared(insert(kept), "site", owner.name, "rows", "edge_ms", "left_out")

    def find(self, connection: Connection, site: str, ids: Sequence[int]) -> dict[int, Compiled]:
        """What was compiled of these, as far as anything was."""
        found = {}
        for some in chunks(ids):
            query = select(self.kept).where(self.kept.c.site == site, among(self.owner, some))
            for row in connection.execute(query):
                found[row._mapping[self.owner.name]] = Compiled(row.rows, row.edge_ms, row.left_out)
        return found

    def keep(self, connection: Connection, site: str, changed: Mapping[int, Compiled]) -> None:
        """Write down what was compiled of these."""
        for some in chunks(list(changed)):
            connection.execute(delete(self.kept).where(self.kept.c.site == site, among(self.owner, some)))
            self._keep.run_many(connection, [(site, one, *structs.astuple(changed[one])) for one in some])

    def due(self, connection: Connection, site: str, now_ms: int) -> list[int]:
        """Whom time has reached since they were compiled."""
        query = select(self.owner).where(self.kept.c.site == site, self.kept.c.edge_ms <= now_ms)
        return list(connection.execute(query).scalars())

    def since(self, connection: Connection, revision: int) -> list[int]:
        """Whose grants may have changed since this revision of the site."""
        query = select(self.owners.c.id).where(self.owners.c.revision > revision)
        return list(connection.execute(query).scalars())

    def gone(self, connection: Connection, site: str) -> list[int]:
        """Who was compiled and is no more."""
        there = select(self.owners.c.id).where(self.owners.c.id == self.owner).exists()
        return list(connection.execute(select(self.owner).where(self.kept.c.site == site, ~there)).scalars())

    def in_chunks(self, connection: Connection, ids: Sequence[int] | None) -> Iterator[Sequence[int]]:
        """These, or all, as many at a time as are compiled together."""
        if ids is None:
            ids = connection.execute(select(self.owners.c.id).order_by(self.owners.c.id)).scalars().all()
        return chunks(ids)


OF_PEOPLE = Ledger(people, compiled_rows, compiled_rows.c.person_id)
OF_PERMITS = Ledger(permits, compiled_permits, compiled_permits.c.permit_id)
LEDGERS = (OF_PEOPLE, OF_PERMITS)


def next_edge(connection: Connection, site: str) -> int | None:
    """When time alone changes somebody's rows next."""
    queries = (select(func.min(one.kept.c.edge_ms)).where(one.kept.c.site == site) for one in LEDGERS)
    firsts = (connection.execute(query).scalar_one() for query in queries)
    return min((first for first in firsts if first is not None), default=None)


def windows_left_out(connection: Connection, site: str) -> int:
    """Windows that are in no roster, as one person has too many of one plan."""
    kept = OF_PEOPLE.kept.c
    query = select(func.coalesce(func.sum(kept.left_out), 0)).where(kept.site == site, kept.left_out > 0)
    return int(connection.execute(query).scalar_one())
