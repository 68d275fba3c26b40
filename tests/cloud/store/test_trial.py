"""What is tried hinders nobody, is seen by nobody, and is judged as if it were done."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from cloud.keys.keys import KeyFolder
from cloud.sample import seed_sample
from cloud.store.database import Store
from cloud.store.schema import people, zones
from cloud.store.trial import CREATES, LOGS, open_trial
from cloud.web.operators import record
from cloud.web.tables import audit
from tests.cloud.support.town import NOW_MS

ROOF = {"name": "roof", "label_zh": "屋顶", "label_en": "Roof"}


@pytest.fixture
def sunny(store: Store, keys: KeyFolder) -> Store:
    with store.writing() as connection:
        seed_sample(connection, keys, NOW_MS)
    return store


def test_others_write_while_something_is_tried(sunny: Store) -> None:
    with sunny.trying() as trial:
        trial.execute(insert(zones).values(ROOF))
        with sunny.writing() as connection:
            connection.execute(insert(zones).values(ROOF | {"name": "yard"}))
        assert "yard" not in trial.execute(select(zones.c.name)).scalars().all()
    with sunny.reading() as connection:
        names = connection.execute(select(zones.c.name)).scalars().all()
    assert ("yard" in names, "roof" in names) == (True, False)


def test_something_is_tried_while_others_write(sunny: Store) -> None:
    """The publisher or an import has the lock: nobody waits at the desk."""
    with sunny.writing() as connection:
        connection.execute(insert(zones).values(ROOF))
        with sunny.trying() as trial:
            trial.execute(update(zones).values(label_en="Tried"))
            assert set(trial.execute(select(zones.c.label_en)).scalars()) == {"Tried"}


def test_copy_has_what_the_table_had(sunny: Store) -> None:
    """Rows, numbers, constraints and indexes."""
    with sunny.trying() as trial:
        newest, count = trial.execute(select(func.max(people.c.id), func.count(people.c.id))).one()
        row = dict(trial.execute(select(people).where(people.c.id == newest)).mappings().one())
        made = trial.execute(insert(people).values({**row, "id": None, "holder": b"another1"})).inserted_primary_key
        assert made == (newest + 1,)
        with pytest.raises(IntegrityError), trial.begin_nested():
            trial.execute(insert(people).values({**row, "id": None}))
        trial.execute(delete(people).where(people.c.id == newest))
        assert trial.execute(select(func.count(people.c.id))).scalar_one() == count
        listed = "SELECT name FROM {}.sqlite_master WHERE tbl_name = 'people' AND sql IS NOT NULL ORDER BY name"
        found = [trial.exec_driver_sql(listed.format(schema)).scalars().all() for schema in ("main", "temp")]
        assert found[0] == found[1]


def test_log_is_copied_as_far_as_needed(sunny: Store) -> None:
    with sunny.writing() as connection:
        for number in range(LOGS["audit"] + 3):
            record(connection, NOW_MS, "office", "zone.added", str(number))
        newest = connection.execute(select(func.max(audit.c.id))).scalar_one()
    with sunny.trying() as trial:
        record(trial, NOW_MS, "office", "zone.added", "roof")
        assert trial.execute(select(func.max(audit.c.id))).scalar_one() == newest + 1
        assert trial.execute(select(func.count(audit.c.id))).scalar_one() == LOGS["audit"] + 1


def test_statement_that_is_not_understood_changes_nothing(sunny: Store, tmp_path: Path) -> None:
    """The file itself is only read."""
    file = Path(sunny.engine.url.database or "")
    opened = open_trial(file)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        opened.execute("WITH one AS (SELECT 1) DELETE FROM zones")
    opened.close()


@pytest.mark.parametrize("sql", ["CREATE TABLE a (b)", "CREATE INDEX a ON b (c)", "CREATE UNIQUE INDEX a ON b (c)"])
def test_table_and_index_are_made_elsewhere(sql: str) -> None:
    assert CREATES.match(sql)
