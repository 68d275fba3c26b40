"""How every device is to be: the modes of its points and its wiring, as one sealed document that the broker keeps for
it.

A device that is offline finds the document when it returns. It is told again whenever the broker comes back, which may
have forgotten it. Whether it was taken up is known only from the device.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from cloud.commands.rule import DesiredState, HeldPoint, Term, held_points, is_out, lasting, new_term, not_scheduled
from cloud.commands.service import NO_POINT, NoSuchPlace
from cloud.commands.store import (
    PlacedPoint,
    archetype_of,
    find_desired,
    list_desired,
    points_of,
    put_desired,
)
from cloud.devices.point_kinds import kinds_of
from cloud.line.sealed_channel import SealedChannel
from cloud.store.database import Clock, Store
from cloud.web import operators
from contract.decide import Mode
from contract.kinds import MODE_LASTS_MS, has_mode
from contract.messages import Desired

ORDER_BYTES = 8


class NoSuchMode(ValueError):
    """Some of the points have not got the mode. The text names them."""


class NoSuchOrder(LookupError):
    """No order of this name holds a point any more."""


class ModeChange(Struct, frozen=True):
    """What was ordered: the points, and for a mode that ends by itself the name of the order and its end."""

    points: list[str]
    order: str = ""
    until_ms: int | None = None


class DesiredStateService:
    """The service of desired states, the one writer of their documents. Any thread may use it."""

    def __init__(self, store: Store, channel: SealedChannel, clock: Clock) -> None:
        self._store, self._channel, self._clock = store, channel, clock

    def set_mode(
        self, names: Sequence[str] | None, mode: Mode, by: str, reason: str, minutes: int | None = None
    ) -> ModeChange:
        """Set these points to a mode, or without names all doors of the site that have it. A mode that ends by itself
        does so after ``minutes``, by default after the most that it may last.

        Raises ``NoSuchPlace`` if one of them does not exist, ``NoSuchMode`` or ``TooLong``; then nothing is changed.
        """
        now_ms = self._clock()
        term = new_term(secrets.token_hex(ORDER_BYTES), mode, by, reason, now_ms, minutes)
        with self._store.writing() as connection:
            points = self._chosen(connection, names, mode, now_ms)
            chosen = [point.name for point in points]
            change = ModeChange(chosen, term.order, term.until_ms) if term else ModeChange(chosen)
            changed = self._set(connection, {point.name: point.device for point in points}, mode, term)
            for name in change.points:
                detail = {"order": term.order} if term else {}
                operators.record(connection, now_ms, by, f"mode.{mode.value}", name, reason=reason, **detail)
        self._publish_each(changed)
        return change

    def end(self, order: str, by: str, reason: str) -> ModeChange:
        """End what one order set, and no more. Raises ``NoSuchOrder``."""
        return self._change_order("mode.end", order, by, reason, lambda _held, _now_ms: None)

    def renew(self, order: str, by: str, reason: str, minutes: int | None = None) -> ModeChange:
        """Have one order last longer: from now on as long as it may. Raises ``NoSuchOrder`` or ``TooLong``."""

        def longer(held: HeldPoint, now_ms: int) -> Term:
            asked = new_term(held.term.order, held.mode, by, reason, now_ms, minutes)
            return replace(held.term, until_ms=asked.until_ms) if asked else held.term

        return self._change_order("mode.renew", order, by, reason, longer)

    def end_due(self) -> None:
        """End what is over, and take back what a point has not got. The devices do the same by themselves."""
        self._publish_each(self._end_due())

    def publish_all(self) -> None:
        """The broker is back, perhaps without what it had kept."""
        self._end_due()
        with self._store.reading() as connection:
            states = list_desired(connection)
        self._publish_each([state for state in states if state.number])

    def set_wiring(self, connection: Connection, device: str, wiring: str) -> DesiredState:
        """Desire a wiring of a device, within the caller's transaction; an empty one is the file that it has.

        Once that is committed the device is to be told. What became of it is in its report on this document, or on one
        with a higher number.
        """
        before = self._standing(connection, device)
        return self._put(connection, replace(before, wiring=wiring, wired_ms=self._clock()))

    def publish(self, state: DesiredState) -> None:
        """Send a device its document."""
        until = {point: term.until_ms for point, term in state.terms.items()}
        document = Desired(
            state.device, state.number, state.issued_ms, state.modes, state.wiring, state.wiring_hash, until
        )
        self._channel.publish(state.device, document)

    def _change_order(
        self, action: str, order: str, by: str, reason: str, next_term: Callable[[HeldPoint, int], Term | None]
    ) -> ModeChange:
        """Give all points that an order holds their next term, or take them out of its mode. Raises ``NoSuchOrder``."""
        now_ms = self._clock()
        with self._store.writing() as connection:
            held = [point for point in held_points(list_desired(connection), now_ms) if point.term.order == order]
            if not held:
                raise NoSuchOrder("no order of this name holds a point any more")
            term, names = next_term(held[0], now_ms), sorted(point.name for point in held)
            mode = held[0].mode if term else Mode.SCHEDULED
            changed = self._set(connection, {point.name: point.device for point in held}, mode, term)
            operators.record(connection, now_ms, by, action, order, reason=reason, points=", ".join(names))
        self._publish_each(changed)
        return ModeChange(names, order, term.until_ms) if term else ModeChange(names)

    def _end_due(self) -> list[DesiredState]:
        """The documents that had to be written anew."""
        now_ms = self._clock()
        with self._store.reading() as connection:
            kinds, standing = kinds_of(connection), list_desired(connection)
        if all(lasting(state, kinds, now_ms) == state for state in standing):
            return []
        with self._store.writing() as connection:
            kinds = kinds_of(connection)
            both = [(state, lasting(state, kinds, now_ms)) for state in list_desired(connection)]
            return [self._put(connection, after) for before, after in both if before != after]

    def _publish_each(self, changed: Sequence[DesiredState]) -> None:
        for state in changed:
            self.publish(state)

    def _chosen(
        self, connection: Connection, names: Sequence[str] | None, mode: Mode, now_ms: int
    ) -> list[PlacedPoint]:
        """All doors are those that have the mode. One that is out of service is neither held open nor locked with the
        others: nobody gets in there anyway, and nobody shall after it."""
        chosen = points_of(connection, names)
        if names is None:
            states = list_desired(connection) if mode in MODE_LASTS_MS else []
            left_alone = {point for state in states for point in state.modes if is_out(state, point, now_ms)}
            doors = [point for point in chosen if archetype_of(point.kind, point.class_name) == "portal"]
            chosen = [point for point in doors if has_mode(point.kind, mode) and point.name not in left_alone]
        if not chosen or (names is not None and set(names) != {point.name for point in chosen}):
            raise NoSuchPlace(NO_POINT)
        lacking = [point.name for point in chosen if not has_mode(point.kind, mode)]
        if lacking:
            raise NoSuchMode(f"there is no mode {mode.value} at {', '.join(lacking)}")
        return chosen

    def _set(
        self, connection: Connection, points: Mapping[str, str], mode: Mode, term: Term | None
    ) -> list[DesiredState]:
        """The documents of the devices of these points, which say that they are in this mode."""
        return [
            self._change(connection, device, [name for name, at in points.items() if at == device], mode, term)
            for device in sorted(set(points.values()))
        ]

    def _change(
        self, connection: Connection, device: str, names: Sequence[str], mode: Mode, term: Term | None
    ) -> DesiredState:
        """Of one device: its next document, or the one that stands if that says the same already."""
        stands = find_desired(connection, device)
        before = self._standing(connection, device)
        modes = {**before.modes, **dict.fromkeys(names, mode)}
        terms = {point: held for point, held in before.terms.items() if point not in names}
        if term is not None:
            terms |= dict.fromkeys(names, term)
        after = replace(before, modes=not_scheduled(modes), terms=terms)
        if after == stands and after.number >= max(_reported(after), 1):
            return after
        return self._put(connection, after)

    def _standing(self, connection: Connection, device: str) -> DesiredState:
        """What is desired of a device, without what is over."""
        stands = find_desired(connection, device) or DesiredState(device, 0, self._clock(), {}, None)
        return lasting(stands, kinds_of(connection), self._clock())

    def _put(self, connection: Connection, state: DesiredState) -> DesiredState:
        """Its number is above whatever the device has reported, for this database may be an old copy."""
        state = replace(state, number=max(state.number, _reported(state)) + 1, issued_ms=self._clock())
        put_desired(connection, state)
        return state


def must_be_confirmed(mode: Mode, names: Sequence[str] | None) -> bool:
    """Whether an operator is asked again: before a lockdown, and before whatever opens every door at once."""
    return mode is Mode.LOCKDOWN or (mode is Mode.HOLD_OPEN and names is None)


def _reported(state: DesiredState) -> int:
    return state.reported.number if state.reported else 0
