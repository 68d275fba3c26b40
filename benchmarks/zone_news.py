"""How fast the news of a zone reaches its devices: from a passage at one turnstile until all 50 have been told.

The shipped cloud and a real mosquitto, each a process. The gym has 1,000 people inside, so each piece of news names as
many. One device is a socket that publishes a passage in a batch of its own; the others only listen. The clock runs from
the publishing until the sealed news that has counted the passage is at each of them: so the batch's seal, the commit
and the fold are in it, and the wait for more that happens within a tenth of a second. Beside it stands the broker
alone, which is handed messages of the same size for the same devices.
"""

from pathlib import Path
from threading import Event
from time import monotonic_ns, sleep

from sqlalchemy import insert, update

from benchmarks._doors import Doors, doors
from benchmarks._machine import describe, work_folder
from benchmarks._report import SPREAD, Spread, finish, show, spread
from benchmarks._senders import Device, Sender, make_senders
from benchmarks._town import found_sample, require_mosquitto, town
from cloud.counters.service import CounterService
from cloud.counters.store import NEWS_FROM
from cloud.counters.tables import zone_people
from cloud.devices.registry import register
from cloud.keys.folder import clock, open_folder
from cloud.line.broker import Broker, parse_address
from cloud.points.store import add_point
from cloud.store.schema import devices, zones
from contract import topics
from contract.decide import DAY_MS
from firmware_sim.worlds.demo.community import SITE

ZONE = "gym"
DEVICES, INSIDE = 50, 1_000
PASSAGES = 100
PAUSE_S = 0.15
WITHIN_S = 60.0
NOTHING = "hg/v1/nothing"
"""A topic that nobody speaks on, for a client that must subscribe to something."""


def fill(folder: Path, senders: list[Sender]) -> None:
    """A gym that counts, with these devices at it, and many people inside."""
    with open_folder(folder / "cloud") as (store, keys):
        with store.writing() as connection:
            values = {"kind": "counted", "capacity": 2 * INSIDE, "fire_limit": 3 * INSIDE}
            connection.execute(update(zones).where(zones.c.name == ZONE).values(values))
            for sender in senders:
                add_point(connection, sender.name, sender.name, ZONE, sender.name, sender.name, kind="turnstile")
                register(connection, sender.name, sender.public_key, clock())
            connection.execute(update(devices).values(page_version=NEWS_FROM))
        for sender in senders:
            keys.make_sync(sender.name)
        counters = CounterService(store, clock)
        counters.look()
        counters.correct("bench", ZONE, INSIDE)
        with store.writing() as connection:
            people = (number.to_bytes(8, "big") for number in range(INSIDE))
            rows = [
                {"site": SITE, "zone": ZONE, "holder": one, "is_inside": True, "passed_ms": clock()} for one in people
            ]
            connection.execute(insert(zone_people), rows)


def passages(turnstile: Device, listening: Doors) -> tuple[dict[str, list[float]], int]:
    """The milliseconds from each passage to every device, and to the slowest; and the bytes of one piece of news."""
    took: dict[str, list[float]] = {"each device": [], "the last device": []}
    turnstile.open_journal()
    number, size = listening.await_roster(1).number, 0
    for _ in range(PASSAGES):
        sleep(PAUSE_S)
        began = monotonic_ns()
        turnstile.fill(up_to=turnstile.sent + 1)
        heard = listening.await_roster(number + 1)
        turnstile.socket.setblocking(True)
        while turnstile.acked < turnstile.sent:
            turnstile.read(up_to=turnstile.sent)
        turnstile.write()
        turnstile.socket.setblocking(False)
        ways = [(at_ns - began) / 1e6 for at_ns in heard.at_ns]
        took["each device"] += ways
        took["the last device"].append(max(ways))
        number, size = heard.number, heard.size
    return took, size


def broker_alone(port: int, listening: Doors, names: list[str], size: int, first_number: int) -> list[float]:
    """The same devices, told by this program through the broker."""
    up = Event()
    broker = Broker(parse_address(f"mqtt://127.0.0.1:{port}"), [NOTHING], lambda _one: None, up.set)
    broker.start()
    up.wait(WITHIN_S)
    took = []
    for number in range(first_number, first_number + PASSAGES):
        began = monotonic_ns()
        for name in names:
            told = b'{"number":%d,"x":"%s"}' % (number, b"0" * size)
            broker.publish(topics.down(SITE, name, "zone"), told, retain=True)
        took += [(at_ns - began) / 1e6 for at_ns in listening.await_roster(number).at_ns]
    broker.stop()
    return took


def main() -> None:
    require_mosquitto()
    with work_folder() as name:
        folder = Path(name)
        found_sample(folder)
        data = {"direction": "in"}
        later_ms = clock() + DAY_MS  # what happened before somebody counted the room would change nothing
        senders = make_senders(SITE, DEVICES, PASSAGES + 1, 1, later_ms, kind="access.passed", data=data)
        names = [sender.name for sender in senders]
        fill(folder, senders)
        with town(folder) as here, doors(here.broker.port, SITE, names, channel="zone") as listening:
            turnstile = Device(here.broker.port, SITE, names[0], senders[0].payloads, 1)
            took, size = passages(turnstile, listening)
            turnstile.socket.close()
            took["broker alone"] = broker_alone(here.broker.port, listening, names, size, 1 << 46)
        machine = describe(folder)
    found: dict[str, Spread] = {way: spread(samples) for way, samples in took.items()}
    show(
        f"The news of a passage, ms; {size:,} bytes",
        ("way", *SPREAD),
        [[way, *one.row(1)] for way, one in found.items()],
    )
    finish("zone_news", {"ms": {way: one.figures() for way, one in found.items()}, "bytes": size}, machine)


if __name__ == "__main__":
    main()
