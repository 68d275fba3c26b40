"""A socket brought into a phase, and what brings a session to its end."""

from collections.abc import Callable
from typing import Any

from edge.archetypes.session import Tariff
from tests.contract.allotments import own
from tests.edge.support.sockets import BEN, Socket

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
PHONES = own("phones", 120, 200)


def ready(**settings: Any) -> Socket:
    """A free socket whose meter has been heard."""
    socket = Socket(**settings)
    socket.wait(1_000)
    assert (socket.phase, socket.on) == ("free", False)
    return socket


def in_phase(phase: str, **settings: Any) -> Socket:
    """A socket led into a phase by what people do."""
    socket = ready(**settings)
    if phase in ("charging", "checking", "finished"):
        socket.charging()
    match phase:
        case "starting":
            socket.tap()
        case "checking":
            socket.restart()
        case "finished":
            socket.load_w = 10
            socket.wait(30 * MINUTE_MS + 2_000)
        case "faulted":
            socket.edge("leakage", True)
            socket.edge("leakage", False)
        case "emergency":
            socket.emergency()
    assert socket.phase == phase
    socket.records.clear()
    return socket


def charged(change: Callable[[Socket], object], wait_ms: int, **settings: Any) -> Socket:
    """A session to which something happens, and then time passes."""
    socket = Socket(**settings).charging()
    socket.wait(10_000)
    change(socket)
    socket.wait(wait_ms)
    return socket


def loads(power_w: float) -> Callable[[Socket], object]:
    return lambda socket: setattr(socket, "load_w", power_w)


def meters(how: str) -> Callable[[Socket], object]:
    return lambda socket: setattr(socket, "meter", how)


def heats(celsius: float) -> Callable[[Socket], object]:
    return lambda socket: setattr(socket, "celsius", celsius)


IDLE = Tariff(idle_fen_per_minute=5, idle_cap_fen=50)


def full(tariff: Tariff = IDLE, wait: bool = False) -> Socket:
    """A full battery whose plug is still in, after ten minutes of grace."""
    socket = Socket(levels={"plug": True}, tariff=tariff)
    socket.charging()
    socket.load_w = 0
    socket.wait(31 * MINUTE_MS)
    assert (socket.phase, socket.on, socket.told("session.ended")) == ("finished", False, [])
    if wait:
        socket.tap(BEN)
    socket.wait(9 * MINUTE_MS)
    return socket
