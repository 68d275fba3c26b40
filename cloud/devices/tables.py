"""The tables of what devices signed, of their certificates, and of what was refused: at doors, and by ingest."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from cloud.store.schema import RowId, metadata

journal_seals = Table(
    "journal_seals",
    metadata,
    Column("journal_id", RowId, primary_key=True, autoincrement=False, comment="of journals"),
    Column("last", BigInteger, primary_key=True, autoincrement=False, comment="row that the seal is over"),
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("first", BigInteger, nullable=False, comment="of the batch that was sealed"),
    Column("tip", LargeBinary(32), nullable=False, comment="link of the last row"),
    Column("seal", LargeBinary(64), nullable=False, comment="ES256 of the device over its tip"),
    Column("gaps", LargeBinary, nullable=False, comment="its gaps as MessagePack, empty for none"),
    sqlite_with_rowid=False,
)
"""What devices signed of every batch, as long as its events are held: it proves them to a stranger."""

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

refusal_days = Table(
    "refusal_days",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("day", String, primary_key=True, comment="of the site's zone, as 2026-11-30"),
    Column("reason", String, primary_key=True),
    Column("count", BigInteger, nullable=False),
)

undated_refusals = Table(
    "undated_refusals",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("device_id", RowId, ForeignKey("devices.id"), nullable=False),
    Column("boot", String, nullable=False),
    Column("mono_ms", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("reason", String, nullable=False),
    Column("day", String, nullable=False, comment="for which it is counted now"),
    Index("ix_undated_refusals_device_id_boot", "device_id", "boot"),
)
"""Refusals of devices that did not know the time."""

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
