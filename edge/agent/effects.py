"""The effects of stations carried out: pins by the keeper, lamps and wake-ups by the loop, pages by the notebook."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from edge.agent.event_throttle import EventThrottle
from edge.agent.ports import AgentPorts
from edge.agent.runner import Runner
from edge.archetypes.protocol import (
    LEASE_MARGIN_MS,
    Ask,
    Drive,
    Due,
    Effect,
    Input,
    QuotaSpent,
    Received,
    Rest,
    Send,
    Show,
    Spend,
    Wake,
)
from edge.keeper.protocol import DriveOutput, RestOutput

LAMP_MS = 2_000


class PointEffects:
    """The executor of all stations of one device. What comes of an effect later is an input, which ``hand_over`` takes
    to the station in a turn of the loop of its own. ``lines`` is where messages go, by point and line."""

    def __init__(
        self,
        runners: Mapping[str, Runner],
        ports: AgentPorts,
        hand_over: Callable[[Runner, Input], None],
        unknown: EventThrottle,
    ) -> None:
        self.lines: dict[tuple[str, str], Callable[[Any], object]] = {}
        self._runners, self._ports, self._hand_over, self._unknown = runners, ports, hand_over, unknown

    def carry_out(self, point: str, effect: Effect) -> None:
        runner = self._runners[point]
        match effect:
            case Drive(output=output, lease_ms=lease_ms):
                self._drive(runner, output, lease_ms)
            case Rest(output=output):
                self._rest(runner, output)
            case Show():
                self._show(runner, effect)
            case Wake():
                self._wake(runner, effect)
            case Send():
                self._send(runner, effect)
            case Spend():
                if self._ports.notebook is not None and self._ports.notebook.spend(point, effect):
                    self._soon(runner, QuotaSpent(effect.session))
            case Ask():
                self._ask(runner, effect)

    def persist(self, point: str, document: bytes, persisted: Callable[[], None]) -> None:
        if self._ports.notebook is not None:
            self._ports.notebook.persist(point, document, persisted)

    def _show(self, runner: Runner, shown: Show) -> None:
        """Light the lamp, if there is one, and remember the text for whatever screen shows this point."""
        runner.shown = shown
        for lamp in list(runner.lamps):
            self._darken(runner, lamp)
        if shown.lamp in runner.point.outputs:
            self._drive(runner, shown.lamp, LAMP_MS + LEASE_MARGIN_MS)
            runner.lamps[shown.lamp] = self._ports.loop.call_later(LAMP_MS / 1000, self._darken, runner, shown.lamp)

    def _darken(self, runner: Runner, lamp: str) -> None:
        runner.lamps.pop(lamp).cancel()
        self._rest(runner, lamp)

    def _drive(self, runner: Runner, output: str, lease_ms: int) -> None:
        self._ports.keeper.send(DriveOutput(f"{runner.point.name}.{output}", lease_ms))

    def _rest(self, runner: Runner, output: str) -> None:
        self._ports.keeper.send(RestOutput(f"{runner.point.name}.{output}"))

    def _wake(self, runner: Runner, wake: Wake) -> None:
        old = runner.timers.pop(wake.name, None)
        if old is not None:
            old.cancel()
        if wake.after_ms is not None:
            runner.timers[wake.name] = self._ports.loop.call_later(wake.after_ms / 1000, self._due, runner, wake.name)

    def _due(self, runner: Runner, name: str) -> None:
        del runner.timers[name]
        self._hand_over(runner, Due(name))

    def _send(self, runner: Runner, sent: Send) -> None:
        """Hand a message to a line of this point, or to another point."""
        point = runner.point.name
        line, other = self.lines.get((point, sent.port)), self._runners.get(sent.port)
        if line is not None:
            line(sent.message)
        elif other is not None:
            self._soon(other, Received(point, sent.message))
        else:
            self._unknown.note({"fault": "no_such_point", "named": sent.port})

    def _ask(self, runner: Runner, asked: Ask) -> None:
        """Weigh a credential that came over a line of this point."""
        digest = self._ports.decider.digest_of_card(asked.card)
        self._soon(runner, replace(runner.weigh(self._ports.decider, digest, "in"), about=asked.about))

    def _soon(self, runner: Runner, happened: Input) -> None:
        self._ports.loop.call_soon(self._hand_over, runner, happened)
