"""What flats answered the guard, mechanical keys that are out, and emergency vehicles that were let in."""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"

_OUT = sa.text("returned_ms IS NULL")
_UNSAID = sa.text("cause = ''")
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "flat_rings",
        sa.Column("site", sa.String(), sa.ForeignKey("sites.name"), primary_key=True),
        sa.Column("flat", sa.String(), primary_key=True),
        sa.Column("answer", sa.String(), nullable=False, comment="yes, no or nobody"),
        sa.Column("at_ms", sa.BigInteger(), nullable=False, comment="the last time that it was rung"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "key_loans",
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("site", sa.String(), sa.ForeignKey("sites.name"), nullable=False),
        sa.Column("key", sa.String(), nullable=False, comment="what stands on the tag of the mechanical key"),
        sa.Column("taken_by", sa.String(), nullable=False, comment="as the guard wrote it"),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("given_by", sa.String(), nullable=False, comment="the operator"),
        sa.Column("given_ms", sa.BigInteger(), nullable=False),
        sa.Column("returned_ms", sa.BigInteger(), nullable=True, comment="empty while it is out"),
        sa.Column("returned_to", sa.String(), nullable=False, server_default="", comment="the operator"),
    )
    op.create_index(
        "ix_key_loans_out", "key_loans", ["site", "key"], unique=True, sqlite_where=_OUT, postgresql_where=_OUT
    )
    op.create_table(
        "emergency_entries",
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("site", sa.String(), sa.ForeignKey("sites.name"), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(), nullable=False, comment="the operator"),
        sa.Column("order", sa.String(), nullable=False, comment="that held the gates open"),
        sa.Column("points", sa.String(), nullable=False, comment="the gates, with commas"),
        sa.Column(
            "cause", sa.String(), nullable=False, server_default="", comment="what it came for; empty until it is said"
        ),
        sa.Column("said_by", sa.String(), nullable=False, server_default="", comment="the operator who said it"),
    )
    op.create_index(
        "ix_emergency_entries_unsaid", "emergency_entries", ["site"], sqlite_where=_UNSAID, postgresql_where=_UNSAID
    )
