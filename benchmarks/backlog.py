"""How long one device takes to be rid of 50,000 events that have waited for the cloud.

The journal is filled before the clock runs. Then the shipped agent starts, with the shipped cloud and a real mosquitto
each a process, and the clock runs from its first connection until nothing waits any more: read from the journal,
sealed, sent in batches of at most 64 KiB with four under way, checked and committed by the cloud, acknowledged. Beside
it stand bare SQLite inserts of the very rows that the cloud stored, as many in a transaction as came in a batch, and as
many bytes through the broker alone.
"""

import asyncio
from pathlib import Path
from threading import Event as Flag
from time import monotonic, monotonic_ns

from benchmarks._agent import agent, status_of
from benchmarks._bare import bare
from benchmarks._machine import describe, work_folder
from benchmarks._report import finish, show
from benchmarks._senders import DATA
from benchmarks._town import Town, add_device, found_sample, require_mosquitto, town
from cloud.keys.folder import clock
from cloud.line.broker import Arrived, Broker, parse_address
from contract import topics
from contract.decide import Trust
from contract.events import Event, chain, encode_event
from contract.messages import MAX_BATCH_BYTES
from edge.config.device_config import DeviceConfig
from edge.journal.file import Row, rank_of
from edge.journal.journal import Journal
from firmware_sim.worlds.demo.community import SITE

DEVICE = "gym-turnstile"
EVENTS, AT_ONCE = 50_000, 1_000
LOOK_S = 0.01
"""How often the agent is asked: the figure is later by up to so much."""
WITHIN_S = 120.0
BOOT = "0f1e2d3c"


def fill(config: DeviceConfig) -> int:
    """A journal of events that no cloud has seen; returns their bytes."""
    config.state.mkdir(parents=True, exist_ok=True)
    journal, now_ms, size = Journal(config.state / "journal.db", boot=BOOT), clock(), 0
    tip, kind = journal.tip, "access.allowed"
    for start in range(1, EVENTS + 1, AT_ONCE):
        rows = []
        for seq in range(start, start + AT_ONCE):
            data = {**DATA, "holder": f"{seq % 1000:016x}"}
            stored = encode_event(Event(seq, now_ms + seq, 1000 * seq, BOOT, Trust.SYNCED, DEVICE, kind, data))
            tip = chain(tip, stored)
            size += len(stored)
            rows.append(Row(seq, stored, tip, rank_of(kind)))
        journal.insert(rows)
        journal.flush()
    journal.close()
    return size


async def drained_s(path: Path) -> float:
    """From the moment the agent is connected until nothing waits."""
    began = 0.0
    async with asyncio.timeout(WITHIN_S):
        while True:
            status = await status_of(path)
            if status and not began and status["link"]["up"]:
                began = monotonic()
            if status and began and status["journal"]["waiting"] == 0 and status["journal"]["acked"] > EVENTS:
                return monotonic() - began
            await asyncio.sleep(LOOK_S)


def broker_s(here: Town, size: int) -> float:
    """As many bytes from this program to itself, in messages as large as batches."""
    count, came, up, done = -(-size // MAX_BATCH_BYTES), 0, Flag(), Flag()

    def heard(_one: Arrived) -> None:
        nonlocal came
        came += 1
        if came == count:
            done.set()

    topic = topics.up(SITE, "echo", "want")
    broker = Broker(parse_address(f"mqtt://127.0.0.1:{here.broker.port}"), [topic], heard, up.set)
    broker.start()
    up.wait(WITHIN_S)
    began = monotonic_ns()
    for _ in range(count):
        broker.publish(topic, bytes(MAX_BATCH_BYTES))
    done.wait(WITHIN_S)
    took = (monotonic_ns() - began) / 1e9
    broker.stop()
    return took


def main() -> None:
    require_mosquitto()
    with work_folder() as name:
        folder = Path(name)
        found_sample(folder)
        with town(folder) as here:
            config = add_device(folder, DEVICE, "turnstile", "gym", DEVICE, here.broker.port)
            size = fill(config)
            with agent(config) as status:
                took_s = asyncio.run(drained_s(status))
            alone_s = broker_s(here, size)
        batch = MAX_BATCH_BYTES // (size // EVENTS)
        stored = folder / "cloud" / "cloud.db"
        sqlite_s = bare(stored, folder / "bare.db", count=EVENTS, at_once=batch).wall_s
        machine = describe(folder)
    show(
        f"{EVENTS:,} events of one device, {size / EVENTS:.0f} bytes each",
        ("way", "s", "events/s"),
        [
            [way, f"{one:.2f}", f"{EVENTS / one:,.0f}"]
            for way, one in (
                ("agent to cloud, acknowledged", took_s),
                (f"bare SQLite, {batch} rows a transaction", sqlite_s),
                ("the bytes, broker alone", alone_s),
            )
        ],
    )
    finish(
        "backlog",
        {"drain_s": round(took_s, 3), "bare_sqlite_s": round(sqlite_s, 3), "broker_alone_s": round(alone_s, 3)},
        machine,
    )


if __name__ == "__main__":
    main()
