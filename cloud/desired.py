"""How every device is to be: the modes of its points and its wiring, as one sealed document that the broker keeps for
it.

A device that is offline finds the document when it returns. It is told again whenever the broker comes back, which may
have forgotten it. Whether it was taken up is known only from the device.
"""

from collections.abc import Callable, Sequence

from msgspec.structs import replace
from sqlalchemy import Connection

from cloud.commands import NoSuchPlace, Publish
from cloud.store import operators
from cloud.store.database import Store
from cloud.store.orders import DesiredView, find_desired, list_desired, points_of, put_desired
from contract import codec, topics
from contract.decide import Mode
from contract.messages import Desired
from contract.sealing import ConfigKey, Purpose, statement


class NotADoor(ValueError):
    """Only a door can be held open; a point that charges something is none."""


class Steering:
    """The one writer of desired documents. Any thread may use it."""

    def __init__(self, store: Store, *, site: str, key: ConfigKey, publish: Publish, clock: Callable[[], int]) -> None:
        self._store, self._site, self._key, self._publish, self._clock = store, site, key, publish, clock

    def set_mode(self, names: Sequence[str] | None, mode: Mode, by: str, reason: str) -> list[str]:
        """Set these points to a mode, or without names all of the site that can be in it; returns them. Raises
        ``NoSuchPlace`` if one of them does not exist, and ``NotADoor``; then nothing is changed."""
        now_ms = self._clock()
        with self._store.writing() as connection:
            found = points_of(connection, names)
            if not found or (names is not None and set(names) != found.keys()):
                raise NoSuchPlace
            if mode is Mode.HOLD_OPEN:
                doors = points_of(connection, names, doors_only=True)
                if names is not None and doors != found:
                    raise NotADoor
                found = doors
            changed = [
                self._change(connection, device, [name for name in found if found[name] == device], mode)
                for device in sorted(set(found.values()))
            ]
            for point in found:
                operators.record(connection, now_ms, by, f"mode.{mode.value}", point, reason=reason)
        for one in changed:
            self.tell(one)
        return list(found)

    def tell_all(self) -> None:
        """The broker is back, perhaps without what it had kept."""
        with self._store.reading() as connection:
            known = list_desired(connection)
        for one in known:
            if one.number:
                self.tell(one)

    def set_wiring(self, connection: Connection, device: str, wiring: str) -> DesiredView:
        """Desire a wiring of a device, within the caller's transaction; an empty one is the file that it has.

        Once that is committed the device is to be told. What became of it is in its report on this document, or on one
        with a higher number.
        """
        before = self._standing(connection, device)
        return self._put(connection, replace(before, wiring=wiring, wired_ms=self._clock()))

    def tell(self, one: DesiredView) -> None:
        """Send a device its document."""
        document = Desired(one.device, one.number, one.issued_ms, one.modes, one.wiring, one.wiring_hash)
        body = codec.write(document)
        seal = self._key.sign(statement(Purpose.CONFIG, self._site, one.device, body))
        self._publish(topics.down(self._site, one.device, "config"), codec.attach(body, seal), retain=True)

    def _change(self, connection: Connection, device: str, names: Sequence[str], mode: Mode) -> DesiredView:
        """Of one device: its next document, or the one that stands if that says the same already."""
        before = self._standing(connection, device)
        modes = {**before.modes, **dict.fromkeys(names, mode)}
        modes = {point: mode for point, mode in modes.items() if mode is not Mode.SCHEDULED}
        if modes == before.modes and before.number >= max(_reported(before), 1):
            return before
        return self._put(connection, replace(before, modes=modes))

    def _standing(self, connection: Connection, device: str) -> DesiredView:
        return find_desired(connection, device) or DesiredView(device, 0, self._clock(), {}, None)

    def _put(self, connection: Connection, one: DesiredView) -> DesiredView:
        """Its number is above whatever the device has reported, for this database may be an old copy."""
        one = replace(one, number=max(one.number, _reported(one)) + 1, issued_ms=self._clock())
        put_desired(connection, one)
        return one


def _reported(one: DesiredView) -> int:
    return one.reported.number if one.reported else 0
