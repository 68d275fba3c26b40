"""Carries roll-outs through: sends what is due, hears what the devices say, takes back. It goes on where it was after a
restart."""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import Connection

from cloud.commands.desired import DesiredStateService
from cloud.commands.rule import DesiredState
from cloud.commands.store import list_desired
from cloud.devices.registry import keep_wiring
from cloud.devices.wired import Wired, wired_points
from cloud.fleet.rollouts import Rollout, apply_reports, due, sent, stop, withdrawn
from cloud.fleet.store import live_rollout, save_rollout
from cloud.line.worker import Worker
from cloud.points.zones import place_points
from cloud.store.database import Store
from cloud.web import operators

log = logging.getLogger(__name__)

LOOK_S = 1.0


class Rolling(Worker[None]):
    """The thread that carries roll-outs through. ``look`` does what is to be done now; the thread calls it."""

    def __init__(self, store: Store, desired_state: DesiredStateService, clock: Callable[[], int]) -> None:
        super().__init__("rolling", "a roll-out does not go on", look=self.look, every_s=LOOK_S)
        self._store, self._desired_state, self._clock = store, desired_state, clock
        self._wired: dict[str, Sequence[Wired]] = {}
        """What the wirings of the live roll-out say of points: read once, and outside of any transaction."""

    def look(self) -> None:
        """Take the roll-out that goes on as far as it can go now."""
        with self._store.reading() as connection:
            live = live_rollout(connection)
        texts = {leg.wiring for leg in live[0].legs} if live else set()
        self._wired = {text: self._wired[text] if text in self._wired else wired_points(text) for text in texts}
        if live is None:
            return
        with self._store.writing() as connection:
            changed = self._advance(connection)
        for document in changed:
            self._desired_state.publish(document)

    def _advance(self, connection: Connection) -> list[DesiredState]:
        """All of one step, in one transaction; returns what devices are then to be told."""
        live = live_rollout(connection)
        if live is None:
            return []
        before, wanted_stop = live
        now_ms = self._clock()
        standing = {desired.device: desired for desired in list_desired(connection)}
        reports = {name: desired.reported for name, desired in standing.items() if desired.reported is not None}
        after = apply_reports(before, reports, now_ms)
        if wanted_stop:
            after = stop(after, wanted_stop, now_ms)
        changed = [
            self._desired_state.set_wiring(connection, leg.device, leg.former) for leg in withdrawn(before, after)
        ]
        for leg in due(after):
            former = standing[leg.device].wiring if leg.device in standing else ""
            document = self._desired_state.set_wiring(connection, leg.device, leg.wiring)
            after = sent(after, leg.device, document.number, former)
            changed.append(document)
        self._keep_applied(connection, before, after)
        if after != before:
            save_rollout(connection, after)
        if before.live and not after.live:
            log.info("roll-out %s is %s%s", after.id, after.state, f": {after.why}" if after.why else "")
        return changed

    def _keep_applied(self, connection: Connection, before: Rollout, after: Rollout) -> None:
        """A Pi that replaces another one is wired as that one was in the end. The wiring says what its points are."""
        for was, is_now in zip(before.legs, after.legs, strict=True):
            if is_now.state == "applied" and was.state != "applied" and is_now.wiring:
                keep_wiring(connection, is_now.device, is_now.wiring)
                placed = place_points(connection, is_now.device, self._wired.get(is_now.wiring, ()))
                note = partial(operators.record, connection, self._clock(), after.by)
                for point in placed.points:
                    note("point.wired", point, rollout=after.id)
                for zone in placed.zones:
                    note("zone.added", zone, rollout=after.id)
                for point, why in placed.left_out.items():
                    note("point.left_out", point, rollout=after.id, why=why)
