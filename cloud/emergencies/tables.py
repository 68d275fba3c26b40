"""Tables of emergencies: one row each, and who has been seen outside."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, String, Table

from cloud.store.schema import RowId, metadata

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
