"""What the cloud takes in: seal and chain checked, every effect, committed; 200 senders, batches of 100.

First the shipped `Ingest` with its thread and its queue full; beside it, turn by turn, bare SQLite inserts of the very
rows it stored, into the same table, with as many rows in a transaction. Then the whole way: the shipped
`hearthgate-cloud serve`, a real mosquitto, and 200 devices on sockets of their own in two processes, each with four
batches under way. There the senders and the broker share the cores with the cloud, so its own processor time for each
event stands beside the rate.

`python -m benchmarks.ingest 20 3` has so many senders, and so many batches of each.
"""

import multiprocessing
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

from benchmarks._bare import bare
from benchmarks._machine import Spent, cpu_s, describe, spending, work_folder
from benchmarks._report import finish, show
from benchmarks._senders import Sender, make_senders, send_all
from benchmarks._town import READY_WITHIN_S, require_mosquitto, town
from cloud.devices.registry import found_site, register
from cloud.ingest.ingest import MAX_AT_ONCE, MAX_BATCHES_QUEUED, Ingest
from cloud.keys.folder import clock, make_folder
from cloud.keys.keys import KeyFolder
from cloud.line.broker import Arrived
from cloud.reactions import REACTIONS
from cloud.store.database import Store
from contract import topics
from contract.topics import Topic

SITE = "sunny-court"
SENDERS, BATCH, BATCHES = 200, 100, 5
"""A thousand messages: as many as the queue of ingest holds. A batch more, the first of each sender, opens its journal
before the clock runs."""
RUNS, WIRE_RUNS = 5, 3
SENDING_PROCESSES = 2


def found_with(store: Store, keys: KeyFolder, senders: Sequence[Sender]) -> None:
    """A community in which all senders are registered."""
    with store.writing() as connection:
        found_site(connection, SITE, "Asia/Shanghai", "晴苑", "Sunny Court")
        for sender in senders:
            register(connection, sender.name, sender.public_key, clock())
    for sender in senders:
        keys.make_sync(sender.name)


def ingest_all(folder: Path, senders: Sequence[Sender]) -> Spent:
    """What the shipped thread takes for everything, from the first message taken to the last acknowledged."""
    with make_folder(folder) as (store, keys):
        found_with(store, keys, senders)
        acks: list[str] = []
        ingest = Ingest(
            store,
            site=SITE,
            reactions=REACTIONS,
            sync=keys.sync,
            send=lambda topic, _payload: acks.append(topic),
            on_commit=lambda: None,
            clock=clock,
        )
        for number in range(len(senders[0].payloads)):
            arrived = [Arrived(Topic(SITE, one.name, "up", "events"), one.payloads[number], False) for one in senders]
            if number == 0:
                ingest.commit(arrived)
            for one in arrived if number else ():
                ingest.enqueue(one)
        with spending() as spent:
            ingest.start()
            ingest.stop()
        assert not ingest.dropped, f"the queue of ingest dropped {ingest.dropped} messages: send fewer"
        assert not ingest.failures, f"ingest failed {ingest.failures} times"
        assert {topics.down(SITE, one.name, "ack") for one in senders} == set(acks), "a sender was not acknowledged"
        return spent[0]


def wire(folder: Path, senders: Sequence[Sender]) -> tuple[float, float, float]:
    """The seconds from the first batch sent to the last acknowledged, and the processor time of cloud and broker."""
    with make_folder(folder / "cloud") as (store, keys):
        found_with(store, keys, senders)
    with town(folder) as here:
        context = multiprocessing.get_context("spawn")
        go, done, port = context.Barrier(SENDING_PROCESSES + 1), context.Queue(), here.broker.port
        processes = [
            context.Process(target=send_all, args=(port, SITE, senders[part::SENDING_PROCESSES], BATCH, go, done))
            for part in range(SENDING_PROCESSES)
        ]
        for process in processes:
            process.start()
        go.wait(READY_WITHIN_S)
        began, cpu = monotonic(), (cpu_s(here.cloud.pid), cpu_s(here.broker.process.pid))
        took = max(done.get(timeout=READY_WITHIN_S) for _ in processes) - began
        spent = cpu_s(here.cloud.pid) - cpu[0], cpu_s(here.broker.process.pid) - cpu[1]
        for process in processes:
            process.join()
        return took, *spent


def _bytes(runs: Sequence[Spent]) -> float:
    return median(one.written_bytes for one in runs)


def main(count: int, batches: int) -> None:
    require_mosquitto()
    if count * batches > MAX_BATCHES_QUEUED:
        sys.exit(f"{count} senders of {batches} batches: the queue of ingest holds {MAX_BATCHES_QUEUED}; send fewer")
    events = count * batches * BATCH
    with work_folder() as name:
        folder = Path(name)
        senders = make_senders(SITE, count, batches + 1, BATCH, clock())
        ours, alone = [], []
        for run in range(RUNS):
            ours.append(ingest_all(folder / f"cloud-{run}", senders))
            stored = folder / f"cloud-{run}" / "cloud.db"
            alone.append(bare(stored, folder / f"bare-{run}.db", count=events, at_once=MAX_AT_ONCE * BATCH))
        wired = []
        for run in range(WIRE_RUNS):
            (folder / f"wire-{run}").mkdir()
            wired.append(wire(folder / f"wire-{run}", senders))
        machine = describe(folder)
    _report(count, events, ours, alone, wired, machine)


def _report(
    count: int,
    events: int,
    ours: list[Spent],
    alone: list[Spent],
    wired: list[tuple[float, float, float]],
    machine: dict[str, Any],
) -> None:
    ratios = [peer.wall_s / one.wall_s for one, peer in zip(ours, alone, strict=True)]
    cpu_ratio = median(peer.cpu_s / one.cpu_s for one, peer in zip(ours, alone, strict=True))
    ours_per_s, bare_per_s = ([events / one.wall_s for one in runs] for runs in (ours, alone))
    through = [events / took for took, _, _ in wired]
    cloud_us, broker_us = (median(run[place] for run in wired) / events * 1e6 for place in (1, 2))
    show(
        f"{events:,} events of {count} senders in batches of {BATCH}, events/s",
        ("way", "median", "worst run", "best run"),
        [
            [way, *(f"{one:,.0f}" for one in (median(rates), min(rates), max(rates)))]
            for way, rates in (
                ("ingest, its thread alone", ours_per_s),
                ("bare SQLite, the same rows and table", bare_per_s),
                ("through mosquitto and hearthgate-cloud serve", through),
            )
        ],
    )
    show(
        "Of an event",
        ("way", "processor time, µs", "bytes written"),
        [
            [way, *(f"{value / events:.1f}" for value in (median(one.cpu_s for one in runs) * 1e6, _bytes(runs)))]
            for way, runs in (("ingest, its thread alone", ours), ("bare SQLite, the same rows and table", alone))
        ],
    )
    show(
        "On the whole way",
        ("process", "processor time, µs an event"),
        [["cloud", f"{cloud_us:.1f}"], ["mosquitto", f"{broker_us:.1f}"]],
    )
    finish(
        "ingest",
        {
            "ingest_per_s": round(median(ours_per_s)),
            "bare_per_s": round(median(bare_per_s)),
            "cpu_us": round(median(one.cpu_s for one in ours) / events * 1e6, 2),
            "bare_cpu_us": round(median(one.cpu_s for one in alone) / events * 1e6, 2),
            "cpu_ratio": round(cpu_ratio, 3),
            "written_bytes": round(_bytes(ours) / events),
            "bare_written_bytes": round(_bytes(alone) / events),
            "ratio": round(median(ratios), 3),
            "ratios": [round(one, 3) for one in ratios],
            "wire_per_s": round(median(through)),
            "wire_cloud_us": round(cloud_us, 1),
            "wire_broker_us": round(broker_us, 1),
        },
        machine,
    )


if __name__ == "__main__":
    main(*([int(number) for number in sys.argv[1:]] or (SENDERS, BATCHES)))
