"""Sockets under load, one after another: the instruments on a line in memory, the keeper in its place on a socket."""

import asyncio
from pathlib import Path

import pytest

from edge.config.peripherals import Instrument
from edge.config.tables import Point
from edge.instruments.load_test import ByHand, NotSwitched, by_keeper, try_meters, try_thermometers
from edge.instruments.modbus import Timing
from edge.instruments.modbus_line import ModbusLine
from edge.instruments.polling import units
from edge.keeper.protocol import Channel, DriveOutput, Refused, RestOutput, Snapshot, ToKeeper
from tests.edge.support.wires import NTC, PZEM, Meter, Wire
from tests.firmware_sim.support.story import in_virtual_time

NAMES = ["phone-1", "phone-2", "phone-3"]
IDLE = [2301, 0, 0, 0, 0, 4321, 0, 500, 0, 0]


def point(number: int) -> Point:
    meter, thermometer = Instrument("meters", "pzem004t", number), Instrument("meters", "ntc8", 40, number)
    return Point(f"phone-{number}", "socket", "hub", instruments={"meter": meter, "thermometer": thermometer})


class Hub:
    """Three sockets. ``measures`` says whose load each meter really sees, ``feels`` which socket each thermistor is in;
    the load is in whatever socket ``loaded`` names."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.points = [point(number) for number in (1, 2, 3)]
        self.measures = dict(zip(NAMES, NAMES, strict=True))
        self.feels = dict(zip(NAMES, NAMES, strict=True))
        self.meters = {f"phone-{number}": Meter(number, IDLE) for number in (1, 2, 3)}
        self.board = Meter(40, [250] * 8, function=3)
        wire = Wire(loop)
        wire.instruments = [*self.meters.values(), self.board]
        self.lines = [(ModbusLine(wire, Timing(), loop), units("meters", self.points))]
        self.orders: list[str] = []

    def load(self, where: str) -> None:
        for name, meter in self.meters.items():
            meter.registers = list(PZEM if self.measures[name] == where else IDLE)

    def warm(self, where: str) -> None:
        for number, name in enumerate(NAMES, 1):
            self.board.registers[number] = 280 if self.feels[name] == where else 250

    def asked(self, text: str) -> None:
        """What the installer does who is asked."""
        self.orders.append(text)
        what, _, where = text.partition(" ")
        if what == "load":
            self.load(where)
        elif what == "warm":
            self.warm(where)
        else:
            self.load("")

    def by_hand(self, begin: str = "load {point}") -> ByHand:
        return ByHand(self.asked, begin, "done {point}")


@in_virtual_time
async def test_a_hub_that_is_wired_well_is_found_well() -> None:
    hub = Hub()
    found = await try_meters(hub.points, hub.lines, hub.by_hand(), 5.0)
    found += await try_thermometers(hub.points, hub.lines, hub.by_hand("warm {point}"))
    assert [one.verdict for one in found] == ["ok"] * 6
    assert hub.orders[:4] == ["load phone-1", "done phone-1", "load phone-2", "done phone-2"]


@in_virtual_time
async def test_crossed_meters_and_thermistors_are_named() -> None:
    hub = Hub()
    hub.measures |= {"phone-1": "phone-2", "phone-2": "phone-1"}
    hub.feels |= {"phone-2": "phone-3", "phone-3": "phone-2"}
    meters = await try_meters(hub.points, hub.lines, hub.by_hand(), 5.0)
    assert [(one.verdict, *one.instead) for one in meters] == [
        ("crossed_meter", "phone-2.meter"),
        ("crossed_meter", "phone-1.meter"),
        ("ok",),
    ]
    thermometers = await try_thermometers(hub.points, hub.lines, hub.by_hand("warm {point}"))
    assert [one.verdict for one in thermometers] == ["ok", "crossed_thermometer", "crossed_thermometer"]


@in_virtual_time
async def test_a_board_that_cannot_be_read_is_said_to_be_unread() -> None:
    hub = Hub()
    hub.board.registers = list(NTC)  # the second channel's wire is broken, the third's shorted
    found = await try_thermometers(hub.points, hub.lines, hub.by_hand("done {point}"))
    assert [one.verdict for one in found] == ["not_warmed", "unread", "unread"]


class Keeper:
    """Listens where the keeper would; keeps the orders, and may refuse."""

    def __init__(self, *emergencies: str) -> None:
        self.orders: list[ToKeeper] = []
        self.refuses = False
        self.ordered = asyncio.Event()
        self._snapshot = Snapshot({}, list(emergencies))

    async def listen(self, path: Path) -> asyncio.Server:
        return await asyncio.get_running_loop().create_unix_server(self._channel, path)

    def _channel(self) -> Channel[ToKeeper]:
        channel = Channel[ToKeeper](ToKeeper, self._handle, lambda: None, lambda made: made.send(self._snapshot))
        self._agent = channel
        return channel

    def _handle(self, message: ToKeeper) -> None:
        self.orders.append(message)
        self.ordered.set()
        if self.refuses and isinstance(message, DriveOutput):
            self._agent.send(Refused(message.output, "no_such_output"))


def test_the_keeper_switches_contactor_and_relay_and_lets_both_fall(tmp_path: Path) -> None:
    async def story() -> None:
        keeper, asked = Keeper(), list[str]()
        async with await keeper.listen(tmp_path / "keeper.sock"):
            banks = {"phone-1": "bank-a"}
            async with by_keeper(tmp_path / "keeper.sock", banks, lambda at: asked.append(at.name)) as switch:
                await switch.on(point(1))
                await keeper.ordered.wait()
                await switch.off(point(1))
            while len(keeper.orders) < 4:
                await asyncio.sleep(0)
        outputs = ["bank-a.contactor", "phone-1.relay"]
        assert keeper.orders == [*(DriveOutput(name, 10_000) for name in outputs), *map(RestOutput, outputs)]
        assert asked == ["phone-1"]

    asyncio.run(story())


def test_a_keeper_that_refuses_is_heard(tmp_path: Path) -> None:
    async def story() -> None:
        keeper = Keeper()
        keeper.refuses = True
        path = tmp_path / "keeper.sock"
        async with await keeper.listen(path), by_keeper(path, {}, lambda at: None) as switch:
            await switch.on(point(1))
            with pytest.raises(NotSwitched, match=r"does not switch phone-1\.relay: no_such_output"):
                while True:
                    await asyncio.sleep(0)
                    await switch.off(point(1))

    asyncio.run(story())


@pytest.mark.parametrize("emergencies", [(), ("hub",)])
def test_without_a_keeper_or_in_an_emergency_nothing_is_switched(
    tmp_path: Path, emergencies: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.instruments.load_test.KEEPER_WITHIN_S", 0.05)

    async def story() -> None:
        keeper = Keeper(*emergencies)
        server = await keeper.listen(tmp_path / "keeper.sock") if emergencies else None
        with pytest.raises(NotSwitched, match="emergency in hub" if emergencies else "no keeper answers"):
            async with by_keeper(tmp_path / "keeper.sock", {}, lambda at: None):
                pytest.fail("there was a switch")
        if server is not None:
            server.close()

    asyncio.run(story())
