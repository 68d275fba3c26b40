"""Tables of what is ordered from afar: commands, and how each device is to be."""

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, Table

from cloud.store.schema import metadata

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
