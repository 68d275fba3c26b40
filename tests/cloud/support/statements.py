"""The statements that SQLite carries out."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.pool import Pool


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """Each statement that is carried out meanwhile, on whatever connection a pool gives out."""
    seen: list[str] = []

    def begin(connection: Any, *_: object) -> None:
        connection.set_trace_callback(seen.append)

    def end(connection: Any, *_: object) -> None:
        if connection is not None:
            connection.set_trace_callback(None)

    event.listen(Pool, "checkout", begin)
    event.listen(Pool, "checkin", end)
    try:
        yield seen
    finally:
        event.remove(Pool, "checkout", begin)
        event.remove(Pool, "checkin", end)
