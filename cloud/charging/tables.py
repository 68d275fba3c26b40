"""The table of charging sessions."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, LargeBinary, String, Table

from cloud.store.schema import RowId, metadata

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
