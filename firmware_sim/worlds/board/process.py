"""A device's board as a process of its own: it outlives keeper and agent, and sees what becomes of the pins."""

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from contract.credentials import KEYS
from edge.config.device_config import DeviceConfig, Point
from edge.config.peripherals import Bus
from edge.machine.files import socket_complaint
from edge.ocpp.passwords import passwords_in
from firmware_sim.board.board import Board
from firmware_sim.board.remote_board import BoardServer
from firmware_sim.control.control import ControlServer
from firmware_sim.control.orders import (
    MOVES_AT_ONCE,
    BreakWire,
    ClearJam,
    ControlError,
    EmergencyStop,
    Fire,
    Force,
    Free,
    Glitch,
    Hold,
    Jam,
    Key,
    LetGo,
    Moves,
    Order,
    Press,
    ResetKey,
    Smoke,
    Stick,
    SwapWires,
    Tap,
    TapAndWalk,
    Tapped,
    TapPost,
    View,
    WaitMove,
    Walk,
    Way,
    card_bits,
)
from firmware_sim.parts.charge_point import EvPost
from firmware_sim.parts.door import Door
from firmware_sim.parts.rs485 import Terminal
from firmware_sim.parts.turnstile import Turnstile
from firmware_sim.people.riders import KEY_S
from firmware_sim.time.clock import now_ns
from firmware_sim.worlds.board.charging_hands import ChargingHands, named
from firmware_sim.worlds.board.move_log import MoveLog, pin_names
from firmware_sim.worlds.board.wiring import Hardware, resistors, wire

BIT_S = 0.001
FORCE_S = 1.2
"""How long somebody who broke a door open keeps a hand on it."""


class Hands:
    """Carries out orders on the parts of one board."""

    def __init__(self, config: DeviceConfig, hardware: Hardware, moves: MoveLog) -> None:
        self._points = {point.name: point for point in config.points}
        self._choices = {
            point: {"reader": reader.name, "number": number}
            for reader in config.readers
            for number, point in reader.points.items()
        }
        self._hardware, self._moves = hardware, moves
        self._charging = ChargingHands(hardware)
        self._loop = hardware.board.loop

    async def obey(self, order: Order) -> dict[str, Any]:
        """Do it and return what came of it. Raises `ControlError` for what cannot be done here."""
        match order:
            case View():
                return self.view()
            case Tap(reader, card, keys):
                bits = card_bits(card)
                await self._key(reader, keys or "")
                return asdict(await self._tap(reader, bits))
            case Walk(point, way):
                return {"passed": await self._walk(point, way)}
            case TapAndWalk(reader, card):
                return await self._tap_and_walk(reader, card_bits(card))
            case Key(reader, keys):
                await self._key(reader, keys)
                return {}
            case TapPost():
                return {"taken": await self._charging.tap_post(order)}
            case Moves(since_ns):
                return {"moves": [asdict(move) for move in self._moves.since(since_ns)[:MOVES_AT_ONCE]]}
            case WaitMove():
                seen = await self._moves.wait(order)
                return {"move": None if seen is None else asdict(seen)}
            case _:
                self._act(order)
                return {"at_ns": now_ns(self._loop)}

    def view(self) -> dict[str, Any]:
        """Everything as it stands."""
        hardware = self._hardware
        return {
            "at_ns": now_ns(self._loop),
            "points": {name: self._view_point(point) for name, point in self._points.items()},
            "zones": {zone: self._view_zone(zone) for zone in hardware.fire_panels},
            **self._charging.view(),
        }

    def _view_zone(self, zone: str) -> dict[str, Any]:
        hardware = self._hardware
        smoke, stop = hardware.smoke_detectors.get(zone), hardware.emergency_stops.get(zone)
        return {
            "fire_panel": hardware.fire_panels[zone].view(),
            "reset_key": hardware.reset_keys[zone].view(),
            "smoke_detector": None if smoke is None else smoke.view(),
            "emergency_stop": None if stop is None else stop.view(),
        }

    def _view_point(self, point: Point) -> dict[str, Any]:
        hardware, name = self._hardware, point.name
        return {
            "kind": point.kind,
            "zone": point.zone,
            **(self._view_portal(name) if name in hardware.portals else self._charging.view_point(name)),
            **({"part": hardware.parts[name].view()} if name in hardware.parts else {}),
            "choice": self._choices.get(name),
            "readers": {way: hardware.readers[f"{name}.{way}"].view() for way in point.readers},
            "outputs": {key: self._view_pin(output.pin, output.relay) for key, output in point.outputs.items()},
            "inputs": {key: self._view_pin(wiring.pin, wiring.active) for key, wiring in point.inputs.items()},
        }

    def _view_portal(self, name: str) -> dict[str, Any]:
        hardware = self._hardware
        lock, button = hardware.locks.get(name), hardware.exit_buttons.get(name)
        return {
            "portal": hardware.portals[name].view(),
            "lock": None if lock is None else lock.view(),
            "exit_button": None if button is None else button.view(),
        }

    def _view_pin(self, number: int, active: str) -> dict[str, Any]:
        pin = self._hardware.board.pin(number)
        held = pin.holder is not None
        return {"pin": number, "level": pin.level, "active": pin.level == (active == "high"), "held": held}

    def _act(self, order: Order) -> None:
        """What is done in an instant."""
        hardware = self._hardware
        match order:
            case Press(point):
                named(point, hardware.exit_buttons, "exit button").press()
            case Stick(point):
                named(point, hardware.exit_buttons, "exit button").stick()
            case Free(point):
                named(point, hardware.exit_buttons, "exit button").free()
            case Force(point, way):
                self._force(point, way)
            case Hold(point):
                self._hold(point)
            case LetGo(point):
                self._door(point).let_go()
            case Jam(point):
                self._turnstile(point).jam()
            case ClearJam(point):
                self._turnstile(point).clear_jam()
            case Fire(zone, on):
                panel = named(zone, hardware.fire_panels, "zone")
                panel.alarm() if on else panel.clear()
            case BreakWire(zone, broken):
                panel = named(zone, hardware.fire_panels, "zone")
                panel.break_wire() if broken else panel.mend_wire()
            case Smoke(zone, on):
                detector = named(zone, hardware.smoke_detectors, "smoke detector")
                detector.fill() if on else detector.air()
            case EmergencyStop(zone, on):
                button = named(zone, hardware.emergency_stops, "emergency stop")
                button.press() if on else button.twist()
            case ResetKey(zone):
                named(zone, hardware.reset_keys, "zone").press()
            case SwapWires(reader, swapped):
                named(reader, hardware.readers, "reader").swapped = swapped
            case Glitch(reader):
                named(reader, hardware.readers, "reader").glitch()
            case _:
                self._charging.act(order)

    async def _tap(self, name: str, bits: str) -> Tapped:
        reader = named(name, self._hardware.readers, "reader")
        before_ns = now_ns(self._loop)
        try:
            taken = reader.send(bits)
        except ValueError as wrong:
            raise ControlError(str(wrong)) from None
        if not taken:
            raise ControlError(f"reader {name} is still sending the card before")
        await asyncio.sleep(reader.frame_s(bits))
        while reader.view()["sending"]:  # pulses come late on a busy machine
            await asyncio.sleep(BIT_S)
        lines = (f"{name}.d0", f"{name}.d1")
        pulses = [s.at_ns for s in self._moves.since(before_ns - 1) if s.name in lines and not s.level]
        return Tapped(pulses[0], pulses[-1]) if pulses else Tapped(None, None)

    async def _key(self, name: str, keys: str) -> None:
        """Each key is a frame of four bits, as most readers with a keypad send it. One that a busy machine has
        stretched ends after four times its widest gap; what comes before that belongs to it."""
        for key in keys:
            sent = await self._tap(name, f"{KEYS.index(key):04b}")
            took_ns = (sent.last_ns or 0) - (sent.first_ns or 0)
            await asyncio.sleep(max(KEY_S, 5 * took_ns / 1e9))

    async def _walk(self, name: str, way: Way) -> bool:
        portal = named(name, self._hardware.portals, "point")
        return await (portal.enter() if way == "in" else portal.leave())

    async def _tap_and_walk(self, name: str, bits: str) -> dict[str, Any]:
        named(name, self._hardware.readers, "reader")
        point, _, direction = name.rpartition(".")
        way: Way = "out" if direction == "out" else "in"
        tapped, passed = await asyncio.gather(self._tap(name, bits), self._walk(point, way))
        return {**asdict(tapped), "passed": passed}

    def _force(self, name: str, way: Way) -> None:
        portal = named(name, self._hardware.portals, "point")
        if isinstance(portal, Turnstile):
            if not portal.force(way):
                raise ControlError(f"the arm of {name} is not in the way")
            return
        portal.force()
        self._loop.call_later(FORCE_S, portal.let_go)

    def _hold(self, name: str) -> None:
        door = self._door(name)
        if door.shut:
            raise ControlError(f"the door {name} is shut; walk through it first")
        door.hold()

    def _door(self, name: str) -> Door:
        portal = named(name, self._hardware.portals, "point")
        if not isinstance(portal, Door):
            raise ControlError(f"{name} is no door")
        return portal

    def _turnstile(self, name: str) -> Turnstile:
        portal = named(name, self._hardware.portals, "point")
        if not isinstance(portal, Turnstile):
            raise ControlError(f"{name} is no turnstile")
        return portal


def serial_link(config: DeviceConfig, bus: Bus) -> Path:
    """Where the pseudo-terminal of a bus is found. Raises `OSError` for a device that is not beside the config."""
    if Path(bus.device).is_absolute():
        raise OSError(f'bus {bus.name}: a simulated line lies beside the config; write device = "{bus.name}"')
    return config.path.parent / bus.device


def charging_posts(config: DeviceConfig, loop: asyncio.AbstractEventLoop) -> dict[str, EvPost]:
    """The posts that connect to a device, by the point of their first connector. Every other one speaks OCPP 2.0.1."""
    posts: dict[str, EvPost] = {}
    if config.ocpp is None:
        return posts
    password = passwords_in(config.keys)
    lines = [(point.name, line) for point in config.points for line in point.lines.values() if line.connector == 1]
    for number, (point, line) in enumerate(lines):
        posts[point] = EvPost(
            loop,
            url=f"ws://{config.ocpp.listen}",
            name=line.post,
            password=lambda post=line.post: password(post) or "",  # type: ignore[misc]
            now_ms=lambda: time.time_ns() // 1_000_000,
            version="2.0.1" if number % 2 else "1.6",
        )
    return posts


async def run_board(
    config: DeviceConfig,
    *,
    socket: Path,
    control: Path,
    log: Path | None,
    seed: int,
    strict_gpiod: bool,
    people: bool,
) -> None:
    """Serve a board in real time until SIGTERM or SIGINT: its pins on `socket`, orders on `control`, its buses on the
    pseudo-terminals that the config names.

    Prints one line when both listen. Raises `OSError` if a socket or the log cannot be made.
    """
    for path, option in ((socket, "--socket"), (control, "--control")):
        if wrong := socket_complaint(path, f"name a shorter one with {option}"):
            raise OSError(wrong)
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    moves = MoveLog(pin_names(config), log)
    board = Board(loop, seed=seed, strict_gpiod=strict_gpiod, pulls=resistors(config), on_move=moves.hear)
    hardware = wire(board, config)
    hardware.posts = charging_posts(config, loop)
    servers = (BoardServer(board, socket), ControlServer(control, Hands(config, hardware, moves).obey))
    terminals: list[Terminal] = []
    try:
        buses = ((hardware.buses[bus.name], serial_link(config, bus)) for bus in config.buses)
        terminals.extend(Terminal(loop, bus, link) for bus, link in buses)
        for server in servers:
            await server.start()
        print(f"the board of {config.device.name} is up", flush=True)
        async with asyncio.TaskGroup() as group:
            living = [group.create_task(post.run(), name=post.name) for post in hardware.posts.values()]
            if people:
                from firmware_sim.worlds.board.folk import live  # with the cloud's sample and what that is stored with

                living.append(group.create_task(live(config, hardware), name="people"))
            await ended.wait()
            for life in living:
                life.cancel()
    finally:
        for terminal in terminals:
            terminal.close()
        for server in servers:
            await server.close()
        moves.close()
