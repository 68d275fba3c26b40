"""A post of OCPP 1.6J: what it alone says becomes our words, and our orders become its calls."""

from collections.abc import Mapping
from typing import Any, ClassVar

from ocpp import v16
from ocpp.routing import on
from ocpp.v16 import call as calls
from ocpp.v16 import call_result as answers

from edge.ocpp.post import TRIGGERS, OcppPost, card_status, count, iso, reading_answer
from edge.ocpp.values import connector, energy_wh, moment_ms, sampled, text
from edge.stations.ev_post.attribution import Evidence
from edge.stations.ev_post.messages import (
    AskListVersion,
    Listed,
    Nonsense,
    OneCall,
    SayAgain,
    SetOperative,
    StartRemotely,
    StartReported,
    StopRemotely,
    StopReported,
    UpdateList,
    Wish,
)

LIST_TOTAL, LIST_CHUNK = "LocalAuthListMaxLength", "SendLocalListMaxLength"


class Post16(OcppPost, v16.ChargePoint):
    """A post of OCPP 1.6J, with the notifications of its security whitepaper."""

    MALFORMED = "FormationViolation"
    ACKNOWLEDGED = frozenset(
        {
            "DiagnosticsStatusNotification",
            "FirmwareStatusNotification",
            "LogStatusNotification",
            "SecurityEventNotification",
            "SignedFirmwareStatusNotification",
        }
    )
    FIELDS: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "vendor": ("charge_point_vendor",),
        "model": ("charge_point_model",),
        "firmware": ("firmware_version",),
        "connector": ("connector_id",),
        "status": ("status",),
        "tag": ("id_tag",),
        "transaction": ("transaction_id",),
    }
    WISHES: ClassVar[Mapping[Wish, str]] = {
        "heartbeat_s": "HeartbeatInterval",
        "meter_s": "MeterValueSampleInterval",
        "measurands": "MeterValuesSampledData",
        "end_measurands": "StopTxnSampledData",
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

    @on("StartTransaction", skip_schema_validation=True)
    async def start_transaction(self, **message: object) -> answers.StartTransaction:
        tag, received_ms = text(message.get("id_tag")), self.listener.now_ms()
        at_ms, meter_wh = moment_ms(message.get("timestamp")), energy_wh(message.get("meter_start"))
        if at_ms is None or meter_wh is None:
            self.listener.report(None, Nonsense("start"))
        verdict = await self.listener.ask(
            connector(message.get("connector_id")) or 0,
            lambda call: StartReported(call, tag, "", at_ms, received_ms, meter_wh),
        )
        number = int(verdict.transaction) if verdict.transaction.isdecimal() else 0
        return answers.StartTransaction(number, card_status(verdict))

    @on("StopTransaction", skip_schema_validation=True)
    async def stop_transaction(self, **message: object) -> answers.StopTransaction:
        number, tag, received_ms = (
            text(message.get("transaction_id")),
            text(message.get("id_tag")),
            self.listener.now_ms(),
        )
        at_ms, why = moment_ms(message.get("timestamp")), text(message.get("reason")) or "Local"
        meter_wh, read = energy_wh(message.get("meter_stop")), sampled(message.get("transaction_data"))
        if meter_wh is None:
            meter_wh = read.energy_wh
        where = self.listener.find_connector(Evidence(number, tag, meter_wh=meter_wh, ends=True))
        end = StopReported("", number, tag, at_ms, received_ms, meter_wh, why, read.begin_wh)
        verdict = await self.report_end(end, where)
        return answers.StopTransaction(card_status(verdict) if tag else None)

    def call_for(self, connector: int, order: OneCall) -> object:
        match order:
            case StartRemotely(tag=tag):
                return calls.RemoteStartTransaction(tag, connector)
            case StopRemotely(transaction=number):
                return calls.RemoteStopTransaction(int(number))
            case SetOperative(operative=operative):
                return calls.ChangeAvailability(connector, "Operative" if operative else "Inoperative")
            case UpdateList(version=version, full=full, cards=cards):
                return calls.SendLocalList(version, "Full" if full else "Differential", list(map(_listed, cards)))
            case SayAgain(what=what):
                return calls.TriggerMessage(TRIGGERS[what], connector)
            case AskListVersion():
                return calls.GetLocalListVersion()

    def list_version(self, answer: Any) -> int | None:
        return answer.list_version if answer.list_version >= 0 else None

    async def set_value(self, wish: Wish, value: str) -> str:
        return text((await self._ask(calls.ChangeConfiguration(self.WISHES[wish], value))).status)

    async def list_limits(self) -> tuple[int | None, int | None]:
        answer = await self._ask(calls.GetConfiguration([LIST_TOTAL, LIST_CHUNK]), checked=False)
        with reading_answer():
            values = {one["key"]: one.get("value") for one in answer.configuration_key or []}
        return count(values.get(LIST_TOTAL)), count(values.get(LIST_CHUNK))


def _listed(card: Listed) -> dict[str, object]:
    """A card of the list; one without a verdict leaves it."""
    ends = {"expiry_date": iso(card.until_ms)} if card.until_ms else {}
    return {"id_tag": card.tag} | ({} if card.gone else {"id_tag_info": {"status": "Accepted", **ends}})
