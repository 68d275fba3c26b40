"""A device's board as a process of its own: it outlives keeper and agent, and sees what becomes of the pins."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from edge.config.device_config import DeviceConfig
from edge.config.peripherals import Bus, Scanner
from edge.machine.files import socket_complaint
from edge.ocpp.passwords import passwords_in
from firmware_sim.board.board import Board
from firmware_sim.board.remote_board import BoardServer
from firmware_sim.control.control import ControlServer
from firmware_sim.parts.charge_point import EvPost
from firmware_sim.parts.hardware import Hardware
from firmware_sim.parts.rs485 import Rs485Bus, Terminal
from firmware_sim.parts.scanner import Scanner as SimulatedScanner
from firmware_sim.worlds.board.executor import CommandExecutor
from firmware_sim.worlds.board.move_log import MoveLog, pin_names
from firmware_sim.worlds.board.wiring import resistors, wire
from firmware_sim.worlds.demo.processes import stop_signal


def serial_link(config: DeviceConfig, name: str, line: Bus | Scanner) -> Path:
    """Where the pseudo-terminal of a bus or a scanner is found. Raises `OSError` for a device that is not beside the
    config, or that is no serial line."""
    if Path(line.device).is_absolute():
        raise OSError(f'{name}: a simulated line lies beside the config; write device = "{name}"')
    if isinstance(line, Scanner) and line.line == "keyboard":
        raise OSError(f'{name}: a keyboard cannot be simulated on a pseudo-terminal; write line = "serial"')
    return config.path.parent / line.device


def serial_lines(config: DeviceConfig, hardware: Hardware) -> Iterator[tuple[Rs485Bus | SimulatedScanner, Path]]:
    """Every part with a serial line, and where its pseudo-terminal is found. Raises `OSError` like `serial_link`."""
    for bus in config.buses:
        yield hardware.buses[bus.name], serial_link(config, bus.name, bus)
    for point in config.points:
        for way, scanner in point.scanners.items():
            name = f"{point.name}.{way}"
            yield hardware.scanners[name], serial_link(config, name, scanner)


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
    loop, ended = asyncio.get_running_loop(), asyncio.create_task(stop_signal())
    moves = MoveLog(pin_names(config), log)
    board = Board(loop, seed=seed, strict_gpiod=strict_gpiod, pulls=resistors(config), on_move=moves.hear)
    hardware = wire(board, config)
    posts = charging_posts(config, loop)
    hardware.parts |= posts
    servers = (BoardServer(board, socket), ControlServer(control, CommandExecutor(config, hardware, moves).obey))
    async with AsyncExitStack() as closing:
        closing.callback(moves.close)
        for part, link in serial_lines(config, hardware):
            closing.callback(Terminal(loop, part, link).close)
        for server in servers:
            closing.push_async_callback(server.close)
            await server.start()
        print(f"the board of {config.device.name} is up", flush=True)
        async with asyncio.TaskGroup() as group:
            living = [group.create_task(post.run(), name=post.name) for post in posts.values()]
            if people:
                from firmware_sim.worlds.board.visitors import (
                    run_visitors,  # with the cloud's sample and what that is stored with
                )

                living.append(group.create_task(run_visitors(config, hardware), name="people"))
            await ended
            for life in living:
                life.cancel()
