"""Gives devices their next certificates as they ask for them, and looks after those of the cloud's own.

A request is believed under the seal of the device's key, and only for that same key: who has the key gets no more than
they have. The answer needs no seal, as the certificate is the authority's word.
"""

import logging
import threading
from collections.abc import Callable
from queue import Empty, Full, Queue

from sqlalchemy import Connection

from cloud.auth import Clock
from cloud.broker import Arrived
from cloud.ca import BadRequest, read_request
from cloud.registrar import Registrar
from cloud.store.database import Store
from cloud.store.quarantine import Suspect, confine
from cloud.store.registry import NotRegistered
from cloud.store.streams import Device, Streams
from contract import codec, topics
from contract.codec import Malformed
from contract.messages import Certificate, Renewal
from contract.sealing import Purpose, statement

log = logging.getLogger(__name__)

MAX_QUEUED = 100
LOOK_AFTER_S = 3600.0


class Renewals:
    """Any thread may ``put``; its own thread works."""

    def __init__(
        self,
        store: Store,
        registrar: Registrar,
        *,
        site: str,
        publish: Callable[[str, bytes], None],
        look_after: Callable[[], None],
        clock: Clock,
    ) -> None:
        """``look_after`` is called at the start and after every quiet hour."""
        self._store, self._registrar, self._site = store, registrar, site
        self._publish, self._look_after, self._clock = publish, look_after, clock
        self._queue: Queue[Arrived | None] = Queue(MAX_QUEUED)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="renewals")
        self.failures = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._offer(None)
        self._thread.join()

    def put(self, one: Arrived) -> None:
        """Queue a request, or drop it: a device asks again within the hour."""
        self._offer(one)

    def answer(self, one: Arrived) -> None:
        """Send the device its certificate. What is wrong with a request ends in quarantine."""
        with self._store.reading() as connection:
            device = self._device(connection, one.topic.device)
        try:
            if device is None:
                raise NotRegistered("no such device is registered")
            asked_key = read_request(self._renewal(one, device).request)
            issued = self._registrar.renew(device.name, device.verifier.public(), asked_key)
        except (NotRegistered, BadRequest, Malformed) as wrong:
            self._confine(one, device is not None, str(wrong))
            return
        answer = codec.write(Certificate(issued.certificate, issued.not_after_ms))
        self._publish(topics.down(self._site, device.name, "certificate"), answer)

    def _device(self, connection: Connection, name: str) -> Device | None:
        return Streams(self._site).device(connection, name)

    def _renewal(self, one: Arrived, device: Device) -> Renewal:
        body, seal = codec.detach(one.payload)
        if not device.verifier.accepts(statement(Purpose.RENEW, self._site, device.name, body), seal):
            raise Malformed("the seal is not this device's")
        return codec.read(body, Renewal)

    def _confine(self, one: Arrived, registered: bool, detail: str) -> None:
        suspect = Suspect(one.topic.device, registered, one.topic.channel, "bad_request", detail, one.payload)
        with self._store.writing() as connection:
            confine(connection, [suspect], self._clock())

    def _offer(self, one: Arrived | None) -> None:
        try:
            self._queue.put_nowait(one)
        except Full:
            return

    def _run(self) -> None:
        """The boundary that keeps the thread alive: a fault of ours is recorded and costs one request."""
        work = self._look_after
        while not self._stopping.is_set():
            try:
                work()
            except Exception:
                self.failures += 1
                log.exception("a certificate could not be renewed")
            work = self._work

    def _work(self) -> None:
        try:
            one = self._queue.get(timeout=LOOK_AFTER_S)
        except Empty:
            self._look_after()
            return
        if one is not None:
            self.answer(one)
