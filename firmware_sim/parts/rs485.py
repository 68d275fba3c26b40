"""A serial bus that several slaves share: bytes take their time, and who talks at once garbles both.

The master's end is either in memory (`Rs485Bus.open`) or a pseudo-terminal that any program can open (`Terminal`).
"""

import os
import tty
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from firmware_sim.parts.modbus_slave import Slave
from firmware_sim.parts.scanner import Scanner

BITS_A_BYTE = 10
"""A start bit, eight data bits, a stop bit."""
MAX_FRAME = 256
MIN_SILENCE_S = 0.00175
"""The pause that ends a frame is three and a half bytes, and this at more than 19200 baud."""
SLACK_S = 1e-6
"""Who waits for just that pause has waited long enough, whatever the rounding."""

OnBytes = Callable[[bytes], object]


class Talk(NamedTuple):
    """Bytes on the wire from one end."""

    start_s: float
    end_s: float
    data: bytes


class BusPort:
    """The master's end of a bus. ``on_bytes`` hears what the slaves say, when its last byte has come; ``why_down`` is
    empty while the port is open: a cable that is out is not seen, nobody answers."""

    def __init__(self, bus: "Rs485Bus") -> None:
        self.on_bytes: OnBytes = lambda data: None
        self._bus: Rs485Bus | None = bus

    @property
    def why_down(self) -> str:
        return "closed" if self._bus is None else ""

    def send(self, data: bytes) -> None:
        """Put bytes on the wire, after those that are still being sent. Into a closed port they are lost."""
        if self._bus is not None:
            self._bus.say(data)

    def close(self) -> None:
        if self._bus is not None:
            self._bus.ports.discard(self)
            self._bus = None


class Rs485Bus:
    """One pair of wires. `plugged_in` is the cable at the master's end."""

    def __init__(self, loop: AbstractEventLoop, *, baud: int = 9600, name: str = "bus") -> None:
        self.name = name
        self.baud = baud
        self.plugged_in = True
        self.slaves: list[Slave[Any]] = []
        self.ports: set[BusPort] = set()
        self._loop = loop
        self._byte_s = BITS_A_BYTE / baud
        self._silence_s = max(3.5 * self._byte_s, MIN_SILENCE_S)
        self._burst: list[Talk] = []
        self._master_free_s = self._busy_until_s = 0.0
        self._pause: TimerHandle | None = None

    def open(self) -> BusPort:
        """The master's end in memory."""
        port = BusPort(self)
        self.ports.add(port)
        return port

    def hang_up(self) -> None:
        """Whoever had it open is gone."""
        for port in tuple(self.ports):
            port.close()

    def view(self) -> dict[str, object]:
        return {"kind": "bus", "baud": self.baud, "plugged_in": self.plugged_in, "slaves": len(self.slaves)}

    def say(self, data: bytes) -> None:
        """The master talks."""
        if not data or not self.plugged_in:
            return
        start_s = max(self._loop.time(), self._master_free_s)
        self._master_free_s = self._put_on_wire(start_s, data, by_master=True).end_s

    def _reply(self, data: bytes) -> None:
        """A slave talks; the master hears it when the last byte is over, or what a collision has left of it."""
        talk = self._put_on_wire(self._loop.time(), data, by_master=False)
        self._loop.call_at(talk.end_s, self._deliver, talk)

    def _put_on_wire(self, start_s: float, data: bytes, *, by_master: bool) -> Talk:
        if self._pause is None and start_s - self._busy_until_s > self._silence_s - SLACK_S:
            self._burst.clear()
        talk = Talk(start_s, start_s + len(data) * self._byte_s, data)
        self._burst.append(talk)
        self._busy_until_s = max(self._busy_until_s, talk.end_s)
        if self._pause is not None:
            self._pause.cancel()
        if by_master or self._pause is not None:
            self._pause = self._loop.call_at(self._busy_until_s + self._silence_s, self._silent)
        return talk

    def _deliver(self, talk: Talk) -> None:
        """What is said at once is heard as one, when the last of it is over."""
        at_once = [other for other in self._burst if other.start_s < talk.end_s and talk.start_s < other.end_s]
        last = max(at_once, key=lambda other: other.end_s)
        if self.plugged_in and last is talk:
            for port in tuple(self.ports):
                port.on_bytes(self._heard(at_once))

    def _silent(self) -> None:
        """A pause ends what the master said. All that was said without one is one frame to the slaves."""
        frame = self._heard(self._burst)
        self._burst.clear()
        self._pause = None
        if not 0 < len(frame) <= MAX_FRAME:
            return
        for slave in self.slaves:
            if slave.is_addressed(frame[0]) and (reply := slave.hear(frame)) is not None:
                self._loop.call_later(reply.after_s, self._reply, reply.frame)

    def _heard(self, talks: Sequence[Talk]) -> bytes:
        """The bytes that listeners make of it: where two talk, a 0 on the wire wins."""
        if len(talks) == 1:
            return talks[0].data
        first_s = min(talk.start_s for talk in talks)
        wire: dict[int, int] = {}
        for talk in talks:
            for at, byte in enumerate(talk.data, round((talk.start_s - first_s) / self._byte_s)):
                wire[at] = wire.get(at, 0xFF) & byte
        return bytes(wire[at] for at in sorted(wire))


class Terminal:
    """The device's end of a bus, or of a scanner's line, as a pseudo-terminal under the name `link`, on a loop in real
    time."""

    def __init__(self, loop: AbstractEventLoop, part: Rs485Bus | Scanner, link: Path) -> None:
        """Raises `OSError` if something that is no link of an earlier board stands at that name."""
        self._loop, self._link = loop, link
        self._ours, self._theirs = os.openpty()  # held open too, so the line outlives whoever opens it
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        try:
            if link.is_symlink():
                link.unlink()
            link.symlink_to(os.ttyname(self._theirs))
        except OSError:
            self._close_both()
            raise
        self._port = part.open()
        self._port.on_bytes = self._write
        loop.add_reader(self._ours, self._read)

    def close(self) -> None:
        self._loop.remove_reader(self._ours)
        self._port.close()
        self._link.unlink(missing_ok=True)
        self._close_both()

    def _read(self) -> None:
        with suppress(BlockingIOError):
            self._port.send(os.read(self._ours, MAX_FRAME))

    def _write(self, data: bytes) -> None:
        with suppress(BlockingIOError):  # nobody reads at the other end, and a real line would not wait either
            os.write(self._ours, data)

    def _close_both(self) -> None:
        os.close(self._ours)
        os.close(self._theirs)
