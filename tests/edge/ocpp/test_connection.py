"""How the connection of a post is watched, in virtual time."""

import asyncio
from collections.abc import Iterable

from edge.ocpp.connection import NOTHING_HEARD, PING_S, watch
from firmware_sim.time.clock import run_virtual


class Connection:
    """Hears something at the given moments, and answers pings if it is that kind of post."""

    def __init__(self, heard: Iterable[float], *, answers_pings: bool) -> None:
        self.heard_at_s = 0.0
        self.closed: tuple[float, int, str] | None = None
        self.alive_s: list[float] = []
        self._answers_pings = answers_pings
        for moment_s in heard:
            asyncio.get_running_loop().call_at(moment_s, self._hear)

    def _hear(self) -> None:
        self.heard_at_s = asyncio.get_running_loop().time()

    def alive(self) -> None:
        self.alive_s.append(asyncio.get_running_loop().time())

    async def ping_once(self) -> None:
        if self._answers_pings:
            asyncio.get_running_loop().call_later(0.1, self._hear)

    async def close(self, code: int, reason: str) -> None:
        self.closed = asyncio.get_running_loop().time(), code, reason


def watched(heard: Iterable[float], *, answers_pings: bool, for_s: float = 3600.0) -> Connection:
    async def story() -> Connection:
        connection = Connection(heard, answers_pings=answers_pings)
        watching = asyncio.create_task(watch(connection, connection.alive))
        await asyncio.wait({watching}, timeout=for_s)
        watching.cancel()
        return connection

    return run_virtual(story())


def test_post_that_only_answers_pings_stays() -> None:
    """An hour of its own heartbeat's pause is no silence, and its points hear that the line is alive."""
    connection = watched([], answers_pings=True)
    assert connection.closed is None
    assert len(connection.alive_s) >= 3600 / PING_S - 2


def test_post_without_pongs_stays_while_it_talks() -> None:
    connection = watched(range(5, 3600, 5), answers_pings=False)
    assert connection.closed is None


def test_post_that_is_silent_altogether_is_hung_up() -> None:
    connection = watched([1.0], answers_pings=False)
    assert connection.closed == (3 * PING_S, *NOTHING_HEARD)
    assert watched([], answers_pings=False).closed == (2 * PING_S, *NOTHING_HEARD)
