"""The cloud, as far as a device that it does not know may speak to it.

It is known by the fingerprint of its authority, which the installer types; everything after that comes over TLS that is
checked against the authority.
"""

import json
import re
import ssl
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import cast
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from msgspec import Struct

from contract import codec
from edge.config.places import is_loopback
from edge.identity.credentials import check_dates, explain, strict
from edge.machine.clock import DeviceClock
from edge.machine.mendable import Mendable

ANSWERS_WITHIN_S = 10.0
MAX_ANSWER_BYTES = 256 * 1024


class NotAdopted(Mendable):
    """The device could not be adopted; the text says why, and what to do."""


class AdoptionAnswer(Struct, frozen=True):
    """What the cloud says of a request."""

    id: str
    state: str
    until_ms: int
    bundle: str = ""


class EnrollmentClient:
    """The HTTP client of a device that asks to be taken in: all that the cloud answers to a device it does not know."""

    def __init__(self, url: str, fingerprint: str, clock: DeviceClock) -> None:
        """Finds the authority by its fingerprint. Raises ``NotAdopted``."""
        if "@" in url:
            raise NotAdopted("the address of the cloud: names and passwords are not used; write https://HOST:PORT")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as wrong:
            raise NotAdopted(f"{url}: {wrong}; write https://HOST:PORT, as the console is reached") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise NotAdopted(f"{url}: write https://HOST:PORT, as the console is reached")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise NotAdopted(f"{url}: plain HTTP goes to a loopback address only; write https://")
        expected = _fingerprint(fingerprint)
        self._host, self._port, self._clock = parts.hostname, port, clock
        self._tls: ssl.SSLContext | None = None
        if parts.scheme == "https":
            # Nobody is believed yet: what comes is a certificate, and the fingerprint says whether it is the right one.
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._tls.check_hostname, self._tls.verify_mode = False, ssl.CERT_NONE
        self.authority = self._call("GET", "/api/v1/ca").decode("ascii", "replace")
        _check_authority(self.authority, expected)
        if self._tls is not None:
            self._tls = strict(ssl.create_default_context(cadata=self.authority))

    def ask(self, request: str, nonce: bytes, wiring: str) -> AdoptionAnswer:
        """Raises ``NotAdopted``."""
        body = {"request": request, "nonce": nonce.hex(), "wiring": wiring}
        return _answer(self._call("POST", "/api/v1/adoptions", body))

    def look(self, number: str) -> AdoptionAnswer | None:
        """None if the request has run out. Raises ``NotAdopted``."""
        body = self._call("GET", f"/api/v1/adoptions/{number}", gone=b"")
        return _answer(body) if body else None

    def _call(self, method: str, path: str, body: object = None, gone: bytes | None = None) -> bytes:
        """The answer's body; ``gone`` stands for one that there is no longer. Raises ``NotAdopted``."""
        connect = HTTPConnection if self._tls is None else partial(HTTPSConnection, context=self._tls)
        connection = connect(self._host, self._port, timeout=ANSWERS_WITHIN_S)
        try:
            connection.connect()
            if self._tls is not None and self._tls.verify_mode is ssl.CERT_REQUIRED:
                check_dates(cast(ssl.SSLSocket, connection.sock), self._clock)
            sent = None if body is None else json.dumps(body, ensure_ascii=False).encode()
            connection.request(method, path, sent, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read(MAX_ANSWER_BYTES)
        except (OSError, HTTPException, UnicodeError) as wrong:  # the last for a name that no host can have
            raise NotAdopted(f"{self._host}: {explain(str(wrong)) or type(wrong).__name__}") from None
        finally:
            connection.close()
        if answer.status == 404 and gone is not None:
            return gone
        if answer.status >= 400:
            raise NotAdopted(f"{self._host} answers {answer.status}: {_message(content)}")
        return content


def _fingerprint(typed: str) -> str:
    """What was typed, as 64 hexadecimal digits. Raises ``NotAdopted`` for what can be no fingerprint."""
    digits = re.sub(r"[\s:]", "", typed).lower()
    if not re.fullmatch("[0-9a-f]{64}", digits):
        raise NotAdopted(
            f"--ca {typed}: a fingerprint has 64 characters of 0-9 and a-f, this has {len(digits)}: copy all of it "
            "from the console, More, Adopt"
        )
    return digits


def _check_authority(authority: str, expected: str) -> None:
    try:
        fingerprint = x509.load_pem_x509_certificate(authority.encode()).fingerprint(hashes.SHA256()).hex()
    except ValueError:
        raise NotAdopted("there is no community's cloud at this address") from None
    if fingerprint != expected:
        raise NotAdopted(
            f"the authority there has the fingerprint {fingerprint}, not the one that was typed: ask the operator for "
            "it, and look who else answers under this address"
        )


def _answer(body: bytes) -> AdoptionAnswer:
    try:
        return codec.read(body, AdoptionAnswer)
    except codec.Malformed as wrong:
        raise NotAdopted(f"the cloud's answer cannot be read: {wrong}") from None


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode(errors="replace")
