"""A connected post in its own version of OCPP: what it says becomes our words, and our orders become its calls.

Messages are taken apart and put together by the `ocpp` library. Its schemas check what goes out. What comes in is
checked here by its meaning, because schemas refuse what real posts send and take what no post can mean.
"""

import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import ocpp.messages
from ocpp import v16, v201
from ocpp.charge_point import ChargePoint
from ocpp.exceptions import OCPPError
from ocpp.routing import on
from ocpp.v16 import call as call16
from ocpp.v16 import call_result as result16
from ocpp.v201 import call as call201
from ocpp.v201 import call_result as result201

from edge.hardware.ocpp_values import connector, energy_wh, moment_ms, sampled, text
from edge.ocpp_words import (
    AskListVersion,
    Beat,
    Booted,
    CardShown,
    Configure,
    Configured,
    Done,
    FromPost,
    Listed,
    ListVersion,
    MeterSaid,
    Nonsense,
    Order,
    SayAgain,
    SetOperative,
    StartRemotely,
    StartSaid,
    Status,
    StatusSaid,
    StopRemotely,
    StopSaid,
    UpdateList,
    Verdict,
    Version,
    Wish,
    Word,
    connector_of,
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
CHARGING_STATES: dict[str, Status] = {
    "Charging": "charging",
    "EVConnected": "occupied",
    "SuspendedEV": "sated",
    "SuspendedEVSE": "suspended",
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


class Post(Protocol):
    """A post of either version."""

    async def hear(self, message: str) -> None:
        """Take one message of the post to completion."""

    async def obey(self, connector: int, order: Order) -> FromPost | None:
        """Have the post do something, and return what is told of it."""


def post(version: Version, name: str, connection: Any, ear: Ear) -> Post:
    """The other end of a connection."""
    return (Post16 if version == "1.6" else Post201)(name, connection, ear)


WISHES_16: dict[Wish, str] = {
    "heartbeat_s": "HeartbeatInterval",
    "meter_s": "MeterValueSampleInterval",
    "measurands": "MeterValuesSampledData",
    "ping_s": "WebSocketPingInterval",
    "plug_in_within_s": "ConnectionTimeOut",
    "local_list": "LocalAuthListEnabled",
    "offline_by_list": "LocalAuthorizeOffline",
    "list_before_asking": "LocalPreAuthorize",
    "offline_for_strangers": "AllowOfflineTxForUnknownId",
    "stop_strangers": "StopTransactionOnInvalidId",
    "ask_for_remote": "AuthorizeRemoteTxRequests",
    "attempts": "TransactionMessageAttempts",
    "retry_s": "TransactionMessageRetryInterval",
}
WISHES_201: dict[Wish, tuple[str, ...]] = {
    "heartbeat_s": ("OCPPCommCtrlr", "HeartbeatInterval"),
    "meter_s": ("SampledDataCtrlr", "TxUpdatedInterval"),
    "measurands": ("SampledDataCtrlr", "TxUpdatedMeasurands"),
    "ping_s": ("OCPPCommCtrlr", "WebSocketPingInterval"),
    "plug_in_within_s": ("TxCtrlr", "EVConnectionTimeOut"),
    "local_list": ("LocalAuthListCtrlr", "Enabled"),
    "offline_by_list": ("AuthCtrlr", "LocalAuthorizeOffline"),
    "list_before_asking": ("AuthCtrlr", "LocalPreAuthorize"),
    "offline_for_strangers": ("AuthCtrlr", "OfflineTxForUnknownIdEnabled"),
    "stop_strangers": ("TxCtrlr", "StopTxOnInvalidId"),
    "ask_for_remote": ("AuthCtrlr", "AuthorizeRemoteStart"),
    "attempts": ("OCPPCommCtrlr", "MessageAttempts", "TransactionEvent"),
    "retry_s": ("OCPPCommCtrlr", "MessageAttemptInterval", "TransactionEvent"),
}
"""The component, the variable, and the instance of it."""
LIST_TOTAL, LIST_CHUNK = "LocalAuthListMaxLength", "SendLocalListMaxLength"
DONE_WELL = frozenset({"Accepted", "RebootRequired", "Scheduled"})
MAX_KNOWN = 32
"""Transactions of which a connection remembers where they are."""


class _Talk(ChargePoint):
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
        return _iso(self.ear.now_ms())


class Post16(_Talk, v16.ChargePoint):
    """A post of OCPP 1.6J."""

    @on("BootNotification", skip_schema_validation=True)
    def boot(self, **said: Any) -> result16.BootNotification:
        vendor, model = text(said.get("charge_point_vendor")), text(said.get("charge_point_model"))
        self.ear.tell(None, Booted(vendor, model, text(said.get("firmware_version"))))
        return result16.BootNotification(self._now(), HEARTBEAT_S, v16.enums.RegistrationStatus.accepted)

    @on("Heartbeat", skip_schema_validation=True)
    def beat(self, **_said: Any) -> result16.Heartbeat:
        self.ear.tell(None, Beat())
        return result16.Heartbeat(self._now())

    @on("StatusNotification", skip_schema_validation=True)
    def status(self, **said: Any) -> result16.StatusNotification:
        error = text(said.get("error_code"))
        _tell_status(self.ear, said.get("connector_id"), said.get("status"), error, said.get("timestamp"))
        return result16.StatusNotification()

    @on("Authorize", skip_schema_validation=True)
    async def authorize(self, **said: Any) -> result16.Authorize:
        verdict = await self.ear.ask(None, lambda call: CardShown(call, text(said.get("id_tag"))))
        return result16.Authorize(_info_16(verdict))

    @on("StartTransaction", skip_schema_validation=True)
    async def start_transaction(self, **said: Any) -> result16.StartTransaction:
        tag, heard_ms = text(said.get("id_tag")), self.ear.now_ms()
        at_ms, meter_wh = moment_ms(said.get("timestamp")), energy_wh(said.get("meter_start"))
        if at_ms is None or meter_wh is None:
            self.ear.tell(None, Nonsense("start"))
        verdict = await self.ear.ask(
            connector(said.get("connector_id")) or 0,
            lambda call: StartSaid(call, tag, "", at_ms, heard_ms, meter_wh),
        )
        number = int(verdict.transaction) if verdict.transaction.isdecimal() else 0
        return result16.StartTransaction(number, _info_16(verdict))

    @on("MeterValues", skip_schema_validation=True)
    def meter(self, **said: Any) -> result16.MeterValues:
        found = sampled(said.get("meter_value"))
        told = MeterSaid(text(said.get("transaction_id")), found.energy_wh, found.power_w)
        self.ear.tell(connector(said.get("connector_id")) or 0, told)
        return result16.MeterValues()

    @on("StopTransaction", skip_schema_validation=True)
    async def stop_transaction(self, **said: Any) -> result16.StopTransaction:
        number, heard_ms = text(said.get("transaction_id")), self.ear.now_ms()
        meter_wh = energy_wh(said.get("meter_stop"))
        if meter_wh is None:
            meter_wh = sampled(said.get("transaction_data")).energy_wh
        tag, at_ms, why = (
            text(said.get("id_tag")),
            moment_ms(said.get("timestamp")),
            text(said.get("reason")) or "Local",
        )
        verdict = await self.ear.ask(
            connector_of(number), lambda call: StopSaid(call, number, tag, at_ms, heard_ms, meter_wh, why)
        )
        return result16.StopTransaction(_info_16(verdict) if tag else None)

    @on("DataTransfer", skip_schema_validation=True)
    def data(self, **_said: Any) -> result16.DataTransfer:
        return result16.DataTransfer(v16.enums.DataTransferStatus.unknown_vendor_id)

    @on("FirmwareStatusNotification", skip_schema_validation=True)
    def firmware(self, **_said: Any) -> result16.FirmwareStatusNotification:
        return result16.FirmwareStatusNotification()

    @on("DiagnosticsStatusNotification", skip_schema_validation=True)
    def diagnostics(self, **_said: Any) -> result16.DiagnosticsStatusNotification:
        return result16.DiagnosticsStatusNotification()

    async def _obey(self, connector: int, order: Order) -> FromPost | None:
        match order:
            case StartRemotely(order=name, tag=tag):
                return _done(name, await self._ask(call16.RemoteStartTransaction(tag, connector)))
            case StopRemotely(order=name, transaction=number):
                return _done(name, await self._ask(call16.RemoteStopTransaction(int(number))))
            case SetOperative(order=name, operative=operative):
                wanted = v16.enums.AvailabilityType.operative if operative else v16.enums.AvailabilityType.inoperative
                return _done(name, await self._ask(call16.ChangeAvailability(connector, wanted)))
            case UpdateList(order=name, version=number, full=full, cards=cards):
                how = v16.enums.UpdateType.full if full else v16.enums.UpdateType.differential
                update = call16.SendLocalList(number, how, [_listed_16(card) for card in cards])
                return _done(name, await self._ask(update))
            case AskListVersion():
                number = (await self._ask(call16.GetLocalListVersion())).list_version
                return ListVersion(number if number >= 0 else None)
            case Configure(wishes=wishes):
                return await self._configure(wishes)
            case SayAgain(what=what):
                trigger = v16.enums.MessageTrigger
                again = trigger.status_notification if what == "status" else trigger.meter_values
                await self._ask(call16.TriggerMessage(again, connector))
        return None

    async def _configure(self, wishes: Mapping[Wish, str]) -> Configured:
        refused: list[str] = []
        for wish, value in wishes.items():
            change = call16.ChangeConfiguration(WISHES_16[wish], value)
            if not await _granted(self._ask(change)):
                refused.append(wish)
        answer = await self._ask(call16.GetConfiguration([LIST_TOTAL, LIST_CHUNK]), checked=False)
        told = {one["key"]: one.get("value") for one in answer.configuration_key or []}
        return Configured(tuple(refused), _count(told.get(LIST_TOTAL)), _count(told.get(LIST_CHUNK)))


class Post201(_Talk, v201.ChargePoint):
    """A post of OCPP 2.0.1. Its EVSEs are what we call connectors."""

    def __init__(self, name: str, connection: Any, ear: Ear) -> None:
        super().__init__(name, connection, ear)
        self._where: dict[str, int] = {}

    @on("BootNotification", skip_schema_validation=True)
    def boot(self, **said: Any) -> result201.BootNotification:
        station = _table(said.get("charging_station"))
        vendor, model = text(station.get("vendor_name")), text(station.get("model"))
        self.ear.tell(None, Booted(vendor, model, text(station.get("firmware_version"))))
        return result201.BootNotification(self._now(), HEARTBEAT_S, v201.enums.RegistrationStatusEnumType.accepted)

    @on("Heartbeat", skip_schema_validation=True)
    def beat(self, **_said: Any) -> result201.Heartbeat:
        self.ear.tell(None, Beat())
        return result201.Heartbeat(self._now())

    @on("StatusNotification", skip_schema_validation=True)
    def status(self, **said: Any) -> result201.StatusNotification:
        _tell_status(self.ear, said.get("evse_id"), said.get("connector_status"), "", said.get("timestamp"))
        return result201.StatusNotification()

    @on("Authorize", skip_schema_validation=True)
    async def authorize(self, **said: Any) -> result201.Authorize:
        tag = text(_table(said.get("id_token")).get("id_token"))
        verdict = await self.ear.ask(None, lambda call: CardShown(call, tag))
        return result201.Authorize(_info_201(verdict))

    @on("TransactionEvent", skip_schema_validation=True)
    async def transaction(self, **said: Any) -> result201.TransactionEvent:
        info, tag = _table(said.get("transaction_info")), text(_table(said.get("id_token")).get("id_token"))
        number, where = text(info.get("transaction_id")), self._place(said)
        at_ms, heard_ms = moment_ms(said.get("timestamp")), self.ear.now_ms()
        found = sampled(said.get("meter_value"))
        kind = said.get("event_type")
        if not number or at_ms is None or kind not in ("Started", "Updated", "Ended"):
            self.ear.tell(None, Nonsense("transaction"))
            return result201.TransactionEvent(id_token_info=_info_201(Verdict("", "invalid")) if tag else None)
        if state := CHARGING_STATES.get(text(info.get("charging_state"))):
            self.ear.tell(where, StatusSaid(state, "", None if said.get("offline") else at_ms, heard_ms))
        verdict: Verdict | None = None
        if kind == "Ended":
            self._where.pop(number, None)
            why = text(info.get("stopped_reason")) or "Local"
            verdict = await self.ear.ask(
                where, lambda call: StopSaid(call, number, tag, at_ms, heard_ms, found.energy_wh, why)
            )
        elif tag:
            verdict = await self.ear.ask(
                where, lambda call: StartSaid(call, tag, number, at_ms, heard_ms, found.energy_wh)
            )
        if kind != "Ended" and found.energy_wh is not None:
            self.ear.tell(where, MeterSaid(number, found.energy_wh, found.power_w))
        return result201.TransactionEvent(id_token_info=_info_201(verdict) if verdict and tag else None)

    @on("MeterValues", skip_schema_validation=True)
    def meter(self, **said: Any) -> result201.MeterValues:
        found = sampled(said.get("meter_value"))
        self.ear.tell(connector(said.get("evse_id")) or 0, MeterSaid("", found.energy_wh, found.power_w))
        return result201.MeterValues()

    @on("DataTransfer", skip_schema_validation=True)
    def data(self, **_said: Any) -> result201.DataTransfer:
        return result201.DataTransfer(v201.enums.DataTransferStatusEnumType.unknown_vendor_id)

    @on("FirmwareStatusNotification", skip_schema_validation=True)
    def firmware(self, **_said: Any) -> result201.FirmwareStatusNotification:
        return result201.FirmwareStatusNotification()

    @on("LogStatusNotification", skip_schema_validation=True)
    def log(self, **_said: Any) -> result201.LogStatusNotification:
        return result201.LogStatusNotification()

    @on("NotifyEvent", skip_schema_validation=True)
    def event(self, **_said: Any) -> result201.NotifyEvent:
        return result201.NotifyEvent()

    @on("NotifyReport", skip_schema_validation=True)
    def report(self, **_said: Any) -> result201.NotifyReport:
        return result201.NotifyReport()

    @on("SecurityEventNotification", skip_schema_validation=True)
    def security(self, **_said: Any) -> result201.SecurityEventNotification:
        return result201.SecurityEventNotification()

    def _place(self, said: Mapping[str, Any]) -> int | None:
        """The EVSE of a transaction: posts name it once, and from then on by the transaction."""
        number = text(_table(said.get("transaction_info")).get("transaction_id"))
        named = connector(_table(said.get("evse")).get("id"))
        if named and (number in self._where or len(self._where) < MAX_KNOWN):
            self._where[number] = named
        return named or self._where.get(number)

    async def _obey(self, connector: int, order: Order) -> FromPost | None:
        match order:
            case StartRemotely(order=name, tag=tag):
                token = {"id_token": tag, "type": "Central"}
                started = call201.RequestStartTransaction(token, int(tag, 16) % (1 << 31), connector)
                return _done(name, await self._ask(started))
            case StopRemotely(order=name, transaction=number):
                return _done(name, await self._ask(call201.RequestStopTransaction(number)))
            case SetOperative(order=name, operative=operative):
                status = v201.enums.OperationalStatusEnumType
                wanted = status.operative if operative else status.inoperative
                return _done(name, await self._ask(call201.ChangeAvailability(wanted, {"id": connector})))
            case UpdateList(order=name, version=number, full=full, cards=cards):
                how = v201.enums.UpdateEnumType.full if full else v201.enums.UpdateEnumType.differential
                listed = [_listed_201(card) for card in cards] or None
                return _done(name, await self._ask(call201.SendLocalList(number, how, listed)))
            case AskListVersion():
                return ListVersion((await self._ask(call201.GetLocalListVersion())).version_number)
            case Configure(wishes=wishes):
                return await self._configure(wishes)
            case SayAgain(what=what):
                trigger = v201.enums.MessageTriggerEnumType
                again = trigger.status_notification if what == "status" else trigger.meter_values
                await self._ask(call201.TriggerMessage(again, {"id": connector}))
        return None

    async def _configure(self, wishes: Mapping[Wish, str]) -> Configured:
        refused = [wish for wish, value in wishes.items() if not await self._set(WISHES_201[wish], value)]
        ask = call201.GetVariables([_variable("LocalAuthListCtrlr", "ItemsPerMessage")])
        (found,) = (await self._ask(ask, checked=False)).get_variable_result
        return Configured(tuple(refused), None, _count(found.get("attribute_value")))

    async def _set(self, name: tuple[str, ...], value: str) -> bool:
        answer = self._ask(call201.SetVariables([{**_variable(*name), "attribute_value": value}]), checked=False)
        try:
            (found,) = (await answer).set_variable_result
        except (OCPPError, TypeError, ValueError):
            return False
        return found.get("attribute_status") in DONE_WELL


async def _granted(answer: Awaitable[Any]) -> bool:
    try:
        return (await answer).status in DONE_WELL
    except (OCPPError, TypeError):
        return False


def _tell_status(ear: Ear, where: object, status: object, error: str, timestamp: object) -> None:
    place, found = connector(where), STATUSES.get(text(status))
    if place is None or found is None:
        ear.tell(None, Nonsense("status"))
        return
    told = StatusSaid(found, error, moment_ms(timestamp), ear.now_ms(), whole=place == 0)
    ear.tell(place or None, told)


def _info_16(verdict: Verdict) -> v16.datatypes.IdTagInfo:
    return v16.datatypes.IdTagInfo(v16.enums.AuthorizationStatus(WORDS[verdict.word]))


def _info_201(verdict: Verdict) -> v201.datatypes.IdTokenInfoType:
    return v201.datatypes.IdTokenInfoType(v201.enums.AuthorizationStatusEnumType(WORDS[verdict.word]))


def _listed_16(card: Listed) -> dict[str, Any]:
    """A card of the list; one without a verdict leaves it."""
    ends = {"expiry_date": _iso(card.until_ms)} if card.until_ms else {}
    return {"id_tag": card.tag} | ({} if card.gone else {"id_tag_info": {"status": "Accepted", **ends}})


def _listed_201(card: Listed) -> dict[str, Any]:
    ends = {"cache_expiry_date_time": _iso(card.until_ms)} if card.until_ms else {}
    token = {"id_token": {"id_token": card.tag, "type": "ISO14443"}}
    return token | ({} if card.gone else {"id_token_info": {"status": "Accepted", **ends}})


def _done(order: str, answer: Any) -> Done:
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


def _count(said: object) -> int | None:
    """A limit that a post names, as a text."""
    said = text(said)
    return int(said) if said.isdecimal() and int(said) > 0 else None


def _variable(component: str, variable: str, instance: str = "") -> dict[str, Any]:
    named = {"name": variable, "instance": instance} if instance else {"name": variable}
    return {"component": {"name": component}, "variable": named}


def _table(said: object) -> Mapping[str, Any]:
    return said if isinstance(said, Mapping) else {}


def _iso(at_ms: int) -> str:
    """A time as posts read it: UTC, to the second."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
