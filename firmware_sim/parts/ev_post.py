"""A bought charging post: a peer that speaks OCPP over a WebSocket and knows nothing of whom it speaks to.

It keeps what it must not forget as its flash would: its meter, its list of cards, the transaction that runs and what it
could not tell yet. Alone it serves whom its list names. When the power comes back it ends what the cut interrupted.
"""

import asyncio
import base64
import itertools
import json
from asyncio import AbstractEventLoop, Future
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

Version = Literal["1.6", "2.0.1"]

TICK_S = 1.0
AGAIN_S = 2.0
"""Between two attempts to connect."""
ANSWER_WITHIN_S = 30.0
MAX_QUEUE = 200
FULL_AT, TAPERS_AT = 1.0, 0.8
IDLE_W = 3.0
"""What a full car still draws now and then."""


@dataclass
class Car:
    """A car with a battery; ``level`` runs from 0 to 1. It takes less from four fifths on."""

    capacity_wh: float = 40_000.0
    level: float = 0.5
    most_w: float = 7_000.0

    @property
    def wants_w(self) -> float:
        if self.level >= FULL_AT:
            return 0.0
        over = max(0.0, self.level - TAPERS_AT) / (FULL_AT - TAPERS_AT)
        return self.most_w * max(0.05, 1.0 - over)


@dataclass
class Transaction:
    """One that runs or has still to be told of. ``number`` is None until the central system has given one."""

    local: int
    tag: str
    began: str
    meter_wh: int
    number: int | None = None
    turn: Any = field(default_factory=lambda: itertools.count(1))
    remote_start: int | None = None


Call = tuple[str, Callable[[], dict[str, Any]], Callable[[dict[str, Any]], None]]
"""An action, its payload as it is when it is sent, and what is done with the answer."""


def _ignore(_answer: dict[str, Any]) -> None:
    pass


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
        self.powered, self.cable_in, self.operative, self.faulted = True, True, True, False
        self.clock_off_s = 0.0
        self.car: Car | None = None
        self.connected = False
        self.refused = ""
        """Why the last card was refused."""
        self.meter_wh = 12_000.0
        self.power_w = 0.0
        self.keys: dict[str, str] = {"MeterValueSampleInterval": "30", "HeartbeatInterval": "60"}
        self.cards: dict[str, bool] = {}
        self.list_version = 0
        self.transaction: Transaction | None = None
        self._loop, self._now_ms, self._password = loop, now_ms, password
        self._url, self._most_w, self._tick_s = url, most_w, tick_s
        self._tag = ""
        self._remote_start: int | None = None
        self._queue: deque[Call] = deque(maxlen=MAX_QUEUE)
        self._wake = asyncio.Event()
        self._waiting: dict[str, Future[list[Any]]] = {}
        self._numbers = itertools.count(1)
        self._status = "Available"
        self._socket: ClientConnection | None = None
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
        self.powered, self.power_w, self._tag = False, 0.0, ""
        self._hang_up()

    def restore(self) -> None:
        """The power is back. It ends what the cut has interrupted."""
        self.powered = True
        self._stop("PowerLoss")
        self._wake.set()

    def pull(self) -> None:
        """Its network cable is out: it goes on alone."""
        self.cable_in = False
        self._hang_up()

    def reconnect(self) -> None:
        """The cable is in again."""
        self.cable_in = True

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket.transport.abort()
        self._wake.set()

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
            "untold": len(self._queue),
            "clock_off_s": self.clock_off_s,
        }

    # Its life

    async def run(self) -> None:
        """Be a post until this is cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tick(), name=f"{self.name} charges")
            group.create_task(self._stay_connected(), name=f"{self.name} connects")

    async def _stay_connected(self) -> None:
        while True:
            if self.powered and self.cable_in:
                with suppress(OSError, InvalidHandshake, ConnectionClosed, TimeoutError, ExceptionGroup):
                    await self._connection()
                self.connected = False
            await asyncio.sleep(AGAIN_S * min(1.0, self._tick_s))

    async def _connection(self) -> None:
        secret = base64.b64encode(f"{self.name}:{self._password()}".encode()).decode()
        async with connect(
            f"{self._url}/{quote(self.name, safe='')}",
            subprotocols=[Subprotocol(f"ocpp{self.version}")],
            additional_headers={"Authorization": f"Basic {secret}"},
            proxy=None,
        ) as socket:
            self._socket = socket
            hearing = self._loop.create_task(self._hear(socket), name=f"{self.name} hears")
            try:
                await self._call(socket, "BootNotification", self._boot())
                self.connected = True
                await self._call(socket, "StatusNotification", self._status_now())
                await self._speak(socket)
            finally:
                self._socket = None
                hearing.cancel()
                await asyncio.gather(hearing, return_exceptions=True)

    async def _speak(self, socket: ClientConnection) -> None:
        """Tell what waits to be told, in order and one at a time; what is not answered is told again."""
        while self.powered:
            while self._queue:
                action, payload, answered = self._queue[0]
                answer = await self._call(socket, action, payload())
                self._queue.popleft()
                answered(answer)
            self._wake.clear()
            if not self._queue:
                await self._wake.wait()

    async def _call(self, socket: ClientConnection, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """The payload of the answer; empty where it was refused. Raises ``ConnectionClosed`` or ``TimeoutError``."""
        name = str(next(self._numbers))
        answer: Future[list[Any]] = self._loop.create_future()
        self._waiting[name] = answer
        try:
            await socket.send(json.dumps([2, name, action, payload]))
            async with asyncio.timeout(ANSWER_WITHIN_S):
                frame = await answer
        finally:
            del self._waiting[name]
        return dict(frame[2]) if frame[0] == 3 else {}

    async def _hear(self, socket: ClientConnection) -> None:
        try:
            async for message in socket:
                frame = json.loads(message)
                if frame[0] == 2:
                    await socket.send(json.dumps(self._answer(frame[1], frame[2], frame[3])))
                elif frame[1] in self._waiting and not self._waiting[frame[1]].done():
                    self._waiting[frame[1]].set_result(frame)
        finally:
            lost = ConnectionError("the connection ended")
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(lost)
            self._wake.set()
            if self._queue or self.powered:
                # Whoever speaks learns of it by speaking.
                self._queue_beat()

    def _queue_beat(self) -> None:
        if not any(action == "Heartbeat" for action, _, _ in self._queue):
            self._queue.append(("Heartbeat", dict, _ignore))
        self._wake.set()

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
            self._queue_beat()

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
            info = answer.get("idTagInfo") or answer.get("idTokenInfo") or {}
            if info.get("status") != "Accepted" and self.transaction is begun:
                self.refused = info.get("status", "")
                self._stop("DeAuthorized")

        if self.version == "1.6":
            start = {"connectorId": 1, "idTag": tag, "meterStart": begun.meter_wh, "timestamp": begun.began}
            self._put("StartTransaction", lambda: start, answered)
        else:
            event = self._event(begun, "Started", "Authorized", begun.meter_wh)
            self._put("TransactionEvent", lambda: event, answered)

    def _stop(self, reason: str, tag: str = "") -> None:
        over = self.transaction
        if over is None:
            return
        self.transaction, self.power_w = None, 0.0
        at, meter_wh = self._now(), int(self.meter_wh)
        if self.version == "1.6":
            stop: dict[str, Any] = {"meterStop": meter_wh, "timestamp": at, "reason": reason}
            stop |= {"idTag": tag} if tag else {}
            self._put("StopTransaction", lambda: {**stop, "transactionId": over.number or -1}, _ignore)
        else:
            event = self._event(over, "Ended", "StopAuthorized" if tag else "EVDeparted", meter_wh, reason)
            self._put("TransactionEvent", lambda: event, _ignore)

    def _tell_meter(self, running: Transaction) -> None:
        if self.version == "1.6":
            sampled = [
                {"value": f"{self.meter_wh / 1000:.3f}", "unit": "kWh", "measurand": "Energy.Active.Import.Register"},
                {"value": f"{self.power_w:.0f}", "unit": "W", "measurand": "Power.Active.Import"},
            ]
            values = [{"timestamp": self._now(), "sampledValue": sampled}]
            meter = {"connectorId": 1, "meterValue": values}
            self._put("MeterValues", lambda: {**meter, "transactionId": running.number or -1}, _ignore)
        else:
            event = self._event(running, "Updated", "MeterValuePeriodic", int(self.meter_wh))
            self._put("TransactionEvent", lambda: event, _ignore)

    def _event(self, one: Transaction, kind: str, trigger: str, meter_wh: int, reason: str = "") -> dict[str, Any]:
        info: dict[str, Any] = {"transactionId": f"{self.name}-{one.local}"}
        info |= {"stoppedReason": reason} if reason else {"chargingState": "SuspendedEV" if self._full else "Charging"}
        info |= {"remoteStartId": one.remote_start} if one.remote_start is not None else {}
        energy = {"value": float(meter_wh), "measurand": "Energy.Active.Import.Register"}
        power = {"value": round(self.power_w, 1), "measurand": "Power.Active.Import", "unitOfMeasure": {"unit": "W"}}
        return {
            "eventType": kind,
            "timestamp": self._now(),
            "triggerReason": trigger,
            "seqNo": next(one.turn),
            "offline": not self.connected,
            "transactionInfo": info,
            "evse": {"id": 1, "connectorId": 1},
            "meterValue": [{"timestamp": self._now(), "sampledValue": [energy, power]}],
            **({"idToken": _token(one.tag)} if kind == "Started" else {}),
        }

    async def _may(self, tag: str) -> bool:
        """Whether somebody is served: the central system says so, or alone the list."""
        socket = self._socket
        if socket is None or not self.connected:
            return self.cards.get(tag.upper(), False)
        asked = {"idTag": tag} if self.version == "1.6" else {"idToken": _token(tag)}
        try:
            answer = await self._call(socket, "Authorize", asked)
        except (ConnectionError, ConnectionClosed, TimeoutError):
            return self.cards.get(tag.upper(), False)
        self.refused = (answer.get("idTagInfo") or answer.get("idTokenInfo") or {}).get("status", "")
        return self.refused == "Accepted"

    def _put(
        self, action: str, payload: Callable[[], dict[str, Any]], answered: Callable[[dict[str, Any]], None]
    ) -> None:
        self._queue.append((action, payload, answered))
        self._wake.set()

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
            info = one.get("idTagInfo") or one.get("idTokenInfo")
            self.cards.pop(tag.upper(), None)
            if info is not None:
                self.cards[tag.upper()] = info["status"] == "Accepted"
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

    def _boot(self) -> dict[str, Any]:
        if self.version == "1.6":
            return {"chargePointVendor": "Sample", "chargePointModel": "Post 16", "firmwareVersion": "1"}
        station = {"vendorName": "Sample", "model": "Post 201", "firmwareVersion": "1"}
        return {"reason": "PowerUp", "chargingStation": station}

    def _tell_status(self) -> None:
        """Only what it is now is of interest: while it is alone it keeps no record of what it was."""
        before, self._status = self._status, self._stands()
        if self._status != before and self.connected:
            self._put("StatusNotification", self._status_now, _ignore)

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
        if self.version == "1.6":
            error = "OtherError" if self.faulted else "NoError"
            return {"connectorId": 1, "errorCode": error, "status": self._status, "timestamp": self._now()}
        return {"evseId": 1, "connectorId": 1, "connectorStatus": self._status, "timestamp": self._now()}

    def _now(self) -> str:
        at = datetime.fromtimestamp(self._now_ms() / 1000 + self.clock_off_s, UTC)
        return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _token(tag: str) -> dict[str, str]:
    return {"idToken": tag, "type": "ISO14443"}
