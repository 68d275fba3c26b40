"""Cases as they are stored."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from msgspec import Struct, structs
from sqlalchemy import ColumnElement, Connection, case, func, insert, or_, select, true, update

from cloud.cases.rule import Case, CasePlace, Grade, Team
from cloud.cases.tables import cases
from cloud.duties.store import list_cells
from cloud.store.labels import Label
from cloud.store.schema import devices, points, zones
from cloud.store.scope import zone_seen

T = TypeVar("T")

LISTED = 200
AT_ONCE = 500
"""Names in one query."""
_COLUMNS = [cases.c[name] for name in Case.__struct_fields__]
_WORST_FIRST = case({grade.value: place for place, grade in enumerate(Grade)}, value=cases.c.grade, else_=len(Grade))


class CaseView(Struct, frozen=True):
    """A case with what its place is called."""

    case: Case
    label: Label


def known_places(connection: Connection, site: str, names: Iterable[str]) -> dict[str, CasePlace]:
    """The points of these names that there are, each with its zone and the cell that answers for it."""
    asked = sorted(set(names) - {""})
    rows = [
        row
        for some in _pieces(asked)
        for row in connection.execute(select(points.c.name, points.c.zone).where(points.c.name.in_(some)))
    ]
    cell_of = {point: cell.name for cell in list_cells(connection, site) for point in cell.points} if rows else {}
    return {row.name: CasePlace(point=row.name, zone=row.zone, cell=cell_of.get(row.name, "")) for row in rows}


def open_by_key(connection: Connection, site: str, keys: Iterable[str]) -> dict[str, Case]:
    """The open cases of these keys."""
    mine = cases.c.site == site, cases.c.solved_ms.is_(None)
    found: dict[str, Case] = {}
    for some in _pieces(sorted(set(keys))):
        rows = connection.execute(select(*_COLUMNS).where(*mine, cases.c.key.in_(some)))
        found |= {row.key: read_case(row) for row in rows}
    return found


def open_of_kinds(connection: Connection, site: str, kinds: Iterable[str]) -> dict[str, Case]:
    """The open cases of these kinds, by their keys."""
    mine = cases.c.site == site, cases.c.solved_ms.is_(None), cases.c.kind.in_(list(kinds))
    return {row.key: read_case(row) for row in connection.execute(select(*_COLUMNS).where(*mine))}


def put_cases(connection: Connection, site: str, changed: Sequence[Case]) -> None:
    """Store them: those without a number are new. Those that are over come first: another of the key may be open."""
    ordered = sorted(changed, key=lambda one: (one.solved_ms is None, one.id is None))
    for one in ordered:
        if one.id is not None:
            connection.execute(update(cases).where(cases.c.id == one.id).values(_values(one)))
    added = [{"site": site, **_values(one)} for one in ordered if one.id is None]
    if added:
        connection.execute(insert(cases), added)


def find_case(connection: Connection, site: str, number: int) -> Case | None:
    row = connection.execute(select(*_COLUMNS).where(cases.c.site == site, cases.c.id == number)).first()
    return None if row is None else read_case(row)


def list_open(connection: Connection, site: str, limit: int = LISTED) -> list[CaseView]:
    """The worst first, those that nobody has accepted before the others, the newest of each first."""
    order = _WORST_FIRST, cases.c.accepted_ms.is_not(None), cases.c.id.desc()
    return _views(connection, site, cases.c.solved_ms.is_(None), order, limit)


def list_solved(connection: Connection, site: str, limit: int = LISTED) -> list[CaseView]:
    """Those that were closed last come first."""
    order = cases.c.solved_ms.desc(), cases.c.id.desc()
    return _views(connection, site, cases.c.solved_ms.is_not(None), order, limit)


def count_open(connection: Connection, site: str) -> dict[Grade, int]:
    """How many are open, by grade."""
    mine = cases.c.site == site, cases.c.solved_ms.is_(None), zone_seen(connection, cases.c.zone)
    rows = connection.execute(select(cases.c.grade, func.count()).where(*mine).group_by(cases.c.grade))
    return {Grade(grade): int(count) for grade, count in rows}


def due_cases(
    connection: Connection, site: str, rung_before: Mapping[Grade, tuple[int, int | None]], limit: int
) -> list[CaseView]:
    """Open cases that nobody has accepted and about which somebody is to be called, the worst first. By grade: nobody
    was called since a time (UTC ms), and not as often as that; None for no bound."""
    due = or_(
        *(
            (cases.c.grade == grade.value)
            & (cases.c.rung_ms.is_(None) | (cases.c.rung_ms <= rung_ms))
            & (true() if most is None else cases.c.rings < most)
            for grade, (rung_ms, most) in rung_before.items()
        )
    )
    is_open = cases.c.solved_ms.is_(None) & cases.c.accepted_ms.is_(None) & cases.c.late.is_(False)
    return _views(connection, site, is_open & due, (_WORST_FIRST, cases.c.id), limit)


def note_calls(connection: Connection, site: str, numbers: Sequence[int], now_ms: int) -> None:
    """Somebody was called about these cases."""
    called = update(cases).where(cases.c.site == site).values(rings=cases.c.rings + 1, rung_ms=now_ms)
    for some in _pieces(numbers):
        connection.execute(called.where(cases.c.id.in_(some)))


def closed_by_people(connection: Connection, site: str, keys: Iterable[str]) -> dict[str, int]:
    """When an operator closed a case of these keys the last time."""
    mine = cases.c.site == site, cases.c.solved_by != "", cases.c.key.in_(sorted(keys))
    rows = connection.execute(select(cases.c.key, func.max(cases.c.solved_ms)).where(*mine).group_by(cases.c.key))
    return {str(key): int(solved_ms) for key, solved_ms in rows}


def _pieces(names: Sequence[T]) -> list[Sequence[T]]:
    return [names[begin : begin + AT_ONCE] for begin in range(0, len(names), AT_ONCE)]


def read_case(row: Any) -> Case:
    values = {name: row._mapping[name] for name in Case.__struct_fields__}
    return Case(**{**values, "grade": Grade(row.grade), "team": Team(row.team)})


def _values(one: Case) -> Mapping[str, Any]:
    values = structs.asdict(one)
    del values["id"]
    return values


def _views(
    connection: Connection, site: str, which: ColumnElement[bool], order: Sequence[Any], limit: int
) -> list[CaseView]:
    named = [table.c[f"label_{code}"].label(f"{table.name}_{code}") for table in _PLACES for code in ("zh", "en")]
    query = (
        select(*_COLUMNS, *named)
        .outerjoin(points, points.c.name == cases.c.point)
        .outerjoin(devices, devices.c.name == cases.c.device)
        .outerjoin(zones, zones.c.name == cases.c.zone)
        .where(cases.c.site == site, which, zone_seen(connection, cases.c.zone))
    )
    rows = connection.execute(query.order_by(*order).limit(limit))
    return [CaseView(read_case(row), _label(row)) for row in rows]


_PLACES = points, devices, zones


def _label(row: Any) -> Label:
    """What the most exact place of a case is called, as far as it still has a name."""
    exact = "points" if row.point else "zones" if row.zone else "devices"
    label = Label(row._mapping[f"{exact}_zh"] or "", row._mapping[f"{exact}_en"] or "")
    return label.named(row.point or row.zone or row.device)
