"""The counters of a device: fed by what its points record and by the cloud's news, and kept over restarts.

News is believed by its seal and its number, and by nothing that the broker does: an older one changes nothing, and one
that was kept from yesterday is no news. What the cloud wants back of a promise is given back only when it is written
down that it is.
"""

from asyncio import Future, TimerHandle
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol

from contract import codec
from contract.codec import Malformed
from contract.decide import Trust
from contract.device_events import EmergencyEvents
from contract.events import holder_in
from contract.kinds import moved_by
from contract.occupancy import FRESH_MS, UNSEEN, Moved, Whereabouts, ZoneCount
from contract.sealing import Purpose, SyncKey, mac_is_good
from contract.zone_news import RoomTaken, SeenRow, ZoneNews, unpack_names
from edge.config.tables import Point
from edge.counting.counter import OwnPassage, ZoneCounter
from edge.counting.pages import PREFIX, ZonePage, events_behind, read_page
from edge.journal.journal import Journal, JournalError
from edge.journal.recorder import Recorder
from edge.link.sealed_channel import SealedChannel
from edge.memory.memory import MemoryUnusable
from edge.memory.runtime import Runtime

STORE_EVERY_S = 30.0
"""How often a zone is written down that nobody waits for: so much of the journal is read again after a power cut."""
SEEK_EVERY_S = 1.0
"""How often a place of another device is asked for, however many stand here."""
NOT_PASSED = "access.not_entered"
EMERGENCIES = (EmergencyEvents.began.kind, EmergencyEvents.standing.kind)
NOTHING_SEEN = -(1 << 63)


class CountedPoints(Protocol):
    """The roster in use, as far as it says which points lead into zones that count."""

    def counted(self, point: str) -> tuple[str, Any] | None:
        """The zone that counts and that a point leads into, by name, and its rule."""


class Counting:
    """The counters of one device's zones. ``refused`` counts the news that was not believed, by reason."""

    def __init__(
        self, runtime: Runtime, channel: SealedChannel, recorder: Recorder, journal: Journal, roster: CountedPoints
    ) -> None:
        self.refused: Counter[str] = Counter()
        self._runtime, self._channel, self._recorder, self._roster = runtime, channel, recorder, roster
        self._clock = runtime.clock
        self._journal = journal
        self._accepts: Callable[[bytes, bytes], bool] = lambda _stated, _seal: False
        self._points: Mapping[str, Point] = {}
        self._counters: dict[str, ZoneCounter] = {}
        self._stored: dict[str, int] = {}
        """The division that is written down, by zone."""
        self._unjudged: dict[str, bytes] = {}
        """News of which nobody can say how old it is, while the clock is unset."""
        self._sought_s: dict[str, float] = {}
        self._dirty: set[str] = set()
        self._storing: TimerHandle | None = None

    def start(self, points: Iterable[Point]) -> None:
        """Go on from what was written down, and from what the journal has behind that."""
        self._points = {point.name: point for point in points}
        pages = {zone: read_page(self._runtime.memory.document(PREFIX + zone)) for zone in self._zones()}
        behind = self._recorder.acked
        for zone, page in pages.items():
            if page is not None:
                self._restore(zone, page)
                behind = min(behind, page.upto) if page.journal == self._recorder.journal_id else 0
        since = {zone: page.upto for zone, page in pages.items() if page and page.journal == self._recorder.journal_id}
        try:
            for row, event in events_behind(self._journal, behind, self._recorder.last_seq):
                if row > since.get(self._zone_in(event.point, event.data) or "", 0):
                    self._note(event.point, event.kind, event.data, row, self._at_ms(event.at_ms, event.clock))
        except JournalError:
            return

    def believe(self, sync_key: SyncKey) -> None:
        """Take news that is sealed with this key."""
        self._accepts = partial(mac_is_good, sync_key)

    def recorded(self, point: str, kind: str, data: Mapping[str, Any], number: int | None) -> None:
        """A point, or the device itself, has recorded an event; of no ``number`` where the disk takes none."""
        row = self._recorder.last_seq - self._recorder.seq_of(0) if number is None else number
        self._note(point, kind, data, row, self._at_ms(self._clock.now_ms(), self._clock.trust))

    def let_in(self, zone: str, holder: bytes) -> None:
        """Somebody may pass into the zone now."""
        self._counter(zone).let_in(holder, self._clock.mono_ms())

    def count(self, zone: str, limit: int, holder: bytes) -> ZoneCount | None:
        """How many are inside as this holder asks to be let in; ``limit`` is the fire limit, 0 for none."""
        return self._counter(zone).count(limit, holder, self._clock.mono_ms(), self._now_ms())

    def seek(self, zone: str) -> None:
        """This device has no place left, and others may have some: the cloud is asked for one."""
        sought_s, now_s = self._sought_s.get(zone), self._runtime.loop.time()
        if zone in self._stored and (sought_s is None or now_s - sought_s >= SEEK_EVERY_S):
            self._sought_s[zone] = now_s
            self._agree(zone, self._stored[zone], wants=True)

    def whereabouts(self, zone: str, holder: bytes) -> Whereabouts:
        return self._counter(zone).whereabouts(holder)

    def received(self, payload: bytes, _retained: bool) -> None:
        """Take news as it came over the link; what cannot be believed changes nothing."""
        try:
            news = self._believed(payload)
        except Malformed as wrong:
            self.refused[str(wrong)] += 1
            return
        self._counter(news.zone).take(news, self._seen_number(news.seen), self._clock.mono_ms())
        is_stored = self._stored.get(news.zone) == news.division
        if news.asks and is_stored:
            self._agree(news.zone, news.division)
        elif not is_stored:
            self._store(news.zone)
        else:
            self._store_later(news.zone)

    def status(self) -> dict[str, dict[str, Any]]:
        """How many are inside each zone of this device, None before the first news, by how many that may be wrong, and
        whether it is known of this moment."""
        counted = {zone: self.count(zone, 0, b"") for zone in sorted(self._zones())}
        return {
            zone: {"inside": None, "doubt": 0, "fresh": False}
            if count is None
            else {"inside": count.inside, "doubt": count.count_doubt, "fresh": count.is_fresh}
            for zone, count in counted.items()
        }

    def clock_known(self) -> None:
        """The clock is set: now it can be said how old the news is that came before."""
        unjudged, self._unjudged = self._unjudged, {}
        for payload in unjudged.values():
            self.received(payload, True)

    def close(self) -> None:
        """Write nothing down any more."""
        if self._storing is not None:
            self._storing.cancel()
            self._storing = None

    def _zones(self) -> set[str]:
        return {zone for point in self._points if (zone := self._zone_of(point)) is not None}

    def _zone_of(self, point: str) -> str | None:
        counted = self._roster.counted(point)
        return None if counted is None else counted[0]

    def _zone_in(self, point: str, data: Mapping[str, Any]) -> str | None:
        """The counted zone that an event is about: that of its point, or of an emergency here."""
        if point:
            return self._zone_of(point)
        named = data.get("zone")
        return named if named in self._zones() else None

    def _counter(self, zone: str) -> ZoneCounter:
        return self._counters.setdefault(zone, ZoneCounter())

    def _note(self, point: str, kind: str, data: Mapping[str, Any], number: int, at_ms: int) -> None:
        zone = self._zone_in(point, data) if point in self._points or kind in EMERGENCIES else None
        if zone is None:
            return
        holder = holder_in(data.get("holder")) or b""
        moved = UNSEEN if kind in EMERGENCIES else moved_by(self._points[point].kind, kind, data)
        if moved is not None:
            self._counter(zone).passed(_passage(moved, holder, number, at_ms))
            self._store_later(zone)
        elif kind == NOT_PASSED and data.get("direction") == "in":
            self._counter(zone).did_not_pass(holder)

    def _believed(self, payload: bytes) -> ZoneNews:
        """Raises ``Malformed`` with one word for the tally."""
        try:
            news = codec.read(self._channel.unseal(self._accepts, Purpose.ZONE, payload), ZoneNews)
            unpack_names(news.names or b"")
        except Malformed as wrong:
            raise Malformed(wrong.why) from None
        except ValueError:
            raise Malformed("malformed") from None
        if news.zone not in self._zones():
            raise Malformed("not_here")
        known = self._counter(news.zone).news
        if known is not None and news.number <= known.number:
            raise Malformed("repeated" if news.number == known.number else "replayed")
        now_ms = self._now_ms()
        if now_ms is None:
            self._unjudged[news.zone] = payload
            raise Malformed("clock_unset")
        if now_ms - news.issued_ms >= FRESH_MS + (self._clock.error_ms or 0):
            raise Malformed("old")
        return news

    def _seen_number(self, seen: Mapping[str, SeenRow]) -> int:
        """Up to which number this news has counted the events of this device. Those of a journal before this one all
        are, as far as the cloud will ever have them."""
        mine = seen.get(self._channel.device)
        if mine is None:
            return NOTHING_SEEN
        first = -self._recorder.seq_of(0)
        return first + mine.seq if mine.journal == self._recorder.journal_id else first

    def _restore(self, zone: str, page: ZonePage) -> None:
        is_same = page.journal == self._recorder.journal_id
        counter = self._counter(zone)
        counter.own.extend(one if is_same else one._replace(number=0) for one in page.own)
        counter.take(page.news, NOTHING_SEEN, None)
        self._stored[zone] = page.news.division

    def _store_later(self, zone: str) -> None:
        if self._counter(zone).news is not None:
            self._dirty.add(zone)
            if self._storing is None:
                self._storing = self._runtime.loop.call_later(STORE_EVERY_S, self._store_dirty)

    def _store_dirty(self) -> None:
        self._storing = None
        for zone in sorted(self._dirty):
            self._store(zone)

    def _store(self, zone: str) -> None:
        """Write a zone down, as far as its passages are on the disk."""
        self._dirty.discard(zone)
        counter, recorder = self._counter(zone), self._recorder
        news = counter.news
        if news is None:
            return
        rows = [one._replace(number=recorder.seq_of(one.number)) for one in counter.own]
        durable = [one for one in rows if one.number <= recorder.durable]
        page = ZonePage(news, recorder.journal_id, recorder.durable, durable)
        written = self._runtime.on_disk(self._runtime.memory.store_document, PREFIX + zone, codec.pack(page))
        written.add_done_callback(partial(self._written, news))

    def _written(self, news: ZoneNews, job: "Future[Any]") -> None:
        try:
            job.result()
        except MemoryUnusable:
            self._store_later(news.zone)
            return
        self._stored[news.zone] = news.division
        if news.asks:
            self._agree(news.zone, news.division)

    def _agree(self, zone: str, division: int, *, wants: bool = False) -> None:
        if self._channel.link.up:
            self._channel.publish("room", RoomTaken(zone=zone, division=division, wants=wants))

    def _now_ms(self) -> int | None:
        return None if self._clock.trust is Trust.UNSET else self._clock.now_ms()

    def _at_ms(self, at_ms: int, trust: Trust) -> int:
        """When something happened. An unset clock runs late, so it was no earlier than the newest news."""
        if trust is not Trust.UNSET:
            return at_ms
        return max([at_ms, *(one.news.issued_ms for one in self._counters.values() if one.news is not None)])


def _passage(moved: Moved, holder: bytes, number: int, at_ms: int) -> OwnPassage:
    named = holder if moved.inside else b""
    return OwnPassage(number, at_ms, moved.inside, moved.count_doubt, moved.names_doubt, named)


class CountedRecording:
    """The recorder as the agent sees it: whatever is recorded through it is counted too."""

    def __init__(self, recorder: Recorder, counting: Counting) -> None:
        self._recorder, self._counting = recorder, counting
        self.seq_of = recorder.seq_of
        self.when_written = recorder.when_written
        self.when_durable = recorder.when_durable

    def record(self, point: str, kind: str, data: dict[str, Any]) -> int | None:
        number = self._recorder.record(point, kind, data)
        self._counting.recorded(point, kind, data, number)
        return number
