"""A charging socket to play with in a test: its station and its bank, with a meter that reads once a second."""

from collections.abc import Mapping
from typing import Any

from contract.decide import Decision, Grant, Tier
from contract.quantities import Allotment
from contract.reasons import Reason
from contract.schedules import ALWAYS
from edge.archetypes.protocol import (
    CannotRecord,
    Decided,
    Drive,
    Edge,
    Effect,
    Emergency,
    Levels,
    QuotaSpent,
    Reading,
    Received,
    Restored,
    Send,
    Show,
    Spend,
)
from edge.stations import socket
from edge.stations.bank import Supply
from edge.stations.socket.state import SocketSettings
from tests.edge.support.driven_station import DrivenStation
from tests.edge.support.orders import stops

ANNA, BEN, CARL = (bytes([number]) * 16 for number in (0xAA, 0xBB, 0xCC))
POINT = "ebike-1"


def card_of(holder: bytes) -> bytes:
    return b"card" + holder[:12]


def decision(
    holder: bytes = ANNA,
    reason: Reason = Reason.ALLOWED,
    *,
    ticket: str = "00000000000000a1",
    tier: Tier = Tier.RIDER,
    minute: int | None = 600,
    allotment: Allotment | None = None,
    resets: bool = False,
    told: dict[str, Any] | None = None,
) -> Decided:
    """What the rule says of a holder who taps their card at the socket."""
    allotments = {} if allotment is None else {POINT: allotment}
    grant = Grant(holder, tier, {POINT: ALWAYS}, allotments=allotments)
    return Decided(
        Decision(reason, grant),
        "in",
        card_of(holder),
        7,
        2,
        ticket=ticket,
        minute=minute,
        order_record=told,
        resets=resets,
    )


def values(power_w: float, energy_wh: float, voltage_v: float = 230.0) -> dict[str, float]:
    """What a sound meter says of a load."""
    return {
        "voltage_v": voltage_v,
        "current_a": power_w / voltage_v if voltage_v else 0.0,
        "power_w": power_w,
        "energy_wh": energy_wh,
        "frequency_hz": 50.0,
        "power_factor": 1.0,
    }


def ordered(command: str, op: str = "open_once") -> dict[str, str]:
    """What is recorded of the order of this id, by somebody at the desk."""
    return {"id": command, "op": op, "by": "lin", "reason": "a visitor"}


class Socket(DrivenStation):
    """Feeds a station and does its effects at once. ``load_w`` is what the plugged-in thing draws when there is power;
    the meter's register counts it in whole watt-hours, as a PZEM-004T does."""

    def __init__(
        self, *, levels: Mapping[str, bool] | None = None, found: Restored | None = None, **settings: Any
    ) -> None:
        super().__init__(socket.KIND)
        settings.setdefault("class_name", "ebike")
        self.settings = SocketSettings(**settings)
        self.load_w = 0.0
        self.stray_w = 0.0
        self.celsius: float | None = None
        self.meter: str = "good"
        self.said: dict[str, float] | None = None
        self.drawn_wh = 5_000.0
        self.spent: dict[str, Spend] = {}
        self.sent: list[Send] = []
        self.shown: Show | None = None
        self.boot(found, levels or {})

    def boot(self, found: Restored | None, levels: Mapping[str, bool]) -> None:
        """The agent starts: what it knew is gone, but for what was kept."""
        self.state = socket.KIND.start(POINT, self.settings)
        self.wakes, self.lease_until_ms = {}, None
        self.behind = ""
        self.wiggle = 0
        if found is not None:
            self.take(found)
        self.levels = dict(levels)
        self.take(Levels(self.levels))
        if self.settings.bank:
            self.supply()

    def supply(self, *, live: bool = False, ready: bool = True) -> list[Effect]:
        return self.take(Received(self.settings.bank, Supply(live, ready)))

    @property
    def kinds(self) -> list[str]:
        return [record.kind for record in self.records]

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The data of all events of a kind."""
        return [record.data for record in self.records if record.kind == kind]

    @property
    def end(self) -> dict[str, Any]:
        """The data of the one and only end."""
        (data,) = self.told("session.ended")
        return data

    def tap(self, holder: bytes = ANNA, reason: Reason | None = None, **more: Any) -> list[Effect]:
        """A card is tapped; the rule says what it says of a holder who is allowed, from the station's own report."""
        report = socket.KIND.report(self.state)
        if reason is None:
            reason = Reason.FAULTED if report.faulted else Reason.BUSY if report.busy else Reason.ALLOWED
        return self.take(decision(holder, reason, **more))

    def read(self) -> list[Effect]:
        """The meter and the thermometer are polled once."""
        power_w = self.load_w if self.on else self.stray_w
        self.drawn_wh += power_w / 3600
        self.wiggle += 1
        if self.celsius is not None:
            self.take(Reading("thermometer", {"temperature_c": self.celsius}))
        said: dict[str, float] | None = None
        match self.meter:
            case "good":
                said = values(power_w, float(int(self.drawn_wh)), 230 + self.wiggle % 7 / 10)
            case "frozen":
                said = self.said
            case "absurd":
                said = values(-5.0, float(int(self.drawn_wh)))
            case "low volts":
                said = values(power_w, float(int(self.drawn_wh)), 150.0)
        self.said = said
        return self.take(Reading("meter", said))

    def wait(self, ms: int, *, read: bool = True) -> None:
        """Let time pass: a reading each second, and the wake-ups that fall into it."""
        until_ms = self.now_ms + ms
        next_read_ms = self.now_ms + 1_000
        while self.now_ms < until_ms:
            due_ms = min([*self.wakes.values(), next_read_ms, until_ms])
            self.now_ms = max(self.now_ms, due_ms)
            self.wake_up()
            if self.now_ms >= next_read_ms:
                next_read_ms += 1_000
                if read:
                    self.read()

    def charging(self, load_w: float = 200.0, holder: bytes = ANNA, **more: Any) -> "Socket":
        """Anna plugs in and taps, and her battery charges."""
        self.wait(1_000)
        self.load_w = load_w
        self.tap(holder, **more)
        self.wait(1_000)
        assert self.phase == "charging"
        return self

    def restart(self, after_ms: int | None = 5_000, *, unknown: bool = False) -> None:
        """The agent dies and starts again, with what it kept."""
        self.now_ms += after_ms or 0
        self.boot(Restored(self.kept, None if unknown else after_ms), self.levels)

    def emergency(self, cause: str = "fire", active: bool = True) -> list[Effect]:
        return self.take(Emergency(active, cause))

    def edge(self, name: str, active: bool) -> list[Effect]:
        self.levels[name] = active
        return self.take(Edge(name, active))

    def stop(self) -> list[Effect]:
        return self.take(stops(socket.KIND.report(self.state)))

    def quota_spent(self, session: str = "00000000000000a1") -> list[Effect]:
        return self.take(QuotaSpent(session))

    def cannot_record(self) -> list[Effect]:
        return self.take(CannotRecord("relay"))

    def _do(self, effect: Effect) -> None:
        super()._do(effect)
        match effect:
            case Drive(behind=behind):
                self.behind = behind
            case Show():
                self.shown = effect
            case Spend():
                self.spent[effect.session] = effect
            case Send():
                self.sent.append(effect)
