"""Rosters are held as long as an event that names one."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.drop_index("ix_roster_pages_gone", "roster_pages")
    op.add_column(
        "roster_pages",
        sa.Column(
            "came", sa.BigInteger(), nullable=False, server_default="0", comment="no roster before this one has it"
        ),
    )
    op.create_index("ix_roster_pages_came", "roster_pages", ["came", "gone"])
    op.add_column(
        "rosters",
        sa.Column(
            "needed_ms",
            sa.BigInteger(),
            nullable=False,
            server_default="0",
            comment="when the next one took its place, or an event that names it arrived later",
        ),
    )
    op.execute("UPDATE rosters SET needed_ms = issued_ms")
