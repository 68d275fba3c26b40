"""The table of riders who asked to be let in."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, String, Table

from cloud.store.schema import RowId, metadata

_KEY = "public half of the telephone's key, 33 bytes; empty before there was one"
_HELD_KEY = "sealed private half, held for a telephone that keeps none"
_CARRIED = "pass that was signed for it; empty before, and where it leads to no door"

join_requests = Table(
    "join_requests",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("hub", String, nullable=False, comment="whose poster was scanned"),
    Column("name", String, nullable=False, comment="as they wrote it"),
    Column("phone", LargeBinary(16), nullable=False, comment="its hash under the key of digests"),
    Column("ending", String, nullable=False, comment="the last digits of the number, for the guard"),
    Column("secret_hash", LargeBinary(32), nullable=False, unique=True, comment="SHA-256 of what their page is called"),
    Column("asked_ms", BigInteger, nullable=False),
    Column("answer", String, nullable=False, server_default="", comment="let_in or refused; empty before"),
    Column("answered_by", String, nullable=False, server_default=""),
    Column("answered_ms", BigInteger),
    Column("key", LargeBinary, nullable=False, server_default="", comment=_KEY),
    Column("held_key", LargeBinary, nullable=False, server_default="", comment=_HELD_KEY),
    Column("carried", LargeBinary, nullable=False, server_default="", comment=_CARRIED),
    Column("permit_id", RowId, ForeignKey("permits.id", ondelete="SET NULL"), comment="what they were let in with"),
    Index("ix_join_requests_site_asked_ms", "site", "asked_ms"),
    Index("ix_join_requests_phone", "phone"),
    Index("ix_join_requests_key", "key"),
)
