"""Answers what devices say of quantities. It acts on nothing that its device has not sealed, and answers under the key
that the device shares with the cloud, when what it says is committed."""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from cloud.devices.quarantine import Refused, quarantine_message
from cloud.devices.streams import Streams
from cloud.line.broker import Arrived, Publish
from cloud.line.worker import Worker
from cloud.quantities.service import Told, state_usage
from cloud.store.database import Clock, Store
from contract import codec, topics
from contract.codec import Malformed
from contract.messages import Usage
from contract.sealing import Purpose, SyncKey, mac, seal, unseal

log = logging.getLogger(__name__)

MAX_QUEUED = 2_000
"""Of more, devices say it again."""
AT_ONCE = 64
"""Statements in one transaction."""


class Lender(Worker[Arrived]):
    """The thread that lends quantities. Any thread may ``put`` what a device says."""

    def __init__(
        self, store: Store, *, site: str, sync: Callable[[str], SyncKey | None], publish: Publish, clock: Clock
    ) -> None:
        """``sync`` finds a device's key."""
        super().__init__(
            "lender",
            "quantities were not lent; devices ask again",
            process=self.answer,
            max_queued=MAX_QUEUED,
            at_once=AT_ONCE,
        )
        self._store, self._site, self._sync, self._publish, self._clock = store, site, sync, publish, clock

    def answer(self, arrived: Sequence[Arrived]) -> None:
        """Answer these in one transaction. A fault of ours costs the message that causes it, no others."""
        try:
            told = self._commit(arrived)
        except Exception:
            if len(arrived) == 1:
                raise
            for one in arrived:
                self._safely(partial(self.answer, [one]))
            return
        for device, payload in told:
            self._publish(topics.down(self._site, device, "lend"), payload)

    def _commit(self, arrived: Sequence[Arrived]) -> list[tuple[str, bytes]]:
        told: list[tuple[str, bytes]] = []
        refused: list[tuple[Arrived, bool, str, str]] = []
        with self._store.writing() as connection:
            streams = Streams(self._site)
            for message in arrived:
                device = streams.device(connection, message.topic.device)
                try:
                    if device is None:
                        raise Refused("unknown_device", "no such device is registered")
                    body = unseal(device.verifier.accepts, Purpose.USAGE, self._site, device.name, message.payload)
                    usage = codec.read(body, Usage)
                    told += self._sealed(state_usage(connection, device.name, usage, self._clock()))
                except Refused as wrong:
                    refused.append((message, device is not None, wrong.why, wrong.detail))
                except Malformed as wrong:
                    refused.append((message, True, wrong.why, str(wrong)))
        for message, registered, why, detail in refused:
            quarantine_message(self._store, message, registered, why, detail, self._clock())
        return told

    def _sealed(self, told: Told) -> list[tuple[str, bytes]]:
        payloads = []
        for device, lend in told:
            key = self._sync(device)
            if key is None:
                log.error("device %s has no sync key: nothing can be lent to it", device)
                continue
            payloads.append((device, seal(partial(mac, key), Purpose.LEND, self._site, device, codec.write(lend))))
        return payloads
