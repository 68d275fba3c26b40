"""A bought charging post: a peer that speaks OCPP over a WebSocket and knows nothing of whom it speaks to.

It keeps what it must not forget as its flash would: its meter, its list of cards, the transaction that runs and what it
could not tell yet. Alone it serves whom its list names. When the power comes back it ends what the cut interrupted.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from urllib.parse import quote

from websockets.exceptions import ConnectionClosed

from firmware_sim.parts.battery import FULL_AT, Car
from firmware_sim.parts.ocpp_client import Message, OcppClient, Payload, Version, ignore_answer
from firmware_sim.parts.ocpp_forms import (
    BOOT,
    Transaction,
    samples_16,
    samples_201,
    status_form,
    tag_in,
    token,
    verdict,
)

TICK_S = 1.0
RETRY_S = 2.0
"""Between two attempts to connect."""
IDLE_W = 3.0
"""What a full car still draws now and then."""
LIMITS = {"LocalAuthListMaxLength": "100", "SendLocalListMaxLength": "5"}
KEY_OF_VARIABLE = {"TxUpdatedInterval": "MeterValueSampleInterval", "HeartbeatInterval": "HeartbeatInterval"}
"""The configuration key of 1.6 that a variable of 2.0.1 sets."""


class EvPost(OcppClient):
    """One post with one connector. ``run`` keeps it connected; everything else is done to it from outside.

    ``clock_off_s`` is how far its clock lies beside the time. ``password`` is asked whenever it connects.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        url: str,
        name: str,
        password: Callable[[], str],
        now_ms: Callable[[], int],
        version: Version = "1.6",
        most_w: float = 7_000.0,
        tick_s: float = TICK_S,
    ) -> None:
        super().__init__(
            f"{url}/{quote(name, safe='')}",
            name=name,
            password=password,
            version=version,
            retry_s=RETRY_S * min(1.0, tick_s),
        )
        self.operative, self.faulted = True, False
        self.clock_off_s = 0.0
        self.car: Car | None = None
        self.refused = ""
        """Why the last card was refused."""
        self.meter_wh = 12_000.0
        self.power_w = 0.0
        self.keys: dict[str, str] = {"MeterValueSampleInterval": "30", "HeartbeatInterval": "60"}
        self.cards: dict[str, bool] = {}
        self.list_version = 0
        self.transaction: Transaction | None = None
        self._loop, self._now_ms, self._most_w, self._tick_s = loop, now_ms, most_w, tick_s
        self._tag = ""
        self._remote_start: int | None = None
        self._transactions = itertools.count(1)
        self._status = "Available"
        self._metered_s = self._beat_s = loop.time()

    # What people do to it

    def plug_in(self, car: Car) -> None:
        self.car = car
        self._go_on()

    def unplug(self) -> None:
        """The cable is out: what runs ends."""
        self.car = None
        self._stop("EVDisconnected")
        self._go_on()

    async def tap(self, tag: str) -> bool:
        """Hold a card to it. Returns whether it was taken."""
        if not self.powered or self.faulted:
            return False
        if self.transaction is not None:
            if tag.upper() != self.transaction.tag.upper():
                return False
            self._stop("Local", tag)
            return True
        if not self.operative or not await self._may(tag):
            return False
        self._tag = tag
        self._go_on()
        return True

    def cut(self) -> None:
        """No power: everything stops where it is, and only its flash remembers."""
        self.power_w, self._tag = 0.0, ""
        self.switch(powered=False)

    def restore(self) -> None:
        """The power is back. It ends what the cut has interrupted."""
        self.switch(powered=True)
        self._stop("PowerLoss")

    def view(self) -> dict[str, object]:
        transaction = self.transaction
        return {
            "kind": "ev_post",
            "version": self.version,
            "powered": self.powered,
            "cable_in": self.cable_in,
            "connected": self.connected,
            "operative": self.operative,
            "status": self._status,
            "plugged_in": self.car is not None,
            "level": None if self.car is None else round(self.car.level, 3),
            "meter_wh": round(self.meter_wh),
            "power_w": round(self.power_w),
            "transaction": None if transaction is None else transaction.local,
            "cards": len(self.cards),
            "untold": len(self.queue),
            "clock_off_s": self.clock_off_s,
        }

    # Its life

    async def run(self) -> None:
        """Be a post until this is cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tick(), name=f"{self.name} charges")
            group.create_task(self.stay_connected(), name=f"{self.name} connects")

    async def _tick(self) -> None:
        before_s = self._loop.time()
        while True:
            await asyncio.sleep(self._tick_s)
            now_s = self._loop.time()
            if self.powered:
                self._charge((now_s - before_s) / 3600)
                self._tell_in_time(now_s)
            before_s = now_s

    def _charge(self, hours: float) -> None:
        """The car draws what it wants while a transaction runs, and nothing else ever does."""
        car = self.car
        running = self.transaction is not None and car is not None and not self.faulted
        self.power_w = 0.0 if car is None or not running else max(IDLE_W, min(self._most_w, car.wants_w))
        self.meter_wh += self.power_w * hours
        if car is not None and running:
            car.level = min(FULL_AT, car.level + self.power_w * hours / car.capacity_wh)
        self._tell_status()

    def _tell_in_time(self, now_s: float) -> None:
        if self.transaction is not None and now_s - self._metered_s >= float(self.keys["MeterValueSampleInterval"]):
            self._metered_s = now_s
            if self.connected:
                self._tell_meter(self.transaction)
        if self.connected and now_s - self._beat_s >= float(self.keys["HeartbeatInterval"]):
            self._beat_s = now_s
            self.queue_heartbeat()

    # Transactions

    def _go_on(self) -> None:
        """Begin, if there are a car and a card."""
        if self.car is not None and self._tag and self.transaction is None and self.powered:
            self._begin(self._tag)
            self._tag = ""
        self._tell_status()

    def _begin(self, tag: str) -> None:
        begun = Transaction(next(self._transactions), tag, remote_start=self._remote_start)
        self.transaction, self._remote_start = begun, None
        self._metered_s = self._loop.time()

        def answered(answer: Payload) -> None:
            begun.number = answer.get("transactionId")
            if (status := verdict(answer)) != "Accepted" and self.transaction is begun:
                self.refused = status
                self._stop("DeAuthorized")

        if self.version == "1.6":
            start = {"connectorId": 1, "idTag": tag, "meterStart": int(self.meter_wh), "timestamp": self._now()}
            self.put("StartTransaction", lambda: start, answered)
        else:
            self._tell_event(begun, "Started", "Authorized", answered=answered)

    def _stop(self, reason: str, tag: str = "") -> None:
        ended = self.transaction
        if ended is None:
            return
        self.transaction, self.power_w = None, 0.0
        if self.version == "1.6":
            stop = {"meterStop": int(self.meter_wh), "timestamp": self._now(), "reason": reason}
            self._tell_numbered(ended, "StopTransaction", stop | ({"idTag": tag} if tag else {}))
        else:
            self._tell_event(ended, "Ended", "StopAuthorized" if tag else "EVDeparted", reason)

    def _tell_meter(self, running: Transaction) -> None:
        if self.version == "1.6":
            values = [{"timestamp": self._now(), "sampledValue": samples_16(self.meter_wh, self.power_w)}]
            self._tell_numbered(running, "MeterValues", {"connectorId": 1, "meterValue": values})
        else:
            self._tell_event(running, "Updated", "MeterValuePeriodic")

    def _tell_numbered(self, transaction: Transaction, action: str, payload: Payload) -> None:
        """In 1.6 a transaction goes by the number that the central system has given it by the time this is sent."""
        self.put(action, lambda: {**payload, "transactionId": transaction.number or -1})

    def _tell_event(
        self,
        transaction: Transaction,
        kind: str,
        trigger: str,
        reason: str = "",
        answered: Callable[[Payload], None] = ignore_answer,
    ) -> None:
        """In 2.0.1 all that befalls a transaction is an event."""
        info: Payload = {"transactionId": self._long_name(transaction)}
        info |= {"stoppedReason": reason} if reason else {"chargingState": "SuspendedEV" if self._full else "Charging"}
        info |= {"remoteStartId": transaction.remote_start} if transaction.remote_start is not None else {}
        event = {
            "eventType": kind,
            "timestamp": self._now(),
            "triggerReason": trigger,
            "seqNo": next(transaction.turn),
            "offline": not self.connected,
            "transactionInfo": info,
            "evse": {"id": 1, "connectorId": 1},
            "meterValue": [{"timestamp": self._now(), "sampledValue": samples_201(int(self.meter_wh), self.power_w)}],
            **(token(self.version, transaction.tag) if kind == "Started" else {}),
        }
        self.put("TransactionEvent", lambda: event, answered)

    def _long_name(self, transaction: Transaction) -> str:
        return f"{self.name}-{transaction.local}"

    async def _may(self, tag: str) -> bool:
        """Whether somebody is served: the central system says so, or alone the list."""
        if not self.connected:
            return self.cards.get(tag.upper(), False)
        try:
            answer = await self.call("Authorize", token(self.version, tag))
        except (ConnectionError, ConnectionClosed, TimeoutError):
            return self.cards.get(tag.upper(), False)
        self.refused = verdict(answer)
        return self.refused == "Accepted"

    # What it is asked to do

    def answer(self, action: str, asked: Payload) -> Payload | None:
        answers: dict[str, Callable[[Payload], Payload]] = {
            "RemoteStartTransaction": self._start_remotely,
            "RequestStartTransaction": self._start_remotely,
            "RemoteStopTransaction": self._stop_remotely,
            "RequestStopTransaction": self._stop_remotely,
            "ChangeAvailability": self._change_availability,
            "ChangeConfiguration": self._change_configuration,
            "GetConfiguration": self._get_configuration,
            "SetVariables": self._set_variables,
            "GetVariables": self._get_variables,
            "GetLocalListVersion": self._get_list_version,
            "SendLocalList": self._take_list,
            "TriggerMessage": self._trigger_message,
        }
        return answers[action](asked) if action in answers else None

    def _start_remotely(self, asked: Payload) -> Payload:
        self._remote_start = asked.get("remoteStartId")
        if self.transaction is not None or not self.operative or self.faulted:
            return {"status": "Rejected"}
        self._tag = tag_in(asked)
        self._loop.call_soon(self._go_on)
        return {"status": "Accepted"}

    def _stop_remotely(self, asked: Payload) -> Payload:
        running = self.transaction
        if running is None or asked["transactionId"] not in (running.number, self._long_name(running)):
            return {"status": "Rejected"}
        self._loop.call_soon(self._stop, "Remote")
        return {"status": "Accepted"}

    def _change_availability(self, asked: Payload) -> Payload:
        self.operative = (asked.get("type") or asked.get("operationalStatus")) == "Operative"
        self._loop.call_soon(self._tell_status)
        return {"status": "Accepted" if self.transaction is None else "Scheduled"}

    def _change_configuration(self, asked: Payload) -> Payload:
        self.keys[asked["key"]] = asked["value"]
        return {"status": "Accepted"}

    def _get_configuration(self, asked: Payload) -> Payload:
        known = [{"key": key, "readonly": True, "value": LIMITS[key]} for key in asked["key"] if key in LIMITS]
        return {"configurationKey": known, "unknownKey": [key for key in asked["key"] if key not in LIMITS]}

    def _set_variables(self, asked: Payload) -> Payload:
        for variable in asked["setVariableData"]:
            if (key := KEY_OF_VARIABLE.get(variable["variable"]["name"])) is not None:
                self.keys[key] = variable["attributeValue"]
        return {"setVariableResult": [_answered(variable) for variable in asked["setVariableData"]]}

    def _get_variables(self, asked: Payload) -> Payload:
        (variable,) = asked["getVariableData"]
        return {"getVariableResult": [{**_answered(variable), "attributeValue": "5"}]}

    def _get_list_version(self, _asked: Payload) -> Payload:
        return {"listVersion" if self.version == "1.6" else "versionNumber": self.list_version}

    def _take_list(self, asked: Payload) -> Payload:
        version = int(asked.get("listVersion") or asked.get("versionNumber") or 0)
        if asked["updateType"] == "Full":
            self.cards.clear()
        elif version <= self.list_version:
            return {"status": "VersionMismatch"}
        for card in asked.get("localAuthorizationList") or []:
            tag = tag_in(card).upper()
            self.cards.pop(tag, None)
            if status := verdict(card):
                self.cards[tag] = status == "Accepted"
        self.list_version = version
        return {"status": "Accepted"}

    def _trigger_message(self, asked: Payload) -> Payload:
        if asked["requestedMessage"] == "StatusNotification":
            self._status = ""
            self._loop.call_soon(self._tell_status)
        elif self.transaction is not None:
            self._loop.call_soon(self._tell_meter, self.transaction)
        return {"status": "Accepted"}

    # What it says of itself

    def greeting(self) -> Iterator[Message]:
        yield "BootNotification", BOOT[self.version]
        yield "StatusNotification", self._status_now()

    def _tell_status(self) -> None:
        """Only what it is now is of interest: while it is alone it keeps no record of what it was."""
        before, self._status = self._status, self._stands()
        if self._status != before and self.connected:
            self.put("StatusNotification", self._status_now)

    def _stands(self) -> str:
        if self.faulted:
            return "Faulted"
        if self.transaction is not None:
            return "SuspendedEV" if self._full and self.version == "1.6" else self._word("Charging")
        if not self.operative:
            return "Unavailable"
        return self._word("Preparing") if self.car is not None else "Available"

    @property
    def _full(self) -> bool:
        return self.car is not None and self.car.level >= FULL_AT

    def _word(self, word: str) -> str:
        return word if self.version == "1.6" else "Occupied"

    def _status_now(self) -> Payload:
        self._status = self._stands()
        return status_form(self.version, self._status, self._now())

    def _now(self) -> str:
        at = datetime.fromtimestamp(self._now_ms() / 1000 + self.clock_off_s, UTC)
        return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _answered(variable: Payload) -> Payload:
    """What is answered of one variable that was accepted."""
    return {"attributeStatus": "Accepted", "component": variable["component"], "variable": variable["variable"]}
