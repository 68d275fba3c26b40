"""Tells every device of a counted zone how it stands: retained by the broker, and sealed with the device's sync key.

The database is asked ten times a second whether a count has changed, so what happens within a tenth of a second is one
piece of news. Without a change it is told again before it is too old to be believed.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from threading import Event

from sqlalchemy import Connection

from cloud.counters.rooms import Room
from cloud.counters.rule import ZoneTally
from cloud.counters.store import connections_at_several, counted_zones, list_people, load_rooms, load_states
from cloud.devices.streams import newest_journals
from cloud.line.broker import Publish
from cloud.line.worker import Worker
from cloud.points.rule import SiteZone
from cloud.store.database import Clock, Store
from contract import codec, topics
from contract.sealing import Purpose, SyncKey, mac, seal
from contract.zone_news import MAX_DEVICES, Named, SeenRow, ZoneNews, pack_names

LOOK_S = 0.1
AGAIN_MS = 45_000
"""A device that misses two in a row still has fresh news."""

log = logging.getLogger(__name__)


class ZoneNewsPublisher(Worker[None]):
    """The thread that tells devices the news of their zones."""

    def __init__(
        self, store: Store, *, site: str, sync: Callable[[str], SyncKey | None], publish: Publish, clock: Clock
    ) -> None:
        """``sync`` finds a device's key."""
        super().__init__("zone_news", "the devices were not told how their zones stand", look=self.look, every_s=LOOK_S)
        self._store, self._site, self._sync, self._publish, self._clock = store, site, sync, publish, clock
        self._told: dict[str, tuple[int, int]] = {}
        """By zone: how often it had changed when it was last told, and when that was."""
        self._connections: Mapping[tuple[str, str], int] = {}
        """Of devices that stand at several zones: by zone and device the connection in which they were told."""
        self._tells_again = Event()
        self._number = 0
        self.is_used = False
        """Whether there was a zone to tell of when it last looked."""

    def connected(self) -> None:
        """The broker is back, perhaps without what it had retained."""
        self._tells_again.set()
        self.look_soon()

    def look(self) -> None:
        """Tell the devices of each zone that has changed, or was told long ago."""
        now_ms = self._clock()
        if self._tells_again.is_set():
            self._tells_again.clear()
            self._told = {}
        with self._store.reading() as connection:
            states = load_states(connection, self._site)
            self.is_used = bool(states)
            lacking = self._lacking(connection) if len(states) > 1 else frozenset[str]()
            due = {name: state for name, state in states.items() if name in lacking or self._is_due(state, now_ms)}
            if not due:
                return
            zones = counted_zones(connection)
            told = [one for name, state in due.items() if name in zones for one in self._news(connection, zones, state)]
        for device, news in told:
            self._tell(device, news)
        self._told |= {name: (state.changes, now_ms) for name, state in due.items()}

    def _lacking(self, connection: Connection) -> frozenset[str]:
        """The zones of which a device may lack the news that has just connected and stands at several: the broker keeps
        one piece of news for each device."""
        now = connections_at_several(connection, self._site)
        lacking = {zone for (zone, device), number in now.items() if self._connections.get((zone, device)) != number}
        self._connections = now
        return frozenset(lacking)

    def _is_due(self, state: ZoneTally, now_ms: int) -> bool:
        changes, told_ms = self._told.get(state.zone, (-1, 0))
        return changes != state.changes or not 0 <= now_ms - told_ms < AGAIN_MS

    def _news(
        self, connection: Connection, zones: Mapping[str, SiteZone], state: ZoneTally
    ) -> Iterator[tuple[str, ZoneNews]]:
        rooms = load_rooms(connection, self._site, state.zone)
        newest = {device: SeenRow(journal, upto) for device, journal, upto in newest_journals(connection, self._site)}
        seen = {device: newest[device] for device in list(rooms)[:MAX_DEVICES] if device in newest}
        issued_ms = self._clock()
        self._number = max(self._number + 1, issued_ms)
        names = pack_names(
            Named(one.holder, (issued_ms - one.passed_ms) // 1000)
            for one in list_people(connection, self._site, state.zone)
        )
        has_limit = zones[state.zone].fire_limit is not None
        for device, room in rooms.items():
            yield device, news_of(state, room if has_limit else None, seen, names, issued_ms, self._number)

    def _tell(self, device: str, news: ZoneNews) -> None:
        key = self._sync(device)
        if key is None:
            log.error("device %s has no sync key: it is told no news of %s", device, news.zone)
            return
        payload = seal(partial(mac, key), Purpose.ZONE, self._site, device, codec.write(news))
        self._publish(topics.down(self._site, device, "zone"), payload, retain=True)


def news_of(
    state: ZoneTally,
    room: Room | None,
    seen: Mapping[str, SeenRow],
    names: bytes | None,
    issued_ms: int,
    number: int,
) -> ZoneNews:
    """What a device is told; ``room`` is None where no fire limit bounds it."""
    return ZoneNews(
        zone=state.zone,
        number=number,
        issued_ms=issued_ms,
        seen=dict(seen),
        inside=state.count.inside,
        count_doubt=state.count.count_doubt,
        names_doubt=state.count.names_doubt,
        counted_ms=state.counted_ms,
        emptied_ms=state.emptied_ms,
        names=names,
        room=None if room is None else room.left,
        division=0 if room is None else room.division,
        asks=room is not None and room.is_asked,
    )
