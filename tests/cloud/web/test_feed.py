"""The live feed: once encoded, in order, without holes; a slow or late viewer is told to start again."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import aclosing, suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.web import feed
from cloud.web.feed import MAX_FRAME_EVENTS, MAX_WAITING_FRAMES, PING, RESYNC, Frame, Item, LiveFeed, Span, Viewer

Watch = Callable[..., AsyncIterator[bytes]]


class Rows:
    """A database of numbers."""

    def __init__(self) -> None:
        self.newest_row = 0
        self.encoded: list[tuple[str, int]] = []
        self.asked: list[Collection[bytes]] = []
        self.logged_out: set[bytes] = set()
        self.shown = "calm"
        self.broken = False

    def newest(self) -> int:
        if self.broken:
            raise OSError("the disk is gone")
        return self.newest_row

    def span(self, after: int) -> Span:
        after = max(after, self.newest_row - MAX_FRAME_EVENTS)
        return Span(after, self.newest_row, range(after + 1, self.newest_row + 1))

    def encode(self, dialect: str, rows: Sequence[Any]) -> list[Item]:
        self.encoded += [(dialect, row) for row in rows]
        return [Item("event", f"{dialect} {row}", arrival=row) for row in rows]

    def ended(self, logins: Collection[bytes]) -> Collection[bytes]:
        self.asked.append(logins)
        return self.logged_out & set(logins)

    def status(self, dialect: str) -> list[Item]:
        return [Item("tiles", f"{dialect} {self.shown}", key="tiles"), Item("device", "same", key="d")]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "COALESCE_S", 0)
    monkeypatch.setattr(feed, "STATUS_EVERY_S", 0.005)


def play(story: Callable[[LiveFeed, Rows], Awaitable[None]], rows: Rows | None = None) -> None:
    """Run a story beside a feed."""

    async def told() -> None:
        live, source = LiveFeed(), rows or Rows()
        running = asyncio.create_task(live.run(source))
        while not live.has_room:
            await asyncio.sleep(0)
        await asyncio.wait_for(story(live, source), 20)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    asyncio.run(told())


LOGIN = b"admin's"


def numbers(chunk: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"^id: (\d+)$", chunk, re.MULTILINE)]


async def until(stream: AsyncIterator[bytes], wanted: Callable[[bytes], bool]) -> bytes:
    """All that came up to the chunk that was wanted."""
    came = b""
    async for chunk in stream:
        came += chunk
        if wanted(came):
            return came
    raise AssertionError(f"the stream ended after {came!r}")


def test_a_viewer_sees_what_it_missed_and_then_what_comes() -> None:
    async def story(live: LiveFeed, rows: Rows) -> None:
        rows.newest_row = 5
        async with aclosing(live.watch(rows, "en", 2, LOGIN)) as stream:  # type: ignore[type-var]
            came = await until(stream, lambda came: 5 in numbers(came))
            rows.newest_row = 7
            live.publish()
            came += await until(stream, lambda came: 7 in numbers(came))
        assert numbers(came) == [3, 4, 5, 6, 7]
        assert b"event: event\ndata: en 6\nid: 6\n\n" in came

    play(story)


def test_a_viewer_without_a_number_sees_only_what_comes() -> None:
    async def story(live: LiveFeed, rows: Rows) -> None:
        rows.newest_row = 5
        async with aclosing(live.watch(rows, "en", None, LOGIN)) as stream:  # type: ignore[type-var]
            await until(stream, lambda came: b"calm" in came)
            rows.newest_row = 6
            live.publish()
            assert numbers(await until(stream, lambda came: 6 in numbers(came))) == [6]

    play(story)


def test_an_event_is_encoded_once_for_all_viewers_of_a_dialect() -> None:
    async def story(live: LiveFeed, rows: Rows) -> None:
        streams = [live.watch(rows, dialect, None, LOGIN) for dialect in ("en", "en", "en", "zh-CN")]
        for stream in streams:
            await until(stream, lambda came: b"calm" in came)
        rows.newest_row = 1
        live.publish()
        for stream in streams:
            await until(stream, lambda came: 1 in numbers(came))
            await stream.aclose()  # type: ignore[attr-defined]
        assert sorted(rows.encoded) == [("en", 1), ("zh-CN", 1)]

    play(story)


def test_a_status_is_sent_when_it_changes_and_only_the_part_that_did() -> None:
    async def story(live: LiveFeed, rows: Rows) -> None:
        async with aclosing(live.watch(rows, "en", None, LOGIN)) as stream:  # type: ignore[type-var]
            first = await until(stream, lambda came: b"calm" in came)
            rows.shown = "alarm"
            second = await until(stream, lambda came: b"alarm" in came)
        assert first.count(b"same") == 1
        assert b"same" not in second
        assert b"calm" not in second

    play(story)


def test_a_page_that_comes_back_is_shown_the_status_of_now() -> None:
    async def story(live: LiveFeed, rows: Rows) -> None:
        async with aclosing(live.watch(rows, "en", None, LOGIN)) as stream:  # type: ignore[type-var]
            await until(stream, lambda came: b"calm" in came)
        rows.shown = "alarm"
        async with aclosing(live.watch(rows, "en", None, LOGIN)) as stream:  # type: ignore[type-var]
            assert b"calm" not in await until(stream, lambda came: b"alarm" in came)

    play(story)


def test_who_missed_more_than_a_frame_is_told_to_load_the_page_again() -> None:
    async def story(live: LiveFeed, rows: Rows) -> None:
        rows.newest_row = MAX_FRAME_EVENTS + 2
        chunks = [chunk async for chunk in live.watch(rows, "en", 1, LOGIN)]
        assert chunks == [RESYNC]

    play(story)


def test_who_is_too_slow_is_told_to_load_the_page_again() -> None:
    async def story(live: LiveFeed, rows: Rows) -> None:
        stream = live.watch(rows, "en", None, LOGIN)
        await until(stream, lambda came: b"calm" in came)
        (viewer,) = live._all()
        for _ in range(MAX_WAITING_FRAMES + 5):
            viewer.put(b": filler\n\n")
        assert [chunk async for chunk in stream] == [RESYNC]
        assert not live._viewers

    play(story)


def test_ping_is_event_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page hears no comment: it could not tell a calm server from a frozen one."""
    monkeypatch.setattr(feed, "PING_EVERY_S", 0)

    async def story(live: LiveFeed, rows: Rows) -> None:
        async with aclosing(live.watch(rows, "en", None, LOGIN)) as stream:  # type: ignore[type-var]
            await until(stream, lambda came: b"calm" in came)
            assert await anext(stream) == PING
        assert PING.startswith(b"event: ping\ndata: ")

    play(story)


def test_a_flood_is_read_in_few_frames() -> None:
    async def story(live: LiveFeed, rows: Rows) -> None:
        async with aclosing(live.watch(rows, "en", None, LOGIN)) as stream:  # type: ignore[type-var]
            await until(stream, lambda came: b"calm" in came)
            for rows.newest_row in range(1, 51):
                live.publish()
            chunks = 0
            async for chunk in stream:
                chunks += bool(numbers(chunk))
                if 50 in numbers(chunk):
                    break
        assert chunks == 1

    play(story)


def test_an_event_does_not_wait_until_the_status_is_due_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "COALESCE_S", 3600)
    monkeypatch.setattr(feed, "SHORTEST_REST_S", 0)

    async def story(live: LiveFeed, rows: Rows) -> None:
        async with aclosing(live.watch(rows, "en", None, LOGIN)) as stream:  # type: ignore[type-var]
            await until(stream, lambda came: b"calm" in came)
            rows.shown, rows.newest_row = "alarm", 1
            live.publish()
            assert b"alarm" not in await until(stream, lambda came: 1 in numbers(came))

    play(story)


def test_a_change_of_status_that_came_too_soon_is_sent_when_it_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "COALESCE_S", 0.1)
    monkeypatch.setattr(feed, "SHORTEST_REST_S", 0)
    monkeypatch.setattr(feed, "STATUS_EVERY_S", 3600)

    async def story(live: LiveFeed, rows: Rows) -> None:
        async with aclosing(live.watch(rows, "en", None, LOGIN)) as stream:  # type: ignore[type-var]
            await until(stream, lambda came: b"calm" in came)
            rows.shown = "alarm"
            live.publish()
            await until(stream, lambda came: b"alarm" in came)

    play(story)


@pytest.mark.parametrize(("events", "viewers"), [(0, 1), (1, 1), (100, 1), (1, 2000), (100, 2000)])
def test_the_rest_after_a_frame_is_short_for_a_small_one_and_never_longer_than_the_longest(
    monkeypatch: pytest.MonkeyPatch, events: int, viewers: int
) -> None:
    monkeypatch.setattr(feed, "COALESCE_S", 0.2)
    small = events < 2 and viewers < 2
    assert feed.rest_s(events, viewers) == (feed.SHORTEST_REST_S if small else 0.2)


def test_closing_the_feed_ends_every_stream_and_takes_no_new_one() -> None:
    async def story(live: LiveFeed, rows: Rows) -> None:
        streams = [live.watch(rows, "en", None, LOGIN) for _ in range(3)]
        for stream in streams:
            await until(stream, lambda came: b"calm" in came)
        live.close()
        for stream in streams:
            assert not any([numbers(chunk) async for chunk in stream])
        assert not live.has_room
        live.publish()

    play(story)


def test_stream_ends_with_its_login(monkeypatch: pytest.MonkeyPatch) -> None:
    """The streams of others go on."""
    monkeypatch.setattr(feed, "CHECK_LOGINS_EVERY_S", 0)

    async def story(live: LiveFeed, rows: Rows) -> None:
        stream = live.watch(rows, "en", None, b"guard's")
        async with aclosing(live.watch(rows, "en", None, LOGIN)) as other:  # type: ignore[type-var]
            for one in (stream, other):
                await until(one, lambda came: b"calm" in came)
            rows.logged_out.add(b"guard's")
            live.publish()
            assert not any([numbers(chunk) async for chunk in stream])
            assert live.viewers == 1
            rows.newest_row = 1
            live.publish()
            assert numbers(await until(other, lambda came: 1 in numbers(came))) == [1]

    play(story)


def test_viewers_of_one_login_are_asked_about_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "CHECK_LOGINS_EVERY_S", 0)

    async def story(live: LiveFeed, rows: Rows) -> None:
        logins = [LOGIN, LOGIN, LOGIN, b"guard's"]
        streams = [live.watch(rows, dialect, None, login) for login in logins for dialect in ("en", "zh-CN")]
        for stream in streams:
            await until(stream, lambda came: b"calm" in came)
        while {LOGIN, b"guard's"} not in rows.asked:
            await asyncio.sleep(0)
        for stream in streams:
            await stream.aclose()  # type: ignore[attr-defined]

    play(story)


def test_ended_login_sends_no_opening() -> None:
    """The look at the logins may come while what a viewer missed is still being read."""
    viewer = Viewer("en", LOGIN)
    viewer.put(b"waits")
    viewer.end()
    viewer.open_with(Frame(0, 1, ((1, b"id: 1"),), b"id: 1"))
    viewer.put(b"later")

    async def told() -> list[bytes]:
        return [chunk async for chunk in feed._chunks(viewer, 0)]

    assert asyncio.run(told()) == []


def test_viewer_without_number_has_nothing_encoded() -> None:
    """Its page shows what is stored: nothing is read, encoded or remembered for it."""
    stored = Rows()
    stored.newest_row = MAX_FRAME_EVENTS

    async def story(live: LiveFeed, rows: Rows) -> None:
        async with aclosing(live.watch(rows, "en", None, LOGIN)) as stream:  # type: ignore[type-var]
            await until(stream, lambda came: b"calm" in came)
        assert rows.encoded == []

    play(story, stored)


def test_there_is_room_for_so_many_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "MAX_VIEWERS", 1)

    async def story(live: LiveFeed, rows: Rows) -> None:
        stream = live.watch(rows, "en", None, LOGIN)
        await until(stream, lambda came: b"calm" in came)
        assert not live.has_room
        await stream.aclose()  # type: ignore[attr-defined]
        assert live.has_room

    play(story)


def test_an_error_of_the_database_comes_out_of_the_feed() -> None:
    async def told() -> None:
        live, rows = LiveFeed(), Rows()
        rows.broken = True
        with pytest.raises(OSError, match="the disk is gone"):
            await live.run(rows)
        assert not live.has_room

    asyncio.run(told())


def test_a_feed_that_does_not_run_may_be_told_anything() -> None:
    live = LiveFeed()
    live.publish()
    live.close()
    assert not live.has_room


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 20), st.lists(st.tuples(st.integers(0, 8), st.integers(-6, 3)), max_size=12))
def test_whatever_frames_come_a_viewer_sees_no_number_twice_and_no_hole(
    start: int, frames: list[tuple[int, int]]
) -> None:
    async def told() -> list[bytes]:
        viewer, last = Viewer("en", LOGIN), start
        for size, shift in frames:
            after = max(0, last + shift)
            last = max(last, after + size)
            items = [Item("event", "x", arrival=number) for number in range(after + 1, after + size + 1)]
            viewer.put(feed.frame(Span(after, after + size, ()), items))
        viewer.put(b"")
        return [chunk async for chunk in feed._chunks(viewer, start)]

    chunks = asyncio.run(told())
    seen = [number for chunk in chunks for number in numbers(chunk)]
    assert seen == list(range(start + 1, start + 1 + len(seen)))
    assert RESYNC not in chunks[:-1]
