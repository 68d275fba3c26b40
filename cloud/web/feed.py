"""The live feed: what has just arrived, to every open page, encoded once for all who read the same dialect.

The database is the feed's memory. Ingest only says that something arrived; the feed then reads it back, so that the
stream, a page opened late and a page that returns with ``?after=`` all see the same rows in the same order.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import groupby
from operator import attrgetter
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
CHECK_LOGIN_EVERY_S = 5.0
"""After its login has ended, a stream sends events for no longer than this, and is closed by its next ping."""


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

    def span(self, after: int) -> Span:
        """The newest rows above ``after``, at most ``MAX_FRAME_EVENTS``: with more, the span begins later."""

    def encode(self, dialect: str, rows: Sequence[Any]) -> list[Item]:
        """One item a row."""

    def status(self, dialect: str) -> list[Item]:
        """The fragments of the page that change without an event."""


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

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        self.behind = False
        self._waiting: asyncio.Queue[Frame | bytes] = asyncio.Queue(MAX_WAITING_FRAMES)

    def put(self, chunk: Frame | bytes) -> None:
        if self._waiting.full():
            self.behind = True
        if not self.behind:
            self._waiting.put_nowait(chunk)

    async def next(self) -> Frame | bytes:
        """Events, or a status as bytes, or a ping where nothing else happens. Empty bytes end the stream."""
        if self.behind:
            return RESYNC
        try:
            return await asyncio.wait_for(self._waiting.get(), PING_EVERY_S)
        except TimeoutError:
            return PING


class LiveFeed:
    """Owned by the event loop that runs it; ``publish`` and ``close`` may be called from any thread."""

    def __init__(self) -> None:
        self._viewers: set[Viewer] = set()
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
        for viewer in self._viewers:
            viewer.put(b"")

    @property
    def has_room(self) -> bool:
        """False where one more stream would be refused: too many are open, or the feed does not run."""
        return self._loop is not None and len(self._viewers) < MAX_VIEWERS

    @property
    def viewers(self) -> int:
        """Open streams."""
        return len(self._viewers)

    async def run(self, source: Source) -> None:
        """Read and fan out until cancelled. Errors of the source come out of here."""
        self._last = (await asyncio.to_thread(source.span, 0)).last
        self._loop = loop = asyncio.get_running_loop()
        status_due_s, owed = loop.time(), False
        try:
            while True:
                await self._stirred(max(0.0, status_due_s - loop.time()) if owed else STATUS_EVERY_S)
                if not self._viewers:
                    continue
                events = await self._send_events(source)
                owed = loop.time() < status_due_s
                if not owed:
                    await self._send_status(source)
                    status_due_s = loop.time() + COALESCE_S
                await asyncio.sleep(rest_s(events, len(self._viewers)))
        finally:
            self._loop = None

    async def _stirred(self, within_s: float) -> None:
        """Until something arrives or, while somebody watches, for so long."""
        try:
            await asyncio.wait_for(self._stir.wait(), within_s if self._viewers else None)
        except TimeoutError:
            return
        self._stir.clear()

    async def _send_events(self, source: Source) -> int:
        """Send what has arrived; returns how many events that were."""
        span = await asyncio.to_thread(source.span, self._last)
        if span.last <= self._last:
            return 0
        self._last = span.last
        for dialect, viewers in self._by_dialect():
            items = await asyncio.to_thread(source.encode, dialect, span.rows)
            made = frame(span, items)
            for viewer in viewers:
                viewer.put(made)
        return len(span.rows)

    async def _send_status(self, source: Source) -> None:
        """Send the fragments that changed since the last look. A dialect nobody reads any more is forgotten."""
        dialects = self._by_dialect()
        shown = {dialect: self._shown.get(dialect, {}) for dialect, _ in dialects}
        for dialect, viewers in dialects:
            items = await asyncio.to_thread(source.status, dialect)
            changed = [item for item in items if shown[dialect].get(item.key) != item]
            shown[dialect] = {item.key: item for item in items}
            for viewer in viewers if changed else ():
                viewer.put(b"".join(item.wire() for item in changed))
        self._shown = shown

    def _by_dialect(self) -> list[tuple[str, list[Viewer]]]:
        by_dialect = attrgetter("dialect")
        ordered = sorted(self._viewers, key=by_dialect)
        return [(dialect, list(group)) for dialect, group in groupby(ordered, key=by_dialect)]

    async def watch(
        self, source: Source, dialect: str, after: int | None, allowed: Callable[[], bool]
    ) -> AsyncIterator[bytes]:
        """The stream of one viewer: the status, what came after ``after`` (None: from now on), then whatever comes.

        It ends when the feed closes, when ``allowed()`` (asked in a worker thread) turns false, or with ``resync`` for
        a viewer that has missed rows: its page must be loaded again.
        """
        viewer = Viewer(dialect)
        viewer.put(b"".join(item.wire() for item in self._shown.get(dialect, {}).values()) or PING)
        self._viewers.add(viewer)
        self._stir.set()
        try:
            missed = await asyncio.to_thread(source.span, after or 0)
            opening = frame(missed, await asyncio.to_thread(source.encode, dialect, missed.rows))
            seen = missed.last if after is None else after
            async for chunk in _while(allowed, _chunks(viewer, opening, seen)):
                yield chunk
        finally:
            self._forget(viewer)

    def _forget(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)
        if not any(other.dialect == viewer.dialect for other in self._viewers):
            self._shown.pop(viewer.dialect, None)


async def _chunks(viewer: Viewer, opening: Frame, seen: int) -> AsyncIterator[bytes]:
    """What a viewer has yet to see, without holes: where one would be, ``resync`` ends the stream."""
    got: Frame | bytes = opening if opening.last > seen else await viewer.next()
    while got:
        if isinstance(got, Frame) and got.after > seen:
            got = RESYNC
        if isinstance(got, Frame):
            yield got.beyond(seen) or PING
            seen = max(seen, got.last)
        else:
            yield got
        if got == RESYNC:
            return
        got = await viewer.next()


async def _while(allowed: Callable[[], bool], chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks for as long as they are allowed. One look at the database serves many chunks."""
    clock = asyncio.get_running_loop().time
    checked_s = clock()
    async for chunk in chunks:
        if clock() - checked_s >= CHECK_LOGIN_EVERY_S:
            if not await asyncio.to_thread(allowed):
                return
            checked_s = clock()
        yield chunk
