"""What posts of both versions of OCPP have in common: one call outward at a time, and words for what they say.

Messages are taken apart and put together by the `ocpp` library. Its schemas check what goes out. What comes in is
checked here by its meaning, because schemas refuse what real posts send and take what no post can mean.
"""

import json
import logging
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import ocpp.messages
from ocpp.charge_point import ChargePoint
from ocpp.exceptions import OCPPError

from edge.hardware.ocpp_values import connector, moment_ms, text
from edge.ocpp_words import (
    AskListVersion,
    Configure,
    Configured,
    Done,
    FromPost,
    ListVersion,
    Nonsense,
    Order,
    SetOperative,
    StartRemotely,
    Status,
    StatusSaid,
    StopRemotely,
    UpdateList,
    Verdict,
    Word,
)

ocpp.messages.ASYNC_VALIDATION = False
"""The library would check each message in a thread: more than the check takes."""

_mute = logging.getLogger(f"{__name__}.library")
_mute.disabled = True
"""The library logs whole messages, and with them the numbers of cards."""

HEARTBEAT_S = 60
ANSWERS_WITHIN_S = 30
MAX_ERROR = 200
"""Of a refusal's text: the library would send the post its own message and the whole schema."""
DONE_WELL = frozenset({"Accepted", "RebootRequired", "Scheduled"})

STATUSES: dict[str, Status] = {
    "Available": "available",
    "Preparing": "occupied",
    "Occupied": "occupied",
    "Finishing": "occupied",
    "Charging": "charging",
    "SuspendedEV": "sated",
    "SuspendedEVSE": "suspended",
    "Reserved": "reserved",
    "Unavailable": "unavailable",
    "Faulted": "faulted",
}
WORDS: dict[Word, str] = {
    "accepted": "Accepted",
    "blocked": "Blocked",
    "expired": "Expired",
    "invalid": "Invalid",
    "concurrent": "ConcurrentTx",
}


class Ear(Protocol):
    """Who hears a post: the points that it has. ``connector`` None is the post as a whole."""

    def now_ms(self) -> int: ...

    def tell(self, connector: int | None, message: FromPost) -> None: ...

    async def ask(self, connector: int | None, question: Callable[[str], FromPost]) -> Verdict:
        """Tell the point what the post asks, under the name of a call, and await its answer for a bounded time."""


class Talk(ChargePoint):
    """What both versions share: one call outward at a time, each answer matched with its call, errors cut short."""

    def __init__(self, name: str, connection: Any, ear: Ear) -> None:
        super().__init__(name, connection, ANSWERS_WITHIN_S, _mute)
        self.ear = ear
        self._awaited = ""

    async def hear(self, message: str) -> None:
        if self._is_fit(message):
            await self.route_message(message)

    async def obey(self, connector: int, order: Order) -> FromPost | None:
        try:
            return await self._obey(connector, order)
        except TimeoutError:
            return failed(order, "timeout")
        except (OCPPError, TypeError, ValueError, LookupError, AttributeError):
            # A refusal, or an answer that is none: both say that it was not done.
            return failed(order, "error")

    async def _obey(self, connector: int, order: Order) -> FromPost | None:
        raise NotImplementedError

    async def _ask(self, payload: Any, *, checked: bool = True) -> Any:
        """The post's answer. Raises ``TimeoutError``, ``OCPPError``, or ``TypeError`` for fields nobody knows."""
        self._awaited = str(self._unique_id_generator())
        try:
            return await self.call(payload, suppress=False, unique_id=self._awaited, skip_schema_validation=not checked)
        finally:
            self._awaited = ""

    async def _send(self, message: str) -> None:
        if message.startswith("[4,"):
            kind, call, code, told, _ = json.loads(message)
            message = json.dumps([kind, call, code, str(told)[:MAX_ERROR], {}])
        await self._connection.send(message)

    def _is_fit(self, message: str) -> bool:
        """Whether this is a call, or the answer that is waited for: stray ones would pile up in the library."""
        try:
            parts = json.loads(message)
        except (ValueError, RecursionError):
            parts = None
        fit = isinstance(parts, list) and len(parts) >= 3 and isinstance(parts[1], str)
        if not fit or (parts[0] == 2 and not isinstance(parts[2], str)):
            self.ear.tell(None, Nonsense("frame"))
            return False
        return bool(parts[0] == 2 or parts[1] == self._awaited)

    def _now(self) -> str:
        return iso(self.ear.now_ms())


def tell_status(ear: Ear, where: object, status: object, error: str, timestamp: object) -> None:
    place, found = connector(where), STATUSES.get(text(status))
    if place is None or found is None:
        ear.tell(None, Nonsense("status"))
        return
    told = StatusSaid(found, error, moment_ms(timestamp), ear.now_ms(), whole=place == 0)
    ear.tell(place or None, told)


def done(order: str, answer: Any) -> Done:
    status = text(str(answer.status))
    return Done(order, "accepted" if status in DONE_WELL else _snake(status))


def failed(order: Order, how: str) -> FromPost | None:
    """What is told of an order that was not done."""
    match order:
        case StartRemotely(order=name) | StopRemotely(order=name) | SetOperative(order=name) | UpdateList(order=name):
            return Done(name, how)
        case AskListVersion():
            return ListVersion(None)
        case Configure(wishes=wishes):
            return Configured(tuple(wishes), None, None)
    return None


def _snake(word: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word).lower()


def count(said: object) -> int | None:
    """A limit that a post names, as a text."""
    said = text(said)
    return int(said) if said.isdecimal() and int(said) > 0 else None


def table(said: object) -> Mapping[str, Any]:
    return said if isinstance(said, Mapping) else {}


def iso(at_ms: int) -> str:
    """A time as posts read it: UTC, to the second."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
