"""What the cloud may order from afar, put together with what it acts on: commands, and the modes of the points."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from msgspec import Struct

from contract.commands import COMMANDS, ClockSetArgs, DrillArgs, EnrolArgs, EnrolCancelArgs
from contract.device_events import CommandEvents, DeviceEvents
from contract.device_words import DeviceFault
from edge.agent.agent import Agent
from edge.archetypes.protocol import CommandReceived
from edge.identity.identity import Registration
from edge.link.sealed_channel import SealedChannel
from edge.memory.runtime import Runtime
from edge.remote.commands import CommandAction, CommandOutcome, Commands
from edge.remote.desired import DesiredState
from edge.remote.point_modes import PointModes
from edge.remote.rewiring import Health, Rewire, Rewiring

REBOOT_AFTER_S = 2.0
"""Time for the answer to leave, and for the journal to be written. A new connection waits as long."""


class Machine(Struct, frozen=True):
    """What an order may ask of the machine itself. Without ``reboot`` it cannot start itself again, and without
    ``rewire`` it keeps the wiring it has."""

    reboot: Callable[[], object] | None = None
    log_lines: Callable[[], list[str]] = list
    rewire: Rewire | None = None


class Remote:
    """The receiver of all that operators order of one device: commands, modes and wirings."""

    def __init__(
        self,
        runtime: Runtime,
        channel: SealedChannel,
        registration: Registration,
        agent: Agent,
        machine: Machine,
        health: Callable[[], Health],
    ) -> None:
        self._runtime, self._link, self._agent, self._machine = runtime, channel.link, agent, machine
        kinds = {name: runner.kind.name for name, runner in agent.runners.items()}
        actions: dict[str, CommandAction] = {
            op: self._at_point for op, command in COMMANDS.items() if command.scope == "point"
        }
        actions |= {
            "drill": self._drill,
            "enrol": self._enrol,
            "enrol_cancel": self._cancel_enrolment,
            "clock_set": self._set_clock,
            "send_log": self._send_log,
            "reboot": self._reboot,
        }
        self.commands = Commands(runtime, channel, registration.command, kinds=kinds, actions=actions)
        self.wiring = Rewiring(runtime, agent.wiring, machine.rewire, quiet=agent.restart_blocker, health=health)
        self.modes = PointModes(runtime, kinds, agent.set_modes)
        self.desired = DesiredState(runtime, channel, registration.config, modes=self.modes, wiring=self.wiring)

    def start(self) -> None:
        self.wiring.start()
        self.desired.start()
        self.commands.start()

    def close(self) -> None:
        self.wiring.close()
        self.desired.close()
        self.commands.close()

    def went_up(self, connection: int) -> None:
        self.commands.connection = connection
        self.desired.report()

    def went_down(self) -> None:
        self.commands.connection = 0

    def faults(self) -> dict[DeviceFault, str]:
        """What an operator should know of orders that did not count."""
        refused = sum(self.commands.refused.values())
        return {"commands": f"{refused} refused" if refused else "", "config": self.desired.refused}

    def _at_point(self, point: str, received: CommandReceived) -> CommandOutcome:
        why = self._agent.order(point, received)
        return CommandOutcome("failed" if why == "internal_error" else "refused", why) if why else CommandOutcome()

    def _drill(self, _point: str, received: CommandReceived) -> CommandOutcome:
        args = cast(DrillArgs, received.args)
        why = self._agent.drill(args.zone, args.on, received.order_record)
        return CommandOutcome("refused", why) if why else CommandOutcome()

    def _enrol(self, point: str, received: CommandReceived) -> CommandOutcome | None:
        """The result follows when somebody has held a card there, or nobody did in time."""
        order_record = received.order_record
        ended = partial(self._enrolment_ended, order_record)
        why = self._agent.enrol(point, order_record["id"], cast(EnrolArgs, received.args), ended)
        return CommandOutcome("refused", why) if why else None

    def _enrolment_ended(self, order_record: dict[str, Any], why: str, envelope: bytes) -> None:
        if why:
            self.commands.finish(order_record, CommandOutcome("refused", why))
        else:
            self._runtime.record("", *CommandEvents.done(**order_record).row)
            self.commands.finish(order_record, CommandOutcome(data={"card": envelope.hex()}))

    def _cancel_enrolment(self, _point: str, received: CommandReceived) -> CommandOutcome:
        why = self._agent.readers.enrolments.cancel(cast(EnrolCancelArgs, received.args).enrolment)
        if why:
            return CommandOutcome("refused", why)
        self._runtime.record("", *CommandEvents.done(**received.order_record).row)
        return CommandOutcome()

    def _set_clock(self, _point: str, received: CommandReceived) -> CommandOutcome:
        args, was_ms = cast(ClockSetArgs, received.args), self._runtime.clock.now_ms()
        if not self._runtime.clock.set_by_command(args.now_ms):
            return CommandOutcome("refused", "bad_time")
        self._runtime.record("", *DeviceEvents.clock_set(by=received.order_record["by"], was_ms=was_ms).row)
        self._runtime.record("", *CommandEvents.done(**received.order_record).row)
        # What was refused by the wrong time, a roster above all, lies at the broker and comes with a new connection.
        return CommandOutcome(afterwards=lambda: self._runtime.loop.call_later(REBOOT_AFTER_S, self._link.again))

    def _send_log(self, _point: str, received: CommandReceived) -> CommandOutcome:
        self._runtime.record("", *CommandEvents.done(**received.order_record).row)
        return CommandOutcome(data={"lines": self._machine.log_lines()})

    def _reboot(self, _point: str, received: CommandReceived) -> CommandOutcome:
        if self._machine.reboot is None:
            return CommandOutcome("refused", "cannot_reboot")
        self._runtime.record("", *CommandEvents.done(**received.order_record).row)
        reboot = self._machine.reboot
        return CommandOutcome(afterwards=lambda: self._runtime.loop.call_later(REBOOT_AFTER_S, reboot))
