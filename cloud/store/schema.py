"""The tables of the estate and of what its devices send; those of a domain stand in its own ``tables.py``.

Times are UTC milliseconds. Labels come in pairs, ``_zh`` and ``_en``. Names are those of the wire contract. Every table
that is new from here on has a column ``site`` (a reference to ``sites.name``), and every function that reads or writes
it takes the ``site``: later many sites stand in one database (``tests/cloud/store/test_sites.py``).
"""

from typing import Generic, TypeVar

from msgspec import Struct, convert, to_builtins
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
    text,
)

T = TypeVar("T", bound=Struct)

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)

MAX_INTEGER = (1 << 63) - 1
"""The largest number that a table holds. What comes from outside is checked against it."""
RowId = BigInteger().with_variant(Integer, "sqlite")
"""A row's number. SQLite counts by itself only for a column of exactly the type INTEGER."""


class Document(TypeDecorator[T], Generic[T]):
    """The type of a column that holds a Struct as JSON. A field that is new in the Struct has a default, which rows of
    before are read with."""

    impl = JSON
    cache_ok = True

    def __init__(self, kind: type[T]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: T | None, _dialect: object) -> object:
        return to_builtins(value)

    def process_result_value(self, value: object, _dialect: object) -> T:
        return convert(value, self.kind)


def labels() -> tuple[Column[str], Column[str]]:
    return Column("label_zh", String, nullable=False), Column("label_en", String, nullable=False)


# The estate and what stands on it.

sites = Table(
    "sites",
    metadata,
    Column("name", String, primary_key=True),
    Column("zone", String, nullable=False, comment="IANA name of its time zone"),
    Column("revision", BigInteger, nullable=False, default=0, comment="grows with whatever may change a roster"),
    *(
        Column(name, BigInteger, nullable=False, server_default="0", comment=comment)
        for name, comment in (
            ("terms_revision", "when plans, points, zones or hours changed last"),
            ("everybody_revision", "when the grants of anybody may have changed last"),
        )
    ),
    Column("duress", Boolean, nullable=False, server_default=text("0"), comment="staff may signal it with their PIN"),
    *labels(),
)

zones = Table(
    "zones",
    metadata,
    Column("name", String, primary_key=True),
    *labels(),
    Column("kind", String, nullable=False, server_default="open", comment="open, counted, hub, roof or yard"),
    Column("counts", String, nullable=False, server_default="people", comment="people or vehicles"),
    Column("parent", String, nullable=False, server_default="", comment="the zone around it, empty for none"),
    Column("capacity", Integer, comment="how many are comfortable inside"),
    Column("fire_limit", Integer, comment="how many may be inside at all"),
    Column("closes", String, nullable=False, server_default="", comment="time of day, as 22:30, or empty"),
    Column("anti_passback", String, nullable=False, server_default="none", comment="none, soft, timed or hard"),
    Column("timed_s", Integer, nullable=False, server_default="180", comment="how long the timed one lasts"),
)

devices = Table(
    "devices",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("name", String, nullable=False),
    Column("public_key", LargeBinary, nullable=False, comment="P-256 point, 65 bytes"),
    *labels(),
    Column("registered_ms", BigInteger, nullable=False),
    Column("lost_ms", BigInteger, comment="reported lost then: its key counts no longer"),
    Column("wiring", String, comment="its configuration file as it was adopted, for the Pi that replaces it"),
    Column("heard_ms", BigInteger, comment="anything at all came from it, kept messages of the broker aside"),
    Column("online", Boolean, nullable=False, default=False, comment="what its last state or will said"),
    Column("connection", BigInteger, nullable=False, default=0, comment="number of the newest connection known"),
    Column("state", JSON, comment="its last sealed state"),
    Column("state_ms", BigInteger),
    Column("beat", JSON, comment="its last report of health"),
    Column("beat_ms", BigInteger),
    Column("live", JSON, comment="its last readings, by point"),
    Column("live_ms", BigInteger),
    Column("roster_number", BigInteger, nullable=False, default=0, comment="of the roster it uses"),
    Column(
        "page_version", Integer, comment="newest version of roster pages that it reads; none before its first state"
    ),
    Column("waiting", BigInteger, comment="events in its journal that wait for their ack"),
    UniqueConstraint("site", "name"),
)

points = Table(
    "points",
    metadata,
    Column("name", String, primary_key=True),
    Column("device", String, nullable=False, comment="may be named before that device is registered"),
    Column("zone", String, ForeignKey("zones.name"), nullable=False),
    *labels(),
    Column("class", String, nullable=False, server_default="", comment="what its use is rationed by; empty for a door"),
    Column(
        "kind",
        String,
        nullable=False,
        server_default="",
        comment="of station, as its wiring or its device says; empty if neither has",
    ),
    Column("unit", String, nullable=False, server_default="", comment="building and unit it leads into, as 3-1"),
    Column("floor", Integer, comment="of a lift: the floor of that unit that it leads to"),
    Column("flat", String, nullable=False, server_default="", comment="the only flat it belongs to, as its garage"),
    Index("ix_points_unit", "unit"),
    Index("ix_points_flat", "flat"),
    Column("camera", String, nullable=False, server_default="", comment="address of its camera's picture, or empty"),
    Column("pin", String, nullable=False, server_default="", comment="the hours in which it asks for one; empty: none"),
    Column("assurance", String, nullable=False, server_default="number", index=True, comment="the least that opens it"),
)

# What happened.

journals = Table(
    "journals",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("device_id", RowId, ForeignKey("devices.id"), nullable=False),
    Column("journal", String(16), nullable=False),
    Column("upto", BigInteger, nullable=False, default=0, comment="all rows up to this one are stored"),
    Column("tip", LargeBinary, nullable=False, comment="link of that row"),
    Column("opened_ms", BigInteger, nullable=False),
    UniqueConstraint("device_id", "journal"),
)

events = Table(
    "events",
    metadata,
    Column("arrival", RowId, primary_key=True, autoincrement=False, comment="one more with every event of any device"),
    Column("journal_id", RowId, nullable=False, comment="of journals, which are never deleted"),
    Column("seq", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("replay", Boolean, nullable=False, comment="made while the device was offline: rings no bell"),
    Column("at_ms", BigInteger, nullable=False, comment="the device's wall clock"),
    Column("mono_ms", BigInteger, nullable=False, comment="0, and boot empty, where the clock was known"),
    Column("boot", String, nullable=False, comment="whose clock was unset when it happened"),
    Column("holder", LargeBinary(8)),
    Column("stored", LargeBinary, nullable=False, comment="the event's own bytes, as its device stored them"),
    Column("series", RowId, nullable=False, comment="id of event_series, which has its device, point, kind and reason"),
    Index("ix_events_series", "series"),
    Index("ix_events_holder", "holder", sqlite_where=text("holder IS NOT NULL")),
    Index("ix_events_journal_id_seq", "journal_id", "seq", unique=True),
)
"""Every event, in the order of arrival: SQLite appends a row to the end of the table and touches no other page of it.
The next number is counted from the newest row, so whatever deletes events leaves that one. An event's site is that of
its journal's device, which never changes."""

event_series = Table(
    "event_series",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("device_id", RowId, ForeignKey("devices.id"), nullable=False),
    Column("point", String, nullable=False, comment="all that these events agree in; empty where they do not"),
    Column("kind", String, nullable=False),
    Column("reason", String, nullable=False, comment="empty for none"),
    UniqueConstraint("device_id", "point", "kind", "reason"),
)

breaks = Table(
    "breaks",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("device_id", RowId, ForeignKey("devices.id"), nullable=False),
    Column("journal_id", RowId, ForeignKey("journals.id"), nullable=False),
    Column("first", BigInteger, nullable=False, comment="rows first to last are not stored, or exist twice"),
    Column("last", BigInteger, nullable=False),
    Column("why", String, nullable=False, comment="full, let_go or forked"),
    Column("noted_ms", BigInteger, nullable=False),
    UniqueConstraint("journal_id", "why", "first"),
)

clock_fixes = Table(
    "clock_fixes",
    metadata,
    Column("device_id", RowId, ForeignKey("devices.id"), primary_key=True, autoincrement=False),
    Column("boot", String, primary_key=True),
    Column("offset_ms", BigInteger, nullable=False, comment="UTC is this much ahead of the boot's monotonic clock"),
    Column("error_ms", BigInteger, nullable=False, comment="give or take"),
)

# People.

flats = Table(
    "flats",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("name", String, primary_key=True, comment="building, unit and flat, as the residents say it"),
    Column("building", String, nullable=False),
    Column("unit", String, nullable=False, comment="of the building, empty where it has none"),
    Column("floor", Integer),
    Column("flat", String, nullable=False, comment="its number in the unit"),
    Column("area_m2", Float),
    Column("tenure", String, nullable=False, comment="owner, tenant, or empty where nobody said"),
    Column("vacant", Boolean, nullable=False),
)

parties = Table(
    "parties",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("kind", String, nullable=False, comment="flat, company, club, class or crew"),
    Column("name_zh", String, nullable=False),
    Column("name_en", String, nullable=False),
    Column("flat", String, comment="name of its flat"),
    Column("created_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger, comment="an operator ended it then"),
    Column("holder", LargeBinary(8), comment="random; all that devices know of whoever has its family card"),
    ForeignKeyConstraint(["site", "flat"], ["flats.site", "flats.name"], name="fk_parties_site_flat"),
    Index("ix_parties_site_flat", "site", "flat"),
    Index("ix_parties_holder", "holder", unique=True),
)

party_members = Table(
    "party_members",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("party_id", RowId, ForeignKey("parties.id"), nullable=False),
    Column("person_id", RowId, ForeignKey("people.id"), nullable=False),
    Column("role", String, nullable=False),
    Column("from_ms", BigInteger, nullable=False, comment="0 for no bound"),
    Column("until_ms", BigInteger, nullable=False, comment="half-open; 0 for no bound; of a tenant the lease's end"),
    Column("ended_ms", BigInteger, comment="an operator ended it then, whatever was agreed"),
    Index("ix_party_members_party_id", "party_id"),
    Index("ix_party_members_person_id", "person_id"),
)

people = Table(
    "people",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("holder", LargeBinary(8), nullable=False, unique=True, comment="random; all that devices know"),
    Column("name_zh", String, nullable=False),
    Column("name_en", String, nullable=False),
    Column("born", String, nullable=False, server_default="", comment="year and month, as 1957-03, or empty"),
    Column("verified", String, nullable=False, server_default="", comment="how, by a word of a closed list"),
    Column("ended_ms", BigInteger, comment="an operator ended all that they hold then"),
    Column("merged_into", RowId, comment="the record of the same person that was kept"),
    Column("override", Boolean, nullable=False, server_default=text("0"), comment="of staff: passes a lockdown"),
    Column(
        "revision",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="the site's, when this person's grants may have changed last",
    ),
    Index("ix_people_revision", "revision"),
    Index("ix_people_merged_into", "merged_into"),
)

# What was told to the devices.
