"""The load test of a whole installation: shipped keeper on a simulated board, relays, loads, meters that speak RTU."""

import asyncio
from pathlib import Path

from edge.config import device_config
from edge.instruments.load_judging import crossed_with
from edge.instruments.load_test import ByHand, ByKeeper, try_meters, try_thermometers
from edge.instruments.modbus import Timing
from edge.instruments.modbus_line import ModbusLine
from edge.instruments.polling import units
from edge.keeper.keeper import Keeper
from edge.keeper.latch import Latch
from edge.keeper.protocol import Reload, ToKeeper
from firmware_sim.board.board import Board
from firmware_sim.parts.battery import Load
from firmware_sim.parts.charger import Socket
from firmware_sim.parts.meter import Ntc8, Pzem004t
from firmware_sim.parts.rs485 import Rs485Bus
from firmware_sim.parts.wire import Mains
from tests.firmware_sim.support.story import in_virtual_time

NUMBERS = (1, 2, 3)
HEAD = """\
[device]
site = "sunny-court"
name = "hub"
[cloud]
broker = "mqtt://127.0.0.1:1883"
[[bus]]
name = "meters"
device = "meters"
"""
SOCKET = """
[[point]]
name = "phone-{number}"
kind = "socket"
zone = "hub"
settings.class = "phone"
outputs.relay = {{ pin = {pin}, load = "power_to_run" }}
instruments.meter = {{ bus = "meters", model = "pzem004t", address = {number} }}
instruments.thermometer = {{ bus = "meters", model = "ntc8", address = 40, channel = {number} }}
"""


class Hub:
    """Three phone sockets as an installer has wired them."""

    def __init__(self, folder: Path) -> None:
        loop = asyncio.get_running_loop()
        pins = {number: 16 + number for number in NUMBERS}
        (folder / "hub.toml").write_text(
            HEAD + "".join(SOCKET.format(number=number, pin=pin) for number, pin in pins.items())
        )
        self.config = device_config.load(folder / "hub.toml")
        self.board = Board(loop, seed=1, pulls=dict.fromkeys(pins.values(), "down"))
        mains, bus = Mains(loop), Rs485Bus(loop)
        self.sockets = {number: Socket(self.board, relay_pin=pin, mains=mains) for number, pin in pins.items()}
        self.meters = {number: Pzem004t(number, socket=one, name=f"{number}") for number, one in self.sockets.items()}
        self.thermistors = Ntc8(40)
        self.thermistors.sockets |= self.sockets
        bus.slaves += [*self.meters.values(), self.thermistors]
        self.switch = ByKeeper(self, {}, lambda point: None)
        latch = Latch(folder / "latch.json")
        self.keeper = Keeper(self.config, self.board.factory(), latch, loop, self.switch.handle)
        line = ModbusLine(bus.open(), Timing(), loop)
        self.lines = [(line, units("meters", self.config.points))]

    def send(self, message: ToKeeper) -> None:
        """The line to the keeper."""
        assert not isinstance(message, Reload)
        self.keeper.handle(message)

    def plug_in_everywhere(self) -> None:
        for socket in self.sockets.values():
            socket.plug_in(Load("lamp", 12.0, 0.9))


@in_virtual_time
async def test_a_hub_that_is_wired_well_passes_and_is_at_rest_afterwards(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    hub.plug_in_everywhere()
    found = await try_meters(hub.config.points, hub.lines, hub.switch, 5.0)
    assert [one.verdict for one in found] == ["ok", "ok", "ok"]
    assert not any(socket.live for socket in hub.sockets.values())


@in_virtual_time
async def test_two_meters_with_exchanged_cables_are_found_as_a_pair(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    hub.plug_in_everywhere()
    hub.meters[1].move_to(hub.sockets[3])
    hub.meters[3].move_to(hub.sockets[1])
    found = await try_meters(hub.config.points, hub.lines, hub.switch, 5.0)
    assert [one.verdict for one in found] == ["crossed_meter", "ok", "crossed_meter"]
    assert crossed_with(found) == [("phone-1.meter", "phone-3.meter")]


@in_virtual_time
async def test_a_socket_without_its_load_and_a_dead_meter_are_told_apart(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    hub.plug_in_everywhere()
    hub.sockets[1].unplug()
    hub.meters[2].muted = True
    found = await try_meters(hub.config.points, hub.lines, hub.switch, 5.0)
    assert [one.verdict for one in found] == ["no_load", "unread", "ok"]


@in_virtual_time
async def test_thermistors_in_each_others_sockets_are_found_by_a_warm_hand(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    hub.thermistors.sockets |= {1: hub.sockets[2], 2: hub.sockets[1]}

    def warm(text: str) -> None:
        for number, socket in hub.sockets.items():
            socket.cool()
            if text == f"warm phone-{number}":
                socket.overheat(ambient_c=60.0)

    found = await try_thermometers(hub.config.points, hub.lines, ByHand(warm, "warm {point}", "let go of {point}"))
    assert [one.verdict for one in found] == ["crossed_thermometer", "crossed_thermometer", "ok"]
