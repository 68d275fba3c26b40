"""How the cost of a card grows with the number of them: a decision, the device's file, and its memory.

For each size a roster as a device holds it. In this process the shipped decider, from the bits of a frame to the
decision, turn by turn with a bare `SELECT` of the same digest: processor time. Then the shipped agent as a process with
that roster, and its memory after as many badges as fill its caches.
"""

import asyncio
import multiprocessing
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random
from statistics import median
from time import process_time

from benchmarks import _roster
from benchmarks._keeper import StandIn
from benchmarks._machine import describe, resident_mib, work_folder
from benchmarks._report import finish, show
from benchmarks.decision import KEY, POINT, ROSTER_KEY, end, journal_rows, register, start_agent
from edge.agent.decider import Decider
from edge.archetypes.protocol import Report
from edge.machine.clock import DeviceClock, wall_ms
from edge.roster.store import RosterStore
from firmware_sim.worlds.demo.community import SITE

SIZES = (1_000, 10_000, 100_000, 1_000_000)
ROUNDS, ROUND = 5, 4_000
BADGES = 1_000
PAUSE_S = 0.001


def build(folder: Path, count: int) -> None:
    """The roster, and the same digests as a bare table. In a process of its own: it needs much memory."""
    digests = [_roster.digest(KEY, card) for card in _roster.cards(count)]
    (folder / "state").mkdir(parents=True)
    _roster.fill(folder / "state" / "roster.db", digests, site=SITE, device=POINT, points=[POINT], key=ROSTER_KEY)
    with closing(sqlite3.connect(folder / "bare.db")) as bare:
        bare.execute("CREATE TABLE cards (digest BLOB PRIMARY KEY, row BLOB NOT NULL) WITHOUT ROWID")
        bare.executemany("INSERT INTO cards VALUES (?, ?)", ((each, each[:12]) for each in sorted(digests)))
        bare.commit()


def spent_us(act: Callable[[int], object], cards: list[int]) -> float:
    began_s = process_time()
    for card in cards:
        act(card)
    return (process_time() - began_s) / len(cards) * 1e6


def decide(folder: Path, count: int) -> tuple[float, float]:
    """Microseconds of a decision and of a bare `SELECT`, the frame's digest computed for both."""
    clock = DeviceClock(folder / "clock.json")
    clock.saw_issued(wall_ms())
    clock.saw_acknowledged(wall_ms())
    chance, known = Random(count), _roster.cards(count)
    report = Report("rest", busy=False, faulted=False)
    with (
        closing(RosterStore(folder / "state" / "roster.db")) as store,
        closing(sqlite3.connect(folder / "bare.db")) as bare,
    ):
        decider = Decider(store, clock, KEY)
        ours, peer = [], []
        for number in range(ROUNDS + 1):
            cards = [chance.choice(known) for _ in range(ROUND)]
            frames = {card: _roster.frame(card) for card in cards}
            digests = {card: _roster.digest(KEY, card) for card in cards}

            def decide_card(card: int, frames: dict[int, str] = frames) -> object:
                digest = decider.digest_of(frames[card]) or b""
                return decider.decide(digest, POINT, "in", free_exit=False, report=report)

            def select(card: int, digests: dict[int, bytes] = digests) -> object:
                return bare.execute("SELECT row FROM cards WHERE digest = ?", (digests[card],)).fetchone()

            took = spent_us(decide_card, cards), spent_us(select, cards)
            if number:
                ours.append(took[0])
                peer.append(took[1])
        assert decider.failures == 0
    return median(ours), median(peer)


async def agent_mib(folder: Path, count: int) -> float:
    """Memory of the agent with that roster."""
    config = register(folder)
    async with StandIn(config.run, (f"{POINT}.arm", f"{POINT}.exit_arm")) as keeper:
        agent, _ = await start_agent(config, keeper)
        assert agent.pid is not None
        rows, chance, known = await journal_rows(config), Random(count), _roster.cards(count)
        for _ in range(BADGES):
            keeper.frame(f"{POINT}.in", _roster.frame(chance.choice(known)))
            await asyncio.sleep(PAUSE_S)
        while await journal_rows(config) < rows + BADGES:
            await asyncio.sleep(0.05)
        memory = resident_mib(agent.pid)
        await end(agent)
    return memory


def main() -> None:
    figures: dict[str, dict[str, float]] = {}
    with work_folder() as name:
        for count in SIZES:
            folder = Path(name) / str(count)
            builder = multiprocessing.get_context("spawn").Process(target=build, args=(folder, count))
            builder.start()
            builder.join()
            assert builder.exitcode == 0
            decision, bare = decide(folder, count)
            figures[str(count)] = {
                "decision_us": round(decision, 2),
                "bare_us": round(bare, 2),
                "to_bare": round(decision / bare, 3),
                "file_kib": round((folder / "state" / "roster.db").stat().st_size / 1024),
                "agent_mib": round(asyncio.run(agent_mib(folder, count)), 1),
            }
        machine = describe(Path(name))
    rows = [[f"{int(size):,}", *(f"{value:,.1f}" for value in one.values())] for size, one in figures.items()]
    show("By the number of cards", ("cards", "a decision µs", "bare SELECT µs", "×", "file KiB", "agent MiB"), rows)
    finish("cards", {"at": figures}, machine)


if __name__ == "__main__":
    main()
