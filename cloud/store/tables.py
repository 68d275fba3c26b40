"""Tables of permits, which flats, rosters and the domain of permits read: each one timed right, how often it was used
at each gate, and what was noted of those who stayed too long."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    false,
)

from cloud.store.schema import RowId, metadata

permits = Table(
    "permits",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("holder", LargeBinary(8), nullable=False, unique=True, comment="all that devices know of it"),
    Column("kind", String, nullable=False, comment="a row of the table of kinds"),
    Column("plan", String, nullable=False, comment="whose zones it opens; empty: none"),
    Column("name", String, nullable=False, comment="who or what comes, as the inviter wrote it"),
    Column("flat", String, nullable=False, comment="it leads to; empty for none"),
    Column("inviter_id", RowId, ForeignKey("people.id"), comment="who answers for it; none: the operator who drew it"),
    Column("drawn_by", String, nullable=False, comment="the operator, or person and number"),
    Column("drawn_ms", BigInteger, nullable=False),
    Column("from_ms", BigInteger, nullable=False, comment="as agreed, without margins"),
    Column("until_ms", BigInteger, nullable=False, comment="half-open"),
    Column("early_ms", BigInteger, nullable=False, comment="margin before"),
    Column("late_ms", BigInteger, nullable=False, comment="margin after"),
    Column("uses", Integer, nullable=False, comment="at each gate; 0 for no bound"),
    Column("clock_ms", BigInteger, nullable=False, comment="it lasts so long from its first use; 0: to its end"),
    Column("headcount", Integer, nullable=False),
    Column("plate", String, nullable=False, comment="in its one form; empty for none"),
    Column("made", String, nullable=False, comment="kinds of the credentials that it was drawn up with"),
    Column("goods", String, nullable=False, comment="of a goods slip: what leaves"),
    Column("agreed_by", String, nullable=False, comment="the guard who rang the flat; empty where nobody had to"),
    Column("agreed_ms", BigInteger, comment="when the flat said yes"),
    Column("used_ms", BigInteger, comment="first passage through a gate"),
    Column("gates_until_ms", BigInteger, comment="when the first gate shuts at which its uses are used up"),
    Column("in_ms", BigInteger, comment="last passage in"),
    Column("out_ms", BigInteger, comment="last passage out"),
    Column("extended_ms", BigInteger, comment="it was extended then: once"),
    Column("ended_ms", BigInteger),
    Column("ended_by", String, nullable=False, comment="empty before"),
    Column("overstayed_ms", BigInteger, comment="that its holder is still inside was noted then"),
    Column("left_assumed", Boolean, nullable=False, server_default=false(), comment="nobody saw them leave"),
    Column("revision", BigInteger, nullable=False, default=0, comment="of the site, when its rows changed last"),
    Index("ix_permits_site_until_ms", "site", "until_ms"),
    Index("ix_permits_inviter_id", "inviter_id"),
    Index("ix_permits_flat", "flat"),
    Index("ix_permits_revision", "revision"),
)

permit_uses = Table(
    "permit_uses",
    metadata,
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("permit_id", RowId, ForeignKey("permits.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("point", String, primary_key=True, comment="a gate of the estate"),
    Column("uses", Integer, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

compiled_permits = Table(
    "compiled_permits",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("permit_id", RowId, primary_key=True, autoincrement=False),
    Column("rows", LargeBinary, nullable=False, comment="of the newest roster, as pages hold them"),
    Column("edge_ms", BigInteger, comment="when time alone changes them next"),
    Column("left_out", Integer, nullable=False),
    Index("ix_compiled_permits_site_edge_ms", "site", "edge_ms"),
    sqlite_with_rowid=False,
)
