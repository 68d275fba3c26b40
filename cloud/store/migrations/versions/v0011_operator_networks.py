"""From where each operator usually logs in: strangers who guess at a name lock it nowhere but at their own address."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "operator_networks",
        sa.Column(
            "operator_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.ForeignKey("operators.id"),
            primary_key=True,
        ),
        sa.Column(
            "network",
            sa.String(),
            primary_key=True,
            comment="an IPv4 address or the first half of an IPv6 address",
        ),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
    )
