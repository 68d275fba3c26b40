"""A counted gym at Sunny Court: its devices pass people, and the news that the cloud tells them is opened here."""

from functools import partial

from sqlalchemy import select, update

from cloud.counters.news import ZoneNewsPublisher
from cloud.counters.rooms import Room
from cloud.counters.rule import ZoneTally
from cloud.counters.service import CounterService
from cloud.counters.store import NEWS_FROM, load_rooms, load_state
from cloud.store.schema import devices, points, zones
from cloud.web.tables import audit
from contract import codec, topics
from contract.sealing import Purpose, mac_is_good, seal, unseal
from contract.zone_news import RoomTaken, ZoneNews
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import Town

GYM, EAST, WEST = "gym", "gym-turnstile", "west-gate"
ANNA, BEN, CARL = (bytes([number]) * 8 for number in (1, 2, 3))


class CountedGym:
    """A gym with two ways in. What was told is kept retained, as the broker does."""

    def __init__(self, town: Town, *, limit: int | None = 8, capacity: int | None = 6, closes: str = "") -> None:
        self.town = town
        self.counters = CounterService(town.store, town.clock)
        self.publisher = ZoneNewsPublisher(
            town.store, site=SITE, sync=town.keys.make_sync, publish=self._publish, clock=town.clock
        )
        self.told: list[tuple[str, ZoneNews]] = []
        with town.store.writing() as connection:
            values = {"kind": "counted", "capacity": capacity, "fire_limit": limit, "closes": closes}
            connection.execute(update(zones).where(zones.c.name == GYM).values(values))
            connection.execute(update(points).where(points.c.name == WEST).values(zone=GYM))
            connection.execute(update(points).where(points.c.name == EAST).values(kind="turnstile"))
            connection.execute(update(points).where(points.c.name == WEST).values(kind="door"))
        for name in (EAST, WEST):
            self.reads(name, NEWS_FROM)
        self.counters.look()
        self.counters.empty("steward", GYM)

    def passes(self, holder: bytes, way: str = "in", at: str = EAST, *, at_ms: int | None = None) -> None:
        self.town.happens("access.passed", device=at, holder=holder.hex(), direction=way, at_ms=at_ms)

    def state(self) -> ZoneTally:
        with self.town.store.reading() as connection:
            return load_state(connection, SITE, GYM)

    def inside(self) -> tuple[int, int, int]:
        """How many, and both doubts."""
        count = self.state().count
        return count.inside, count.count_doubt, count.names_doubt

    def rooms(self) -> dict[str, Room]:
        with self.town.store.reading() as connection:
            return load_rooms(connection, SITE, GYM)

    def news(self) -> dict[str, ZoneNews]:
        """What devices are told now, where they are told anything."""
        self.told.clear()
        self.publisher.look()
        return dict(self.told)

    def agrees(self, device: str, division: int, *, wants: bool = False) -> None:
        taken = codec.write(RoomTaken(zone=GYM, division=division, wants=wants))
        sealed = seal(self.town.senders[device].key.sign, Purpose.ROOM, SITE, device, taken)
        self.town.arrives(device, "room", sealed)

    def audited(self) -> list[tuple[str, str]]:
        """By whom which action on a zone was done, the oldest first."""
        with self.town.store.reading() as connection:
            rows = connection.execute(select(audit.c.operator, audit.c.action).order_by(audit.c.id))
            return [(row.operator, row.action) for row in rows if row.action.startswith("zone.")]

    def reads(self, device: str, version: int) -> None:
        """The device's software reads site pages of this version."""
        with self.town.store.writing() as connection:
            connection.execute(update(devices).where(devices.c.name == device).values(page_version=version))

    def connects(self, device: str, number: int) -> None:
        """The device makes its connection of this number."""
        with self.town.store.writing() as connection:
            connection.execute(update(devices).where(devices.c.name == device).values(connection=number))

    def lose(self, device: str) -> None:
        with self.town.store.writing() as connection:
            connection.execute(update(devices).where(devices.c.name == device).values(lost_ms=self.town.now_ms))

    def _publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        parsed = topics.parse(topic)
        assert parsed
        assert (parsed.channel, retain) == ("zone", True)
        accepts = partial(mac_is_good, self.town.keys.make_sync(parsed.device))
        body = unseal(accepts, Purpose.ZONE, SITE, parsed.device, payload)
        self.told.append((parsed.device, codec.read(body, ZoneNews)))
