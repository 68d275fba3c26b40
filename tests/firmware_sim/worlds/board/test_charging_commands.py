"""People plug in, things break, meters mislead: each order on a board with two sockets behind a contactor."""

import asyncio
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from dev import ROOT
from edge.config.device_config import load
from firmware_sim.board.board import Board
from firmware_sim.cli import app
from firmware_sim.control.commands import CutMains, Key, Moves, PullBus, Tap, View
from firmware_sim.parts.bank import Contactor, Mend, StickOpen, Weld
from firmware_sim.parts.charger import Socket
from firmware_sim.parts.hardware import Command, ControlError
from firmware_sim.parts.instrument import (
    BreakSensor,
    CrossMeters,
    FreezeMeter,
    GarbleMeter,
    LateMeter,
    LieMeter,
    MuteMeter,
    ResetEnergy,
)
from firmware_sim.parts.modbus_slave import Slave
from firmware_sim.parts.socket import Cool, Overheat, PlugIn, TripLeakage, Unplug
from firmware_sim.people.riders import KEY_S
from firmware_sim.time.clock import run_virtual
from firmware_sim.worlds.board.executor import CommandExecutor
from firmware_sim.worlds.board.move_log import MoveLog, pin_names
from firmware_sim.worlds.board.wiring import resistors, wire
from tests.firmware_sim.support.story import in_virtual_time

EBIKE, PHONE, BANK = "ebike-1", "phone-1", "bank-a"
SAMPLE = ROOT / "config" / "socket.toml"


class Hub:
    """The sample's two sockets, and a keeper's hands at their pins."""

    def __init__(self) -> None:
        config = load(SAMPLE)
        witness = MoveLog(pin_names(config))
        self.board = Board(asyncio.get_running_loop(), seed=1, pulls=resistors(config), on_move=witness.hear)
        self.hardware = wire(self.board, config)
        self.executor = CommandExecutor(config, self.hardware, witness)
        self.pins = {
            f"{point.name}.{name}": output.pin for point in config.points for name, output in point.outputs.items()
        }

    async def do(self, *orders: Command) -> None:
        for order in orders:
            await self.executor.obey(order)

    async def feed(self, point: str, *, on: bool = True) -> None:
        """Close the contactor and a socket's relay, or open that relay."""
        self.board.pin(self.pins[f"{BANK}.contactor"]).drive(True)
        self.board.pin(self.pins[f"{point}.relay"]).drive(on)
        await asyncio.sleep(0.1)

    async def point(self, name: str) -> dict[str, Any]:
        found = (await self.executor.obey(View()))["points"][name]
        assert isinstance(found, dict)
        return found

    async def socket(self, name: str) -> dict[str, Any]:
        found = (await self.point(name))["socket"]
        assert isinstance(found, dict)
        return found


@in_virtual_time
async def test_a_phone_is_plugged_in_charged_and_taken_away() -> None:
    hub = Hub()
    await hub.do(PlugIn(PHONE, "phone", 90))
    await hub.feed(PHONE)
    charging = await hub.socket(PHONE)
    assert charging["power_w"] > 5
    assert charging["plugged_in"] == {"what": "phone", "charge_percent": 90.0, "full": False}
    await hub.do(Unplug(PHONE))
    assert (await hub.socket(PHONE))["plugged_in"] is None


@in_virtual_time
async def test_a_bad_contact_heats_until_it_is_cooled() -> None:
    hub = Hub()
    await hub.do(PlugIn(EBIKE, "ebike_lithium"), Overheat(EBIKE))
    await hub.feed(EBIKE)
    await asyncio.sleep(900)
    hot = await hub.socket(EBIKE)
    assert hot["temperature_c"] > 70
    assert hot["bad_contact"]
    await hub.do(Cool(EBIKE))
    assert (await hub.socket(EBIKE))["temperature_c"] == 25.0


@pytest.mark.parametrize(("point", "key"), [(EBIKE, "relay"), (BANK, "contactor")])
@in_virtual_time
async def test_relays_and_contactors_weld_stick_and_are_mended(point: str, key: str) -> None:
    hub = Hub()

    async def closed() -> bool:
        seen = await hub.point(point)
        return bool((seen["socket"]["relay"] if key == "relay" else seen["contactor"])["closed"])

    seen = []
    for order in (Weld(point), StickOpen(point), Mend(point)):
        await hub.do(order)
        seen.append(await closed())
    assert seen == [True, False, False]


@in_virtual_time
async def test_what_befalls_an_instrument_shows() -> None:
    hub = Hub()
    await hub.do(
        MuteMeter(EBIKE),
        FreezeMeter(EBIKE),
        LateMeter(EBIKE, 1500),
        GarbleMeter(EBIKE),
        LieMeter(EBIKE, "half"),
        BreakSensor(EBIKE, "open"),
        BreakSensor(PHONE, "shorted"),
    )
    seen = (await hub.point(EBIKE))["instruments"]
    meter = {"muted": True, "frozen": True, "late_ms": 1500, "bad_crc": True, "lie": "half", "kind": "pzem004t"}
    assert {key: seen["meter"][key] for key in meter} == meter
    assert seen["thermometer"]["broken"] == {"0": "open", "1": "shorted"}
    await hub.do(
        MuteMeter(EBIKE, False),
        FreezeMeter(EBIKE, False),
        LateMeter(EBIKE, 0),
        GarbleMeter(EBIKE, False),
        LieMeter(EBIKE, None),
        BreakSensor(EBIKE, None),
        BreakSensor(PHONE, None),
    )
    mended = (await hub.point(EBIKE))["instruments"]
    idle = {"muted": False, "frozen": False, "late_ms": 0, "bad_crc": False, "lie": None, "kind": "pzem004t"}
    assert {key: mended["meter"][key] for key in idle} == idle
    assert mended["thermometer"]["broken"] == {}


@in_virtual_time
async def test_a_thermometer_can_be_silent_too() -> None:
    hub = Hub()
    await hub.do(MuteMeter(EBIKE, instrument="thermometer"))
    assert [(await hub.point(name))["instruments"]["thermometer"]["muted"] for name in (EBIKE, PHONE)] == [True, True]


@in_virtual_time
async def test_a_meters_counter_begins_anew() -> None:
    hub = Hub()
    await hub.do(PlugIn(EBIKE, "heater"))
    await hub.feed(EBIKE)
    await asyncio.sleep(3600)
    assert (await hub.point(EBIKE))["instruments"]["meter"]["energy_wh"] > 1400
    await hub.do(ResetEnergy(EBIKE))
    assert (await hub.point(EBIKE))["instruments"]["meter"]["energy_wh"] == 0


@in_virtual_time
async def test_crossed_meters_measure_each_others_sockets_and_crossed_thermistors_too() -> None:
    hub = Hub()
    meters = [hub.hardware.get(Slave, f"{point}.meter") for point in (EBIKE, PHONE)]
    before = [meter.socket.name for meter in meters]  # type: ignore[attr-defined]
    await hub.do(CrossMeters(EBIKE, PHONE), CrossMeters(EBIKE, PHONE, instrument="thermometer"))
    assert [meter.socket.name for meter in meters] == before[::-1]  # type: ignore[attr-defined]
    board = hub.hardware.get(Slave, f"{EBIKE}.thermometer")
    assert {at: socket.name for at, socket in board.sockets.items()} == {0: PHONE, 1: EBIKE}  # type: ignore[attr-defined]


@in_virtual_time
async def test_leakage_mains_and_the_cable_of_the_bus() -> None:
    hub = Hub()
    await hub.do(TripLeakage(EBIKE), CutMains(), PullBus("meters"))
    view = await hub.executor.obey(View())
    assert view["points"][EBIKE]["socket"]["leakage"]
    assert view["points"][EBIKE]["instruments"]["meter"]["powered"] is False
    assert (view["mains"], view["buses"]["meters"]["plugged_in"]) == (False, False)
    await hub.do(TripLeakage(EBIKE, False), CutMains(False), PullBus("meters", False))
    view = await hub.executor.obey(View())
    assert (view["mains"], view["buses"]["meters"]["plugged_in"]) == (True, True)


@in_virtual_time
async def test_keys_are_short_frames_at_the_shared_reader() -> None:
    hub = Hub()
    await hub.do(Key("hub", "1#"))
    pulses = [move["name"] for move in (await hub.executor.obey(Moves()))["moves"] if not move["level"]]
    assert pulses == [f"hub.d{bit}" for bit in "0001" + "1011"]


@in_virtual_time
async def test_a_card_follows_the_number_of_its_socket() -> None:
    hub = Hub()
    await hub.do(Tap("hub", "0110", keys="2"))
    pulses = [move["name"] for move in (await hub.executor.obey(Moves()))["moves"] if not move["level"]]
    assert pulses == [f"hub.d{bit}" for bit in "0010" + "0110"]
    assert (await hub.point(PHONE))["choice"] == {"reader": "hub", "number": "2"}
    assert (await hub.point(BANK))["choice"] is None


@in_virtual_time
async def test_pin_follows_the_card() -> None:
    """Far enough behind it that its keys are no part of the card's frame."""
    hub = Hub()
    await hub.do(Tap("hub", "0110", pin="12"))
    falls = [move for move in (await hub.executor.obey(Moves()))["moves"] if not move["level"]]
    assert [move["name"] for move in falls] == [f"hub.d{bit}" for bit in "0110" + "0001" + "0010" + "1011"]
    gaps_ms = [(later["at_ns"] - earlier["at_ns"]) / 1e6 for earlier, later in pairwise(falls)]
    assert [gap for gap in gaps_ms if gap > 2] == pytest.approx([KEY_S * 1000] * 3, rel=0.1)


@pytest.mark.parametrize(
    ("order", "cure"),
    [
        (PlugIn("gym", "phone"), f"no socket 'gym' here; there is {EBIKE}, {PHONE}"),
        (Weld("gym"), f"no relay or contactor 'gym' here; there is {BANK}, {EBIKE}, {PHONE}"),
        (MuteMeter(EBIKE, instrument="clock"), "no instrument 'ebike-1.clock' here"),
        (LieMeter(EBIKE, "half", instrument="thermometer"), "is no meter"),
        (BreakSensor(EBIKE, "open", "meter"), "is no thermometer"),
        (TripLeakage(PHONE), "phone-1 has no residual-current monitor"),
        (PullBus("cable"), "no bus 'cable' here; there is meters"),
        (Key("gate", "1"), "no reader 'gate' here"),
    ],
    ids=str,
)
@in_virtual_time
async def test_what_cannot_be_done_is_said_with_what_can(order: Command, cure: str) -> None:
    with pytest.raises(ControlError) as refused:
        await Hub().do(order)
    assert cure in str(refused.value)


POINTS = st.sampled_from([EBIKE, PHONE, BANK, "nowhere"])
STANDING_ACTIONS = st.one_of(
    st.builds(PlugIn, POINTS, st.sampled_from(["phone", "ebike_lead", "heater", "nothing"]), st.floats(0, 100)),
    *(st.builds(order, POINTS) for order in (Unplug, Overheat, Cool, Weld, StickOpen, Mend, FreezeMeter, ResetEnergy)),
    st.builds(LieMeter, POINTS, st.sampled_from(["half", "double", "nothing", "absurd", None])),
    st.builds(CrossMeters, POINTS, POINTS),
    st.builds(CutMains, st.booleans()),
)


@given(deeds=st.lists(st.tuples(STANDING_ACTIONS, st.floats(0, 7200)), max_size=20))
def test_whatever_is_done_power_needs_a_closed_way_and_energy_never_runs_backwards(
    deeds: list[tuple[Command, float]],
) -> None:
    async def story() -> None:
        hub = Hub()
        await hub.feed(EBIKE)
        energy = 0.0
        for order, wait_s in deeds:
            try:
                await hub.do(order)
            except ControlError:
                continue
            await asyncio.sleep(wait_s)
            socket = hub.hardware.get(Socket, EBIKE)
            flow = socket.flow
            assert flow.energy_wh >= energy
            assert 20 <= socket.temperature_c <= 180
            may_flow = socket.relay.closed.on and hub.hardware.get(Contactor, BANK).closed.on
            assert flow.power_w == 0 or (may_flow and hub.hardware.mains.supply.on and socket.appliance is not None)
            energy = flow.energy_wh

    run_virtual(story())


def board_command(config: Path, folder: Path) -> list[str]:
    files = ["--socket", str(folder / "board.sock"), "--control", str(folder / "control.sock")]
    return ["board", "--config", str(config), *files]


def test_the_boards_process_offers_its_bus_beside_the_config(mbpoll: Path, tmp_path: Path) -> None:
    config = tmp_path / "socket.toml"
    config.write_text(SAMPLE.read_text().replace('"/dev/serial0"', '"meters"'))
    command = [sys.executable, "-m", "firmware_sim.cli", *board_command(config, tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as board:
        assert board.stdout is not None
        assert board.stdout.readline() == "the board of hub-sockets is up\n"
        poll = [str(mbpoll), "-m", "rtu", "-b", "9600", "-P", "none", "-0", "-1", "-r", "0"]
        meter = ["-a", "2", "-t", "3", "-c", "10"]
        thermistors = ["-a", "40", "-t", "4", "-c", "2"]
        heard = [
            subprocess.check_output([*poll, *what, str(tmp_path / "meters")], text=True, timeout=60)
            for what in (meter, thermistors)
        ]
        board.terminate()
    assert "[9]: \t0\n" in heard[0]
    assert "[0]: \t250\n[1]: \t250\n" in heard[1]
    assert not (tmp_path / "meters").is_symlink()


def test_a_board_does_not_touch_a_real_serial_port(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, board_command(SAMPLE, tmp_path))
    assert done.exit_code == 2
    assert 'write device = "meters"' in done.output
    assert list(tmp_path.iterdir()) == []
