"""What everybody may see of a hub: which socket is free, and when another one likely is. Never who, never a session.

Nobody logs in for it, so anybody may ask as often as they like: the database is looked at once in a while for all of
them, and a page is made once of every look.
"""

import hashlib
from collections.abc import Callable
from threading import Lock

from msgspec import Struct
from msgspec.structs import replace

from cloud.charging.rule import Condition
from cloud.charging.store import Hub, Socket, list_hubs
from cloud.commands.store import list_points
from cloud.store.database import Store
from cloud.store.labels import Label

LOOK_AGAIN_MS = 2_000
CACHED_FOR_S = 5
"""How long a browser, or whatever stands between, may show the same page."""
UNUSABLE = frozenset({Condition.FAULT, Condition.CLOSED, Condition.EMERGENCY})
TAKEN = frozenset({Condition.CHARGING, Condition.FINISHED})


class SocketAnswer(Struct, frozen=True, rename={"class_name": "class"}):
    """A socket or post. ``likely_free_ms`` is when one that charges is likely free, null where nobody knows."""

    name: str
    label: Label
    class_name: str
    state: Condition
    heard_ms: int | None
    likely_free_ms: int | None


class HubAnswer(Struct, frozen=True):
    """What everybody may see of a hub. ``heard_ms`` is the last contact with the device that has been silent longest;
    ``unheard`` counts sockets whose state nobody knows now. Free ones come first in every class."""

    name: str
    label: Label
    as_of_ms: int
    heard_ms: int | None
    free: int
    busy: int
    fault: int
    unheard: int
    sockets: list[SocketAnswer]


class Made(Struct, frozen=True):
    """A page as it is sent, and the tag by which a browser knows it again."""

    body: bytes
    etag: str


class Look(Struct, frozen=True):
    """The hubs at one moment, and what was made of it; ``made`` has no more entries than hubs times dialects."""

    now_ms: int
    hubs: dict[str, Hub]
    made: dict[tuple[str, str], Made]


class HubBoard:
    """Any thread may ask."""

    def __init__(self, store: Store, clock: Callable[[], int]) -> None:
        """``clock`` gives UTC milliseconds."""
        self._store, self._clock = store, clock
        self._looking = Lock()
        self._look: Look | None = None

    def page(self, hub: str, dialect: str, make: Callable[[Hub, int], bytes]) -> Made | None:
        """What ``make`` makes of a hub and the present; None if there is none of this name."""
        with self._looking:
            look = self._fresh()
            found = look.hubs.get(hub)
            if found is None:
                return None
            if (hub, dialect) not in look.made:
                body = make(found, look.now_ms)
                look.made[hub, dialect] = Made(body, f'"{hashlib.sha256(body).hexdigest()[:16]}"')
            return look.made[hub, dialect]

    def find(self, hub: str) -> Hub | None:
        with self._looking:
            return self._fresh().hubs.get(hub)

    def _fresh(self) -> Look:
        now_ms = self._clock()
        if self._look is None or not 0 <= now_ms - self._look.now_ms < LOOK_AGAIN_MS:
            with self._store.reading() as connection:
                points = list_points(connection, now_ms)
                hubs = {hub.name: hub for hub in list_hubs(connection, points, now_ms)}
            self._look = Look(now_ms, hubs, {})
        return self._look


def by_class(hub: Hub) -> dict[str, Hub]:
    """The hub class by class: first the sockets that are free, and behind them those that will be soonest."""
    return {name: replace(hub, sockets=tuple(sorted(sockets, key=_soonest))) for name, sockets in hub.by_class.items()}


def _soonest(socket: Socket) -> tuple[int, int]:
    free_ms = socket.likely_free_ms
    return list(Condition).index(socket.condition), (1 << 62) if free_ms is None else free_ms


def hub_answer(hub: Hub, now_ms: int) -> HubAnswer:
    counts = hub.counts
    return HubAnswer(
        name=hub.name,
        label=hub.label,
        as_of_ms=now_ms,
        heard_ms=hub.heard_ms,
        free=counts[Condition.FREE],
        busy=sum(counts[one] for one in TAKEN),
        fault=sum(counts[one] for one in UNUSABLE),
        unheard=counts[Condition.OFFLINE],
        sockets=[_socket_answer(socket) for bay in by_class(hub).values() for socket in bay.sockets],
    )


def _socket_answer(socket: Socket) -> SocketAnswer:
    point = socket.point
    return SocketAnswer(
        point.name, point.label, point.class_name, socket.condition, point.heard_ms, socket.likely_free_ms
    )
