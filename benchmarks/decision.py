"""A decision, its look-up included, with 1,000,000 cards in the roster; and what such a roster costs the agent.

In this process: the shipped `Decider` on the shipped `RosterStore`, from the bits of a frame to the decision, turn by
turn with a plain dict look-up and a bare `SELECT` over the same digests, and with as much time in which nothing is
done: what that row says beyond its median is the machine's doing, which interrupts whatever runs. Then each check of
the rule by itself, with everything asked that can be. Then the shipped agent as a process, with this program in the
keeper's place: the time from its start until it asks for its keeper, and its memory after 2,000 badges.
"""

import asyncio
import gc
import json
import multiprocessing
import sqlite3
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable
from pathlib import Path
from random import Random
from resource import RUSAGE_THREAD, getrusage
from statistics import median
from time import perf_counter_ns

from benchmarks import _checks, _roster
from benchmarks._keeper import StandIn
from benchmarks._machine import describe, resident_mib, work_folder
from benchmarks._report import SPREAD, Spread, finish, show, spread
from contract.sealing import DigestKey, RosterKey
from edge.agent.decider import Decider
from edge.archetypes.protocol import Report
from edge.config.device_config import DeviceConfig
from edge.machine.clock import DeviceClock, wall_ms
from edge.machine.files import write_whole
from edge.roster.store import RosterStore
from firmware_sim.worlds.demo.brokers import free_port
from firmware_sim.worlds.demo.community import SITE, write_config
from firmware_sim.worlds.demo.processes import scripts

CARDS = 1_000_000
POINT = "gym-turnstile"
ROUNDS, ROUND = 20, 5_000
WARM_UP = 60_000
"""Enough to come upon every page: a page is checked when it is first read."""
STARTS = 7
BADGES = 2_000
HIT_RATE = 0.9
NOTHING = "nothing, as long"
UNDISTURBED = "decision, not preempted"
KEY = DigestKey(bytes(range(32)))
ROSTER_KEY = RosterKey.from_bytes(bytes(range(32)))
WITHIN_S = 30.0


def build(folder: Path) -> None:
    """The roster of the device, and the same digests as a bare table. In a process of its own: it needs much memory."""
    digests = [_roster.digest(KEY, card) for card in _roster.cards(CARDS)]
    (folder / "state").mkdir()
    _roster.fill(folder / "state" / "roster.db", digests, site=SITE, device=POINT, points=[POINT], key=ROSTER_KEY)
    bare = sqlite3.connect(folder / "bare.db")
    bare.execute("CREATE TABLE cards (digest BLOB PRIMARY KEY, row BLOB NOT NULL) WITHOUT ROWID")
    bare.executemany("INSERT INTO cards VALUES (?, ?)", ((each, each[:12]) for each in sorted(digests)))
    bare.commit()
    bare.close()


def badges(count: int, seed: int) -> list[int]:
    """Cards as they come to the door: nine of ten in the roster."""
    chance, known = Random(seed), _roster.cards(CARDS)
    return [
        chance.choice(known) if chance.random() < HIT_RATE else chance.randrange(_roster.CARD_NUMBERS)
        for _ in range(count)
    ]


def timed(act: Callable[[str | bytes], object], things: list[str] | list[bytes]) -> tuple[list[float], list[float]]:
    """How long each call took, in microseconds; and those alone during which no other program had the processor."""
    took, undisturbed = [], []
    for thing in things:
        preempted = getrusage(RUSAGE_THREAD).ru_nivcsw
        began = perf_counter_ns()
        act(thing)
        took.append((perf_counter_ns() - began) / 1000)
        if getrusage(RUSAGE_THREAD).ru_nivcsw == preempted:
            undisturbed.append(took[-1])
    return took, undisturbed


def idle(for_ns: int, count: int) -> list[float]:
    """How long it takes to see that a time has passed, in microseconds."""
    took = []
    for _ in range(count):
        began = now = perf_counter_ns()
        while now - began < for_ns:
            now = perf_counter_ns()
        took.append((now - began) / 1000)
    return took


def decide(folder: Path) -> dict[str, Spread]:
    """The decision and its peers, a round of each in turn, so that all three meet the same noise."""
    store = RosterStore(folder / "state" / "roster.db")
    clock = DeviceClock(folder / "clock.json")
    clock.saw_issued(wall_ms())
    clock.saw_acknowledged(wall_ms())
    decider = Decider(store, clock, KEY)
    report = Report("rest", busy=False, faulted=False)
    bare = sqlite3.connect(folder / "bare.db")
    plain = dict(bare.execute("SELECT digest, row FROM cards"))

    def decide_frame(bits: str | bytes) -> object:
        digest = decider.digest_of(str(bits)) or b""
        return decider.decide(digest, POINT, "in", free_exit=False, report=report)

    ways: dict[str, Callable[[str | bytes], object]] = {
        "decision": decide_frame,
        "bare SELECT": lambda digest: bare.execute("SELECT row FROM cards WHERE digest = ?", (digest,)).fetchone(),
        "dict": plain.get,
    }
    took: dict[str, list[float]] = {name: [] for name in (*ways, UNDISTURBED, NOTHING)}
    gc.freeze()  # the million entries of the dict are the peer's, and no agent has them
    for number in range(ROUNDS + 1):
        cards = badges(ROUND if number else WARM_UP, number)
        frames, digests = [_roster.frame(card) for card in cards], [_roster.digest(KEY, card) for card in cards]
        for name, act in ways.items():
            found, undisturbed = timed(act, frames if name == "decision" else digests)
            if number:
                took[name] += found
            if name == "decision":
                took[UNDISTURBED] += undisturbed if number else []
                took[NOTHING] += idle(round(median(found) * 1000), ROUND if number else 0)
    assert decider.failures == 0
    return {name: spread(found) for name, found in took.items()}


def open_ms(folder: Path) -> float:
    """From nothing to the first grant found, the store alone."""
    digest = _roster.digest(KEY, _roster.cards(CARDS)[0])
    began = perf_counter_ns()
    found = RosterStore(folder / "state" / "roster.db").find(digest)
    took = (perf_counter_ns() - began) / 1e6
    assert found
    return took


def register(folder: Path) -> DeviceConfig:
    """A device with keys and no broker to be found: it decides all the same."""
    config = write_config(folder, POINT, "turnstile", "gym", POINT, free_port())
    config.keys.mkdir(mode=0o700)
    for name, key in (("digest.key", KEY), ("sync.key", KEY), ("roster.pub", ROSTER_KEY.public())):
        write_whole(config.keys / name, key.hex().encode())
    return config


async def start_agent(config: DeviceConfig, keeper: StandIn) -> tuple[Process, float]:
    """The agent, and the milliseconds from its start until it had opened everything and found its keeper."""
    keeper.connected.clear()
    began = perf_counter_ns()
    command = scripts("hearthgate-edge"), "run", "--config", str(config.path)
    agent = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)
    await asyncio.wait_for(keeper.connected.wait(), WITHIN_S)
    return agent, (perf_counter_ns() - began) / 1e6


async def end(agent: Process) -> None:
    agent.terminate()
    await agent.wait()


async def journal_rows(config: DeviceConfig) -> int:
    reader, writer = await asyncio.open_unix_connection(config.run / "agent.sock")
    rows = json.loads(await reader.read())["journal"]["last"]
    writer.close()
    return int(rows)


async def run_agent(config: DeviceConfig) -> tuple[list[float], float]:
    """How long each start took (the first makes the journal), and the memory after many badges."""
    async with StandIn(config.run, (f"{POINT}.arm", f"{POINT}.exit_arm")) as keeper:
        starts = []
        for number in range(STARTS):
            agent, took_ms = await start_agent(config, keeper)
            starts.append(took_ms)
            if number < STARTS - 1:
                await end(agent)
        assert agent.pid is not None
        rows = await journal_rows(config)
        for card in Random(99).choices(_roster.cards(CARDS), k=BADGES):  # of unknown cards only the first few are rows
            keeper.frame(f"{POINT}.in", _roster.frame(card))
            await asyncio.sleep(0.001)
        while await journal_rows(config) < rows + BADGES:
            await asyncio.sleep(0.05)
        memory = resident_mib(agent.pid)
        await end(agent)
        return starts, memory


def main() -> None:
    with work_folder() as name:
        folder = Path(name)
        builder = multiprocessing.get_context("spawn").Process(target=build, args=(folder,))
        builder.start()
        builder.join()
        assert builder.exitcode == 0
        opened = [open_ms(folder) for _ in range(STARTS)]
        config = register(folder)
        starts, memory = asyncio.run(run_agent(config))
        found = decide(folder)
        checks = _checks.costs_ns()
        machine = describe(folder)
        ready = median(starts[1:])
        show(
            f"A decision with {CARDS:,} cards, µs",
            ("way", *SPREAD),
            [[name, *one.row()] for name, one in found.items()],
        )
        whole_ns = found["decision"].p50 * 1000
        show(
            "What the checks of the rule cost, everything asked",
            ("check", "ns", "of a decision with its look-up, p50"),
            [[name, f"{ns:.0f}", f"{ns / whole_ns:.1%}"] for name, ns in checks.items()],
        )
        show(
            "The agent with that roster",
            ("", "median", "max"),
            [
                ["store opened and first grant found, ms", f"{median(opened):.1f}", f"{max(opened):.1f}"],
                ["agent started until it finds its keeper, ms", f"{ready:.0f}", f"{max(starts[1:]):.0f}"],
                ["its very first start, which makes the journal, ms", f"{starts[0]:.0f}", ""],
                [f"resident memory after {BADGES:,} badges, MiB", f"{memory:.1f}", ""],
            ],
        )
        finish(
            "decision",
            {
                "us": {name: one.figures() for name, one in found.items()},
                "checks_ns": {name: round(ns) for name, ns in checks.items()},
                "store_open_ms": round(median(opened), 2),
                "agent_ready_ms": round(ready, 1),
                "agent_first_start_ms": round(starts[0], 1),
                "agent_mib": round(memory, 1),
            },
            machine,
        )


if __name__ == "__main__":
    main()
