"""Which devices belong to the site, and by which key they are known."""

import re
from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import NoResultFound

from cloud.keys.broker_names import OURS
from cloud.store.labels import Label
from cloud.store.prepared import Prepared
from cloud.store.revision import Touched, touch
from cloud.store.schema import devices, points, sites, zones
from contract import site_page
from contract.codec import Malformed
from contract.sealing import DeviceVerifier
from contract.topics import NAME


class NotRegistered(ValueError):
    """The device cannot be registered so; the text says why and what to do."""


class BadSite(ValueError):
    """There can be no such site; the text says why."""


class Site(NamedTuple):
    """The estate: its name on the wire, its IANA time zone, and what it is called."""

    name: str
    zone: str
    label: Label = Label("", "")


def site_of(connection: Connection) -> Site:
    """The one site of this database. Raises SQLAlchemy's ``NoResultFound`` before it was initialised."""
    row = _SITE.first(connection)
    if row is None:
        raise NoResultFound("the database has no site")
    return Site(row[0], row[1], Label(row[2], row[3]))


_SITE = Prepared(select(sites.c.name, sites.c.zone, sites.c.label_zh, sites.c.label_en))
"""Every use case asks for it, often more than once."""


def check_site(name: str, zone: str) -> None:
    """Raises ``BadSite`` unless topics can bear the name and the world has the time zone."""
    if not re.fullmatch(NAME, name):
        raise BadSite(f"{name!r} is no name of a site: lower-case letters, digits and hyphens, at most 40")
    try:
        site_page.Site(site_page.SitePage(zone, {}, []))
    except Malformed:
        raise BadSite(f"there is no time zone {zone!r}: give an IANA name such as Asia/Shanghai") from None


def found_site(connection: Connection, name: str, zone: str, label_zh: str, label_en: str) -> Site:
    """Make the site of a new database. Raises ``BadSite``."""
    check_site(name, zone)
    labels = {"label_zh": label_zh, "label_en": label_en}
    connection.execute(insert(sites).values(name=name, zone=zone, revision=0, **labels))
    return Site(name, zone)


def device_names(connection: Connection) -> list[str]:
    """Every registered device of the site that is not lost."""
    query = select(devices.c.name).where(devices.c.lost_ms.is_(None)).order_by(devices.c.name)
    return list(connection.execute(query).scalars())


class Reader(NamedTuple):
    """The newest version of roster pages that a device reads, and the number of the roster that it has, 0 for none."""

    version: int
    roster: int


def roster_readers(connection: Connection) -> dict[str, Reader]:
    """Every registered device that is not lost and has said what it reads, by name."""
    columns = devices.c.name, devices.c.page_version, devices.c.roster_number
    readers = select(*columns).where(devices.c.lost_ms.is_(None), devices.c.page_version.is_not(None))
    return {row.name: Reader(*row[1:]) for row in connection.execute(readers.order_by(devices.c.name))}


def is_registered(connection: Connection, name: str) -> bool:
    """Whether a device of this name is registered and not lost."""
    query = select(devices.c.id).where(devices.c.name == name, devices.c.lost_ms.is_(None))
    return connection.execute(query).first() is not None


def is_known(connection: Connection, public_key: bytes) -> bool:
    """Whether a device with this key is registered and not lost."""
    query = select(devices.c.name).where(devices.c.public_key == public_key, devices.c.lost_ms.is_(None))
    return connection.execute(query).first() is not None


def wiring_of(connection: Connection, name: str) -> str:
    """The device's configuration file as it was adopted, "" if the cloud knows none."""
    return connection.execute(select(devices.c.wiring).where(devices.c.name == name)).scalar_one_or_none() or ""


def keep_wiring(connection: Connection, name: str, wiring: str) -> None:
    connection.execute(update(devices).where(devices.c.name == name).values(wiring=wiring))


def lose_device(connection: Connection, name: str, now_ms: int) -> None:
    """From now on nothing that bears the device's seal is believed. Raises ``NotRegistered``."""
    values = {"lost_ms": now_ms, "online": False}
    if connection.execute(update(devices).where(devices.c.name == name).values(**values)).rowcount == 0:
        raise NotRegistered(f"no device {name} is registered")
    touch(connection, Touched.DEVICES)


def register(
    connection: Connection, name: str, public_key: bytes, now_ms: int, label_zh: str = "", label_en: str = ""
) -> None:
    """Let a device in by its public key (65 bytes). The same device with the same key may be registered again. Without
    labels it is called as the door that bears its name, or as the zone that all its points stand in.

    Raises ``NotRegistered`` for a name or key that cannot be one, and for a name that another key has.
    """
    if not re.fullmatch(NAME, name):
        raise NotRegistered(f"{name!r} is no device name: lower-case letters, digits and hyphens, at most 40")
    if name in OURS:
        raise NotRegistered(f"{name!r} is a name of the cloud's own: take another")
    _check_key(public_key)
    known = connection.execute(select(devices.c.public_key, devices.c.lost_ms).where(devices.c.name == name)).first()
    if known is not None and known == (public_key, None):
        return
    if known is not None:
        raise NotRegistered(f"another key is registered as {name}: if its Pi was replaced, use --replace")
    its_zh, its_en = _labels(connection, name)
    labels = {"label_zh": label_zh or label_en or its_zh, "label_en": label_en or label_zh or its_en}
    values = {"site": site_of(connection).name, "name": name, "public_key": public_key, "registered_ms": now_ms}
    connection.execute(insert(devices).values(**values, **labels))
    touch(connection, Touched.DEVICES)


def _labels(connection: Connection, name: str) -> tuple[str, str]:
    door = select(points.c.label_zh, points.c.label_en).where(points.c.name == name)
    around = select(zones.c.label_zh, zones.c.label_en).join_from(points, zones).where(points.c.device == name)
    for query in (door, around.distinct()):
        found = connection.execute(query).all()
        if len(found) == 1:
            return found[0].label_zh, found[0].label_en
    return name, name


def replace_key(connection: Connection, name: str, public_key: bytes) -> None:
    """Forget the old Pi's key and connections in favour of a new one's. Raises ``NotRegistered``."""
    _check_key(public_key)
    values = {"public_key": public_key, "connection": 0, "online": False, "lost_ms": None, "page_version": None}
    if connection.execute(update(devices).where(devices.c.name == name).values(**values)).rowcount == 0:
        raise NotRegistered(f"no device {name} is registered")
    touch(connection, Touched.DEVICES)


def _check_key(public_key: bytes) -> None:
    try:
        DeviceVerifier(public_key)
    except ValueError:
        raise NotRegistered("the public key is no point of P-256: give the 65 bytes the device shows, as hex") from None


def zone_devices(connection: Connection, zone: str) -> list[str]:
    """The registered devices that have points in a zone."""
    query = select(points.c.device).join(devices, devices.c.name == points.c.device).where(points.c.zone == zone)
    return list(connection.execute(query.distinct().order_by(points.c.device)).scalars())
