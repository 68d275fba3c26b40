"""Who the cloud is at the broker: a certificate of its own authority, made anew before it ends."""

import ssl
from pathlib import Path

from cloud.auth import Clock
from cloud.ca import DEVICE_LASTS_MS, Authority
from cloud.keys import write_private


class BrokerIdentity:
    """A key that lives as long as the process, and the TLS context that shows its certificate."""

    def __init__(self, authority: Authority, name: str, scratch: Path, clock: Clock) -> None:
        """``scratch`` is a folder of ours: Python reads certificates from files only. Raises ``OSError``."""
        self._authority, self._name, self._scratch, self._clock = authority, name, scratch, clock
        self._renew_ms = 0
        self.context = ssl.create_default_context(cadata=authority.certificate)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.verify_flags |= ssl.VERIFY_X509_STRICT
        self.refresh()

    def refresh(self) -> None:
        """Show a new certificate from the next connection on, if this one is past its half. Raises ``OSError``."""
        now_ms = self._clock()
        if now_ms < self._renew_ms:
            return
        pair = self._authority.client(self._name, now_ms)
        file = self._scratch / f".{self._name}.pem"
        write_private(file, pair.key + pair.certificate)
        try:
            self.context.load_cert_chain(file)
        finally:
            file.unlink()
        self._renew_ms = now_ms + DEVICE_LASTS_MS // 2
