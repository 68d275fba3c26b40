"""What was refused: the newest of it with its bytes, all of it counted."""

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct, structs
from sqlalchemy import Connection, delete, func, insert, select, update

from cloud.devices.tables import quarantine, tallies
from cloud.line.broker import Arrived
from cloud.store.database import Store
from cloud.store.schema import devices

MAX_KEPT_BYTES = 4096
MAX_ROWS_PER_DEVICE = 1000
"""Of a registered device; all that are not registered share as many."""
MAX_AT_ONCE = 50
"""Rows one transaction keeps of what nobody signed: a flood of it is counted, not stored."""


TWO_DEVICES = "two_devices"
"""Why a state is refused that a second machine under the device's name has signed."""


class Suspect(Struct, frozen=True):
    """Something refused. ``journal`` and ``seq`` are set for a poison event: one that its device did sign."""

    device: str
    registered: bool
    channel: str
    why: str
    detail: str
    payload: bytes
    journal: str | None = None
    seq: int | None = None


def quarantine_messages(connection: Connection, suspects: Sequence[Suspect], now_ms: int) -> None:
    """Count all suspects and keep the bytes of the newest, within the limits."""
    unsigned = [one for one in suspects if one.journal is None]
    kept = [one for one in suspects if one.journal is not None] + unsigned[-MAX_AT_ONCE:]
    if kept:
        connection.execute(insert(quarantine), [_row(one, now_ms) for one in kept])
        _count(connection, suspects, now_ms)
    for device in {one.device if one.registered else "" for one in kept}:
        _forget_oldest(connection, device)


def quarantine_message(store: Store, one: Arrived, registered: bool, why: str, detail: str, now_ms: int) -> None:
    """Count a message, and keep the first of its bytes."""
    suspect = Suspect(one.topic.device, registered, one.topic.channel, why, detail, one.payload)
    with store.writing() as connection:
        quarantine_messages(connection, [suspect], now_ms)


def twins(connection: Connection, since_ms: int) -> set[str]:
    """The devices under whose name two machines were noticed since. A flood of other suspects does not hide it."""
    noticed = (tallies.c.why == TWO_DEVICES) & (tallies.c.last_ms >= since_ms)
    return set(connection.execute(select(tallies.c.device).where(noticed)).scalars())


def _row(one: Suspect, now_ms: int) -> dict[str, object]:
    row = structs.asdict(one)
    del row["registered"]
    return row | {"at_ms": now_ms, "size": len(one.payload), "payload": one.payload[:MAX_KEPT_BYTES]}


def _count(connection: Connection, suspects: Sequence[Suspect], now_ms: int) -> None:
    # Those that are not registered share one line of the tally.
    counted = Counter((one.device if one.registered else "", one.channel, one.why) for one in suspects)
    for (device, channel, why), count in counted.items():
        line = (tallies.c.device == device) & (tallies.c.channel == channel) & (tallies.c.why == why)
        seen = connection.execute(update(tallies).where(line).values(count=tallies.c.count + count, last_ms=now_ms))
        if seen.rowcount == 0:
            values = {"device": device, "channel": channel, "why": why, "count": count, "last_ms": now_ms}
            connection.execute(insert(tallies).values(values))


def _forget_oldest(connection: Connection, device: str) -> None:
    """Of one registered device, or without a name of all others: their names can be invented without end."""
    mine = quarantine.c.device == device if device else quarantine.c.device.not_in(select(devices.c.name))
    newest_first = select(quarantine.c.id).where(mine).order_by(quarantine.c.id.desc())
    oldest_kept = connection.execute(newest_first.offset(MAX_ROWS_PER_DEVICE - 1).limit(1)).scalar()
    if oldest_kept is not None:
        connection.execute(delete(quarantine).where(mine, quarantine.c.id < oldest_kept))


class Refused(Exception):
    """A message has no effect. ``why`` is one word for the tally, ``detail`` a sentence."""

    def __init__(self, why: str, detail: str) -> None:
        super().__init__(detail)
        self.why = why
        self.detail = detail


class Quarantined(Struct, frozen=True):
    """What a peer sent and we could not take."""

    id: int
    at_ms: int
    device: str
    channel: str
    why: str
    detail: str
    size: int
    seq: int | None


class Tally(Struct, frozen=True):
    """How often something was refused. ``device`` is empty for all that are not registered."""

    device: str
    channel: str
    why: str
    count: int
    last_ms: int


def list_tallies(connection: Connection) -> list[Tally]:
    """What was refused last, first. Devices, channels and causes bound their number."""
    columns = (tallies.c[name] for name in Tally.__struct_fields__)
    return [Tally(*row) for row in connection.execute(select(*columns).order_by(tallies.c.last_ms.desc()).limit(200))]


def list_quarantined(connection: Connection, before: int | None = None, limit: int = 50) -> list[Quarantined]:
    """The newest first, of those older than row ``before``."""
    columns = (quarantine.c[name] for name in Quarantined.__struct_fields__)
    query = select(*columns).order_by(quarantine.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(quarantine.c.id < before)
    return [Quarantined(*row) for row in connection.execute(query)]


def count_quarantined(connection: Connection) -> int:
    """Everything ever set aside, whether its bytes are still kept or not."""
    return int(connection.execute(select(func.coalesce(func.sum(tallies.c.count), 0))).scalar_one())
