"""Tables of telephones, of the links that register them, and of what residents ask of the office."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, LargeBinary, String, Table

from cloud.store.schema import RowId, metadata

phone_links = Table(
    "phone_links",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("secret_hash", LargeBinary(32), nullable=False, unique=True, comment="SHA-256 of what stands in the link"),
    Column("person_id", RowId, ForeignKey("people.id"), nullable=False),
    Column("replaces", Boolean, nullable=False, comment="the phones of before end with it"),
    Column("guardian_id", RowId, ForeignKey("people.id"), comment="who consented for a child under 14"),
    Column("made_by", String, nullable=False, comment="the operator, or the person of the household"),
    Column("made_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger),
    Column("ended_ms", BigInteger, comment="a newer link took its place"),
    Index("ix_phone_links_site_person_id", "site", "person_id"),
)

resident_phones = Table(
    "resident_phones",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("person_id", RowId, ForeignKey("people.id"), nullable=False),
    Column("login_hash", LargeBinary(32), nullable=False, unique=True, comment="SHA-256 of the secret in its cookie"),
    Column("previous_hash", LargeBinary(32), unique=True, comment="of the login before, until this one is used"),
    Column("token", String, nullable=False, comment="in the forms of its pages"),
    Column("credential_id", RowId, ForeignKey("credentials.id"), nullable=False, comment="its key"),
    Column("held_key", LargeBinary, nullable=False, comment="sealed private half where the phone can keep none; empty"),
    Column("registered_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False, comment="to the day"),
    Column("ended_ms", BigInteger),
    Column("ended_by", String, nullable=False, server_default=""),
    Index("ix_resident_phones_site_person_id", "site", "person_id"),
)

erasure_requests = Table(
    "erasure_requests",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("person_id", RowId, ForeignKey("people.id"), nullable=False),
    Column("said", String, nullable=False, comment="what they wish, in their words; empty for everything"),
    Column("asked_ms", BigInteger, nullable=False),
    Column("answer", String, nullable=False, server_default="", comment="what the office did, and what stays"),
    Column("answered_by", String, nullable=False, server_default=""),
    Column("answered_ms", BigInteger),
    Index("ix_erasure_requests_site_answered_ms", "site", "answered_ms"),
)
