"""Tables of what people may: their plans, in which hours, and their cards."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, LargeBinary, String, Table

from cloud.people.plans import Plan
from cloud.store.schema import Document, RowId, labels, metadata

plans = Table(
    "plans",
    metadata,
    Column("name", String, primary_key=True),
    Column("document", Document(Plan), nullable=False, server_default="{}", comment="the whole plan"),
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
