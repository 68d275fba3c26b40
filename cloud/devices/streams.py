"""The streams of all devices as they are stored: who sends them, how far each journal goes, and its rows."""

from collections.abc import Mapping, Sequence
from functools import cache

from msgspec import Struct, structs
from sqlalchemy import Connection, Update, bindparam, func, insert, select, update

from cloud.devices.event_series import SeriesNumbers
from cloud.store.prepared import Prepared
from cloud.store.revision import revision
from cloud.store.schema import breaks, devices, events, journals
from contract.events import CHAIN_START, read_gap
from contract.sealing import DeviceVerifier

MAX_JOURNALS_PER_DEVICE = 256
"""A device opens a new journal with a new disk or after a fork; more of them than this is a fault."""
MAX_JOURNALS_IN_MEMORY = 10_000


class Device(Struct):
    """A registered device, as far as its messages concern it. ``connection`` is the newest it is known to have made,
    ``starts`` are the last starts of its machine: see ``cloud.devices.presence.after_start``.
    ``page_version`` is the newest version of roster pages that it reads, as far as it has said."""

    id: int
    name: str
    verifier: DeviceVerifier
    connection: int
    starts: Mapping[str, int] = {}
    page_version: int | None = None


class Journal(Struct):
    """How far a journal is stored: all rows up to ``upto``, whose link is ``tip``.

    While a device is asked to send a forked journal again, ``same_upto`` is the last row that was found to be equal.
    """

    id: int
    name: str
    upto: int
    tip: bytes
    same_upto: int | None = None


class Break(Struct, frozen=True):
    """Rows ``first`` to ``last`` of a journal are not there (``full``, ``let_go``: see ``contract.events.Gap``), or
    there are two of each (``forked``)."""

    journal_id: int
    device_id: int
    first: int
    last: int
    why: str


class Streams:
    """The one writer of journals and events. It remembers between transactions what the database holds, so whoever
    rolls one back must call ``forget``."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._devices: dict[str, Device] = {}
        self._journals: dict[tuple[int, str], Journal] = {}
        self._revision: int | None = None
        self.series = SeriesNumbers(site)
        self.arrival: int | None = None

    def forget(self) -> None:
        self._devices.clear()
        self._revision = None
        self._journals.clear()
        self.series.clear()
        self.arrival = None

    def refresh(self, connection: Connection) -> None:
        """To be called first in every transaction: another process may have registered devices or given one a new key,
        and a replaced Pi must not be believed for a moment longer."""
        self.series.use(connection)
        found = revision(connection)
        if found != self._revision:
            self._devices.clear()
            self._revision = found

    def keep(self, connection: Connection) -> None:
        """This transaction counts the revision up itself, about nothing that is remembered here."""
        self._revision = revision(connection)

    def device(self, connection: Connection, name: str) -> Device | None:
        """The device of that name, or None if it is not registered."""
        if name not in self._devices:
            found = _stored_device(connection, self._site, name)
            if found is None:
                return None
            self._devices[name] = found
        return self._devices[name]

    def journal(self, connection: Connection, device: Device, name: str, now_ms: int) -> Journal | None:
        """The device's journal of that name, opened if it is new; None if the device has too many."""
        key = device.id, name
        if key not in self._journals:
            found = _stored_journal(connection, device, name) or _new_journal(connection, device, name, now_ms)
            if found is None:
                return None
            if len(self._journals) >= MAX_JOURNALS_IN_MEMORY:
                self._journals.clear()
            self._journals[key] = found
        return self._journals[key]

    def last_arrival(self, connection: Connection) -> int:
        """The number of the newest event, by which all who follow the stream find their place; 0 before the first."""
        if self.arrival is None:
            self.arrival = connection.execute(select(func.max(events.c.arrival))).scalar() or 0
        return self.arrival


def stored_rows(connection: Connection, journal: Journal, seqs: Sequence[int]) -> list[tuple[int, bytes]]:
    """Of these rows of a journal the numbers and bytes, in order; gaps and poison events are not among them."""
    mine = (events.c.journal_id == journal.id) & events.c.seq.in_(seqs)
    found = select(events.c.seq, events.c.stored).where(mine).order_by(events.c.seq)
    return [(row.seq, row.stored) for row in connection.execute(found) if read_gap(row.stored) is None]


def note_breaks(connection: Connection, found: Sequence[Break], now_ms: int) -> None:
    """Write down what is broken, each once."""
    for one in found:
        same = (breaks.c.journal_id == one.journal_id) & (breaks.c.why == one.why) & (breaks.c.first == one.first)
        if connection.execute(select(breaks.c.id).where(same)).first() is None:
            connection.execute(insert(breaks).values(**structs.asdict(one), noted_ms=now_ms))


def move_journals(connection: Connection, moved: Sequence[Journal]) -> None:
    """Write how far these journals are stored."""
    _MOVE.run_many(connection, [(one.upto, one.tip, one.id) for one in moved])


def mark_heard(connection: Connection, heard: Sequence[int], now_ms: int) -> None:
    """Note that something came from these devices (by id)."""
    _HEAR.run_many(connection, [(now_ms, one) for one in heard])


def change_devices(connection: Connection, changes: Mapping[int, Mapping[str, object]]) -> None:
    """Write what became known of devices: their changed columns, by id."""
    alike: dict[tuple[str, ...], list[dict[str, object]]] = {}
    for key, columns in changes.items():
        alike.setdefault(tuple(columns), []).append({"_id": key, **columns})
    for names, rows in alike.items():
        connection.execute(_change(names), rows)


def newest_journals(connection: Connection, site: str) -> list[tuple[str, str, int]]:
    """Of every device that has sent something: its name, its newest journal, and how far that is stored."""
    newest = select(func.max(journals.c.id)).group_by(journals.c.device_id)
    found = select(devices.c.name, journals.c.journal, journals.c.upto).join_from(journals, devices)
    rows = connection.execute(found.where(journals.c.id.in_(newest) & (devices.c.site == site)))
    return [(row.name, row.journal, row.upto) for row in rows]


_MOVE = Prepared(
    update(journals).where(journals.c.id == bindparam("_id")).values(upto=bindparam("upto"), tip=bindparam("tip")),
    *("upto", "tip", "_id"),
)
_HEAR = Prepared(
    update(devices).where(devices.c.id == bindparam("_id")).values(heard_ms=bindparam("heard_ms")), "heard_ms", "_id"
)


@cache
def _change(names: tuple[str, ...]) -> Update:
    """Kept ready: to build the statement anew costs more than to carry it out."""
    return update(devices).where(devices.c.id == bindparam("_id")).values({name: bindparam(name) for name in names})


_DEVICE = Prepared(
    select(devices.c.id, devices.c.name, devices.c.public_key, devices.c.connection, devices.c.page_version).where(
        devices.c.site == bindparam("site"), devices.c.name == bindparam("name"), devices.c.lost_ms.is_(None)
    ),
    *("site", "name"),
)
_JOURNAL = Prepared(
    select(journals.c.id, journals.c.journal, journals.c.upto, journals.c.tip).where(
        journals.c.device_id == bindparam("device"), journals.c.journal == bindparam("journal")
    ),
    *("device", "journal"),
)
_COUNT_JOURNALS = Prepared(
    select(func.count()).select_from(journals).where(journals.c.device_id == bindparam("device")), "device"
)
_OPEN_JOURNAL = Prepared(insert(journals).returning(journals.c.id), "device_id", "journal", "upto", "tip", "opened_ms")


def _stored_device(connection: Connection, site: str, name: str) -> Device | None:
    found = _DEVICE.first(connection, site, name)
    if found is None:
        return None
    key, name, public_key, newest_connection, page_version = found
    return Device(key, name, DeviceVerifier(public_key), newest_connection, page_version=page_version)


def _stored_journal(connection: Connection, device: Device, name: str) -> Journal | None:
    found = _JOURNAL.first(connection, device.id, name)
    return None if found is None else Journal(*found)


def _new_journal(connection: Connection, device: Device, name: str, now_ms: int) -> Journal | None:
    count = _COUNT_JOURNALS.first(connection, device.id)
    if count is None or count[0] >= MAX_JOURNALS_PER_DEVICE:
        return None
    made = _OPEN_JOURNAL.first(connection, device.id, name, 0, CHAIN_START, now_ms)
    return None if made is None else Journal(made[0], name, 0, CHAIN_START)
