"""What is on or off: a relay's contact, a bolt, the supply of a lock, the mains."""

import asyncio
import math
from collections.abc import Callable

NOMINAL_V = 230.0


class Wire:
    """Is on or off, tells its watchers when it changes, and can be waited for."""

    def __init__(self, *, on: bool = False) -> None:
        self.on = on
        self._watchers: list[Callable[[bool], object]] = []

    def put(self, on: bool) -> None:
        if on != self.on:
            self.on = on
            for watcher in tuple(self._watchers):
                watcher(on)

    def watch(self, watcher: Callable[[bool], object]) -> None:
        """Have `watcher(on)` called at every change."""
        self._watchers.append(watcher)

    async def wait_on(self, patience_s: float) -> bool:
        """Wait until it is on; False when patience ran out first."""
        if self.on:
            return True
        came = asyncio.Event()

        def notice(on: bool) -> None:
            if on:
                came.set()

        self._watchers.append(notice)
        try:
            async with asyncio.timeout(patience_s):
                await came.wait()
        except TimeoutError:
            return False
        finally:
            self._watchers.remove(notice)
        return True


class Supply(Wire):
    """The supply of a lock or an arm: it is on while nobody breaks it. ``broken_by`` are those who do, in order."""

    def __init__(self) -> None:
        super().__init__(on=True)
        self.broken_by: dict[str, None] = {}

    def break_by(self, name: str, *, broken: bool = True) -> None:
        """Break it on somebody's behalf, or let it come back as far as they are concerned."""
        if broken:
            self.broken_by[name] = None
        else:
            self.broken_by.pop(name, None)
        self.put(not self.broken_by)


class Mains:
    """The mains behind a board: 230 V and 50 Hz, both slowly swaying; ``supply`` tells whether it is there."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.supply = Wire(on=True)
        self._loop = loop

    @property
    def voltage_v(self) -> float:
        return NOMINAL_V + 2.0 * self._sway(577.0) if self.supply.on else 0.0

    @property
    def frequency_hz(self) -> float:
        return 50.0 + 0.02 * self._sway(199.0) if self.supply.on else 0.0

    def _sway(self, period_s: float) -> float:
        return math.sin(2 * math.pi * self._loop.time() / period_s)
