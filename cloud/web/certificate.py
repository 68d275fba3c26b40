"""The certificate of the console and of the pages of telephones, as files: looked at before the start, and taken anew
when somebody has renewed them."""

import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

LOOK_AGAIN_MS = 60_000
"""Certificates are renewed weeks before their end."""


class BadCertificate(Exception):
    """The files are no certificate with its key. The text names the file and the cure."""


class CertificateFiles:
    """A chain of certificates and the private key of the first of them, in PEM. One file may hold both."""

    def __init__(self, chain: Path, key: Path | None = None) -> None:
        self.chain, self.key = chain, key or chain
        self._seen = self._age()
        self._looked_ms = 0

    def check(self, now_ms: int) -> None:
        """Raises ``BadCertificate`` for what a server cannot speak with, and for a certificate that has ended."""
        try:
            certificate = x509.load_pem_x509_certificate(self.chain.read_bytes())
            key = load_pem_private_key(self.key.read_bytes(), None)
        except OSError as wrong:
            raise BadCertificate(f"{wrong.filename} cannot be read: {wrong.strerror}") from None
        except (ValueError, TypeError):
            raise BadCertificate(
                f"{self.chain} holds no certificate, or {self.key} no key without a password: both are PEM"
            ) from None
        if certificate.public_key() != key.public_key():
            raise BadCertificate(f"{self.key} is not the key of {self.chain}: name the two files of one certificate")
        if certificate.not_valid_after_utc.timestamp() * 1000 <= now_ms:
            ended = certificate.not_valid_after_utc.date()
            raise BadCertificate(f"{self.chain} ended on {ended}: renew it, then start again")

    def refresh(self, context: ssl.SSLContext, now_ms: int) -> None:
        """Have new connections greeted with files that were renewed meanwhile. Raises ``ssl.SSLError`` or ``OSError``
        where they are not whole at this moment; the next look takes them."""
        if 0 <= now_ms - self._looked_ms < LOOK_AGAIN_MS:
            return
        self._looked_ms, age = now_ms, self._age()
        if age != self._seen:
            context.load_cert_chain(self.chain, self.key)
            self._seen = age

    def _age(self) -> tuple[int, ...]:
        try:
            return tuple(file.stat().st_mtime_ns for file in (self.chain, self.key))
        except OSError:
            return ()
