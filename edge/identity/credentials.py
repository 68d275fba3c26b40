"""What a device shows its broker and asks of it: the community's authority, and the device's own certificate.

Dates are not left to OpenSSL. It knows only the system's clock, and a Raspberry Pi that has just started may believe
in 1970: no broker would ever be spoken to again, and it is the broker that brings the time. They are compared with the
device's own clock, which is never below the newest authenticated time it has seen.
"""

import logging
import ssl
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from select import select

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from contract.decide import Trust
from edge.machine.clock import DeviceClock
from edge.machine.files import sync_folder, write_whole

log = logging.getLogger(__name__)

AUTHORITY, CERTIFICATE, KEY = "ca.crt", "certificate.pem", "device.key"
NEW = "certificate.pem.new"
"""A renewed certificate until a broker has greeted it."""
VERDICT_S = 0.5
MAX_TRIES = 3
"""So often a new certificate is tried before the old one is taken again."""
_NO_CHECK_TIME = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which Python has no name for."""

_WHY = (
    ("ALERT_CERTIFICATE_REVOKED", "this device's certificate is revoked: adopt the device again"),
    ("ALERT_CERTIFICATE_EXPIRED", "this device's certificate has expired: adopt the device again"),
    ("CERTIFICATE_REQUIRED", "the broker asks for a certificate: adopt this device"),
    ("ALERT_UNKNOWN_CA", "the broker does not know the authority of this device's certificate: adopt the device again"),
    ("mismatch", "the broker's certificate is for another host: correct cloud.broker"),
    ("CERTIFICATE_VERIFY_FAILED", "this is not the broker of this device's community"),
)
"""What OpenSSL writes, and what it means here. The first that fits counts."""


class BadCertificate(ValueError):
    """The certificate is not one for this device; the text says why."""


class Credentials:
    """The files, as the link uses them: ``context`` and ``check`` for every connection that is tried, then ``greeted``
    or ``refused``. ``swapped`` tells what became of a new certificate: "", "taken" or "given up"."""

    def __init__(self, folder: Path, clock: DeviceClock) -> None:
        self.folder = folder
        self.swapped = ""
        self._clock = clock
        self._tries = 0
        self._shown = CERTIFICATE

    def context(self) -> ssl.SSLContext:
        """For one connection. Raises ``OSError`` if a file is missing or damaged."""
        self._shown = NEW if (self.folder / NEW).exists() else CERTIFICATE
        for name in (AUTHORITY, self._shown, KEY):
            if not (self.folder / name).exists():
                raise OSError(f"{self.folder / name} is missing: adopt this device with hearthgate-edge adopt")
        context = strict(ssl.create_default_context(cafile=self.folder / AUTHORITY))
        context.load_cert_chain(self.folder / self._shown, self.folder / KEY)
        return context

    def check(self, opened: ssl.SSLSocket) -> None:
        """Whether the broker's certificate is in its time, and whether the broker takes ours. Raises ``OSError``."""
        check_dates(opened, self._clock)
        _await_verdict(opened)

    def greeted(self) -> None:
        """A broker took the certificate that was shown: a new one becomes the only one."""
        if self._shown == NEW:
            try:
                (self.folder / NEW).replace(self.folder / CERTIFICATE)
                sync_folder(self.folder)
            except OSError as error:
                log.warning("the new certificate cannot take the old one's place: %s", error.strerror)
                return
            self._shown, self.swapped = CERTIFICATE, "taken"

    def refused(self) -> None:
        """The connection came to nothing. After some tries the old certificate must do."""
        if self._shown == NEW:
            self._tries += 1
            if self._tries >= MAX_TRIES:
                (self.folder / NEW).unlink(missing_ok=True)
                self._tries, self.swapped = 0, "given up"

    @property
    def not_after_ms(self) -> int | None:
        """When the certificate in use ends; None if there is none that can be read."""
        try:
            return _end_ms((self.folder / CERTIFICATE).read_bytes())
        except (OSError, ValueError):
            return None

    def offer(self, pem: str, name: str, public_key: bytes) -> None:
        """Keep a new certificate, to be shown from the next connection on. Raises ``BadCertificate`` or ``OSError``."""
        check_certificate(pem, (self.folder / AUTHORITY).read_text(), name, public_key)
        if _end_ms(pem.encode()) <= (self.not_after_ms or 0):
            raise BadCertificate("it ends no later than the one in use")
        self._tries, self.swapped = 0, ""
        write_whole(self.folder / NEW, pem.encode())


def strict(context: ssl.SSLContext) -> ssl.SSLContext:
    """TLS 1.3, certificates by the letter of the standard, their dates left to ``check_dates``."""
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VerifyFlags(_NO_CHECK_TIME)
    return context


def check_dates(opened: ssl.SSLSocket, clock: DeviceClock) -> None:
    """Whether the other side's certificate is in its time. With an unset clock it may be later than this device knows,
    never earlier. Raises ``ssl.SSLError``."""
    shown = x509.load_der_x509_certificate(opened.getpeercert(binary_form=True) or b"")
    now_ms = clock.now_ms()
    if _ms(shown.not_valid_after_utc) < now_ms:
        raise ssl.SSLError(f"the server's certificate ended on {shown.not_valid_after_utc:%Y-%m-%d}")
    if clock.trust is not Trust.UNSET and now_ms < _ms(shown.not_valid_before_utc):
        raise ssl.SSLError(f"the server's certificate begins on {shown.not_valid_before_utc:%Y-%m-%d} only")


def check_certificate(pem: str, authority: str, name: str, public_key: bytes) -> None:
    """Raises ``BadCertificate`` unless this authority calls the owner of the key by this name."""
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.encode()))
    except (ValueError, TypeError, InvalidSignature) as wrong:
        raise BadCertificate(f"not issued by the authority of this community ({type(wrong).__name__})") from None
    names = [attribute.value for attribute in certificate.subject]
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    point = certificate.public_key().public_bytes(serialization.Encoding.DER, form)
    if names != [name] or not point.endswith(public_key):
        raise BadCertificate(f"issued to {names} or for another key")


def explain(error: str) -> str:
    """What a failed connection means, before what OpenSSL said of it."""
    return next((f"{meaning} ({error})" for mark, meaning in _WHY if mark in error), error)


def _await_verdict(opened: ssl.SSLSocket) -> None:
    """In TLS 1.3 a client is done before the server has judged its certificate. Whoever went on writing would find a
    broken connection, and no reason. A server that is content says nothing, or hands out tickets, which come at once.
    """
    if not select([opened], [], [], VERDICT_S)[0]:
        return
    opened.setblocking(False)
    with suppress(ssl.SSLWantReadError):
        if not opened.recv(1):
            raise ConnectionResetError("the broker closed the connection")


def _end_ms(pem: bytes) -> int:
    """Raises ``ValueError`` for what is no certificate."""
    return _ms(x509.load_pem_x509_certificate(pem).not_valid_after_utc)


def _ms(when: datetime) -> int:
    return int(when.timestamp() * 1000)
