"""Takes in what devices send: checks it, commits it, and only then acknowledges it.

Everything that is queued becomes one transaction, so batches grow by themselves under load. A full queue drops: the
acknowledgement is the only promise, and a device sends again what was not acknowledged, when the cloud asks for it.
"""

import gc
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from sqlalchemy.exc import OperationalError

from cloud.devices.arrival_counts import ArrivalCounts
from cloud.devices.reactions import Reactions
from cloud.devices.streams import Streams, newest_journals
from cloud.ingest.intake import Intake
from cloud.ingest.overload import Appointments, journal_of
from cloud.line.broker import Arrived
from cloud.line.worker import Worker
from cloud.store.database import Store
from contract import codec, topics
from contract.messages import Ack
from contract.sealing import Purpose, SyncKey, mac, seal

log = logging.getLogger(__name__)

MAX_AT_ONCE = 256
"""Messages in one transaction: 25,600 events in batches of 100."""
SMALL_BYTES, MAX_SMALL_QUEUED = 8 * 1024, 8_000
"""Nothing but a batch of events is asked for again, so small messages have room where batches have none any more:
5,000 devices that connect at once are all seen."""
MAX_BATCHES_QUEUED, MIN_BATCHES_QUEUED, QUEUED_S = 1_000, 64, 2.0
"""There is room for as many batches as can be dealt with in this time: who waits for 5 s sends the same again."""
FIRST_GUESS_S, SMOOTHING, MANY = 0.002, 0.2, 16
"""What one of many messages takes until it was measured; how much the newest transaction counts afterwards; and how
many must have been in it: a single one is mostly a wait for the disk."""

Send = Callable[[str, bytes], None]
"""Publishes a payload on a topic."""


class Ingest(Worker[tuple[Arrived, float]]):
    """The writer of what devices send, a thread. Any thread may ``enqueue`` a message, or say ``look_soon`` when the
    broker is back: devices may wait for answers that it has lost. One thread works."""

    def __init__(
        self,
        store: Store,
        *,
        site: str,
        reactions: Reactions,
        sync: Callable[[str], SyncKey | None],
        send: Send,
        on_commit: Callable[[], None],
        clock: Callable[[], int],
        timed: Callable[[float], object] = lambda _seconds: None,
        counted: Callable[[ArrivalCounts], object] = lambda _counts: None,
    ) -> None:
        """``reactions`` are those of all domains, ``sync`` finds a device's key, ``on_commit`` is called after
        every commit, ``clock`` gives UTC milliseconds.

        ``counted`` is called with what came in a transaction, ``timed`` for every message with the seconds from its
        arrival to the end of its transaction.
        """
        super().__init__(
            "ingest",
            "the devices were not told how far they are",
            process=self._commit_queued,
            look=self.acknowledge_all,
            max_queued=MAX_SMALL_QUEUED,
            at_once=MAX_AT_ONCE,
            drains=True,
        )
        self._store = store
        self._site = site
        self._reactions = reactions
        self._sync = sync
        self._send = send
        self._on_commit = on_commit
        self._clock = clock
        self._timed, self._counted = timed, counted
        self._streams = Streams(site)
        self._appointments = Appointments()
        self._each_s = FIRST_GUESS_S

    def enqueue(self, message: Arrived) -> None:
        """Queue a message, with the time at which it came. Where there is no room for a batch, its device is told when
        to send it again."""
        now_s, is_batch = time.perf_counter(), message.topic.channel == "events"
        small = not is_batch and len(message.payload) <= SMALL_BYTES
        room = round(min(max(QUEUED_S / self._each_s, MIN_BATCHES_QUEUED), MAX_BATCHES_QUEUED))
        if not self.put((message, now_s), None if small else room) and is_batch:
            self._turn_away(message, now_s)

    def _turn_away(self, message: Arrived, now_s: float) -> None:
        """What a device is told here depends on nothing that it says: a stranger has no key that it would be sealed
        with, and ``upto`` 0 acknowledges nothing."""
        device, journal = message.topic.device, journal_of(message.payload)
        key = self._sync(device)
        if key is not None and journal is not None:
            wait_ms = self._appointments.wait_ms(device, now_s, queued=self.queued, each_s=self._each_s)
            self._send_sealed(device, key, Ack(journal, 0, self._clock(), later_ms=wait_ms))

    def commit(self, arrived: Sequence[Arrived]) -> None:
        """Commit these messages in one transaction, then acknowledge them."""
        with no_collection(), self._transaction() as intake:
            for message in arrived:
                intake.receive(message)
            intake.finish()
        self._acknowledge(intake)
        self._counted(intake.counts)
        self._on_commit()

    def acknowledge_all(self) -> None:
        """Tell every device how far its newest journal is stored: whoever waited for an answer goes on at once."""
        with self._store.reading() as connection:
            newest = newest_journals(connection, self._site)
        now_ms = self._clock()
        for device, journal, upto in newest:
            self._send_ack(device, Ack(journal, upto, now_ms, rewind=True))

    @contextmanager
    def _transaction(self) -> Iterator[Intake]:
        try:
            with self._store.ingesting() as connection:
                yield Intake(connection, self._streams, self._site, self._reactions, self._clock())
        except BaseException:
            self._streams.forget()
            raise

    def _acknowledge(self, intake: Intake) -> None:
        for device, ack in intake.acks():
            self._send_ack(device, ack)

    def _send_ack(self, device: str, ack: Ack) -> None:
        key = self._sync(device)
        if key is None:
            log.error("device %s has no sync key: its events are stored but cannot be acknowledged", device)
            return
        self._send_sealed(device, key, ack)

    def _send_sealed(self, device: str, key: SyncKey, ack: Ack) -> None:
        body = codec.write(ack)
        sealed = seal(partial(mac, key), Purpose.ACK, self._site, device, body)
        self._send(topics.down(self._site, device, "ack"), sealed)

    def _commit_queued(self, queued: Sequence[tuple[Arrived, float]]) -> None:
        began_s = time.perf_counter()
        self._commit_or_skip([message for message, _ in queued])
        done_s = time.perf_counter()
        if len(queued) >= MANY:
            self._each_s += SMOOTHING * ((done_s - began_s) / len(queued) - self._each_s)
        for _, arrived_s in queued:
            self._timed(done_s - arrived_s)

    def _commit_or_skip(self, arrived: Sequence[Arrived]) -> None:
        """A boundary of its own: a fault of ours costs the messages that cause it, no others.

        They stay unacknowledged, so their devices keep them and send them again.
        """
        try:
            self.commit(arrived)
        except (OperationalError, sqlite3.OperationalError):
            self.failures += 1
            log.exception("the database takes nothing: %d messages will have to be sent again", len(arrived))
        except Exception:
            self.failures += 1
            if len(arrived) == 1:
                log.exception("a message on %s cannot be taken in", arrived[0].topic)
                return
            log.exception("a transaction of %d messages failed; now one by one", len(arrived))
            for message in arrived:
                self._commit_or_skip([message])


@contextmanager
def no_collection() -> Iterator[None]:
    """Nothing that a transaction makes is garbage before its end, and to look for some among 25,000 new rows takes a
    fifth of its time. What the process itself made garbage is found afterwards."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
