"""Who may connect as a charging post: name, password and version, and what bounds whoever has none. No I/O.

Nobody can guess a password of 128 bits; what is bounded is what strangers cost: descriptors, lines of the log, and
work. Whatever strangers try, a post that shows its password is let in.
"""

import base64
import binascii
import hmac
from collections.abc import Hashable, Iterable
from contextlib import suppress
from typing import Generic, TypeVar

from edge.config.post_names import name_key
from edge.stations.ev_post.messages import Version
from service.crowding import first_of_largest

VERSIONS: dict[str, Version] = {"ocpp1.6": "1.6", "ocpp2.0.1": "2.0.1"}
"""By the subprotocol under which a connection asks for it."""
WRONG_TRIES, WRONG_WITHIN_S = 5, 60.0
"""So many wrong tries of an address are told of within such a time; more are refused without a word in the log."""
MAX_TRIES_KEPT = 256
MAX_HANDSHAKES = 64
"""Connections that have not shown who they are; a post does so within a second."""
MAX_SHOWN = 80
"""Of what a stranger wrote, in the log."""

C = TypeVar("C", bound=Hashable)


def offered_versions(headers: Iterable[str]) -> list[str]:
    """The subprotocols that a connection offers, the one it prefers first."""
    return [name.strip() for line in headers for name in line.split(",") if name.strip()]


def chosen_version(offered: Iterable[str]) -> str | None:
    """The first of them that is spoken here: the post knows best which version it speaks well."""
    return next((name for name in offered if name in VERSIONS), None)


def shown_login(headers: list[str]) -> tuple[str, bytes] | None:
    """The name and the password of HTTP Basic authentication, or None."""
    if len(headers) != 1 or headers[0][:6].lower() != "basic ":
        return None
    try:
        name, colon, password = base64.b64decode(headers[0][6:].strip(), validate=True).partition(b":")
        return (name.decode(), password) if colon else None
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None


def is_login(shown: tuple[str, bytes] | None, name: str, password: str | None) -> bool:
    """A password is hexadecimal digits in either case; some posts take them for the bytes that they write, and show
    those."""
    if shown is None or password is None:
        return False
    right = hmac.compare_digest(shown[1].lower(), password.lower().encode())
    with suppress(ValueError):
        right |= hmac.compare_digest(shown[1], bytes.fromhex(password))
    return right and hmac.compare_digest(name_key(shown[0]).encode(errors="replace"), name_key(name).encode())


def cut_short(said: object) -> str:
    text = repr(said)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


class WrongTries:
    """Counts wrong tries by the address that they come from."""

    def __init__(self) -> None:
        self._tries: dict[str, tuple[float, int]] = {}

    def count(self, address: str, now_s: float) -> bool:
        """Count one more. False where there are too many of late."""
        since_s, tries = self._tries.pop(address, (now_s, 0))
        if now_s - since_s >= WRONG_WITHIN_S:
            since_s, tries = now_s, 0
        while len(self._tries) >= MAX_TRIES_KEPT:
            del self._tries[next(iter(self._tries))]
        self._tries[address] = since_s, tries + 1
        return tries < WRONG_TRIES


class Handshakes(Generic[C]):
    """The connections that have not shown who they are. Where there are too many, the oldest of the address that has
    most is dropped, so that a post finds room beside any stranger."""

    def __init__(self) -> None:
        self._waiting: dict[C, str] = {}

    def add(self, connection: C, address: str) -> C | None:
        """Returns the connection to drop, if there is one."""
        self._waiting[connection] = address
        if len(self._waiting) <= MAX_HANDSHAKES:
            return None
        dropped = first_of_largest(list(self._waiting), self._waiting.__getitem__)
        if dropped is not None:
            del self._waiting[dropped]
        return dropped

    def remove(self, connection: C) -> bool:
        """Returns whether it had been waiting."""
        return self._waiting.pop(connection, None) is not None
