"""Gives devices their next certificates as they ask for them, and looks after those of the cloud's own.

A request is believed under the seal of the device's key, and only for that same key: who has the key gets no more than
they have. The answer needs no seal, as the certificate is the authority's word.
"""

from collections.abc import Callable

from cloud.devices.quarantine import quarantine_message
from cloud.devices.registry import NotRegistered
from cloud.devices.streams import Streams
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
    """The thread that answers requests for certificates. Any thread may ``put`` one."""

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
            each=self.answer,
            look=look_after,
            every_s=LOOK_AFTER_S,
            retry_s=LOOK_AGAIN_S,
            max_queued=MAX_QUEUED,
        )
        self._store, self._registrar, self._site = store, registrar, site
        self._publish, self._clock = publish, clock

    def answer(self, message: Arrived) -> None:
        """Send the device its certificate. What is wrong with a request ends in quarantine."""
        with self._store.reading() as connection:
            device = Streams(self._site).device(connection, message.topic.device)
        try:
            if device is None:
                raise NotRegistered("no such device is registered")
            body = unseal(device.verifier.accepts, Purpose.RENEW, self._site, device.name, message.payload)
            asked_key = read_request(codec.read(body, Renewal).request)
            issued = self._registrar.renew(device.name, device.verifier.public(), asked_key)
        except (NotRegistered, BadRequest, Malformed) as wrong:
            quarantine_message(self._store, message, device is not None, "bad_request", str(wrong), self._clock())
            return
        answer = codec.write(Certificate(issued.certificate, issued.not_after_ms))
        self._publish(topics.down(self._site, device.name, "certificate"), answer)
