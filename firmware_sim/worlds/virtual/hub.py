"""A riders' hub in virtual time: the shipped device on the shipped wiring, meters that speak, people with plugs, and
whatever may go wrong with a socket.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cloud.sample import FACILITY
from contract.credentials import KEYS, encode
from contract.events import Event, decode_event
from edge.archetypes.protocol import Report
from firmware_sim.parts.battery import APPLIANCES
from firmware_sim.parts.charger import Socket
from firmware_sim.parts.meter import Meter
from firmware_sim.parts.modbus_slave import Slave
from firmware_sim.worlds.virtual.town import VirtualTown

NAME = "hub-sockets"
EBIKE, PHONE, BANK = "ebike-1", "phone-1", "bank-a"
"""The points of the sample ``socket``."""
RIDER, STAFF, STRANGER = 10010, 10011, 4711
BETWEEN_KEYS_S = 0.2


class VirtualHub:
    """The hub and its cloud, wired as in a sample config: ``socket`` has one socket of each class, ``hub`` a dozen. To
    be made inside a running virtual loop."""

    def __init__(self, folder: Path, sample: str = "socket", *, seed: int = 1) -> None:
        self.town = VirtualTown(folder, seed=seed, places=[(NAME, sample, "hub", NAME)])
        self.device = self.town.devices[NAME]
        self.numbers = {point: number for number, point in self.device.config.readers[0].points.items()}

    async def open(self) -> None:
        """Until the device has its roster and has read its meters."""
        self.town.start()
        await asyncio.sleep(10)

    async def close(self) -> None:
        await self.town.close()

    def socket(self, point: str) -> Socket:
        return self.device.hardware.get(Socket, point)

    def plug_in(self, point: str, what: str, charge: float = 0.2) -> None:
        self.socket(point).plug_in(APPLIANCES[what](charge))

    async def tap(self, point: str, card: int) -> None:
        """Key the number of a socket, hold a card to the reader, and see what happens."""
        await self.hold(point, card)
        await asyncio.sleep(1)

    async def hold(self, point: str, card: int) -> None:
        """Key the number of a socket, and hold a card to the reader."""
        reader = self.device.hardware.readers["hub"]
        for key in self.numbers[point]:
            reader.send(f"{KEYS.index(key):04b}")
            await asyncio.sleep(BETWEEN_KEYS_S)
        reader.send(encode("H10301", facility=FACILITY, number=card))

    def driven(self, point: str) -> bool:
        """Whether the pin of its relay, or of a bank's contactor, is away from rest: the board says so, nobody else."""
        (output,) = next(one for one in self.device.config.points if one.name == point).outputs.values()
        return self.device.board.pin(output.pin).level == (output.relay == "high")

    async def until(self, holds: Callable[[], bool], within_s: float) -> float:
        """Wait until it holds; returns how many seconds that took. Raises ``TimeoutError``."""
        began_s = self.town.loop.time()
        async with asyncio.timeout(within_s):
            while not holds():
                await asyncio.sleep(0.01)
        return self.town.loop.time() - began_s

    def report(self, point: str) -> Report:
        """What the station says of itself. The agent must run."""
        if self.device.agent is None:
            raise LookupError("no agent runs")
        return self.device.agent.agent.runners[point].report

    def events(self, *families: str) -> list[Event]:
        """What the cloud has, in its order, of these families."""
        events = [decode_event(stored) for _, stored in self.town.stored(NAME)]
        return [event for event in events if event.kind.partition(".")[0] in families]

    def told(self, what: str, point: str = "") -> list[dict[str, Any]]:
        """The data of every ``session`` event of that kind."""
        events = self.events("session")
        return [event.data for event in events if event.kind == f"session.{what}" and point in ("", event.point)]

    async def charging(self) -> "VirtualHub":
        """Opened, and with an e-bike that charges."""
        await self.open()
        self.plug_in(EBIKE, "ebike_lithium")
        await self.tap(EBIKE, RIDER)
        await self.until(lambda: self.report(EBIKE).phase == "charging", 60)
        return self

    @property
    def meter(self) -> Meter:
        """Of the e-bike's socket."""
        found = self.device.hardware.get(Slave, f"{EBIKE}.meter")
        if not isinstance(found, Meter):
            raise LookupError("the e-bike has no meter")
        return found


class Mishap(NamedTuple):
    """What goes wrong while an e-bike charges and how it is put right, why its session then ends, and how long after
    ``crossed`` its relay is at rest at the latest."""

    happens: Callable[[VirtualHub], object]
    mended: Callable[[VirtualHub], object]
    reason: str
    within_s: float
    crossed: Callable[[VirtualHub], bool] = lambda hub: True


CUT_C, CUT_W = 69.95, 800.0
"""The sample's limits; a thermistor board says tenths of a degree."""

MISHAPS: Mapping[str, Mishap] = {
    "the meter is silent": Mishap(
        lambda hub: setattr(hub.meter, "muted", True), lambda hub: setattr(hub.meter, "muted", False), "meter_lost", 31
    ),
    "the bus is cut": Mishap(
        lambda hub: setattr(hub.device.hardware.buses["meters"], "plugged_in", False),
        lambda hub: setattr(hub.device.hardware.buses["meters"], "plugged_in", True),
        "meter_lost",
        31,
    ),
    "its checksums are wrong": Mishap(
        lambda hub: setattr(hub.meter, "bad_crc", True),
        lambda hub: setattr(hub.meter, "bad_crc", False),
        "meter_lost",
        31,
    ),
    "the voltage is absurd": Mishap(
        lambda hub: hub.meter.tell_lies("absurd"), lambda hub: hub.meter.tell_lies(None), "meter_lost", 31
    ),
    "the meter repeats itself": Mishap(
        lambda hub: hub.meter.freeze(), lambda hub: hub.meter.freeze(False), "meter_lost", 301
    ),
    "too much is drawn": Mishap(
        lambda hub: hub.plug_in(EBIKE, "heater"),
        lambda hub: hub.plug_in(EBIKE, "ebike_lithium"),
        "over_power",
        3.5,
        lambda hub: hub.socket(EBIKE).flow.power_w > CUT_W,
    ),
    "the contact burns": Mishap(
        lambda hub: hub.socket(EBIKE).overheat(),
        lambda hub: hub.socket(EBIKE).cool(),
        "over_temp",
        2,
        lambda hub: hub.socket(EBIKE).temperature_c >= CUT_C,
    ),
    "current leaks": Mishap(
        lambda hub: hub.socket(EBIKE).trip_leakage(),
        lambda hub: hub.socket(EBIKE).trip_leakage(False),
        "leakage",
        0.1,
    ),
    "the plug is pulled": Mishap(
        lambda hub: hub.socket(EBIKE).unplug(), lambda hub: hub.plug_in(EBIKE, "ebike_lithium"), "pulled", 12
    ),
    "there is smoke": Mishap(
        lambda hub: hub.device.hardware.smoke_detectors["hub"].put(True),
        lambda hub: hub.device.hardware.smoke_detectors["hub"].put(False),
        "smoke",
        0.1,
    ),
    "somebody hits the stop": Mishap(
        lambda hub: hub.device.hardware.emergency_stops["hub"].put(True),
        lambda hub: hub.device.hardware.emergency_stops["hub"].put(False),
        "estop",
        0.1,
    ),
    "the fire panel alarms": Mishap(
        lambda hub: hub.device.hardware.fire_panels["hub"].alarm(),
        lambda hub: hub.device.hardware.fire_panels["hub"].alarm(False),
        "fire",
        0.1,
    ),
}


async def cut_after_s(hub: VirtualHub, mishap: Mishap) -> float:
    """Let it happen, and return how many seconds after its threshold was crossed the board saw the relay at rest.
    Raises ``TimeoutError``."""
    mishap.happens(hub)
    await hub.until(lambda: mishap.crossed(hub), 3600)
    return await hub.until(lambda: not hub.driven(EBIKE), mishap.within_s)
