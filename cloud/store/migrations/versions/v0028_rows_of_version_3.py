"""Pages of rows of version 3 have a form for software that reads version 2: its hash, and how many rows it has."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    of_the_same = "of the same page for software that reads rows of version 2 only"
    op.add_column("roster_pages", sa.Column("plain_hash", sa.LargeBinary(length=16), comment=of_the_same))
    op.add_column("roster_pages", sa.Column("plain_count", sa.Integer(), comment="rows of that page"))
    op.create_index("ix_roster_pages_plain_hash", "roster_pages", ["plain_hash"])
