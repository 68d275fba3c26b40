"""A board, a keeper and a shell as programs of their own."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dev import ROOT
from firmware_sim.board.remote_board import SOCKET_VARIABLE
from firmware_sim.cli import app
from firmware_sim.control.control import BoardControl
from firmware_sim.time.clock import run_real

PATIENCE_S = 30.0
CARD = "H10301:21:15890"
GYM = "gym-turnstile"


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


def test_text_is_scanned_from_a_shell(tmp_path: Path) -> None:
    async def story(processes: Processes) -> None:
        wired = processes.config.read_text() + '\n[point.scanners.in]\ndevice = "scanner"\n'
        processes.config.write_text(wired)
        await processes.board()
        arguments = ["scan", f"{GYM}.in", "HG1ABC", "--control", str(processes.control_path)]
        assert await said_by(await processes._start("-m", "firmware_sim.cli", *arguments)) == f"{GYM}.in read the text"

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
