"""Tables of operators: their logins, and what each of them did."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, LargeBinary, String, Table

from cloud.store.schema import RowId, metadata

operators = Table(
    "operators",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("password_hash", String, nullable=False, comment="argon2id"),
    Column("role", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("disabled", Boolean, nullable=False, default=False),
    Column("of", String, nullable=False, server_default="", comment="the zone, cell or party that the role is for"),
    Column("last_login_ms", BigInteger),
)

logins = Table(
    "logins",
    metadata,
    Column("id_hash", LargeBinary(32), primary_key=True, comment="SHA-256 of what the cookie holds"),
    Column("operator_id", RowId, ForeignKey("operators.id"), nullable=False),
    Column("csrf", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False, server_default="0", comment="last request, to some minutes"),
    Column("address", String, nullable=False, server_default="", comment="of the browser when it logged in"),
    Column("browser", String, nullable=False, server_default="", comment="such as Firefox, Windows"),
    Index("ix_logins_operator_id", "operator_id"),
)

second_factors = Table(
    "second_factors",
    metadata,
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("operator_id", RowId, ForeignKey("operators.id"), primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False, comment="the secret that the app has too"),
    Column("confirmed_ms", BigInteger, comment="when it was first used; before, no code is asked"),
    Column("last_step", BigInteger, nullable=False, comment="of the last code: none counts twice"),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("operator_id", RowId, ForeignKey("operators.id"), primary_key=True, autoincrement=False),
    Column("code_hash", LargeBinary(32), primary_key=True, comment="SHA-256"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("id", RowId, primary_key=True),
    Column("operator_id", RowId, ForeignKey("operators.id"), nullable=False),
    Column("name", String, nullable=False, comment="what its owner calls it"),
    Column("token_hash", LargeBinary(32), nullable=False, unique=True, comment="SHA-256"),
    Column("scopes", String, nullable=False, comment="rights, with commas"),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger, comment="last request, to some minutes; empty before the first"),
    Index("ix_api_tokens_operator_id", "operator_id"),
)

operator_networks = Table(
    "operator_networks",
    metadata,
    Column("operator_id", RowId, ForeignKey("operators.id"), primary_key=True),
    Column("network", String, primary_key=True, comment="an IPv4 address or the first half of an IPv6 address"),
    Column("seen_ms", BigInteger, nullable=False),
)

looks = Table(
    "looks",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("operator", String, nullable=False),
    Column("login", LargeBinary(32), nullable=False, comment="id_hash of logins, which may have ended"),
    Column("person_id", RowId, nullable=False, comment="of people; stays when the person is removed"),
    Column("purpose", String, nullable=False, comment="a word of the list, or the number of a case"),
    Index("ix_looks_site_person_id", "site", "person_id"),
    Index("ix_looks_login", "login"),
)
"""Every look at a person's movements."""

audit = Table(
    "audit",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("operator", String, nullable=False),
    Column("action", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("link", LargeBinary(32), nullable=False, comment="SHA-256 over the link before and this row"),
)
