"""How fast a roster gets to the doors: a revocation at 200 and at 1,000 of them, and the first 100,000 grants at one.

The shipped cloud and a real mosquitto, each a process. A card is reported lost over the cloud's API, and the clock runs
from there until the signed manifest, whose page has gone ahead of it, is at each door: sockets that only listen, and
among them the shipped agent, whose roster must be in use. Beside them stands the broker alone, which is handed messages
of the same sizes for the same doors. Then a device that has nothing fetches a roster of 100,000 grants, beside the
same pages sent through the broker in one go; and one card of those is revoked, to see what a single change weighs.

What a change costs the cloud is measured without a broker, at communities of several sizes (`_changes`): processor time
until it is compiled and published, at one door and at 200.
"""

import asyncio
import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from threading import Event
from time import monotonic, monotonic_ns, sleep

import httpx

from benchmarks._agent import agent, status_of
from benchmarks._changes import ChangeCost, cost_of_a_change, fill
from benchmarks._doors import Doors, doors
from benchmarks._machine import describe, work_folder
from benchmarks._report import SPREAD, Spread, finish, show, spread
from benchmarks._town import Town, add_device, found_sample, require_mosquitto, town
from cloud.keys.folder import open_folder
from cloud.line.broker import Broker, parse_address
from contract import topics
from firmware_sim.worlds.demo.community import SITE

AGENT = "gym-turnstile"
FEW, MANY = 200, 1000
PLACES = "few doors", "many doors"
"""What the figures call so many doors."""
CARDS, GRANTS = 2_000, 100_000
"""A revocation at an estate of 600 households; a first roster of fifty times as many cards."""
REVOCATIONS = 40
SIZES = (1_000, 10_000, 100_000, 1_000_000)
"""Cards of the communities at which a change is measured; the growth is from the second to the last."""
CHANGES = 40
LOOK_S = 0.002
"""How often the agent is asked for its roster: the figure is later by up to so much."""
WITHIN_S = 60.0
NOTHING = "hg/v1/nothing"
"""A topic that nobody speaks on, for a client that must subscribe to something."""


class Office:
    """An operator at the cloud's API."""

    def __init__(self, url: str, password: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=WITHIN_S)
        answer = self._client.post("/api/v1/login", json={"name": "admin", "password": password})
        self._client.headers["Authorization"] = f"Bearer {answer.json()['token']}"

    def revoke(self, card: int) -> int:
        """Report a card lost; returns when that began, in nanoseconds."""
        began = monotonic_ns()
        self._client.patch(f"/api/v1/credentials/{card}", json={"standing": "lost"}).raise_for_status()
        return began

    def await_roster(self) -> int:
        """The number of the first roster that holds every change so far."""
        deadline = monotonic() + WITHIN_S
        while monotonic() < deadline:
            found = self._client.get("/api/v1/rosters").json()
            if not found["unpublished"]:
                return int(found["rosters"][0]["number"])
            sleep(0.05)
        raise TimeoutError("no roster was issued")


def await_applied(path: Path, number: int) -> int:
    """When the agent's roster is that one or a newer, in nanoseconds."""

    async def wait() -> int:
        async with asyncio.timeout(WITHIN_S):
            while True:
                status = await status_of(path)
                if status and status["roster"]["number"] >= number:
                    return monotonic_ns()
                await asyncio.sleep(LOOK_S)

    return asyncio.run(wait())


def revocations(office: Office, listening: Doors, cards: Sequence[int], status: Path) -> dict[str, list[float]]:
    """The milliseconds from each revocation to every door, to the slowest of them, and into use at the agent."""
    number = office.await_roster()
    listening.await_roster(number)
    took: dict[str, list[float]] = {"each door": [], "the last door": [], "in use at the agent": []}
    sizes = []
    for card in cards:
        began = office.revoke(card)
        number += 1
        applied = await_applied(status, number)
        heard = listening.await_roster(number)
        ways = [(at_ns - began) / 1e6 for at_ns in heard.at_ns]
        took["each door"] += ways
        took["the last door"].append(max(ways))
        took["in use at the agent"].append((applied - began) / 1e6)
        sizes.append(heard.size)
        sleep(0.05)
    took["bytes at a door"] = [float(size) for size in sizes]
    return took


def broker_alone(port: int, listening: Doors, names: Sequence[str], page: int, first_number: int) -> list[float]:
    """The same doors, told by this program through the broker: a page of that size for each, then a line for each."""
    up = Event()
    broker = Broker(parse_address(f"mqtt://127.0.0.1:{port}"), [NOTHING], lambda _one: None, up.set)
    broker.start()
    up.wait(WITHIN_S)
    took = []
    for number in range(first_number, first_number + REVOCATIONS):
        began = monotonic_ns()
        for name in names:
            broker.publish(topics.down(SITE, name, "page"), bytes(page))
        for name in names:
            broker.publish(topics.down(SITE, name, "roster"), b'{"number":%d}' % number, retain=True)
        took += [(at_ns - began) / 1e6 for at_ns in listening.await_roster(number).at_ns]
    broker.stop()
    return took


def at_doors(folder: Path, count: int) -> dict[str, Spread]:
    """Revocations with so many doors listening."""
    folder.mkdir()
    password = found_sample(folder)
    names = [f"door-{number}" for number in range(count)]
    cards = fill(folder / "cloud", CARDS, names)
    with town(folder) as here, doors(here.broker.port, SITE, names) as listening:
        config = add_device(folder, AGENT, "turnstile", "gym", AGENT, here.broker.port)
        with agent(config) as status:
            office = Office(here.url, password)
            await_applied(status, office.await_roster())
            took = revocations(office, listening, cards[:REVOCATIONS], status)
        page = round(max(took["bytes at a door"]))
        took["broker alone"] = broker_alone(here.broker.port, listening, names, page, 1 << 40)
    del took["bytes at a door"]
    return {way: spread(samples) for way, samples in took.items()}


def first_roster(folder: Path) -> tuple[float, float, int]:
    """The seconds until 100,000 grants are in use, those that the broker needs for as many bytes, and the bytes of a
    single change."""
    folder.mkdir()
    password = found_sample(folder)
    cards = fill(folder / "cloud", GRANTS, ["listener"])
    with town(folder) as here, doors(here.broker.port, SITE, ["listener"]) as listening:
        office = Office(here.url, password)
        config = add_device(folder, AGENT, "turnstile", "gym", AGENT, here.broker.port)
        number = office.await_roster()
        began = monotonic_ns()
        with agent(config) as status:
            took = (await_applied(status, number) - began) / 1e9
        listening.await_roster(number)
        office.revoke(cards[0])
        change = listening.await_roster(number + 1).size
        return took, _send_pages(here, listening), change


def _send_pages(here: Town, listening: Doors) -> float:
    """The pages of the roster through the broker in one go, in seconds."""
    with open_folder(here.folder / "cloud") as (store, _), store.reading() as connection:
        blobs = list(connection.exec_driver_sql("SELECT blob FROM roster_pages").scalars())
    up = Event()
    broker = Broker(parse_address(f"mqtt://127.0.0.1:{here.broker.port}"), [NOTHING], lambda _one: None, up.set)
    broker.start()
    up.wait(WITHIN_S)
    began = monotonic_ns()
    for blob in blobs:
        broker.publish(topics.down(SITE, "listener", "page"), blob)
    broker.publish(topics.down(SITE, "listener", "roster"), b'{"number":%d}' % (1 << 40), retain=True)
    took = (max(listening.await_roster(1 << 40).at_ns) - began) / 1e9
    broker.stop()
    return took


def change_costs(folder: Path) -> dict[str, dict[str, float]]:
    """By the number of cards, each measured in a process of its own, for a large community needs much memory."""
    figures = {}
    for cards in SIZES:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart:
            one, many = (
                apart.submit(_cost, folder / f"{cards}-{doors}", cards, doors, CHANGES).result() for doors in (1, FEW)
            )
        figures[str(cards)] = {
            "change_ms": one.change_ms,
            "change_ms_few_doors": many.change_ms,
            "change_bytes": one.wire_bytes,
            "first_s": one.first_s,
        }
    return figures


def _cost(folder: Path, cards: int, doors: int, changes: int) -> ChangeCost:
    folder.mkdir()
    return cost_of_a_change(folder, cards, doors, changes)


def main(counts: Sequence[int] = (FEW, MANY)) -> None:
    require_mosquitto()
    with work_folder() as name:
        folder = Path(name)
        found = {count: at_doors(folder / f"doors-{count}", count) for count in counts}
        took_s, alone_s, change = first_roster(folder / "first")
        costs = change_costs(folder)
        machine = describe(folder)
    for count, ways in found.items():
        show(f"A revocation, {count:,} doors, ms", ("way", *SPREAD), [[way, *one.row(1)] for way, one in ways.items()])
    show(
        f"A first roster of {GRANTS:,} grants",
        ("way", "s"),
        [["in use at the agent, its start included", f"{took_s:.2f}"], ["its pages, broker alone", f"{alone_s:.2f}"]],
    )
    columns = "a lost card, ms", f"at {FEW} doors, ms", "bytes to a door", "first roster, s"
    rows = [[f"{int(size):,}", *(f"{value:,.1f}" for value in one.values())] for size, one in costs.items()]
    show("A change by the number of cards, processor time", ("cards", *columns), rows)
    finish(
        "roster",
        {
            "ms": {
                place: {way: one.figures() for way, one in ways.items()}
                for place, ways in zip(PLACES, found.values(), strict=False)
            },
            "first_roster_s": round(took_s, 3),
            "first_roster_broker_alone_s": round(alone_s, 3),
            "change_bytes": change,
            "at": costs,
            "change_growth": costs[str(SIZES[-1])]["change_ms"] / costs[str(SIZES[1])]["change_ms"],
        },
        machine,
    )


if __name__ == "__main__":
    main([int(count) for count in sys.argv[1:]] or (FEW, MANY))
