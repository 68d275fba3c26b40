"""Carries out commands at one board, and shows how it stands."""

import asyncio
from typing import Any

from msgspec.structs import asdict

from contract.credentials import KEYS
from edge.config.device_config import DeviceConfig
from edge.config.tables import Point
from firmware_sim.control.commands import MOVES_AT_ONCE, Key, Moves, Tap, TapAndWalk, Tapped, View, WaitMove, card_bits
from firmware_sim.parts.hardware import Command, ControlError, Hardware, PartCommand, Way, named
from firmware_sim.parts.kind import find_part
from firmware_sim.parts.portal import Portal
from firmware_sim.people.riders import KEY_S
from firmware_sim.time.clock import now_ns
from firmware_sim.worlds.board.move_log import MoveLog

BIT_S = 0.001


class CommandExecutor:
    """Carries out the commands for one board."""

    def __init__(self, config: DeviceConfig, hardware: Hardware, moves: MoveLog) -> None:
        self._points = {point.name: point for point in config.points}
        self._choices = {
            point: {"reader": reader.name, "number": number}
            for reader in config.readers
            for number, point in reader.points.items()
        }
        self._hardware, self._moves = hardware, moves
        self._loop = hardware.board.loop

    async def obey(self, command: Command) -> dict[str, Any]:
        """Do it and return what came of it. Raises `ControlError` for what cannot be done here."""
        match command:
            case View():
                return self.view()
            case Tap(reader, card, keys, pin):
                bits = card_bits(card)
                await self._key(reader, keys or "")
                tapped = await self._tap(reader, bits)
                await self._key(reader, f"{pin}#" if pin else "", pauses=True)
                return asdict(tapped)
            case TapAndWalk(reader, card, pin):
                return await self._tap_and_walk(reader, card_bits(card), pin or "")
            case Key(reader, keys):
                await self._key(reader, keys)
                return {}
            case Moves(since_ns):
                return {"moves": [asdict(move) for move in self._moves.since(since_ns)[:MOVES_AT_ONCE]]}
            case WaitMove():
                seen = await self._moves.wait(command)
                return {"move": None if seen is None else asdict(seen)}
            case PartCommand():
                answer = await command.run(self._hardware)
                return {"at_ns": now_ns(self._loop)} if answer is None else answer
            case _:
                raise ControlError(f"{type(command).__name__} is no command of a board")

    def view(self) -> dict[str, Any]:
        """Everything as it stands."""
        hardware = self._hardware
        return {
            "at_ns": now_ns(self._loop),
            "points": {name: self._view_point(point) for name, point in self._points.items()},
            "zones": {zone: self._view_zone(zone) for zone in hardware.fire_panels},
            "buses": {name: bus.view() for name, bus in hardware.buses.items()},
            "mains": hardware.mains.supply.on,
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
            **find_part(point.kind).look(hardware, name),
            "choice": self._choices.get(name),
            "readers": {way: hardware.readers[f"{name}.{way}"].view() for way in point.readers},
            "scanners": {way: hardware.scanners[f"{name}.{way}"].view() for way in point.scanners},
            "outputs": {key: self._view_pin(output.pin, output.relay) for key, output in point.outputs.items()},
            "inputs": {key: self._view_pin(wiring.pin, wiring.active) for key, wiring in point.inputs.items()},
        }

    def _view_pin(self, number: int, active: str) -> dict[str, Any]:
        pin = self._hardware.board.pin(number)
        held = pin.holder is not None
        return {"pin": number, "level": pin.level, "active": pin.level == (active == "high"), "held": held}

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

    async def _key(self, name: str, keys: str, *, pauses: bool = False) -> None:
        """Each key is a frame of four bits, as most readers with a keypad send it. One that a busy machine has
        stretched ends after four times its widest gap; what comes before that belongs to it. Whoever ``pauses`` comes
        from something else, which has to end likewise."""
        await asyncio.sleep(KEY_S if keys and pauses else 0)
        for key in keys:
            sent = await self._tap(name, f"{KEYS.index(key):04b}")
            took_ns = (sent.last_ns or 0) - (sent.first_ns or 0)
            await asyncio.sleep(max(KEY_S, 5 * took_ns / 1e9))

    async def _tap_and_walk(self, name: str, bits: str, pin: str) -> dict[str, Any]:
        """Whoever keys a PIN walks after the last key."""
        named(name, self._hardware.readers, "reader")
        point, _, direction = name.rpartition(".")
        way: Way = "out" if direction == "out" else "in"
        portal = self._hardware.get(Portal, point, "point")
        if not pin:
            tapped, passed = await asyncio.gather(self._tap(name, bits), portal.walk(way))
            return {**asdict(tapped), "passed": passed}
        tapped = await self._tap(name, bits)
        await self._key(name, pin, pauses=True)
        _, passed = await asyncio.gather(self._key(name, "#"), portal.walk(way))
        return {**asdict(tapped), "passed": passed}
