"""Where the points of a device stand and what their use is rationed as: the use case of console and API."""

import re

from msgspec import Struct, structs
from sqlalchemy import select

from cloud.devices.registry import site_of
from cloud.devices.views import list_devices
from cloud.flats.rule import MAX_FLOOR, place_of_point
from cloud.flats.store import find_flat
from cloud.points.store import add_point, set_places, set_point
from cloud.points.zone_store import zone_labels
from cloud.store.database import Clock, Store
from cloud.store.schema import points
from cloud.web import operators
from cloud.web.names import clean_text
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_
from contract.topics import NAME

NO_DEVICE = N_("There is no such device. Nothing was changed.")
NO_ZONE = N_("There is no such zone. Nothing was changed.")
NO_NAME = N_(
    "A point has the name that its device's wiring gives it: lower-case letters, digits and hyphens. "
    "Nothing was changed."
)
ELSEWHERE = N_("Another device has a point of this name. Nothing was changed.")

NO_FLAT = N_("There is no such flat. Nothing was changed.")
NO_FLOOR = N_("A floor is a number, of a building and unit that is named beside it. Nothing was changed.")

MAX_LABEL, MAX_UNIT = 60, 40


class Placement(Struct, frozen=True):
    """Where a point stands, and the class by which plans ration its use; without one it is a door. An empty label
    leaves the one it has. ``unit`` is the building and unit that it leads into, with a ``floor`` if it is a lift's
    button for that; ``flat`` the only flat that it belongs to."""

    zone: str
    class_name: str = ""
    label_zh: str = ""
    label_en: str = ""
    unit: str = ""
    floor: int | None = None
    flat: str = ""


class PointService:
    """The service that corrects where points stand and what their use is rationed as. Any thread may use it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def place(self, by: str, device: str, point: str, place: Placement) -> None:
        """Correct a point, or write down one that the cloud does not know yet. Raises ``Rejected``, or ``ValueError``
        for what is no class or label."""
        if not re.fullmatch(NAME, point):
            raise Rejected(NO_NAME, "point")
        if not re.fullmatch(rf"({NAME})?", place.class_name):
            raise ValueError(f"{place.class_name!r} is no class")
        label_zh, label_en = clean_text(place.label_zh, MAX_LABEL), clean_text(place.label_en, MAX_LABEL)
        unit, flat = clean_text(place.unit, MAX_UNIT), clean_text(place.flat, MAX_UNIT)
        if place.floor is not None and not (unit and -MAX_FLOOR <= place.floor <= MAX_FLOOR):
            raise Rejected(NO_FLOOR, "floor")
        with self._store.writing() as connection:
            site = site_of(connection).name
            if not list_devices(connection, device):
                raise Rejected(NO_DEVICE, "device", 404)
            its_flat = find_flat(connection, site, flat) if flat else None
            if flat and its_flat is None:
                raise Rejected(NO_FLAT, "flat")
            if place.zone not in zone_labels(connection):
                raise Rejected(NO_ZONE, "zone")
            stands = connection.execute(select(points).where(points.c.name == point)).one_or_none()
            if stands is None:
                labels = label_zh or label_en or point, label_en or label_zh or point
                add_point(connection, point, device, place.zone, *labels, place.class_name)
            elif stands.device == device:
                labels = label_zh or stands.label_zh, label_en or stands.label_en
                set_point(connection, point, place.zone, place.class_name, labels)
            else:
                raise Rejected(ELSEWHERE, "point", 409)
            serves = place_of_point(unit, place.floor, its_flat.name if its_flat else "")
            set_places(connection, site, {point: serves})
            detail = {"zone": place.zone, "class": place.class_name}
            if serves is not None:
                detail |= {key: str(part) for key, part in structs.asdict(serves).items() if part not in ("", None)}
            operators.record(connection, self._clock(), by, "point.changed", point, **detail)
