"""The tables of cases, and of the moments of passes that cases are made of."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, text

from cloud.store.schema import RowId, metadata

_OPEN = text("solved_ms IS NULL")

cases = Table(
    "cases",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("key", String, nullable=False, comment="of the one that may be open of it"),
    Column("kind", String, nullable=False, comment="a row of the table of kinds"),
    Column("grade", String, nullable=False, comment="life_safety, security or service"),
    Column("team", String, nullable=False, comment="who looks after it first"),
    Column("device", String, nullable=False, comment="that reported it; empty: the cloud itself"),
    Column("point", String, nullable=False, comment="empty for none"),
    Column("zone", String, nullable=False, comment="empty for none"),
    Column("cell", String, nullable=False, comment="that answers for the point; empty for none"),
    Column("part", String, nullable=False, comment="tells apart what is wrong at one place, such as a fault's word"),
    Column("late", Boolean, nullable=False, comment="it was no news when the cloud heard of it, and rang no bell"),
    Column("count", Integer, nullable=False, comment="how often it has happened since it is open"),
    Column("reported_ms", BigInteger, nullable=False, comment="clock of who reported it"),
    Column("noted_ms", BigInteger, nullable=False, comment="the cloud's clock"),
    Column("last_ms", BigInteger, nullable=False, comment="the last time it happened"),
    Column("recovered_ms", BigInteger, comment="when it was over by itself"),
    Column("accepted_ms", BigInteger),
    Column("accepted_by", String, nullable=False, comment="the operator; empty before"),
    Column("assignee", String, nullable=False, comment="the operator who has it"),
    Column("note", String, nullable=False),
    Column("solved_ms", BigInteger, comment="when it was closed"),
    Column("solved_by", String, nullable=False, comment="the operator; empty where it closed by itself"),
    Column("rings", Integer, nullable=False, comment="how often somebody was called"),
    Column("rung_ms", BigInteger, comment="the last time"),
    Index("ix_cases_key", "key", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index("ix_cases_site_solved_ms", "site", "solved_ms"),
)

shown_passes = Table(
    "shown_passes",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("shown_s", BigInteger, primary_key=True, comment="the moment that a telephone signed, UTC seconds"),
    Column("digest", LargeBinary(16), primary_key=True, comment="of the telephone's key, or of the pass it carries"),
    Column("point", String, primary_key=True, comment="where it was shown"),
    Column("first_ms", BigInteger, nullable=False, comment="when first, by the clock of the device"),
    Column("last_ms", BigInteger, nullable=False, comment="when for the last time"),
    sqlite_with_rowid=False,
)
