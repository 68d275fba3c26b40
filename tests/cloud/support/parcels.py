"""A made-up domain of the cloud, parcels that lie in lockers: all that it needs to read events stands here."""

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, delete, insert, select

from cloud.devices.quarantine import Refused
from cloud.devices.reactions import ChannelReaction, Reaction, Recorded
from contract.events import Event
from contract.sealing import Purpose

lockers = Table(
    "lockers",
    MetaData(),
    Column("device", String, primary_key=True),
    Column("parcels", Integer, nullable=False),
    Column("noted_ms", Integer, nullable=False),
)


class Locker(Struct, frozen=True):
    """What lies in the locker of a device."""

    parcels: int = 0


def after(known: Locker, event: Event) -> Locker:
    """The locker after one more event."""
    return Locker(known.parcels + (1 if event.kind == "parcel.left" else -1))


def note_parcels(connection: Connection, recorded: Sequence[Recorded], now_ms: int) -> None:
    for device, event, _ in recorded:
        parcels = connection.execute(select(lockers.c.parcels).where(lockers.c.device == device.name)).scalar()
        locker = after(Locker(parcels or 0), event)
        connection.execute(delete(lockers).where(lockers.c.device == device.name))
        connection.execute(insert(lockers).values(device=device.name, parcels=locker.parcels, noted_ms=now_ms))


def note_count(connection: Connection, device: str, body: bytes) -> None:
    """A device counts what lies in its locker."""
    if not body.isdigit():
        raise Refused("no_number", "a count is a number")
    connection.execute(insert(lockers).values(device=device, parcels=int(body), noted_ms=0))


PARCELS = Reaction(frozenset({"parcel.left", "parcel.taken"}), note_parcels)
COUNTS = ChannelReaction("want", Purpose.RESULT, note_count)
"""On a channel that the contract has and ingest does not read: a channel of its own would be one more name there."""
