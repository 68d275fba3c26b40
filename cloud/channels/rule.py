"""Channels and their outbox: what a message is, how it is signed, and when it is tried again. Pure."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import urlsplit

from msgspec import Struct, json

from cloud.cases.rule import Grade

FIRST_RETRY_MS = 5_000
LAST_RETRY_MS = 15 * 60_000
GIVEN_UP_AFTER_MS = 86_400_000
"""What nobody took for a day is no news any more; the page of cases still has it."""
MAX_WAITING = 100
"""Messages of a channel that wait. The oldest goes for one more, and is counted."""
MAX_CHANNELS = 50
MAX_URL = 500
SECRET_BYTES = 24
KEY_PREFIX = "whsec_"
"""Of a key as Standard Webhooks writes it."""

NAMED = 20
"""Cases that a message names; of more it gives the number."""


class Channel(Struct, frozen=True):
    """A webhook. It is told what concerns its ``operator``, or with none everybody on duty, of cases that are at least
    as bad as ``grade``. ``tries`` counts failures since it last took something, ``trouble`` is the last of them;
    ``lost`` are messages that it never took."""

    name: str
    url: str
    secret: str
    operator: str = ""
    grade: Grade = Grade.SERVICE
    tries: int = 0
    trouble: str = ""
    failing_ms: int | None = None
    next_ms: int = 0
    told_ms: int | None = None
    lost: int = 0
    id: int | None = None
    """None before it is stored."""

    @property
    def host(self) -> str:
        """All that pages show of the address: the rest of it may be a secret."""
        return urlsplit(self.url).hostname or ""

    def wants(self, grade: Grade) -> bool:
        grades = list(Grade)
        return grades.index(grade) <= grades.index(self.grade)


class CaseLine(Struct, frozen=True):
    """A case as a message tells it: no name, no flat and no number of anybody."""

    id: int
    kind: str
    grade: Grade
    zh: str
    en: str
    reported_ms: int
    count: int
    calls: int


class Message(Struct, frozen=True):
    """What a webhook is sent. ``count`` are all cases that it is about, ``cases`` the worst of them."""

    type: str
    site: str
    at_ms: int
    count: int
    cases: Sequence[CaseLine]
    zh: str
    en: str

    def body(self) -> bytes:
        return json.encode(self)


def wait_ms(tries: int) -> int:
    """How long to wait after so many failures one after the other."""
    return min(LAST_RETRY_MS, FIRST_RETRY_MS << min(max(tries - 1, 0), 20))


def checked_url(text: str) -> str:
    """Raises ``ValueError`` for what is no address of a webhook."""
    url = text.strip()
    try:
        parts = urlsplit(url)
        is_right = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_right = False
    if not is_right or parts.username is not None or len(url) > MAX_URL or not url.isascii() or not url.isprintable():
        raise ValueError("no address of a webhook")
    return url


def signature_headers(secret: str, message: str, at_s: int, body: bytes) -> dict[str, str]:
    """The headers by which a receiver believes a message, by the rules of Standard Webhooks: HMAC-SHA256 over its id,
    its time (UTC seconds) and its body."""
    key = base64.b64decode(secret.removeprefix(KEY_PREFIX))
    signed = hmac.new(key, b".".join((message.encode(), str(at_s).encode(), body)), hashlib.sha256).digest()
    return {
        "webhook-id": message,
        "webhook-timestamp": str(at_s),
        "webhook-signature": "v1," + base64.b64encode(signed).decode(),
    }
