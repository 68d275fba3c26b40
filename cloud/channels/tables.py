"""Tables of channels and of what waits for them."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, UniqueConstraint

from cloud.store.schema import RowId, metadata

call_channels = Table(
    "call_channels",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("name", String, nullable=False),
    Column("url", LargeBinary, nullable=False, comment="sealed: it may hold a token"),
    Column("secret", LargeBinary, nullable=False, comment="sealed; signs its messages"),
    Column("operator", String, nullable=False, comment="whose it is; empty: of everybody on duty"),
    Column("grade", String, nullable=False, comment="it is told of cases at least as bad"),
    Column("tries", Integer, nullable=False, comment="failures since it last took something"),
    Column("trouble", String, nullable=False, comment="the last failure"),
    Column("failing_ms", BigInteger, comment="since when"),
    Column("next_ms", BigInteger, nullable=False, comment="not tried before"),
    Column("told_ms", BigInteger, comment="when a message was last made for it"),
    Column("lost", Integer, nullable=False, comment="messages that it never took"),
    UniqueConstraint("site", "name"),
)

call_outbox = Table(
    "call_outbox",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("channel_id", RowId, ForeignKey("call_channels.id", ondelete="CASCADE"), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False, comment="as it is sent, and signed each time"),
    Index("ix_call_outbox_channel_id", "channel_id"),
)
