"""A year of a community's events, written into its database as ingest would have written them, only without a chain."""

from collections.abc import Iterator
from itertools import islice
from random import Random

from cloud.devices.event_series import EventRow, SeriesNumbers, write_rows
from cloud.devices.registry import register
from cloud.store.database import Store
from cloud.store.prepared import driver
from contract.decide import Trust
from contract.events import Event, encode_event
from contract.sealing import DeviceKey

DEVICES = 200
AT_ONCE = 20_000
YEAR_MS = 365 * 86_400_000
IDLE, QUIET = "device-7", "device-8"
"""Refuses nobody; and has said nothing since the first month."""
KINDS = (
    (0.60, "access.allowed", "allowed"),
    (0.84, "access.passed", None),
    (0.90, "door.opened", None),
    (0.94, "access.refused", "expired"),
    (0.98, "access.refused", "unknown_credential"),
    (0.9999, "access.refused", "quota_used"),
    (1.0, "door.forced", None),
)
"""How often each is, summed up."""


def fill(store: Store, site: str, count: int, now_ms: int) -> None:
    """Add so many events of the year before ``now_ms``."""
    with store.writing() as connection:
        for number in range(DEVICES):
            register(connection, f"device-{number}", DeviceKey.generate().public(), now_ms - YEAR_MS)
        found = connection.exec_driver_sql("SELECT id, name FROM devices WHERE name LIKE 'device-%'").all()
        devices = [(int(one), str(name)) for one, name in found]
        driver(connection).executemany(
            "INSERT INTO journals (id, device_id, journal, upto, tip, opened_ms) VALUES (?, ?, ?, 0, X'', 0)",
            [(one, one, f"{one:016x}") for one, _ in devices],
        )
        driver(connection).executemany(
            "INSERT INTO points (name, device, zone, label_zh, label_en, class, kind)"
            " SELECT ?, ?, min(name), ?, ?, '', 'door' FROM zones",
            [(name, name, name, name) for _, name in devices],
        )
    numbers = SeriesNumbers(site)
    rows = _rows(devices, numbers, count, now_ms)
    while count > 0:
        with store.writing() as connection:
            numbers.use(connection)
            write_rows(connection, list(islice(rows, AT_ONCE)))
        count -= AT_ONCE


def _rows(devices: list[tuple[int, str]], series: SeriesNumbers, count: int, now_ms: int) -> Iterator[EventRow]:
    chance, seqs = Random(1), dict.fromkeys((one for one, _ in devices), 0)
    for arrival in range(1, count + 1):
        at_ms = now_ms - YEAR_MS + YEAR_MS * arrival // count
        device, name = devices[chance.randrange(len(devices))]
        drawn = chance.random()
        kind, reason = next((kind, reason) for upto, kind, reason in KINDS if drawn <= upto)
        if (name == QUIET and arrival > count // 12) or (name == IDLE and kind == "access.refused"):
            device, name = devices[0]
        seqs[device] += 1
        data = {"direction": "in", "roster": 1, "rule": 1} | ({"reason": reason} if reason else {})
        event = Event(seqs[device], at_ms, at_ms, "0f1e2d3c", Trust.SYNCED, name, kind, data)
        yield (
            *(arrival, device, seqs[device], at_ms + 50, 0, at_ms, 0, "", None),
            bytearray(encode_event(event)),
            series[device, name, kind, reason],
        )
