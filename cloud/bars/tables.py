"""The table of bars."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, String, Table

from cloud.store.schema import RowId, metadata

bars = Table(
    "bars",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("person_id", RowId, ForeignKey("people.id"), comment="one of person, telephone and plate"),
    Column("phone", LargeBinary(16), comment="its hash under the key of digests; the number is not kept"),
    Column("plate", String, nullable=False, comment="empty for none"),
    Column("ground", String, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False, comment="half-open, at most 90 days later"),
    Column("entered_by", String, nullable=False),
    Column("entered_ms", BigInteger, nullable=False),
    Column("confirmed_by", String, nullable=False, comment="by another operator; empty before"),
    Column("confirmed_ms", BigInteger),
    Column("appeal", String, nullable=False, comment="what they say against it; empty for nothing"),
    Column("appeal_ms", BigInteger),
    Column("lifted_by", String, nullable=False),
    Column("lifted_ms", BigInteger),
    Index("ix_bars_site_person_id", "site", "person_id"),
    Index("ix_bars_site_until_ms", "site", "until_ms"),
)
