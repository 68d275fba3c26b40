"""From the end of a card's frame to the relay, by the log of the board: agent and keeper as processes, free entry.

A gym with six turnstiles on one board; members badge and walk through at all of them. A frame ends with the silence
after its last bit (5 ms, or four times its widest gap), so the figure is the move of the unlock pin minus the time at
which that silence was over. The agent has the real-time priority that its unit gives it. Then the same beside two
processes that never pause, without that priority, and with every flush of the journal as slow as on a bad SD card.
Beside all stands the limit of this set-up: a process without rules, journal or keeper that answers each bit with a pin.

The number of badges may be given: `python -m benchmarks.badge_to_relay 300`.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import pairwise
from pathlib import Path
from random import Random

from benchmarks import _roster
from benchmarks._machine import describe, work_folder
from benchmarks._report import SPREAD, finish, show, spread
from contract.sealing import DigestKey, RosterKey
from edge.config.device_config import DeviceConfig, load
from edge.keeper.wiegand import MIN_SILENCE_S, SILENCE_IN_GAPS
from edge.machine.files import write_whole
from firmware_sim.control.control import BoardControl
from firmware_sim.worlds.demo.brokers import free_port
from firmware_sim.worlds.demo.processes import Program, scripts

SITE, DEVICE = "sunny-court", "gym"
PINS = ((17, 22, 4, 5), (18, 23, 6, 7), (19, 24, 8, 9), (20, 25, 10, 11), (21, 26, 12, 13), (16, 27, 14, 15))
"""Of each turnstile: unlock, arm, D0 and D1."""
POINTS = {f"turnstile-{number}": pins for number, pins in enumerate(PINS, 1)}
BADGES = 120
REFLEX_TAPS = 20
BUSY = 2
LOOP = "import os; parent = os.getppid()\nwhile os.getppid() == parent: pass"
MEMBERS = 500
BETWEEN_FRAMES_NS = 50_000_000
NEXT_PERSON_S = 0.5
SETTLED_S = 1.0
"""An arm that has just come home is given 0.2 s before it is unlocked again, which is no matter of speed."""
KEY = DigestKey(bytes(range(32)))
ROSTER_KEY = RosterKey.from_bytes(bytes(range(32)))
WITHIN_S = 30.0


def write_device(folder: Path) -> DeviceConfig:
    """A device that has its keys and its roster, and finds no broker: it decides all the same."""
    lines = [f'[device]\nsite = "{SITE}"\nname = "{DEVICE}"\nstate = "state"\nkeys = "keys"\nrun = "run"']
    lines.append(f'[cloud]\nbroker = "mqtt://127.0.0.1:{free_port()}"')
    for name, (unlock, arm, d0, d1) in POINTS.items():
        lines.append(f'[[point]]\nname = "{name}"\nkind = "turnstile"\nzone = "gym"')
        lines.append(f'[point.outputs.unlock]\npin = {unlock}\nexternal_pull = "down"\nload = "dry_contact"')
        lines.append(f'emergency = "drive"\n[point.inputs.arm]\npin = {arm}\n[point.readers.in]\nd0 = {d0}\nd1 = {d1}')
    (folder / "device.toml").write_text("\n".join(lines))
    config = load(folder / "device.toml")
    config.keys.mkdir(mode=0o700)
    for name, key in (("digest.key", KEY), ("sync.key", KEY), ("roster.pub", ROSTER_KEY.public())):
        write_whole(config.keys / name, key.hex().encode())
    config.state.mkdir()
    digests = [_roster.digest(KEY, card) for card in _roster.cards(MEMBERS)]
    _roster.fill(config.state / "roster.db", digests, site=SITE, device=DEVICE, points=list(POINTS), key=ROSTER_KEY)
    return config


@asynccontextmanager
async def board_of(config: DeviceConfig, folder: Path) -> AsyncIterator[BoardControl]:
    """The board as a process; every move of a pin goes to ``folder / "moves.jsonl"``."""
    control = BoardControl(folder / "control.sock")
    arguments = ["--config", str(config.path), "--socket", str(folder / "board.sock"), "--control", str(control.path)]
    command = [sys.executable, "-m", "benchmarks._board", "board", *arguments, "--log", str(folder / "moves.jsonl")]
    board = Program("board", command, folder / "board.log")
    await board.start()
    try:
        await control.wait_until_up(WITHIN_S)
        yield control
        await control.close()
    finally:
        await board.stop()


async def running(program: Program, sign: Path) -> Program:
    """The program, started, once the file is there by which it shows itself."""
    await program.start()
    async with asyncio.timeout(WITHIN_S):
        while not sign.exists():
            program.check()
            await asyncio.sleep(0.05)
    return program


async def badge(config: DeviceConfig, folder: Path, badges: int, agent_command: Sequence[str]) -> list[float]:
    """Members at all turnstiles; the milliseconds from the end of each frame to its relay."""
    folder.mkdir()
    device = ["--config", str(config.path)]
    pins = {"GPIOZERO_PIN_FACTORY": "hearthgate_sim", "HEARTHGATE_SIM_BOARD": str(folder / "board.sock")}
    edge = scripts("hearthgate-edge")
    async with board_of(config, folder) as control:
        keeper = Program("keeper", [edge, "keeper", *device], folder / "keeper.log", pins)
        agent = Program("agent", [*agent_command, "run", *device], folder / "agent.log")
        try:
            await running(keeper, config.run / "keeper.sock")
            await running(agent, config.run / "agent.sock")
            await asyncio.sleep(SETTLED_S)  # the agent finds its keeper, and both come to rest
            cards = iter(_roster.cards(MEMBERS) * (1 + badges // MEMBERS))
            left = iter(range(badges))
            await asyncio.gather(*(_members(control, name, cards, left) for name in POINTS))
        finally:
            await agent.stop()
            await keeper.stop()
    return delays_ms(folder / "moves.jsonl")


async def _members(control: BoardControl, point: str, cards: Iterator[int], left: Iterator[int]) -> None:
    """One after the other, until all have badged."""
    chance = Random(point)
    await asyncio.sleep(chance.random())
    for _ in left:
        assert await control.tap_and_walk(f"{point}.in", _roster.frame(next(cards)))
        await asyncio.sleep(NEXT_PERSON_S * (1 + chance.random()))


def moves(log: Path) -> list[tuple[int, int, bool]]:
    """When which pin moved to what, in nanoseconds; the log before the newest comes first."""
    files = [file for file in (log.with_name(f"{log.name}.1"), log) if file.exists()]
    told = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [(move["at_ns"], move["pin"], move["level"]) for move in told]


def delays_ms(log: Path) -> list[float]:
    """For each unlocking: how long after the silence that ended the frame before it."""
    seen, delays = moves(log), []
    for unlock, _, d0, d1 in PINS:
        bits: list[int] = []
        for at_ns, pin, level in seen:
            if pin in (d0, d1) and not level:
                if bits and at_ns - bits[-1] > BETWEEN_FRAMES_NS:
                    bits = []
                bits.append(at_ns)
            elif pin == unlock and level and bits:
                widest = max(after - before for before, after in pairwise(bits))
                ended_ns = bits[-1] + max(MIN_SILENCE_S * 1e9, SILENCE_IN_GAPS * widest)
                delays.append((at_ns - ended_ns) / 1e6)
                bits = []
    return delays


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many processes of ordinary priority that never pause."""
    loops = [subprocess.Popen([sys.executable, "-c", LOOP]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


async def reflex(config: DeviceConfig, folder: Path) -> list[float]:
    """The milliseconds from a bit to the pin of a process that does nothing else."""
    folder.mkdir()
    name, (output, _, d0, d1) = next(iter(POINTS.items()))
    log = folder / "reflex.log"
    async with board_of(config, folder) as control:
        arguments = [str(folder / "board.sock"), *map(str, (d0, d1, output))]
        process = Program("reflex", [sys.executable, "-m", "benchmarks._reflex", *arguments], log)
        await process.start()
        try:
            async with asyncio.timeout(WITHIN_S):
                while not log.read_text():
                    process.check()
                    await asyncio.sleep(0.05)
            for card in _roster.cards(REFLEX_TAPS):
                await control.tap(f"{name}.in", _roster.frame(card))
                await asyncio.sleep(0.05)
        finally:
            await process.stop()
    bits, answers = [], []
    for at_ns, pin, level in moves(folder / "moves.jsonl"):
        if pin in (d0, d1) and not level:
            bits.append(at_ns)
        elif pin == output:
            answers.append(at_ns)
    return [(answer - bit) / 1e6 for bit, answer in zip(bits[-len(answers) :], answers, strict=False)]


def main() -> None:
    badges = int(sys.argv[1]) if len(sys.argv) > 1 else BADGES
    with work_folder() as name:
        folder = Path(name)
        config = write_device(folder)
        ordinary = [scripts("hearthgate-edge")]
        real_time, slow = ([sys.executable, "-m", f"benchmarks.{name}"] for name in ("_in_real_time", "_slow_card"))
        ways = {
            "end of frame → relay": (real_time, 0),
            "the same beside two busy loops": (real_time, BUSY),
            "the same without real-time priority": (ordinary, 0),
            "the same on a slow card": (slow, 0),
        }
        found = {}
        for number, (way, (command, loops)) in enumerate(ways.items()):
            with busy(loops):
                found[way] = spread(asyncio.run(badge(config, folder / f"{number}", badges, command)))
        found["bit → pin, nothing between"] = spread(asyncio.run(reflex(config, folder / "reflex")))
        machine = describe(folder)
    show(
        "From the end of a frame to the relay, ms", ("way", *SPREAD), [[way, *one.row(2)] for way, one in found.items()]
    )
    finish(
        "badge_to_relay",
        {"ms": {way: one.figures() for way, one in found.items()}, "badges": badges},
        machine,
    )


if __name__ == "__main__":
    main()
