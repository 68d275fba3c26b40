"""The emergencies of a device's zones as its keeper reports them: recorded, handed to the stations, ended by a person.

The pins have moved before a message of it comes here. Nothing here ends an emergency: a card or an order only asks.
"""

from collections.abc import Callable
from typing import Any

from contract.device_events import CommandEvents, EmergencyBegan, EmergencyEvents, EmergencyReset
from contract.device_events import NotReset as NotResetFields
from contract.emergencies import Cause, Ending, worse
from contract.event_types import EventType
from edge.agent.ports import AgentPorts
from edge.archetypes.protocol import Emergency, Show
from edge.config.device_config import DeviceConfig
from edge.keeper.protocol import Drill, NotReset, Reset, Snapshot, ZoneEmergency

ALARM_STILL_ON = "alarm_still_on"
"""What is shown to whoever tries to reset a zone too early."""


class Emergencies:
    """The zones that are in an emergency, and why. ``follow`` hands them to the stations of a zone, ``show`` shows
    them at a point."""

    def __init__(
        self,
        config: DeviceConfig,
        ports: AgentPorts,
        follow: Callable[[str, Emergency], None],
        show: Callable[[str, Show], None],
    ) -> None:
        self.causes: dict[str, Cause] = {}
        self._reset_points = {emergency.zone: emergency.reset_point for emergency in config.emergencies}
        self._ports, self._follow, self._show = ports, follow, show
        self._asked_by: dict[str, str] = {}
        """Who asked the keeper last for something in a zone: a holder by card, an operator by order."""
        self._has_snapshot = False

    def handle_message(self, message: ZoneEmergency) -> None:
        """The keeper has acted."""
        if message.active:
            self._is_on(message.zone, message.cause, EmergencyEvents.began)
        else:
            self._is_over(message.zone, message.by)

    def handle_snapshot(self, snapshot: Snapshot) -> None:
        """The keeper is there, or back. What the first snapshot names may have begun under an earlier agent, which
        has recorded it then."""
        for zone in sorted(self.causes.keys() - snapshot.emergencies):
            self._is_over(zone, snapshot.ended.get(zone, "restart"))
        began = EmergencyEvents.began if self._has_snapshot else EmergencyEvents.standing
        for zone in snapshot.emergencies:
            self._is_on(zone, snapshot.causes.get(zone, "fire"), began)
        self._has_snapshot = True

    def not_reset(self, message: NotReset) -> None:
        """Somebody tried, and the alarm is still on."""
        zone, by = message.zone, self._asked_by.pop(message.zone, "")
        data: NotResetFields = {"zone": zone, "how": message.by, "causes": message.causes}
        if by and message.by == "card":
            data["by"] = by
        self._ports.recording.record("", *EmergencyEvents.not_reset(**data).row)
        point = self._reset_points.get(zone)
        if point is not None:
            self._show(point, Show("red", ALARM_STILL_ON))

    def card(self, point: str, digest: bytes) -> bool:
        """A card was held to the reader of a point. Whether it asks there for the end of an emergency."""
        holders = {
            zone: self._ports.decider.may_reset(digest, zone)
            for zone in sorted(self.causes)
            if self._reset_points.get(zone) == point
        }
        resetting = {zone: holder.hex() for zone, holder in holders.items() if holder is not None}
        self._asked_by |= resetting
        for zone in resetting:
            self._ports.keeper.send(Reset(zone))
        return bool(resetting)

    def drill(self, zone: str, on: bool, order_record: dict[str, Any]) -> str:
        """Begin or end an exercise on an operator's word, which is recorded as ``order_record``. Returns a word for why
        not, an empty one if the keeper is asked for it. A real emergency is none of an operator's business."""
        cause = self.causes.get(zone)
        if zone not in self._reset_points:
            return "no_such_zone"
        if cause not in (None, "drill"):
            return "emergency"
        if not on and cause is None:
            return "no_drill"
        self._ports.recording.record("", *CommandEvents.done(**order_record).row)
        self._asked_by[zone] = str(order_record["by"])
        self._ports.keeper.send(Drill(zone, on))
        return ""

    def _is_on(self, zone: str, cause: Cause, began: EventType[...]) -> None:
        former = self.causes.get(zone)
        if former == cause:
            return
        self.causes[zone] = cause
        data: EmergencyBegan = {"zone": zone, "cause": cause}
        by = self._asked_by.pop(zone, "")
        if former is not None and worse(cause, former):
            began, data["was"] = EmergencyEvents.worsened, former
        elif cause == "drill" and by:
            data["by"] = by
        self._ports.recording.record("", *began(**data).row)
        self._follow(zone, Emergency(True, cause))

    def _is_over(self, zone: str, how: Ending) -> None:
        by, cause = self._asked_by.pop(zone, ""), self.causes.pop(zone, None)
        if cause is None:
            return
        data: EmergencyReset = {"zone": zone, "cause": cause, "how": how}
        if by and how == "card":
            data["by"] = data["holder"] = by
        elif by and how == "order":
            data["by"] = by
        self._ports.recording.record("", *EmergencyEvents.reset(**data).row)
        self._follow(zone, Emergency(False, cause))
