"""A post of OCPP 1.6J: what it says becomes our words, and our orders become its calls."""

from collections.abc import Awaitable, Mapping
from typing import Any

from ocpp import v16
from ocpp.exceptions import OCPPError
from ocpp.routing import on
from ocpp.v16 import call as calls
from ocpp.v16 import call_result as answers

from edge.ocpp.talk import DONE_WELL, HEARTBEAT_S, WORDS, Talk, count, done, iso, reading_answer, tell_status
from edge.ocpp.values import connector, energy_wh, moment_ms, sampled, text
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
    StopRemotely,
    StopSaid,
    UpdateList,
    Verdict,
    Wish,
    is_given,
)

WISHES: dict[Wish, str] = {
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
LIST_TOTAL, LIST_CHUNK = "LocalAuthListMaxLength", "SendLocalListMaxLength"


class Post16(Talk, v16.ChargePoint):
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

    @on("BootNotification", skip_schema_validation=True)
    def boot(self, **said: Any) -> answers.BootNotification:
        vendor, model = text(said.get("charge_point_vendor")), text(said.get("charge_point_model"))
        self.ear.tell(None, Booted(vendor, model, text(said.get("firmware_version"))))
        return answers.BootNotification(self._now(), HEARTBEAT_S, v16.enums.RegistrationStatus.accepted)

    @on("Heartbeat", skip_schema_validation=True)
    def beat(self, **_said: Any) -> answers.Heartbeat:
        self.ear.tell(None, Beat())
        return answers.Heartbeat(self._now())

    @on("StatusNotification", skip_schema_validation=True)
    def status(self, **said: Any) -> answers.StatusNotification:
        error = text(said.get("error_code"))
        tell_status(self.ear, said.get("connector_id"), said.get("status"), error, said.get("timestamp"))
        return answers.StatusNotification()

    @on("Authorize", skip_schema_validation=True)
    async def authorize(self, **said: Any) -> answers.Authorize:
        return answers.Authorize(_info(await self.ear.authorize(text(said.get("id_tag")))))

    @on("StartTransaction", skip_schema_validation=True)
    async def start_transaction(self, **said: Any) -> answers.StartTransaction:
        tag, heard_ms = text(said.get("id_tag")), self.ear.now_ms()
        at_ms, meter_wh = moment_ms(said.get("timestamp")), energy_wh(said.get("meter_start"))
        if at_ms is None or meter_wh is None:
            self.ear.tell(None, Nonsense("start"))
        verdict = await self.ear.ask(
            connector(said.get("connector_id")) or 0,
            lambda call: StartSaid(call, tag, "", at_ms, heard_ms, meter_wh),
        )
        number = int(verdict.transaction) if verdict.transaction.isdecimal() else 0
        return answers.StartTransaction(number, _info(verdict))

    @on("MeterValues", skip_schema_validation=True)
    def meter(self, **said: Any) -> answers.MeterValues:
        found = sampled(said.get("meter_value"))
        number = text(said.get("transaction_id"))
        told = MeterSaid(number, found.energy_wh, found.power_w, found.at_ms, found.begin_wh)
        where = connector(said.get("connector_id"))
        if not where and is_given(number):
            where = self.ear.find_connector(Evidence(number))
        self.ear.tell(where or 0, told)
        return answers.MeterValues()

    @on("StopTransaction", skip_schema_validation=True)
    async def stop_transaction(self, **said: Any) -> answers.StopTransaction:
        number, heard_ms = text(said.get("transaction_id")), self.ear.now_ms()
        meter_wh, read = energy_wh(said.get("meter_stop")), sampled(said.get("transaction_data"))
        if meter_wh is None:
            meter_wh = read.energy_wh
        tag, at_ms, why = (
            text(said.get("id_tag")),
            moment_ms(said.get("timestamp")),
            text(said.get("reason")) or "Local",
        )
        verdict = await self._ended(
            Evidence(number, tag, meter_wh=meter_wh, ends=True),
            StopSaid("", number, tag, at_ms, heard_ms, meter_wh, why, read.begin_wh),
        )
        return answers.StopTransaction(_info(verdict) if tag else None)

    @on("DataTransfer", skip_schema_validation=True)
    def data(self, **_said: Any) -> answers.DataTransfer:
        return answers.DataTransfer(v16.enums.DataTransferStatus.unknown_vendor_id)

    async def _obey(self, connector: int, order: Order) -> FromPost | None:
        match order:
            case StartRemotely(order=name, tag=tag):
                return done(name, await self._ask(calls.RemoteStartTransaction(tag, connector)))
            case StopRemotely(order=name, transaction=number):
                return done(name, await self._ask(calls.RemoteStopTransaction(int(number))))
            case SetOperative(order=name, operative=operative):
                wanted = v16.enums.AvailabilityType.operative if operative else v16.enums.AvailabilityType.inoperative
                return done(name, await self._ask(calls.ChangeAvailability(connector, wanted)))
            case UpdateList(order=name, version=number, full=full, cards=cards):
                how = v16.enums.UpdateType.full if full else v16.enums.UpdateType.differential
                update = calls.SendLocalList(number, how, [_listed(card) for card in cards])
                return done(name, await self._ask(update))
            case AskListVersion():
                number = (await self._ask(calls.GetLocalListVersion())).list_version
                return ListVersion(number if number >= 0 else None)
            case Configure(wishes=wishes):
                return await self._configure(wishes)
            case SayAgain(what=what):
                trigger = v16.enums.MessageTrigger
                again = trigger.status_notification if what == "status" else trigger.meter_values
                await self._ask(calls.TriggerMessage(again, connector))
        return None

    async def _configure(self, wishes: Mapping[Wish, str]) -> Configured:
        refused: list[str] = []
        for wish, value in wishes.items():
            if wish not in WISHES:
                continue
            change = calls.ChangeConfiguration(WISHES[wish], value)
            if not await _granted(self._ask(change)):
                refused.append(wish)
        answer = await self._ask(calls.GetConfiguration([LIST_TOTAL, LIST_CHUNK]), checked=False)
        with reading_answer():
            told = {one["key"]: one.get("value") for one in answer.configuration_key or []}
        return Configured(tuple(refused), count(told.get(LIST_TOTAL)), count(told.get(LIST_CHUNK)))


async def _granted(answer: Awaitable[Any]) -> bool:
    try:
        return (await answer).status in DONE_WELL
    except OCPPError:
        return False


def _info(verdict: Verdict) -> v16.datatypes.IdTagInfo:
    return v16.datatypes.IdTagInfo(v16.enums.AuthorizationStatus(WORDS[verdict.word]))


def _listed(card: Listed) -> dict[str, Any]:
    """A card of the list; one without a verdict leaves it."""
    ends = {"expiry_date": iso(card.until_ms)} if card.until_ms else {}
    return {"id_tag": card.tag} | ({} if card.gone else {"id_tag_info": {"status": "Accepted", **ends}})
