"""Every table of the cloud, in one place.

Times are UTC milliseconds. Labels come in pairs, ``_zh`` and ``_en``. Names are those of the wire contract.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

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


def _labels() -> tuple[Column[str], Column[str]]:
    return Column("label_zh", String, nullable=False), Column("label_en", String, nullable=False)


# The estate and what stands on it.

sites = Table(
    "sites",
    metadata,
    Column("name", String, primary_key=True),
    Column("zone", String, nullable=False, comment="IANA name of its time zone"),
    Column("revision", BigInteger, nullable=False, default=0, comment="grows with whatever may change a roster"),
    *_labels(),
)

zones = Table("zones", metadata, Column("name", String, primary_key=True), *_labels())

devices = Table(
    "devices",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("name", String, nullable=False),
    Column("public_key", LargeBinary, nullable=False, comment="P-256 point, 65 bytes"),
    *_labels(),
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
    Column("waiting", BigInteger, comment="events in its journal that wait for their ack"),
    UniqueConstraint("site", "name"),
)

certificates = Table(
    "certificates",
    metadata,
    Column("serial", String, primary_key=True, comment="hex"),
    Column("device", String, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("certificate", String, nullable=False, comment="PEM"),
    Column("issued_ms", BigInteger, nullable=False),
    Column("not_after_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
    Index("ix_certificates_device", "device"),
)

points = Table(
    "points",
    metadata,
    Column("name", String, primary_key=True),
    Column("device", String, nullable=False, comment="may be named before that device is registered"),
    Column("zone", String, ForeignKey("zones.name"), nullable=False),
    *_labels(),
    Column("class", String, nullable=False, server_default="", comment="what its use is rationed by; empty for a door"),
    Column(
        "kind",
        String,
        nullable=False,
        server_default="",
        comment="of station, as its wiring or its device says; empty if neither has",
    ),
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
    Column("journal_id", RowId, ForeignKey("journals.id"), primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("arrival", BigInteger, nullable=False, comment="grows by one with every event of any device"),
    Column("device_id", RowId, nullable=False),
    Column("point", String, nullable=False, comment="empty for the device itself"),
    Column("kind", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False, comment="the device's wall clock"),
    Column("mono_ms", BigInteger, nullable=False),
    Column("boot", String, nullable=False),
    Column("clock", String, nullable=False, comment="how far at_ms is to be believed"),
    Column("received_ms", BigInteger, nullable=False),
    Column("replay", Boolean, nullable=False, comment="made while the device was offline: rings no bell"),
    Column("holder", LargeBinary(8)),
    Column("reason", String),
    Column("stored", LargeBinary, nullable=False, comment="the event's own bytes, as its device stored them"),
    Index("ix_events_arrival", "arrival", unique=True),
    sqlite_with_rowid=False,
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

sessions = Table(
    "sessions",
    metadata,
    Column("device_id", RowId, ForeignKey("devices.id"), primary_key=True, autoincrement=False),
    Column("session", String(16), primary_key=True, comment="the ticket of the decision that it began with"),
    Column("point", String, nullable=False),
    Column("holder", LargeBinary(8)),
    Column("kind", String, nullable=False, comment="class of the point: phone, ebike, ev"),
    Column("began_by", String, nullable=False, comment="card, operator or post"),
    Column("began_ms", BigInteger, comment="the device's clock, like all times of this table"),
    Column("told_ms", BigInteger, nullable=False, comment="when its device last told of it"),
    Column("energy_wh", BigInteger, nullable=False),
    Column("power_w", BigInteger, comment="when it was last told of"),
    Column("lasted_ms", BigInteger, nullable=False),
    Column("interrupted", Boolean, nullable=False),
    Column("ended_ms", BigInteger),
    Column("reason", String, nullable=False, comment="why it ended; empty while it runs"),
    Column("receipt", JSON, nullable=False),
    Index("ix_sessions_told_ms", "told_ms"),
    Index("ix_sessions_holder", "holder"),
)

clock_fixes = Table(
    "clock_fixes",
    metadata,
    Column("device_id", RowId, ForeignKey("devices.id"), primary_key=True, autoincrement=False),
    Column("boot", String, primary_key=True),
    Column("offset_ms", BigInteger, nullable=False, comment="UTC is this much ahead of the boot's monotonic clock"),
    Column("error_ms", BigInteger, nullable=False, comment="give or take"),
)

emergencies = Table(
    "emergencies",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("device_id", RowId, ForeignKey("devices.id"), nullable=False),
    Column("zone", String, nullable=False),
    Column("cause", String, nullable=False, comment="the worst so far"),
    Column("began_ms", BigInteger, nullable=False, comment="the device's clock, like ended_ms"),
    Column("noted_ms", BigInteger, nullable=False, comment="the cloud's clock when it first heard of it"),
    Column("began_by", String, nullable=False, comment="the operator who ordered a drill"),
    Column("how", String, nullable=False, comment="by what it ended; empty while it stands"),
    Column("ended_ms", BigInteger),
    Column("ended_by", String, nullable=False, comment="the operator who ended a drill"),
    Column("holder", LargeBinary(8), comment="whose card ended it"),
    Index("ix_emergencies_device_id_zone", "device_id", "zone"),
)

accounted = Table(
    "accounted",
    metadata,
    Column("zone", String, primary_key=True),
    Column("holder", LargeBinary(8), primary_key=True),
    Column("by", String, nullable=False, comment="the operator who has seen them"),
    Column("at_ms", BigInteger, nullable=False, comment="counts for the emergency that was noted before"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("device", String, nullable=False, comment="as its topic claims"),
    Column("channel", String, nullable=False),
    Column("why", String, nullable=False, comment="one word"),
    Column("detail", String, nullable=False),
    Column("journal", String(16)),
    Column("seq", BigInteger, comment="of a poison event, which is also the reason of a hole in the journal"),
    Column("size", Integer, nullable=False, comment="of the whole payload"),
    Column("payload", LargeBinary, nullable=False, comment="the first bytes of it"),
    Index("ix_quarantine_device_id", "device", "id"),
)

tallies = Table(
    "tallies",
    metadata,
    Column("device", String, primary_key=True, comment="empty for all that are not registered"),
    Column("channel", String, primary_key=True),
    Column("why", String, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
)

# People and what they may.

households = Table(
    "households",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("unit", String, nullable=False, unique=True, comment="building and flat, as the residents say it"),
)

people = Table(
    "people",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("holder", LargeBinary(8), nullable=False, unique=True, comment="random; all that devices know"),
    Column("household_id", RowId, ForeignKey("households.id"), comment="none for riders and staff"),
    Column("name_zh", String, nullable=False),
    Column("name_en", String, nullable=False),
)

plans = Table(
    "plans",
    metadata,
    Column("name", String, primary_key=True),
    Column("tier", String, nullable=False),
    Column("fee_yuan", Integer, nullable=False),
    Column("places", Integer, comment="people of one household it admits; none for no limit"),
    Column("opens", JSON, nullable=False, comment="zone to schedule"),
    *_labels(),
    Column("allotments", JSON, nullable=False, server_default="{}", comment="class of points to minutes and wh a day"),
    Column("resets", JSON, nullable=False, server_default="[]", comment="zones whose emergencies the holder may end"),
)

memberships = Table(
    "memberships",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("person_id", RowId, ForeignKey("people.id"), nullable=False),
    Column("plan", String, ForeignKey("plans.name"), nullable=False),
    Column("payer", Boolean, nullable=False, default=False),
    Column("from_ms", BigInteger, nullable=False, default=0, comment="0 for no bound"),
    Column("until_ms", BigInteger, nullable=False, default=0, comment="half-open; 0 for no bound"),
    Column("standing", String, nullable=False),
    Index("ix_memberships_person_id", "person_id"),
)

credentials = Table(
    "credentials",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("person_id", RowId, ForeignKey("people.id"), nullable=False),
    Column("kind", String, nullable=False),
    Column("digest", LargeBinary(16), nullable=False, unique=True),
    Column("sealed", LargeBinary, nullable=False, comment="format and number under the store key"),
    Column("label", String, nullable=False),
    Column("standing", String, nullable=False),
    Column("added_ms", BigInteger, nullable=False),
    Index("ix_credentials_person_id", "person_id"),
)

schedules = Table(
    "schedules",
    metadata,
    Column("name", String, primary_key=True),
    Column("week", JSON, nullable=False, comment="seven lists of [start, end] in minutes, Monday first"),
    *_labels(),
)

# What was told to the devices.

roster_pages = Table(
    "roster_pages",
    metadata,
    Column("hash", LargeBinary(16), primary_key=True),
    Column("blob", LargeBinary, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
)

rosters = Table(
    "rosters",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("issued_ms", BigInteger, nullable=False),
    Column("site_page", LargeBinary(16), nullable=False),
    Column("pages", LargeBinary, nullable=False, comment="the hashes, 16 bytes each, in the order of their prefixes"),
    Column("count", Integer, nullable=False, comment="rows in all pages"),
    Column("revision", BigInteger, comment="newest of the site's that it is known to hold"),
)

# What was ordered from afar.

commands = Table(
    "commands",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("device", String, nullable=False),
    Column("point", String, nullable=False, comment="empty for the device itself"),
    Column("op", String, nullable=False),
    Column("args", JSON, nullable=False),
    Column("by", String, nullable=False, comment="the operator's name"),
    Column("reason", String, nullable=False),
    Column("connection", BigInteger, nullable=False, comment="the one of the device that it is for"),
    Column("issued_ms", BigInteger, nullable=False),
    Column("lifetime_ms", Integer, nullable=False),
    Column("state", String, nullable=False, comment="sent, undeliverable, or what its device answered"),
    Column("why", String, nullable=False, comment="one word"),
    Column("data", JSON, comment="what was asked for"),
    Column("at_ms", BigInteger, comment="the device's clock when it ended"),
    Index("ix_commands_issued_ms", "issued_ms"),
)

desired = Table(
    "desired",
    metadata,
    Column("device", String, primary_key=True),
    Column("number", BigInteger, nullable=False, comment="of the newest document; 0 before the first"),
    Column("issued_ms", BigInteger, nullable=False),
    Column("modes", JSON, nullable=False, comment="of points that are not scheduled"),
    Column("wiring", String, nullable=False, server_default="", comment="a configuration file; empty for its own"),
    Column("wired_ms", BigInteger, nullable=False, server_default="0", comment="since when that wiring is desired"),
    Column("reported", JSON, comment="the device's last report on it"),
    Column("terms", JSON, nullable=False, server_default="{}", comment="of modes that end by themselves, by point"),
)

rollouts = Table(
    "rollouts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("by", String, nullable=False, comment="the operator's name"),
    Column("reason", String, nullable=False),
    Column("canary", String, nullable=False, comment="the device that it goes to first"),
    Column("started_ms", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("why", String, nullable=False),
    Column("ended_ms", BigInteger),
    Column("stop", String, comment="why a person wants it stopped; the server does it"),
    Index("ix_rollouts_started_ms", "started_ms"),
)

rollout_legs = Table(
    "rollout_legs",
    metadata,
    Column("rollout_id", String(32), ForeignKey("rollouts.id"), primary_key=True),
    Column("device", String, primary_key=True),
    Column("wiring", String, nullable=False, comment="what is sent to it"),
    Column("state", String, nullable=False),
    Column("why", String, nullable=False),
    Column("number", BigInteger, nullable=False, comment="of the document that carries it; 0 before it is sent"),
    Column("former", String, nullable=False, comment="what was desired of it before"),
)

# Those who run it.

operators = Table(
    "operators",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("password_hash", String, nullable=False, comment="argon2id"),
    Column("role", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("disabled", Boolean, nullable=False, default=False),
)

logins = Table(
    "logins",
    metadata,
    Column("id_hash", LargeBinary(32), primary_key=True, comment="SHA-256 of what the cookie holds"),
    Column("operator_id", RowId, ForeignKey("operators.id"), nullable=False),
    Column("csrf", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Index("ix_logins_operator_id", "operator_id"),
)

operator_networks = Table(
    "operator_networks",
    metadata,
    Column("operator_id", RowId, ForeignKey("operators.id"), primary_key=True),
    Column("network", String, primary_key=True, comment="an IPv4 address or the first half of an IPv6 address"),
    Column("seen_ms", BigInteger, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("operator", String, nullable=False),
    Column("action", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("link", LargeBinary(32), nullable=False, comment="SHA-256 over the link before and this row"),
)
