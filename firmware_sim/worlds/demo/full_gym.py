"""The demo's gym counts who is inside: 200 m², comfortable for 40."""

from pathlib import Path

from msgspec.structs import replace

from cloud.counters.service import CounterService
from cloud.keys.folder import clock, open_folder
from cloud.points.rule import ZoneKind
from cloud.points.setup_store import list_site_zones
from cloud.points.zones import ZoneService
from firmware_sim.panel.world import Status

ZONE = "gym"
CAPACITY, FIRE_LIMIT = 40, 60


def is_counting(status: Status) -> bool:
    """Whether a device has had news of every zone that it counts: until then it cannot say that one has room."""
    return all(zone["inside"] is not None for zone in status["inside"].values())


def count_gym(folder: Path, by: str) -> None:
    """Have the cloud of that folder count the gym, in which nobody is yet."""
    with open_folder(folder) as (store, _):
        with store.reading() as connection:
            (gym,) = (zone for zone in list_site_zones(connection) if zone.name == ZONE)
        counted = replace(gym, kind=ZoneKind.COUNTED, capacity=CAPACITY, fire_limit=FIRE_LIMIT)
        ZoneService(store, clock).change(by, counted)
        counters = CounterService(store, clock)
        counters.look()
        counters.empty(by, ZONE)
