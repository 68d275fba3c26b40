"""The table of what devices signed."""

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, String, Table

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
