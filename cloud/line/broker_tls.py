"""Who the cloud is at the broker: a certificate of its own authority, made anew before it ends."""

import ssl
from pathlib import Path
from tempfile import NamedTemporaryFile

from cloud.keys.ca import DEVICE_LASTS_MS, Authority, Pair
from cloud.store.database import Clock


def context_of(authority: Authority) -> ssl.SSLContext:
    """What a client believes that knows no other authority."""
    context = ssl.create_default_context(cadata=authority.certificate)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def show(context: ssl.SSLContext, pair: Pair, scratch: Path) -> None:
    """Show this certificate from the next connection on. ``scratch`` is a folder of ours: Python reads certificates
    from files only. Raises ``OSError``."""
    with NamedTemporaryFile("w", dir=scratch, prefix=".", suffix=".pem") as file:  # readable by its owner alone
        file.write(pair.key + pair.certificate)
        file.flush()
        context.load_cert_chain(file.name)


class BrokerIdentity:
    """A key that lives as long as the process, and the TLS context that shows its certificate."""

    def __init__(self, authority: Authority, name: str, scratch: Path, clock: Clock) -> None:
        """``scratch`` is a folder of ours. Raises ``OSError``."""
        self._authority, self._name, self._scratch, self._clock = authority, name, scratch, clock
        self._renew_ms = 0
        self.context = context_of(authority)
        self.refresh()

    def refresh(self) -> None:
        """Show a new certificate from the next connection on, if this one is past its half. Raises ``OSError``."""
        now_ms = self._clock()
        if now_ms < self._renew_ms:
            return
        show(self.context, self._authority.client(self._name, now_ms), self._scratch)
        self._renew_ms = now_ms + DEVICE_LASTS_MS // 2
