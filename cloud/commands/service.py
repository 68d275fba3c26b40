"""Sends commands: what happens once, now, on an operator's word, and at most once whatever the broker does.

A command is for the connection that its device has now. To a device that is not heard it is not sent at all, for nobody
wants a door to open when somebody has long gone home. What became of it is known only from the device.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from sqlalchemy import Connection

from cloud.commands.store import LIFETIME_MS, AddressedDevice, add_order, find_device, find_point
from cloud.devices.registry import zone_devices
from cloud.line.sealed_channel import SealedChannel
from cloud.people.store import digest_of_card
from cloud.store.database import Clock, Store
from cloud.store.schema import MAX_INTEGER
from cloud.web import operators
from contract.commands import COMMANDS, CommandType, WrongArgs
from contract.kinds import kind_of
from contract.messages import Command

CardNumber = Annotated[int, msgspec.Meta(gt=0, le=MAX_INTEGER)]


class NoSuchPlace(LookupError):
    """There is no such point, zone or device, or none is registered for it. The text says which."""


class NoSuchCommand(ValueError):
    """There is no such command, or the kind of this point has not got it. The text says which."""


class NoSuchCard(LookupError):
    """The register has no card of this number, or a form names none."""


WriteBeside = Callable[[Connection, str], None]
"""Writes what belongs to a command, whose id it is given, in the transaction that writes the command."""


def _write_nothing(_connection: Connection, _command: str) -> None:
    """Most commands stand alone."""


NO_POINT = "there is no such point, or no device is registered for it"
NO_ZONE = "there is no such zone, or no device is registered in it"


class CommandService:
    """The service that issues commands. Any thread may use it. ``connected`` says whether there is a broker to hand
    them to."""

    def __init__(self, store: Store, channel: SealedChannel, *, connected: Callable[[], bool], clock: Clock) -> None:
        self._store, self._channel, self.connected, self._clock = store, channel, connected, clock

    def issue(
        self,
        op: str,
        place: str,
        args: Mapping[str, Any],
        by: str,
        reason: str,
        *,
        typed: bool = True,
        write: WriteBeside = _write_nothing,
    ) -> list[str]:
        """Order what the table knows as ``op`` of a point, of a device, or of each device of a zone; returns the
        commands' ids. Arguments that are not ``typed`` are texts of a form. The credential of a start is named by the
        number of its ``card``. ``write`` writes what has to stand before a device answers. Raises ``NoSuchCommand``,
        ``NoSuchPlace``, ``NoSuchCard`` or ``WrongArgs``."""
        command = COMMANDS.get(op)
        if command is None:
            raise NoSuchCommand(f"there is no command {op}")
        with self._store.reading() as connection:
            places = self._places(connection, command, place)
            args = _with_digest(connection, command, args, typed=typed)
        if unknown := sorted(args.keys() - set(command.arg_names)):
            raise WrongArgs(f"{op} has no argument {', '.join(unknown)}")
        checked = command.read_args({**args, "zone": place} if command.scope == "zone" else args, typed=typed)
        point = place if command.scope == "point" else ""
        builtins = msgspec.to_builtins(checked)
        return [self._send(target, op, point, builtins, by, reason, write) for target in places]

    def _places(self, connection: Connection, command: CommandType, name: str) -> list[AddressedDevice]:
        """The devices that a command goes to. Raises ``NoSuchPlace`` or ``NoSuchCommand``."""
        now_ms = self._clock()
        if command.scope == "zone":
            in_zone = (find_device(connection, device, now_ms) for device in zone_devices(connection, name))
            places = [place for place in in_zone if place is not None]
            if not places:
                raise NoSuchPlace(NO_ZONE)
            return places
        place = (find_point if command.scope == "point" else find_device)(connection, name, now_ms)
        if place is None:
            raise NoSuchPlace(NO_POINT if command.scope == "point" else f"no device {name}")
        if place.kind and not command.is_for(kind_of(place.kind)):
            raise NoSuchCommand(f"a {place.kind} has no command {command.op}")
        return [place]

    def _send(
        self,
        place: AddressedDevice,
        op: str,
        point: str,
        args: Mapping[str, Any],
        by: str,
        reason: str,
        write: WriteBeside,
    ) -> str:
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
        state = "sent" if place.presence.is_online and self.connected() else "undeliverable"
        with self._store.writing() as connection:
            add_order(connection, command, state)
            write(connection, command.id)
            detail = {"reason": reason, "command": command.id}
            operators.record(connection, now_ms, by, f"command.{op}", point or place.device, **detail)
        if state == "sent":
            self._channel.publish(place.device, command)
        return command.id


def _with_digest(
    connection: Connection, command: CommandType, args: Mapping[str, Any], *, typed: bool
) -> Mapping[str, Any]:
    """The arguments with the credential that a device knows in the place of the number of a ``card``: nobody names one
    otherwise. Raises ``NoSuchCard`` or ``WrongArgs``."""
    if "digest" not in command.arg_names:
        return args
    try:
        card = msgspec.convert(args.get("card"), CardNumber, strict=typed)
    except msgspec.ValidationError:
        raise WrongArgs(f"{command.op}: card is the number of a card") if typed else NoSuchCard from None
    digest = digest_of_card(connection, card)
    if digest is None:
        raise NoSuchCard("there is no such card")
    return {**{name: value for name, value in args.items() if name != "card"}, "digest": digest.hex()}
