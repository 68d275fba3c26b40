"""Tables of what people may: their plans, in which hours, and their cards."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, text

from cloud.people.plans import Plan
from cloud.store.schema import Document, RowId, labels, metadata

plans = Table(
    "plans",
    metadata,
    Column("name", String, primary_key=True),
    Column("document", Document(Plan), nullable=False, server_default="{}", comment="the whole plan"),
    Column("profile", Integer, nullable=False, server_default="0", comment="its place in the site page, for good"),
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
    *labels(),
)

compiled_rows = Table(
    "compiled_rows",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("person_id", RowId, primary_key=True, autoincrement=False),
    Column("rows", LargeBinary, nullable=False, comment="of the newest roster, 36 bytes each, as pages hold them"),
    Column("edge_ms", BigInteger, comment="when time alone changes them next"),
    Column("left_out", Integer, nullable=False, comment="windows that are too many for them"),
    Index("ix_compiled_rows_site_edge_ms", "site", "edge_ms"),
    Index("ix_compiled_rows_site_left_out", "site", "left_out", sqlite_where=text("left_out > 0")),
    sqlite_with_rowid=False,
)
