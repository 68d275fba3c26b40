"""Ours beside programs of others that do the same work: processor time for each event or message, turn by turn.

Storing an event, reading it back and forgetting it: the shipped journal, chained and synced after each batch, and the
SQLite storage of the ThingsBoard IoT Gateway, which neither chains nor syncs. A durable insert: the journal, the
`sqlite-utils` package, and SQLite alone. A charging post's message: the shipped central system, and that of the `ocpp`
package. The first peer is installed into ``.peers`` where it is missing; where that fails, its row says so.
"""

import asyncio
import base64
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from statistics import median
from time import process_time

from msgspec import structs
from sqlite_utils import Database
from websockets.asyncio.client import ClientConnection, connect

from benchmarks import _peers
from benchmarks._machine import describe, work_folder
from benchmarks._peer_ocpp import PASSWORD, PROTOCOL, post_name
from benchmarks._report import finish, show
from benchmarks._senders import BOOT, DATA
from contract.decide import Trust
from contract.events import CHAIN_START, Event, chain, encode_event
from edge.journal.file import Row, rank_of
from edge.journal.journal import Journal

ROUNDS = 3
EVENTS, BATCH = 20_000, 100
KEPT_ROWS = 1_000
"""The journal forgets when it is full; with 100,000 rows, as shipped, it would forget nothing here."""
POSTS, MESSAGES = 8, 400
MAY_INSTALL = True
KIND = "access.allowed"
METER = {"connectorId": 1, "meterValue": [{"timestamp": "2026-11-30T12:00:00Z", "sampledValue": [{"value": "4321"}]}]}
WITHIN_S = 120.0


def stored_events() -> list[bytes]:
    return [
        encode_event(Event(seq, seq, seq, BOOT, Trust.SYNCED, "gym", KIND, {**DATA, "holder": f"{seq % 1000:016x}"}))
        for seq in range(1, EVENTS + 1)
    ]


def rows_of(stored: list[bytes]) -> Iterator[list[Row]]:
    """Batches of chained rows; the chain is computed as they are asked for."""
    tip, rank = CHAIN_START, rank_of(KIND)
    for start in range(0, len(stored), BATCH):
        rows = []
        for seq, one in enumerate(stored[start : start + BATCH], start + 1):
            tip = chain(tip, one)
            rows.append(Row(seq, one, tip, rank))
        yield rows


def journal_us(folder: Path, stored: list[bytes], *, read_back: bool) -> float:
    """An event in the shipped journal: chained, inserted and synced; and with ``read_back`` read, acknowledged and
    forgotten."""
    with closing(Journal(folder / "journal.db", boot=BOOT, max_rows=KEPT_ROWS if read_back else EVENTS)) as journal:
        began_s = process_time()
        for rows in rows_of(stored):
            journal.insert(rows)
            journal.flush()
            if read_back:
                found = journal.batch(rows[0].seq - 1, rows[-1].seq, BATCH, 1 << 20)
                assert found is not None and found.last == rows[-1].seq
                journal.acknowledge(found.last)
        return (process_time() - began_s) / len(stored) * 1e6


def open_durable(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(
        "CREATE TABLE rows (seq INTEGER PRIMARY KEY, stored BLOB NOT NULL, link BLOB NOT NULL, rank INTEGER NOT NULL)"
    )
    return connection


def sqlite_utils_us(folder: Path, stored: list[bytes]) -> float:
    with closing(open_durable(folder / "utils.db")) as connection:
        table, batches = Database(connection)["rows"], list(rows_of(stored))
        began_s = process_time()
        for rows in batches:
            table.insert_all(map(structs.asdict, rows), pk="seq")  # type: ignore[union-attr]  # it is no view
        return (process_time() - began_s) / len(stored) * 1e6


def bare_us(folder: Path, stored: list[bytes]) -> float:
    with closing(open_durable(folder / "bare.db")) as connection:
        batches = list(rows_of(stored))
        began_s = process_time()
        for rows in batches:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", map(structs.astuple, rows))
            connection.execute("COMMIT")
        return (process_time() - began_s) / len(stored) * 1e6


def gateway_us(folder: Path, stored: list[bytes]) -> float:
    """The ThingsBoard gateway's storage, with as many events of the same size."""
    program = str(Path(__file__).with_name("_peer_storage.py"))
    numbers = [str(number) for number in (len(stored), BATCH, len(stored[0]))]
    environment = {**os.environ, "PYTHONPATH": str(_peers.PEERS)}
    command = [sys.executable, "-P", program, str(folder), *numbers]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=WITHIN_S)
    return float(done.stdout)


async def talk(connection: ClientConnection) -> None:
    """A post that says its messages one after the other."""
    for number in range(MESSAGES):
        action, payload = ("MeterValues", METER) if number % 2 else ("Heartbeat", {})
        await connection.send(json.dumps([2, str(number), action, payload]))
        kind, told, *_ = json.loads(await connection.recv())
        assert (kind, told) == (3, str(number))


def central_system_us(which: str) -> float:
    """A message at a central system, its process alone."""
    command = [sys.executable, "-m", "benchmarks._peer_ocpp", which, str(POSTS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None and server.stdout is not None
        asking, answers = server.stdin, server.stdout

        def spent_s() -> float:
            asking.write("\n")
            asking.flush()
            return float(answers.readline())

        async def posts() -> float:
            port, connections = int(answers.readline()), []
            for number in range(POSTS):
                name = post_name(number)
                login = base64.b64encode(f"{name}:{PASSWORD}".encode()).decode()
                headers = {"Authorization": f"Basic {login}"}
                place = f"ws://127.0.0.1:{port}/{name}"
                connections.append(
                    await connect(place, subprotocols=[PROTOCOL], additional_headers=headers, proxy=None)
                )
            before_s = spent_s()
            async with asyncio.timeout(WITHIN_S):
                await asyncio.gather(*map(talk, connections))
            used_s = spent_s() - before_s
            for connection in connections:
                await connection.close()
            return used_s

        used_s = asyncio.run(posts())
        server.terminate()
    return used_s / (POSTS * MESSAGES) * 1e6


def main() -> None:
    why = ""
    try:
        _peers.install(may_install=MAY_INSTALL)
    except _peers.NotInstalled as missing:
        why = str(missing)
        print(f"\n*** {why}: its row cannot be measured. ***\n", flush=True)
    stored = stored_events()
    ways: dict[str, Callable[[Path], float]] = {
        "store, read back, forget: hearthgate": lambda folder: journal_us(folder, stored, read_back=True),
        "store, read back, forget: thingsboard-gateway": lambda folder: gateway_us(folder, stored),
        "durable insert: hearthgate": lambda folder: journal_us(folder, stored, read_back=False),
        "durable insert: sqlite-utils": lambda folder: sqlite_utils_us(folder, stored),
        "durable insert: bare SQLite": lambda folder: bare_us(folder, stored),
        "post's message: hearthgate": lambda _folder: central_system_us("ours"),
        "post's message: ocpp": lambda _folder: central_system_us("library"),
    }
    if why:
        del ways["store, read back, forget: thingsboard-gateway"]
    took: dict[str, list[float]] = {way: [] for way in ways}
    with work_folder() as name:
        for number in range(ROUNDS):
            for place, (way, measure) in enumerate(ways.items()):
                folder = Path(name) / f"{number}-{place}"
                folder.mkdir()
                took[way].append(measure(folder))
        machine = describe(Path(name))
    show(
        f"Processor time, µs; {EVENTS:,} events of {len(stored[0])} bytes, {POSTS} posts of {MESSAGES} messages",
        ("way", "median", "least", "most"),
        [[way, *(f"{one:.1f}" for one in (median(us), min(us), max(us)))] for way, us in took.items()],
    )
    us: dict[str, float | str] = {way: round(median(found), 2) for way, found in took.items()}
    if why:
        us["store, read back, forget: thingsboard-gateway"] = why
    finish("peers", {"us": us}, machine)


if __name__ == "__main__":
    main()
