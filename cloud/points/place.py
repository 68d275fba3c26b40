"""Where the points of a device stand and what their use is rationed as: the use case of console and API."""

import re

from msgspec import Struct
from sqlalchemy import select

from cloud.devices.views import list_devices
from cloud.points.store import add_point, set_point
from cloud.points.zone_store import zone_labels
from cloud.store.database import Clock, Store
from cloud.store.schema import points
from cloud.web import operators
from cloud.web.context import N_
from cloud.web.names import clean_text
from cloud.web.rejected import Rejected
from contract.topics import NAME

NO_DEVICE = N_("There is no such device. Nothing was changed.")
NO_ZONE = N_("There is no such zone. Nothing was changed.")
NO_NAME = N_(
    "A point has the name that its device's wiring gives it: lower-case letters, digits and hyphens. "
    "Nothing was changed."
)
ELSEWHERE = N_("Another device has a point of this name. Nothing was changed.")

MAX_LABEL = 60


class Placement(Struct, frozen=True):
    """Where a point stands, and the class by which plans ration its use; without one it is a door. An empty label
    leaves the one it has."""

    zone: str
    class_name: str = ""
    label_zh: str = ""
    label_en: str = ""


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
        with self._store.writing() as connection:
            if not list_devices(connection, device):
                raise Rejected(NO_DEVICE, "device", 404)
            if place.zone not in zone_labels(connection):
                raise Rejected(NO_ZONE, "zone")
            stands = connection.execute(select(points).where(points.c.name == point)).one_or_none()
            if stands is None:
                labels = label_zh or point, label_en or point
                add_point(connection, point, device, place.zone, *labels, place.class_name)
            elif stands.device == device:
                labels = label_zh or stands.label_zh, label_en or stands.label_en
                set_point(connection, point, place.zone, place.class_name, labels)
            else:
                raise Rejected(ELSEWHERE, "point", 409)
            detail = {"zone": place.zone, "class": place.class_name}
            operators.record(connection, self._clock(), by, "point.changed", point, **detail)
