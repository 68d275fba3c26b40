"""A charging post's station to play with in a test: a rule that knows two cards, a post that says what it likes."""

import asyncio
from collections.abc import Mapping
from typing import Any

from contract.decide import Decision, Grant, Tier
from contract.reasons import Reason
from contract.schedules import ALWAYS
from edge.archetypes.protocol import (
    Ask,
    Decided,
    Due,
    Effect,
    Emergency,
    Input,
    Persist,
    Received,
    Record,
    Restored,
    Send,
    Spend,
    Wake,
)
from edge.ocpp.server import OcppServer
from edge.stations import ev_post
from edge.stations.ev_post.messages import (
    PORT,
    Beat,
    Booted,
    CardShown,
    Connected,
    FromPost,
    MeterReported,
    StartReported,
    StatusReported,
    StopReported,
    Verdict,
    card_bytes,
)
from edge.stations.ev_post.state import EvPostSettings
from tests.edge.support.sockets import ordered as ordered

ANNA, BEN, STRANGER = "04A1B2C3", "04A1B2C3D4E580", "DEADBEEF"
POINT = "ev-1"
PASSWORD = "00112233445566778899aabbccddeeff"
BEAT_MS = 60_000
NOON_MS = 1_790_000_000_000
"""Some time by the wall clock, in UTC milliseconds."""


class Rig:
    """Feeds a post's station, weighs the cards that it asks about, and keeps what it does to be looked at."""

    def __init__(self, **settings: Any) -> None:
        self.settings = EvPostSettings(**settings)
        self.state = ev_post.KIND.start(POINT, self.settings)
        self.now_ms = 1_000_000
        self.holders = {ANNA: b"A" * 16, BEN: b"B" * 16}
        self.reasons: dict[str, Reason] = {}
        self.roster = 7
        self.wakes: dict[str, int] = {}
        self.records: list[Record] = []
        self.sent: list[Any] = []
        self.promised: list[Any] = []
        """What is not said before it is recorded for good."""
        self.spent: dict[str, Spend] = {}
        self.kept, self.kept_at_ms = b"", self.now_ms
        self.calls = 0
        self.tickets = 0

    # What can be seen

    @property
    def report(self) -> Any:
        return ev_post.KIND.report(self.state)

    @property
    def phase(self) -> str:
        return str(self.report.phase)

    @property
    def kinds(self) -> list[str]:
        return [record.kind for record in self.records]

    def told(self, kind: str) -> list[dict[str, Any]]:
        return [record.data for record in self.records if record.kind == kind]

    def ends(self) -> list[tuple[str, float]]:
        """Reason and energy of every session that ended."""
        return [(data["reason"], data["energy_wh"]) for data in self.told("session.ended")]

    def orders(self, kind: type[Any]) -> list[Any]:
        """What the post was told of a kind, since this was last asked."""
        found = [one for one in self.sent if isinstance(one, kind)]
        self.sent = [one for one in self.sent if not isinstance(one, kind)]
        return found

    # What happens

    def take(self, happened: Input) -> None:
        self.state, effects = ev_post.KIND.step(self.state, happened, self.now_ms)
        asked = [self._do(effect) for effect in effects]
        for decided in filter(None, asked):
            self.take(decided)

    def hear(self, message: FromPost) -> None:
        self.take(Received(PORT, message))

    def connect(self, *, replaced: bool = False, booted: bool = True) -> None:
        self.hear(Connected("1.6", 1, leads=True, replaced=replaced))
        if booted:
            self.hear(Booted("Acme", "Two", "1.0"))
            self.status("available")

    def status(self, status: Any, error: str = "", *, clock_off_ms: int = 0) -> None:
        self.hear(StatusReported(status, self.wall_ms - clock_off_ms, self.wall_ms))

    @property
    def wall_ms(self) -> int:
        return NOON_MS + self.now_ms

    def card(self, tag: str) -> str:
        """Show a card at the post; what the post is told of it."""
        call = self._call()
        self.hear(CardShown(call, tag))
        return self._verdict(call).word

    def begin(
        self, tag: str, meter_wh: float | None = 1000, *, at_ms: int | None = -1, transaction: str = ""
    ) -> Verdict:
        """A transaction begins, now by the post's clock unless ``at_ms`` says otherwise."""
        call = self._call()
        at_ms = self.wall_ms if at_ms == -1 else at_ms
        self.hear(StartReported(call, tag, transaction, at_ms, self.wall_ms, meter_wh))
        return self._verdict(call)

    def meter(
        self,
        transaction: str,
        energy_wh: float | None,
        power_w: float | None = 7000,
        at_ms: int | None = None,
        *,
        begin_wh: float | None = None,
    ) -> None:
        """A reading, with its own time by the post's clock if it tells one."""
        self.hear(MeterReported(transaction, energy_wh, power_w, at_ms, begin_wh))

    def stop(
        self,
        transaction: str,
        meter_wh: float | None,
        reason: str = "EVDisconnected",
        *,
        at_ms: int | None = -1,
        tag: str = "",
    ) -> Verdict:
        call = self._call()
        at_ms = self.wall_ms if at_ms == -1 else at_ms
        self.hear(StopReported(call, transaction, tag, at_ms, self.wall_ms, meter_wh, reason))
        return self._verdict(call)

    def emergency(self, active: bool = True, cause: str = "fire") -> None:
        self.take(Emergency(active, cause if active else ""))

    def restart(self, *, knows_age: bool = True) -> None:
        """The agent starts anew, with what was kept."""
        self.state = ev_post.KIND.start(POINT, self.settings)
        self.wakes.clear()
        self.now_ms += 5_000
        self.take(Restored(self.kept, self.now_ms - self.kept_at_ms if knows_age else None))

    def wait(self, ms: int, *, beats: bool = True) -> None:
        """Let time pass; a post that is there beats once a minute."""
        while beats and ms > BEAT_MS:
            self.wait(BEAT_MS, beats=False)
            ms -= BEAT_MS
            if self.state.here is not None:
                self.hear(Beat())
        until_ms = self.now_ms + ms
        while due := sorted((at_ms, name) for name, at_ms in self.wakes.items() if at_ms <= until_ms):
            self.now_ms, name = due[0]
            del self.wakes[name]
            self.take(Due(name))
        self.now_ms = until_ms

    def decided(self, tag: str, about: str = "", told: dict[str, Any] | None = None) -> Decided:
        """What the rule says of a card now: its own reason first, then those of the station."""
        holder = self.holders.get(tag.upper())
        reason = self.reasons.get(tag.upper()) or (Reason.ALLOWED if holder else Reason.UNKNOWN_CREDENTIAL)
        if reason is Reason.ALLOWED and self.report.faulted:
            reason = Reason.FAULTED
        elif reason is Reason.ALLOWED and self.report.busy:
            reason = Reason.BUSY
        grant = Grant(holder, Tier.RIDER, {POINT: ALWAYS}) if holder else None
        self.tickets += 1
        digest = tag.upper().encode().ljust(16, b"_")
        return Decided(
            Decision(reason, grant),
            "in",
            digest,
            self.roster,
            2,
            f"{self.tickets:016x}",
            720,
            about=about,
            order_record=told,
        )

    def _call(self) -> str:
        self.calls += 1
        return str(self.calls)

    def _verdict(self, call: str) -> Verdict:
        (verdict,) = [one for one in self.sent if isinstance(one, Verdict) and one.call == call]
        self.sent.remove(verdict)
        return verdict

    def _do(self, effect: Effect) -> Decided | None:
        match effect:
            case Record():
                self.records.append(effect)
            case Send(message=message, behind=behind):
                self.sent.append(message)
                self.promised += [message] if behind == "durable" else []
            case Persist(document=document):
                self.kept, self.kept_at_ms = document, self.now_ms
            case Spend(session=session):
                self.spent[session] = effect
            case Wake(name=name, after_ms=None):
                self.wakes.pop(name, None)
            case Wake(name=name, after_ms=int(after_ms)):
                self.wakes[name] = self.now_ms + after_ms
            case Ask(card=card, about=about):
                return self.decided(self._tag(card), about)
        return None

    def _tag(self, card: bytes) -> str:
        known = {card_bytes(tag): tag for tag in (*self.holders, STRANGER)}
        return known.get(card, card[1:].decode(errors="replace"))


class Wall:
    """A wall clock that stands still."""

    def now_ms(self) -> int:
        return NOON_MS


class Served(Rig):
    """The same in real time, behind a real server: what posts say to it over their sockets comes here."""

    def __init__(self, loop: asyncio.AbstractEventLoop, points: Mapping[tuple[str, int], str], **settings: Any) -> None:
        super().__init__(**settings)
        self.loop = loop
        self.heard: list[tuple[str, Any]] = []
        self.passwords: dict[str, str] = {name: PASSWORD for name, _ in points}
        self.server = OcppServer(("127.0.0.1", 0), points, self.passwords.get, Wall().now_ms, loop, self.receive)
        self.silent = False
        """Whether the station gives no answer."""

    def receive(self, point: str, port: str, message: Any) -> None:
        self.heard.append((point, message))
        if point == POINT and not self.silent:
            self.now_ms = int(self.loop.time() * 1000)
            self.take(Received(port, message))

    def said(self, kind: type[Any]) -> list[Any]:
        """What was heard of a kind, from whichever point."""
        return [message for _, message in self.heard if isinstance(message, kind)]

    def _do(self, effect: Effect) -> Decided | None:
        if isinstance(effect, Send):
            self.server.send(POINT, effect.message)
        return super()._do(effect)
