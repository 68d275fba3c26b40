"""Bars as they are stored: listed for console and API, and read for the rosters. It takes the tables of people by
itself, for the rosters stand above it."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, structs
from sqlalchemy import ColumnElement, Connection, insert, select, update

from cloud.bars.rule import Bar, BarGround
from cloud.bars.tables import bars
from cloud.store.chunks import among, chunks
from cloud.store.labels import Label
from cloud.store.schema import people

_COLUMNS = [bars.c["person_id" if name == "person" else name] for name in Bar.__struct_fields__]


class BarView(Struct, frozen=True):
    """A bar as console and API list it, with the person's name; None for a telephone or a plate."""

    bar: Bar
    name: Label | None


def list_bars(connection: Connection, site: str, after: int = 0, limit: int = 50) -> list[BarView]:
    """The newest first; ``after`` is the last one of the page before."""
    newest = bars.c.id < after if after else bars.c.id > 0
    return _views(connection, site, newest, limit)


def bars_of_person(connection: Connection, site: str, person: int) -> list[BarView]:
    """Every bar that somebody has or had, for whoever looks at them. The newest comes first."""
    return _views(connection, site, bars.c.person_id == person, 50)


def bars_of_mark(connection: Connection, site: str, *, phone: bytes | None = None, plate: str = "") -> list[BarView]:
    """Every bar of a telephone (by its hash) or of a plate. The newest comes first."""
    return _views(connection, site, bars.c.phone == phone if phone else bars.c.plate == plate, 50)


def find_bar(connection: Connection, site: str, bar: int) -> Bar | None:
    found = connection.execute(select(*_COLUMNS).where(bars.c.site == site, bars.c.id == bar)).first()
    return None if found is None else _bar(found)


def add_bar(connection: Connection, site: str, bar: Bar) -> int:
    """The new bar's id; its own ``id`` is not looked at."""
    values = structs.asdict(bar)
    del values["id"]
    made = insert(bars).values(site=site, person_id=values.pop("person"), **values).returning(bars.c.id)
    return int(connection.execute(made).scalar_one())


def change_bar(connection: Connection, site: str, bar: int, **values: object) -> None:
    connection.execute(update(bars).where(bars.c.site == site, bars.c.id == bar).values(values))


def bar_spans(connection: Connection, site: str, ids: Sequence[int] | None) -> dict[int, list[tuple[int, int]]]:
    """When these people, or any, are barred, by person: half-open spans of bars that were confirmed and not lifted.
    Their ends are when time alone changes somebody's rows."""
    found: dict[int, list[tuple[int, int]]] = {}
    counts = bars.c.confirmed_ms.is_not(None) & bars.c.lifted_ms.is_(None) & bars.c.person_id.is_not(None)
    query = select(bars.c.person_id, bars.c.from_ms, bars.c.until_ms).where(bars.c.site == site, counts)
    queries = [query] if ids is None else [query.where(among(bars.c.person_id, some)) for some in chunks(ids)]
    for one in queries:
        for row in connection.execute(one.order_by(bars.c.id)):
            found.setdefault(row.person_id, []).append((row.from_ms, row.until_ms))
    return found


def _views(connection: Connection, site: str, which: ColumnElement[bool], limit: int) -> list[BarView]:
    query = (
        select(*_COLUMNS, people.c.name_zh, people.c.name_en)
        .outerjoin(people, people.c.id == bars.c.person_id)
        .where(bars.c.site == site, which)
        .order_by(bars.c.id.desc())
        .limit(limit)
    )
    return [
        BarView(_bar(row), None if row.name_zh is None else Label(row.name_zh, row.name_en))
        for row in connection.execute(query)
    ]


def _bar(row: Any) -> Bar:
    values = row[: len(_COLUMNS)]
    bar = Bar(*values)
    return structs.replace(bar, ground=BarGround(bar.ground))
