"""What domains do about what devices send. Ingest runs it inside its transaction and knows no domain by name."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import Connection

from cloud.devices.event_series import EventRow, Key
from cloud.devices.streams import Device
from contract.events import Event
from contract.sealing import Purpose


class Recorded(NamedTuple):
    """An event that was stored just now, and the device that recorded it. ``replay`` is the device's word that it was
    offline then."""

    device: Device
    event: Event
    replay: bool = False


class Reaction(Struct, frozen=True):
    """What a domain does about events of these ``kinds``. ``note`` folds those of one transaction, in the order they
    came in, into the domain's rows; it is also given the time (UTC ms).

    If it raises, the messages that it was run for are neither stored nor acknowledged.
    """

    kinds: frozenset[str]
    note: Callable[[Connection, Sequence[Recorded], int], None]


class RowReaction(Struct, frozen=True):
    """What a domain does about frequent events of these ``kinds`` by their rows alone: nothing is decoded for it.
    ``note`` is given the site, and those of one transaction with the keys of their series, behind all reactions to
    events. Of most it may want few: those alone whose stored bytes hold ``marked``, such as the name of a field."""

    kinds: frozenset[str]
    note: Callable[[Connection, str, Sequence[tuple[Key, EventRow]]], None]
    marked: bytes = b""


class ChannelReaction(Struct, frozen=True):
    """What a domain does about a message on a ``channel`` that is sealed for a ``purpose``. ``note`` is given the name
    of the device and what it sealed, and raises ``Refused`` or ``Malformed`` for what goes to quarantine."""

    channel: str
    purpose: Purpose
    note: Callable[[Connection, str, bytes], None]


class Reactions(Struct, frozen=True):
    """Those of all domains. Of one transaction the events are noted by one domain after the other, in this order."""

    events: tuple[Reaction, ...] = ()
    rows: tuple[RowReaction, ...] = ()
    channels: tuple[ChannelReaction, ...] = ()
