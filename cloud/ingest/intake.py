"""One transaction of what devices sent: messages go in, rows and acknowledgements come together."""

from collections.abc import Iterator
from functools import partial

from msgspec import Struct
from sqlalchemy import Connection

from cloud.devices import presence
from cloud.devices.arrival_counts import ArrivalCounts
from cloud.devices.batch_seals import SealRow, keep_seals, pack_gaps
from cloud.devices.erasure import read_erased
from cloud.devices.event_series import EventColumns, EventRow, Key, write_rows
from cloud.devices.point_kinds import kinds_in, note_kinds
from cloud.devices.quarantine import TWO_DEVICES, Refused, Suspect, quarantine_messages
from cloud.devices.reactions import Reactions, Recorded, RowReaction
from cloud.devices.streams import (
    Break,
    Device,
    Journal,
    Streams,
    change_devices,
    mark_heard,
    move_journals,
    note_breaks,
    stored_rows,
)
from cloud.ingest.batches import ForkedHistory, VerifiedBatch, count_stored, verify_batch
from cloud.ingest.rows import event_columns, make_rows
from cloud.line.broker import Arrived
from cloud.store.revision import Touched, touch
from contract import codec
from contract.codec import Malformed
from contract.events import decode_event
from contract.messages import Ack, EventBatch
from contract.sealing import BadSeal, Purpose, unseal

MAX_SEALED_BYTES = 64 * 1024


class Reply(Struct):
    """What a device will be told of a journal. ``missed`` is the highest row that came too early to be stored; ``back``
    asks for its past again; ``fork`` is the last row that both pasts have."""

    device: Device
    journal: Journal
    missed: int = 0
    back: bool = False
    fork: int | None = None

    def ack(self, now_ms: int) -> Ack:
        name, upto = self.journal.name, self.journal.upto
        if self.fork is not None:
            return Ack(name, self.fork, now_ms, fork=True)
        if self.journal.same_upto is not None:
            upto = self.journal.same_upto
        return Ack(name, upto, now_ms, rewind=self.back or self.missed > upto)


class Intake:
    """One transaction of messages from devices, which the caller commits."""

    def __init__(self, connection: Connection, streams: Streams, site: str, reactions: Reactions, now_ms: int) -> None:
        self._connection = connection
        self._streams = streams
        self._site = site
        self._reactions = reactions
        self._now_ms = now_ms
        self.counts = ArrivalCounts.none()
        self._rows: list[EventRow] = []
        self._counted: list[tuple[RowReaction, list[tuple[Key, EventRow]]]] = [(one, []) for one in reactions.rows]
        self._replies: dict[int, Reply] = {}
        self._heard: set[int] = set()
        self._changes: dict[int, dict[str, object]] = {}
        self._suspects: list[Suspect] = []
        self._breaks: list[Break] = []
        self._recorded: list[Recorded] = []
        self._seals: list[SealRow] = []
        self._read_kinds = {kind for reaction in reactions.events for kind in reaction.kinds}
        self._kinds: dict[str, dict[str, str]] = {}
        streams.refresh(connection)

    def receive(self, message: Arrived) -> None:
        """Take in one message. Whatever is wrong with it ends in quarantine and changes nothing else."""
        device = self._streams.device(self._connection, message.topic.device)
        try:
            if device is None:
                raise Refused("unknown_device", "no such device is registered")
            match message.topic.channel:
                case "events":
                    self._receive_events(device, message)
                case "state":
                    self._receive_state(device, message)
                case "beat":
                    self._receive(device, message, presence.after_beat(message.payload, self._now_ms))
                case "live":
                    self._receive(device, message, presence.after_live(message.payload, self._now_ms))
                case channel:
                    self._receive_sealed(device, channel, message.payload)
        except Refused as wrong:
            self._suspect(message, device, wrong.why, wrong.detail)
        except Malformed as wrong:
            self._suspect(message, device, "malformed", str(wrong))

    def finish(self) -> None:
        """Write what has come together."""
        self._write_rows()
        keep_seals(self._connection, self._seals)
        move_journals(self._connection, [reply.journal for reply in self._replies.values()])
        note_breaks(self._connection, self._breaks, self._now_ms)
        self._react()
        mark_heard(self._connection, sorted(self._heard), self._now_ms)
        change_devices(self._connection, self._changes)
        for name, kinds in self._kinds.items():
            note_kinds(self._connection, name, kinds)
        quarantine_messages(self._connection, self._suspects, self._now_ms)

    def acks(self) -> Iterator[tuple[str, Ack]]:
        """What may be acknowledged once the transaction is committed, each with its device's name."""
        for reply in self._replies.values():
            yield reply.device.name, reply.ack(self._now_ms)

    def _receive_events(self, device: Device, message: Arrived) -> None:
        batch = codec.unpack(message.payload, EventBatch)
        verified = verify_batch(batch, self._site, device.name, device.verifier)
        journal = self._streams.journal(self._connection, device, batch.journal, self._now_ms)
        if journal is None:
            raise Refused("too_many_journals", f"journal {batch.journal} would be one too many for this device")
        self._mark_heard(device, message)
        reply = self._replies.setdefault(journal.id, Reply(device, journal))
        try:
            stored_count = count_stored(verified, journal.upto, journal.tip)
            common = self._last_common_row(journal, verified) if batch.last < journal.upto else None
        except ForkedHistory:
            stored_count, common = None, self._last_common_row(journal, verified, differs=True)
        if common is not None:
            self._note_fork(reply, verified, common)
        elif stored_count is None:
            reply.missed = max(reply.missed, batch.last)
        elif stored_count < len(verified.links):
            self._store(device, journal, verified, stored_count, replay=batch.replay)
            gaps = pack_gaps([verified.events[place] for place in verified.gaps])
            sealed = self._site, batch.first, bytes(batch.tip), bytes(batch.seal), gaps
            self._seals.append((journal.id, batch.last, *sealed))
            journal.upto, journal.tip, journal.same_upto = batch.last, batch.tip, None
        elif journal.same_upto is not None:
            self._note_compared(reply, verified, journal.same_upto)

    def _last_common_row(self, journal: Journal, verified: VerifiedBatch, *, differs: bool = False) -> int | None:
        """The last row that the batch and the stored journal have in common; the row before the batch if no row of it
        is known to be equal. None where they do not differ: the links show already that a batch ``differs``."""
        self._write_rows()
        sent = {
            seq: stored
            for place, (seq, stored) in enumerate(zip(verified.seqs, verified.events, strict=True))
            if seq <= journal.upto and place not in verified.gaps
        }
        common = verified.first_kept - 1
        for seq, stored in stored_rows(self._connection, journal, list(sent)):
            if not _is_same(stored, sent[seq]):
                return common
            common = seq
        return common if differs else None

    def _note_fork(self, reply: Reply, verified: VerifiedBatch, common: int) -> None:
        """The journal forked behind row ``common``. Unless that is a row of the batch, the rows before may differ too:
        if there are any, and they were not compared, the device is asked to send them from the first one on."""
        journal = reply.journal
        if reply.fork is not None:
            return
        is_known = (
            common >= verified.first_kept or verified.first_kept > verified.first or common <= (journal.same_upto or 0)
        )
        if not is_known:
            journal.same_upto = journal.same_upto or 0
            reply.back = True
            return
        journal.same_upto = None
        reply.fork = common
        self._breaks.append(Break(journal.id, reply.device.id, common + 1, journal.upto, "forked"))
        # An old copy of a disk counts its connections from an old number. Whichever of the two connects next counts.
        reply.device.connection = 0
        self._change(reply.device, {"connection": 0})

    def _note_compared(self, reply: Reply, verified: VerifiedBatch, same_upto: int) -> None:
        """A batch that was asked for again has the rows that are stored."""
        if verified.first <= same_upto + 1:
            reply.journal.same_upto = max(same_upto, verified.last)
        else:
            reply.back = True

    def _store(self, device: Device, journal: Journal, verified: VerifiedBatch, stored: int, *, replay: bool) -> None:
        """Add the batch's rows behind those that are ``stored`` already. An event that cannot be read counts as
        received, and goes to quarantine; rows that are gone count too, and are noted."""
        behind = self._streams.last_arrival(self._connection)
        rows = make_rows(
            verified.events[stored:],
            verified.seqs[stored:],
            behind=behind,
            of=(journal.id, device.id),
            came=(self._now_ms, int(replay)),
            series=self._streams.series,
            apart=self._read_kinds,
            read=partial(self._columns_of_any, device, journal, replay),
        )
        self._rows += rows
        self._streams.arrival = behind + len(rows)
        series = self.counts.count_rows(rows, self._streams.series.keys_of)
        for reaction, noted in self._counted:
            theirs = {number: key for number, key in series.items() if key[2] in reaction.kinds}
            if theirs:
                wanted = (row for row in rows if row[-1] in theirs and reaction.marked in row[-2])
                noted += [(theirs[row[-1]], row) for row in wanted]
        for place, gap in verified.gaps.items():
            if place >= stored:
                self.counts.lost += gap.count
                lost_from = max(gap.first, journal.upto + 1)
                self._breaks.append(Break(journal.id, device.id, lost_from, gap.last, gap.why))

    def _columns_of_any(
        self, device: Device, journal: Journal, replay: bool, seq: int, stored: bytes
    ) -> EventColumns | None:
        """None for an event that goes to quarantine."""
        try:
            event = decode_event(stored)
            columns = event_columns(event, seq)
        except Malformed as wrong:
            self._suspects.append(Suspect(device.name, True, "events", "poison", str(wrong), stored, journal.name, seq))
            return None
        if event.kind in self._read_kinds:
            self._recorded.append(Recorded(device, event, replay))
        return columns

    def _react(self) -> None:
        for reaction in self._reactions.events:
            recorded = [entry for entry in self._recorded if entry.event.kind in reaction.kinds]
            if recorded:
                reaction.note(self._connection, recorded, self._now_ms)
        for row_reaction, rows in self._counted:
            if rows:
                row_reaction.note(self._connection, self._site, rows)

    def _receive_sealed(self, device: Device, channel: str, payload: bytes) -> None:
        for reaction in self._reactions.channels:
            if reaction.channel == channel:
                reaction.note(self._connection, device.name, self._opened(device, payload, reaction.purpose))

    def _opened(self, device: Device, payload: bytes, purpose: Purpose) -> bytes:
        """What a device sealed. Raises ``Refused`` unless it did, and ``Malformed`` for too much of it."""
        if len(payload) > MAX_SEALED_BYTES:
            raise Malformed(f"{len(payload)} bytes, more than {MAX_SEALED_BYTES}")
        try:
            return unseal(device.verifier.accepts, purpose, self._site, device.name, payload)
        except BadSeal:
            raise Refused("bad_seal", "the seal is not this device's") from None

    def _write_rows(self) -> None:
        write_rows(self._connection, self._rows)
        self._rows = []

    def _receive_state(self, device: Device, message: Arrived) -> None:
        state, sealed = presence.read_state(message.payload, self._site, device.name, device.verifier)
        columns = presence.after_state(state, sealed, device.connection, self._now_ms)
        self._change(device, columns)
        if columns.get("page_version", device.page_version) != device.page_version:
            device.page_version = columns["page_version"]
            touch(self._connection, Touched.DEVICES)
            self._streams.keep(self._connection)
        if sealed:
            if columns:
                self._kinds.setdefault(device.name, {}).update(kinds_in(state.points))
            device.connection = max(device.connection, state.connection)
            self._mark_heard(device, message)
            device.starts, twins = presence.after_start(device.starts, state.boot, state.connection)
            if twins:
                self._suspect(message, device, TWO_DEVICES, f"start {state.boot} connects again after another one did")

    def _receive(self, device: Device, message: Arrived, columns: dict[str, object]) -> None:
        self._change(device, columns)
        self._mark_heard(device, message)

    def _mark_heard(self, device: Device, message: Arrived) -> None:
        if not message.retained:
            self._heard.add(device.id)

    def _change(self, device: Device, columns: dict[str, object]) -> None:
        if columns:
            self._changes.setdefault(device.id, {}).update(columns)

    def _suspect(self, message: Arrived, device: Device | None, why: str, detail: str) -> None:
        name, channel = message.topic.device, message.topic.channel
        self._suspects.append(Suspect(name, device is not None, channel, why, detail, message.payload))


def _is_same(stored: bytes, sent: bytes) -> bool:
    """Whether a row is stored as it was sent now; of one that was erased since the link says so."""
    erased = read_erased(stored)
    return stored == sent if erased is None else erased.was(sent)
