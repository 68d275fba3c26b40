"""A sample config becomes hardware: every pin it names has a part on it, and the part does what such a part does."""

import asyncio
from pathlib import Path

import pytest
from msgspec import structs

from dev import ROOT
from edge.config.device_config import DeviceConfig, load
from edge.config.kinds import add_kinds
from firmware_sim import parts
from firmware_sim.board.board import Board
from firmware_sim.parts.bank import Contactor
from firmware_sim.parts.button import PushButton
from firmware_sim.parts.charger import Socket
from firmware_sim.parts.door import Door
from firmware_sim.parts.hardware import ControlError, Hardware
from firmware_sim.parts.meter import Ntc8
from firmware_sim.parts.modbus_slave import Slave
from firmware_sim.parts.portal import Portal
from firmware_sim.parts.relay import Lock
from firmware_sim.parts.turnstile import Turnstile
from firmware_sim.worlds.board.executor import CommandExecutor
from firmware_sim.worlds.board.move_log import MoveLog, pin_names
from firmware_sim.worlds.board.wiring import resistors, wire
from tests.edge.support.kinds import write_kind
from tests.firmware_sim.support.story import in_virtual_time

SAMPLES = sorted((ROOT / "config").glob("*.toml"))
MAGNET = """\
[device]
site = "sunny-court"
name = "hub"
[cloud]
broker = "mqtt://127.0.0.1:1883"
[[point]]
name = "hub"
kind = "door"
zone = "hub"
outputs.lock = { pin = 17, load = "power_to_lock", relay = "low", external_pull = "up" }
inputs.contact = { pin = 22 }
inputs.release_sense = { pin = 24 }
[[emergency]]
zone = "hub"
input = { pin = 26, active = "high" }
reset = { pin = 16 }
"""


def wired(config: DeviceConfig) -> Hardware:
    return wire(Board(asyncio.get_running_loop(), seed=1, pulls=resistors(config)), config)


def sample(name: str) -> DeviceConfig:
    return load(ROOT / "config" / f"{name}.toml")


@pytest.mark.parametrize("file", SAMPLES, ids=lambda path: path.name)
@in_virtual_time
async def test_everything_a_sample_names_is_there(file: Path) -> None:
    config = load(file)
    hardware = wired(config)
    fitted = [*hardware.all(Portal), *hardware.all(Socket), *hardware.all(Contactor)]
    assert sorted(fitted) == sorted(point.name for point in config.points if point.kind != "ev_post")
    own = {f"{point.name}.{way}" for point in config.points for way in point.readers}
    assert set(hardware.readers) == own | {shared.name for shared in config.readers}
    assert set(hardware.buses) == {bus.name for bus in config.buses}
    assert set(hardware.all(Slave)) == {f"{point.name}.{name}" for point in config.points for name in point.instruments}
    zones = {emergency.zone for emergency in config.emergencies}
    assert set(hardware.fire_panels) == set(hardware.reset_keys) == zones


@pytest.mark.parametrize("file", SAMPLES, ids=lambda path: path.name)
@in_virtual_time
async def test_the_resistors_hold_every_relay_at_rest(file: Path) -> None:
    config = load(file)
    hardware = wired(config)
    for point in config.points:
        for output in point.outputs.values():
            assert resistors(config)[output.pin] == ("down" if output.relay == "high" else "up")
            assert hardware.board.pin(output.pin).level is (output.relay == "low")


@in_virtual_time
async def test_a_card_at_the_reader_pulses_the_two_pins_that_the_config_names() -> None:
    config = sample("turnstile")
    hardware = wired(config)
    hardware.readers["gym-turnstile.in"].send("01")
    await asyncio.sleep(1)
    names = pin_names(config)
    pulsed = [names[move.pin] for move in hardware.board.moves if not move.level]
    assert pulsed == ["gym-turnstile.in.d0", "gym-turnstile.in.d1"]


@in_virtual_time
async def test_the_turnstile_turns_while_its_unlock_pin_is_high_and_its_arm_tells() -> None:
    hardware = wired(sample("turnstile"))
    turnstile = hardware.get(Portal, "gym-turnstile")
    assert isinstance(turnstile, Turnstile)
    assert not await turnstile.enter()
    keeper = hardware.board.factory()
    unlock, arm = keeper.pin(17), keeper.pin(22)
    unlock.output_with_state(1)
    arm.input_with_pull("up")
    assert await turnstile.enter()
    assert False in [move.level for move in hardware.board.moves if move.pin == 22]


@in_virtual_time
async def test_the_doors_strike_button_and_contact_are_on_their_pins() -> None:
    hardware = wired(sample("door"))
    assert isinstance(hardware.get(Portal, "east-gate"), Door)
    assert hardware.get(Lock, "east-gate.lock").load == "power_to_unlock"
    keeper = hardware.board.factory()
    keeper.pin(27).input_with_pull("up")
    hardware.get(PushButton, "east-gate.exit_button").press()
    await asyncio.sleep(1)
    assert 27 in {move.pin for move in hardware.board.moves}
    keeper.pin(17).output_with_state(1)
    await asyncio.sleep(1)
    assert not hardware.get(Lock, "east-gate.lock").locked


@in_virtual_time
async def test_the_fire_panel_frees_a_turnstile_by_wire_alone() -> None:
    hardware = wired(sample("turnstile"))
    turnstile = hardware.get(Portal, "gym-turnstile")
    assert isinstance(turnstile, Turnstile)
    hardware.fire_panels["gym"].alarm()
    assert turnstile.arm_dropped


@in_virtual_time
async def test_the_fire_panel_frees_a_magnet_by_wire_and_leaves_a_strike_to_the_keeper(tmp_path: Path) -> None:
    (tmp_path / "magnet.toml").write_text(MAGNET)
    magnet, strike = wired(load(tmp_path / "magnet.toml")), wired(sample("door"))
    locks = magnet.get(Lock, "hub.lock"), strike.get(Lock, "east-gate.lock")
    assert [lock.locked for lock in locks] == [True, True]
    magnet.fire_panels["hub"].alarm()
    strike.fire_panels["estate"].alarm()
    assert [lock.locked for lock in locks] == [False, True]


@in_virtual_time
async def test_a_fire_in_another_zone_frees_nothing() -> None:
    config = sample("turnstile")
    elsewhere = structs.replace(config, points=tuple(structs.replace(point, zone="hub") for point in config.points))
    hardware = wired(elsewhere)
    turnstile = hardware.get(Portal, "gym-turnstile")
    assert isinstance(turnstile, Turnstile)
    hardware.fire_panels["gym"].alarm()
    assert not turnstile.arm_dropped


@in_virtual_time
async def test_a_kind_without_a_part_is_a_fault_of_ours() -> None:
    config = sample("door")
    with pytest.raises(ControlError, match="locker"):
        wired(structs.replace(config, points=(structs.replace(config.points[0], kind="locker"),)))


BELL = """
from firmware_sim.parts.kind import PartKind


class Bell:
    def view(self):
        return {"kind": "bell"}


def fit(hardware, point):
    hardware.parts[point.name] = Bell()


PART = PartKind(fit)
"""


@in_virtual_time
async def test_another_kind_brings_its_own_part(tmp_path: Path) -> None:
    write_kind(tmp_path, "bell", "")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "bell.py").write_text(BELL)
    add_kinds([tmp_path], parts)
    config = sample("door")
    other = structs.replace(config, points=(structs.replace(config.points[0], kind="bell"),))
    hardware = wire(Board(asyncio.get_running_loop(), seed=1, pulls=resistors(other)), other)
    (seen,) = CommandExecutor(other, hardware, MoveLog(pin_names(other))).view()["points"].values()
    assert seen["part"] == {"kind": "bell"}


@in_virtual_time
async def test_sockets_hang_on_their_bank_wherever_it_stands_in_the_config() -> None:
    config = sample("socket")
    hardware = wired(structs.replace(config, points=config.points[::-1]))
    socket, keeper = hardware.get(Socket, "ebike-1"), hardware.board.factory()
    keeper.pin(17).output_with_state(1)
    await asyncio.sleep(1)
    assert not socket.live
    keeper.pin(22).output_with_state(1)
    await asyncio.sleep(1)
    assert socket.live


@in_virtual_time
async def test_thermistors_of_one_address_are_on_one_board() -> None:
    hardware = wired(sample("socket"))
    board, same = (hardware.get(Ntc8, f"{point}.thermometer") for point in ("ebike-1", "phone-1"))
    assert board is same
    assert len(hardware.buses["meters"].slaves) == 3
    assert board.channels == {"ebike-1.thermometer": 0, "phone-1.thermometer": 1}
