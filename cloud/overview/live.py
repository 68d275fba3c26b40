"""The first page: what is so now, what has just happened, and the stream that keeps both fresh."""

from collections.abc import Callable, Sequence, Set
from datetime import datetime
from threading import Lock
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from msgspec import Struct
from sqlalchemy import Connection

from cloud.charging.live import charging_items, look_at_charging
from cloud.devices.breaks import BreakView, count_lost, list_breaks
from cloud.devices.presence import Presence
from cloud.devices.quarantine import twins
from cloud.devices.views import (
    DeviceView,
    EventFilter,
    EventView,
    arrival_before,
    count_quarantined,
    count_refused,
    last_arrival,
    list_arrivals,
    list_devices,
    list_events,
    newest_roster_number,
)
from cloud.emergencies.store import ZoneState, list_zone_states
from cloud.overview.banner import site_banner
from cloud.overview.bodies import device_json, event_json
from cloud.overview.lists import ROWS, device_shape
from cloud.people.rosters import Spread, spread
from cloud.points.pages import drifts, heard, look_at_doors
from cloud.store.database import Clock, Store
from cloud.web.context import N_, Context, Reading
from cloud.web.domain import Nav
from cloud.web.feed import MAX_FRAME_EVENTS, Item, Span
from cloud.web.pages import Pages
from cloud.web.streams import JSON, After, LastEventId, stream

LINES_SHOWN = 40
BREAKS_SHOWN_MS = 7 * 86_400_000
"""How long the first page speaks of rows that are lost or exist twice. The device's own page never forgets them."""
TWINS_SHOWN_MS = 86_400_000


class RefusedToday:
    """Counts refusals since midnight, and every event only once. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._since_ms = -1
        self._upto = 0
        self._count = 0

    def count(self, connection: Connection, midnight_ms: int) -> int:
        with self._lock:
            if midnight_ms != self._since_ms:
                self._since_ms, self._count = midnight_ms, 0
                self._upto = arrival_before(connection, midnight_ms)
            newest = last_arrival(connection)
            self._count += count_refused(connection, self._upto, newest, midnight_ms)
            self._upto = max(self._upto, newest)
            return self._count


class Overview(Struct, frozen=True):
    """The state of the site at one moment."""

    devices: list[DeviceView]
    spread: Spread
    refused_today: int
    quarantined: int
    now_ms: int
    breaks: list[BreakView] = []
    twins: Set[str] = frozenset()
    emergencies: list[ZoneState] = []
    undeliverable: str = ""
    """Why the newest changes are in no roster; empty while they are."""

    @property
    def newest_roster(self) -> int:
        return self.spread.newest.number if self.spread.newest else 0

    @property
    def unheard(self) -> int:
        return sum(device.presence(self.now_ms) in (Presence.OFFLINE, Presence.NEVER) for device in self.devices)

    @property
    def waiting(self) -> int:
        return sum(device.waiting or 0 for device in self.devices)


class PageSource:
    """What the feed reads: the database, and the templates that turn its rows into lines and cards."""

    def __init__(self, store: Store, pages: Pages, clock: Clock, undeliverable: Callable[[], str]) -> None:
        """``undeliverable`` says why the newest changes are in no roster, or nothing."""
        self._store = store
        self._pages = pages
        self._clock = clock
        self._undeliverable = undeliverable
        self._refused = RefusedToday()

    def span(self, after: int) -> Span:
        with self._store.reading() as connection:
            rows = list_arrivals(connection, after, MAX_FRAME_EVENTS)
        if len(rows) == MAX_FRAME_EVENTS:
            after = max(after, rows[0].arrival - 1)
        return Span(after, rows[-1].arrival if rows else after, rows)

    def encode(self, dialect: str, rows: Sequence[Any]) -> list[Item]:
        *page, code = dialect.split(" ")
        match page:
            case ["charging" | "doors"]:
                return []
            case ["device", name]:
                rows = [row for row in rows if row.device == name]
        return [Item("event", self._line(code, row), arrival=row.arrival) for row in rows]

    def _line(self, dialect: str, row: EventView) -> str:
        if dialect == JSON:
            return msgspec.json.encode(event_json(row)).decode()
        return self._pages.fragment(dialect, "_line.html", event=row, now_ms=self._clock())

    def status(self, dialect: str) -> list[Item]:
        *page, code = dialect.split(" ")
        match page:
            case ["charging"]:
                return [*self._charging(code), self._banner(code)]
            case ["doors"]:
                return [*self._doors(code), self._banner(code, sirens_below=True)]
            case ["device", name]:
                return [*self._device_page(code, name), self._banner(code)]
        seen = self.overview()
        if dialect == JSON:
            devices = [(one.name, device_json(one, seen.now_ms)) for one in seen.devices]
            return [Item("device", msgspec.json.encode(one).decode(), key=name) for name, one in devices]
        cards = [Item("device", self._device(dialect, one, seen), key=one.name) for one in seen.devices]
        return [
            Item("tiles", self._pages.fragment(dialect, "_tiles.html", seen=seen), key="tiles"),
            *cards,
            self._banner(dialect, sirens_below=True),
        ]

    def _banner(self, code: str, *, sirens_below: bool = False) -> Item:
        with self._store.reading() as connection:
            banner = site_banner(connection, self._clock())
        context = {"banner": banner, "sirens_below": sirens_below, "now_ms": self._clock()}
        return Item("banner", self._pages.fragment(code, "_banner.html", **context), key="banner")

    def _device(self, dialect: str, device: DeviceView, seen: Overview) -> str:
        return self._pages.fragment(dialect, "_device.html", device=device, seen=seen, now_ms=seen.now_ms)

    def _doors(self, code: str) -> list[Item]:
        """What is so at every door. Its forms are the page's own: they bear the login's token."""
        with self._store.reading() as connection:
            seen = look_at_doors(connection, self._clock())
        context: dict[str, Any] = {"heard": heard, "now_ms": seen.now_ms}
        doors = [
            Item("piece", self._pages.fragment(code, "_door.html", point=point, **context), key=point.name)
            for point in seen.points
        ]
        orders = [
            Item(
                "piece",
                self._pages.fragment(
                    code, "_mode_order.html", one=one, labels=seen.labels, unheard=seen.unheard, now_ms=seen.now_ms
                ),
                key=f"order {one.id}",
            )
            for one in seen.standing
        ]
        lacking = self._pages.fragment(code, "_drifts.html", drifts=drifts(seen.points), **context)
        return [*doors, *orders, Item("piece", lacking, key="drifts"), self._shape(code, seen.shape)]

    def _device_page(self, code: str, name: str) -> list[Item]:
        with self._store.reading() as connection:
            device = next(iter(list_devices(connection, name)), None)
            broken, lost = len(list_breaks(connection, device=name, limit=ROWS)), count_lost(connection, name)
            newest = newest_roster_number(connection)
        if device is None:
            return []
        context: dict[str, Any] = {"device": device, "newest_roster": newest, "now_ms": self._clock()}
        pieces = [
            Item("piece", self._pages.fragment(code, template, **context), key=template)
            for template in ("_device_title.html", "_device_facts.html")
        ]
        return [*pieces, self._shape(code, device_shape(device, broken, lost))]

    def _shape(self, code: str, shape: str) -> Item:
        return Item("piece", self._pages.fragment(code, "_shape.html", shape=shape), key="shape")

    def _charging(self, code: str) -> list[Item]:
        with self._store.reading() as connection:
            seen = look_at_charging(connection, self._clock())
        return charging_items(self._pages, code, seen)

    def overview(self) -> Overview:
        now_ms = self._clock()
        with self._store.reading() as connection:
            devices = list_devices(connection)
            return Overview(
                devices=devices,
                spread=spread(connection, devices),
                refused_today=self._refused.count(connection, midnight(self._pages, now_ms)),
                quarantined=count_quarantined(connection),
                now_ms=now_ms,
                breaks=list_breaks(connection, since_ms=now_ms - BREAKS_SHOWN_MS),
                twins=twins(connection, now_ms - TWINS_SHOWN_MS),
                emergencies=list_zone_states(connection, now_ms),
                undeliverable=self._undeliverable(),
            )


def midnight(pages: Pages, now_ms: int) -> int:
    """The beginning of the site's day."""
    local: datetime = pages.languages["en"].local(now_ms)
    return int(local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)


router = APIRouter()
NAV = (Nav(10, "/", N_("Overview")),)


@router.get("/")
def first_page(request: Request, login: Reading, context: Context) -> HTMLResponse:
    pages: Pages = request.app.state.pages
    source: PageSource = request.app.state.source
    seen = source.overview()
    with context.store.reading() as connection:
        events = list_events(connection, EventFilter(), limit=LINES_SHOWN)
    return pages.page(
        request, "overview.html", login, seen=seen, events=events.rows, now_ms=seen.now_ms, sirens_below=True
    )


@router.get("/live")
async def live(
    request: Request, login: Reading, context: Context, after: After = None, last_event_id: LastEventId = ""
) -> Response:
    """The first page's stream, in the page's language."""
    pages: Pages = request.app.state.pages
    return stream(request, context, pages.language(request).code, last_event_id, after)
