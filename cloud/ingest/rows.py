"""What the table of events says of a stored event. Decisions, passages and events without data, nearly all that is
recorded, are read without a dictionary. What cannot be read so is read as any event: the rows are the same."""

from binascii import unhexlify
from collections.abc import Callable, Iterable, Mapping, Set
from typing import Annotated, Literal

from msgspec import Meta, Struct, msgpack

from cloud.devices.clock_fixes import NO_BOOT
from cloud.devices.event_series import EventColumns, EventRow, Key
from cloud.store.schema import MAX_INTEGER
from contract.codec import UNREADABLE, Malformed
from contract.decide import Trust
from contract.events import MAX_EVENT_BYTES, Event, holder_in, reason_of

_Time = Annotated[int, Meta(ge=-MAX_INTEGER, le=MAX_INTEGER)]


class PlainData(Struct, forbid_unknown_fields=True, gc=False):
    """The fields of a decision, ``contract.archetypes.DecisionFields``. Data with any other is not read so: a field
    that was passed over would not have been checked, and whoever shows the event must be able to read all of it."""

    holder: Annotated[str, Meta(min_length=16, max_length=16)] | None = None
    reason: str | None = None
    direction: str | None = None
    digest: str | None = None
    roster: int | None = None
    rule: int | None = None
    facts: bytes | None = None
    credential: str | None = None
    warning: str | None = None
    shown_s: int | None = None


class PlainEvent(Struct, array_like=True, gc=False):
    """A ``contract.events.Event`` with plain data and numbers that a table can hold."""

    seq: int
    at_ms: _Time
    mono_ms: _Time
    boot: str
    clock: Literal["synced", "holdover", "unset"]
    point: str
    kind: str
    data: PlainData


_NOT_PLAIN = (*UNREADABLE, ValueError)
_decode = msgpack.Decoder(PlainEvent).decode


def make_rows(
    events: Iterable[bytes],
    seqs: Iterable[int],
    *,
    behind: int,
    of: tuple[int, int],
    came: tuple[int, int],
    series: Mapping[Key, int],
    apart: Set[str],
    read: Callable[[int, bytes], EventColumns | None],
) -> list[EventRow]:
    """The rows of events with these numbers, whose arrival is counted from ``behind``.

    ``of`` are the ids of journal and device, ``came`` says when they were received and whether replayed, ``series`` has
    the number of every series. An event that
    is not plain, out of its place, or of a kind that is ``apart`` is handed to ``read``; if that gives nothing, there
    is no row.
    """
    rows: list[EventRow] = []
    (journal_id, device_id), (received_ms, replay), arrival, add = of, came, behind, rows.append
    for seq, stored in zip(seqs, events, strict=True):
        # In one piece, for it runs 50,000 times a second: a call would cost as much as the row itself.
        try:
            event = _decode(stored)
            data = event.data
            holder = None if data.holder is None else bytearray(unhexlify(data.holder))
        except _NOT_PLAIN:
            event = None
        if event is None or event.seq != seq or event.kind in apart or len(stored) > MAX_EVENT_BYTES:
            columns = read(seq, stored)
            if columns is not None:
                arrival += 1
                point, kind, at_ms, mono_ms, boot, its_holder, reason = columns
                number, times = series[device_id, point, kind, reason], (received_ms, replay, at_ms, mono_ms)
                add((arrival, journal_id, seq, *times, boot, its_holder, bytearray(stored), number))
            continue
        arrival += 1
        is_dated = event.clock != "unset"
        add(
            (
                arrival,
                journal_id,
                seq,
                received_ms,
                replay,
                event.at_ms,
                0 if is_dated else event.mono_ms,
                "" if is_dated else event.boot or NO_BOOT,
                holder,
                bytearray(stored),
                series[device_id, event.point, event.kind, data.reason],
            )
        )
    return rows


def event_columns(event: Event, seq: int) -> EventColumns:
    """What the table says of any event. Raises ``Malformed`` unless it is row ``seq`` and fits in the table."""
    if event.seq != seq:
        raise Malformed(f"event {event.seq} in the place of {seq}")
    if not (-MAX_INTEGER <= event.at_ms <= MAX_INTEGER and -MAX_INTEGER <= event.mono_ms <= MAX_INTEGER):
        raise Malformed("a time that no table can hold")
    holder = holder_in(event.data.get("holder"))
    mono_ms, boot = (event.mono_ms, event.boot or NO_BOOT) if event.clock is Trust.UNSET else (0, "")
    return event.point, event.kind, event.at_ms, mono_ms, boot, holder, reason_of(event)
