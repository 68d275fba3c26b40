"""New databases without the work of their migrations, of which hundreds of tests need one each."""

from functools import cache

from sqlalchemy import Connection, inspect

from cloud.store.database import connect, migrate


def quick_migrate(connection: Connection) -> None:
    """As ``migrate``; where there are no tables yet, they are made by the statements of a migrated database."""
    if inspect(connection).get_table_names():
        migrate(connection)
        return
    for statement in _statements():
        connection.exec_driver_sql(statement)


@cache
def _statements() -> list[str]:
    store = connect("sqlite://")
    with store.writing() as connection:
        migrate(connection)
        dump = connection.connection.driver_connection.iterdump()  # type: ignore[union-attr]
        statements = [line for line in dump if line not in ("BEGIN TRANSACTION;", "COMMIT;")]
    store.close()
    return statements
