"""A bought charging post: a peer that speaks OCPP over a WebSocket and knows nothing of whom it speaks to.

It keeps what it must not forget as its flash would: its meter, its list of cards, the transaction that runs and what it
could not tell yet. Alone it serves whom its list names. When the power comes back it ends what the cut interrupted.
"""

import asyncio
import itertools
from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from websockets.exceptions import ConnectionClosed

from firmware_sim.parts.car import FULL_AT, Car
from firmware_sim.parts.ocpp_client import Message, OcppClient, Version, ignore_answer
from firmware_sim.parts.ocpp_forms import BOOT, Transaction, samples_16, samples_201, status_form, token, verdict

TICK_S = 1.0
RETRY_S = 2.0
"""Between two attempts to connect."""
IDLE_W = 3.0
"""What a full car still draws now and then."""


class EvPost:
    """One post with one connector. ``run`` keeps it connected; everything else is done to it from outside.

    ``clock_off_s`` is how far its clock lies beside the time. ``password`` is asked whenever it connects.
    """

    def __init__(
        self,
        loop: AbstractEventLoop,
        *,
        url: str,
        name: str,
        password: Callable[[], str],
        now_ms: Callable[[], int],
        version: Version = "1.6",
        most_w: float = 7_000.0,
        tick_s: float = TICK_S,
    ) -> None:
        self.name, self.version = name, version
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
        self._numbers = itertools.count(1)
        self._status = "Available"
        self._metered_s = self._beat_s = loop.time()
        self._client = OcppClient(
            f"{url}/{quote(name, safe='')}",
            user=name,
            password=password,
            version=version,
            retry_s=RETRY_S * min(1.0, tick_s),
            greeting=self._greeting,
            answer=self._answer,
        )

    @property
    def powered(self) -> bool:
        return self._client.powered

    @property
    def cable_in(self) -> bool:
        return self._client.cable_in

    @property
    def connected(self) -> bool:
        """Whether the central system has accepted its boot."""
        return self._client.connected

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
        self._client.switch(powered=False)

    def restore(self) -> None:
        """The power is back. It ends what the cut has interrupted."""
        self._client.switch(powered=True)
        self._stop("PowerLoss")

    def pull(self) -> None:
        """Its network cable is out: it goes on alone."""
        self._client.plug(cable_in=False)

    def reconnect(self) -> None:
        """The cable is in again."""
        self._client.plug(cable_in=True)

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
            "untold": self._client.unsent,
            "clock_off_s": self.clock_off_s,
        }

    # Its life

    async def run(self) -> None:
        """Be a post until this is cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tick(), name=f"{self.name} charges")
            group.create_task(self._client.run(), name=f"{self.name} connects")

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
            self._client.queue_heartbeat()

    # Transactions

    def _go_on(self) -> None:
        """Begin, if there are a car and a card."""
        if self.car is not None and self._tag and self.transaction is None and self.powered:
            self._begin(self._tag)
            self._tag = ""
        self._tell_status()

    def _begin(self, tag: str) -> None:
        begun = Transaction(next(self._numbers), tag, self._now(), int(self.meter_wh), remote_start=self._remote_start)
        self.transaction, self._remote_start = begun, None
        self._metered_s = self._loop.time()

        def answered(answer: dict[str, Any]) -> None:
            begun.number = answer.get("transactionId")
            if (status := verdict(answer)) != "Accepted" and self.transaction is begun:
                self.refused = status
                self._stop("DeAuthorized")

        if self.version == "1.6":
            start = {"connectorId": 1, "idTag": tag, "meterStart": begun.meter_wh, "timestamp": begun.began}
            self._client.put("StartTransaction", lambda: start, answered)
        else:
            event = self._event(begun, "Started", "Authorized", begun.meter_wh)
            self._client.put("TransactionEvent", lambda: event, answered)

    def _stop(self, reason: str, tag: str = "") -> None:
        over = self.transaction
        if over is None:
            return
        self.transaction, self.power_w = None, 0.0
        at, meter_wh = self._now(), int(self.meter_wh)
        if self.version == "1.6":
            stop: dict[str, Any] = {"meterStop": meter_wh, "timestamp": at, "reason": reason}
            stop |= {"idTag": tag} if tag else {}
            self._client.put("StopTransaction", lambda: {**stop, "transactionId": over.number or -1}, ignore_answer)
        else:
            event = self._event(over, "Ended", "StopAuthorized" if tag else "EVDeparted", meter_wh, reason)
            self._client.put("TransactionEvent", lambda: event, ignore_answer)

    def _tell_meter(self, running: Transaction) -> None:
        if self.version == "1.6":
            values = [{"timestamp": self._now(), "sampledValue": samples_16(self.meter_wh, self.power_w)}]
            meter = {"connectorId": 1, "meterValue": values}
            self._client.put("MeterValues", lambda: {**meter, "transactionId": running.number or -1}, ignore_answer)
        else:
            event = self._event(running, "Updated", "MeterValuePeriodic", int(self.meter_wh))
            self._client.put("TransactionEvent", lambda: event, ignore_answer)

    def _event(self, one: Transaction, kind: str, trigger: str, meter_wh: int, reason: str = "") -> dict[str, Any]:
        info: dict[str, Any] = {"transactionId": f"{self.name}-{one.local}"}
        info |= {"stoppedReason": reason} if reason else {"chargingState": "SuspendedEV" if self._full else "Charging"}
        info |= {"remoteStartId": one.remote_start} if one.remote_start is not None else {}
        return {
            "eventType": kind,
            "timestamp": self._now(),
            "triggerReason": trigger,
            "seqNo": next(one.turn),
            "offline": not self.connected,
            "transactionInfo": info,
            "evse": {"id": 1, "connectorId": 1},
            "meterValue": [{"timestamp": self._now(), "sampledValue": samples_201(meter_wh, self.power_w)}],
            **({"idToken": token(one.tag)} if kind == "Started" else {}),
        }

    async def _may(self, tag: str) -> bool:
        """Whether somebody is served: the central system says so, or alone the list."""
        if not self.connected:
            return self.cards.get(tag.upper(), False)
        asked = {"idTag": tag} if self.version == "1.6" else {"idToken": token(tag)}
        try:
            answer = await self._client.call("Authorize", asked)
        except (ConnectionError, ConnectionClosed, TimeoutError):
            return self.cards.get(tag.upper(), False)
        self.refused = verdict(answer)
        return self.refused == "Accepted"

    # What it is asked to do

    def _answer(self, name: str, action: str, asked: dict[str, Any]) -> list[Any]:
        do = getattr(self, f"_on_{action}", None)
        return [4, name, "NotImplemented", "", {}] if do is None else [3, name, do(asked)]

    def _on_RemoteStartTransaction(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return self._start_remotely(str(asked["idTag"]))

    def _on_RequestStartTransaction(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self._remote_start = int(asked["remoteStartId"])
        return self._start_remotely(str(asked["idToken"]["idToken"]))

    def _start_remotely(self, tag: str) -> dict[str, Any]:
        if self.transaction is not None or not self.operative or self.faulted:
            return {"status": "Rejected"}
        self._tag = tag
        self._loop.call_soon(self._go_on)
        return {"status": "Accepted"}

    def _on_RemoteStopTransaction(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return self._stop_remotely(self.transaction is not None and asked["transactionId"] == self.transaction.number)

    def _on_RequestStopTransaction(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        running = self.transaction
        return self._stop_remotely(running is not None and asked["transactionId"] == f"{self.name}-{running.local}")

    def _stop_remotely(self, runs: bool) -> dict[str, Any]:
        if runs:
            self._loop.call_soon(self._stop, "Remote")
        return {"status": "Accepted" if runs else "Rejected"}

    def _on_ChangeAvailability(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self.operative = (asked.get("type") or asked.get("operationalStatus")) == "Operative"
        self._loop.call_soon(self._tell_status)
        return {"status": "Accepted" if self.transaction is None else "Scheduled"}

    def _on_ChangeConfiguration(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self.keys[asked["key"]] = asked["value"]
        return {"status": "Accepted"}

    def _on_GetConfiguration(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        limits = {"LocalAuthListMaxLength": "100", "SendLocalListMaxLength": "5"}
        told = [{"key": key, "readonly": True, "value": limits[key]} for key in asked["key"] if key in limits]
        return {"configurationKey": told, "unknownKey": [key for key in asked["key"] if key not in limits]}

    def _on_SetVariables(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        done = []
        for one in asked["setVariableData"]:
            name = one["variable"]["name"]
            if name in ("TxUpdatedInterval", "HeartbeatInterval"):
                self.keys["MeterValueSampleInterval" if name == "TxUpdatedInterval" else name] = one["attributeValue"]
            named = {key: one[key] for key in ("component", "variable")}
            done.append({"attributeStatus": "Accepted", **named})
        return {"setVariableResult": done}

    def _on_GetVariables(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        (one,) = asked["getVariableData"]
        named = {key: one[key] for key in ("component", "variable")}
        return {"getVariableResult": [{"attributeStatus": "Accepted", "attributeValue": "5", **named}]}

    def _on_GetLocalListVersion(self, _asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"listVersion" if self.version == "1.6" else "versionNumber": self.list_version}

    def _on_SendLocalList(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        version = asked.get("listVersion", asked.get("versionNumber", 0))
        if asked["updateType"] == "Full":
            self.cards.clear()
        elif version <= self.list_version:
            return {"status": "VersionMismatch"}
        for one in asked.get("localAuthorizationList") or []:
            tag = one["idTag"] if self.version == "1.6" else one["idToken"]["idToken"]
            self.cards.pop(tag.upper(), None)
            if status := verdict(one):
                self.cards[tag.upper()] = status == "Accepted"
        self.list_version = version
        return {"status": "Accepted"}

    def _on_TriggerMessage(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        if asked["requestedMessage"] == "StatusNotification":
            self._status = ""
            self._loop.call_soon(self._tell_status)
        elif self.transaction is not None:
            self._loop.call_soon(self._tell_meter, self.transaction)
        return {"status": "Accepted"}

    # What it says of itself

    def _greeting(self) -> Iterator[Message]:
        yield "BootNotification", BOOT[self.version]
        yield "StatusNotification", self._status_now()

    def _tell_status(self) -> None:
        """Only what it is now is of interest: while it is alone it keeps no record of what it was."""
        before, self._status = self._status, self._stands()
        if self._status != before and self.connected:
            self._client.put("StatusNotification", self._status_now, ignore_answer)

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

    def _status_now(self) -> dict[str, Any]:
        self._status = self._stands()
        return status_form(self.version, self._status, self._now())

    def _now(self) -> str:
        at = datetime.fromtimestamp(self._now_ms() / 1000 + self.clock_off_s, UTC)
        return at.strftime("%Y-%m-%dT%H:%M:%SZ")
