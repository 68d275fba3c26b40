"""One transaction of what devices sent: messages go in, rows and acknowledgements come together."""

from collections.abc import Iterator

from msgspec import Struct
from sqlalchemy import Connection

from cloud import presence
from cloud.batches import Refused, check_seal, links_of, rows_known
from cloud.broker import Arrived
from cloud.store.quarantine import Suspect, confine
from cloud.store.schema import MAX_INTEGER
from cloud.store.streams import (
    Device,
    EventRow,
    Journal,
    Streams,
    change_devices,
    mark_heard,
    move_journals,
    stored_rows,
    write_rows,
)
from contract import codec
from contract.codec import Malformed
from contract.decide import Trust
from contract.events import Event, decode_event
from contract.messages import Ack, EventBatch

_TRUST_TEXT = {trust: trust.value for trust in Trust}


class Reply(Struct):
    """What a device will be told of a journal. ``missed`` is the highest row that came too early to be stored."""

    device: Device
    journal: Journal
    missed: int = 0


class Intake:
    """Within one transaction, which is the caller's to commit."""

    def __init__(self, connection: Connection, streams: Streams, site: str, now_ms: int) -> None:
        self._connection = connection
        self._streams = streams
        self._site = site
        self._now_ms = now_ms
        self._rows: list[EventRow] = []
        self._replies: dict[int, Reply] = {}
        self._heard: set[int] = set()
        self._changes: dict[int, dict[str, object]] = {}
        self._suspects: list[Suspect] = []
        streams.refresh(connection)

    def receive(self, one: Arrived) -> None:
        """Take in one message. Whatever is wrong with it ends in quarantine and changes nothing else."""
        device = self._streams.device(self._connection, one.topic.device)
        try:
            if device is None:
                raise Refused("unknown_device", "no such device is registered")
            match one.topic.channel:
                case "events":
                    self._receive_events(device, one)
                case "state":
                    self._receive_state(device, one)
                case "beat":
                    self._receive_beat(device, one)
        except Refused as wrong:
            self._suspect(one, device, wrong.why, wrong.detail)
        except Malformed as wrong:
            self._suspect(one, device, "malformed", str(wrong))

    def finish(self) -> None:
        """Write what has come together."""
        self._write_rows()
        move_journals(self._connection, [reply.journal for reply in self._replies.values()])
        mark_heard(self._connection, sorted(self._heard), self._now_ms)
        change_devices(self._connection, self._changes)
        confine(self._connection, self._suspects, self._now_ms)

    def acks(self) -> Iterator[tuple[str, Ack]]:
        """What may be acknowledged once the transaction is committed, each with its device's name."""
        for reply in self._replies.values():
            journal = reply.journal
            yield reply.device.name, Ack(journal.name, journal.upto, self._now_ms, reply.missed > journal.upto)

    def _receive_events(self, device: Device, one: Arrived) -> None:
        batch = codec.unpack(one.payload, EventBatch)
        check_seal(batch, self._site, device.name, device.verifier)
        links = links_of(batch)
        journal = self._streams.journal(self._connection, device, batch.journal, self._now_ms)
        if journal is None:
            raise Refused("too_many_journals", f"journal {batch.journal} would be one too many for this device")
        known = rows_known(batch, links, journal.upto, journal.tip)
        if batch.last < journal.upto:
            self._compare(journal, batch)
        self._hear(device, one)
        reply = self._replies.setdefault(journal.id, Reply(device, journal))
        if known is None:
            reply.missed = max(reply.missed, batch.last)
        elif known < len(links):
            self._store(device, journal, batch, known)
            journal.upto, journal.tip = batch.last, batch.tip

    def _compare(self, journal: Journal, batch: EventBatch) -> None:
        """Raises ``Refused`` if rows sent again are not those that were stored: two disks live under one name."""
        self._write_rows()
        for seq, stored in stored_rows(self._connection, journal, batch.first, batch.last):
            if stored != batch.events[seq - batch.first]:
                raise Refused("fork", f"row {seq} is another than the one stored")

    def _store(self, device: Device, journal: Journal, batch: EventBatch, known: int) -> None:
        """Add the batch's new rows. An event that cannot be read counts as received, and is kept in quarantine."""
        arrival = self._streams.last_arrival(self._connection)
        for seq, stored in enumerate(batch.events[known:], batch.first + known):
            try:
                event = decode_event(stored)
                _check(event, seq)
            except Malformed as wrong:
                self._suspects.append(
                    Suspect(device.name, True, "events", "poison", str(wrong), stored, journal.name, seq)
                )
                continue
            arrival += 1
            self._rows.append(
                (
                    journal.id,
                    seq,
                    arrival,
                    device.id,
                    event.point,
                    event.kind,
                    event.at_ms,
                    event.mono_ms,
                    event.boot,
                    _TRUST_TEXT[event.clock],
                    self._now_ms,
                    batch.replay,
                    _holder(event.data.get("holder")),
                    _reason(event.data.get("reason")),
                    stored,
                )
            )
        self._streams.arrival = arrival

    def _write_rows(self) -> None:
        write_rows(self._connection, self._rows)
        self._rows = []

    def _receive_state(self, device: Device, one: Arrived) -> None:
        state, sealed = presence.read_state(one.payload, self._site, device.name, device.verifier)
        self._change(device, presence.after_state(state, sealed, device.connection, self._now_ms))
        if sealed:
            device.connection = max(device.connection, state.connection)
            self._hear(device, one)

    def _receive_beat(self, device: Device, one: Arrived) -> None:
        self._change(device, presence.after_beat(presence.read_beat(one.payload), self._now_ms))
        self._hear(device, one)

    def _hear(self, device: Device, one: Arrived) -> None:
        if not one.retained:
            self._heard.add(device.id)

    def _change(self, device: Device, columns: dict[str, object]) -> None:
        if columns:
            self._changes.setdefault(device.id, {}).update(columns)

    def _suspect(self, one: Arrived, device: Device | None, why: str, detail: str) -> None:
        name, channel = one.topic.device, one.topic.channel
        self._suspects.append(Suspect(name, device is not None, channel, why, detail, one.payload))


def _check(event: Event, seq: int) -> None:
    """Raises ``Malformed`` unless the event is what its place in the journal says and fits in a table."""
    if event.seq != seq:
        raise Malformed(f"event {event.seq} in the place of {seq}")
    if not (-MAX_INTEGER <= event.at_ms <= MAX_INTEGER and -MAX_INTEGER <= event.mono_ms <= MAX_INTEGER):
        raise Malformed("a time that no table can hold")


def _holder(holder: object) -> bytes | None:
    """A holder as it stands in an event: 16 hex digits, anything else where nobody is known."""
    if not isinstance(holder, str) or len(holder) != 16:
        return None
    try:
        return bytes.fromhex(holder)
    except ValueError:
        return None


def _reason(reason: object) -> str | None:
    return reason if isinstance(reason, str) else None
