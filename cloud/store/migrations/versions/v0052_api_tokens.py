"""Tokens of programs: each with a name, what it may, and an end."""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_USED = "last request, to some minutes; empty before the first"


def upgrade() -> None:
    op.create_table(
        "api_tokens",
        sa.Column("site", sa.String(), sa.ForeignKey("sites.name"), nullable=False),
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("operator_id", ROW_ID, sa.ForeignKey("operators.id"), nullable=False),
        sa.Column("name", sa.String(), nullable=False, comment="what its owner calls it"),
        sa.Column("token_hash", sa.LargeBinary(32), nullable=False, comment="SHA-256"),
        sa.Column("scopes", sa.String(), nullable=False, comment="rights, with commas"),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=True, comment=_USED),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_tokens_token_hash")),
    )
    op.create_index("ix_api_tokens_operator_id", "api_tokens", ["operator_id"])
