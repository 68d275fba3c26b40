"""The network cable between a device and its broker, as a TCP proxy in real time: it can be pulled and put back."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

CHUNK_BYTES = 64 * 1024
MAX_CONNECTIONS = 64
"""Through one cable; a device needs one."""


class LineFaults(NamedTuple):
    """How bad the line is. A new delay counts from the next piece of data on, a new lifetime from the next connection.

    Every piece of data is `delay_ms` late, drawn anew each time from lowest to highest, and a connection lasts
    `lasts_s` on average before it breaks; None is for ever.
    """

    delay_ms: tuple[float, float] = (0.0, 0.0)
    lasts_s: float | None = None


Hears = Callable[[bytes], object]
"""Is told what the near end of one connection sends, in order, each piece before it is passed on."""


class Proxy:
    """Carries connections from a port of its own to `target_port`, both on 127.0.0.1.

    A pulled cable breaks every connection and refuses new ones; the port stays the same for all the proxy's life.
    The same seed draws the same faults. ``listen`` is called at each new connection, for whoever is to hear it.
    """

    def __init__(
        self,
        target_port: int,
        *,
        seed: int | str = 0,
        faults: LineFaults | None = None,
        listen: Callable[[], Hears] = lambda: lambda data: None,
    ) -> None:
        self.target_port = target_port
        self.cable_in = True
        self.faults = faults or LineFaults()
        self._listen = listen
        self._chance = random.Random(f"{seed}/cable")
        self._server: asyncio.Server | None = None
        self._carrying: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """Where to connect to; known once it has been started."""
        if self._server is None:
            raise RuntimeError("the proxy has not been started")
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self, port: int = 0) -> None:
        """Listen, on a free port if none is given."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", port, limit=CHUNK_BYTES)

    async def cut(self) -> None:
        """Pull the cable. When this returns, every connection is broken."""
        self.cable_in = False
        carrying = tuple(self._carrying)
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)

    async def restore(self) -> None:
        """Put the cable back; the other ends have to connect anew."""
        self.cable_in = True

    async def close(self) -> None:
        await self.cut()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.cable_in or len(self._carrying) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._carry(reader, writer), name="connection through the proxy")
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry both ways until either end leaves, the line breaks or the cable is pulled."""
        ends = [writer]
        try:
            async with asyncio.timeout(self._lifetime()):
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port, limit=CHUNK_BYTES)
                ends.append(far_writer)
                await first_to_end(
                    self._pump(reader, far_writer, self._listen()),
                    self._pump(far_reader, writer, lambda data: None),
                )
        except (OSError, TimeoutError):
            pass  # the ends learn of it as they do of a broken cable: the connection is gone
        finally:
            for end in ends:
                end.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, hears: Hears) -> None:
        while data := await source.read(CHUNK_BYTES):
            hears(data)
            if self.faults.delay_ms[1] > 0:
                await asyncio.sleep(self._chance.uniform(*self.faults.delay_ms) / 1000)
            sink.write(data)
            await sink.drain()

    def _lifetime(self) -> float | None:
        lasts_s = self.faults.lasts_s
        return None if lasts_s is None else self._chance.expovariate(1 / lasts_s)


async def first_to_end(*pumps: Coroutine[Any, Any, None]) -> None:
    """Run the pumps until one ends, then end the others; an error of the first is raised."""
    tasks = [asyncio.create_task(pump) for pump in pumps]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
