"""A connected post, in what both versions of OCPP share: its calls and ours, and words for what it says.

Messages are taken apart and put together by the `ocpp` library. Its schemas check what goes out. What comes in is
checked here by its meaning, because schemas refuse what real posts send and take what no post can mean.
"""

import asyncio
import json
import logging
import re
from abc import ABC, abstractmethod
from asyncio import Future
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import reduce
from typing import Any, ClassVar, Protocol

import ocpp.messages
from msgspec.structs import replace
from ocpp import exceptions
from ocpp.charge_point import (
    ChargePoint,
    camel_to_snake_case,
    remove_nones,
    serialize_as_dict,
    snake_to_camel_case,
)
from ocpp.messages import Call, CallResult, validate_payload
from ocpp.routing import on

from edge.ocpp.orders import CallTurns
from edge.ocpp.values import connector, moment_ms, sampled, text
from edge.stations.ev_post.attribution import Evidence
from edge.stations.ev_post.messages import (
    AskListVersion,
    Beat,
    Booted,
    Configure,
    Configured,
    Done,
    FromPost,
    ListVersion,
    MeterReported,
    Nonsense,
    NumberedOrder,
    OneCall,
    Order,
    Status,
    StatusReported,
    StopReported,
    Verdict,
    Wish,
    Word,
    is_given,
)

ocpp.messages.ASYNC_VALIDATION = False
"""The library would check each message in a thread: more than the check takes."""

log = logging.getLogger(__name__)
_library = logging.getLogger(f"{__name__}.library")
"""The library logs whole messages, and with them the numbers of cards."""


def _pass_on(record: logging.LogRecord) -> bool:
    """Of what the library logs only a fault of ours is told: it answers the call with an error and goes on."""
    wrong = record.exc_info[1] if record.exc_info else None
    if wrong is not None and not isinstance(wrong, exceptions.OCPPError):
        log.error("a call of a post could not be answered", exc_info=wrong)
    return False


_library.addFilter(_pass_on)

CALL, CALL_RESULT, CALL_ERROR = 2, 3, 4
UNKNOWN_CALL = frozenset({"NotImplemented", "NotSupported"})
"""Codes of errors with which a post says that it knows no such call; all others say that it was not done."""
HEARTBEAT_S = 60
ANSWERS_WITHIN_S = 30
URGENT_CALLS = frozenset(
    {
        "RemoteStopTransaction",
        "RequestStopTransaction",
        "ChangeAvailability",
        "RemoteStartTransaction",
        "RequestStartTransaction",
    }
)
"""The calls of ``URGENT_ORDERS`` in both versions."""
MAX_NUMBER = 255
"""The longest number of a call. OCPP says 36 signs; posts write more, or a bare integer."""
MAX_ERROR = 200
"""Of a refusal's text: the library would send the post its own message and the whole schema."""
DONE_WELL = frozenset({"Accepted", "RebootRequired", "Scheduled"})
TRIGGERS = {"status": "StatusNotification", "meter": "MeterValues"}

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


class PostListener(Protocol):
    """Who hears a post: the points that it has. ``connector`` None is the post as a whole."""

    def now_ms(self) -> int: ...

    def report(self, connector: int | None, message: FromPost) -> None: ...

    def find_connector(self, evidence: Evidence) -> int | None:
        """The connector of a message that names none; None where nothing says so."""

    async def ask(self, connector: int, question: Callable[[str], FromPost]) -> Verdict:
        """Tell the point what the post asks, under the name of a call, and await its answer for a bounded time."""

    async def ask_all(self, question: Callable[[str], FromPost]) -> Verdict:
        """Tell every point of the post, and await what they answer."""

    async def authorize(self, tag: str) -> Verdict:
        """What is said of a card that is shown at the post, at no connector in particular."""


class NoAnswer(exceptions.OCPPError):
    """What a post said to a call cannot be read as an answer to it."""


@contextmanager
def reading_answer() -> Iterator[None]:
    """Around what takes an answer apart: whatever goes wrong there is the post's doing. Raises ``NoAnswer``."""
    try:
        yield
    except (TypeError, ValueError, LookupError, AttributeError, RecursionError) as wrong:
        raise NoAnswer(str(wrong)) from wrong


class OcppPost(ChargePoint, ABC):
    """A post of either version: what it says becomes our words, and our orders become its calls. Calls go outward in
    their turn, each answer is matched with its call, and errors are cut short."""

    MALFORMED: ClassVar[str]
    """The code of an error that says: this is no call."""
    ACKNOWLEDGED: ClassVar[frozenset[str]]
    """Calls that are taken and mean nothing here. Their answers are empty."""
    FIELDS: ClassVar[Mapping[str, tuple[str, ...]]]
    """Where a message of the post says what both versions say, by our words for it."""
    WISHES: ClassVar[Mapping[Wish, Any]]
    """What the version calls a setting."""

    def __init__(self, name: str, connection: Any, listener: PostListener) -> None:
        super().__init__(name, connection, ANSWERS_WITHIN_S, _library)
        self.listener = listener
        self._turns = CallTurns()
        self._awaited: dict[str, Future[Sequence[Any]]] = {}

    # What the post says

    async def receive(self, message: str) -> None:
        """Take a frame: a call is answered in any case, an answer that nobody waits for is dropped."""
        frame = _frame(message)
        if frame is None:
            self.listener.report(None, Nonsense("frame"))
        elif frame[0] != CALL:
            awaited = self._awaited.get(frame[1])
            if awaited is not None and not awaited.done():
                awaited.set_result(frame)
        elif not (len(frame) == 4 and isinstance(frame[2], str) and isinstance(frame[3], dict)):
            await self._refuse(frame)
        elif frame[2] in self.ACKNOWLEDGED:
            self.listener.report(None, Beat())
            await self._send(json.dumps([CALL_RESULT, frame[1], {}]))
        else:
            try:
                await self.route_message(message)
            except RecursionError:
                await self._refuse(frame)

    async def _refuse(self, frame: Sequence[Any]) -> None:
        self.listener.report(None, Nonsense("frame"))
        await self._send(json.dumps([CALL_ERROR, frame[1], self.MALFORMED, "this is no call", {}]))

    async def report_end(self, end: StopReported, where: int | None) -> Verdict:
        """Tell of an end to the connector that it is of; to all where nothing says to which."""
        if where is None:
            return await self.listener.ask_all(lambda call: replace(end, call=call, nobodys=True))
        return await self.listener.ask(where, lambda call: replace(end, call=call))

    @on("BootNotification", skip_schema_validation=True)
    def boot(self, **message: object) -> object:
        vendor, model, firmware = (text(self.field(message, name)) for name in ("vendor", "model", "firmware"))
        self.listener.report(None, Booted(vendor, model, firmware))
        return self._call_result.BootNotification(iso(self.listener.now_ms()), HEARTBEAT_S, "Accepted")

    @on("Heartbeat", skip_schema_validation=True)
    def beat(self, **_said: object) -> object:
        self.listener.report(None, Beat())
        return self._call_result.Heartbeat(iso(self.listener.now_ms()))

    @on("StatusNotification", skip_schema_validation=True)
    def status(self, **message: object) -> object:
        place, status = connector(self.field(message, "connector")), STATUSES.get(text(self.field(message, "status")))
        if place is None or status is None:
            self.listener.report(None, Nonsense("status"))
        else:
            at_ms = moment_ms(message.get("timestamp"))
            self.listener.report(place or None, StatusReported(status, at_ms, self.listener.now_ms(), whole=place == 0))
        return self._call_result.StatusNotification()

    @on("Authorize", skip_schema_validation=True)
    async def authorize(self, **message: object) -> object:
        return self._call_result.Authorize(card_status(await self.listener.authorize(text(self.field(message, "tag")))))

    @on("MeterValues", skip_schema_validation=True)
    def meter(self, **message: object) -> object:
        read, number = sampled(message.get("meter_value")), text(self.field(message, "transaction"))
        where = connector(self.field(message, "connector"))
        if not where and is_given(number):
            where = self.listener.find_connector(Evidence(number))
        self.listener.report(where or 0, MeterReported(number, read.energy_wh, read.power_w, read.at_ms, read.begin_wh))
        return self._call_result.MeterValues()

    @on("DataTransfer", skip_schema_validation=True)
    def data(self, **_said: object) -> object:
        return self._call_result.DataTransfer("UnknownVendorId")

    def field(self, message: object, name: str) -> object:
        """What a message says under our word for it; None where it says nothing."""
        return reduce(lambda part, key: table(part).get(key), self.FIELDS[name], message)

    # What the post is told

    async def obey(self, connector: int, order: Order) -> FromPost | None:
        """Have the post do something, and return what is told of it."""
        try:
            if isinstance(order, Configure):
                return await self._configure(order.wishes)
            answer = await self._ask(self.call_for(connector, order))
            if isinstance(order, AskListVersion):
                return ListVersion(self.list_version(answer))
            return _outcome(order.order, answer) if isinstance(order, NumberedOrder) else None
        except TimeoutError:
            return failed(order, "timeout")
        except (exceptions.NotImplementedError, exceptions.NotSupportedError):
            return failed(order, "not_supported")
        except exceptions.OCPPError:
            # A refusal, or an answer that is none: both say that it was not done.
            return failed(order, "error")

    @abstractmethod
    def call_for(self, connector: int, order: OneCall) -> object:
        """The call that an order becomes."""

    @abstractmethod
    def list_version(self, answer: Any) -> int | None:
        """The number of the list that the post says it holds."""

    @abstractmethod
    async def set_value(self, wish: Wish, value: str) -> str:
        """Ask for one setting, and return the status that the post gives it."""

    @abstractmethod
    async def list_limits(self) -> tuple[int | None, int | None]:
        """How many cards the post takes: on its list, and in one message."""

    async def _configure(self, wishes: Mapping[Wish, str]) -> Configured:
        refused = {wish: value for wish, value in wishes.items() if wish in self.WISHES}
        for wish, value in tuple(refused.items()):
            with suppress(exceptions.OCPPError):
                if await self.set_value(wish, value) in DONE_WELL:
                    del refused[wish]
        return Configured(tuple(refused), *await self.list_limits())

    async def _ask(self, payload: Any, *, checked: bool = True) -> Any:
        """The post's answer. Raises ``TimeoutError``, or ``OCPPError`` for a refusal or an answer that is none."""
        action = type(payload).__name__
        answered = getattr(self._call_result, action)
        fields = remove_nones(snake_to_camel_case(serialize_as_dict(payload)))
        call = Call(str(self._unique_id_generator()), action, fields)
        if checked:
            await validate_payload(call, self._ocpp_version)
        async with self._turns.turn(urgent=action in URGENT_CALLS):
            answer = await self._exchange(call)
        if checked:
            await validate_payload(answer, self._ocpp_version)
        with reading_answer():
            return answered(**camel_to_snake_case(answer.payload))

    async def _exchange(self, call: Call) -> CallResult:
        """Send a call and await what is said to it. An answer that comes later than that is none."""
        awaited = self._awaited[call.unique_id] = asyncio.get_running_loop().create_future()
        try:
            await self._send(call.to_json())
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                kind, _, *rest = await awaited
        finally:
            del self._awaited[call.unique_id]
        if kind == CALL_ERROR:
            # The library raises no OCPPError for codes that it does not know, some of OCPP 2.0.1 among them.
            is_unknown_call = bool(rest) and text(rest[0]) in UNKNOWN_CALL
            raise exceptions.NotSupportedError() if is_unknown_call else exceptions.GenericError()
        return CallResult(call.unique_id, rest[0] if rest else {}, call.action)

    async def _send(self, message: str) -> None:
        if message.startswith("[4,"):
            kind, call, code, detail, _ = json.loads(message)
            message = json.dumps([kind, call, code, str(detail)[:MAX_ERROR], {}])
        await self._connection.send(message)


def _frame(message: str) -> list[Any] | None:
    """A frame with the number of a call; None if there is none that could be answered."""
    try:
        frame = json.loads(message)
    except (ValueError, RecursionError):
        return None
    if not isinstance(frame, list) or len(frame) < 2 or frame[0] not in (CALL, CALL_RESULT, CALL_ERROR):
        return None
    number = frame[1]
    return frame if type(number) is int or (isinstance(number, str) and len(number) <= MAX_NUMBER) else None


def _outcome(order: str, answer: Any) -> Done:
    status = text(str(answer.status))
    return Done(order, "accepted" if status in DONE_WELL else re.sub(r"(?<=[a-z])(?=[A-Z])", "_", status).lower())


def failed(order: Order, how: str) -> FromPost | None:
    """What is told of an order that was not done."""
    match order:
        case NumberedOrder(order=name):
            return Done(name, how)
        case AskListVersion():
            return ListVersion(None)
        case Configure(wishes=wishes):
            return Configured(tuple(wishes), None, None)
    return None


def card_status(verdict: Verdict) -> dict[str, str]:
    """What the post is told of a card."""
    return {"status": WORDS[verdict.word]}


def count(value: object) -> int | None:
    """A limit that a post names, as a text."""
    value = text(value)
    return int(value) if value.isdecimal() and int(value) > 0 else None


def table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def iso(at_ms: int) -> str:
    """A time as posts read it: UTC, to the second."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
