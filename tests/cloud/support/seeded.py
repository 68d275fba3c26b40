"""Sunny Court made once for the keys that tests share, and copied: to make it takes longer than most tests."""

import sqlite3

from cloud.keys.keys import KeyFolder
from cloud.sample import seed_sample
from cloud.store.database import Store

_MADE: dict[tuple[bytes, int], sqlite3.Connection] = {}


def seed_quickly(store: Store, keys: KeyFolder, now_ms: int) -> None:
    """As ``seed_sample``, in an empty database."""
    made = _MADE.get((keys.digest, now_ms))
    with store.engine.connect() as connection:
        database = connection.connection.driver_connection
        assert isinstance(database, sqlite3.Connection)
        if made is not None:
            made.backup(database)
            return
    with store.writing() as writing:
        seed_sample(writing, keys, now_ms)
    made = sqlite3.connect(":memory:", check_same_thread=False)
    with store.engine.connect() as connection:
        database = connection.connection.driver_connection
        assert isinstance(database, sqlite3.Connection)
        database.backup(made)
    _MADE[keys.digest, now_ms] = made
