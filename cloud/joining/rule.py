"""A rider's request to be let in: how long it waits, and how many there may be. Pure."""

from enum import StrEnum

from msgspec import Struct

from contract.decide import DAY_MS, HOUR_MS, MINUTE_MS

WAITS_MS = 10 * MINUTE_MS
"""Whoever was not answered by then has gone, or asks again."""
SHOWN_MS = 2 * HOUR_MS
"""For so long after the answer their page shows pass and code: a rider's permit lasts no longer."""
KEPT_MS = 30 * DAY_MS
"""For so long a request is kept, and a telephone known that a guard has let in."""
MAX_WAITING = 20
"""At one hub. Riders share an address of the network, so none is counted."""
MAX_A_MINUTE = 10
"""Requests at one hub; whoever is known there is not counted among them, and not kept out by them."""
MAX_OF_PHONE = 3
"""Requests of one number, and of one telephone's key, within ``PHONE_SPAN_MS``."""
PHONE_SPAN_MS = HOUR_MS
ENDING_DIGITS = 4
A_RIDER = "rider"
"""Who is named in audit and answer where no operator did it."""


class JoinState(StrEnum):
    """What has become of a request."""

    WAITING = "waiting"
    LET_IN = "let_in"
    REFUSED = "refused"
    GONE = "gone"


class JoinRequest(Struct, frozen=True):
    """A rider at a gate who asked to be let in. Of their number nothing is kept but its hash, ``phone``, and the
    ``ending``. Their telephone has a ``key``, whose private half is ``held_key`` (sealed) where it keeps none itself;
    ``carried`` is the pass that was signed for it."""

    id: int
    hub: str
    name: str
    phone: bytes
    ending: str
    asked_ms: int
    answer: str = ""
    answered_by: str = ""
    answered_ms: int | None = None
    key: bytes = b""
    held_key: bytes = b""
    carried: bytes = b""
    permit: int | None = None

    def state(self, now_ms: int) -> JoinState:
        if self.answer and self.answered_ms is not None:
            return JoinState(self.answer) if now_ms < self.answered_ms + SHOWN_MS else JoinState.GONE
        return JoinState.WAITING if now_ms < self.asked_ms + WAITS_MS else JoinState.GONE
