"""The use cases of the fleet: devices are let in and put out, with their keys, their certificates, and what the broker
knows of both; and roll-outs of wirings are started and stopped, which the server carries through (``rolling``).
"""

import logging
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from sqlalchemy import Connection

from cloud.devices.certificates import add_certificate, newest_certificate, revoke_certificates, revoked_certificates
from cloud.devices.registry import (
    NotRegistered,
    device_names,
    is_known,
    keep_wiring,
    lose_device,
    register,
    replace_key,
    site_of,
    wiring_of,
)
from cloud.devices.wired import Wired, wired_points
from cloud.fleet.broker_config import BrokerPlace, broker_of, renew_server, write_revocations
from cloud.fleet.cut_off import LASTS_MS, cut_off, make_probe
from cloud.fleet.rollouts import MAX_DEVICES, Leg, Rollout
from cloud.fleet.store import Exposed, add_rollout, ask_to_stop, exposed_cards, find_rollout, live_rollout
from cloud.keys.ca import Authority, Issued, Revoked
from cloud.keys.keys import KeyFolder, write_private
from cloud.points.store import has_point
from cloud.points.zone_store import zone_labels
from cloud.points.zones import Placed, place_points
from cloud.store.database import Clock, Store
from cloud.web import operators
from cloud.web.operators import MAX_REASON, MIN_REASON
from contract.adoption import Bundle, close_bundle
from contract.decide import HOUR_MS
from contract.templates import BadKey, Expansion
from contract.toml_text import NotToml, read_toml

log = logging.getLogger(__name__)

LOCAL_BROKER = "mqtt://127.0.0.1:1883"
RENEWS_AFTER_MS = HOUR_MS
"""A device that asks more often is sent the certificate that it was given."""


class Position(Struct, frozen=True):
    """Where a device is to be: a new place, or with ``replace`` that of the device of this name. All points that its
    wiring names stand in ``zone``, or without one each where the wiring says. Of a device without a wiring, a door of
    its name stands there."""

    name: str
    label_zh: str = ""
    label_en: str = ""
    zone: str = ""
    replace: bool = False


class Admission(Struct, frozen=True):
    """A device that was let in: what it needs, and what became of its points."""

    bundle: Bundle
    placed: Placed


class Loss(Struct, frozen=True):
    """What is to be done after a device was lost: whose cards lay on it; ``told`` is whether the broker turns it away
    already."""

    cards: Sequence[Exposed]
    told: bool


class Registrar:
    """The service that lets devices in and puts them out. Any thread may use it."""

    def __init__(self, store: Store, keys: KeyFolder, authority: Authority, folder: Path, clock: Clock) -> None:
        """``folder`` is the community's."""
        self.authority = authority
        self._store, self._keys, self._folder, self._clock = store, keys, folder, clock
        self._probes: list[Revoked] = []

    def adopt(self, public_key: bytes, wiring: str, position: Position, by: str) -> bytes:
        """Let a device in at its place; returns its bundle, closed for its key. Raises as ``admit`` does."""
        return close_bundle(self.admit(public_key, wiring, position, by).bundle, public_key)

    def admit(self, public_key: bytes, wiring: str, position: Position, by: str) -> Admission:
        """The same, with the bundle open: for whoever sits at both machines. The zones that its wiring names and that
        are missing are made.

        Whoever was there before is revoked at once. Raises ``NotRegistered``, and ``OSError`` if a key cannot be kept.
        """
        now_ms, name = self._clock(), position.name
        with self._store.reading() as connection:
            text = wiring or wiring_of(connection, name)
        points = wired_points(text)  # a stranger may have written it: no transaction waits while it is read
        with self._store.writing() as connection:
            if position.replace:
                replace_key(connection, name, public_key)
                revoke_certificates(connection, name, now_ms)
            else:
                register(connection, name, public_key, now_ms, position.label_zh, position.label_en)
            if wiring:
                keep_wiring(connection, name, wiring)
            placed = self._place_points(connection, position, points)
            issued = self._issue(connection, name, public_key, now_ms)
            action = "device.replaced" if position.replace else "device.adopted"
            operators.record(connection, now_ms, by, action, name, certificate=issued.serial, **placed.detail())
            bundle = self._bundle(name, issued, site_of(connection).name, wiring_of(connection, name))
        if position.replace:
            self._tell_broker(now_ms)
        return Admission(bundle, placed)

    def hand_out(self, name: str, bundle: Bundle, out: Path) -> None:
        """Write what a device needs into a folder of its own: that of its keys, or one to be carried there."""
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._keys.hand_out(name, out)
        write_private(out / "ca.crt", bundle.ca)
        write_private(out / "certificate.pem", bundle.certificate)

    def knows(self, public_key: bytes) -> bool:
        """Whether this is the key of a device of the site that is not lost."""
        with self._store.reading() as connection:
            return is_known(connection, public_key)

    def lose(self, name: str, by: str, reason: str = "") -> Loss:
        """A device was stolen or thrown away: it is believed no more. Raises ``NotRegistered`` or ``OSError``."""
        now_ms = self._clock()
        with self._store.writing() as connection:
            lose_device(connection, name, now_ms)
            revoke_certificates(connection, name, now_ms)
            cards = exposed_cards(connection, site_of(connection).name, name)
            detail = {"reason": reason} if reason else {}
            operators.record(connection, now_ms, by, "device.lost", name, cards=str(len(cards)), **detail)
        self._keys.forget_sync(name)
        return Loss(cards, self._tell_broker(now_ms))

    def cut_off(self, name: str) -> bool:
        """End the live connection of a device that is revoked; takes some seconds. False if there is no broker of ours,
        or it does not take up the list."""
        place = broker_of(self._folder)
        if place is None:
            return False
        now_ms = self._clock()
        probe = make_probe(self.authority, name, now_ms)
        self._tell_broker(now_ms, Revoked(probe.revoked.serial, now_ms))
        done = cut_off(place.url, self.authority, probe, self._keys.folder)
        (log.info if done else log.warning)("%s is %s the broker", name, "cut off from" if done else "not cut off from")
        return done

    def renew(self, name: str, registered_key: bytes, asked_key: bytes) -> Issued:
        """A device's next certificate. Raises ``NotRegistered`` for a key that is not the device's."""
        if asked_key != registered_key:
            raise NotRegistered(f"{name} asks for a certificate for another key than its own")
        now_ms = self._clock()
        with self._store.writing() as connection:
            newest = newest_certificate(connection, name, registered_key)
            if newest is not None and now_ms - newest[1] < RENEWS_AFTER_MS:
                return newest[0]
            return self._issue(connection, name, registered_key, now_ms)

    def look_after(self) -> None:
        """To be called now and then: the broker's own certificate ends too. Raises ``OSError``."""
        place = broker_of(self._folder)
        if place is not None and Path(place.folder).is_dir():
            renew_server(place, self.authority, self._clock())

    def _place_points(self, connection: Connection, position: Position, wired: Sequence[Wired]) -> Placed:
        name, zone = position.name, position.zone
        if zone and zone not in zone_labels(connection):
            raise NotRegistered(f"there is no zone {zone}")
        if zone and not wired and not has_point(connection, name):
            wired = [Wired(name, zone)]
        zh, en = position.label_zh, position.label_en
        labels = {name: (zh or en or name, en or zh or name)}
        return place_points(connection, name, wired, zone, labels)

    def _issue(self, connection: Connection, name: str, public_key: bytes, now_ms: int) -> Issued:
        issued = self.authority.device(name, public_key, now_ms)
        add_certificate(connection, name, public_key, issued, now_ms)
        return issued

    def _bundle(self, name: str, issued: Issued, site: str, wiring: str) -> Bundle:
        place = broker_of(self._folder)
        keys = self._keys
        return Bundle(
            device=name,
            site=site,
            broker=place.url if place else LOCAL_BROKER,
            ca=self.authority.certificate,
            certificate=issued.certificate,
            digest_key=keys.digest.hex(),
            sync_key=keys.renew_sync(name).hex(),
            roster=keys.roster.public().hex(),
            config=keys.config.public().hex(),
            command=keys.command.public().hex(),
            wiring=wiring,
        )

    def _tell_broker(self, now_ms: int, probe: Revoked | None = None) -> bool:
        """A probe stays on the list until it ends: somebody else's list may replace the one it was made for."""
        place: BrokerPlace | None = broker_of(self._folder)
        if place is None:
            return False
        with self._store.writing() as connection:  # or an older list could be written over a newer one
            revoked = revoked_certificates(connection, now_ms)
            probes = [*self._probes, probe] if probe else self._probes
            self._probes = [earlier for earlier in probes if now_ms - earlier.at_ms < LASTS_MS]
            write_revocations(place, self.authority, [*revoked, *self._probes], now_ms)
        return True


class CannotRollOut(ValueError):
    """It cannot be started; the text says what is wrong and what to do, for the operator."""


class RolloutOver(CannotRollOut):
    """It has ended, and cannot be stopped."""


class NoSuchRollout(LookupError):
    """There is no roll-out of this id."""


class RolloutService:
    """The service that starts and stops roll-outs. It only writes that down, in whatever process: the server's own
    thread does the rest (``rolling``)."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def start(self, wirings: Mapping[str, str], by: str, reason: str, *, canary: str = "") -> Rollout:
        """Write a new roll-out down: the text of a configuration file for each device, empty for the file that it has.
        The canary is the first by name unless another is named. Raises ``CannotRollOut``."""
        _check_reason(reason)
        _check_texts(wirings)
        names, now_ms = sorted(wirings), self._clock()
        legs = tuple(Leg(name, wirings[name]) for name in names)
        rollout = Rollout(secrets.token_hex(16), by, reason, canary or names[0], now_ms, legs)
        with self._store.writing() as connection:
            _check(connection, wirings, canary)
            add_rollout(connection, rollout)
            detail = {"reason": reason, "devices": ", ".join(names)}
            operators.record(connection, now_ms, by, "rollout.start", rollout.id, **detail)
        return rollout

    def stop(self, rollout: str, by: str, reason: str) -> None:
        """Ask for a roll-out to be stopped. Raises ``CannotRollOut`` or ``NoSuchRollout``."""
        _check_reason(reason)
        with self._store.writing() as connection:
            running = find_rollout(connection, rollout)
            if running is None:
                raise NoSuchRollout("there is no such roll-out")
            if not running.live:
                raise RolloutOver("this roll-out is over; start another one to change anything")
            ask_to_stop(connection, rollout, reason)
            operators.record(connection, self._clock(), by, "rollout.stop", rollout, reason=reason)


def _check_reason(reason: str) -> None:
    if not MIN_REASON <= len(reason.strip()) <= MAX_REASON:
        raise CannotRollOut(f"say why, in {MIN_REASON} to {MAX_REASON} characters: it stands in the audit")


def _check_texts(wirings: Mapping[str, str]) -> None:
    """A device is the one that judges its wiring; what nobody could read need not travel. Outside of any transaction:
    while a text is read, ingest must be able to write."""
    if not wirings:
        raise CannotRollOut("there is nothing to roll out: name at least one device")
    if len(wirings) > MAX_DEVICES:
        raise CannotRollOut(f"{len(wirings)} devices are too many; roll out to at most {MAX_DEVICES} at a time")
    for device, text in sorted(wirings.items()):
        try:
            Expansion(read_toml(text))
        except (NotToml, BadKey) as wrong:
            raise CannotRollOut(f"{device}, {wrong}") from None


def _check(connection: Connection, wirings: Mapping[str, str], canary: str) -> None:
    unknown = sorted(wirings.keys() - set(device_names(connection)))
    if unknown:
        raise CannotRollOut(f"no such device: {', '.join(unknown)}; name registered ones")
    if canary and canary not in wirings:
        raise CannotRollOut(f"the canary {canary} has no wiring; name one of {', '.join(sorted(wirings))}")
    if live_rollout(connection) is not None:
        raise CannotRollOut("another roll-out goes on; wait for its end or stop it first")
