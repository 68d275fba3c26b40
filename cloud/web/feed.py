"""The live feed: what has just arrived, to every open page, encoded once for all who read the same dialect.

The database is the feed's memory. Ingest only says that something arrived; the feed then reads it back, so that the
stream, a page opened late and a page that returns with ``?after=`` all see the same rows in the same order.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import suppress
from typing import Any, Protocol

from fastapi.sse import format_sse_event
from msgspec import Struct

MAX_VIEWERS = 2_000
MAX_WAITING_FRAMES = 32
"""Frames a viewer may fall behind; a slower one is told to load its page again."""
MAX_FRAME_EVENTS = 100
"""Events a frame holds at most: who missed more reads a page of them faster than a stream."""
COALESCE_S = 0.2
"""The longest rest between two frames: a flood goes out in at most five of them a second, as does the status."""
SHORTEST_REST_S = 0.025
REST_PER_EVENT_S = 0.002
REST_PER_VIEWER_S = 0.0002
"""What a frame costs to encode and to send grows with both, so a small one is rested for less than a large one."""
STATUS_EVERY_S = 1.0
"""So often the status is looked at while somebody watches and nothing arrives."""
PING_EVERY_S = 15.0
CHECK_LOGINS_EVERY_S = 5.0
"""A stream is closed no later than this after its login has ended: one look for all streams."""


class Item(Struct, frozen=True):
    """One message of a stream: an event under its arrival number, or a fragment of the page under its key."""

    event: str
    data: str
    arrival: int = 0
    key: str = ""

    def wire(self) -> bytes:
        return format_sse_event(data_str=self.data, event=self.event, id=str(self.arrival) if self.arrival else None)


class Span(Struct, frozen=True):
    """All rows with arrival numbers above ``after``, up to ``last``."""

    after: int
    last: int
    rows: Sequence[Any]


class Source(Protocol):
    """Where the feed reads; every method is called in a worker thread."""

    def newest(self) -> int:
        """The arrival number of the newest row."""

    def span(self, after: int) -> Span:
        """The newest rows above ``after``, at most ``MAX_FRAME_EVENTS``: with more, the span begins later."""

    def encode(self, dialect: str, rows: Sequence[Any]) -> list[Item]:
        """One item a row."""

    def status(self, dialect: str) -> list[Item]:
        """The fragments of the page that change without an event."""

    def ended(self, logins: Collection[bytes]) -> Collection[bytes]:
        """Those of these logins that stand no more."""


class Frame(Struct, frozen=True):
    """What all viewers of a dialect are sent at once, encoded."""

    after: int
    last: int
    items: tuple[tuple[int, bytes], ...]
    whole: bytes

    def beyond(self, seen: int) -> bytes:
        """The frame without what a viewer has seen."""
        if seen <= self.after:
            return self.whole
        return b"".join(chunk for arrival, chunk in self.items if arrival > seen)


def frame(span: Span, items: Sequence[Item]) -> Frame:
    wired = tuple((item.arrival, item.wire()) for item in items)
    return Frame(span.after, span.last, wired, b"".join(chunk for _, chunk in wired))


def rest_s(events: int, viewers: int) -> float:
    """How long to rest after a frame."""
    return min(COALESCE_S, max(SHORTEST_REST_S, events * REST_PER_EVENT_S, viewers * REST_PER_VIEWER_S))


RESYNC = Item("resync", "{}").wire()
PING = Item("ping", "{}").wire()
"""An event and no comment: a page hears it, and knows without it that what it shows is old."""


class Viewer:
    """One open stream. What waits for it is bounded; a viewer too slow for that gets no more, and is told so."""

    __slots__ = ("_is_over", "_waiting", "_wake", "dialect", "login", "put_s")

    def __init__(self, dialect: str, login: bytes) -> None:
        """``login`` is what the feed asks its source about now and then; ``put_s`` is when it was last sent anything,
        on the loop's clock."""
        self.dialect, self.login, self.put_s = dialect, login, 0.0
        self._is_over = False
        self._waiting: deque[Frame | bytes] = deque()
        self._wake: asyncio.Future[None] | None = None

    def put(self, chunk: Frame | bytes) -> None:
        if len(self._waiting) >= MAX_WAITING_FRAMES:
            self._end_with(RESYNC)
        elif not self._is_over:
            self._waiting.append(chunk)
            self._stir()

    def open_with(self, missed: Frame) -> None:
        """Send this before all that waits."""
        if not self._is_over:
            self._waiting.appendleft(missed)

    def end(self) -> None:
        """Send nothing more, not even what waits."""
        self._end_with(b"")

    def _end_with(self, last: bytes) -> None:
        self._is_over = True
        self._waiting.clear()
        self._waiting.append(last)
        self._stir()

    def _stir(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def next(self) -> Frame | bytes:
        """Events, or a status or ping as bytes. Empty bytes end the stream."""
        if not self._waiting:
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake
            self._wake = None
        return self._waiting.popleft()


class LiveFeed:
    """Owned by the event loop that runs it; ``publish`` and ``close`` may be called from any thread."""

    def __init__(self) -> None:
        self._viewers: dict[str, set[Viewer]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stir = asyncio.Event()
        self._last = 0
        self._shown: dict[str, dict[str, Item]] = {}

    def publish(self) -> None:
        """Something was committed. Before the feed runs, and after its end, this does nothing."""
        self._call(self._stir.set)

    def close(self) -> None:
        """End every stream, so that a server which waits for its connections can stop."""
        self._call(self._end)

    def _call(self, act: Callable[[], object]) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(act)

    def _end(self) -> None:
        self._loop = None
        for viewer in self._all():
            viewer.end()

    def _all(self) -> Iterator[Viewer]:
        return (viewer for viewers in self._viewers.values() for viewer in viewers)

    @property
    def has_room(self) -> bool:
        """False where one more stream would be refused: too many are open, or the feed does not run."""
        return self._loop is not None and self.viewers < MAX_VIEWERS

    @property
    def viewers(self) -> int:
        """Open streams."""
        return sum(map(len, self._viewers.values()))

    async def run(self, source: Source) -> None:
        """Read and fan out until cancelled. Errors of the source come out of here."""
        self._last = await asyncio.to_thread(source.newest)
        self._loop = loop = asyncio.get_running_loop()
        status_due_s, owed = loop.time(), False
        check_due_s = loop.time() + CHECK_LOGINS_EVERY_S
        try:
            while True:
                await self._stirred(max(0.0, status_due_s - loop.time()) if owed else STATUS_EVERY_S)
                if not self._viewers:
                    continue
                if loop.time() >= check_due_s:
                    await self._end_logins(source)
                    check_due_s = loop.time() + CHECK_LOGINS_EVERY_S
                events = await self._send_events(source)
                owed = loop.time() < status_due_s
                if not owed:
                    await self._send_status(source)
                    status_due_s = loop.time() + COALESCE_S
                self._ping(loop.time())
                await asyncio.sleep(rest_s(events, self.viewers))
        finally:
            self._loop = None

    async def _stirred(self, within_s: float) -> None:
        """Until something arrives or, while somebody watches, for so long."""
        # Not `wait_for`: where the event is set while it is being cancelled, it forgets that (Python 3.11).
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s if self._viewers else None):
                await self._stir.wait()
                self._stir.clear()

    async def _end_logins(self, source: Source) -> None:
        """End the streams of logins that have ended, and send them nothing more."""
        ended = await asyncio.to_thread(source.ended, {viewer.login for viewer in self._all()})
        for viewer in self._all():
            if viewer.login in ended:
                viewer.end()

    async def _send_events(self, source: Source) -> int:
        """Send what has arrived; returns how many events that were."""
        span = await asyncio.to_thread(source.span, self._last)
        if span.last <= self._last:
            return 0
        self._last = span.last
        for dialect in list(self._viewers):
            self._put(dialect, frame(span, await asyncio.to_thread(source.encode, dialect, span.rows)))
        return len(span.rows)

    async def _send_status(self, source: Source) -> None:
        """Send the fragments that changed since the last look. A dialect nobody reads any more is forgotten."""
        for dialect in list(self._viewers):
            items = await asyncio.to_thread(source.status, dialect)
            shown = self._shown.get(dialect, {})
            changed = [item for item in items if shown.get(item.key) != item]
            if dialect in self._viewers:
                self._shown[dialect] = {item.key: item for item in items}
            if changed:
                self._put(dialect, b"".join(item.wire() for item in changed))

    def _put(self, dialect: str, chunk: Frame | bytes) -> None:
        now_s = asyncio.get_running_loop().time()
        for viewer in self._viewers.get(dialect, ()):
            viewer.put(chunk)
            viewer.put_s = now_s

    def _ping(self, now_s: float) -> None:
        for viewer in self._all():
            if now_s - viewer.put_s >= PING_EVERY_S:
                viewer.put(PING)
                viewer.put_s = now_s

    async def watch(self, source: Source, dialect: str, after: int | None, login: bytes) -> AsyncIterator[bytes]:
        """The stream of one viewer: the status, what came after ``after`` (None: from now on), then whatever comes.

        It ends when the feed closes, when the login does, or with ``resync`` for a viewer that has missed rows: its
        page must be loaded again.
        """
        viewer = Viewer(dialect, login)
        viewer.put(b"".join(item.wire() for item in self._shown.get(dialect, {}).values()) or PING)
        viewer.put_s = asyncio.get_running_loop().time()
        self._viewers.setdefault(dialect, set()).add(viewer)
        self._stir.set()
        try:
            seen = after
            if seen is None:
                seen = await asyncio.to_thread(source.newest)
            else:
                viewer.open_with(await asyncio.to_thread(_missed, source, dialect, seen))
            async for chunk in _chunks(viewer, seen):
                yield chunk
        finally:
            self._forget(viewer)

    def _forget(self, viewer: Viewer) -> None:
        viewers = self._viewers[viewer.dialect]
        viewers.remove(viewer)
        if not viewers:
            del self._viewers[viewer.dialect]
            self._shown.pop(viewer.dialect, None)


def _missed(source: Source, dialect: str, after: int) -> Frame:
    span = source.span(after)
    return frame(span, source.encode(dialect, span.rows) if span.rows else ())


async def _chunks(viewer: Viewer, seen: int) -> AsyncIterator[bytes]:
    """What a viewer has yet to see, without holes: where one would be, ``resync`` ends the stream."""
    while True:
        chunk, seen = _beyond(await viewer.next(), seen)
        if chunk:
            yield chunk
        if chunk in (b"", RESYNC):
            return


def _beyond(got: Frame | bytes, seen: int) -> tuple[bytes, int]:
    """A chunk without what was seen, and what has been seen then."""
    if not isinstance(got, Frame):
        return got, seen
    if got.after > seen:
        return RESYNC, seen
    return got.beyond(seen) or PING, max(seen, got.last)
