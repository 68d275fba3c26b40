"""Bars; when an operator ended a membership, and with whose it was suspended."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column(
        "memberships",
        sa.Column("ended_ms", sa.BigInteger(), nullable=True, comment="an operator ended it then, whatever was agreed"),
    )
    op.add_column(
        "memberships",
        sa.Column(
            "suspended_with",
            ROW_ID,
            nullable=True,
            comment="the payer's membership that it was suspended with, and comes back with",
        ),
    )
    op.create_table(
        "bars",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("person_id", ROW_ID, nullable=True, comment="one of person, telephone and plate"),
        sa.Column(
            "phone",
            sa.LargeBinary(length=16),
            nullable=True,
            comment="its hash under the key of digests; the number is not kept",
        ),
        sa.Column("plate", sa.String(), nullable=False, comment="empty for none"),
        sa.Column("ground", sa.String(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False, comment="half-open, at most 90 days later"),
        sa.Column("entered_by", sa.String(), nullable=False),
        sa.Column("entered_ms", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_by", sa.String(), nullable=False, comment="by another operator; empty before"),
        sa.Column("confirmed_ms", sa.BigInteger(), nullable=True),
        sa.Column("appeal", sa.String(), nullable=False, comment="what they say against it; empty for nothing"),
        sa.Column("appeal_ms", sa.BigInteger(), nullable=True),
        sa.Column("lifted_by", sa.String(), nullable=False),
        sa.Column("lifted_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_bars_site")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_bars_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bars")),
    )
    op.create_index("ix_bars_site_person_id", "bars", ["site", "person_id"])
    op.create_index("ix_bars_site_until_ms", "bars", ["site", "until_ms"])
