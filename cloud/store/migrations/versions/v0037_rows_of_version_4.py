"""Pages of rows of version 4 have a form for software that reads version 3: its hash, and how many rows it has."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    of_the_same = "of the same page for software that reads rows of version 3 only"
    op.add_column("roster_pages", sa.Column("marked_hash", sa.LargeBinary(length=16), comment=of_the_same))
    op.add_column("roster_pages", sa.Column("marked_count", sa.Integer(), comment="rows of that page"))
    op.create_index("ix_roster_pages_marked_hash", "roster_pages", ["marked_hash"])
