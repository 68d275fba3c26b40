"""Tables of what stays when records are deleted, and of how long they are held here."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, String, Table

from cloud.store.schema import RowId, metadata

chain_anchors = Table(
    "chain_anchors",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("chain", String, primary_key=True, comment="audit, or the id of a journal"),
    Column("upto", BigInteger, nullable=False, comment="all rows up to this one were deleted"),
    Column("link", LargeBinary(32), comment="of that row; none where it is not known"),
)

visit_anchors = Table(
    "visit_anchors",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("journal_id", RowId, primary_key=True, autoincrement=False),
    Column("upto", BigInteger, nullable=False, comment="up to this row visits were erased where they are due"),
    Column("link", LargeBinary(32), comment="of that row; none where it is not known"),
)

retention_progress = Table(
    "retention_progress",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("believed_ms", BigInteger, nullable=False, comment="the time by which records are old"),
    Column("erased_upto", BigInteger, nullable=False, comment="arrival up to which visits were erased"),
)

event_weeks = Table(
    "event_weeks",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("week_ms", BigInteger, primary_key=True, autoincrement=False, comment="its beginning"),
    Column("point", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("reason", String, primary_key=True),
    Column("count", BigInteger, nullable=False, comment="deleted events that were received in that week"),
)

retention_terms = Table(
    "retention_terms",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("what", String, primary_key=True, comment="a kind of record"),
    Column("days", Integer, nullable=False),
)
