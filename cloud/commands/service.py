"""Sends commands: what happens once, now, on an operator's word, and at most once whatever the broker does.

A command is for the connection that its device has now. To a device that is not heard it is not sent at all, for nobody
wants a door to open when somebody has long gone home. What became of it is known only from the device.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from cloud.commands.store import Place, add_order, find_device, find_point
from cloud.devices.presence import Presence
from cloud.devices.registry import zone_devices
from cloud.store.database import Store
from cloud.web import operators
from contract import codec, topics
from contract.messages import Command, Op
from contract.sealing import CommandKey, Purpose, seal

LIFETIME_MS = 10_000
"""How long a command may wait within its device, for its disk. A person stands at the door until then."""


class NoSuchPlace(LookupError):
    """There is no such point, zone or device, or none is registered for it. The text says which."""


NO_POINT = "there is no such point, or no device is registered for it"


class Publish(Protocol):
    """Hands a message to the broker."""

    def __call__(self, topic: str, payload: bytes, *, retain: bool = False) -> None: ...


class Commander:
    """Issues commands. Any thread may use it. ``connected`` says whether there is a broker to hand them to."""

    def __init__(
        self,
        store: Store,
        *,
        site: str,
        key: CommandKey,
        publish: Publish,
        connected: Callable[[], bool],
        clock: Callable[[], int],
    ) -> None:
        self._store, self._site, self._key, self._publish = store, site, key, publish
        self.connected, self._clock = connected, clock

    def open_once(self, point: str, by: str, reason: str) -> str:
        """Let somebody in at a point; returns the command's id. Raises ``NoSuchPlace``."""
        return self._order_at(point, "open_once", {}, by, reason)

    def start_session(self, point: str, digest: bytes, by: str, reason: str) -> str:
        """Begin a session at a socket for the holder of a credential, whom its device weighs as if they stood there;
        returns the command's id. Raises ``NoSuchPlace``."""
        return self._order_at(point, "session_start", {"digest": digest.hex()}, by, reason)

    def stop_session(self, point: str, session: str, by: str, reason: str) -> str:
        """End this session at a socket and no other that may have begun since; returns the command's id. Raises
        ``NoSuchPlace``."""
        return self._order_at(point, "session_stop", {"session": session}, by, reason)

    def _order_at(self, point: str, op: Op, args: Mapping[str, Any], by: str, reason: str) -> str:
        with self._store.reading() as connection:
            place = find_point(connection, point, self._clock())
        if place is None:
            raise NoSuchPlace(NO_POINT)
        return self._issue(place, op, point, args, by, reason)

    def order(self, device: str, op: Op, args: Mapping[str, Any], by: str, reason: str) -> str:
        """Order something of a device itself; returns the command's id. Raises ``NoSuchPlace``."""
        with self._store.reading() as connection:
            place = find_device(connection, device, self._clock())
        if place is None:
            raise NoSuchPlace(f"no device {device}")
        return self._issue(place, op, "", args, by, reason)

    def drill(self, zone: str, on: bool, by: str, reason: str) -> list[str]:
        """Begin or end an exercise in a zone, at each of its devices; returns the commands' ids. Raises
        ``NoSuchPlace``."""
        with self._store.reading() as connection:
            found = (find_device(connection, name, self._clock()) for name in zone_devices(connection, zone))
            places = [place for place in found if place is not None]
        if not places:
            raise NoSuchPlace("there is no such zone, or no device is registered in it")
        args = {"zone": zone, "on": on}
        return [self._issue(place, "drill", "", args, by, reason) for place in places]

    def _issue(self, place: Place, op: Op, point: str, args: Mapping[str, Any], by: str, reason: str) -> str:
        """Write the command and its operator down, then send it, in this order: what is sent is always known."""
        now_ms = self._clock()
        command = Command(
            id=secrets.token_hex(16),
            device=place.device,
            op=op,
            by=by,
            reason=reason,
            connection=place.connection,
            lifetime_ms=LIFETIME_MS,
            issued_ms=now_ms,
            point=point,
            args=dict(args),
        )
        heard = place.presence in (Presence.ONLINE, Presence.LATE)
        state = "sent" if heard and self.connected() else "undeliverable"
        with self._store.writing() as connection:
            add_order(connection, command, state)
            told = {"reason": reason, "command": command.id}
            operators.record(connection, now_ms, by, f"command.{op}", point or place.device, **told)
        if state == "sent":
            body = codec.write(command)
            sealed = seal(self._key.sign, Purpose.COMMAND, self._site, place.device, body)
            self._publish(topics.down(self._site, place.device, "command"), sealed)
        return command.id
