"""A post of OCPP 2.0.1: what it says becomes our words, and our orders become its calls. Its EVSEs are connectors."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace
from ocpp import v201
from ocpp.exceptions import OCPPError
from ocpp.routing import on
from ocpp.v201 import call as calls
from ocpp.v201 import call_result as answers

from edge.ocpp.talk import (
    DONE_WELL,
    HEARTBEAT_S,
    WORDS,
    Ear,
    Talk,
    count,
    done,
    iso,
    reading_answer,
    table,
    tell_status,
)
from edge.ocpp.values import connector, moment_ms, sampled, text
from edge.stations.ev_post.attribution import Evidence
from edge.stations.ev_post.messages import (
    AskListVersion,
    Beat,
    Booted,
    Configure,
    Configured,
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
    Wish,
    remote_number,
)

WISHES: dict[Wish, tuple[str, ...]] = {
    "heartbeat_s": ("OCPPCommCtrlr", "HeartbeatInterval"),
    "meter_s": ("SampledDataCtrlr", "TxUpdatedInterval"),
    "measurands": ("SampledDataCtrlr", "TxUpdatedMeasurands"),
    "begin_measurands": ("SampledDataCtrlr", "TxStartedMeasurands"),
    "end_measurands": ("SampledDataCtrlr", "TxEndedMeasurands"),
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
CHARGING_STATES: dict[str, Status] = {
    "Charging": "charging",
    "EVConnected": "occupied",
    "SuspendedEV": "sated",
    "SuspendedEVSE": "suspended",
}
MAX_KNOWN = 32
"""Transactions of which a connection remembers where they are."""


class Post201(Talk, v201.ChargePoint):
    """A post of OCPP 2.0.1. Its EVSEs are what we call connectors."""

    MALFORMED = "RpcFrameworkError"
    ACKNOWLEDGED = frozenset(
        {
            "ClearedChargingLimit",
            "FirmwareStatusNotification",
            "LogStatusNotification",
            "NotifyChargingLimit",
            "NotifyCustomerInformation",
            "NotifyDisplayMessages",
            "NotifyEvent",
            "NotifyMonitoringReport",
            "NotifyReport",
            "PublishFirmwareStatusNotification",
            "ReportChargingProfiles",
            "ReservationStatusUpdate",
            "SecurityEventNotification",
        }
    )

    def __init__(self, name: str, connection: Any, ear: Ear) -> None:
        super().__init__(name, connection, ear)
        self._where: dict[str, int] = {}

    @on("BootNotification", skip_schema_validation=True)
    def boot(self, **said: Any) -> answers.BootNotification:
        station = table(said.get("charging_station"))
        vendor, model = text(station.get("vendor_name")), text(station.get("model"))
        self.ear.tell(None, Booted(vendor, model, text(station.get("firmware_version"))))
        return answers.BootNotification(self._now(), HEARTBEAT_S, v201.enums.RegistrationStatusEnumType.accepted)

    @on("Heartbeat", skip_schema_validation=True)
    def beat(self, **_said: Any) -> answers.Heartbeat:
        self.ear.tell(None, Beat())
        return answers.Heartbeat(self._now())

    @on("StatusNotification", skip_schema_validation=True)
    def status(self, **said: Any) -> answers.StatusNotification:
        tell_status(self.ear, said.get("evse_id"), said.get("connector_status"), "", said.get("timestamp"))
        return answers.StatusNotification()

    @on("Authorize", skip_schema_validation=True)
    async def authorize(self, **said: Any) -> answers.Authorize:
        tag = text(table(said.get("id_token")).get("id_token"))
        return answers.Authorize(_info(await self.ear.authorize(tag)))

    @on("TransactionEvent", skip_schema_validation=True)
    async def transaction(self, **said: Any) -> answers.TransactionEvent:
        info, tag = table(said.get("transaction_info")), text(table(said.get("id_token")).get("id_token"))
        number, remote = text(info.get("transaction_id")), info.get("remote_start_id")
        remote = remote if type(remote) is int else None
        at_ms, heard_ms = moment_ms(said.get("timestamp")), self.ear.now_ms()
        found = sampled(said.get("meter_value"))
        kind, ends = said.get("event_type"), said.get("event_type") == "Ended"
        evidence = Evidence(number, tag, remote, found.energy_wh, begins=not ends, ends=ends)
        if not number or at_ms is None or kind not in ("Started", "Updated", "Ended"):
            self.ear.tell(None, Nonsense("transaction"))
            return answers.TransactionEvent(id_token_info=_info(Verdict("", "invalid")) if tag else None)
        where = self._place(number, said, evidence)
        if where is None and not ends:
            self.ear.tell(None, Nonsense("connector"))
            return answers.TransactionEvent(id_token_info=_info(Verdict("", "invalid")) if tag else None)
        if state := CHARGING_STATES.get(text(info.get("charging_state"))):
            self.ear.tell(where or 0, StatusSaid(state, "", None if said.get("offline") else at_ms, heard_ms))
        verdict: Verdict | None = None
        if ends:
            self._where.pop(number, None)
            why = text(info.get("stopped_reason")) or "Local"
            ended = StopSaid("", number, tag, at_ms, heard_ms, found.energy_wh, why, found.begin_wh)
            if where is None:
                verdict = await self._ended(evidence, ended)
            else:
                verdict = await self.ear.ask(where, lambda call: replace(ended, call=call))
        elif where is not None and (tag or remote is not None):
            verdict = await self.ear.ask(
                where, lambda call: StartSaid(call, tag, number, at_ms, heard_ms, found.energy_wh, remote)
            )
        if where is not None and not ends and found.energy_wh is not None:
            read_ms = at_ms if found.at_ms is None else found.at_ms
            self.ear.tell(where, MeterSaid(number, found.energy_wh, found.power_w, read_ms, found.begin_wh))
        return answers.TransactionEvent(id_token_info=_info(verdict) if verdict and tag else None)

    @on("MeterValues", skip_schema_validation=True)
    def meter(self, **said: Any) -> answers.MeterValues:
        found = sampled(said.get("meter_value"))
        self.ear.tell(connector(said.get("evse_id")) or 0, MeterSaid("", found.energy_wh, found.power_w, found.at_ms))
        return answers.MeterValues()

    @on("DataTransfer", skip_schema_validation=True)
    def data(self, **_said: Any) -> answers.DataTransfer:
        return answers.DataTransfer(v201.enums.DataTransferStatusEnumType.unknown_vendor_id)

    def _place(self, number: str, said: Mapping[str, Any], evidence: Evidence) -> int | None:
        """The EVSE of a transaction: posts name it once, and from then on by the transaction. Which transactions are
        where the points know, also after a reconnect; those that have no card yet are remembered here."""
        named = connector(table(said.get("evse")).get("id")) or self._where.get(number)
        if named:
            self._where.pop(number, None)
            self._where[number] = named
            while len(self._where) > MAX_KNOWN:
                del self._where[next(iter(self._where))]
        return named or self.ear.find_connector(evidence)

    async def _obey(self, connector: int, order: Order) -> FromPost | None:
        match order:
            case StartRemotely(order=name, tag=tag):
                token = {"id_token": tag, "type": "Central"}
                started = calls.RequestStartTransaction(token, remote_number(tag), connector)
                return done(name, await self._ask(started))
            case StopRemotely(order=name, transaction=number):
                return done(name, await self._ask(calls.RequestStopTransaction(number)))
            case SetOperative(order=name, operative=operative):
                status = v201.enums.OperationalStatusEnumType
                wanted = status.operative if operative else status.inoperative
                return done(name, await self._ask(calls.ChangeAvailability(wanted, {"id": connector})))
            case UpdateList(order=name, version=number, full=full, cards=cards):
                how = v201.enums.UpdateEnumType.full if full else v201.enums.UpdateEnumType.differential
                listed = [_listed(card) for card in cards] or None
                return done(name, await self._ask(calls.SendLocalList(number, how, listed)))
            case AskListVersion():
                return ListVersion((await self._ask(calls.GetLocalListVersion())).version_number)
            case Configure(wishes=wishes):
                return await self._configure(wishes)
            case SayAgain(what=what):
                trigger = v201.enums.MessageTriggerEnumType
                again = trigger.status_notification if what == "status" else trigger.meter_values
                await self._ask(calls.TriggerMessage(again, {"id": connector}))
        return None

    async def _configure(self, wishes: Mapping[Wish, str]) -> Configured:
        refused = [wish for wish, value in wishes.items() if not await self._set(WISHES[wish], value)]
        ask = calls.GetVariables([_variable("LocalAuthListCtrlr", "ItemsPerMessage")])
        answer = await self._ask(ask, checked=False)
        with reading_answer():
            (found,) = answer.get_variable_result
            return Configured(tuple(refused), None, count(found.get("attribute_value")))

    async def _set(self, name: tuple[str, ...], value: str) -> bool:
        call = calls.SetVariables([{**_variable(*name), "attribute_value": value}])
        try:
            answer = await self._ask(call, checked=False)
            with reading_answer():
                (found,) = answer.set_variable_result
                return found.get("attribute_status") in DONE_WELL
        except OCPPError:
            return False


def _info(verdict: Verdict) -> v201.datatypes.IdTokenInfoType:
    return v201.datatypes.IdTokenInfoType(v201.enums.AuthorizationStatusEnumType(WORDS[verdict.word]))


def _listed(card: Listed) -> dict[str, Any]:
    ends = {"cache_expiry_date_time": iso(card.until_ms)} if card.until_ms else {}
    token = {"id_token": {"id_token": card.tag, "type": "ISO14443"}}
    return token | ({} if card.gone else {"id_token_info": {"status": "Accepted", **ends}})


def _variable(component: str, variable: str, instance: str = "") -> dict[str, Any]:
    named = {"name": variable, "instance": instance} if instance else {"name": variable}
    return {"component": {"name": component}, "variable": named}
