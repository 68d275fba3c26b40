"""The board in one process, its pins held by another. Real time, yet nothing sleeps: every wait is for an event."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from gpiozero import DigitalInputDevice, OutputDevice

from firmware_sim.board.board import Board, Move
from firmware_sim.board.remote_board import MAX_LINE, SOCKET_VARIABLE, BoardServer, RemoteBoardFactory
from firmware_sim.time.clock import run_real

PATIENCE_S = 20.0
"""Far beyond what a busy machine needs; a wait this long is a failure, never a pace."""

KEEPER = """
import signal
from gpiozero import OutputDevice
relay = OutputDevice(17)
button = relay.pin_factory.pin(27)
def answer(ticks, level):
    assert not button.state  # a callback may ask the board in turn
    relay.on()
    print(round(ticks * 1e9), flush=True)
button.pull = "up"
button.edges = "falling"
button.when_changed = answer
print("ready", flush=True)
signal.pause()
"""


class Bench:
    """A served board, and a record of its moves that can be waited for."""

    def __init__(self, socket: Path, *, strict_gpiod: bool) -> None:
        self.socket = socket
        self.moved: asyncio.Queue[Move] = asyncio.Queue()
        self.board = Board(
            asyncio.get_running_loop(),
            seed=1,
            strict_gpiod=strict_gpiod,
            pulls={17: "down"},
            on_move=self.moved.put_nowait,
        )
        self.server = BoardServer(self.board, socket)

    async def move_of(self, pin: int) -> Move:
        async with asyncio.timeout(PATIENCE_S):
            while (move := await self.moved.get()).pin != pin:
                pass
            return move

    async def keeper(self) -> Process:
        """Start a real process that answers a press on GPIO27 by closing the relay on GPIO17."""
        environment = {**os.environ, "GPIOZERO_PIN_FACTORY": "hearthgate_sim", SOCKET_VARIABLE: str(self.socket)}
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", KEEPER, stdout=PIPE, env=environment)
        assert await said_by(process) == "ready"
        return process


async def said_by(process: Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        return (await process.stdout.readline()).decode().strip()


def on_a_bench(
    tmp_path: Path, story: Callable[[Bench], Coroutine[Any, Any, None]], *, strict_gpiod: bool = True
) -> None:
    async def main() -> None:
        bench = Bench(tmp_path / "board.sock", strict_gpiod=strict_gpiod)
        await bench.server.start()
        try:
            await story(bench)
        finally:
            await bench.server.close()

    run_real(main())


@pytest.mark.parametrize(("strict_gpiod", "rests"), [(True, True), (False, False)])
def test_kill_9_of_the_keeper_brings_its_relay_to_rest_only_with_a_strict_kernel(
    tmp_path: Path, strict_gpiod: bool, rests: bool
) -> None:
    async def story(bench: Bench) -> None:
        keeper = await bench.keeper()
        bench.board.pin(27).drive(False)
        assert (await bench.move_of(17)).level is True
        keeper.kill()
        await keeper.wait()
        if rests:
            move = await bench.move_of(17)
            assert (move.level, move.cause) == (False, "process died")
        else:
            # A new process may have the pin only once the board has noticed that the old one is gone.
            successor = await bench.keeper()
            assert [(m.level, m.cause) for m in bench.board.moves if m.pin == 17] == [
                (True, "host"),
                (False, "host"),  # the successor's doing
            ]
            successor.kill()
            await successor.wait()

    on_a_bench(tmp_path, story, strict_gpiod=strict_gpiod)


def test_an_edge_reaches_the_keeper_with_the_time_at_which_the_board_saw_it(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        keeper = await bench.keeper()
        bench.board.pin(27).drive(False)
        heard_ns = int(await said_by(keeper))
        pressed = next(move for move in bench.board.moves if move.pin == 27 and not move.level)
        assert abs(heard_ns - pressed.at_ns) < 1000  # ticks are floats of seconds
        keeper.kill()
        await keeper.wait()

    on_a_bench(tmp_path, story)


def test_a_keeper_told_to_stop_gives_its_pins_back_in_order(tmp_path: Path) -> None:
    def keeper(socket: str) -> None:
        with RemoteBoardFactory(socket) as factory:
            relay = OutputDevice(17, pin_factory=factory)
            contact = DigitalInputDevice(27, pull_up=True, pin_factory=factory)
            relay.on()
            assert (relay.value, contact.value) == (1, 0)

    async def story(bench: Bench) -> None:
        await asyncio.to_thread(keeper, str(bench.socket))
        assert [(move.level, move.cause) for move in bench.board.moves if move.pin == 17] == [
            (True, "host"),
            (False, "host"),
        ]
        assert bench.board.pin(17).holder is None

    on_a_bench(tmp_path, story)


def test_a_pin_held_by_another_process_is_refused(tmp_path: Path) -> None:
    def two_keepers(socket: str) -> None:
        with RemoteBoardFactory(socket) as first, RemoteBoardFactory(socket) as second:
            first.pin(17)
            with pytest.raises(OSError, match="GPIO17 is held by another process"):
                second.pin(17)

    async def story(bench: Bench) -> None:
        await asyncio.to_thread(two_keepers, str(bench.socket))

    on_a_bench(tmp_path, story)


def test_a_reset_of_the_board_ends_the_process_that_held_it(tmp_path: Path) -> None:
    def ask(factory: RemoteBoardFactory) -> None:
        with pytest.raises(OSError, match=r"gone|[Bb]roken pipe|reset"):
            factory.lines.read(17)
        factory.close()

    async def story(bench: Bench) -> None:
        factory = await asyncio.to_thread(RemoteBoardFactory, str(bench.socket))
        await asyncio.to_thread(factory.pin, 17)
        bench.board.reset()
        await asyncio.to_thread(ask, factory)

    on_a_bench(tmp_path, story)


@pytest.mark.parametrize(
    "nonsense",
    [b"hello\n", b"{}\n", b"[]\n", b'["fly", 17]\n', b'["read"]\n', b'["read", 99]\n', b"[" * (MAX_LINE + 1)],
)
def test_who_does_not_speak_the_protocol_is_cut_off_and_moves_nothing(tmp_path: Path, nonsense: bytes) -> None:
    async def story(bench: Bench) -> None:
        reader, writer = await asyncio.open_unix_connection(bench.socket)
        writer.write(b'["claim_output", 17, true]\n' + nonsense)
        async with asyncio.timeout(PATIENCE_S):
            answers = [json.loads(line) for line in (await reader.read()).splitlines()]
        writer.close()
        await writer.wait_closed()
        assert answers[0] == ["ok", None]
        assert all(answer[0] == "error" for answer in answers[1:])
        assert bench.board.pin(17).level is False

    on_a_bench(tmp_path, story)


def test_without_a_board_the_error_says_what_to_start_or_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConnectionError, match="no simulated board answers"):
        RemoteBoardFactory(str(tmp_path / "nobody.sock"))
    with pytest.raises(
        ConnectionError, match=r"d\.sock: AF_UNIX path too long; give the board a socket with a shorter"
    ):
        RemoteBoardFactory(str(tmp_path / f"{'d' * 120}.sock"))
    monkeypatch.delenv(SOCKET_VARIABLE, raising=False)
    with pytest.raises(ConnectionError, match=f"set {SOCKET_VARIABLE}"):
        RemoteBoardFactory()
