"""What a point asks for besides a grant, a PIN in some hours and an assurance: read, and changed with a row in the
audit."""

from msgspec import Struct
from sqlalchemy import Connection, select, update

from cloud.hours.store import find_hours
from cloud.points.rule import Assured
from cloud.store.database import Clock, Store
from cloud.store.labels import Label
from cloud.store.revision import Touched, touch
from cloud.store.schema import points
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_

NO_POINT = N_("There is no such point. Nothing was changed.")
NO_HOURS = N_("There are no such hours. Nothing was changed.")


class PointDemand(Struct, frozen=True):
    """In which hours a point asks for a PIN, empty for none; and what a credential must be at least to open it."""

    pin: str = ""
    assurance: Assured = Assured.NUMBER


def find_demand(connection: Connection, point: str) -> PointDemand | None:
    """None if there is no such point."""
    row = connection.execute(select(points.c.pin, points.c.assurance).where(points.c.name == point)).first()
    return None if row is None else PointDemand(row.pin, Assured(row.assurance))


def points_with_hours(connection: Connection, hours: str) -> list[Label]:
    """What the points are called that ask for a PIN in these hours."""
    asking = select(points.c.label_zh, points.c.label_en).where(points.c.pin == hours).order_by(points.c.name)
    return [Label(*row) for row in connection.execute(asking)]


def touched_by(before: Assured, after: Assured) -> Touched:
    """Whom another assurance of a point concerns: while none is asked for anywhere, rows do not tell it."""
    return Touched.TERMS if before is after else Touched.EVERYBODY


class DemandService:
    """The service that changes what points ask for. Any thread may use it; ``by`` is the operator's name. What is
    rejected leaves no trace."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def demand(self, by: str, point: str, asked: PointDemand) -> None:
        """Raises ``Rejected``."""
        with self._store.writing() as connection:
            before = find_demand(connection, point)
            if before is None:
                raise Rejected(NO_POINT, "point", 404)
            if asked.pin and find_hours(connection, asked.pin) is None:
                raise Rejected(NO_HOURS, "pin", 404)
            if asked == before:
                return
            values = {"pin": asked.pin, "assurance": asked.assurance}
            connection.execute(update(points).where(points.c.name == point).values(values))
            touch(connection, touched_by(before.assurance, asked.assurance))
            detail = {"pin": asked.pin, "assurance": asked.assurance.value}
            record(connection, self._clock(), by, "point.changed", point, **detail)
