"""A post of OCPP 2.0.1: what it alone says becomes our words, and our orders become its calls."""

from collections.abc import Mapping
from typing import Any, ClassVar

from ocpp import v201
from ocpp.routing import on
from ocpp.v201 import call as calls
from ocpp.v201 import call_result as answers

from edge.ocpp.post import TRIGGERS, OcppPost, PostListener, card_status, count, iso, reading_answer, table
from edge.ocpp.values import connector, moment_ms, sampled, text
from edge.stations.ev_post.attribution import Evidence
from edge.stations.ev_post.messages import (
    AskListVersion,
    Listed,
    MeterReported,
    Nonsense,
    OneCall,
    SayAgain,
    SetOperative,
    StartRemotely,
    StartReported,
    Status,
    StatusReported,
    StopRemotely,
    StopReported,
    UpdateList,
    Verdict,
    What,
    Wish,
    remote_number,
)

CHARGING_STATES: dict[str, Status] = {
    "Charging": "charging",
    "EVConnected": "occupied",
    "SuspendedEV": "sated",
    "SuspendedEVSE": "suspended",
}
MAX_KNOWN = 32
"""Transactions of which a connection remembers where they are."""


class Post201(OcppPost, v201.ChargePoint):
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
    FIELDS: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "vendor": ("charging_station", "vendor_name"),
        "model": ("charging_station", "model"),
        "firmware": ("charging_station", "firmware_version"),
        "connector": ("evse_id",),
        "status": ("connector_status",),
        "tag": ("id_token", "id_token"),
        "transaction": ("transaction_info", "transaction_id"),
    }
    WISHES: ClassVar[Mapping[Wish, tuple[str, ...]]] = {
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

    def __init__(self, name: str, connection: Any, listener: PostListener) -> None:
        super().__init__(name, connection, listener)
        self._where: dict[str, int] = {}

    @on("TransactionEvent", skip_schema_validation=True)
    async def transaction(self, **message: object) -> answers.TransactionEvent:
        number, tag = text(self.field(message, "transaction")), text(self.field(message, "tag"))
        info, kind, read = (
            table(message.get("transaction_info")),
            message.get("event_type"),
            sampled(message.get("meter_value")),
        )
        remote, ends = info.get("remote_start_id"), kind == "Ended"
        remote = remote if type(remote) is int else None
        at_ms, received_ms = moment_ms(message.get("timestamp")), self.listener.now_ms()
        evidence = Evidence(number, tag, remote, read.energy_wh, begins=not ends, ends=ends)
        if not number or at_ms is None or kind not in ("Started", "Updated", "Ended"):
            return self._refused("transaction", tag)
        where = self._place(number, message, evidence)
        if where is None and not ends:
            return self._refused("connector", tag)
        if state := CHARGING_STATES.get(text(info.get("charging_state"))):
            self.listener.report(
                where or 0, StatusReported(state, None if message.get("offline") else at_ms, received_ms)
            )
        verdict: Verdict | None = None
        if ends:
            self._where.pop(number, None)
            why = text(info.get("stopped_reason")) or "Local"
            end = StopReported("", number, tag, at_ms, received_ms, read.energy_wh, why, read.begin_wh)
            verdict = await self.report_end(end, where)
        elif where is not None and (tag or remote is not None):
            verdict = await self.listener.ask(
                where, lambda call: StartReported(call, tag, number, at_ms, received_ms, read.energy_wh, remote)
            )
        if where is not None and not ends and read.energy_wh is not None:
            read_ms = at_ms if read.at_ms is None else read.at_ms
            self.listener.report(where, MeterReported(number, read.energy_wh, read.power_w, read_ms, read.begin_wh))
        return answers.TransactionEvent(id_token_info=card_status(verdict) if verdict and tag else None)

    def _refused(self, nonsense: What, tag: str) -> answers.TransactionEvent:
        self.listener.report(None, Nonsense(nonsense))
        return answers.TransactionEvent(id_token_info={"status": "Invalid"} if tag else None)

    def _place(self, number: str, message: Mapping[str, object], evidence: Evidence) -> int | None:
        """The EVSE of a transaction: posts name it once, and from then on by the transaction. Which transactions are
        where the points know, also after a reconnect; those that have no card yet are remembered here."""
        named = connector(table(message.get("evse")).get("id")) or self._where.get(number)
        if named:
            self._where.pop(number, None)
            self._where[number] = named
            while len(self._where) > MAX_KNOWN:
                del self._where[next(iter(self._where))]
        return named or self.listener.find_connector(evidence)

    def call_for(self, connector: int, order: OneCall) -> object:
        match order:
            case StartRemotely(tag=tag):
                token = {"id_token": tag, "type": "Central"}
                return calls.RequestStartTransaction(token, remote_number(tag), connector)
            case StopRemotely(transaction=number):
                return calls.RequestStopTransaction(number)
            case SetOperative(operative=operative):
                return calls.ChangeAvailability("Operative" if operative else "Inoperative", {"id": connector})
            case UpdateList(version=version, full=full, cards=cards):
                listed = list(map(_listed, cards)) or None
                return calls.SendLocalList(version, "Full" if full else "Differential", listed)
            case SayAgain(what=what):
                return calls.TriggerMessage(TRIGGERS[what], {"id": connector})
            case AskListVersion():
                return calls.GetLocalListVersion()

    def list_version(self, answer: Any) -> int | None:
        number: int = answer.version_number
        return number

    async def set_value(self, wish: Wish, value: str) -> str:
        call = calls.SetVariables([{**_variable(*self.WISHES[wish]), "attribute_value": value}])
        answer = await self._ask(call, checked=False)
        with reading_answer():
            (result,) = answer.set_variable_result
            return text(result.get("attribute_status"))

    async def list_limits(self) -> tuple[int | None, int | None]:
        ask = calls.GetVariables([_variable("LocalAuthListCtrlr", "ItemsPerMessage")])
        answer = await self._ask(ask, checked=False)
        with reading_answer():
            (result,) = answer.get_variable_result
            return None, count(result.get("attribute_value"))


def _listed(card: Listed) -> dict[str, object]:
    ends = {"cache_expiry_date_time": iso(card.until_ms)} if card.until_ms else {}
    token: dict[str, object] = {"id_token": {"id_token": card.tag, "type": "ISO14443"}}
    return token | ({} if card.gone else {"id_token_info": {"status": "Accepted", **ends}})


def _variable(component: str, variable: str, instance: str = "") -> dict[str, Any]:
    named = {"name": variable, "instance": instance} if instance else {"name": variable}
    return {"component": {"name": component}, "variable": named}
