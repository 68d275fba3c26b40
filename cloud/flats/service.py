"""The use cases of flats: each is added, corrected and removed with its row in the audit."""

from msgspec import structs
from sqlalchemy import select

from cloud.flats.residents import people_of_flat, points_for
from cloud.flats.rule import MAX_AREA_M2, MAX_FLOOR, Flat, entrance
from cloud.flats.store import add_flat, change_flat, end_households, end_permits, find_flat, remove_flat
from cloud.store.database import Clock, Store
from cloud.store.schema import sites
from cloud.web.names import clean_text
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_

MAX_NAME, MAX_PART = 40, 10
"""Characters of a flat's name, and of its building, unit and number."""

NO_NAME = N_("A flat needs a name, or a building and a number that make one. Nothing was changed.")
TAKEN = N_("There is a flat of this name already. Nothing was changed.")
NO_FLAT = N_("There is no such flat. Nothing was changed.")
LIVED_IN = N_("Its residents are %(names)s: move them out first, or mark it vacant. Nothing was changed.")
HAS_POINTS = N_("It is the place of %(points)s: give each another place first. Nothing was changed.")
NO_FLOOR = N_("A floor is a number from -%(most)s to %(most)s. Nothing was changed.")
NO_AREA = N_("An area is a number of square metres, at most %(most)s. Nothing was changed.")


class FlatService:
    """The service that changes flats. Any thread may use it; ``by`` is the operator's name. What is rejected leaves no
    trace."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def add(self, by: str, flat: Flat) -> str:
        """Its name: that of building, unit and number where none is given. Raises ``Rejected``, or ``ValueError`` for
        what is no name."""
        flat = checked_flat(flat)
        with self._store.writing() as connection:
            site = connection.execute(select(sites.c.name)).scalar_one()
            if find_flat(connection, site, flat.name) is not None:
                raise Rejected(TAKEN, "name", 409)
            add_flat(connection, site, flat)
            record(connection, self._clock(), by, "flat.added", f"flat {flat.name}")
        return flat.name

    def change(self, by: str, flat: Flat) -> str:
        """Put it in the place of the flat of its name, which it returns. Raises as ``add``."""
        flat = checked_flat(flat)
        with self._store.writing() as connection:
            site = connection.execute(select(sites.c.name)).scalar_one()
            before = find_flat(connection, site, flat.name)
            if before is None:
                raise Rejected(NO_FLAT, "name", 404)
            flat = structs.replace(flat, name=before.name)
            if flat != before:
                change_flat(connection, site, flat)
                record(
                    connection, self._clock(), by, "flat.changed", f"flat {flat.name}", **flat_differences(before, flat)
                )
        return flat.name

    def remove(self, by: str, name: str) -> None:
        """Take a flat away that nobody lives in and that no point is for. A household that lived there ends, and keeps
        its history. Raises ``Rejected``."""
        now_ms = self._clock()
        with self._store.writing() as connection:
            site = connection.execute(select(sites.c.name)).scalar_one()
            flat = find_flat(connection, site, name)
            if flat is None:
                raise Rejected(NO_FLAT, "name", 404)
            if names := people_of_flat(connection, site, flat.name, now_ms):
                raise Rejected(LIVED_IN, "name", 409, names=names)
            if found := points_for(connection, flat.name):
                raise Rejected(HAS_POINTS, "name", 409, points=found)
            end_households(connection, site, flat.name, now_ms)
            end_permits(connection, site, flat.name, now_ms, by)
            remove_flat(connection, site, flat.name)
            record(connection, now_ms, by, "flat.removed", f"flat {flat.name}")


def checked_flat(flat: Flat) -> Flat:
    """With its texts in their one form."""
    building, unit, number = (clean_text(text, MAX_PART) for text in (flat.building, flat.unit, flat.flat))
    of_parts = "-".join(part for part in (entrance(building, unit), number) if part) if building and number else ""
    name = clean_text(flat.name, MAX_NAME) or of_parts
    if not name:
        raise Rejected(NO_NAME, "name")
    if flat.floor is not None and abs(flat.floor) > MAX_FLOOR:
        raise Rejected(NO_FLOOR, "floor", most=MAX_FLOOR)
    if flat.area_m2 is not None and not 0 < flat.area_m2 <= MAX_AREA_M2:
        raise Rejected(NO_AREA, "area_m2", most=MAX_AREA_M2)
    return structs.replace(flat, name=name, building=building, unit=unit, flat=number)


def flat_differences(before: Flat, after: Flat) -> dict[str, str]:
    """What is another than before, for the audit."""
    told = {name: (getattr(before, name), getattr(after, name)) for name in Flat.__struct_fields__}
    return {name: str(new) for name, (old, new) in told.items() if old != new}
