"""Gives devices their next certificates as they ask for them, and looks after those of the cloud's own.

A request is believed under the seal of the device's key, and only for that same key: who has the key gets no more than
they have. The answer needs no seal, as the certificate is the authority's word.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from cloud.devices.quarantine import Suspect, confine
from cloud.devices.registry import NotRegistered
from cloud.devices.streams import Device, Streams
from cloud.fleet.service import Registrar
from cloud.keys.ca import BadRequest, read_request
from cloud.line.broker import Arrived
from cloud.line.worker import Worker
from cloud.store.database import Clock, Store
from contract import codec, topics
from contract.codec import Malformed
from contract.messages import Certificate, Renewal
from contract.sealing import Purpose, unseal

MAX_QUEUED = 100
LOOK_AFTER_S = 3600.0
LOOK_AGAIN_S = 300.0
"""After looking failed."""


class Renewals(Worker[Arrived]):
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
        """``look_after`` is called at the start and every hour."""
        super().__init__(
            "renewals",
            "a certificate could not be renewed",
            take=self._answer_all,
            look=look_after,
            every_s=LOOK_AFTER_S,
            retry_s=LOOK_AGAIN_S,
            max_queued=MAX_QUEUED,
        )
        self._store, self._registrar, self._site = store, registrar, site
        self._publish, self._clock = publish, clock

    def put(self, one: Arrived) -> None:
        """Queue a request, or drop it: a device asks again within the hour."""
        self._put(one)

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

    def _answer_all(self, arrived: Sequence[Arrived]) -> None:
        for one in arrived:
            self.answer(one)

    def _device(self, connection: Connection, name: str) -> Device | None:
        return Streams(self._site).device(connection, name)

    def _renewal(self, one: Arrived, device: Device) -> Renewal:
        return codec.read(unseal(device.verifier.accepts, Purpose.RENEW, self._site, device.name, one.payload), Renewal)

    def _confine(self, one: Arrived, registered: bool, detail: str) -> None:
        suspect = Suspect(one.topic.device, registered, one.topic.channel, "bad_request", detail, one.payload)
        with self._store.writing() as connection:
            confine(connection, [suspect], self._clock())
