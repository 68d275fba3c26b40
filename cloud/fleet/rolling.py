"""Carries roll-outs through: starts them for an operator, sends what is due, hears what the devices say, takes back.

Whoever starts or stops one only writes that down, so it may be the console, the API or the command line. The server's
own thread does the rest, and goes on where it was after a restart.
"""

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from sqlalchemy import Connection

from cloud.commands.desired import DesiredStateService
from cloud.commands.store import DesiredView, list_desired
from cloud.devices.registry import device_names, keep_wiring
from cloud.devices.wired import Wired, wired_points
from cloud.fleet.rollout_store import add_rollout, ask_to_stop, find_rollout, live_rollout, save_rollout
from cloud.fleet.rollouts import MAX_DEVICES, Leg, Rollout, due, sent, stop, take, withdrawn
from cloud.line.worker import Worker
from cloud.points.zones import place_points
from cloud.store.database import Store
from cloud.web import operators
from cloud.web.operators import MAX_REASON, MIN_REASON
from contract.templates import Expansion, NotExpandable
from contract.toml_text import NotToml, read_toml

log = logging.getLogger(__name__)

LOOK_S = 1.0


class CannotRollOut(ValueError):
    """It cannot be started or stopped; the text says what is wrong and what to do, for the operator."""


def start(store: Store, wirings: Mapping[str, str], by: str, reason: str, now_ms: int, *, canary: str = "") -> Rollout:
    """Write a new roll-out down: the text of a configuration file for each device, empty for the file that it has. The
    canary is the first by name unless another is named. Raises ``CannotRollOut``."""
    _check_reason(reason)
    _check_texts(wirings)
    names = sorted(wirings)
    legs = tuple(Leg(name, wirings[name]) for name in names)
    rollout = Rollout(secrets.token_hex(16), by, reason, canary or names[0], now_ms, legs)
    with store.writing() as connection:
        _check(connection, wirings, canary)
        add_rollout(connection, rollout)
        operators.record(connection, now_ms, by, "rollout.start", rollout.id, reason=reason, devices=", ".join(names))
    return rollout


def ask(connection: Connection, rollout: str, by: str, reason: str, now_ms: int) -> None:
    """Ask for a roll-out to be stopped. Raises ``CannotRollOut``, and ``LookupError`` if there is no such one."""
    _check_reason(reason)
    found = find_rollout(connection, rollout)
    if found is None:
        raise LookupError(rollout)
    if not found.live:
        raise CannotRollOut("this roll-out is over; start another one to change anything")
    ask_to_stop(connection, rollout, reason)
    operators.record(connection, now_ms, by, "rollout.stop", rollout, reason=reason)


def _check_reason(reason: str) -> None:
    if not MIN_REASON <= len(reason.strip()) <= MAX_REASON:
        raise CannotRollOut(f"say why, in {MIN_REASON} to {MAX_REASON} characters: it stands in the audit")


def _check_texts(wirings: Mapping[str, str]) -> None:
    """Outside of any transaction: while a text is read, ingest must be able to write."""
    if not wirings:
        raise CannotRollOut("there is nothing to roll out: name at least one device")
    if len(wirings) > MAX_DEVICES:
        raise CannotRollOut(f"{len(wirings)} devices are too many; roll out to at most {MAX_DEVICES} at a time")
    for device in sorted(wirings):
        _check_text(device, wirings[device])


def _check(connection: Connection, wirings: Mapping[str, str], canary: str) -> None:
    unknown = sorted(wirings.keys() - set(device_names(connection)))
    if unknown:
        raise CannotRollOut(f"no such device: {', '.join(unknown)}; name registered ones")
    if canary and canary not in wirings:
        raise CannotRollOut(f"the canary {canary} has no wiring; name one of {', '.join(sorted(wirings))}")
    if live_rollout(connection) is not None:
        raise CannotRollOut("another roll-out goes on; wait for its end or stop it first")


def _check_text(device: str, text: str) -> None:
    """Its device is the one that judges a wiring; what nobody could read need not travel."""
    try:
        Expansion(read_toml(text))
    except (NotToml, NotExpandable) as wrong:
        raise CannotRollOut(f"{device}, {wrong}") from None


class Rolling(Worker[None]):
    """The one that carries roll-outs through. ``look`` does what is to be done now; the thread calls it."""

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
        for one in changed:
            self._desired_state.tell(one)

    def _advance(self, connection: Connection) -> list[DesiredView]:
        """All of one step, in one transaction; returns what devices are then to be told."""
        found = live_rollout(connection)
        if found is None:
            return []
        before, wanted_stop = found
        now_ms = self._clock()
        standing = {one.device: one for one in list_desired(connection)}
        reports = {name: one.reported for name, one in standing.items() if one.reported is not None}
        after = take(before, reports, now_ms)
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
