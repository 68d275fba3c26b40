"""Statements that are run by the driver itself are those of the tables, in the transaction they are run in."""

import pytest
from sqlalchemy import bindparam, insert, select, update

from cloud.store.database import Store
from cloud.store.prepared import Prepared, undone_alone
from cloud.store.schema import people, zones

ADD = Prepared(insert(zones), "name", "label_zh", "label_en")
NAMES = select(zones.c.name).order_by(zones.c.name)


def test_prepared_statements_run_in_the_transaction(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.ingesting() as connection:
        ADD.run_many(connection, [("gym", "", ""), ("hub", "", "")])
        assert connection.execute(NAMES).scalars().all() == ["gym", "hub"]
        assert Prepared(NAMES).first(connection) == ("gym",)
        raise ZeroDivisionError
    with store.reading() as connection:
        assert Prepared(NAMES).first(connection) is None


def test_prepared_insert_gives_the_new_number(store: Store) -> None:
    """It is run once, and is undone with its transaction."""
    add = Prepared(insert(people).returning(people.c.id), "holder", "name_zh", "name_en")
    with pytest.raises(ZeroDivisionError), store.writing() as connection:
        made = [add.added(connection, bytes([number]) * 8, "", name) for number, name in enumerate(("Ann", "Ben"))]
        found = connection.execute(select(people.c.id, people.c.name_en).order_by(people.c.id)).all()
        assert found == list(zip(made, ("Ann", "Ben"), strict=True))
        raise ZeroDivisionError
    with store.reading() as connection:
        assert connection.execute(select(people.c.id)).first() is None


def test_prepared_statement_refuses_values_out_of_order() -> None:
    renamed = update(zones).where(zones.c.name == bindparam("old")).values(name=bindparam("new"))
    Prepared(renamed, "new", "old")
    with pytest.raises(ValueError, match="takes"):
        Prepared(renamed, "old", "new")


def test_connection_of_ingest_survives_a_fault(store: Store) -> None:
    """What failed is rolled back, and the next transaction has a connection of the same kind."""
    sizes = []
    for fails in (False, True, False):
        try:
            with store.ingesting() as connection:
                sizes.append(connection.exec_driver_sql("PRAGMA cache_size").scalar())
                ADD.run_many(connection, [(f"zone-{len(sizes)}", "", "")])
                assert not fails
        except AssertionError:
            continue
    assert sizes == [-16384] * 3
    with store.reading() as connection:
        assert connection.execute(NAMES).scalars().all() == ["zone-1", "zone-3"]


def test_part_that_raises_is_undone_alone(store: Store) -> None:
    """Where it has written nothing, there is nothing to be undone."""
    with store.writing() as connection:
        ADD.run_many(connection, [("gym", "", "")])
        for rows in ([("hub", "", ""), ("gate", "", "")], []):
            with pytest.raises(ZeroDivisionError), undone_alone(connection):
                ADD.run_many(connection, rows)
                raise ZeroDivisionError
        with undone_alone(connection):
            ADD.run_many(connection, [("pool", "", "")])
    with store.reading() as connection:
        assert connection.execute(NAMES).scalars().all() == ["gym", "pool"]
