"""What is read to compile somebody: their own rows, and nobody else's."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from cloud.people.community import load_people
from tests.cloud.support.rosters import World

LARGE = (
    "people",
    "memberships",
    "credentials",
    "card_forms",
    "parties",
    "party_members",
    "flats",
    "points",
    "profiles",
)
"""Tables that grow with the community."""


@pytest.fixture
def statements() -> Iterator[list[tuple[str, Any]]]:
    """Every statement, with its values."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, sql: str, values: object, *_: object) -> None:
        seen.append((sql, values))

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


def test_person_is_read_by_the_person(world: World, statements: list[tuple[str, Any]]) -> None:
    """No table that grows with the community is read whole, nor every card of a state."""
    with world.store.reading() as connection:
        statements.clear()
        found = load_people(connection, [5])
        assert [person.id for person in found.people] == [5]
        assert found.credentials
        for sql, values in list(statements):
            for line in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).scalars(3):
                assert not line.startswith(tuple(f"SCAN {table}" for table in LARGE)), (sql, line)
                assert "(state=?" not in line, sql
