"""How fast simulated time passes: device-hours of the shipped agent and keeper per second of one core.

One turnstile on its simulated board, or a riders' hub that reads its fourteen instruments every second, with its files
in memory. In the cloud's place stands as little as can acknowledge events; the last row has the shipped cloud, its
database and four devices. Beside each figure stands the loop alone, with as many timers that do nothing. Seconds are
this process's own: other load does not count. Then, where they go.
"""

import asyncio
import cProfile
import pstats
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple, TypeVarTuple

from benchmarks._machine import describe, work_folder
from benchmarks._report import finish, show
from cloud.sample import SITE
from contract import codec, topics
from contract.messages import Ack, EventBatch
from contract.sealing import Purpose, SyncKey, mac, statement
from firmware_sim.network.virtual_mqtt import VirtualLink
from firmware_sim.people.walkers import GYM_DAY
from firmware_sim.time.clock import VirtualLoop
from firmware_sim.worlds.demo.community import SampleDevice
from firmware_sim.worlds.virtual.town import VirtualTown, sites

Ts = TypeVarTuple("Ts")

IN_MEMORY = Path("/dev/shm")
WARM_UP_S = 120.0
TOP = 12


class Life(NamedTuple):
    """How a device is used, and for how long it is watched."""

    what: str
    visits_per_hour: Sequence[float]
    hours: float
    places: tuple[SampleDevice, ...]
    shipped_cloud: bool = False

    @property
    def device_hours(self) -> float:
        return self.hours * len(self.places)


NOBODY = (0.0,) * 24
QUIET = Life("quiet: nobody comes", NOBODY, 1000, (*sites(1),))
USUAL = Life("a gym's day: 119 visits", GYM_DAY, 240, (*sites(1),))
BUSY = Life("busy: 60 visits an hour", (60.0,) * 24, 24, (*sites(1),))
IDLE_HUB = Life("an idle hub: 14 instruments", NOBODY, 2, (("hub-sockets", "hub", "hub", "hub-sockets"),))
TOWN = Life("4 devices, a gym's day, shipped cloud", GYM_DAY, 24, (*sites(4),), shipped_cloud=True)


class LeastCloud:
    """Acknowledges every batch unread: what a device needs to go on, and nothing else."""

    def __init__(self, town: VirtualTown) -> None:
        self._town = town
        self._keys = {name: SyncKey(_secret(town, name)) for name in town.devices}
        self._link = VirtualLink(town.broker, "least cloud", subscribe=[topics.up(SITE.name, "+", "events")])
        self._link.on_message = self._message
        self._link.start()

    def _message(self, topic: str, payload: bytes, _retained: bool) -> None:
        found = topics.parse(topic)
        if found is not None:
            batch = codec.unpack(payload, EventBatch)
            body = codec.write(Ack(batch.journal, batch.last, self._town.now_ms()))
            seal = mac(self._keys[found.device], statement(Purpose.ACK, SITE.name, found.device, body))
            self._link.publish(topics.down(SITE.name, found.device, "ack"), codec.attach(body, seal), qos=1)


def _secret(town: VirtualTown, device: str) -> bytes:
    return bytes.fromhex((town.devices[device].config.keys / "sync.key").read_text())


class Measured(NamedTuple):
    """The seconds that a life took, its timers, its visits, and the profile if it was asked for."""

    took_s: float
    timers: int
    visits: int
    profile: pstats.Stats | None


def run(main: Callable[[VirtualLoop], Coroutine[Any, Any, Measured]]) -> Measured:
    """In a loop of its own."""
    loop = VirtualLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main(loop))


def measure(life: Life, *, profiled: bool = False) -> Measured:
    """Live it. Profiled, it takes several times as long: then only the shares count."""
    profile = cProfile.Profile()

    async def main(loop: VirtualLoop) -> Measured:
        with tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as folder:
            town = VirtualTown(Path(folder), seed=1, places=life.places)
            town.start()
            await asyncio.sleep(WARM_UP_S)
            if not life.shipped_cloud:
                town.cloud.kill()
                LeastCloud(town)
            if any(life.visits_per_hour):
                town.live(life.visits_per_hour)
            timers_before = loop.timers_set
            if profiled:
                profile.enable()
            began_s = process_time()
            await asyncio.sleep(life.hours * 3600)
            took_s = process_time() - began_s
            profile.disable()
            timers, visits = loop.timers_set - timers_before, len(town.visits)
            await town.close()
            return Measured(took_s, timers, visits, pstats.Stats(profile) if profiled else None)

    return run(main)


def bare(timers: int) -> float:
    """Seconds for as many timers that do nothing."""

    async def main(loop: VirtualLoop) -> Measured:
        left, done = timers, asyncio.Event()

        def tick() -> None:
            nonlocal left
            left -= 1
            if left:
                loop.call_later(15.0, tick)
            else:
                done.set()

        began_s = process_time()
        loop.call_later(15.0, tick)
        await done.wait()
        return Measured(process_time() - began_s, timers, 0, None)

    return run(main).took_s


PLACES = ("edge", "contract", "cloud", "firmware_sim", "sqlalchemy", "sqlite3", "cryptography", "gpiozero", "asyncio")
ASYNCIO_S_OWN = ("heapq", "select", "_contextvars", "_asyncio")


def place(file: str, name: str) -> str:
    """Whose a function is, by its file, or by the name that the profiler gives a built-in one."""
    text = name if file == "~" else file
    for part in ASYNCIO_S_OWN:
        if part in text:
            return "asyncio"
    return next((one for one in PLACES if f"/{one}/" in text or f"{one}." in text), "Python itself")


def shares(profile: pstats.Stats) -> dict[str, float]:
    """Which share of the time was spent in whose functions, the largest first."""
    spent: dict[str, float] = {}
    for (file, _, name), (_, _, own_s, _, _) in _functions(profile):
        whose = place(file, name)
        spent[whose] = spent.get(whose, 0.0) + own_s
    total_s = sum(spent.values())
    return {whose: spent[whose] / total_s for whose in sorted(spent, key=lambda one: -spent[one])}


def top(profile: pstats.Stats) -> list[tuple[str, float]]:
    """The functions with the most time of their own, and their shares."""
    functions = sorted(_functions(profile), key=lambda one: -one[1][2])
    total_s = sum(times[2] for _, times in functions)
    return [(_called(*where), times[2] / total_s) for where, times in functions[:TOP]]


def _called(file: str, line: int, name: str) -> str:
    return name.strip("{}") if file == "~" else f"{'/'.join(Path(file).parts[-2:])}:{line} {name}"


def _functions(profile: pstats.Stats) -> list[tuple[tuple[str, int, str], tuple[int, int, float, float, Any]]]:
    return list(profile.stats.items())  # type: ignore[attr-defined]  # typeshed does not know the table


def main() -> None:
    with work_folder() as folder:
        machine = describe(Path(folder))
    found = {life: measure(life) for life in (QUIET, USUAL, BUSY, IDLE_HUB, TOWN)}
    rate = {life: life.device_hours / one.took_s for life, one in found.items()}
    alone = {life: life.device_hours / bare(one.timers) for life, one in found.items()}
    rows = [
        [
            life.what,
            f"{life.device_hours:.0f}",
            f"{one.visits / life.device_hours:.1f}",
            f"{one.timers / life.device_hours:.0f}",
            f"{one.timers / one.visits:.0f}" if one.visits else "–",
            f"{rate[life]:.3g}",
            f"{one.visits / one.took_s:.0f}" if one.visits else "–",
            f"{alone[life]:.3g}",
        ]
        for life, one in found.items()
    ]
    columns = (
        "life",
        "device-hours",
        "visits/h",
        "timers/h",
        "timers/visit",
        "device-hours/s",
        "visits/s",
        "loop alone",
    )
    show("Simulated time, shipped agent and keeper, one core", columns, rows)
    figures: dict[str, Any] = {
        life.what: {
            "device_hours_per_s": round(rate[life], 3),
            "loop_alone_per_s": round(alone[life], 3),
            "timers_per_h": round(one.timers / life.device_hours),
            **({"visits_per_s": round(one.visits / one.took_s)} if one.visits else {}),
        }
        for life, one in found.items()
    }
    for life in (QUIET, BUSY):
        profile = measure(life._replace(hours=life.hours / 10), profiled=True).profile
        assert profile is not None
        share = shares(profile)
        word = life.what.partition(":")[0]
        show(f"Whose, {word}", ("functions of", "share"), [[who, f"{part:.0%}"] for who, part in share.items()])
        show(f"Which, {word}", ("function", "share"), [[name, f"{part:.1%}"] for name, part in top(profile)])
        figures[life.what]["shares"] = {who: round(part, 3) for who, part in share.items()}
    finish("virtual_time", figures, machine)


if __name__ == "__main__":
    main()
