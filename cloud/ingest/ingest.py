"""Takes in what devices send: checks it, commits it, and only then acknowledges it.

Everything that is queued becomes one transaction, so batches grow by themselves under load. A full queue drops: the
acknowledgement is the only promise, and a device sends again what was not acknowledged.
"""

import gc
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from sqlalchemy.exc import OperationalError

from cloud.devices.reactions import Reactions
from cloud.devices.streams import Streams, newest_journals
from cloud.ingest.intake import Intake
from cloud.line.broker import Arrived
from cloud.line.worker import Worker
from cloud.store.database import Store
from contract import codec, topics
from contract.messages import Ack
from contract.sealing import Purpose, SyncKey, mac, seal

log = logging.getLogger(__name__)

MAX_AT_ONCE = 256
"""Messages in one transaction: 25,600 events in batches of 100."""

Send = Callable[[str, bytes], None]
"""Publishes a payload on a topic."""


class Ingest(Worker[tuple[Arrived, float]]):
    """Owns the stored streams of all devices. Any thread may ``hear`` a message, or say ``look_soon`` when the
    broker is back: devices may wait for answers that it has lost. One thread works."""

    def __init__(
        self,
        store: Store,
        *,
        site: str,
        reactions: Reactions,
        sync: Callable[[str], SyncKey | None],
        send: Send,
        told: Callable[[], None],
        clock: Callable[[], int],
        timed: Callable[[float], object] = lambda _seconds: None,
    ) -> None:
        """``reactions`` are those of all domains, ``sync`` finds a device's key, ``told`` is called after every commit,
        ``clock`` gives UTC milliseconds.

        ``timed`` is told of every message how many seconds after its arrival it was dealt with.
        """
        super().__init__(
            "ingest",
            "the devices were not told how far they are",
            take=self._take_queued,
            look=self.acknowledge_all,
            at_once=MAX_AT_ONCE,
            drains=True,
        )
        self._store = store
        self._site = site
        self._reactions = reactions
        self._sync = sync
        self._send = send
        self._told = told
        self._clock = clock
        self._timed = timed
        self._streams = Streams(site)

    def hear(self, message: Arrived) -> None:
        """Queue a message, with the time at which it came."""
        self.put((message, time.perf_counter()))

    def take(self, arrived: Sequence[Arrived]) -> None:
        """Commit these messages in one transaction, then acknowledge them."""
        with no_collection(), self._transaction() as intake:
            for message in arrived:
                intake.receive(message)
            intake.finish()
        self._acknowledge(intake)
        self._told()

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
        body = codec.write(ack)
        sealed = seal(partial(mac, key), Purpose.ACK, self._site, device, body)
        self._send(topics.down(self._site, device, "ack"), sealed)

    def _take_queued(self, queued: Sequence[tuple[Arrived, float]]) -> None:
        self._take_or_leave([message for message, _ in queued])
        done_s = time.perf_counter()
        for _, arrived_s in queued:
            self._timed(done_s - arrived_s)

    def _take_or_leave(self, arrived: Sequence[Arrived]) -> None:
        """A boundary of its own: a fault of ours costs the messages that cause it, no others.

        They stay unacknowledged, so their devices keep them and send them again.
        """
        try:
            self.take(arrived)
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
                self._take_or_leave([message])


@contextmanager
def no_collection() -> Iterator[None]:
    """Nothing that a transaction makes is garbage before its end, and to look for some among 25,000 new rows takes a
    fifth of its time. What the process itself made garbage is found afterwards."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
