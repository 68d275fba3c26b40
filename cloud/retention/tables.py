"""Tables of what stays when records are deleted, and of how long they are held here."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, String, Table

from cloud.store.schema import metadata

chain_anchors = Table(
    "chain_anchors",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("chain", String, primary_key=True, comment="audit, or the id of a journal"),
    Column("upto", BigInteger, nullable=False, comment="all rows up to this one were deleted"),
    Column("link", LargeBinary(32), comment="of that row; none where it is not known"),
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
    Column("what", String, primary_key=True, comment="events, weeks, quarantine, sessions or audit"),
    Column("days", Integer, nullable=False),
)
