"""The renewal of the device's certificate, long before it ends: it may be offline for a month and still come back.

Asked for under the device's seal, checked when it comes, shown at a connection of its own, and only then put in the
old one's place. Whatever becomes of it, no decision rests on a certificate.
"""

import logging
from asyncio import Future, TimerHandle
from random import Random

from contract import codec
from contract.codec import Malformed
from contract.decide import DAY_MS
from contract.device_events import DeviceEvents
from contract.messages import Certificate, Renewal
from edge.identity.credentials import BadCertificate, Credentials
from edge.link.sealed_channel import SealedChannel
from edge.memory.runtime import Runtime

log = logging.getLogger(__name__)

RENEW_BEFORE_MS = 60 * DAY_MS
"""Three times the 20 days that a device is expected to be offline at most."""
WARN_BEFORE_MS = 14 * DAY_MS
CHECK_EVERY_S = 3600.0


class CertificateRenewal:
    """The renewal of one device's certificate: it looks once an hour, each device at a moment of its own. ``fault`` is
    what an operator should know."""

    def __init__(self, runtime: Runtime, channel: SealedChannel, credentials: Credentials, random: Random) -> None:
        self._runtime, self._channel, self._credentials, self._random = runtime, channel, credentials, random
        self._not_after_ms = credentials.not_after_ms
        self._recorded = ""
        self._timer: TimerHandle | None = None

    @property
    def fault(self) -> str:
        if self._not_after_ms is None:
            return "missing"
        left_ms = self._not_after_ms - self._runtime.clock.now_ms()
        if left_ms <= 0:
            return "expired"
        return f"ends in {left_ms // DAY_MS} days" if left_ms < WARN_BEFORE_MS else ""

    def start(self) -> None:
        """Look after a while, and again each time it is over."""
        self._timer = self._runtime.loop.call_later(self._random.uniform(0.5, 1.5) * CHECK_EVERY_S, self._turn)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def check(self) -> None:
        """Say what became of a new certificate, and ask for one if the old one is due."""
        self._tell()
        self._not_after_ms = self._credentials.not_after_ms
        if self._is_due() and self._channel.link.up:
            self._channel.publish("renew", Renewal(self._channel.key.certificate_request().decode()))

    def received(self, payload: bytes) -> None:
        """A certificate came: keep it if it is ours, and connect with it. Anything else is worth nothing."""
        try:
            pem = codec.read(payload, Certificate).certificate
        except Malformed as wrong:
            log.warning("a certificate that cannot be read: %s", wrong)
            return
        if self._is_due():
            device, key = self._channel.device, self._channel.key.public()
            self._runtime.on_disk(self._credentials.offer, pem, device, key).add_done_callback(self._kept)

    def _kept(self, kept: "Future[None]") -> None:
        try:
            kept.result()
        except (BadCertificate, OSError) as wrong:
            log.warning("a certificate was not taken: %s", wrong)
            return
        self._channel.link.again()

    def _is_due(self) -> bool:
        """An unset clock runs late, never early: what it takes to be due is due."""
        ends_ms = self._not_after_ms
        return ends_ms is not None and ends_ms - self._runtime.clock.now_ms() < RENEW_BEFORE_MS

    def _tell(self) -> None:
        swapped = self._credentials.swapped
        if swapped != self._recorded:
            self._recorded = swapped
            if swapped == "taken":
                renewed = DeviceEvents.certificate_renewed(not_after_ms=self._credentials.not_after_ms)
                self._runtime.record("", *renewed.row)
            elif swapped:
                self._runtime.record("", *DeviceEvents.certificate_refused(why=self._channel.link.why_down).row)

    def _turn(self) -> None:
        self.check()
        self.start()
