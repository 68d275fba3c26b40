"""A board with the sample wiring: by itself in virtual time, and as the process that outlives a keeper."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from gpiozero import OutputDevice
from typer.testing import CliRunner

from dev import ROOT
from edge.config.device_config import load
from firmware_sim.board.board import Board
from firmware_sim.board.remote_board import SOCKET_VARIABLE
from firmware_sim.cli import app
from firmware_sim.control.control import BoardControl
from firmware_sim.control.orders import (
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
    View,
    WaitMove,
    Walk,
)
from firmware_sim.time.clock import run_real, run_virtual
from firmware_sim.worlds.board.folk import live
from firmware_sim.worlds.board.move_log import MoveLog, pin_names
from firmware_sim.worlds.board.process import Hands
from firmware_sim.worlds.board.wiring import Hardware, resistors, wire

PATIENCE_S = 30.0
CARD = "H10301:21:15890"
GYM, GATE = "gym-turnstile", "east-gate"


class Site:
    """One sample device's board in virtual time, and hands to do things at it."""

    def __init__(self, config_name: str) -> None:
        config = self.config = load(ROOT / "config" / f"{config_name}.toml")
        self.witness = MoveLog(pin_names(config))
        self.board = Board(asyncio.get_running_loop(), seed=1, pulls=resistors(config), on_move=self.witness.hear)
        self.hardware: Hardware = wire(self.board, config)
        self.hands = Hands(config, self.hardware, self.witness)
        self.factory = self.board.factory()

    async def do(self, order: Order) -> dict[str, Any]:
        return await self.hands.obey(order)

    async def point(self) -> dict[str, Any]:
        """How the device's one point stands."""
        (point,) = (await self.do(View()))["points"].values()
        assert isinstance(point, dict)
        return point

    def unlock(self, pin: int = 17) -> OutputDevice:
        """Drive a relay as a keeper would."""
        return OutputDevice(pin, initial_value=True, pin_factory=self.factory)


def at(config_name: str, story: Callable[[Site], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        await story(Site(config_name))

    run_virtual(main())


def test_a_tap_is_answered_with_the_times_of_its_first_and_last_pulse() -> None:
    async def story(site: Site) -> None:
        tapped = await site.do(Tap(f"{GYM}.in", CARD))
        assert tapped["last_ns"] - tapped["first_ns"] == pytest.approx(25e6)
        moves = (await site.do(Moves()))["moves"]
        assert {move["name"] for move in moves} == {f"{GYM}.in.d0", f"{GYM}.in.d1"}
        assert len(moves) == 2 * 26
        assert (await site.point())["readers"]["in"]["frames_sent"] == 1

    at("turnstile", story)


def test_a_person_walks_through_an_open_turnstile_and_is_stopped_by_a_locked_one() -> None:
    async def story(site: Site) -> None:
        assert await site.do(Walk(GYM)) == {"passed": False}
        assert await site.do(Walk(GYM, "out")) == {"passed": True}
        unlock = site.unlock()
        assert (await site.do(TapAndWalk(f"{GYM}.in", CARD)))["passed"] is True
        portal = (await site.point())["portal"]
        assert (portal["passed_in"], portal["passed_out"], portal["home"]) == (1, 1, True)
        unlock.close()

    at("turnstile", story)


def test_a_door_is_broken_open_held_and_let_go() -> None:
    async def story(site: Site) -> None:
        with pytest.raises(ControlError, match="is shut"):
            await site.do(Hold(GATE))
        await site.do(Force(GATE))
        await site.do(WaitMove(f"{GATE}.contact"))
        await site.do(Hold(GATE))
        await asyncio.sleep(60)
        assert (await site.point())["portal"]["shut"] is False
        await site.do(LetGo(GATE))
        await asyncio.sleep(60)
        assert (await site.point())["portal"]["shut"] is True

    at("door", story)


def test_the_exit_button_is_pressed_sticks_and_is_repaired() -> None:
    async def story(site: Site) -> None:
        await site.do(Press(GATE))
        assert (await site.point())["exit_button"]["pressed"] is True
        await asyncio.sleep(1)
        assert (await site.point())["exit_button"]["pressed"] is False
        await site.do(Stick(GATE))
        await asyncio.sleep(1)
        assert (await site.point())["exit_button"] == {"kind": "button", "pressed": True, "stuck": True}
        await site.do(Free(GATE))
        assert (await site.point())["exit_button"]["pressed"] is False

    at("door", story)


def test_a_fire_drops_the_arm_and_a_broken_wire_does_not() -> None:
    async def story(site: Site) -> None:
        await site.do(BreakWire("gym"))
        assert (await site.point())["portal"]["arm_dropped"] is False
        await site.do(BreakWire("gym", broken=False))
        await site.do(Fire("gym"))
        assert (await site.point())["portal"]["arm_dropped"] is True
        await site.do(Fire("gym", on=False))
        await site.do(ResetKey("gym"))
        zones = (await site.do(View()))["zones"]
        assert zones["gym"]["fire_panel"]["alarm"] is False
        assert zones["gym"]["reset_key"]["pressed"] is True

    at("turnstile", story)


def test_a_detector_and_a_stop_are_worked_and_seen_at_their_zone() -> None:
    async def story(site: Site) -> None:
        for on in (True, False):
            await site.do(Smoke("gym", on=on))
            await site.do(EmergencyStop("gym", on=on))
            await asyncio.sleep(0.1)
            zone = (await site.do(View()))["zones"]["gym"]
            assert (zone["smoke_detector"]["smoke"], zone["emergency_stop"]["pressed"]) == (on, on)

    at("turnstile", story)


def test_a_gate_without_a_detector_has_none_to_blow_smoke_into() -> None:
    async def story(site: Site) -> None:
        zone = (await site.do(View()))["zones"]["estate"]
        assert (zone["smoke_detector"], zone["emergency_stop"]) == (None, None)
        with pytest.raises(ControlError, match="no smoke detector 'estate' here"):
            await site.do(Smoke("estate"))

    at("door", story)


def test_an_arm_jams_and_is_freed() -> None:
    async def story(site: Site) -> None:
        await site.do(Jam(GYM))
        assert await site.do(Walk(GYM, "out")) == {"passed": False}
        assert (await site.point())["portal"]["home"] is False
        await site.do(ClearJam(GYM))
        await asyncio.sleep(5)
        assert (await site.point())["portal"]["home"] is True
        await site.do(Force(GYM))
        await asyncio.sleep(5)
        assert (await site.point())["portal"]["passed_in"] == 1

    at("turnstile", story)


def test_swapped_wires_turn_every_bit() -> None:
    async def story(site: Site) -> None:
        await site.do(SwapWires(f"{GYM}.in"))
        await site.do(Tap(f"{GYM}.in", "1000"))
        pulses = [move["name"][-1] for move in (await site.do(Moves()))["moves"] if not move["level"]]
        assert "".join(pulses) == "0111"
        await site.do(SwapWires(f"{GYM}.in", swapped=False))
        await site.do(Glitch(f"{GYM}.in"))
        assert len((await site.do(Moves()))["moves"]) == 2 * 4 + 1

    at("turnstile", story)


def test_a_move_is_waited_for_by_name_and_level() -> None:
    async def story(site: Site) -> None:
        assert await site.do(WaitMove(f"{GYM}.unlock", timeout_ms=100)) == {"move": None}
        waiting = asyncio.create_task(site.do(WaitMove(f"{GYM}.unlock", level=False)))
        unlock = site.unlock()
        await asyncio.sleep(1)
        assert not waiting.done()
        unlock.off()
        move = (await waiting)["move"]
        assert (move["pin"], move["level"], move["cause"], move["at_ns"]) == (17, False, "host", 1_100_000_000)
        earlier = await site.do(WaitMove(f"{GYM}.unlock", level=True, since_ns=0))
        assert earlier["move"]["at_ns"] == 100_000_000
        unlock.close()

    at("turnstile", story)


def test_moves_in_one_instant_are_told_apart() -> None:
    async def story(site: Site) -> None:
        unlock = site.unlock()
        unlock.off()
        first, second = (await site.do(Moves()))["moves"]
        assert first["at_ns"] < second["at_ns"]
        waited = await site.do(WaitMove(since_ns=first["at_ns"], timeout_ms=1))
        assert waited["move"] == second
        unlock.close()

    at("turnstile", story)


def test_the_view_tells_outputs_by_name() -> None:
    async def story(site: Site) -> None:
        assert (await site.point())["outputs"]["green"] == {"pin": 23, "level": False, "active": False, "held": False}
        green = site.unlock(23)
        assert (await site.point())["outputs"]["green"] == {"pin": 23, "level": True, "active": True, "held": True}
        green.close()

    at("door", story)


@pytest.mark.parametrize(
    ("order", "complaint"),
    [
        (Tap("cellar.in", CARD), f"no reader 'cellar.in' here; there is {GYM}.in"),
        (Tap(f"{GYM}.in", "1" * 300), "a frame is 1 to 256"),
        (TapAndWalk(f"{GYM}.in", "H99:1:1"), "no card format"),
        (Walk("cellar"), f"no point 'cellar' here; there is {GYM}"),
        (Press(GYM), f"no exit button '{GYM}' here; there is none"),
        (Hold(GYM), "is no door"),
        (Fire("cellar"), "no zone 'cellar' here; there is gym"),
        (WaitMove("cellar.lock"), f"no pin 'cellar.lock' here; there is {GYM}.arm, "),
    ],
)
def test_an_order_for_what_is_not_there_is_refused(order: Order, complaint: str) -> None:
    async def story(site: Site) -> None:
        with pytest.raises(ControlError, match=complaint):
            await site.do(order)

    at("turnstile", story)


def test_a_second_card_waits_for_the_first() -> None:
    async def story(site: Site) -> None:
        first = asyncio.create_task(site.do(Tap(f"{GYM}.in", CARD)))
        await asyncio.sleep(0)
        with pytest.raises(ControlError, match="still sending the card before"):
            await site.do(Tap(f"{GYM}.in", CARD))
        await first
        await site.do(Tap(f"{GYM}.in", CARD))

    at("turnstile", story)


def test_neighbours_come_by_themselves() -> None:
    async def story(site: Site) -> None:
        folk = asyncio.create_task(live(site.config, site.hardware))
        await asyncio.sleep(600)
        folk.cancel()
        assert 2 <= site.hardware.readers[f"{GYM}.in"].frames_sent <= 20

    at("turnstile", story)


class Processes:
    """A board as a process, and whoever holds its pins."""

    def __init__(self, folder: Path) -> None:
        self.socket, self.control_path = folder / "board.sock", folder / "control.sock"
        self.log = folder / "moves.jsonl"
        self.control = BoardControl(self.control_path)
        self.started: list[Process] = []
        sample = (ROOT / "config" / "turnstile.toml").read_text()
        self.config = folder / "turnstile.toml"
        self.config.write_text(sample)

    async def board(self, *options: str) -> Process:
        files = ["--socket", self.socket, "--control", self.control_path, "--log", self.log]
        command = ["-m", "firmware_sim.cli", "board", "--config", self.config, *files, *options]
        process = await self._start(*map(str, command))
        assert await said_by(process) == "the board of gym-turnstile is up"
        return process

    async def keeper(self) -> Process:
        """A process that drives the unlock contact and goes on holding it."""
        program = (
            "import signal\nfrom gpiozero import OutputDevice\nrelay = OutputDevice(17)\nrelay.on()\nsignal.pause()"
        )
        return await self._start("-c", program)

    async def _start(self, *command: str) -> Process:
        pins = {"GPIOZERO_PIN_FACTORY": "hearthgate_sim", SOCKET_VARIABLE: str(self.socket)}
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=PIPE, env={**os.environ, **pins}
        )
        self.started.append(process)
        return process

    async def end(self) -> None:
        await self.control.close()
        for process in self.started:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def said_by(process: Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


def in_processes(tmp_path: Path, story: Callable[[Processes], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        processes = Processes(tmp_path)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await story(processes)
        finally:
            await processes.end()

    run_real(main())


def test_a_killed_keeper_lets_the_lock_fall_back_and_the_board_has_seen_it(tmp_path: Path) -> None:
    async def story(processes: Processes) -> None:
        board = await processes.board()
        keeper = await processes.keeper()
        unlocked = await processes.control.wait_move(f"{GYM}.unlock", level=True, since_ns=0, timeout_ms=20_000)
        keeper.kill()
        locked = await processes.control.wait_move(f"{GYM}.unlock", level=False, since_ns=unlocked.at_ns)
        assert (locked.cause, locked.pin) == ("process died", 17)
        board.terminate()
        assert await board.wait() == 0
        logged = [json.loads(line) for line in processes.log.read_text().splitlines()]
        assert [(move["pin"], move["cause"]) for move in logged if move["pin"] == 17] == [
            (17, "host"),
            (17, "process died"),
        ]
        assert not processes.control_path.exists()

    in_processes(tmp_path, story)


def test_a_raspberry_pi_kernel_leaves_a_dead_keepers_pins_driven(tmp_path: Path) -> None:
    async def story(processes: Processes) -> None:
        await processes.board("--kernel", "raspberrypi")
        keeper = await processes.keeper()
        await processes.control.wait_move(f"{GYM}.unlock", level=True, since_ns=0, timeout_ms=20_000)
        keeper.kill()
        await keeper.wait()
        outputs = (await processes.control.view())["points"][GYM]["outputs"]
        assert outputs["unlock"]["level"] is True

    in_processes(tmp_path, story)


def test_a_card_is_tapped_from_a_shell(tmp_path: Path) -> None:
    async def story(processes: Processes) -> None:
        await processes.board()
        arguments = ["tap", f"{GYM}.in", CARD, "--control", str(processes.control_path), "--json"]
        shell = await processes._start("-m", "firmware_sim.cli", *arguments)
        tapped = json.loads(await said_by(shell))
        pulses = [move for move in await processes.control.moves() if not move.level]
        assert (tapped["first_ns"], tapped["last_ns"]) == (pulses[0].at_ns, pulses[-1].at_ns)

    in_processes(tmp_path, story)


def test_a_shell_is_told_what_to_do_without_a_board(tmp_path: Path) -> None:
    arguments = ["tap", "gym.in", CARD, "--control", str(tmp_path / "no.sock")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert "start it first" in done.output


def test_a_shell_is_told_of_a_path_that_can_be_no_socket(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["tap", "gym.in", CARD, "--control", str(tmp_path / f"{'d' * 120}.sock")])
    assert done.exit_code == 2
    assert done.output.endswith("name a shorter one with --control\n")


@pytest.mark.parametrize("option", ["--socket", "--control"])
def test_a_path_too_long_for_a_socket_is_named_with_the_option_that_shortens_it(option: str, tmp_path: Path) -> None:
    places = {"--socket": str(tmp_path / "b.sock"), "--control": str(tmp_path / "c.sock")}
    places[option] = long = str(tmp_path / f"{'d' * 120}.sock")
    config = str(ROOT / "config" / "turnstile.toml")
    done = CliRunner().invoke(app, ["board", "--config", config, *(word for pair in places.items() for word in pair)])
    assert done.exit_code == 2
    assert done.output.startswith(f"hearthgate-sim: {long} has {len(long)} bytes")
    assert done.output.endswith(f"name a shorter one with {option}\n")


def test_a_board_with_a_bad_config_says_so_in_a_line(tmp_path: Path) -> None:
    sockets = ["--socket", str(tmp_path / "b.sock"), "--control", str(tmp_path / "c.sock")]
    done = CliRunner().invoke(app, ["board", "--config", str(tmp_path / "no.toml"), *sockets])
    assert done.exit_code == 2
    assert "no.toml: there is no such file; name the device's with --config" in done.output
