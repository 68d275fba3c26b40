"""The table of links that inviters send."""

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, String, Table

from cloud.store.schema import RowId, metadata

_HELD_KEY = "sealed private half, held for a telephone that keeps none"

guest_links = Table(
    "guest_links",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("permit_id", RowId, ForeignKey("permits.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("secret_hash", LargeBinary(32), nullable=False, unique=True, comment="SHA-256 of what stands in the link"),
    Column("made_ms", BigInteger, nullable=False),
    Column("opened_ms", BigInteger, comment="by a telephone, once"),
    Column("page_hash", LargeBinary, nullable=False, server_default="", comment="SHA-256 of what its cookie holds"),
    Column("key", LargeBinary, nullable=False, server_default="", comment="public half of its key, 33 bytes"),
    Column("held_key", LargeBinary, nullable=False, server_default="", comment=_HELD_KEY),
    Column("carried", LargeBinary, nullable=False, server_default="", comment="pass that was signed last"),
    Column("carried_until_ms", BigInteger, nullable=False, server_default="0", comment="doors believe it until then"),
)
