"""An operator at the cloud's API: opens points from afar, reads what happened, and never looks away from the stream."""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
from msgspec import Struct

Event = dict[str, Any]

PAGE = 500
ASK_AGAIN_S = 0.05


class StreamedEvent(Struct, frozen=True):
    """An event as the stream brought it, and when: nanoseconds of this machine's monotonic clock."""

    event: Event
    at_ns: int


class Operator:
    """``seen`` is everything the stream has brought since ``open``, across restarts of the cloud. What asks the cloud
    raises ``httpx.HTTPError`` if that does not answer, or refuses."""

    def __init__(self, url: str, name: str, password: str) -> None:
        self.seen: list[StreamedEvent] = []
        self._client = httpx.AsyncClient(base_url=url, timeout=10)
        self._login = {"name": name, "password": password}
        self._last_id = 0
        self._news = asyncio.Condition()
        self._watching: asyncio.Task[None] | None = None

    async def log_in(self) -> None:
        """Harmless if that was done before."""
        if "Authorization" not in self._client.headers:
            answer = await self._client.post("/api/v1/login", json=self._login)
            answer.raise_for_status()
            self._client.headers["Authorization"] = f"Bearer {answer.json()['token']}"

    async def open(self) -> None:
        """Log in and begin to watch."""
        await self.log_in()
        newest = await self._get("/api/v1/events", limit=1)
        self._last_id = max((event["arrival"] for event in newest["events"]), default=0)
        self._watching = asyncio.create_task(self._watch(), name="live stream")

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
        await self._client.aclose()

    async def wait(self, wanted: Callable[[Event], bool], *, since_ns: int, within_s: float = 10) -> StreamedEvent:
        """The first event of that sort that the stream brought after ``since_ns``. Raises ``TimeoutError``."""
        async with asyncio.timeout(within_s), self._news:
            while True:
                for seen in self.seen:
                    if seen.at_ns > since_ns and wanted(seen.event):
                        return seen
                await self._news.wait()

    async def wait_for(
        self, device: str, point: str, kind: str, *, since_ns: int, within_s: float = 10
    ) -> StreamedEvent:
        """The first event of that kind at a point, or with "" of a device as a whole. Raises ``TimeoutError``."""
        wanted = {"device": device, "point": point, "kind": kind}
        return await self.wait(lambda event: wanted.items() <= event.items(), since_ns=since_ns, within_s=within_s)

    async def events_of(self, device: str) -> list[Event]:
        """Everything the cloud holds of a device, in the order in which it was committed."""
        return await self._events(0, device)

    async def sessions_at(self, device: str, point: str) -> list[dict[str, Any]]:
        """The charging sessions of a point as the cloud has them, the last first."""
        return list((await self._get("/api/v1/sessions", device=device, point=point))["sessions"])

    async def order_open(self, point: str, reason: str) -> str:
        """Open a point from afar; returns the id of the command."""
        answer = await self._client.post(f"/api/v1/points/{point}/open", json={"reason": reason})
        answer.raise_for_status()
        return str(answer.json()["id"])

    async def open_once(self, point: str, reason: str, *, within_s: float = 10) -> str:
        """Open a point from afar, and wait until its device has said what became of it; returns that.

        Raises ``TimeoutError``.
        """
        command = await self.order_open(point, reason)
        async with asyncio.timeout(within_s):
            while (state := (await self._get(f"/api/v1/commands/{command}"))["state"]) == "sent":
                await asyncio.sleep(ASK_AGAIN_S)
        return str(state)

    async def count(self, zone: str, inside: int) -> None:
        """Say how many are inside a zone."""
        (await self._client.put(f"/api/v1/inside/{zone}", json={"inside": inside})).raise_for_status()

    async def _get(self, path: str, **parameters: str | int) -> dict[str, Any]:
        answer = await self._client.get(path, params=parameters)
        answer.raise_for_status()
        return dict(answer.json())

    async def _events(self, after: int | None, device: str = "") -> list[Event]:
        events: list[Event] = []
        while after is not None:
            page = await self._get("/api/v1/events", device=device, after=after, limit=PAGE)
            events += page["events"]
            after = page["next"]
        return events

    async def _watch(self) -> None:
        """Come back to the stream for ever, from where it broke off: the cloud may be killed at any moment."""
        while True:
            with suppress(httpx.HTTPError):
                await self._follow()
            await asyncio.sleep(ASK_AGAIN_S)

    async def _follow(self) -> None:
        parameters = {"after": self._last_id}
        async with self._client.stream("GET", "/api/v1/stream", params=parameters, timeout=None) as answer:
            kind = ""
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif kind == "resync":
                    # The stream has not kept all that we missed: read on in pages, then come back to it.
                    for event in await self._events(self._last_id):
                        await self._note(event)
                    return
                elif name == "data" and kind == "event":
                    await self._note(json.loads(value))

    async def _note(self, event: Event) -> None:
        self._last_id = max(self._last_id, event["arrival"])
        async with self._news:
            self.seen.append(StreamedEvent(event, time.monotonic_ns()))
            self._news.notify_all()
