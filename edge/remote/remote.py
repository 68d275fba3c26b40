"""What the cloud may order from afar, put together with what it acts on: commands, and the modes of the points."""

import logging
from asyncio import AbstractEventLoop
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, cast

from msgspec import Struct

from contract import codec, topics
from contract.commands import ClockSetArgs, DrillArgs
from contract.device_events import CommandEvents, DeviceEvents
from contract.device_words import DeviceFault
from contract.messages import Reported, Result
from contract.sealing import CommandVerifier, ConfigVerifier, DeviceKey, Purpose, statement
from edge.agent.agent import Agent
from edge.archetypes.protocol import CommandReceived
from edge.journal.recorder import Recorder
from edge.link.port import Link
from edge.machine.clock import DeviceClock
from edge.memory.memory import Memory
from edge.remote.commands import Commands, Done
from edge.remote.desired import DesiredState
from edge.remote.point_modes import PointModes
from edge.remote.rewiring import Health, Rewire, Rewiring

log = logging.getLogger(__name__)

REBOOT_AFTER_S = 2.0
"""Time for the answer to leave, and for the journal to be written. A new connection waits as long."""


class RemoteKeys(Struct, frozen=True):
    """Whose orders count, and the key that answers them."""

    command: CommandVerifier | None
    config: ConfigVerifier | None
    own: DeviceKey


class Machine(Struct, frozen=True):
    """What an order may ask of the machine itself. Without ``reboot`` it cannot start itself again, and without
    ``rewire`` it keeps the wiring it has."""

    reboot: Callable[[], object] | None = None
    log_lines: Callable[[], list[str]] = list
    rewire: Rewire | None = None


class Remote:
    """The far end of the console's buttons."""

    def __init__(
        self,
        site: str,
        device: str,
        wiring_hash: str,
        keys: RemoteKeys,
        memory: Memory,
        *,
        agent: Agent,
        recorder: Recorder,
        clock: DeviceClock,
        link: Link,
        loop: AbstractEventLoop,
        writer: Executor | None,
        machine: Machine,
        found: Callable[[], Health],
    ) -> None:
        self._site, self._device, self._key, self._link, self._loop = site, device, keys.own, link, loop
        self._agent, self._recorder, self._clock, self._machine = agent, recorder, clock, machine
        kinds = {name: runner.kind.name for name, runner in agent.runners.items()}
        self.commands = Commands(
            memory,
            keys.command,
            site,
            device,
            clock,
            loop=loop,
            writer=writer,
            kinds=kinds,
            at_point=self._at_point,
            deeds={
                "drill": self._drill,
                "clock_set": self._set_clock,
                "send_log": self._send_log,
                "reboot": self._reboot,
            },
            answer=self._answer,
            record=self._record,
        )
        self.wiring = Rewiring(
            wiring_hash,
            machine.rewire,
            clock,
            loop=loop,
            writer=writer,
            quiet=agent.unquiet,
            found=found,
            told=self._wiring_changed,
            record=self._record,
        )
        self.modes = PointModes(
            kinds,
            memory,
            clock,
            loop=loop,
            writer=writer,
            apply=agent.set_modes,
            record=recorder.record,
        )
        self.desired = DesiredState(
            memory,
            keys.config,
            site,
            device,
            clock,
            loop=loop,
            writer=writer,
            modes=self.modes,
            wiring=self.wiring,
            report=self._report,
            record=self._record,
        )

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
        self.desired.tell()

    def went_down(self) -> None:
        self.commands.connection = 0

    def faults(self) -> dict[DeviceFault, str]:
        """What an operator should know of orders that did not count."""
        refused = sum(self.commands.refused.values())
        return {"commands": f"{refused} refused" if refused else "", "config": self.desired.refused}

    def _at_point(self, point: str, received: CommandReceived) -> Done:
        why = self._agent.order(point, received)
        return Done("failed" if why == "internal_error" else "refused", why) if why else Done()

    def _drill(self, _point: str, received: CommandReceived) -> Done:
        args = cast(DrillArgs, received.args)
        why = self._agent.drill(args.zone, args.on, received.told)
        return Done("refused", why) if why else Done()

    def _set_clock(self, _point: str, received: CommandReceived) -> Done:
        args, was_ms = cast(ClockSetArgs, received.args), self._clock.now_ms()
        if not self._clock.set_by_command(args.now_ms):
            return Done("refused", "bad_time")
        self._record(*DeviceEvents.clock_set(by=received.told["by"], was_ms=was_ms).row)
        self._record(*CommandEvents.done(**received.told).row)
        # What was refused by the wrong time, a roster above all, lies at the broker and comes with a new connection.
        return Done(afterwards=lambda: self._loop.call_later(REBOOT_AFTER_S, self._link.again))

    def _send_log(self, _point: str, received: CommandReceived) -> Done:
        self._record(*CommandEvents.done(**received.told).row)
        return Done(data={"lines": self._machine.log_lines()})

    def _reboot(self, _point: str, received: CommandReceived) -> Done:
        if self._machine.reboot is None:
            return Done("refused", "cannot_reboot")
        self._record(*CommandEvents.done(**received.told).row)
        reboot = self._machine.reboot
        return Done(afterwards=lambda: self._loop.call_later(REBOOT_AFTER_S, reboot))

    def _wiring_changed(self, event: bool) -> None:
        self.desired.changed(event)

    def _record(self, kind: str, data: dict[str, Any]) -> None:
        self._recorder.record("", kind, data)

    def _answer(self, result: Result) -> None:
        self._publish("result", Purpose.RESULT, codec.write(result), retain=False)

    def _report(self, reported: Reported) -> None:
        self._publish("reported", Purpose.REPORTED, codec.write(reported), retain=True)

    def _publish(self, channel: str, purpose: Purpose, body: bytes, *, retain: bool) -> None:
        seal = self._key.sign(statement(purpose, self._site, self._device, body))
        topic = topics.up(self._site, self._device, channel)
        self._link.publish(topic, codec.attach(body, seal), qos=1, retain=retain)
