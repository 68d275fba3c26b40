"""What a guard finds by what somebody at the gate says: flats by name, and permits of the day by flat or plate."""

from msgspec import Struct
from sqlalchemy import Connection

from cloud.flats.rule import Flat
from cloud.flats.store import find_flat, list_flats
from cloud.gatehouse.rule import Ring
from cloud.gatehouse.store import rings_since
from cloud.permits.store import PermitView, permits_between
from contract.credentials import normal_plate

FLATS_SHOWN, PERMITS_READ = 12, 300


class Found(Struct, frozen=True):
    """What was found. ``rings`` are the answers of flats on that day, by name."""

    flats: list[Flat] = []
    permits: list[PermitView] = []
    rings: dict[str, Ring] = {}

    @property
    def any(self) -> bool:
        return bool(self.flats or self.permits)


def look_up(connection: Connection, site: str, text: str, day: tuple[int, int]) -> Found:
    """The flat of that name with its permits of the day; else flats whose names hold the text, and the permits of that
    plate. ``day`` is in UTC milliseconds, half-open."""
    if not text:
        return Found()
    whole = find_flat(connection, site, text)
    listed = [whole] if whole else list_flats(connection, site, text=text, limit=FLATS_SHOWN)
    of_day = permits_between(connection, site, *day, PERMITS_READ)
    plate = None if whole else _plate(text)
    meant = [view for view in of_day if (whole and view.permit.flat == whole.name) or view.permit.plate == plate]
    return Found(listed, meant, rings_since(connection, site, day[0]))


def _plate(text: str) -> str | None:
    try:
        return normal_plate(text)
    except ValueError:
        return None
