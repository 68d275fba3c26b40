"""The log of a simulated board: every move of its pins, under the names of what is wired there."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path

from edge.config.device_config import DeviceConfig
from firmware_sim.board.board import Move
from firmware_sim.control.commands import NamedMove, WaitMove
from firmware_sim.parts.hardware import named

MAX_KEPT = 10_000
"""Moves that can be asked for; a badge makes about sixty."""
MAX_LOG_BYTES = 8 * 1024 * 1024
"""Of the log of moves; the one before it is kept beside it."""


def pin_names(config: DeviceConfig) -> dict[int, str]:
    """What is wired to each pin, in the words of the config."""
    names: dict[int, str] = {}
    for point in config.points:
        names |= {output.pin: f"{point.name}.{name}" for name, output in point.outputs.items()}
        names |= {wiring.pin: f"{point.name}.{name}" for name, wiring in point.inputs.items()}
        for direction, reader in point.readers.items():
            names |= {reader.d0: f"{point.name}.{direction}.d0", reader.d1: f"{point.name}.{direction}.d1"}
    for shared in config.readers:
        names |= {shared.d0: f"{shared.name}.d0", shared.d1: f"{shared.name}.d1"}
    for emergency in config.emergencies:
        wired = {"fire" if name == "input" else name: wiring.pin for name, wiring in emergency.pins.items()}
        names |= {pin: f"{emergency.zone}.{name}" for name, pin in wired.items()}
    return names


class MoveLog:
    """Sees every move of a pin, gives it the name of what is wired there, keeps the newest and logs them all."""

    def __init__(self, names: dict[int, str], log: Path | None = None) -> None:
        """Raises `OSError` if the log cannot be written."""
        self._names = names
        self._seen: deque[NamedMove] = deque(maxlen=MAX_KEPT)
        self._waiting: list[Callable[[NamedMove], None]] = []
        self._log = None
        if log is not None:
            self._log = RotatingFileHandler(log, maxBytes=MAX_LOG_BYTES, backupCount=1)

    def hear(self, move: Move) -> None:
        """A pin has moved."""
        if self._log is not None:
            self._log.emit(logging.makeLogRecord({"msg": move.line().rstrip()}))
        # A busy machine may handle two moves in one breath; who asks for what came after the first must get the second.
        at_ns = max(move.at_ns, self._seen[-1].at_ns + 1) if self._seen else move.at_ns
        seen = NamedMove(at_ns, move.pin, self._names.get(move.pin, f"GPIO{move.pin}"), move.level, move.cause)
        self._seen.append(seen)
        for told in tuple(self._waiting):
            told(seen)

    def since(self, at_ns: int | None) -> list[NamedMove]:
        """The moves after a time, or all that are kept, the oldest first."""
        return [seen for seen in self._seen if at_ns is None or seen.at_ns > at_ns]

    async def wait(self, command: WaitMove) -> NamedMove | None:
        """The first move that the command asks for, or None when its time is over."""

        def is_it(seen: NamedMove) -> bool:
            return command.name in (None, seen.name) and command.level in (None, seen.level)

        if command.name is not None:
            named(command.name, dict.fromkeys(self._names.values()), "pin")
        happened = () if command.since_ns is None else self.since(command.since_ns)
        for seen in filter(is_it, happened):
            return seen
        came: asyncio.Future[NamedMove] = asyncio.get_running_loop().create_future()

        def told(seen: NamedMove) -> None:
            if is_it(seen) and not came.done():
                came.set_result(seen)

        self._waiting.append(told)
        try:
            async with asyncio.timeout(command.timeout_ms / 1000):
                return await came
        except TimeoutError:
            return None
        finally:
            self._waiting.remove(told)

    def close(self) -> None:
        if self._log is not None:
            self._log.close()
