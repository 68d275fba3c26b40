"""The tables of the gatehouse: what flats answered, mechanical keys that are out, emergency vehicles let in."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, text

from cloud.store.schema import RowId, metadata

_OUT = text("returned_ms IS NULL")
_UNSAID = text("cause = ''")

flat_rings = Table(
    "flat_rings",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("flat", String, primary_key=True),
    Column("answer", String, nullable=False, comment="yes, no or nobody"),
    Column("at_ms", BigInteger, nullable=False, comment="the last time that it was rung"),
    sqlite_with_rowid=False,
)

key_loans = Table(
    "key_loans",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("key", String, nullable=False, comment="what stands on the tag of the mechanical key"),
    Column("taken_by", String, nullable=False, comment="as the guard wrote it"),
    Column("reason", String, nullable=False),
    Column("given_by", String, nullable=False, comment="the operator"),
    Column("given_ms", BigInteger, nullable=False),
    Column("returned_ms", BigInteger, comment="empty while it is out"),
    Column("returned_to", String, nullable=False, server_default="", comment="the operator"),
    Index("ix_key_loans_out", "site", "key", unique=True, sqlite_where=_OUT, postgresql_where=_OUT),
)

emergency_entries = Table(
    "emergency_entries",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("by", String, nullable=False, comment="the operator"),
    Column("order", String, nullable=False, comment="that held the gates open"),
    Column("points", String, nullable=False, comment="the gates, with commas"),
    Column("cause", String, nullable=False, server_default="", comment="what it came for; empty until it is said"),
    Column("said_by", String, nullable=False, server_default="", comment="the operator who said it"),
    Index("ix_emergency_entries_unsaid", "site", sqlite_where=_UNSAID, postgresql_where=_UNSAID),
)
